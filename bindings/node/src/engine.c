/* engine.c - engines, opening things by name, errors, versions. */
#include <stdlib.h>
#include <string.h>

#include "values.h"

const opener openers[KINDS] = {
    [KIND_COUNTER] = counter_opener,
    [KIND_GAUGE] = gauge_opener,
    [KIND_HISTOGRAM] = histogram_opener,
    [KIND_LIMITER] = limiter_opener,
    [KIND_BULKHEAD] = bulkhead_opener,
    [KIND_RETRY] = retry_opener,
    [KIND_OPERATION] = operation_opener,
    [KIND_BREAKER] = breaker_opener,
    [KIND_THROTTLE] = throttle_opener,
    [KIND_RATIO] = ratio_opener,
    [KIND_ENUM] = enum_opener,
    [KIND_GUARD] = guard_opener,
};

static napi_value engine_keep(napi_env env, tidegate_engine *engine) {
  struct state *state = state_of(env);
  struct held *held = calloc(1, sizeof *held);
  uint32_t handle = 0;
  if (held == NULL || !handle_make(state, KIND_ENGINE, held, 0, &handle)) {
    free(held);
    tidegate_engine_close(engine);
    return throw_memory(env);
  }
  held->kind = KIND_ENGINE;
  atomic_init(&held->uses, 1);
  held->core.engine = engine;
  return number_to(env, handle);
}

/* engineOpen(json, attach): a handle; with `attach`, json is a path. */
static napi_value engine_open(napi_env env, napi_callback_info info) {
  napi_value values[2];
  bool ok = false;
  bool attach = false;
  if (!arguments(env, info, 2, values)) return NULL;
  napi_get_value_bool(env, values[1], &attach);
  char *text = text_from(env, values[0], &ok);
  if (!ok) return NULL;
  tidegate_engine *engine = NULL;
  tidegate_status status =
      attach ? tidegate_engine_attach(text, &engine) : tidegate_engine_open(text, &engine);
  free(text);
  state_of(env)->arena->status = status;
  return status == TIDEGATE_OK ? engine_keep(env, engine) : NULL;
}

/* engineClose(handle): gives the shard back; lib/ has detached its arrays. */
static napi_value engine_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  uint32_t handle = 0;
  if (!arguments(env, info, 1, values) || !uint32_from(env, values[0], &handle)) return NULL;
  struct state *state = state_of(env);
  struct entry *entry = find(state, handle, KIND_ENGINE);
  if (entry == NULL) return NULL;
  struct held *held = entry->held;
  if (held->shard.id != 0) (void)tidegate_shard_close(held->core.engine, held->shard);
  for (uint32_t i = 0; i < state->count; i++) {
    struct entry *other = &state->entries[i];
    if (other->held == held && other->kind != KIND_FREE)
      handle_drop(state, other->generation << INDEX_BITS | i);
  }
  held_release(held);
  return NULL;
}

/* configCheck(json) */
static napi_value config_check(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool ok = false;
  if (!arguments(env, info, 1, values)) return NULL;
  char *text = text_from(env, values[0], &ok);
  if (ok) state_of(env)->arena->status = tidegate_config_check(text);
  free(text);
  return NULL;
}

/* clockAdvance(): handle; words[0] nanoseconds */
static napi_value clock_advance(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  arena->status = tidegate_clock_advance(engine, arena->words[0]);
  return NULL;
}

/* clock(): numbers[0] nanoseconds, for how long something took */
static napi_value read_clock(napi_env env, napi_callback_info info) {
  (void)info;
  state_of(env)->arena->numbers[0] = now_ns();
  return NULL;
}

/* tick(): handle */
static napi_value tick(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  arena->status = tidegate_tick(engine);
  return NULL;
}

/* openNamed(engine, kind, name, json): the id, into words[0] */
static napi_value open_named(napi_env env, napi_callback_info info) {
  napi_value values[4];
  uint32_t handle = 0;
  uint32_t kind = 0;
  bool ok = false;
  if (!arguments(env, info, 4, values) || !uint32_from(env, values[0], &handle) ||
      !uint32_from(env, values[1], &kind))
    return NULL;
  struct state *state = state_of(env);
  struct entry *entry = find(state, handle, KIND_ENGINE);
  if (entry == NULL || kind >= KINDS || openers[kind] == NULL) {
    state->arena->status = STATUS_CLOSED;
    return NULL;
  }
  char *name = text_from(env, values[2], &ok);
  if (!ok) return NULL;
  char *json = text_from(env, values[3], &ok);
  if (ok)
    state->arena->status =
        openers[kind](entry->held->core.engine, name, json, &state->arena->words[0]);
  free(json);
  free(name);
  return NULL;
}

/* bind(engine, kind): a handle for the id in words[0] */
static napi_value bind(napi_env env, napi_callback_info info) {
  napi_value values[2];
  uint32_t handle = 0;
  uint32_t kind = 0;
  if (!arguments(env, info, 2, values) || !uint32_from(env, values[0], &handle) ||
      !uint32_from(env, values[1], &kind))
    return NULL;
  struct state *state = state_of(env);
  struct entry *entry = find(state, handle, KIND_ENGINE);
  if (entry == NULL || kind >= KINDS || openers[kind] == NULL) {
    state->arena->status = STATUS_CLOSED;
    return NULL;
  }
  if (!handle_make(state, (enum kind)kind, entry->held, state->arena->words[0], &handle))
    return throw_memory(env);
  state->arena->status = TIDEGATE_OK;
  return number_to(env, handle);
}

static napi_value text_to(napi_env env, const char *text) {
  napi_value value = NULL;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

/* lastError(): this thread's sentence */
static napi_value last_error(napi_env env, napi_callback_info info) {
  (void)info;
  size_t length = tidegate_last_error(NULL, 0);
  char *text = malloc(length + 1);
  if (text == NULL) return throw_memory(env);
  text[0] = '\0';
  tidegate_last_error(text, length + 1);
  napi_value value = text_to(env, text);
  free(text);
  return value;
}

/* statusName(status) */
static napi_value status_name(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t status = 0;
  if (!arguments(env, info, 1, values)) return NULL;
  napi_get_value_int32(env, values[0], &status);
  return text_to(env, tidegate_status_name(status));
}

static napi_value version(napi_env env, napi_callback_info info) {
  (void)info;
  return text_to(env, tidegate_version());
}

/* abi(): [the library's, the header's this was compiled with] */
static napi_value abi(napi_env env, napi_callback_info info) {
  (void)info;
  struct arena *arena = state_of(env)->arena;
  arena->numbers[0] = tidegate_abi_version();
  arena->numbers[1] = TIDEGATE_ABI_VERSION;
  return NULL;
}

/* detach(buffer): it has length 0 afterwards, and so have its typed arrays */
static napi_value detach(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!arguments(env, info, 1, values)) return NULL;
  napi_detach_arraybuffer(env, values[0]);
  return NULL;
}

const struct function engine_functions[] = {
    {"engineOpen", engine_open},
    {"engineClose", engine_close},
    {"configCheck", config_check},
    {"clockAdvance", clock_advance},
    {"clock", read_clock},
    {"tick", tick},
    {"openNamed", open_named},
    {"bind", bind},
    {"lastError", last_error},
    {"statusName", status_name},
    {"version", version},
    {"abi", abi},
    {"detach", detach},
    {NULL, NULL},
};
