//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "hot.h"

#cgo noescape ordinary_call
#cgo nocallback ordinary_call
#cgo noescape ordinary_check
#cgo nocallback ordinary_check
#cgo noescape ordinary_chain
#cgo nocallback ordinary_chain

typedef struct ordinary_called {
    int32_t status;
    capi_call call;
} ordinary_called;
typedef struct ordinary_checked {
    int32_t status;
    capi_check check;
} ordinary_checked;
typedef struct ordinary_chained {
    int32_t status;
    capi_chain chain;
} ordinary_chained;

static capi_result failed_with(int32_t status, uintptr_t message)
{
    return (capi_result){status, (char *)message};
}
static ordinary_called ordinary_call(void *function, capi_call call)
{
    int32_t status = ((int32_t (*)(capi_call *))function)(&call);
    return (ordinary_called){status, call};
}
static ordinary_checked ordinary_check(void *function, capi_check check)
{
    int32_t status = ((int32_t (*)(capi_check *))function)(&check);
    return (ordinary_checked){status, check};
}
static ordinary_chained ordinary_chain(void *function, capi_chain chain)
{
    int32_t status = ((int32_t (*)(capi_chain *))function)(&chain);
    return (ordinary_chained){status, chain};
}
*/
import "C"

import (
	"strings"
	"unsafe"

	"github.com/tidegate/tidegate/bindings/go/internal/direct"
)

// call is a capi_call: it lives on the caller's stack.
type call struct {
	gate    C.uintptr_t
	id      uint64
	key     unsafe.Pointer
	length  uint64
	number  uint64
	other   uint64
	seconds float64
	message uintptr // to the escape analysis a pointer here would be key, too
}

// check is a capi_check.
type check struct {
	call
	decision Decision
}

// chain is a capi_chain.
type chain struct {
	call
	permit GuardPermit
	answer GuardAnswer
}

// The same words in the same order.
var (
	_ [unsafe.Sizeof(C.capi_call{})]byte  = [unsafe.Sizeof(call{})]byte{}
	_ [unsafe.Sizeof(C.capi_check{})]byte = [unsafe.Sizeof(check{})]byte{}
	_ [unsafe.Sizeof(C.capi_chain{})]byte = [unsafe.Sizeof(chain{})]byte{}
)

// made makes the call. Where it cannot be made directly, the record goes over by value: cgo lets no
// pointer pass to memory that holds pointers.
func (c *call) made(function unsafe.Pointer) Result {
	var status int32
	if direct.Available {
		status = direct.Call(function, unsafe.Pointer(c))
	} else {
		called := C.ordinary_call(function, *(*C.capi_call)(unsafe.Pointer(c)))
		status = int32(called.status)
		*c = *(*call)(unsafe.Pointer(&called.call))
	}
	if status < 0 {
		return c.failed(status)
	}
	return Result{Status: status}
}

func (c *check) made(function unsafe.Pointer) Result {
	var status int32
	if direct.Available {
		status = direct.Call(function, unsafe.Pointer(c))
	} else {
		checked := C.ordinary_check(function, *(*C.capi_check)(unsafe.Pointer(c)))
		status = int32(checked.status)
		*c = *(*check)(unsafe.Pointer(&checked.check))
	}
	if status < 0 {
		return c.failed(status)
	}
	return Result{Status: status}
}

func (c *chain) made(function unsafe.Pointer) Result {
	var status int32
	if direct.Available {
		status = direct.Call(function, unsafe.Pointer(c))
	} else {
		chained := C.ordinary_chain(function, *(*C.capi_chain)(unsafe.Pointer(c)))
		status = int32(chained.status)
		*c = *(*chain)(unsafe.Pointer(&chained.chain))
	}
	if status < 0 {
		return c.failed(status)
	}
	return Result{Status: status}
}

// failed is the result of a call that did not go well.
//
//go:noinline
func (c *call) failed(status int32) Result {
	return result(C.failed_with(C.int32_t(status), C.uintptr_t(c.message)))
}

