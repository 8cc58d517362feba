/* guard.c - several guards as one. */
#include "values.h"

DEFINE_OPENER(guard, tidegate_guard, tidegate_guard_open)

/* guardAcquire(): handle, key or none, count = cost, numbers[1] attempt; both permits, numbers[0]
 * when they were given; if denied: outcome = who refused, numbers[2] seconds to wait */
static napi_value guard_acquire(napi_env env, napi_callback_info info) {
  HOT(KIND_GUARD);
  tidegate_guard guard = {entry->id};
  tidegate_guard_permit permit = {0, 0};
  tidegate_guard_answer answer = {0};
  arena->status =
      tidegate_guard_acquire(engine, guard, arena_key(arena), arena_key_length(arena),
                             arena->count, (uint32_t)arena->numbers[1], &permit, &answer);
  permit_to(arena, permit.bulkhead);
  arena->second_low = (uint32_t)permit.breaker;
  arena->second_high = (uint32_t)(permit.breaker >> 32);
  arena->outcome = (int32_t)answer.refused_by;
  arena->numbers[2] = (double)answer.retry_after_ns / 1e9;
  if (arena->status == TIDEGATE_OK) arena->numbers[0] = now_ns();
  return NULL;
}

/* guardReport(): handle, both permits, outcome, numbers[0] when they were given, or negative and
 * numbers[1] seconds */
static napi_value guard_report(napi_env env, napi_callback_info info) {
  HOT(KIND_GUARD);
  tidegate_guard guard = {entry->id};
  tidegate_guard_permit permit = {permit_of(arena),
                                  (uint64_t)arena->second_high << 32 | arena->second_low};
  double seconds = arena->numbers[0] >= 0 ? (now_ns() - arena->numbers[0]) / 1e9 : arena->numbers[1];
  arena->status = tidegate_guard_report(engine, guard, permit, arena->outcome, seconds);
  return NULL;
}

const struct function guard_functions[] = {
    {"guardAcquire", guard_acquire},
    {"guardReport", guard_report},
    {NULL, NULL},
};
