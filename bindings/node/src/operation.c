/* operation.c - operations: latency, outcome and error code together. */
#include "values.h"

DEFINE_OPENER(operation, tidegate_operation, tidegate_operation_open)

/* operationRecord(): handle, outcome, numbers[0] seconds, text = error code or none */
static napi_value operation_record(napi_env env, napi_callback_info info) {
  HOT(KIND_OPERATION);
  tidegate_operation operation = {entry->id};
  arena->status = tidegate_operation_record(engine, operation, arena->numbers[0], arena->outcome,
                                            arena_text(arena));
  return NULL;
}

/* operationBegin(): handle; the permit = when it began */
static napi_value operation_begin(napi_env env, napi_callback_info info) {
  HOT(KIND_OPERATION);
  tidegate_operation operation = {entry->id};
  uint64_t started = 0;
  arena->status = tidegate_operation_begin(engine, operation, &started);
  permit_to(arena, started);
  return NULL;
}

/* operationEnd(): handle, the permit = when it began, outcome, text = error code or none */
static napi_value operation_end(napi_env env, napi_callback_info info) {
  HOT(KIND_OPERATION);
  tidegate_operation operation = {entry->id};
  arena->status = tidegate_operation_end(engine, operation, permit_of(arena), arena->outcome,
                                         arena_text(arena));
  return NULL;
}

/* operationRead(): handle, numbers[0] window; words[0..4] counts, numbers[5..15] the rest */
static napi_value operation_read(napi_env env, napi_callback_info info) {
  HOT(KIND_OPERATION);
  tidegate_operation operation = {entry->id};
  tidegate_operation_reading reading;
  arena->status = tidegate_operation_read(engine, operation, arena->numbers[0], &reading);
  if (arena->status != TIDEGATE_OK) return NULL;
  arena->words[0] = reading.count;
  arena->words[1] = reading.successes;
  arena->words[2] = reading.failures;
  arena->words[3] = reading.ignored;
  arena->words[4] = reading.slow;
  const double numbers[] = {
      reading.rate_per_second, reading.success_ratio, reading.error_rate, reading.average,
      reading.p50,             reading.p90,           reading.p95,        reading.p99,
      reading.p999,            reading.min,           reading.max,
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) arena->numbers[5 + i] = numbers[i];
  return NULL;
}

const struct function operation_functions[] = {
    {"operationRecord", operation_record},
    {"operationBegin", operation_begin},
    {"operationEnd", operation_end},
    {"operationRead", operation_read},
    {NULL, NULL},
};
