//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result health(tidegate_engine *e, int32_t probe, int32_t *status, int32_t *http)
{
    return capi_done(tidegate_health(e, probe, status, http));
}
static capi_result health_report(tidegate_engine *e, const char *check, int32_t status, double observed,
                                 const char *message, uint64_t ttl)
{
    return capi_done(tidegate_health_report(e, check, status, observed, message, ttl));
}
static capi_result heartbeat(tidegate_engine *e)
{
    return capi_done(tidegate_heartbeat(e));
}
static capi_result startup_done(tidegate_engine *e)
{
    return capi_done(tidegate_startup_done(e));
}
*/
import "C"

// Health answers a probe: a status, and one for HTTP.
func Health(e Engine, probe int32) (status, http int32, r Result) {
	var s, h C.int32_t
	r = result(C.health(e.c, C.int32_t(probe), &s, &h))
	return int32(s), int32(h), r
}

// HealthReport tells what the application found out itself.
func HealthReport(e Engine, check string, status int32, observed float64, message string, ttl uint64) Result {
	c, r := text(check)
	if r.Status != OK {
		return r
	}
	defer free(c)
	m, r := optional(message)
	if r.Status != OK {
		return r
	}
	defer free(m)
	return result(C.health_report(e.c, c, C.int32_t(status), C.double(observed), m, C.uint64_t(ttl)))
}

// Heartbeat says that this process is at work.
func Heartbeat(e Engine) Result { return result(C.heartbeat(e.c)) }

// StartupDone says that this process has started.
func StartupDone(e Engine) Result { return result(C.startup_done(e.c)) }
