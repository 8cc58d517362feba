package tidegate

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// lifetime lets calls into an engine and ends it when none is inside any more.
//
// A call counts itself in and out in words of its scheduler slot: two plain adds, no word that all
// goroutines fight for. To end, the flag is raised, then a grace period passes. Whoever was between
// reading the flag and counting itself in has done so by then, and nobody comes after. From there
// on the words only change until all that went in are out.
type lifetime struct {
	ended atomic.Bool
	slots []slot
}

type slot struct {
	in, out atomic.Uint64
	_       [112]byte // two cache lines of its own: processors fetch them in pairs
}

func (l *lifetime) begin() { l.slots = make([]slot, slotCount()+1) }

// slotCount is how many scheduler slots are given words of their own. GOMAXPROCS may be raised
// later; calls beyond share the last word, atomically.
func slotCount() int { return max(runtime.GOMAXPROCS(0), runtime.NumCPU()) }

// enter counts a call in; false when the engine is closed. The call ends with leave.
func (l *lifetime) enter() bool {
	if !pin.Exclusive {
		l.slots[0].in.Add(1)
		if l.ended.Load() {
			l.slots[0].out.Add(1)
			return false
		}
		return true
	}
	p := pin.Pin()
	if l.ended.Load() {
		pin.Unpin()
		return false
	}
	if last := len(l.slots) - 1; p < last {
		pin.Count(&l.slots[p].in)
	} else {
		l.slots[last].in.Add(1)
	}
	pin.Unpin()
	return true
}

func (l *lifetime) leave() {
	p := pin.Pin()
	if last := len(l.slots) - 1; pin.Exclusive && p < last {
		pin.Count(&l.slots[p].out)
	} else {
		l.slots[last].out.Add(1)
	}
	pin.Unpin()
}

// end closes the door and waits until everybody is out; false when it was closed before.
func (l *lifetime) end() bool {
	if l.ended.Swap(true) {
		return false
	}
	pin.Grace()
	for pause := time.Microsecond; !l.empty(); pause = min(2*pause, time.Millisecond) {
		time.Sleep(pause)
	}
	// What the last ones did before they counted themselves out is done for every processor.
	pin.Grace()
	return true
}

func (l *lifetime) empty() bool {
	var out, in uint64
	for i := range l.slots {
		out += l.slots[i].out.Load()
	}
	for i := range l.slots {
		in += l.slots[i].in.Load()
	}
	return in == out
}
