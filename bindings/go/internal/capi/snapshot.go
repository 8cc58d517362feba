//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result snapshot_take(tidegate_engine *e, tidegate_snapshot **out)
{
    return capi_done(tidegate_snapshot_take(e, out));
}
static capi_result snapshot_render(const tidegate_snapshot *s, uint32_t format, char *buffer,
                                   size_t capacity, size_t *out_length)
{
    return capi_done(tidegate_snapshot_render(s, format, buffer, capacity, out_length));
}
static capi_result snapshot_render_with(const tidegate_snapshot *s, uint32_t format, const char *options,
                                        char *buffer, size_t capacity, size_t *out_length)
{
    return capi_done(tidegate_snapshot_render_with(s, format, options, buffer, capacity, out_length));
}
static capi_result snapshot_parse(const char *text, size_t length, tidegate_snapshot **out)
{
    return capi_done(tidegate_snapshot_parse(text, length, out));
}
static capi_result snapshot_delta(const tidegate_snapshot *earlier, const tidegate_snapshot *later,
                                  tidegate_snapshot **out)
{
    return capi_done(tidegate_snapshot_delta(earlier, later, out));
}
static capi_result snapshot_merge(const tidegate_snapshot *one, const tidegate_snapshot *other,
                                  tidegate_snapshot **out)
{
    return capi_done(tidegate_snapshot_merge(one, other, out));
}
*/
import "C"

import "unsafe"

// Snapshot is a tidegate_snapshot; the zero value is none.
type Snapshot struct{ c *C.tidegate_snapshot }

// SnapshotTake takes a picture of everything.
func SnapshotTake(e Engine) (Snapshot, Result) {
	var s Snapshot
	r := result(C.snapshot_take(e.c, &s.c))
	return s, r
}

// SnapshotRender appends a snapshot as text to buffer.
func SnapshotRender(s Snapshot, format uint32, buffer []byte) ([]byte, Result) {
	return grow(buffer, func(to *C.char, capacity C.size_t, length *C.size_t) C.capi_result {
		return C.snapshot_render(s.c, C.uint32_t(format), to, capacity, length)
	})
}

// SnapshotRenderWith appends a part of a snapshot as text to buffer.
func SnapshotRenderWith(s Snapshot, format uint32, options string, buffer []byte) ([]byte, Result) {
	o, r := optional(options)
	if r.Status != OK {
		return buffer, r
	}
	defer free(o)
	return grow(buffer, func(to *C.char, capacity C.size_t, length *C.size_t) C.capi_result {
		return C.snapshot_render_with(s.c, C.uint32_t(format), o, to, capacity, length)
	})
}

// SnapshotParse reads a snapshot from its JSON document.
func SnapshotParse(text []byte) (s Snapshot, r Result) {
	r = result(C.snapshot_parse((*C.char)(start(text)), C.size_t(len(text)), &s.c))
	return s, r
}

// SnapshotDelta is what was counted between two snapshots of one region.
func SnapshotDelta(earlier, later Snapshot) (s Snapshot, r Result) {
	r = result(C.snapshot_delta(earlier.c, later.c, &s.c))
	return s, r
}

// SnapshotMerge is two snapshots of different regions as one.
func SnapshotMerge(one, other Snapshot) (s Snapshot, r Result) {
	r = result(C.snapshot_merge(one.c, other.c, &s.c))
	return s, r
}

// SnapshotFree frees a snapshot that nobody reads any more.
func SnapshotFree(s Snapshot) { C.tidegate_snapshot_free(s.c) }

// grow asks for the length of a text, then appends the text to buffer. The length may grow between
// the two calls where the text is not of one moment.
func grow(buffer []byte, call func(*C.char, C.size_t, *C.size_t) C.capi_result) ([]byte, Result) {
	var length C.size_t
	if r := result(call(nil, 0, &length)); r.Status < 0 {
		return buffer, r
	}
	for {
		start := len(buffer)
		if length == 0 {
			return buffer, Result{}
		}
		whole := append(buffer, make([]byte, int(length))...)
		capacity := length
		r := result(call((*C.char)(unsafe.Pointer(&whole[start])), capacity, &length))
		switch {
		case r.Status == ESpace && length > capacity:
			continue
		case r.Status < 0:
			return buffer, r
		default:
			return whole[:start+int(min(length, capacity))], r
		}
	}
}
