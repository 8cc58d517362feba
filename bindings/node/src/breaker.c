/* breaker.c - circuit breakers. */
#include "values.h"

DEFINE_OPENER(breaker, tidegate_breaker, tidegate_breaker_open)

/* breakerAcquire(): handle, count = whether calls are timed; the permit, numbers[0] when it was
 * given, or -1 */
static napi_value breaker_acquire(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_breaker breaker = {entry->id};
  uint64_t permit = 0;
  arena->status = tidegate_breaker_acquire(engine, breaker, &permit);
  if (arena->status == TIDEGATE_OK) {
    permit_to(arena, permit);
    arena->numbers[0] = arena->count != 0 ? now_ns() : -1;
    arena->numbers[1] = 0;
  }
  return NULL;
}

/* breakerReport(): handle, the permit, outcome, numbers[0] when it was given; or, where that is
 * negative, numbers[1] seconds */
static napi_value breaker_report(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_breaker breaker = {entry->id};
  double seconds = arena->numbers[0] >= 0 ? (now_ns() - arena->numbers[0]) / 1e9 : arena->numbers[1];
  arena->status =
      tidegate_breaker_report(engine, breaker, permit_of(arena), arena->outcome, seconds);
  return NULL;
}

/* breakerReportPassed(): handle, permit halves = the state in which it passed, outcome, numbers[1] */
static napi_value breaker_report_passed(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_breaker breaker = {entry->id};
  arena->status = tidegate_breaker_report_passed(engine, breaker, permit_of(arena), arena->outcome,
                                                 arena->numbers[1]);
  return NULL;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 1
#endif

/* breakerView(): handle; [words with state and failing, pass, the successes of this thread], or
 * undefined; numbers[0..2]: which halves are the low ones of state, failing, pass; numbers[3..4]:
 * slow_ns, slot_ns */
static napi_value breaker_view(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_shard shard;
  tidegate_breaker_view view;
  tidegate_breaker breaker = {entry->id};
  arena->status = shard_of(entry->held, &shard);
  if (arena->status == TIDEGATE_OK)
    arena->status = tidegate_shard_breaker(engine, shard, breaker, &view);
  if (arena->status != TIDEGATE_OK) return NULL;
  /* One array for two, which is one check less a call. */
  uintptr_t state_at = (uintptr_t)view.state;
  uintptr_t failing_at = (uintptr_t)view.failing;
  uintptr_t first = state_at < failing_at ? state_at : failing_at;
  uintptr_t last = state_at < failing_at ? failing_at : state_at;
  if (last - first > 4096) return NULL;
  arena->numbers[0] = (double)((state_at - first) / sizeof(uint32_t) + LOW_HALF);
  arena->numbers[1] = (double)((failing_at - first) / sizeof(uint32_t) + LOW_HALF);
  arena->numbers[2] = LOW_HALF;
  arena->numbers[3] = (double)view.slow_ns;
  arena->numbers[4] = (double)view.slot_ns;
  napi_value parts[3] = {
      cells(env, (uint64_t *)first, (last - first) / sizeof(uint64_t) + 1),
      cells(env, (uint64_t *)(uintptr_t)view.pass, 1),
      cells(env, view.successes, TIDEGATE_BREAKER_VIEW_WORDS),
  };
  return array_of(env, parts, 3);
}

/* breakerSetMode(): handle, outcome = mode */
static napi_value breaker_set_mode(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_breaker breaker = {entry->id};
  arena->status = tidegate_breaker_set_mode(engine, breaker, arena->outcome);
  return NULL;
}

/* breakerState(): handle; outcome = phase */
static napi_value breaker_state(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_breaker breaker = {entry->id};
  tidegate_breaker_phase phase = 0;
  arena->status = tidegate_breaker_state(engine, breaker, &phase);
  arena->outcome = phase;
  return NULL;
}

/* breakerRead(): handle; numbers[0..14], named in lib/breaker.js */
static napi_value breaker_read(napi_env env, napi_callback_info info) {
  HOT(KIND_BREAKER);
  tidegate_breaker breaker = {entry->id};
  tidegate_breaker_reading reading;
  arena->status = tidegate_breaker_read(engine, breaker, &reading);
  if (arena->status != TIDEGATE_OK) return NULL;
  const double numbers[] = {
      reading.phase,
      reading.reason,
      (double)reading.generation,
      (double)reading.calls,
      (double)reading.failures,
      (double)reading.slow_calls,
      reading.failure_rate,
      reading.slow_call_rate,
      (double)reading.retry_after_ns / 1e9,
      (double)reading.opened_count,
      (double)reading.permits_out,
      (double)reading.tripped_calls,
      (double)reading.tripped_failures,
      (double)reading.tripped_slow_calls,
      (double)reading.tripped_age_ns / 1e9,
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) arena->numbers[i] = numbers[i];
  return NULL;
}

const struct function breaker_functions[] = {
    {"breakerAcquire", breaker_acquire},
    {"breakerReport", breaker_report},
    {"breakerReportPassed", breaker_report_passed},
    {"breakerView", breaker_view},
    {"breakerSetMode", breaker_set_mode},
    {"breakerState", breaker_state},
    {"breakerRead", breaker_read},
    {NULL, NULL},
};
