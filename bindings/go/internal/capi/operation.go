//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result operation_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_operation_open(e, name, options, (tidegate_operation *)out));
}
static capi_result operation_read(tidegate_engine *e, uint64_t id, double window,
                                  tidegate_operation_reading *out)
{
    return capi_done(tidegate_operation_read(e, (tidegate_operation){id}, window, out));
}
*/
import "C"

import "unsafe"

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

// OperationRead reads what the calls of an operation were.
func OperationRead(e Engine, id uint64, window float64) (OperationReading, Result) {
	var reading OperationReading
	r := result(C.operation_read(e.c, C.uint64_t(id), C.double(window), (*C.tidegate_operation_reading)(unsafe.Pointer(&reading))))
	return reading, r
}
