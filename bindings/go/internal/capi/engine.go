//go:build cgo && linux && (amd64 || arm64)

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

// Engine is a tidegate_engine; the zero value is none.
type Engine struct{ c *C.tidegate_engine }

// EngineOpen opens an engine as a JSON document says.
func EngineOpen(config string) (Engine, Result) {
	c, r := text(config)
	if r.Status != OK {
		return Engine{}, r
	}
	defer free(c)
	var e Engine
	r = result(C.engine_open(c, &e.c))
	return e, r
}

// EngineAttach opens the region at path to look at it.
func EngineAttach(path string) (Engine, Result) {
	c, r := text(path)
	if r.Status != OK {
		return Engine{}, r
	}
	defer free(c)
	var e Engine
	r = result(C.engine_attach(c, &e.c))
	return e, r
}

// EngineClose closes an engine that nobody is in any more.
func EngineClose(e Engine) { C.tidegate_engine_close(e.c) }

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
