/*
 * snapshot.c - pictures of everything, and their texts.
 *
 * render() does both in a thread of node's pool, so that the event loop goes
 * on; the text comes back as a Buffer over the memory that it was written to.
 */
#include <stdlib.h>
#include <string.h>

#include "values.h"

/* A handle for a snapshot, which is freed where there is none. */
static napi_value snapshot_keep(napi_env env, tidegate_snapshot *snapshot) {
  struct held *held = calloc(1, sizeof *held);
  uint32_t handle = 0;
  if (held == NULL || !handle_make(state_of(env), KIND_SNAPSHOT, held, 0, &handle)) {
    free(held);
    tidegate_snapshot_free(snapshot);
    return throw_memory(env);
  }
  held->kind = KIND_SNAPSHOT;
  atomic_init(&held->uses, 1);
  held->core.snapshot = snapshot;
  return number_to(env, handle);
}

/* snapshotTake(): engine's handle; a handle */
static napi_value snapshot_take(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  tidegate_snapshot *snapshot = NULL;
  arena->status = tidegate_snapshot_take(engine, &snapshot);
  return arena->status == TIDEGATE_OK ? snapshot_keep(env, snapshot) : NULL;
}

/* snapshotParse(text): a handle */
static napi_value snapshot_parse(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool ok = false;
  if (!arguments(env, info, 1, values)) return NULL;
  struct arena *arena = state_of(env)->arena;
  char *text = text_from(env, values[0], &ok);
  if (!ok) return NULL;
  tidegate_snapshot *snapshot = NULL;
  arena->status = tidegate_snapshot_parse(text, text == NULL ? 0 : strlen(text), &snapshot);
  free(text);
  return arena->status == TIDEGATE_OK ? snapshot_keep(env, snapshot) : NULL;
}

typedef tidegate_status (*joiner)(const tidegate_snapshot *, const tidegate_snapshot *,
                                  tidegate_snapshot **);

/* Of two handles, a third. */
static napi_value joined(napi_env env, napi_callback_info info, joiner join) {
  napi_value values[2];
  uint32_t handles[2];
  if (!arguments(env, info, 2, values) || !uint32_from(env, values[0], &handles[0]) ||
      !uint32_from(env, values[1], &handles[1]))
    return NULL;
  struct state *state = state_of(env);
  struct entry *one = find(state, handles[0], KIND_SNAPSHOT);
  struct entry *other = find(state, handles[1], KIND_SNAPSHOT);
  if (one == NULL || other == NULL) {
    state->arena->status = STATUS_CLOSED;
    return NULL;
  }
  tidegate_snapshot *made = NULL;
  state->arena->status = join(one->held->core.snapshot, other->held->core.snapshot, &made);
  return state->arena->status == TIDEGATE_OK ? snapshot_keep(env, made) : NULL;
}

/* snapshotDelta(earlier, later), snapshotMerge(one, other): a handle */
static napi_value snapshot_delta(napi_env env, napi_callback_info info) {
  return joined(env, info, tidegate_snapshot_delta);
}

static napi_value snapshot_merge(napi_env env, napi_callback_info info) {
  return joined(env, info, tidegate_snapshot_merge);
}

/* snapshotFree(handle) */
static napi_value snapshot_free(napi_env env, napi_callback_info info) {
  napi_value values[1];
  uint32_t handle = 0;
  if (!arguments(env, info, 1, values) || !uint32_from(env, values[0], &handle)) return NULL;
  struct state *state = state_of(env);
  struct entry *entry = find(state, handle, KIND_SNAPSHOT);
  if (entry == NULL) return NULL;
  struct held *held = entry->held;
  handle_drop(state, handle);
  held_release(held);
  return NULL;
}

struct work {
  napi_async_work task;
  napi_deferred deferred;
  struct held *held;
  uint32_t format;
  char *options;
  char *text;
  size_t length;
  tidegate_status status;
  char message[512];
};

static tidegate_status render_once(const tidegate_snapshot *snapshot, uint32_t format,
                                   const char *options, char *buffer, size_t capacity,
                                   size_t *out_length) {
  return options == NULL
             ? tidegate_snapshot_render(snapshot, format, buffer, capacity, out_length)
             : tidegate_snapshot_render_with(snapshot, format, options, buffer, capacity,
                                             out_length);
}

static tidegate_status render(const tidegate_snapshot *snapshot, uint32_t format,
                              const char *options, char **out_text, size_t *out_length) {
  *out_text = NULL;
  tidegate_status status = render_once(snapshot, format, options, NULL, 0, out_length);
  if (status != TIDEGATE_OK) return status;
  *out_text = malloc(*out_length + 1);
  if (*out_text == NULL) return TIDEGATE_E_SYSTEM;
  return render_once(snapshot, format, options, *out_text, *out_length, out_length);
}

