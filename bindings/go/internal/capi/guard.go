//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result bulkhead_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_bulkhead_open(e, name, config, (tidegate_bulkhead *)out));
}
static capi_result bulkhead_read(tidegate_engine *e, uint64_t id, tidegate_bulkhead_reading *out)
{
    return capi_done(tidegate_bulkhead_read(e, (tidegate_bulkhead){id}, out));
}
static capi_result throttle_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_throttle_open(e, name, config, (tidegate_throttle *)out));
}
static capi_result retry_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_retry_open(e, name, config, (tidegate_retry *)out));
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

// BulkheadOpen opens a bulkhead; without config it must exist.
func BulkheadOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.bulkhead_open(c, n, o, id)
	})
}

// RetryOpen opens a retry; without config it must exist.
func RetryOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.retry_open(c, n, o, id)
	})
}
