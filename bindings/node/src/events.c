/* events.c - what happened: transitions, denials, blocks, forced changes. */
#include <stdlib.h>

#include "values.h"

/* eventsRead(): engine's handle, words[0] cursor, in and out; as many JSON lines as fit, "" for no
 * more; words[1] lost */
static napi_value events_read(napi_env env, napi_callback_info info) {
  HOT(KIND_ENGINE);
  char *buffer = NULL;
  size_t capacity = 32 * 1024;
  size_t length = 0;
  uint64_t cursor = arena->words[0];
  uint64_t lost = 0;
  napi_value lines = NULL;
  do {
    free(buffer);
    if (length > capacity) capacity = length;
    buffer = malloc(capacity);
    if (buffer == NULL) return throw_memory(env);
    arena->status = tidegate_events_read(engine, &cursor, buffer, capacity, &length, &lost);
  } while (arena->status == TIDEGATE_E_SPACE && length > capacity);
  if (arena->status == TIDEGATE_OK) napi_create_string_utf8(env, buffer, length, &lines);
  free(buffer);
  arena->words[0] = cursor;
  arena->words[1] = lost;
  return lines;
}

const struct function events_functions[] = {
    {"eventsRead", events_read},
    {NULL, NULL},
};
