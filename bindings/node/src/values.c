/* values.c - see values.h */
#define _POSIX_C_SOURCE 200809L

#include "values.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Runs when the environment ends, after all work in other threads has ended. */
void state_free(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct state *state = data;
  for (uint32_t i = 0; i < state->count; i++) {
    struct entry *entry = &state->entries[i];
    if (entry->kind == KIND_ENGINE || entry->kind == KIND_SNAPSHOT) {
      if (entry->kind == KIND_ENGINE && entry->held->shard.id != 0)
        (void)tidegate_shard_close(entry->held->core.engine, entry->held->shard);
      held_release(entry->held);
    }
  }
  free(state->entries);
  free(state);
}

bool handle_make(struct state *state, enum kind kind, struct held *held,
                 uint64_t id, uint32_t *out_handle) {
  uint32_t index;
  if (state->free_head != 0) {
    index = state->free_head - 1;
    state->free_head = (uint32_t)state->entries[index].id;
  } else {
    if (state->count > INDEX_MASK) return false;
    if (state->count == state->capacity) {
      uint32_t capacity = state->capacity == 0 ? 64 : state->capacity * 2;
      struct entry *entries = realloc(state->entries, capacity * sizeof *entries);
      if (entries == NULL) return false;
      state->entries = entries;
      state->capacity = capacity;
    }
    index = state->count++;
    state->entries[index].generation = 0;
  }
  struct entry *entry = &state->entries[index];
  entry->kind = kind;
  entry->held = held;
  entry->id = id;
  *out_handle = entry->generation << INDEX_BITS | index;
  return true;
}

void handle_drop(struct state *state, uint32_t handle) {
  uint32_t index = handle & INDEX_MASK;
  struct entry *entry = &state->entries[index];
  entry->kind = KIND_FREE;
  entry->generation = (entry->generation + 1) & (UINT32_MAX >> INDEX_BITS);
  entry->held = NULL;
  entry->id = state->free_head;
  state->free_head = index + 1;
}

void held_release(struct held *held) {
  if (atomic_fetch_sub_explicit(&held->uses, 1, memory_order_acq_rel) != 1) return;
  if (held->kind == KIND_ENGINE)
    tidegate_engine_close(held->core.engine);
  else
    tidegate_snapshot_free(held->core.snapshot);
  free(held);
}

bool arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values) {
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return false;
  if (count >= wanted) return true;
  napi_throw_type_error(env, "ERR_MISSING_ARGS", "tidegate: too few arguments");
  return false;
}

bool uint32_from(napi_env env, napi_value value, uint32_t *out) {
  if (napi_get_value_uint32(env, value, out) == napi_ok) return true;
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "tidegate: expected a number");
  return false;
}

char *text_from(napi_env env, napi_value value, bool *ok) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  *ok = true;
  if (type == napi_undefined || type == napi_null) return NULL;
  size_t length = 0;
  char *text = NULL;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "tidegate: expected a string");
  } else if ((text = malloc(length + 1)) == NULL) {
    throw_memory(env);
  } else {
    napi_get_value_string_utf8(env, value, text, length + 1, &length);
    if (strlen(text) == length) return text;
    napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", "tidegate: a text holds a NUL character");
    free(text);
  }
  *ok = false;
  return NULL;
}

napi_value number_to(napi_env env, double number) {
  napi_value value = NULL;
  napi_create_double(env, number, &value);
  return value;
}

napi_value throw_memory(napi_env env) {
  napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "tidegate: out of memory");
  return NULL;
}

double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}