// The functions, by their addresses.
var (
	limiterTake         = unsafe.Pointer(C.capi_limiter_take)
	limiterCheck        = unsafe.Pointer(C.capi_limiter_check)
	breakerAcquire      = unsafe.Pointer(C.capi_breaker_acquire)
	breakerReport       = unsafe.Pointer(C.capi_breaker_report)
	breakerReportPassed = unsafe.Pointer(C.capi_breaker_report_passed)
	breakerState        = unsafe.Pointer(C.capi_breaker_state)
	bulkheadEnter       = unsafe.Pointer(C.capi_bulkhead_enter)
	bulkheadEnterKey    = unsafe.Pointer(C.capi_bulkhead_enter_key)
	bulkheadLeave       = unsafe.Pointer(C.capi_bulkhead_leave)
	bulkheadLeaveWith   = unsafe.Pointer(C.capi_bulkhead_leave_with)
	throttleAcquire     = unsafe.Pointer(C.capi_throttle_acquire)
	throttleReport      = unsafe.Pointer(C.capi_throttle_report)
	retryNext           = unsafe.Pointer(C.capi_retry_next)
	guardAcquire        = unsafe.Pointer(C.capi_guard_acquire)
	guardReport         = unsafe.Pointer(C.capi_guard_report)
	counterAdd          = unsafe.Pointer(C.capi_counter_add)
	gaugeSet            = unsafe.Pointer(C.capi_gauge_set)
	gaugeAdd            = unsafe.Pointer(C.capi_gauge_add)
	histogramRecord     = unsafe.Pointer(C.capi_histogram_record)
	ratioRecord         = unsafe.Pointer(C.capi_ratio_record)
	operationRecord     = unsafe.Pointer(C.capi_operation_record)
	operationBegin      = unsafe.Pointer(C.capi_operation_begin)
	operationEnd        = unsafe.Pointer(C.capi_operation_end)
)

// LimiterTake takes cost units of a limiter without keys, or none.
func LimiterTake(e Engine, id uint64, cost uint32) Result {
	c := call{gate: e.gate, id: id, number: uint64(cost)}
	return c.made(limiterTake)
}

// LimiterTakeKey takes cost units for a key, or none.
func LimiterTakeKey(e Engine, id uint64, key string, cost uint32) Result {
	c := call{gate: e.gate, id: id, key: unsafe.Pointer(bytes(key, true)), length: uint64(len(key)), number: uint64(cost)}
	return c.made(limiterTake)
}

// LimiterCheck is both, and says what is left.
func LimiterCheck(e Engine, id uint64, key string, has bool, cost uint32) (Decision, Result) {
	c := check{call: call{gate: e.gate, id: id, key: unsafe.Pointer(bytes(key, has)), length: uint64(len(key)), number: uint64(cost)}}
	r := c.made(limiterCheck)
	return c.decision, r
}

// BreakerAcquire asks whether a call may go on.
func BreakerAcquire(e Engine, id uint64) (permit uint64, r Result) {
	c := call{gate: e.gate, id: id}
	r = c.made(breakerAcquire)
	return c.number, r
}

// BreakerReport gives a permit back, with what happened.
func BreakerReport(e Engine, id, permit uint64, outcome int32, seconds float64) Result {
	c := call{gate: e.gate, id: id, number: permit, other: uint64(outcome), seconds: seconds}
	return c.made(breakerReport)
}

// BreakerReportPassed tells how a call ended that passed by a view, where the view says so.
func BreakerReportPassed(e Engine, id, passed uint64, outcome int32, seconds float64) Result {
	c := call{gate: e.gate, id: id, number: passed, other: uint64(outcome), seconds: seconds}
	return c.made(breakerReportPassed)
}

// BreakerState tells where a breaker is.
func BreakerState(e Engine, id uint64) (phase int32, r Result) {
	c := call{gate: e.gate, id: id}
	r = c.made(breakerState)
	return int32(c.number), r
}

// BulkheadEnter goes in, if there is room.
func BulkheadEnter(e Engine, id uint64) (permit uint64, r Result) {
	c := call{gate: e.gate, id: id}
	r = c.made(bulkheadEnter)
	return c.number, r
}

// BulkheadEnterKey goes in, if there is room for another call of a key.
func BulkheadEnterKey(e Engine, id uint64, key string) (permit uint64, r Result) {
	c := call{gate: e.gate, id: id, key: unsafe.Pointer(bytes(key, true)), length: uint64(len(key))}
	r = c.made(bulkheadEnterKey)
	return c.number, r
}

// BulkheadLeave gives a permit back.
func BulkheadLeave(e Engine, id, permit uint64) Result {
	c := call{gate: e.gate, id: id, number: permit}
	return c.made(bulkheadLeave)
}

