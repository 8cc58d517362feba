/* limiter.c - rate limits. Keys come in the arena's text. */
#include <stdlib.h>

#include "values.h"

DEFINE_OPENER(limiter, tidegate_limiter, tidegate_limiter_open)

static void decided(struct arena *arena, const tidegate_decision *decision) {
  arena->words[0] = decision->limit;
  arena->words[1] = decision->remaining;
  arena->words[2] = decision->retry_after_ns;
  arena->words[3] = decision->reset_after_ns;
  for (int i = 0; i < 4; i++) arena->numbers[i] = (double)arena->words[i];
}

/* limiterCheck(): handle, key, count = cost; numbers[0..3] and words[0..3]:
 * limit, remaining, retry and reset after */
static napi_value limiter_check(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  tidegate_decision decision;
  arena->status = tidegate_limiter_check(engine, limiter, arena_key(arena),
                                         arena_key_length(arena), arena->count, &decision);
  if (arena->status >= 0) decided(arena, &decision);
  return NULL;
}

/* allowRequest(name): engine's handle, key */
static napi_value allow_request(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool ok = false;
  if (!arguments(env, info, 1, values)) return NULL;
  HOT(KIND_ENGINE);
  char *name = text_from(env, values[0], &ok);
  if (ok)
    arena->status =
        tidegate_allow_request(engine, name, arena_key(arena), arena_key_length(arena));
  free(name);
  return NULL;
}

const struct function limiter_functions[] = {
    {"limiterCheck", limiter_check},
    {"allowRequest", allow_request},
    {NULL, NULL},
};
