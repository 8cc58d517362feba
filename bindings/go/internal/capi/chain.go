//go:build cgo && linux && (amd64 || arm64)

package capi

/*
#include "shim.h"

#cgo noescape guard_acquire
#cgo nocallback guard_acquire

static capi_result guard_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_guard_open(e, name, config, (tidegate_guard *)out));
}

typedef struct capi_answer {
    capi_result result;
    tidegate_guard_permit permit;
    tidegate_guard_answer answer;
} capi_answer;

static capi_answer guard_acquire(uintptr_t gate, uint64_t id, const char *key, size_t length, uint32_t cost,
                                 uint32_t attempt)
{
    capi_answer out = {.permit = {0}};
    tidegate_engine *e = capi_enter(gate);
    out.result = CAPI_INSIDE(e, tidegate_guard_acquire(e, (tidegate_guard){id}, key, length, cost, attempt,
                                                       &out.permit, &out.answer));
    return out;
}
static capi_result guard_report(uintptr_t gate, uint64_t id, uint64_t bulkhead, uint64_t breaker,
                                int32_t outcome, double seconds)
{
    tidegate_guard_permit permit = {.bulkhead = bulkhead, .breaker = breaker};
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_guard_report(e, (tidegate_guard){id}, permit, outcome, seconds));
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

// GuardAcquire asks every guard of a chain.
func GuardAcquire(e Engine, id uint64, key string, has bool, cost, attempt uint32) (permit GuardPermit, answer GuardAnswer, r Result) {
	out := C.guard_acquire(e.gate, C.uint64_t(id), bytes(key, has), C.size_t(len(key)), C.uint32_t(cost), C.uint32_t(attempt))
	return *(*GuardPermit)(unsafe.Pointer(&out.permit)), *(*GuardAnswer)(unsafe.Pointer(&out.answer)), result(out.result)
}

// GuardReport gives back what a call held, with how it ended.
func GuardReport(e Engine, id uint64, permit GuardPermit, outcome int32, seconds float64) Result {
	return result(C.guard_report(e.gate, C.uint64_t(id), C.uint64_t(permit.Bulkhead), C.uint64_t(permit.Breaker),
		C.int32_t(outcome), C.double(seconds)))
}
