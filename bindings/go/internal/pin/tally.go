//go:build !race

package pin

import (
	"sync/atomic"
	"unsafe"
)

// Count adds one to a word of the slot that the caller is pinned to: without a locked instruction,
// since nobody else adds to it.
func Count(word *atomic.Uint64) {
	if Exclusive {
		*(*uint64)(unsafe.Pointer(word))++
	} else {
		word.Add(1)
	}
}
