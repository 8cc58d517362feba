//go:build cgo && linux && (amd64 || arm64)

package capi

/*
#include "shim.h"

#cgo noescape bulkhead_enter
#cgo nocallback bulkhead_enter
#cgo noescape bulkhead_leave
#cgo nocallback bulkhead_leave
#cgo noescape bulkhead_enter_key
#cgo nocallback bulkhead_enter_key
#cgo noescape bulkhead_leave_with
#cgo nocallback bulkhead_leave_with
#cgo noescape throttle_acquire
#cgo nocallback throttle_acquire
#cgo noescape throttle_report
#cgo nocallback throttle_report
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
static capi_result bulkhead_enter_key(tidegate_engine *e, uint64_t id, const char *key, size_t length,
                                      uint64_t *out)
{
    return capi_done(tidegate_bulkhead_enter_key(e, (tidegate_bulkhead){id}, key, length, out));
}
static capi_result bulkhead_leave_with(tidegate_engine *e, uint64_t id, uint64_t permit, int32_t outcome,
                                       double seconds)
{
    return capi_done(tidegate_bulkhead_leave_with(e, (tidegate_bulkhead){id}, permit, outcome, seconds));
}
static capi_result bulkhead_read(tidegate_engine *e, uint64_t id, void *out)
{
    return capi_done(tidegate_bulkhead_read(e, (tidegate_bulkhead){id}, out));
}
static capi_result throttle_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_throttle_open(e, name, config, (tidegate_throttle *)out));
}
static capi_result throttle_acquire(tidegate_engine *e, uint64_t id)
{
    return capi_done(tidegate_throttle_acquire(e, (tidegate_throttle){id}));
}
static capi_result throttle_report(tidegate_engine *e, uint64_t id, int32_t outcome)
{
    return capi_done(tidegate_throttle_report(e, (tidegate_throttle){id}, outcome));
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

import "unsafe"

// BulkheadReading is a tidegate_bulkhead_reading.
type BulkheadReading struct {
	Limit            uint64
	InUse            uint64
	ReturnedFromDead uint64
}

var _ [unsafe.Sizeof(C.tidegate_bulkhead_reading{})]byte = [unsafe.Sizeof(BulkheadReading{})]byte{}

// BulkheadEnterKey goes in, if there is room for another call of a key.
func BulkheadEnterKey(e Engine, id uint64, key string) (permit uint64, r Result) {
	var out C.uint64_t
	r = result(C.bulkhead_enter_key(e.c, C.uint64_t(id), bytes(key, true), C.size_t(len(key)), &out))
	return uint64(out), r
}

// BulkheadLeaveWith gives a permit back and tells how the call went.
func BulkheadLeaveWith(e Engine, id, permit uint64, outcome int32, seconds float64) Result {
	return result(C.bulkhead_leave_with(e.c, C.uint64_t(id), C.uint64_t(permit), C.int32_t(outcome), C.double(seconds)))
}

// BulkheadRead reads a bulkhead's numbers.
func BulkheadRead(e Engine, id uint64) (BulkheadReading, Result) {
	var reading BulkheadReading
	r := result(C.bulkhead_read(e.c, C.uint64_t(id), unsafe.Pointer(&reading)))
	return reading, r
}

// ThrottleOpen opens a throttle; without config it must exist.
func ThrottleOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.throttle_open(c, n, o, id)
	})
}

// ThrottleAcquire asks whether a call may go on.
func ThrottleAcquire(e Engine, id uint64) Result {
	return result(C.throttle_acquire(e.c, C.uint64_t(id)))
}

// ThrottleReport tells how a call ended.
func ThrottleReport(e Engine, id uint64, outcome int32) Result {
	return result(C.throttle_report(e.c, C.uint64_t(id), C.int32_t(outcome)))
}

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
