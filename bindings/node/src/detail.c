/* detail.c - what there is to say beside numbers: details of calls, distinct errors, exemplars,
 * ratios, texts and states. */
#include <stdlib.h>

#include "values.h"

DEFINE_OPENER(ratio, tidegate_ratio, tidegate_ratio_open)
DEFINE_OPENER(enum, tidegate_enum, tidegate_enum_open)

/* operationRecordDetail(code, message, detail, trace): handle, outcome, numbers[0] seconds */
static napi_value operation_record_detail(napi_env env, napi_callback_info info) {
  napi_value values[4];
  char *texts[4] = {NULL, NULL, NULL, NULL};
  bool ok = true;
  if (!arguments(env, info, 4, values)) return NULL;
  HOT(KIND_OPERATION);
  tidegate_operation operation = {entry->id};
  for (int i = 0; i < 4 && ok; i++) texts[i] = text_from(env, values[i], &ok);
  if (ok)
    arena->status =
        tidegate_operation_record_detail(engine, operation, arena->numbers[0], arena->outcome,
                                         texts[0], texts[1], texts[2], texts[3]);
  for (int i = 0; i < 4; i++) free(texts[i]);
  return NULL;
}

/* errorReport(code, text): engine's handle */
static napi_value error_report(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool ok = false;
  if (!arguments(env, info, 2, values)) return NULL;
  HOT(KIND_ENGINE);
  char *code = text_from(env, values[0], &ok);
  if (!ok) return NULL;
  char *text = text_from(env, values[1], &ok);
  if (ok) arena->status = tidegate_error_report(engine, code, text);
  free(text);
  free(code);
  return NULL;
}

/* ratioRecord(): handle, words[0] hits, words[1] misses */
static napi_value ratio_record(napi_env env, napi_callback_info info) {
  HOT(KIND_RATIO);
  tidegate_ratio ratio = {entry->id};
  arena->status = tidegate_ratio_record(engine, ratio, arena->words[0], arena->words[1]);
  return NULL;
}

/* ratioRead(): handle, numbers[0] window; words[0] hits, words[1] misses, numbers[2] ratio */
static napi_value ratio_read(napi_env env, napi_callback_info info) {
  HOT(KIND_RATIO);
  tidegate_ratio ratio = {entry->id};
  arena->status = tidegate_ratio_read(engine, ratio, arena->numbers[0], &arena->words[0],
                                      &arena->words[1], &arena->numbers[2]);
  return NULL;
}

/* histogramRecordExemplar(): handle, numbers[0], text = trace id */
static napi_value histogram_record_exemplar(napi_env env, napi_callback_info info) {
  HOT(KIND_HISTOGRAM);
  tidegate_histogram histogram = {entry->id};
  arena->status = tidegate_histogram_record_exemplar(engine, histogram, arena->numbers[0],
                                                     arena_text(arena));
  return NULL;
}

/* infoSet(name, labels): engine's handle */
static napi_value info_set(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool ok = false;
  if (!arguments(env, info, 2, values)) return NULL;
  HOT(KIND_ENGINE);
  char *name = text_from(env, values[0], &ok);
  if (!ok) return NULL;
  char *labels = text_from(env, values[1], &ok);
  if (ok) arena->status = tidegate_info_set(engine, name, labels);
  free(labels);
  free(name);
  return NULL;
}

/* enumSet(): handle, text = state */
static napi_value enum_set(napi_env env, napi_callback_info info) {
  HOT(KIND_ENUM);
  tidegate_enum states = {entry->id};
  arena->status = tidegate_enum_set(engine, states, arena_text(arena));
  return NULL;
}

const struct function detail_functions[] = {
    {"operationRecordDetail", operation_record_detail},
    {"errorReport", error_report},
    {"ratioRecord", ratio_record},
    {"ratioRead", ratio_read},
    {"histogramRecordExemplar", histogram_record_exemplar},
    {"infoSet", info_set},
    {"enumSet", enum_set},
    {NULL, NULL},
};
