package pin

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestASlotsWordHasOneWriter(t *testing.T) {
	if !Exclusive {
		t.Skip("built with tidegate_nolinkname")
	}
	words := make([]struct {
		count atomic.Uint64
		_     [56]byte
	}, 1024)
	const goroutines, rounds = 16, 10_000
	var done sync.WaitGroup
	for range goroutines {
		done.Add(1)
		go func() {
			defer done.Done()
			for i := range rounds {
				Count(&words[Pin()].count)
				Unpin()
				if i%1000 == 0 {
					runtime.Gosched()
				}
			}
		}()
	}
	done.Wait()
	Grace()
	var sum uint64
	for i := range words {
		sum += words[i].count.Load()
	}
	if sum != goroutines*rounds {
		t.Fatalf("%d of %d adds are there", sum, goroutines*rounds)
	}
}

// After a grace period nobody writes any more who was pinned before it.
func TestGraceWaitsForThePinned(t *testing.T) {
	if !Exclusive {
		t.Skip("built with tidegate_nolinkname")
	}
	for range 10 {
		var open atomic.Bool
		var inside [1024]atomic.Int64
		var stop atomic.Bool
		open.Store(true)
		var done sync.WaitGroup
		for range 4 {
			done.Add(1)
			go func() {
				defer done.Done()
				for !stop.Load() {
					slot := Pin()
					if open.Load() {
						inside[slot].Add(1)
						for range 100 {
							inside[slot].Load()
						}
						inside[slot].Add(-1)
					}
					Unpin()
				}
			}()
		}
		runtime.Gosched()
		open.Store(false)
		Grace()
		for slot := range inside {
			if n := inside[slot].Load(); n != 0 {
				t.Errorf("slot %d: %d still inside", slot, n)
			}
		}
		stop.Store(true)
		done.Wait()
	}
}
