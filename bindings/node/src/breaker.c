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
    {"breakerSetMode", breaker_set_mode},
    {"breakerState", breaker_state},
    {"breakerRead", breaker_read},
    {NULL, NULL},
};