static void execute(napi_env env, void *data) {
  (void)env;
  struct work *work = data;
  tidegate_snapshot *own = NULL;
  const tidegate_snapshot *snapshot = NULL;
  if (work->held->kind == KIND_ENGINE) {
    work->status = tidegate_snapshot_take(work->held->core.engine, &own);
    snapshot = own;
  } else {
    snapshot = work->held->core.snapshot;
  }
  if (work->status == TIDEGATE_OK)
    work->status = render(snapshot, work->format, work->options, &work->text, &work->length);
  tidegate_snapshot_free(own);
  if (work->status != TIDEGATE_OK) tidegate_last_error(work->message, sizeof work->message);
}

static void free_text(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

/* A Buffer that owns `text`; a copy where a runtime refuses foreign memory. */
static napi_value buffer_of(napi_env env, char *text, size_t length) {
  napi_value buffer = NULL;
  if (length > 0 &&
      napi_create_external_buffer(env, length, text, free_text, NULL, &buffer) == napi_ok)
    return buffer;
  napi_create_buffer_copy(env, length, text, NULL, &buffer);
  free(text);
  return buffer;
}

static void complete(napi_env env, napi_status ended, void *data) {
  struct work *work = data;
  if (ended == napi_ok && work->status == TIDEGATE_OK) {
    napi_resolve_deferred(env, work->deferred, buffer_of(env, work->text, work->length));
    work->text = NULL;
  } else {
    /* lib/ makes a TidegateError of it. */
    napi_value error = NULL;
    napi_value message = NULL;
    napi_create_string_utf8(env, work->message, NAPI_AUTO_LENGTH, &message);
    napi_create_object(env, &error);
    napi_set_named_property(env, error, "status", number_to(env, work->status));
    napi_set_named_property(env, error, "message", message);
    napi_reject_deferred(env, work->deferred, error);
  }
  held_release(work->held);
  napi_delete_async_work(env, work->task);
  free(work->options);
  free(work->text);
  free(work);
}

static struct held *source_of(napi_env env, uint32_t handle) {
  struct state *state = state_of(env);
  struct entry *entry = find(state, handle, KIND_ENGINE);
  if (entry == NULL) entry = find(state, handle, KIND_SNAPSHOT);
  if (entry == NULL) {
    state->arena->status = STATUS_CLOSED;
    return NULL;
  }
  state->arena->status = TIDEGATE_OK;
  return entry->held;
}

/* render(handle, format, options): a promise of a Buffer, from an engine or a snapshot */
static napi_value render_later(napi_env env, napi_callback_info info) {
  napi_value values[3];
  uint32_t handle = 0;
  uint32_t format = 0;
  bool ok = false;
  if (!arguments(env, info, 3, values) || !uint32_from(env, values[0], &handle) ||
      !uint32_from(env, values[1], &format))
    return NULL;
  struct held *held = source_of(env, handle);
  if (held == NULL) return NULL;
  char *options = text_from(env, values[2], &ok);
  if (!ok) return NULL;
  struct work *work = calloc(1, sizeof *work);
  if (work == NULL) {
    free(options);
    return throw_memory(env);
  }
  work->options = options;
  napi_value promise = NULL;
  napi_value name = NULL;
  work->held = held;
  work->format = format;
  napi_create_string_utf8(env, "tidegate.render", NAPI_AUTO_LENGTH, &name);
  if (napi_create_promise(env, &work->deferred, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, name, execute, complete, work, &work->task) != napi_ok) {
    free(options);
    free(work);
    return throw_memory(env);
  }
  atomic_fetch_add_explicit(&held->uses, 1, memory_order_relaxed);
  if (napi_queue_async_work(env, work->task) != napi_ok) {
    held_release(held);
    napi_delete_async_work(env, work->task);
    free(options);
    free(work);
    return throw_memory(env);
  }
  return promise;
}

/* renderNow(snapshot, format, options): a Buffer */
static napi_value render_now(napi_env env, napi_callback_info info) {
  napi_value values[3];
  uint32_t handle = 0;
  uint32_t format = 0;
  bool ok = false;
  if (!arguments(env, info, 3, values) || !uint32_from(env, values[0], &handle) ||
      !uint32_from(env, values[1], &format))
    return NULL;
  struct state *state = state_of(env);
  struct entry *entry = find(state, handle, KIND_SNAPSHOT);
  if (entry == NULL) {
    state->arena->status = STATUS_CLOSED;
    return NULL;
  }
  char *options = text_from(env, values[2], &ok);
  if (!ok) return NULL;
  char *text = NULL;
  size_t length = 0;
  state->arena->status =
      render(entry->held->core.snapshot, format, options, &text, &length);
  free(options);
  if (state->arena->status == TIDEGATE_OK) return buffer_of(env, text, length);
  free(text);
  return NULL;
}

const struct function snapshot_functions[] = {
    {"snapshotTake", snapshot_take},
    {"snapshotParse", snapshot_parse},
    {"snapshotDelta", snapshot_delta},
    {"snapshotMerge", snapshot_merge},
    {"snapshotFree", snapshot_free},
    {"render", render_later},
    {"renderNow", render_now},
    {NULL, NULL},
};
