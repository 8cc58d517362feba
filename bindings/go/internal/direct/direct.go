//go:build linux && !tidegate_nolinkname && !go1.27

// Package direct calls C functions that never wait, as the Go runtime calls its own.
//
// An ordinary call into C gives the goroutine's scheduler slot (P) away before it and takes one back
// after it, since C might wait for ever: two thirds of what an empty call costs. The functions that are
// called here promise in tidegate.h that they never block, and most of them are done in some 20 ns. So
// the slot is kept, as in Go code without a place to preempt: a collection of garbage that is to begin
// waits for the call, as it waits for a loop of that length.
//
// runtime.asmcgocall switches to the thread's own stack, calls, and switches back. Nothing is told to
// the scheduler, so the function must not block, must not call Go, and must not keep the pointer.
// Meanwhile the goroutine's stack does not move and nothing is collected: the argument, and what it
// points to, may be anywhere in Go's memory.
//
// The runtime does not promise this function to others. It has been the same since Go 1.4; this package
// takes it from the toolchains that it was tested with, and elsewhere, or with the build tag
// tidegate_nolinkname, calls are ordinary ones; see direct_none.go.
package direct

import "unsafe"

// Available says whether Call may be used.
const Available = true

// Call calls a C function int32_t f(void *argument) that never blocks.
//
//go:linkname Call runtime.asmcgocall
//go:noescape
func Call(function, argument unsafe.Pointer) int32
