//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result shard_open(tidegate_engine *e, uint64_t *out)
{
    return capi_done(tidegate_shard_open(e, TIDEGATE_SHARD_INTEGERS, (tidegate_shard *)out));
}
static capi_result shard_close(tidegate_engine *e, uint64_t id)
{
    return capi_done(tidegate_shard_close(e, (tidegate_shard){id}));
}
static capi_result shard_counter(tidegate_engine *e, uint64_t shard, uint64_t counter, uint64_t **out)
{
    return capi_done(tidegate_shard_counter(e, (tidegate_shard){shard}, (tidegate_counter){counter}, out));
}
static capi_result shard_histogram(tidegate_engine *e, uint64_t shard, uint64_t histogram,
                                   tidegate_shard_cells *out)
{
    return capi_done(
        tidegate_shard_histogram(e, (tidegate_shard){shard}, (tidegate_histogram){histogram}, out));
}
static capi_result shard_operation(tidegate_engine *e, uint64_t shard, uint64_t operation,
                                   tidegate_operation_view *out)
{
    return capi_done(
        tidegate_shard_operation(e, (tidegate_shard){shard}, (tidegate_operation){operation}, out));
}
static capi_result shard_breaker(tidegate_engine *e, uint64_t shard, uint64_t breaker,
                                 tidegate_breaker_view *out)
{
    return capi_done(
        tidegate_shard_breaker(e, (tidegate_shard){shard}, (tidegate_breaker){breaker}, out));
}
_Static_assert(TIDEGATE_BREAKER_VIEW_VERSION == 1, "views of version 1 are followed here");
_Static_assert(TIDEGATE_SHARD_LAYOUT_VERSION == 1, "shards of layout 1 are written here");
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// Cells is where the owner of a shard counts one histogram: bucket counts, the sum and the two
// extremes (doubles), all in the region.
type Cells struct {
	Counts       unsafe.Pointer
	Sum          *float64
	Min, Max     *float64
	FirstOctave  uint32
	Octaves      uint32
	FractionBits uint32
}

// ShardOpen takes a shard of integers.
func ShardOpen(e Engine) (uint64, Result) {
	var id C.uint64_t
	r := result(C.shard_open(e.c, &id))
	return uint64(id), r
}

// ShardClose gives a shard back.
func ShardClose(e Engine, shard uint64) Result {
	return result(C.shard_close(e.c, C.uint64_t(shard)))
}

// ShardCounter gives the word where a shard's owner counts one counter.
func ShardCounter(e Engine, shard, counter uint64) (*uint64, Result) {
	var word *C.uint64_t
	r := result(C.shard_counter(e.c, C.uint64_t(shard), C.uint64_t(counter), &word))
	return (*uint64)(unsafe.Pointer(word)), r
}

// ShardHistogram gives the cells where a shard's owner counts one histogram.
func ShardHistogram(e Engine, shard, histogram uint64) (Cells, Result) {
	var c C.tidegate_shard_cells
	r := result(C.shard_histogram(e.c, C.uint64_t(shard), C.uint64_t(histogram), &c))
	if r.Status != OK {
		return Cells{}, r
	}
	return cells(c), r
}

func cells(c C.tidegate_shard_cells) Cells {
	extremes := unsafe.Pointer(c.extremes)
	return Cells{
		Counts:       unsafe.Pointer(c.counts),
		Sum:          (*float64)(unsafe.Pointer(c.sum)),
		Min:          (*float64)(extremes),
		Max:          (*float64)(unsafe.Add(extremes, 8)),
		FirstOctave:  uint32(c.first_octave),
		Octaves:      uint32(c.octaves),
		FractionBits: uint32(c.fraction_bits),
	}
}

// OperationView is where the owner of a shard counts the successes of one operation.
type OperationView struct {
	Cells        Cells
	Successes    *uint64
	Floor, Split *atomic.Uint64
	SlowSeconds  float64
}

// ShardOperation gives the words where a shard's owner counts the successes of one operation.
func ShardOperation(e Engine, shard, operation uint64) (OperationView, Result) {
	var v C.tidegate_operation_view
	r := result(C.shard_operation(e.c, C.uint64_t(shard), C.uint64_t(operation), &v))
	if r.Status != OK {
		return OperationView{}, r
	}
	return OperationView{
		Cells:       cells(v.cells),
		Successes:   (*uint64)(unsafe.Pointer(v.successes)),
		Floor:       (*atomic.Uint64)(unsafe.Pointer(v.floor)),
		Split:       (*atomic.Uint64)(unsafe.Pointer(v.split)),
		SlowSeconds: float64(v.slow_seconds),
	}, r
}

// BreakerViewWords is how many words View.Successes points to.
const BreakerViewWords = C.TIDEGATE_BREAKER_VIEW_WORDS

// View is how the owner of a shard lets calls through a breaker.
type View struct {
	State, Pass, Failing *atomic.Uint64
	Successes            unsafe.Pointer
	SlowNs, SlotNs       uint64
}

// ShardBreaker gives the words by which a shard's owner lets calls through a breaker.
func ShardBreaker(e Engine, shard, breaker uint64) (View, Result) {
	var v C.tidegate_breaker_view
	r := result(C.shard_breaker(e.c, C.uint64_t(shard), C.uint64_t(breaker), &v))
	if r.Status != OK {
		return View{}, r
	}
	return View{
		State:     (*atomic.Uint64)(unsafe.Pointer(v.state)),
		Pass:      (*atomic.Uint64)(unsafe.Pointer(v.pass)),
		Failing:   (*atomic.Uint64)(unsafe.Pointer(v.failing)),
		Successes: unsafe.Pointer(v.successes),
		SlowNs:    uint64(v.slow_ns),
		SlotNs:    uint64(v.slot_ns),
	}, r
}
