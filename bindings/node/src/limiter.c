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

/* limiterTake(): handle, key, count = cost */
static napi_value limiter_take(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  arena->status = tidegate_limiter_check(engine, limiter, arena_key(arena),
                                         arena_key_length(arena), arena->count, NULL);
  return NULL;
}

/* limiterCheck(): as limiterTake(); numbers[0..3] and words[0..3]:
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

/* limiterPeek(): as limiterCheck(), and takes nothing */
static napi_value limiter_peek(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  tidegate_decision decision;
  arena->status = tidegate_limiter_peek(engine, limiter, arena_key(arena), arena_key_length(arena),
                                        arena->count, &decision);
  if (arena->status >= 0) decided(arena, &decision);
  return NULL;
}

/* limiterReserve(): handle, key, count = cost, words[1] longest wait; words[0] wait */
static napi_value limiter_reserve(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  uint64_t wait = 0;
  arena->status = tidegate_limiter_reserve(engine, limiter, arena_key(arena),
                                           arena_key_length(arena), arena->count,
                                           arena->words[1], &wait);
  arena->words[0] = wait;
  return NULL;
}

/* limiterRefund(), limiterPenalize(): handle, key, count = cost */
static napi_value limiter_refund(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  arena->status = tidegate_limiter_refund(engine, limiter, arena_key(arena),
                                          arena_key_length(arena), arena->count);
  return NULL;
}

static napi_value limiter_penalize(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  arena->status = tidegate_limiter_penalize(engine, limiter, arena_key(arena),
                                            arena_key_length(arena), arena->count);
  return NULL;
}

/* limiterBlock(): handle, key, words[0] how long, 0: no more */
static napi_value limiter_block(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  arena->status = tidegate_limiter_block(engine, limiter, arena_key(arena),
                                         arena_key_length(arena), arena->words[0]);
  return NULL;
}

/* limiterAllow(): handle, key, outcome = list */
static napi_value limiter_allow(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  arena->status = tidegate_limiter_allow(engine, limiter, arena_key(arena),
                                         arena_key_length(arena), arena->outcome);
  return NULL;
}

#define MOST_TOGETHER ARENA_NUMBERS

/* limiterCheckAll(): engine's handle, count of requests, words[i] handle and cost, numbers[i] bytes of
 * its key or -1, the keys one after another; count = who refused, the rest as limiterCheck() */
static napi_value limiter_check_all(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  tidegate_limiter_request requests[MOST_TOGETHER];
  size_t count = arena->count <= MOST_TOGETHER ? arena->count : MOST_TOGETHER;
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    struct entry *limiter = find(state, (uint32_t)arena->words[i], KIND_LIMITER);
    if (limiter == NULL || limiter->held != entry->held) {
      arena->status = limiter == NULL ? STATUS_CLOSED : TIDEGATE_E_STALE;
      return NULL;
    }
    bool has_key = arena->numbers[i] >= 0 && arena->numbers[i] <= (double)(ARENA_TEXT - at);
    size_t length = has_key ? (size_t)arena->numbers[i] : 0;
    requests[i] = (tidegate_limiter_request){
        .limiter = {limiter->id},
        .key = has_key ? arena->text + at : NULL,
        .key_length = length,
        .cost = (uint32_t)(arena->words[i] >> 32),
    };
    at += length;
  }
  size_t refused = 0;
  tidegate_decision decision = {0};
  arena->status = tidegate_limiter_check_all(engine, requests, count, &refused, &decision);
  arena->count = (uint32_t)refused;
  if (arena->status >= 0) decided(arena, &decision);
  return NULL;
}

/* limiterSetPlan(plan): handle, key */
static napi_value limiter_set_plan(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool ok = false;
  if (!arguments(env, info, 1, values)) return NULL;
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  char *plan = text_from(env, values[0], &ok);
  if (ok)
    arena->status = tidegate_limiter_set_plan(engine, limiter, arena_key(arena),
                                              arena_key_length(arena), plan);
  free(plan);
  return NULL;
}

/* limiterReconfigure(json): handle */
static napi_value limiter_reconfigure(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool ok = false;
  if (!arguments(env, info, 1, values)) return NULL;
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  char *json = text_from(env, values[0], &ok);
  if (ok) arena->status = tidegate_limiter_reconfigure(engine, limiter, json);
  free(json);
  return NULL;
}

/* limiterTop(): handle, outcome = order, count; a JSON text */
static napi_value limiter_top(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  napi_value text = NULL;
  WRITTEN(text, tidegate_limiter_top(engine, limiter, (uint32_t)arena->outcome, arena->count, buffer,
                                     capacity, &length));
  return text;
}

static tidegate_decision decision_of(const struct arena *arena) {
  tidegate_decision decision = {arena->words[0], arena->words[1], arena->words[2],
                                arena->words[3]};
  return decision;
}

/* limiterHeaders(): handle, words[0..3] decision, outcome = verdict, count = style; lines */
static napi_value limiter_headers(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  tidegate_decision decision = decision_of(arena);
  napi_value lines = NULL;
  WRITTEN(lines, tidegate_limiter_headers(engine, limiter, &decision, arena->outcome,
                                          arena->count, buffer, capacity, &length));
  return lines;
}

/* limiterProblem(): handle, words[0..3] decision; a JSON text */
static napi_value limiter_problem(napi_env env, napi_callback_info info) {
  HOT(KIND_LIMITER);
  tidegate_limiter limiter = {entry->id};
  tidegate_decision decision = decision_of(arena);
  napi_value text = NULL;
  WRITTEN(text, tidegate_limiter_problem(engine, limiter, &decision, buffer, capacity, &length));
  return text;
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
    {"limiterTake", limiter_take},
    {"limiterCheck", limiter_check},
    {"limiterPeek", limiter_peek},
    {"limiterReserve", limiter_reserve},
    {"limiterRefund", limiter_refund},
    {"limiterPenalize", limiter_penalize},
    {"limiterBlock", limiter_block},
    {"limiterAllow", limiter_allow},
    {"limiterCheckAll", limiter_check_all},
    {"limiterSetPlan", limiter_set_plan},
    {"limiterReconfigure", limiter_reconfigure},
    {"limiterTop", limiter_top},
    {"limiterHeaders", limiter_headers},
    {"limiterProblem", limiter_problem},
    {"allowRequest", allow_request},
    {NULL, NULL},
};
