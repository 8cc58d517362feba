//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result breaker_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_breaker_open(e, name, config, (tidegate_breaker *)out));
}
static capi_result breaker_set_mode(tidegate_engine *e, uint64_t id, int32_t mode)
{
    return capi_done(tidegate_breaker_set_mode(e, (tidegate_breaker){id}, mode));
}
static capi_result breaker_read(tidegate_engine *e, uint64_t id, tidegate_breaker_reading *out)
{
    return capi_done(tidegate_breaker_read(e, (tidegate_breaker){id}, out));
}
*/
import "C"

import "unsafe"

// BreakerReading is a tidegate_breaker_reading.
type BreakerReading struct {
	Phase                        int32
	Reason                       uint32
	Generation                   uint64
	Calls, Failures, SlowCalls   uint64
	FailureRate, SlowCallRate    float64
	RetryAfterNs                 uint64
	OpenedCount, PermitsOut      uint64
	TrippedCalls                 uint64
	TrippedFailures              uint64
	TrippedSlowCalls, TrippedAge uint64
}

var _ [unsafe.Sizeof(C.tidegate_breaker_reading{})]byte = [unsafe.Sizeof(BreakerReading{})]byte{}

// BreakerOpen opens a breaker; without config it must exist.
func BreakerOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.breaker_open(c, n, o, id)
	})
}

// BreakerSetMode puts a breaker where somebody wants it.
func BreakerSetMode(e Engine, id uint64, mode int32) Result {
	return result(C.breaker_set_mode(e.c, C.uint64_t(id), C.int32_t(mode)))
}

// BreakerRead tells what a breaker sees, and why it last opened.
func BreakerRead(e Engine, id uint64) (BreakerReading, Result) {
	var reading BreakerReading
	r := result(C.breaker_read(e.c, C.uint64_t(id), (*C.tidegate_breaker_reading)(unsafe.Pointer(&reading))))
	return reading, r
}
