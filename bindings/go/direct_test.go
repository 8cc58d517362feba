package tidegate

import (
	"context"
	"io"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Calls that keep their scheduler slot meet everything that the runtime does beside them: collections,
// the world being stopped, stacks that move, profiles taken in the middle, slots that come and go.
func TestCallsWhileTheRuntimeIsBusy(t *testing.T) {
	e := engine(t, Config{})
	const units, goroutines = 20_000, 8
	l := must[Limiter](t)(e.Limiter("l", &LimiterConfig{Rate: 1, Burst: units}))
	k := must[Limiter](t)(e.Limiter("k", &LimiterConfig{Rate: 1, Burst: units, Keyed: true, MaxKeys: 10}))
	b := must[Bulkhead](t)(e.Bulkhead("b", &BulkheadConfig{MaxConcurrent: goroutines}))
	o := must[Operation](t)(e.Operation("o", nil))

	if err := pprof.StartCPUProfile(io.Discard); err == nil { // it is not when the tests are profiled
		defer pprof.StopCPUProfile()
	}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Add(2)
	go func() {
		defer busy.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	go func() {
		defer busy.Done()
		before := runtime.GOMAXPROCS(0)
		defer runtime.GOMAXPROCS(before)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				runtime.GOMAXPROCS(1 + n%4)
				runtime.Gosched()
			}
		}
	}()

	var admitted, keyed, calls atomic.Uint64
	var done sync.WaitGroup
	for range goroutines {
		done.Add(1)
		go func() {
			defer done.Done()
			for i := range 2 * units / goroutines {
				deep(i%40, func() {
					if l.Allow() {
						admitted.Add(1)
					}
					var part [4]byte // a key in the stack that moves
					copy(part[:], "acme")
					if d, err := k.Key(string(part[:])).Check(1); err != nil {
						t.Error(err)
					} else if d.Allowed {
						keyed.Add(1)
					}
					if err := b.Do(context.Background(), func(context.Context) error { return nil }); err != nil {
						t.Error(err)
					}
					if err := o.Record(1, Failure, strings.Repeat("E", 1+i%3)); err != nil {
						t.Error(err)
					}
					calls.Add(1)
				})
			}
		}()
	}
	done.Wait()
	close(stop)
	busy.Wait()
	same(t, "admitted", uint64(units), admitted.Load())
	same(t, "admitted for the key", uint64(units), keyed.Load())
	reading := must[OperationReading](t)(o.Read(0))
	same(t, "failures", calls.Load(), reading.Failures)
	in := must[BulkheadReading](t)(b.Read())
	same(t, "inside", uint64(0), in.InUse)
}

// deep calls f with so many kilobytes of stack below it.
func deep(kilobytes int, f func()) {
	var room [1024]byte
	if kilobytes == 0 {
		f()
		return
	}
	deep(kilobytes-1, f)
	runtime.KeepAlive(&room)
}

func TestHotCallsAllocateNothing(t *testing.T) {
	e := opened(t, Config{})
	l := must[Limiter](t)(e.Limiter("l", &LimiterConfig{Rate: 1, Burst: 1, Keyed: true}))
	b := must[Breaker](t)(e.Breaker("b", &BreakerConfig{}))
	g := must[Gauge](t)(e.Gauge("g", nil))
	o := must[Operation](t)(e.Operation("o", nil))
	c := must[Guard](t)(e.Guard("c", &GuardConfig{Breaker: "b"}))
	for name, call := range map[string]func(){
		"Allow":   func() { l.Key("ada").Allow() },
		"Check":   func() { l.Key("ada").Check(1) },
		"Set":     func() { g.Set(1) },
		"Record":  func() { o.Record(1, Failure, "timeout") },
		"Report":  func() { p, _ := b.Acquire(); p.Report(Ignored, 1) },
		"Acquire": func() { p, _ := c.Acquire(1, 1); p.Report(Ignored, 1) },
	} {
		if n := testing.AllocsPerRun(100, call); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
