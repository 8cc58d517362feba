//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

static capi_result events_read(tidegate_engine *e, uint64_t *cursor, char *buffer, size_t capacity,
                               size_t *out_length, uint64_t *out_lost)
{
    return capi_done(tidegate_events_read(e, cursor, buffer, capacity, out_length, out_lost));
}
*/
import "C"

import "unsafe"

// EventsRead reads whole lines into buffer from cursor on, and moves cursor behind them. length is
// what was written, or with ESpace what the first line needs.
func EventsRead(e Engine, cursor uint64, buffer []byte) (next uint64, length int, lost uint64, r Result) {
	at, size, missed := C.uint64_t(cursor), C.size_t(0), C.uint64_t(0)
	r = result(C.events_read(e.c, &at, (*C.char)(unsafe.Pointer(unsafe.SliceData(buffer))),
		C.size_t(len(buffer)), &size, &missed))
	return uint64(at), int(size), uint64(missed), r
}
