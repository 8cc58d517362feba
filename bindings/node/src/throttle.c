/* throttle.c - client-side adaptive throttling. */
#include "values.h"

DEFINE_OPENER(throttle, tidegate_throttle, tidegate_throttle_open)

/* throttleAcquire(): handle; throttleReport(): handle, outcome */
static napi_value throttle_acquire(napi_env env, napi_callback_info info) {
  HOT(KIND_THROTTLE);
  tidegate_throttle throttle = {entry->id};
  arena->status = tidegate_throttle_acquire(engine, throttle);
  return NULL;
}

static napi_value throttle_report(napi_env env, napi_callback_info info) {
  HOT(KIND_THROTTLE);
  tidegate_throttle throttle = {entry->id};
  arena->status = tidegate_throttle_report(engine, throttle, arena->outcome);
  return NULL;
}

const struct function throttle_functions[] = {
    {"throttleAcquire", throttle_acquire},
    {"throttleReport", throttle_report},
    {NULL, NULL},
};
