//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result guard_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_guard_open(e, name, config, (tidegate_guard *)out));
}

*/
import "C"

import "unsafe"

// GuardPermit is a tidegate_guard_permit.
type GuardPermit struct{ Bulkhead, Breaker uint64 }

// GuardAnswer is a tidegate_guard_answer.
type GuardAnswer struct {
	RefusedBy, reserved uint32
	RetryAfterNs        uint64
}

var (
	_ [unsafe.Sizeof(C.tidegate_guard_permit{})]byte = [unsafe.Sizeof(GuardPermit{})]byte{}
	_ [unsafe.Sizeof(C.tidegate_guard_answer{})]byte = [unsafe.Sizeof(GuardAnswer{})]byte{}
)

// GuardOpen opens a chain of guards; without config it must exist.
func GuardOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.guard_open(c, n, o, id)
	})
}
