/*
 * shim.h: the functions of tidegate.h as Go calls them.
 *
 * A goroutine may go on in another thread after a call, and the sentence of an error belongs to the
 * thread that met it. So each call fetches its sentence before it returns.
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
#include <stdlib.h>
#include <tidegate.h>

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
    if (status < 0) {
        result.message = capi_last_error();
    }
    return result;
}

#endif
