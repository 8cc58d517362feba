package tidegate

import (
	"sync/atomic"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// perSlot is what each scheduler slot of this process has of one thing in the region: a counter's word,
// a histogram's cells, a breaker's view. Who is pinned to slot p may use what at(p) gives until it
// unpins: [Engine.Close] takes it away first, and then waits for whoever is pinned.
type perSlot[T any] struct {
	slots []atomic.Pointer[T]
	// given up for good: the region has no room for it
	refused atomic.Bool
}

func (l *perSlot[T]) make(e *Engine) { l.slots = make([]atomic.Pointer[T], len(e.slots)-1) }

// at is slot p's, or nil.
func (l *perSlot[T]) at(p int) *T {
	if p < len(l.slots) {
		return l.slots[p].Load()
	}
	return nil
}

// retire takes everything away.
func (l *perSlot[T]) retire() {
	for i := range l.slots {
		l.slots[i].Store(nil)
	}
}

// prepare gets one for the slot that this happens to run on, if it has none and there is one to be had.
func (l *perSlot[T]) prepare(e *Engine, get func(shard uint64) (*T, capi.Result)) {
	if !pin.Exclusive || l.refused.Load() {
		return
	}
	p := pin.Pin()
	pin.Unpin()
	if p >= len(l.slots) || l.slots[p].Load() != nil || e.shardless[p].Load() {
		return
	}
	if !e.enter() {
		return
	}
	defer e.leave()
	e.mu.Lock()
	defer e.mu.Unlock()
	if shard := e.shardFor(p); shard != 0 {
		found, r := get(shard)
		if r.Status == capi.OK && found != nil {
			l.slots[p].Store(found)
		} else {
			l.refused.Store(true)
		}
	}
}
