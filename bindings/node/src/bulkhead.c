/* bulkhead.c - how many calls may be in flight; how long to wait before the next try. */
#include "values.h"

DEFINE_OPENER(bulkhead, tidegate_bulkhead, tidegate_bulkhead_open)
DEFINE_OPENER(retry, tidegate_retry, tidegate_retry_open)

/* bulkheadEnter(): handle; the permit, numbers[0] when it was given */
static napi_value bulkhead_enter(napi_env env, napi_callback_info info) {
  HOT(KIND_BULKHEAD);
  tidegate_bulkhead bulkhead = {entry->id};
  uint64_t permit = 0;
  arena->status = tidegate_bulkhead_enter(engine, bulkhead, &permit);
  if (arena->status == TIDEGATE_OK) {
    permit_to(arena, permit);
    arena->numbers[0] = now_ns();
  }
  return NULL;
}

/* bulkheadLeave(): handle, the permit */
static napi_value bulkhead_leave(napi_env env, napi_callback_info info) {
  HOT(KIND_BULKHEAD);
  tidegate_bulkhead bulkhead = {entry->id};
  arena->status = tidegate_bulkhead_leave(engine, bulkhead, permit_of(arena));
  return NULL;
}

/* retryNext(): handle, count = attempt; words[0] delay */
static napi_value retry_next(napi_env env, napi_callback_info info) {
  HOT(KIND_RETRY);
  tidegate_retry retry = {entry->id};
  uint64_t delay = 0;
  arena->status = tidegate_retry_next(engine, retry, arena->count, &delay);
  arena->words[0] = delay;
  return NULL;
}

/* retryNextAfter(): handle, count = attempt, words[1] elapsed, words[2] what the server asked for;
 * words[0] delay */
static napi_value retry_next_after(napi_env env, napi_callback_info info) {
  HOT(KIND_RETRY);
  tidegate_retry retry = {entry->id};
  uint64_t delay = 0;
  arena->status = tidegate_retry_next_after(engine, retry, arena->count, arena->words[1],
                                            arena->words[2], &delay);
  arena->words[0] = delay;
  return NULL;
}

const struct function bulkhead_functions[] = {
    {"bulkheadEnter", bulkhead_enter},
    {"bulkheadLeave", bulkhead_leave},
    {"retryNext", retry_next},
    {"retryNextAfter", retry_next_after},
    {NULL, NULL},
};
