package tidegate

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// twins are a breaker that Do may pass without a call, and one that is asked each time.
func twins(t *testing.T, e *Engine, config BreakerConfig) (viewed, asked Breaker) {
	t.Helper()
	viewed = must[Breaker](t)(e.Breaker("viewed", &config))
	asked = must[Breaker](t)(e.Breaker("asked", &config))
	asked.s.refused.Store(true)
	return viewed, asked
}

var errBroken = errors.New("broken")

func fails(context.Context) error   { return errBroken }
func works(context.Context) error   { return nil }
func ignores(context.Context) error { return Ignore(errBroken) }

// Whatever happens, a breaker that calls pass without a call into C is where one is that is always asked.
func TestPassingABreakerIsAsAsking(t *testing.T) {
	e := engine(t, Config{})
	viewed, asked := twins(t, e, BreakerConfig{
		FailureRate: 0.5, MinimumCalls: 10, Window: 10 * time.Second, Open: time.Second, HalfOpenCalls: 2})
	passed, openings := 0, 0
	for step, random := 0, uint64(1); step < 20_000; step++ {
		random = random*6364136223846793005 + 1442695040888963407
		fn := works
		switch n := random >> 33 % 100; {
		case step/2000%2 == 1 && n < 60, n < 2:
			fn = fails
		case n == 99:
			fn = ignores
		}
		if _, _, ok := viewed.s.passes(); ok {
			passed++
		}
		one, two := viewed.Do(t.Context(), fn), asked.Do(t.Context(), fn)
		if errors.Is(one, ErrDenied) != errors.Is(two, ErrDenied) || (one == nil) != (two == nil) {
			t.Fatalf("step %d: %v and %v", step, one, two)
		}
		if random>>20%8 == 0 {
			advance(t, e, 50*time.Millisecond)
		}
		if step%100 == 0 {
			a, b := must[BreakerReading](t)(viewed.Read()), must[BreakerReading](t)(asked.Read())
			if a.Phase != b.Phase || a.Calls != b.Calls || a.Failures != b.Failures || a.OpenedCount != b.OpenedCount {
				t.Fatalf("step %d:\n%+v\n%+v", step, a, b)
			}
			openings = int(a.OpenedCount)
		}
	}
	if pin.Exclusive && passed < 5000 || openings < 3 {
		t.Errorf("%d of 20000 calls passed without asking, and it opened %d times", passed, openings)
	}
}

func TestSlowCallsThatPassedAreReported(t *testing.T) {
	e := opened(t, Config{})
	b := must[Breaker](t)(e.Breaker("b", &BreakerConfig{
		SlowCall: 5 * time.Millisecond, SlowCallRate: 0.9, MinimumCalls: 20, Window: time.Minute}))
	for range 200 {
		if err := b.Do(t.Context(), works); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		b.Do(t.Context(), func(context.Context) error { time.Sleep(6 * time.Millisecond); return nil })
	}
	r := must[BreakerReading](t)(b.Read())
	if r.SlowCalls < 3 || r.Calls != 203 {
		t.Errorf("%+v", r)
	}
}

func TestPanicsAndGoexitOfCallsThatPassed(t *testing.T) {
	e := opened(t, Config{})
	b := must[Breaker](t)(e.Breaker("b", &BreakerConfig{MinimumCalls: 20, Window: time.Minute, FailureRate: 0.5}))
	for range 100 {
		b.Do(t.Context(), works)
	}
	for range 3 {
		func() {
			defer func() { same(t, "panic", any("broken"), recover()) }()
			b.Do(t.Context(), func(context.Context) error { panic("broken") })
		}()
		var done sync.WaitGroup
		done.Add(1)
		go func() {
			defer done.Done()
			b.Do(t.Context(), func(context.Context) error { runtime.Goexit(); return nil })
		}()
		done.Wait()
	}
	r := must[BreakerReading](t)(b.Read())
	if r.Failures != 6 || r.Calls != 106 {
		t.Errorf("%+v", r)
	}
}

// No call is lost or counted twice, whichever slot it begins and ends on, and while others fail.
func TestEveryCallThatPassesIsCounted(t *testing.T) {
	e := opened(t, Config{})
	b := must[Breaker](t)(e.Breaker("b", &BreakerConfig{MinimumCalls: 20, Window: time.Hour, FailureRate: 1}))
	const goroutines, rounds = 8, 3000
	var done sync.WaitGroup
	for g := range goroutines {
		done.Add(1)
		go func() {
			defer done.Done()
			for i := range rounds {
				fn := works
				if g == 0 && i%100 == 0 {
					fn = fails
				}
				if err := b.Do(t.Context(), fn); errors.Is(err, ErrDenied) {
					t.Error(err)
				}
			}
		}()
	}
	done.Wait()
	r := must[BreakerReading](t)(b.Read())
	if r.Calls != goroutines*rounds || r.Failures != rounds/100 {
		t.Errorf("%+v", r)
	}
}

func TestBreakersOfAClosedEngine(t *testing.T) {
	e := opened(t, Config{})
	b := must[Breaker](t)(e.Breaker("b", &BreakerConfig{MinimumCalls: 20, Window: time.Minute}))
	for range 100 {
		b.Do(t.Context(), works)
	}
	// Closed during a call: it ends as it ends, and is not counted.
	if err := b.Do(t.Context(), func(context.Context) error { return e.Close() }); err != nil {
		t.Error(err)
	}
	is(t, b.Do(t.Context(), works), ErrClosed)
	is(t, Breaker{}.Do(t.Context(), works), ErrStale)
}
