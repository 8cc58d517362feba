//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

// Package capi is tidegate.h in Go: one function for each of C's, and no policy. It is the only
// package that imports "C".
//
// Functions that are called often go through the engine's gate (gate.h), so that they may be called at
// any time; about the others package tidegate knows whether the engine is still open. The often called
// ones return everything by value. noescape and nocallback cost 3 ns together and save an allocation:
// they stand where a pointer is passed, and nowhere else.
package capi

/*
#cgo CFLAGS: -std=c11
#include "shim.h"
*/
import "C"

import (
	"strings"
	"unsafe"
)

// Result is how a call ended: 0 done, above 0 an answer, below 0 an error with its sentence.
type Result struct {
	Status  int32
	Message string
}

// Statuses.
const (
	OK        = C.TIDEGATE_OK
	Denied    = C.TIDEGATE_DENIED
	EArgument = C.TIDEGATE_E_ARGUMENT
	EConfig   = C.TIDEGATE_E_CONFIG
	ENotFound = C.TIDEGATE_E_NOT_FOUND
	EConflict = C.TIDEGATE_E_CONFLICT
	ECapacity = C.TIDEGATE_E_CAPACITY
	ESpace    = C.TIDEGATE_E_SPACE
	EFormat   = C.TIDEGATE_E_FORMAT
	ESystem   = C.TIDEGATE_E_SYSTEM
	EStale    = C.TIDEGATE_E_STALE
	ERange    = C.TIDEGATE_E_RANGE
	EState    = C.TIDEGATE_E_STATE
	EBug      = C.TIDEGATE_E_BUG
	// Closed is no status of the library: the call came after the engine was closed.
	Closed = C.CAPI_CLOSED
)

func result(r C.capi_result) Result {
	if r.message == nil {
		return Result{Status: int32(r.status)}
	}
	message := C.GoString(r.message)
	C.free(unsafe.Pointer(r.message))
	return Result{int32(r.status), message}
}

// text is a Go string for a function that wants a NUL at its end; nil for none. Free it.
func text(s string) (*C.char, Result) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, Result{EArgument, "a text for tidegate holds a NUL byte"}
	}
	return C.CString(s), Result{}
}

// optional is text, and nil for "".
func optional(s string) (*C.char, Result) {
	if s == "" {
		return nil, Result{}
	}
	return text(s)
}

func free(s *C.char) { C.free(unsafe.Pointer(s)) }

var noBytes [1]byte

// bytes points to the bytes of a key, or is nil where there is no key.
func bytes(key string, has bool) *C.char {
	switch {
	case !has:
		return nil
	case key == "":
		return (*C.char)(unsafe.Pointer(&noBytes[0]))
	default:
		return (*C.char)(unsafe.Pointer(unsafe.StringData(key)))
	}
}

// start points to the first of some bytes, also of none.
func start(data []byte) unsafe.Pointer {
	if len(data) == 0 {
		return unsafe.Pointer(&noBytes[0])
	}
	return unsafe.Pointer(&data[0])
}

// HeaderABI is the version of the header that this package was compiled with.
const HeaderABI = C.TIDEGATE_ABI_VERSION

// ABIVersion is the version of the library that was linked or loaded.
func ABIVersion() uint32 { return uint32(C.tidegate_abi_version()) }

// Version is the library's version as text.
func Version() string { return C.GoString(C.tidegate_version()) }

// StatusName is the name of a status, such as TIDEGATE_E_STALE.
func StatusName(status int32) string {
	return C.GoString(C.tidegate_status_name(C.tidegate_status(status)))
}
