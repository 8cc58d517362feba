package tidegate

import (
	"context"
	"errors"
	"math"
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

// Successes that Go counts by itself make an operation that reads as one recorded by calls.
func TestRecordingAnOperationIsAsCalling(t *testing.T) {
	e := engine(t, Config{Window: time.Minute})
	options := &MetricOptions{SlowSeconds: 1}
	mine := must[Operation](t)(e.Operation("mine", options))
	theirs := must[Operation](t)(e.Operation("theirs", options))
	batched := must[Operation](t)(e.Operation("batched", options))
	theirs.s.refused.Store(true)
	var batch Batch
	b := batch.Operation(batched)
	random := uint64(7)
	for step := range 20_000 {
		random = random*6364136223846793005 + 1442695040888963407
		took := time.Duration(random >> 34) // up to 1.07 s
		if random>>20%50 == 0 {
			took *= 3
		}
		outcome, code := Success, ""
		if n := random >> 8 % 20; n < 2 {
			outcome, code = Outcome(1+n), "timeout"
		}
		for _, o := range []Operation{mine, theirs} {
			if err := o.Record(took, outcome, code); err != nil {
				t.Fatal(err)
			}
		}
		b.Record(took, outcome)
		if step%500 == 499 {
			batch.Flush()
			advance(t, e, 3*time.Second)
		}
	}
	batch.Flush()
	for _, window := range []time.Duration{0, 50 * time.Second} {
		one, two := must[OperationReading](t)(mine.Read(window)), must[OperationReading](t)(theirs.Read(window))
		three := must[OperationReading](t)(batched.Read(window))
		close := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }
		if !close(one.Average, two.Average) || !close(three.Average, two.Average) {
			t.Errorf("%v: averages %v, %v and %v", window, one.Average, two.Average, three.Average)
		}
		one.Average, three.Average = two.Average, two.Average
		if window > 0 && math.Abs(one.Min/two.Min-1) < 0.008 { // exact over the life, not over a window
			one.Min, three.Min = two.Min, two.Min
		}
		same(t, "mine", two, one)
		same(t, "batched", two, three)
	}
	if pin.Exclusive && len(mine.s.slots) > 0 {
		words := 0
		for p := range mine.s.slots {
			if c := mine.s.at(p); c != nil {
				words += int(*c.successes)
			}
		}
		if words < 10_000 {
			t.Errorf("only %d of 20000 were counted without a call", words)
		}
	}
	is(t, mine.Record(-1, Success, ""), ErrArgument)
	is(t, mine.Record(1, Success, "code"), ErrArgument)
	e.Close()
	is(t, mine.Record(1, Success, ""), ErrClosed)
}

// The slowest calls are all told to the library.
func TestTheSlowestCallsAreListed(t *testing.T) {
	e := engine(t, Config{})
	o := must[Operation](t)(e.Operation("o", nil))
	for i := range 10_000 {
		o.Record(time.Duration(i*7919%10_000)*time.Microsecond, Success, "")
	}
	s := must[*Snapshot](t)(e.Snapshot())
	defer s.Close()
	var said struct {
		Slowest struct {
			Calls []struct{ Seconds float64 } `json:"calls_lifetime"`
		}
	}
	if err := s.Decode(&said); err != nil {
		t.Fatal(err)
	}
	for i, call := range said.Slowest.Calls {
		if want := float64(9_999-i) / 1e6; math.Abs(call.Seconds-want) > 1e-12 {
			t.Errorf("place %d: want %v, got %v", i, want, call.Seconds)
		}
	}
	if len(said.Slowest.Calls) < 5 {
		t.Errorf("%+v", said)
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
