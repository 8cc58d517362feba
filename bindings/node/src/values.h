/*
 * values.h - what belongs to one JavaScript environment, and how JavaScript
 * values become C values.
 *
 * An environment is the main thread or one worker thread. All state hangs off
 * it (napi_set_instance_data) and none off a C static, so that threads start
 * and end in any order. JavaScript names what it opened by an integer handle:
 * an index and a generation into the environment's table.
 *
 * Hot calls take no arguments and return nothing. They read and write the
 * arena: memory that both sides see. lib/native.js has the same offsets, and
 * compares ARENA_LAYOUT when it loads.
 */
#ifndef TIDEGATE_NODE_VALUES_H
#define TIDEGATE_NODE_VALUES_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tidegate.h"

#define ARENA_LAYOUT 1
#define ARENA_NUMBERS 16
#define ARENA_TEXT (64 * 1024)

/* Not a status of the library: the handle's engine or snapshot is closed. */
#define STATUS_CLOSED (-1000)

struct arena {
  uint32_t handle;                 /* byte   0: which object */
  uint32_t length;                 /*        4: bytes in text; ABSENT for none */
  uint32_t count;                  /*        8: cost, attempt or how many */
  int32_t status;                  /*       12: what the call said */
  uint32_t permit_low;             /*       16: a permit, as two halves */
  uint32_t permit_high;            /*       20 */
  uint32_t second_low;             /*       24: a chain's second permit */
  uint32_t second_high;            /*       28 */
  int32_t outcome;                 /*       32 */
  uint32_t reserved;               /*       36 */
  double numbers[ARENA_NUMBERS];   /*       40: doubles in and out */
  uint64_t words[ARENA_NUMBERS];   /*      168: the same, exact, where it matters */
  char text[ARENA_TEXT + 1];       /*      296: a key or another short text */
};

#define ABSENT UINT32_MAX

enum kind {
  KIND_FREE,
  KIND_ENGINE,
  KIND_SNAPSHOT,
  KIND_COUNTER,
  KIND_GAUGE,
  KIND_HISTOGRAM,
  KIND_LIMITER,
  KIND_OPERATION,
  KIND_RATIO,
  KIND_ENUM,
  KIND_BREAKER,
  KIND_THROTTLE,
  KIND_BULKHEAD,
  KIND_RETRY,
  KIND_GUARD,
  KINDS
};

/* An engine or snapshot: closed when JavaScript and all work in other threads
 * are done with it. */
struct held {
  enum kind kind;
  atomic_uint uses;
  union {
    tidegate_engine *engine;
    tidegate_snapshot *snapshot;
  } core;
  tidegate_shard shard;
};

struct entry {
  enum kind kind;
  uint32_t generation;
  struct held *held;
  uint64_t id;
};

struct state {
  struct arena *arena;
  napi_ref arena_reference;
  struct entry *entries;
  uint32_t count;
  uint32_t capacity;
  uint32_t free_head; /* index + 1 of a free entry; they are linked by id */
};

static inline struct state *state_of(napi_env env) {
  void *state = NULL;
  napi_get_instance_data(env, &state);
  return state;
}

void state_free(napi_env env, void *state, void *hint);

/* A handle is an entry's index, and above it the entry's generation. */
#define INDEX_BITS 22
#define INDEX_MASK ((1u << INDEX_BITS) - 1)

/* NULL for what is closed or of another kind. */
static inline struct entry *find(struct state *state, uint32_t handle, enum kind kind) {
  uint32_t index = handle & INDEX_MASK;
  if (index >= state->count) return NULL;
  struct entry *entry = &state->entries[index];
  if (entry->kind != kind || entry->generation != handle >> INDEX_BITS) return NULL;
  return entry;
}

bool handle_make(struct state *state, enum kind kind, struct held *held,
                 uint64_t id, uint32_t *out_handle);
void handle_drop(struct state *state, uint32_t handle);
void held_release(struct held *held);

/* Arguments of cold calls; false after an exception was thrown. */
bool arguments(napi_env env, napi_callback_info info, size_t wanted,
               napi_value *values);
bool uint32_from(napi_env env, napi_value value, uint32_t *out);
/* A copy that the caller frees; NULL with *ok for null and undefined. */
char *text_from(napi_env env, napi_value value, bool *ok);
napi_value number_to(napi_env env, double number);
napi_value throw_memory(napi_env env);

/* This environment's shard of the engine; made when first asked for. */
tidegate_status shard_of(struct held *held, tidegate_shard *out);
/* An ArrayBuffer over words of the region, which nobody frees; lib/ detaches it on close. */
napi_value cells(napi_env env, uint64_t *at, size_t count);
/* How many words after the extremes the counts begin, or 0: too far for one array. */
size_t counts_before(const tidegate_shard_cells *found);
/* [extremes and counts, sum]; numbers[0..3]: first octave, octaves, bits of the fraction, where in the
 * first of the two the counts begin. False where they are too far apart. */
