/*
 * addon.c - the table of what lib/ can call. One C file per noun; values.h has
 * the rules.
 */
#include "values.h"

#include <stdlib.h>

static const struct function *const tables[] = {
    engine_functions,
    metric_functions,
    limiter_functions,
    snapshot_functions,
    health_functions,
    bulkhead_functions,
    operation_functions,
    breaker_functions,
    events_functions,
    throttle_functions,
    detail_functions,
    guard_functions,
};

NAPI_MODULE_INIT(/* env, exports */) {
  struct state *state = calloc(1, sizeof *state);
  if (state == NULL) return throw_memory(env);
  void *memory = NULL;
  napi_value arena = NULL;
  if (napi_create_arraybuffer(env, sizeof *state->arena, &memory, &arena) != napi_ok ||
      napi_create_reference(env, arena, 1, &state->arena_reference) != napi_ok ||
      napi_set_instance_data(env, state, state_free, NULL) != napi_ok) {
    free(state);
    return throw_memory(env);
  }
  state->arena = memory;
  napi_set_named_property(env, exports, "arena", arena);
  napi_set_named_property(env, exports, "arenaLayout", number_to(env, ARENA_LAYOUT));
  for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
    for (const struct function *f = tables[t]; f->name != NULL; f++) {
      napi_value function = NULL;
      if (napi_create_function(env, f->name, NAPI_AUTO_LENGTH, f->call, NULL, &function) != napi_ok)
        return NULL;
      napi_set_named_property(env, exports, f->name, function);
    }
  }
  return exports;
}
