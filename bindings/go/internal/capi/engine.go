//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result engine_open(const char *config, tidegate_engine **out)
{
    return capi_done(tidegate_engine_open(config, out));
}
static capi_result engine_attach(const char *path, tidegate_engine **out)
{
    return capi_done(tidegate_engine_attach(path, out));
}
static capi_result config_check(const char *config)
{
    return capi_done(tidegate_config_check(config));
}
static capi_result clock_advance(tidegate_engine *engine, uint64_t by_ns)
{
    return capi_done(tidegate_clock_advance(engine, by_ns));
}
static capi_result tick(tidegate_engine *engine)
{
    return capi_done(tidegate_tick(engine));
}
*/
import "C"

import "unsafe"

// Engine is a tidegate_engine and the gate that lets calls into it; the zero value is none.
//
// The hot functions of this package go through the gate, and are [Closed] after [EngineClose]. The
// others are the caller's to keep out.
type Engine struct {
	c    *C.tidegate_engine
	gate C.uintptr_t
}

func opened(c *C.tidegate_engine, r Result) (Engine, Result) {
	if r.Status != OK {
		return Engine{}, r
	}
	gate := C.capi_gate_make(c)
	if gate == nil {
		C.tidegate_engine_close(c)
		return Engine{}, Result{ESystem, "there is no memory for an engine"}
	}
	return Engine{c, C.uintptr_t(uintptr(unsafe.Pointer(gate)))}, r
}

// EngineOpen opens an engine as a JSON document says.
func EngineOpen(config string) (Engine, Result) {
	c, r := text(config)
	if r.Status != OK {
		return Engine{}, r
	}
	defer free(c)
	var e *C.tidegate_engine
	r = result(C.engine_open(c, &e))
	return opened(e, r)
}

// EngineAttach opens the region at path to look at it.
func EngineAttach(path string) (Engine, Result) {
	c, r := text(path)
	if r.Status != OK {
		return Engine{}, r
	}
	defer free(c)
	var e *C.tidegate_engine
	r = result(C.engine_attach(c, &e))
	return opened(e, r)
}

// EngineLock lets no call through the gate any more, and waits until nobody is inside.
func EngineLock(e Engine) { C.capi_gate_lock(e.gate) }

// EngineClose locks the gate, if that has not been done, and closes the engine. Once.
func EngineClose(e Engine) {
	EngineLock(e)
	C.tidegate_engine_close(e.c)
}

// ConfigCheck checks a document without opening anything.
func ConfigCheck(config string) Result {
	c, r := text(config)
	if r.Status != OK {
		return r
	}
	defer free(c)
	return result(C.config_check(c))
}

// ClockAdvance moves a manual clock on.
func ClockAdvance(e Engine, ns uint64) Result {
	return result(C.clock_advance(e.c, C.uint64_t(ns)))
}

// Tick takes the checkpoints of windows that are due.
func Tick(e Engine) Result { return result(C.tick(e.c)) }
