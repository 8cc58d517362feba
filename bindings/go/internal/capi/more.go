//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result ratio_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_ratio_open(e, name, options, (tidegate_ratio *)out));
}
static capi_result ratio_read(tidegate_engine *e, uint64_t id, double window, uint64_t *hits,
                              uint64_t *misses, double *ratio)
{
    return capi_done(tidegate_ratio_read(e, (tidegate_ratio){id}, window, hits, misses, ratio));
}
static capi_result states_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_enum_open(e, name, options, (tidegate_enum *)out));
}
static capi_result states_set(tidegate_engine *e, uint64_t id, const char *state)
{
    return capi_done(tidegate_enum_set(e, (tidegate_enum){id}, state));
}
static capi_result info_set(tidegate_engine *e, const char *name, const char *labels)
{
    return capi_done(tidegate_info_set(e, name, labels));
}
static capi_result error_report(tidegate_engine *e, const char *code, const char *text)
{
    return capi_done(tidegate_error_report(e, code, text));
}
static capi_result record_exemplar(tidegate_engine *e, uint64_t id, double value, const char *trace)
{
    return capi_done(tidegate_histogram_record_exemplar(e, (tidegate_histogram){id}, value, trace));
}
static capi_result record_detail(tidegate_engine *e, uint64_t id, double seconds, int32_t outcome,
                                 const char *code, const char *message, const char *detail,
                                 const char *trace)
{
    return capi_done(tidegate_operation_record_detail(e, (tidegate_operation){id}, seconds, outcome, code,
                                                      message, detail, trace));
}
*/
import "C"

// texts are several optional texts for one call; "" is NULL. Free them, also when one was refused.
func texts(list ...string) (out []*C.char, r Result) {
	for _, s := range list {
		c, r := optional(s)
		if r.Status != OK {
			return out, r
		}
		out = append(out, c)
	}
	return out, Result{}
}

func freeAll(list []*C.char) {
	for _, c := range list {
		free(c)
	}
}

// RatioOpen opens a ratio.
func RatioOpen(e Engine, name, options string) (uint64, Result) {
	return open(e, name, options, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.ratio_open(c, n, o, id)
	})
}

// RatioRead reads a ratio.
func RatioRead(e Engine, id uint64, window float64) (hits, misses uint64, ratio float64, r Result) {
	var h, m C.uint64_t
	var share C.double
	r = result(C.ratio_read(e.c, C.uint64_t(id), C.double(window), &h, &m, &share))
	return uint64(h), uint64(m), float64(share), r
}

// EnumOpen opens an enum.
func EnumOpen(e Engine, name, options string) (uint64, Result) {
	return open(e, name, options, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.states_open(c, n, o, id)
	})
}

// EnumSet says which state an enum is in.
func EnumSet(e Engine, id uint64, state string) Result {
	s, r := text(state)
	if r.Status != OK {
		return r
	}
	defer free(s)
	return result(C.states_set(e.c, C.uint64_t(id), s))
}

// InfoSet sets an info metric to labels, a JSON object.
func InfoSet(e Engine, name, labels string) Result {
	list, r := texts(name, labels)
	defer freeAll(list)
	if r.Status != OK {
		return r
	}
	return result(C.info_set(e.c, list[0], list[1]))
}

// ErrorReport adds to the log of distinct errors.
func ErrorReport(e Engine, code, message string) Result {
	list, r := texts(code, message)
	defer freeAll(list)
	if r.Status != OK {
		return r
	}
	return result(C.error_report(e.c, list[0], list[1]))
}

// HistogramRecordExemplar records a value that a trace is an example of.
func HistogramRecordExemplar(e Engine, id uint64, value float64, trace string) Result {
	t, r := text(trace)
	if r.Status != OK {
		return r
	}
	defer free(t)
	return result(C.record_exemplar(e.c, C.uint64_t(id), C.double(value), t))
}

// OperationRecordDetail records one call of an operation with what is known about it.
func OperationRecordDetail(e Engine, id uint64, seconds float64, outcome int32, code, message, detail, trace string) Result {
	list, r := texts(code, message, detail, trace)
	defer freeAll(list)
	if r.Status != OK {
		return r
	}
	return result(C.record_detail(e.c, C.uint64_t(id), C.double(seconds), C.int32_t(outcome),
		list[0], list[1], list[2], list[3]))
}
