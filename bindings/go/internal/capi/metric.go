//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

#cgo noescape histogram_record_many
#cgo nocallback histogram_record_many

static capi_result counter_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_counter_open(e, name, options, (tidegate_counter *)out));
}
static capi_result counter_value(tidegate_engine *e, uint64_t id, uint64_t *out)
{
    return capi_done(tidegate_counter_value(e, (tidegate_counter){id}, out));
}
static capi_result counter_cell(tidegate_engine *e, uint64_t id, uint64_t **out)
{
    return capi_done(tidegate_counter_cell(e, (tidegate_counter){id}, out));
}
static capi_result gauge_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_gauge_open(e, name, options, (tidegate_gauge *)out));
}
static capi_result gauge_value(tidegate_engine *e, uint64_t id, double *out)
{
    return capi_done(tidegate_gauge_value(e, (tidegate_gauge){id}, out));
}
static capi_result histogram_open(tidegate_engine *e, const char *name, const char *options, uint64_t *out)
{
    return capi_done(tidegate_histogram_open(e, name, options, (tidegate_histogram *)out));
}
static capi_result histogram_record_many(uintptr_t gate, uint64_t id, const double *values, size_t count)
{
    tidegate_engine *e = capi_enter(gate);
    return CAPI_INSIDE(e, tidegate_histogram_record_many(e, (tidegate_histogram){id}, values, count));
}
static capi_result histogram_import(tidegate_engine *e, uint64_t id, const char *bytes, size_t length,
                                    double scale, uint64_t *out)
{
    return capi_done(tidegate_histogram_import(e, (tidegate_histogram){id}, bytes, length, scale, out));
}
static capi_result histogram_quantiles(tidegate_engine *e, uint64_t id, double window,
                                       const double *quantiles, size_t count, double *out)
{
    return capi_done(tidegate_histogram_quantiles(e, (tidegate_histogram){id}, window, quantiles, count, out));
}
static capi_result record_metric(tidegate_engine *e, const char *name, double value)
{
    return capi_done(tidegate_record_metric(e, name, value));
}
*/
import "C"

import "unsafe"

type opener func(c *C.tidegate_engine, name, options *C.char, id *C.uint64_t) C.capi_result

// open opens something by name and options ("" for none).
func open(e Engine, name, options string, call opener) (uint64, Result) {
	n, r := text(name)
	if r.Status != OK {
		return 0, r
	}
	defer free(n)
	o, r := optional(options)
	if r.Status != OK {
		return 0, r
	}
	defer free(o)
	var id C.uint64_t
	r = result(call(e.c, n, o, &id))
	return uint64(id), r
}

// CounterOpen opens a counter.
func CounterOpen(e Engine, name, options string) (uint64, Result) {
	return open(e, name, options, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.counter_open(c, n, o, id)
	})
}

// CounterValue reads a counter's total.
func CounterValue(e Engine, id uint64) (uint64, Result) {
	var total C.uint64_t
	r := result(C.counter_value(e.c, C.uint64_t(id), &total))
	return uint64(total), r
}

// CounterCell gives the word that foreign threads add to atomically.
func CounterCell(e Engine, id uint64) (*uint64, Result) {
	var word *C.uint64_t
	r := result(C.counter_cell(e.c, C.uint64_t(id), &word))
	return (*uint64)(unsafe.Pointer(word)), r
}

// GaugeOpen opens a gauge.
func GaugeOpen(e Engine, name, options string) (uint64, Result) {
	return open(e, name, options, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.gauge_open(c, n, o, id)
	})
}

// GaugeValue reads a gauge.
func GaugeValue(e Engine, id uint64) (float64, Result) {
	var value C.double
	r := result(C.gauge_value(e.c, C.uint64_t(id), &value))
	return float64(value), r
}

// HistogramOpen opens a histogram.
func HistogramOpen(e Engine, name, options string) (uint64, Result) {
	return open(e, name, options, func(c *C.tidegate_engine, n, o *C.char, id *C.uint64_t) C.capi_result {
		return C.histogram_open(c, n, o, id)
	})
}

// HistogramRecordMany records several values: all, or none.
func HistogramRecordMany(e Engine, id uint64, values []float64) Result {
	return result(C.histogram_record_many(e.gate, C.uint64_t(id),
		(*C.double)(unsafe.SliceData(values)), C.size_t(len(values))))
}

// HistogramImport records what an HdrHistogram counted.
func HistogramImport(e Engine, id uint64, data []byte, scale float64) (uint64, Result) {
	var count C.uint64_t
	r := result(C.histogram_import(e.c, C.uint64_t(id), (*C.char)(start(data)), C.size_t(len(data)), C.double(scale), &count))
	return uint64(count), r
}

// HistogramQuantiles reads the values at quantiles into out, which is as long.
func HistogramQuantiles(e Engine, id uint64, window float64, quantiles, out []float64) Result {
	return result(C.histogram_quantiles(e.c, C.uint64_t(id), C.double(window),
		(*C.double)(unsafe.SliceData(quantiles)), C.size_t(len(quantiles)),
		(*C.double)(unsafe.SliceData(out))))
}

// RecordMetric records a value by the histogram's name.
func RecordMetric(e Engine, name string, value float64) Result {
	n, r := text(name)
	if r.Status != OK {
		return r
	}
	defer free(n)
	return result(C.record_metric(e.c, n, C.double(value)))
}
