//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result limiter_open(tidegate_engine *e, const char *name, const char *config, uint64_t *out)
{
    return capi_done(tidegate_limiter_open(e, name, config, (tidegate_limiter *)out));
}

static capi_result limiter_peek(tidegate_engine *e, uint64_t id, const char *key, size_t length,
                                uint32_t cost, tidegate_decision *out)
{
    return capi_done(tidegate_limiter_peek(e, (tidegate_limiter){id}, key, length, cost, out));
}
static capi_result limiter_reserve(tidegate_engine *e, uint64_t id, const char *key, size_t length,
                                   uint32_t cost, uint64_t most, uint64_t *out)
{
    return capi_done(tidegate_limiter_reserve(e, (tidegate_limiter){id}, key, length, cost, most, out));
}
static capi_result limiter_refund(tidegate_engine *e, uint64_t id, const char *key, size_t length, uint32_t cost)
{
    return capi_done(tidegate_limiter_refund(e, (tidegate_limiter){id}, key, length, cost));
}
static capi_result limiter_penalize(tidegate_engine *e, uint64_t id, const char *key, size_t length, uint32_t cost)
{
    return capi_done(tidegate_limiter_penalize(e, (tidegate_limiter){id}, key, length, cost));
}
static capi_result limiter_block(tidegate_engine *e, uint64_t id, const char *key, size_t length, uint64_t ns)
{
    return capi_done(tidegate_limiter_block(e, (tidegate_limiter){id}, key, length, ns));
}
static capi_result limiter_allow(tidegate_engine *e, uint64_t id, const char *key, size_t length, int32_t list)
{
    return capi_done(tidegate_limiter_allow(e, (tidegate_limiter){id}, key, length, list));
}
static capi_result limiter_set_plan(tidegate_engine *e, uint64_t id, const char *key, size_t length, const char *plan)
{
    return capi_done(tidegate_limiter_set_plan(e, (tidegate_limiter){id}, key, length, plan));
}
static capi_result limiter_top(tidegate_engine *e, uint64_t id, uint32_t by, size_t count, char *buffer,
                               size_t capacity, size_t *out_length)
{
    return capi_done(tidegate_limiter_top(e, (tidegate_limiter){id}, by, count, buffer, capacity, out_length));
}
static capi_result limiter_reconfigure(tidegate_engine *e, uint64_t id, const char *config)
{
    return capi_done(tidegate_limiter_reconfigure(e, (tidegate_limiter){id}, config));
}
static capi_result allow_request(tidegate_engine *e, const char *name, const char *key, size_t length)
{
    return capi_done(tidegate_allow_request(e, name, key, length));
}
*/
import "C"

import "unsafe"

// Decision is a tidegate_decision.
type Decision struct {
	Limit        uint64
	Remaining    uint64
	RetryAfterNs uint64
	ResetAfterNs uint64
}

// The same words in the same order: Go's struct is handed to C as it is.
var _ [unsafe.Sizeof(C.tidegate_decision{})]byte = [unsafe.Sizeof(Decision{})]byte{}

// LimiterOpen opens a limiter; without config it must exist.
func LimiterOpen(e Engine, name, config string) (uint64, Result) {
	return open(e, name, config, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.limiter_open(c, n, o, id)
	})
}

// LimiterPeek says what LimiterCheck would, and changes nothing.
func LimiterPeek(e Engine, id uint64, key string, has bool, cost uint32, decision *Decision) Result {
	return result(C.limiter_peek(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)),
		C.uint32_t(cost), (*C.tidegate_decision)(unsafe.Pointer(decision))))
}

// LimiterReserve takes units that may be used after a wait of at most so many nanoseconds.
func LimiterReserve(e Engine, id uint64, key string, has bool, cost uint32, most uint64) (wait uint64, r Result) {
	var out C.uint64_t
	r = result(C.limiter_reserve(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)),
		C.uint32_t(cost), C.uint64_t(most), &out))
	return uint64(out), r
}

// LimiterRefund gives units back.
func LimiterRefund(e Engine, id uint64, key string, has bool, cost uint32) Result {
	return result(C.limiter_refund(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)), C.uint32_t(cost)))
}

// LimiterPenalize takes units whether or not they are there.
func LimiterPenalize(e Engine, id uint64, key string, has bool, cost uint32) Result {
	return result(C.limiter_penalize(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)), C.uint32_t(cost)))
}

// LimiterBlock blocks a key for so many nanoseconds; 0 unblocks it.
func LimiterBlock(e Engine, id uint64, key string, has bool, ns uint64) Result {
	return result(C.limiter_block(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)), C.uint64_t(ns)))
}

// LimiterAllow puts a key on a list: 0 none, 1 allow, 2 deny.
func LimiterAllow(e Engine, id uint64, key string, has bool, list int32) Result {
	return result(C.limiter_allow(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)), C.int32_t(list)))
}

// LimiterSetPlan puts a key on a plan; "" is the limiter's own limit.
func LimiterSetPlan(e Engine, id uint64, key string, has bool, plan string) Result {
	p, r := optional(plan)
	if r.Status != OK {
		return r
	}
	defer free(p)
	return result(C.limiter_set_plan(e.c, C.uint64_t(id), bytes(key, has), C.size_t(len(key)), p))
}

// LimiterReconfigure gives a limiter new numbers, and keeps its state.
func LimiterReconfigure(e Engine, id uint64, config string) Result {
	c, r := text(config)
	if r.Status != OK {
		return r
	}
	defer free(c)
	return result(C.limiter_reconfigure(e.c, C.uint64_t(id), c))
}

// LimiterTop writes the keys that use a limiter most (by 0), or are denied most (by 1), as JSON.
func LimiterTop(e Engine, id uint64, by uint32, count int) ([]byte, Result) {
	return grow(nil, func(to *C.char, capacity C.size_t, length *C.size_t) C.capi_result {
		return C.limiter_top(e.c, C.uint64_t(id), C.uint32_t(by), C.size_t(count), to, capacity, length)
	})
}

// AllowRequest takes one unit of the limiter of this name.
func AllowRequest(e Engine, name, key string, has bool) Result {
	n, r := text(name)
	if r.Status != OK {
		return r
	}
	defer free(n)
	return result(C.allow_request(e.c, n, bytes(key, has), C.size_t(len(key))))
}
