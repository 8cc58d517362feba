//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result limiter_headers(tidegate_engine *e, uint64_t id, const tidegate_decision *decision, int32_t verdict,
                                   uint32_t style, char *buffer, size_t capacity, size_t *out_length)
{
    return capi_done(tidegate_limiter_headers(e, (tidegate_limiter){id}, decision, verdict, style, buffer, capacity,
                                              out_length));
}
static capi_result limiter_problem(tidegate_engine *e, uint64_t id, const tidegate_decision *decision, char *buffer,
                                   size_t capacity, size_t *out_length)
{
    return capi_done(tidegate_limiter_problem(e, (tidegate_limiter){id}, decision, buffer, capacity, out_length));
}
*/
import "C"

import "unsafe"

// LimiterHeaders writes the HTTP fields of a decision, each as a line that ends with CR LF.
func LimiterHeaders(e Engine, id uint64, d Decision, verdict int32, style uint32) ([]byte, Result) {
	decision := (*C.tidegate_decision)(unsafe.Pointer(&d))
	return grow(nil, func(to *C.char, capacity C.size_t, length *C.size_t) C.capi_result {
		return C.limiter_headers(e.c, C.uint64_t(id), decision, C.int32_t(verdict), C.uint32_t(style), to, capacity, length)
	})
}

// LimiterProblem writes the problem document of a denial.
func LimiterProblem(e Engine, id uint64, d Decision) ([]byte, Result) {
	decision := (*C.tidegate_decision)(unsafe.Pointer(&d))
	return grow(nil, func(to *C.char, capacity C.size_t, length *C.size_t) C.capi_result {
		return C.limiter_problem(e.c, C.uint64_t(id), decision, to, capacity, length)
	})
}
