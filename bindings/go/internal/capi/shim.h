/*
 * shim.h: the functions of tidegate.h as Go calls them.
 *
 * A goroutine may go on in another thread after a call, and the sentence of an error belongs to the
 * thread that met it. So each call fetches its sentence before it returns.
 *
 * Calls that services make all the time go through the engine's gate, return what they have to say by
 * value and, where they take no text, no pointer: then Go has nothing to check, to keep or to move.
 */
#ifndef TIDEGATE_GO_SHIM_H
#define TIDEGATE_GO_SHIM_H

#if !defined(__has_include)
#error "tidegate needs gcc 5 or clang to build"
#elif __has_include("archive.h")
#include "archive.h" /* a fingerprint of the archive: when it changes, Go builds and links again */
#endif

#if !__has_include(<tidegate.h>)
#error "tidegate.h is missing: run `go generate ./...` in bindings/go (needs cargo), or use a released module; with -tags tidegate_dynamic pkg-config must find tidegate"
#endif
#include "gate.h"
#include <stdlib.h>
#include <tidegate.h>

/** The status of a call that came after the engine was closed; none of tidegate.h. */
enum { CAPI_CLOSED = -1000 };

/** How a call ended. `message` is NULL, or an error's sentence to free. */
typedef struct capi_result {
    tidegate_status status;
    char *message;
} capi_result;

/** The sentence of this thread's last error, to free; NULL when there is no memory. */
char *capi_last_error(void);

static inline capi_result capi_done(tidegate_status status)
{
    capi_result result = {status, NULL};
    if (__builtin_expect(status < 0, 0)) {
        result.message = capi_last_error();
    }
    return result;
}

static inline capi_result capi_left(tidegate_status status)
{
    capi_result result = capi_done(status);
    capi_leave();
    return result;
}

/** The result of `call`, made between capi_enter(), which gave `engine`, and capi_leave(). */
#define CAPI_INSIDE(engine, call) \
    ((engine) == NULL ? (capi_result){CAPI_CLOSED, NULL} : capi_left(call))

#endif
