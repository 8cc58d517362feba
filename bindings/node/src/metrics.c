/*
 * metrics.c - counters, gauges, histograms.
 *
 * JavaScript counts in cells of a shard that it writes alone (doubles, plain
 * stores); the functions here give it those cells, and serve where they do not
 * reach: huge amounts, values outside the buckets, regions without room.
 */
#include <stdlib.h>

#include "values.h"

DEFINE_OPENER(counter, tidegate_counter, tidegate_counter_open)
DEFINE_OPENER(gauge, tidegate_gauge, tidegate_gauge_open)
DEFINE_OPENER(histogram, tidegate_histogram, tidegate_histogram_open)

/* The memory is the region's: nothing to free. */
static void keep(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  (void)hint;
}

napi_value cells(napi_env env, uint64_t *at, size_t count) {
  napi_value buffer = NULL;
  napi_status made =
      napi_create_external_arraybuffer(env, at, count * sizeof *at, keep, NULL, &buffer);
  return made == napi_ok ? buffer : NULL;
}

napi_value array_of(napi_env env, const napi_value *parts, uint32_t count) {
  napi_value array = NULL;
  napi_create_array_with_length(env, count, &array);
  for (uint32_t i = 0; i < count; i++) {
    if (parts[i] == NULL) return NULL;
    napi_set_element(env, array, i, parts[i]);
  }
  return array;
}

tidegate_status shard_of(struct held *held, tidegate_shard *out) {
  if (held->shard.id == 0) {
    tidegate_status status =
        tidegate_shard_open(held->core.engine, TIDEGATE_SHARD_DOUBLES, &held->shard);
    if (status != TIDEGATE_OK) return status;
  }
  *out = held->shard;
  return TIDEGATE_OK;
}

/* counterCell(): handle; an ArrayBuffer of one double, or undefined */
static napi_value counter_cell(napi_env env, napi_callback_info info) {
  HOT(KIND_COUNTER);
  tidegate_shard shard;
  uint64_t *word = NULL;
  tidegate_counter counter = {entry->id};
  arena->status = shard_of(entry->held, &shard);
  if (arena->status == TIDEGATE_OK)
    arena->status = tidegate_shard_counter(engine, shard, counter, &word);
  return arena->status == TIDEGATE_OK ? cells(env, word, 1) : NULL;
}

/* counterAdd(): handle, words[0] amount */
static napi_value counter_add(napi_env env, napi_callback_info info) {
  HOT(KIND_COUNTER);
  tidegate_counter counter = {entry->id};
  arena->status = tidegate_counter_add(engine, counter, arena->words[0]);
  return NULL;
}

/* counterValue(): handle; words[0] total */
static napi_value counter_value(napi_env env, napi_callback_info info) {
  HOT(KIND_COUNTER);
  tidegate_counter counter = {entry->id};
  arena->status = tidegate_counter_value(engine, counter, &arena->words[0]);
  return NULL;
}

/* gaugeSet(), gaugeAdd(): handle, numbers[0]; gaugeValue(): numbers[0] */
static napi_value gauge_set(napi_env env, napi_callback_info info) {
  HOT(KIND_GAUGE);
  tidegate_gauge gauge = {entry->id};
  arena->status = tidegate_gauge_set(engine, gauge, arena->numbers[0]);
  return NULL;
}

static napi_value gauge_add(napi_env env, napi_callback_info info) {
  HOT(KIND_GAUGE);
  tidegate_gauge gauge = {entry->id};
  arena->status = tidegate_gauge_add(engine, gauge, arena->numbers[0]);
  return NULL;
}

static napi_value gauge_value(napi_env env, napi_callback_info info) {
  HOT(KIND_GAUGE);
  tidegate_gauge gauge = {entry->id};
  arena->status = tidegate_gauge_value(engine, gauge, &arena->numbers[0]);
  return NULL;
}

size_t counts_before(const tidegate_shard_cells *found) {
  uintptr_t apart = (uintptr_t)found->counts - (uintptr_t)found->extremes;
  return found->counts < found->extremes + 2 || apart > 4096 ? 0 : apart / sizeof(uint64_t);
}