bool cells_to(napi_env env, struct arena *arena, const tidegate_shard_cells *found,
              napi_value parts[2]);
/* NULL when one of the parts is. */
napi_value array_of(napi_env env, const napi_value *parts, uint32_t count);

/* The table of addon.c. */
struct function {
  const char *name;
  napi_callback call;
};
extern const struct function engine_functions[];
extern const struct function metric_functions[];
extern const struct function limiter_functions[];
extern const struct function snapshot_functions[];
extern const struct function health_functions[];
extern const struct function bulkhead_functions[];
extern const struct function operation_functions[];
extern const struct function breaker_functions[];
extern const struct function events_functions[];
extern const struct function throttle_functions[];
extern const struct function detail_functions[];
extern const struct function guard_functions[];

/* Opening anything by name has one shape; see open_named() in engine.c. */
typedef tidegate_status (*opener)(tidegate_engine *engine, const char *name,
                                  const char *json, uint64_t *out_id);
extern const opener openers[KINDS];
#define DECLARE_OPENER(noun) \
  tidegate_status noun##_opener(tidegate_engine *, const char *, const char *, uint64_t *)
DECLARE_OPENER(counter);
DECLARE_OPENER(gauge);
DECLARE_OPENER(histogram);
DECLARE_OPENER(limiter);
DECLARE_OPENER(bulkhead);
DECLARE_OPENER(retry);
DECLARE_OPENER(operation);
DECLARE_OPENER(breaker);
DECLARE_OPENER(throttle);
DECLARE_OPENER(ratio);
DECLARE_OPENER(enum);
DECLARE_OPENER(guard);

#define DEFINE_OPENER(noun, type, open)                                     \
  tidegate_status noun##_opener(tidegate_engine *engine, const char *name,  \
                                const char *json, uint64_t *out_id) {       \
    type opened = {0};                                                      \
    tidegate_status status = open(engine, name, json, &opened);             \
    *out_id = opened.id;                                                    \
    return status;                                                          \
  }

/* The first lines of a hot call: the state, the arena, the entry, or out. */
#define HOT(kind_)                                              \
  (void)info;                                                   \
  struct state *state = state_of(env);                          \
  struct arena *arena = state->arena;                           \
  struct entry *entry = find(state, arena->handle, (kind_));    \
  if (entry == NULL) {                                          \
    arena->status = STATUS_CLOSED;                              \
    return NULL;                                                \
  }                                                             \
  tidegate_engine *engine = entry->held->core.engine

static inline const char *arena_key(const struct arena *arena) {
  return arena->length == ABSENT ? NULL : arena->text;
}

static inline size_t arena_key_length(const struct arena *arena) {
  if (arena->length == ABSENT) return 0;
  return arena->length <= ARENA_TEXT ? arena->length : ARENA_TEXT;
}

static inline uint64_t permit_of(const struct arena *arena) {
  return (uint64_t)arena->permit_high << 32 | arena->permit_low;
}

static inline void permit_to(struct arena *arena, uint64_t permit) {
  arena->permit_low = (uint32_t)permit;
  arena->permit_high = (uint32_t)(permit >> 32);
}

/* The arena's text as a C string. */
static inline const char *arena_text(struct arena *arena) {
  if (arena->length == ABSENT) return NULL;
  arena->text[arena_key_length(arena)] = '\0';
  return arena->text;
}

/* A text that the library writes: asked for its length first, then written; again where it grew
 * in between. `call` uses `buffer`, `capacity` and `&length`; gives `value`, a string or NULL. */
#define WRITTEN(value, call)                                                        \
  do {                                                                              \
    char *buffer = NULL;                                                            \
    size_t capacity = 0;                                                            \
    size_t length = 0;                                                              \
    arena->status = (call);                                                         \
    while (arena->status == TIDEGATE_E_SPACE ||                                     \
           (arena->status == TIDEGATE_OK && buffer == NULL && length > 0)) {        \
      free(buffer);                                                                 \
      capacity = length;                                                            \
      buffer = malloc(capacity);                                                    \
      if (buffer == NULL) return throw_memory(env);                                 \
      arena->status = (call);                                                       \
    }                                                                               \
    if (arena->status == TIDEGATE_OK)                                               \
      napi_create_string_utf8(env, buffer == NULL ? "" : buffer, length, &(value)); \
    free(buffer);                                                                   \
  } while (0)

/* Nanoseconds of a clock that never goes back, for how long calls took. */
double now_ns(void);

#endif
