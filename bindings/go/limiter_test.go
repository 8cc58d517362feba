package tidegate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestALimiterSaysWhatIsLeftAndWhen(t *testing.T) {
	e := engine(t, Config{})
	l := must[Limiter](t)(e.Limiter("api", &LimiterConfig{Rate: 10, Burst: 3}))
	for left := uint64(3); left > 0; left-- {
		d := must[Decision](t)(l.Check(1))
		same(t, "decision", Decision{true, 3, left - 1, 0, time.Duration(4-left) * 100 * time.Millisecond}, d)
	}
	d := must[Decision](t)(l.Check(1))
	same(t, "denied", Decision{false, 3, 0, 100 * time.Millisecond, 300 * time.Millisecond}, d)
	advance(t, e, d.RetryAfter-1)
	same(t, "too early", false, l.Allow())
	advance(t, e, 1)
	same(t, "in time", true, l.Allow())
	is(t, second(l.Check(4)), ErrRange)
	is(t, second(l.Check(0)), ErrArgument)
	is(t, second(l.Key("k").Check(1)), ErrArgument)
	same(t, "an error admits nothing", false, l.Key("k").Allow())
}

func TestKeysHaveLimitsOfTheirOwn(t *testing.T) {
	e := engine(t, Config{Limiters: map[string]LimiterConfig{"login": {Preset: "auth", Keyed: true}}})
	l := must[Limiter](t)(e.Limiter("login", nil))
	for _, key := range []string{"ada", "bob", "", "\x00\xff", string(make([]byte, 1000))} {
		for i := range 7 {
			same(t, key, i < 5, l.Key(key).Allow())
		}
	}
	is(t, second(l.Check(1)), ErrArgument)
	same(t, "handles are equal", true, l.Key("a") == must[Limiter](t)(e.Limiter("login", nil)).Key("a"))
	is(t, second(e.Limiter("login", &LimiterConfig{Preset: "strict"})), ErrConflict)
}

func TestOneLimitForAllGoroutines(t *testing.T) {
	e := engine(t, Config{})
	l := must[Limiter](t)(e.Limiter("api", &LimiterConfig{Rate: 1, Burst: 1000}))
	var admitted atomic.Int64
	var done sync.WaitGroup
	for range 16 {
		done.Add(1)
		go func() {
			defer done.Done()
			for range 200 {
				if l.Allow() {
					admitted.Add(1)
				}
			}
		}()
	}
	done.Wait()
	same(t, "admitted", 1000, admitted.Load())
}

func TestWait(t *testing.T) {
	e := opened(t, Config{})
	l := must[Limiter](t)(e.Limiter("api", &LimiterConfig{Rate: 50, Burst: 1}))
	begun := time.Now()
	for range 4 {
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took < 60*time.Millisecond {
		t.Errorf("four units at 50 a second took %v", took)
	}

	slow := must[Limiter](t)(e.Limiter("slow", &LimiterConfig{Rate: 0.01, Burst: 1}))
	same(t, "first", true, slow.Allow())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	begun = time.Now()
	err := slow.Wait(ctx)
	is(t, err, ErrDenied)
	var denied *Denied
	if !errors.As(err, &denied) || denied.Name != "slow" || denied.RetryAfter < 50*time.Second {
		t.Error(err)
	}
	if time.Since(begun) > 20*time.Second {
		t.Error("a hopeless wait was waited for")
	}

	ctx, cancel = context.WithCancel(t.Context())
	before := must[Decision](t)(slow.Peek(1)).RetryAfter
	time.AfterFunc(20*time.Millisecond, cancel)
	is(t, slow.Wait(ctx), context.Canceled)
	is(t, l.Wait(ctx), context.Canceled)
	// Who gave up waiting holds nothing: the next one waits no longer for it.
	if after := must[Decision](t)(slow.Peek(1)).RetryAfter; after > before {
		t.Errorf("the wait was %v, and is %v", before, after)
	}
	is(t, slow.WaitN(t.Context(), 2), ErrRange)
	is(t, Limiter{}.Wait(t.Context()), ErrStale)
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	is(t, l.Wait(past), context.DeadlineExceeded)
}

// Those who wait are served in the order in which they came, and nobody gets two turns.
func TestWaitersQueue(t *testing.T) {
	e := opened(t, Config{})
	l := must[Limiter](t)(e.Limiter("api", &LimiterConfig{Rate: 100, Burst: 1}))
	same(t, "first", true, l.Allow())
	begun := time.Now()
	var done sync.WaitGroup
	for range 10 {
		done.Add(1)
		go func() {
			defer done.Done()
			if err := l.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}()
	}
	done.Wait()
	if took := time.Since(begun); took < 99*time.Millisecond {
		t.Errorf("ten units at 100 a second took %v", took)
	}
}