// BulkheadLeaveWith gives a permit back and tells how the call went.
func BulkheadLeaveWith(e Engine, id, permit uint64, outcome int32, seconds float64) Result {
	c := call{gate: e.gate, id: id, number: permit, other: uint64(outcome), seconds: seconds}
	return c.made(bulkheadLeaveWith)
}

// ThrottleAcquire asks whether a call may go on.
func ThrottleAcquire(e Engine, id uint64) Result {
	c := call{gate: e.gate, id: id}
	return c.made(throttleAcquire)
}

// ThrottleReport tells how a call ended.
func ThrottleReport(e Engine, id uint64, outcome int32) Result {
	c := call{gate: e.gate, id: id, other: uint64(outcome)}
	return c.made(throttleReport)
}

// RetryNext tells how long to wait before an attempt. elapsed and asked are 0 when not known.
func RetryNext(e Engine, id uint64, attempt uint32, elapsed, asked uint64) (delay uint64, r Result) {
	c := call{gate: e.gate, id: id, number: uint64(attempt), other: elapsed, length: asked}
	r = c.made(retryNext)
	return c.number, r
}

// GuardAcquire asks every guard of a chain.
func GuardAcquire(e Engine, id uint64, key string, has bool, cost, attempt uint32) (permit GuardPermit, answer GuardAnswer, r Result) {
	c := chain{call: call{gate: e.gate, id: id, key: unsafe.Pointer(bytes(key, has)), length: uint64(len(key)),
		number: uint64(cost), other: uint64(attempt)}}
	r = c.made(guardAcquire)
	return c.permit, c.answer, r
}

// GuardReport gives back what a call held, with how it ended.
func GuardReport(e Engine, id uint64, permit GuardPermit, outcome int32, seconds float64) Result {
	c := chain{call: call{gate: e.gate, id: id, other: uint64(outcome), seconds: seconds}, permit: permit}
	return c.made(guardReport)
}

// CounterAdd adds to a counter by a call.
func CounterAdd(e Engine, id, amount uint64) Result {
	c := call{gate: e.gate, id: id, number: amount}
	return c.made(counterAdd)
}

// GaugeSet sets a gauge.
func GaugeSet(e Engine, id uint64, value float64) Result {
	c := call{gate: e.gate, id: id, seconds: value}
	return c.made(gaugeSet)
}

// GaugeAdd adds to a gauge.
func GaugeAdd(e Engine, id uint64, delta float64) Result {
	c := call{gate: e.gate, id: id, seconds: delta}
	return c.made(gaugeAdd)
}

// HistogramRecord records a value by a call.
func HistogramRecord(e Engine, id uint64, value float64) Result {
	c := call{gate: e.gate, id: id, seconds: value}
	return c.made(histogramRecord)
}

// RatioRecord counts hits and misses.
func RatioRecord(e Engine, id, hits, misses uint64) Result {
	c := call{gate: e.gate, id: id, number: hits, other: misses}
	return c.made(ratioRecord)
}

// OperationRecord records one call of an operation; "" is no error code.
func OperationRecord(e Engine, id uint64, seconds float64, outcome int32, code string) Result {
	c := call{gate: e.gate, id: id, seconds: seconds, other: uint64(outcome)}
	return c.withCode(operationRecord, code)
}

// OperationBegin says when a call begins.
func OperationBegin(e Engine, id uint64) (started uint64, r Result) {
	c := call{gate: e.gate, id: id}
	r = c.made(operationBegin)
	return c.number, r
}

// OperationEnd records a call that began when OperationBegin said.
func OperationEnd(e Engine, id, started uint64, outcome int32, code string) Result {
	c := call{gate: e.gate, id: id, number: started, other: uint64(outcome)}
	return c.withCode(operationEnd, code)
}

// withCode makes a call with an error code beside it.
func (c call) withCode(function unsafe.Pointer, code string) Result {
	if code == "" {
		return c.made(function)
	}
	var short [72]byte // longer codes, if there are any, are copied to memory of C's
	if len(code) < len(short) && strings.IndexByte(code, 0) < 0 {
		copy(short[:], code)
		c.key = unsafe.Pointer(&short)
		return c.made(function)
	}
	long, r := text(code)
	if r.Status != OK {
		return r
	}
	defer free(long)
	c.key = unsafe.Pointer(long)
	return c.made(function)
}
