//go:build cgo && linux && (amd64 || arm64)

package capi

/*
#include "shim.h"

#cgo noescape operation_record
#cgo nocallback operation_record
#cgo noescape operation_end
#cgo nocallback operation_end

static capi_result operation_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_operation_open(e, name, options, (tidegate_operation *)out));
}
static capi_result operation_record(uintptr_t gate, uint64_t id, double seconds, int32_t outcome, const char *code)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_operation_record(e, (tidegate_operation){id}, seconds, outcome, code));
}
static capi_result operation_record_plain(uintptr_t gate, uint64_t id, double seconds, int32_t outcome)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_operation_record(e, (tidegate_operation){id}, seconds, outcome, NULL));
}
static capi_number operation_begin(uintptr_t gate, uint64_t id)
{
    uint64_t out = 0;
    tidegate_engine *e = capi_enter(gate);
    capi_result result = CAPI_INSIDE(e, tidegate_operation_begin(e, (tidegate_operation){id}, &out));
    return (capi_number){result, out};
}
static capi_result operation_end(uintptr_t gate, uint64_t id, uint64_t started, int32_t outcome, const char *code)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_operation_end(e, (tidegate_operation){id}, started, outcome, code));
}
static capi_result operation_end_plain(uintptr_t gate, uint64_t id, uint64_t started, int32_t outcome)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_operation_end(e, (tidegate_operation){id}, started, outcome, NULL));
}
static capi_result operation_read(tidegate_engine *e, uint64_t id, double window,
                                  tidegate_operation_reading *out)
{
    return capi_done(tidegate_operation_read(e, (tidegate_operation){id}, window, out));
}
*/
import "C"

import (
	"strings"
	"unsafe"
)

// OperationReading is a tidegate_operation_reading.
type OperationReading struct {
	Count, Successes, Failures, Ignored, Slow uint64
	RatePerSecond, SuccessRatio, ErrorRate    float64
	Average, P50, P90, P95, P99, P999         float64
	Min, Max                                  float64
}

var _ [unsafe.Sizeof(C.tidegate_operation_reading{})]byte = [unsafe.Sizeof(OperationReading{})]byte{}

// OperationOpen opens an operation.
func OperationOpen(e Engine, name, options string) (uint64, Result) {
	return open(e, name, options, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.operation_open(c, n, o, id)
	})
}

// word is room for a short text and its NUL on the stack of the caller.
type word [72]byte

// in copies s with a NUL behind it; false when it does not fit or has a NUL in it.
func (w *word) in(s string) bool {
	if len(s) >= len(w) || strings.IndexByte(s, 0) >= 0 {
		return false
	}
	w[copy(w[:], s)] = 0
	return true
}

// OperationRecord records one call of an operation; "" is no error code.
func OperationRecord(e Engine, id uint64, seconds float64, outcome int32, code string) Result {
	if code == "" {
		return result(C.operation_record_plain(e.gate, C.uint64_t(id), C.double(seconds), C.int32_t(outcome)))
	}
	var w word
	if w.in(code) {
		return result(C.operation_record(e.gate, C.uint64_t(id), C.double(seconds), C.int32_t(outcome),
			(*C.char)(unsafe.Pointer(&w[0]))))
	}
	c, r := text(code)
	if r.Status != OK {
		return r
	}
	defer free(c)
	return result(C.operation_record(e.gate, C.uint64_t(id), C.double(seconds), C.int32_t(outcome), c))
}

// OperationBegin says when a call begins.
func OperationBegin(e Engine, id uint64) (started uint64, r Result) {
	n := C.operation_begin(e.gate, C.uint64_t(id))
	return uint64(n.number), result(n.result)
}

// OperationEnd records a call that began when OperationBegin said.
func OperationEnd(e Engine, id, started uint64, outcome int32, code string) Result {
	if code == "" {
		return result(C.operation_end_plain(e.gate, C.uint64_t(id), C.uint64_t(started), C.int32_t(outcome)))
	}
	var w word
	if w.in(code) {
		return result(C.operation_end(e.gate, C.uint64_t(id), C.uint64_t(started), C.int32_t(outcome),
			(*C.char)(unsafe.Pointer(&w[0]))))
	}
	c, r := text(code)
	if r.Status != OK {
		return r
	}
	defer free(c)
	return result(C.operation_end(e.gate, C.uint64_t(id), C.uint64_t(started), C.int32_t(outcome), c))
}

// OperationRead reads what the calls of an operation were.
func OperationRead(e Engine, id uint64, window float64) (OperationReading, Result) {
	var reading OperationReading
	r := result(C.operation_read(e.c, C.uint64_t(id), C.double(window), (*C.tidegate_operation_reading)(unsafe.Pointer(&reading))))
	return reading, r
}
