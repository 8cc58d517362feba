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

/* operationView(): handle; [cells, sum, floor, split], the first two and numbers[0..3] as those of a
 * histogram, or undefined; numbers[4] where among the cells the successes are, numbers[5] seconds */
static napi_value operation_view(napi_env env, napi_callback_info info) {
  HOT(KIND_OPERATION);
  tidegate_shard shard;
  tidegate_operation_view view;
  tidegate_operation operation = {entry->id};
  arena->status = shard_of(entry->held, &shard);
  if (arena->status == TIDEGATE_OK)
    arena->status = tidegate_shard_operation(engine, shard, operation, &view);
  napi_value parts[4];
  if (arena->status != TIDEGATE_OK || !cells_to(env, arena, &view.cells, parts)) return NULL;
  uintptr_t at = ((uintptr_t)view.successes - (uintptr_t)view.cells.extremes) / sizeof(uint64_t);
  if (at < 2 || at >= counts_before(&view.cells)) return NULL;
  arena->numbers[4] = (double)at;
  arena->numbers[5] = view.slow_seconds;
  parts[2] = cells(env, (uint64_t *)(uintptr_t)view.floor, 1);
  parts[3] = cells(env, (uint64_t *)(uintptr_t)view.split, 1);
  return array_of(env, parts, 4);
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
    {"operationView", operation_view},
    {"operationBegin", operation_begin},
    {"operationEnd", operation_end},
    {"operationRead", operation_read},
    {NULL, NULL},
};
