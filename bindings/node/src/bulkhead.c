/* bulkhead.c - how many calls may be in flight; how long to wait before the next try. */
#include "values.h"

DEFINE_OPENER(bulkhead, tidegate_bulkhead, tidegate_bulkhead_open)
DEFINE_OPENER(retry, tidegate_retry, tidegate_retry_open)

/* bulkheadEnter(): handle, key or none; the permit, numbers[0] when it was given */
static napi_value bulkhead_enter(napi_env env, napi_callback_info info) {
  HOT(KIND_BULKHEAD);
  tidegate_bulkhead bulkhead = {entry->id};
  uint64_t permit = 0;
  arena->status = arena->length == ABSENT
                      ? tidegate_bulkhead_enter(engine, bulkhead, &permit)
                      : tidegate_bulkhead_enter_key(engine, bulkhead, arena_key(arena),
                                                    arena_key_length(arena), &permit);
  if (arena->status == TIDEGATE_OK) {
    permit_to(arena, permit);
    arena->numbers[0] = now_ns();
  }
  return NULL;
}

/* bulkheadLeave(): handle, the permit, outcome, numbers[0] when it was given, or negative and
 * numbers[1] seconds */
static napi_value bulkhead_leave(napi_env env, napi_callback_info info) {
  HOT(KIND_BULKHEAD);
  tidegate_bulkhead bulkhead = {entry->id};
  double seconds = arena->numbers[0] >= 0 ? (now_ns() - arena->numbers[0]) / 1e9 : arena->numbers[1];
  arena->status =
      tidegate_bulkhead_leave_with(engine, bulkhead, permit_of(arena), arena->outcome, seconds);
  return NULL;
}

/* bulkheadRead(): handle; numbers[0..2]: limit, in use, returned from the dead */
static napi_value bulkhead_read(napi_env env, napi_callback_info info) {
  HOT(KIND_BULKHEAD);
  tidegate_bulkhead bulkhead = {entry->id};
  tidegate_bulkhead_reading reading;
  arena->status = tidegate_bulkhead_read(engine, bulkhead, &reading);
  if (arena->status != TIDEGATE_OK) return NULL;
  arena->numbers[0] = (double)reading.limit;
  arena->numbers[1] = (double)reading.in_use;
  arena->numbers[2] = (double)reading.returned_from_dead;
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
    {"bulkheadRead", bulkhead_read},
    {"retryNext", retry_next},
    {"retryNextAfter", retry_next_after},
    {NULL, NULL},
};
