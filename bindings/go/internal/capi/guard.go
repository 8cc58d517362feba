//go:build cgo && linux && (amd64 || arm64)

package capi

/*
#include "shim.h"

#cgo noescape bulkhead_enter_key
#cgo nocallback bulkhead_enter_key

static capi_result bulkhead_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_bulkhead_open(e, name, config, (tidegate_bulkhead *)out));
}
static capi_number bulkhead_enter(uintptr_t gate, uint64_t id)
{
    uint64_t out = 0;
    tidegate_engine *e = capi_enter(gate);
    capi_result result = CAPI_INSIDE(e, tidegate_bulkhead_enter(e, (tidegate_bulkhead){id}, &out));
    return (capi_number){result, out};
}
static capi_result bulkhead_leave(uintptr_t gate, uint64_t id, uint64_t permit)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_bulkhead_leave(e, (tidegate_bulkhead){id}, permit));
}
static capi_number bulkhead_enter_key(uintptr_t gate, uint64_t id, const char *key, size_t length)
{
    uint64_t out = 0;
    tidegate_engine *e = capi_enter(gate);
    capi_result result = CAPI_INSIDE(e, tidegate_bulkhead_enter_key(e, (tidegate_bulkhead){id}, key, length, &out));
    return (capi_number){result, out};
}
static capi_result bulkhead_leave_with(uintptr_t gate, uint64_t id, uint64_t permit, int32_t outcome, double seconds)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_bulkhead_leave_with(e, (tidegate_bulkhead){id}, permit, outcome, seconds));
}
static capi_result bulkhead_read(tidegate_engine *e, uint64_t id, tidegate_bulkhead_reading *out)
{
    return capi_done(tidegate_bulkhead_read(e, (tidegate_bulkhead){id}, out));
}
static capi_result throttle_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_throttle_open(e, name, config, (tidegate_throttle *)out));
}
static capi_result throttle_acquire(uintptr_t gate, uint64_t id)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_throttle_acquire(e, (tidegate_throttle){id}));
}
static capi_result throttle_report(uintptr_t gate, uint64_t id, int32_t outcome)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_throttle_report(e, (tidegate_throttle){id}, outcome));
}
static capi_result retry_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_retry_open(e, name, config, (tidegate_retry *)out));
}
static capi_number retry_next(uintptr_t gate, uint64_t id, uint32_t attempt, uint64_t elapsed,
                              uint64_t asked)
{
    uint64_t out = 0;
    tidegate_engine *e = capi_enter(gate);
    tidegate_retry retry = {id};
    capi_result result = CAPI_INSIDE(e, elapsed == 0 && asked == 0
        ? tidegate_retry_next(e, retry, attempt, &out)
        : tidegate_retry_next_after(e, retry, attempt, elapsed, asked, &out));
    return (capi_number){result, out};
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
	n := C.bulkhead_enter_key(e.gate, C.uint64_t(id), bytes(key, true), C.size_t(len(key)))
	return uint64(n.number), result(n.result)
}

// BulkheadLeaveWith gives a permit back and tells how the call went.
func BulkheadLeaveWith(e Engine, id, permit uint64, outcome int32, seconds float64) Result {
	return result(C.bulkhead_leave_with(e.gate, C.uint64_t(id), C.uint64_t(permit), C.int32_t(outcome), C.double(seconds)))
}

// BulkheadRead reads a bulkhead's numbers.
func BulkheadRead(e Engine, id uint64) (BulkheadReading, Result) {
	var reading BulkheadReading
	r := result(C.bulkhead_read(e.c, C.uint64_t(id), (*C.tidegate_bulkhead_reading)(unsafe.Pointer(&reading))))
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
	return result(C.throttle_acquire(e.gate, C.uint64_t(id)))
}

// ThrottleReport tells how a call ended.
func ThrottleReport(e Engine, id uint64, outcome int32) Result {
	return result(C.throttle_report(e.gate, C.uint64_t(id), C.int32_t(outcome)))
}

// BulkheadOpen opens a bulkhead; without config it must exist.
func BulkheadOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.bulkhead_open(c, n, o, id)
	})
}

// BulkheadEnter goes in, if there is room.
func BulkheadEnter(e Engine, id uint64) (permit uint64, r Result) {
	n := C.bulkhead_enter(e.gate, C.uint64_t(id))
	return uint64(n.number), result(n.result)
}

// BulkheadLeave gives a permit back.
func BulkheadLeave(e Engine, id, permit uint64) Result {
	return result(C.bulkhead_leave(e.gate, C.uint64_t(id), C.uint64_t(permit)))
}

// RetryOpen opens a retry; without config it must exist.
func RetryOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.retry_open(c, n, o, id)
	})
}

// RetryNext tells how long to wait before an attempt. elapsed and asked are 0 when not known.
func RetryNext(e Engine, id uint64, attempt uint32, elapsed, asked uint64) (delay uint64, r Result) {
	n := C.retry_next(e.gate, C.uint64_t(id), C.uint32_t(attempt), C.uint64_t(elapsed), C.uint64_t(asked))
	return uint64(n.number), result(n.result)
}
