/* health.c - probes, reports of the application, heartbeats. */
#include <stdlib.h>

#include "values.h"

/* health(): engine's handle, count = probe; numbers[0] health, numbers[1] HTTP status */
static napi_value health(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  tidegate_health_status found = TIDEGATE_HEALTH_UNKNOWN;
  int32_t http = 0;
  arena->status = tidegate_health(engine, (tidegate_probe)arena->count, &found, &http);
  arena->numbers[0] = found;
  arena->numbers[1] = http;
  return NULL;
}

/* healthReport(check, message): engine's handle, outcome = health, numbers[0] observed,
 * words[1] time to live */
static napi_value health_report(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool ok = false;
  if (!arguments(env, info, 2, values)) return NULL;
  HOT(KIND_ENGINE);
  char *check = text_from(env, values[0], &ok);
  if (!ok) return NULL;
  char *message = text_from(env, values[1], &ok);
  if (ok)
    arena->status = tidegate_health_report(engine, check, arena->outcome, arena->numbers[0],
                                           message, arena->words[1]);
  free(message);
  free(check);
  return NULL;
}

/* heartbeat(), startupDone(): engine's handle */
static napi_value heartbeat(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  arena->status = tidegate_heartbeat(engine);
  return NULL;
}

static napi_value startup_done(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  arena->status = tidegate_startup_done(engine);
  return NULL;
}

const struct function health_functions[] = {
    {"health", health},
    {"healthReport", health_report},
    {"heartbeat", heartbeat},
    {"startupDone", startup_done},
    {NULL, NULL},
};