bool cells_to(napi_env env, struct arena *arena, const tidegate_shard_cells *found,
              napi_value parts[2]) {
  size_t before = counts_before(found);
  if (before == 0) return false;
  arena->numbers[0] = found->first_octave;
  arena->numbers[1] = found->octaves;
  arena->numbers[2] = found->fraction_bits;
  arena->numbers[3] = (double)before;
  parts[0] = cells(env, found->extremes, before + ((size_t)found->octaves << found->fraction_bits));
  parts[1] = cells(env, found->sum, 1);
  return true;
}

/* histogramCells(): handle; as cells_to() has them, or undefined */
static napi_value histogram_cells(napi_env env, napi_callback_info info) {
  HOT(KIND_HISTOGRAM);
  tidegate_shard shard;
  tidegate_shard_cells found;
  tidegate_histogram histogram = {entry->id};
  arena->status = shard_of(entry->held, &shard);
  if (arena->status == TIDEGATE_OK)
    arena->status = tidegate_shard_histogram(engine, shard, histogram, &found);
  napi_value parts[2];
  if (arena->status != TIDEGATE_OK || !cells_to(env, arena, &found, parts)) return NULL;
  return array_of(env, parts, 2);
}

/* histogramRecord(): handle, numbers[0] */
static napi_value histogram_record(napi_env env, napi_callback_info info) {
  HOT(KIND_HISTOGRAM);
  tidegate_histogram histogram = {entry->id};
  arena->status = tidegate_histogram_record(engine, histogram, arena->numbers[0]);
  return NULL;
}

/* histogramRecordMany(float64array): handle */
static napi_value histogram_record_many(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!arguments(env, info, 1, values)) return NULL;
  HOT(KIND_HISTOGRAM);
  napi_typedarray_type type;
  size_t count = 0;
  void *data = NULL;
  if (napi_get_typedarray_info(env, values[0], &type, &count, &data, NULL, NULL) != napi_ok ||
      type != napi_float64_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "tidegate: expected a Float64Array");
    return NULL;
  }
  tidegate_histogram histogram = {entry->id};
  arena->status = tidegate_histogram_record_many(engine, histogram, data, count);
  return NULL;
}

/* histogramQuantiles(): handle, count, numbers[0] window, numbers[1..] in and out */
static napi_value histogram_quantiles(napi_env env, napi_callback_info info) {
  HOT(KIND_HISTOGRAM);
  tidegate_histogram histogram = {entry->id};
  double out[ARENA_NUMBERS];
  size_t count = arena->count < ARENA_NUMBERS ? arena->count : ARENA_NUMBERS - 1;
  arena->status = tidegate_histogram_quantiles(engine, histogram, arena->numbers[0],
                                               &arena->numbers[1], count, out);
  if (arena->status == TIDEGATE_OK)
    for (size_t i = 0; i < count; i++) arena->numbers[1 + i] = out[i];
  return NULL;
}

/* histogramImport(bytes): handle, numbers[0] scale; words[0] how many were recorded */
static napi_value histogram_import(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!arguments(env, info, 1, values)) return NULL;
  HOT(KIND_HISTOGRAM);
  napi_typedarray_type type;
  size_t count = 0;
  void *data = NULL;
  if (napi_get_typedarray_info(env, values[0], &type, &count, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "tidegate: expected a Uint8Array");
    return NULL;
  }
  tidegate_histogram histogram = {entry->id};
  arena->status = tidegate_histogram_import(engine, histogram, count == 0 ? "" : data, count,
                                            arena->numbers[0], &arena->words[0]);
  return NULL;
}

/* recordMetric(name): engine's handle, numbers[0] */
static napi_value record_metric(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool ok = false;
  if (!arguments(env, info, 1, values)) return NULL;
  HOT(KIND_ENGINE);
  char *name = text_from(env, values[0], &ok);
  if (ok) arena->status = tidegate_record_metric(engine, name, arena->numbers[0]);
  free(name);
  return NULL;
}

const struct function metric_functions[] = {
    {"counterCell", counter_cell},
    {"counterAdd", counter_add},
    {"counterValue", counter_value},
    {"gaugeSet", gauge_set},
    {"gaugeAdd", gauge_add},
    {"gaugeValue", gauge_value},
    {"histogramCells", histogram_cells},
    {"histogramRecord", histogram_record},
    {"histogramRecordMany", histogram_record_many},
    {"histogramImport", histogram_import},
    {"histogramQuantiles", histogram_quantiles},
    {"recordMetric", record_metric},
    {NULL, NULL},
};
