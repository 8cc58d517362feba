//go:build !tidegate_nolinkname

// Package pin tells a goroutine which scheduler slot (P) it runs on and keeps it there for a few
// instructions, so that it can write a shard that belongs to that slot with plain stores.
//
// Between [Pin] and [Unpin] a goroutine is not preempted: no other goroutine of this process runs
// on its slot, and the world cannot be stopped. So two things hold, and the engine rests on both:
//
//   - one word for each slot has one writer at a time, and the next one sees what it wrote;
//   - once the world was stopped, everything that was pinned before is over ([Grace]).
//
// Nothing between them may block, allocate or call C.
//
// The runtime keeps procPin for packages that reach it by linkname. With the build tag
// tidegate_nolinkname this package does without; see pin_none.go.
package pin

import _ "unsafe" // for go:linkname

// Exclusive says whether Pin gives a slot of one's own.
const Exclusive = true

// Pin keeps the goroutine on its slot and returns the slot's number.
//
//go:linkname Pin runtime.procPin
//go:nosplit
func Pin() int

// Unpin ends what Pin began.
//
//go:linkname Unpin runtime.procUnpin
//go:nosplit
func Unpin()
