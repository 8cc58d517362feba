//go:build cgo && linux && (amd64 || arm64)

package capi

/*
#include "shim.h"

#cgo noescape bulkhead_enter
#cgo nocallback bulkhead_enter
#cgo noescape bulkhead_leave
#cgo nocallback bulkhead_leave
#cgo noescape retry_next
#cgo nocallback retry_next

static capi_result bulkhead_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_bulkhead_open(e, name, config, (tidegate_bulkhead *)out));
}
static capi_result bulkhead_enter(tidegate_engine *e, uint64_t id, uint64_t *out)
{
    return capi_done(tidegate_bulkhead_enter(e, (tidegate_bulkhead){id}, out));
}
static capi_result bulkhead_leave(tidegate_engine *e, uint64_t id, uint64_t permit)
{
    return capi_done(tidegate_bulkhead_leave(e, (tidegate_bulkhead){id}, permit));
}
static capi_result retry_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_retry_open(e, name, config, (tidegate_retry *)out));
}
static capi_result retry_next(tidegate_engine *e, uint64_t id, uint32_t attempt, uint64_t elapsed,
                              uint64_t asked, uint64_t *out)
{
    if (elapsed == 0 && asked == 0) {
        return capi_done(tidegate_retry_next(e, (tidegate_retry){id}, attempt, out));
    }
    return capi_done(
        tidegate_retry_next_after(e, (tidegate_retry){id}, attempt, elapsed, asked, out));
}
*/
import "C"

// BulkheadOpen opens a bulkhead; without config it must exist.
func BulkheadOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.bulkhead_open(c, n, o, id)
	})
}

// BulkheadEnter goes in, if there is room.
func BulkheadEnter(e Engine, id uint64) (permit uint64, r Result) {
	var out C.uint64_t
	r = result(C.bulkhead_enter(e.c, C.uint64_t(id), &out))
	return uint64(out), r
}

// BulkheadLeave gives a permit back.
func BulkheadLeave(e Engine, id, permit uint64) Result {
	return result(C.bulkhead_leave(e.c, C.uint64_t(id), C.uint64_t(permit)))
}

// RetryOpen opens a retry; without config it must exist.
func RetryOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.retry_open(c, n, o, id)
	})
}

// RetryNext tells how long to wait before an attempt. elapsed and asked are 0 when not known.
func RetryNext(e Engine, id uint64, attempt uint32, elapsed, asked uint64) (delay uint64, r Result) {
	var out C.uint64_t
	r = result(C.retry_next(e.c, C.uint64_t(id), C.uint32_t(attempt), C.uint64_t(elapsed), C.uint64_t(asked), &out))
	return uint64(out), r
}
