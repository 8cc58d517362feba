package tidegate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var errDown = errors.New("down")

func TestABulkheadBoundsWhatIsInFlight(t *testing.T) {
	e := engine(t, Config{Bulkheads: map[string]BulkheadConfig{"db": {MaxConcurrent: 2}}})
	b := must[Bulkhead](t)(e.Bulkhead("db", nil))
	one := must[BulkheadPermit](t)(b.Enter())
	two := must[BulkheadPermit](t)(b.Enter())
	_, err := b.Enter()
	is(t, err, ErrDenied)
	same(t, "text", "tidegate: denied by bulkhead db", err.Error())
	if err := one.Leave(); err != nil {
		t.Error(err)
	}
	is(t, one.Leave(), ErrState)
	calls := 0
	work := func(context.Context) error { calls++; return errDown }
	for range 3 {
		same(t, "passed on", errDown, b.Do(t.Context(), work))
	}
	two.Leave()
	same(t, "calls", 3, calls)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	is(t, b.Do(cancelled, work), context.Canceled)
	same(t, "not called", 3, calls)
	is(t, BulkheadPermit{}.Leave(), ErrStale)
	is(t, second(Bulkhead{}.Enter()), ErrStale)
}

// A permit comes back whatever becomes of the function that has it.
func TestPermitsComeBack(t *testing.T) {
	e := engine(t, Config{Bulkheads: map[string]BulkheadConfig{"db": {MaxConcurrent: 1}}})
	b := must[Bulkhead](t)(e.Bulkhead("db", nil))
	for range 3 {
		func() {
			defer func() { same(t, "the panic goes on", "oh", fmt.Sprint(recover())) }()
			b.Do(t.Context(), func(context.Context) error { panic("oh") })
		}()
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Do(t.Context(), func(context.Context) error { runtime.Goexit(); return nil })
		}()
		<-done
		ctx, cancel := context.WithCancel(t.Context())
		err := b.Do(ctx, func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() })
		is(t, err, context.Canceled)
	}
	must[BulkheadPermit](t)(b.Enter())
	// The engine may go before the function does.
	b2 := must[Bulkhead](t)(e.Bulkhead("other", &BulkheadConfig{MaxConcurrent: 1}))
	is(t, b2.Do(t.Context(), func(context.Context) error { e.Close(); return errDown }), errDown)
	is(t, second(b2.Enter()), ErrClosed)
}

func TestNeverMoreInsideThanAllowed(t *testing.T) {
	e := engine(t, Config{})
	b := must[Bulkhead](t)(e.Bulkhead("db", &BulkheadConfig{MaxConcurrent: 3}))
	var inside, most, calls atomic.Int64
	var done sync.WaitGroup
	for range 16 {
		done.Add(1)
		go func() {
			defer done.Done()
			for range 200 {
				err := b.Do(context.Background(), func(context.Context) error {
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					runtime.Gosched()
					calls.Add(1)
					inside.Add(-1)
					return nil
				})
				if err != nil && !errors.Is(err, ErrDenied) {
					t.Error(err)
				}
			}
		}()
	}
	done.Wait()
	if most.Load() > 3 || calls.Load() == 0 {
		t.Errorf("%d inside at once, %d calls", most.Load(), calls.Load())
	}
}

func TestRetryTriesAgainAndGivesUp(t *testing.T) {
	e := engine(t, Config{})
	r := must[Retry](t)(e.Retry("r", &RetryConfig{MaxAttempts: 4, Base: time.Millisecond, Max: 2 * time.Millisecond, Jitter: "none"}))
	calls := 0
	failing := func(context.Context) error { calls++; return errDown }
	same(t, "the last error", errDown, r.Do(t.Context(), failing))
	same(t, "attempts", 4, calls)

	calls = 0
	err := r.Do(t.Context(), func(context.Context) error {
		if calls++; calls < 3 {
			return errDown
		}
		return nil
	})
	same(t, "success", nil, err)
	same(t, "attempts", 3, calls)

	calls = 0
	is(t, r.Do(t.Context(), func(ctx context.Context) error { return Permanent(failing(ctx)) }), errDown)
	same(t, "permanent", 1, calls)

	value, err := Call(t.Context(), r, func(context.Context) (int, error) { return 7, nil })
	same(t, "value", 7, value)
	same(t, "error", nil, err)

	is(t, second(r.Next(0, 0, 0)), ErrArgument)
	is(t, second(r.Next(5, 0, 0)), ErrDenied)
	is(t, Retry{}.Do(t.Context(), failing), ErrStale)
}

func TestRetryWaitsWhatTheServerAsked(t *testing.T) {
	e := engine(t, Config{})
	r := must[Retry](t)(e.Retry("r", &RetryConfig{Base: time.Millisecond, Jitter: "none"}))
	begun := time.Now()
	calls := 0
	r.Do(t.Context(), func(context.Context) error {
		if calls++; calls == 1 {
			return RetryAfter(errDown, 50*time.Millisecond)
		}
		return nil
	})
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Error(took)
	}
}

func TestACancelledRetrySaysBoth(t *testing.T) {
	e := engine(t, Config{})
	r := must[Retry](t)(e.Retry("r", &RetryConfig{Base: time.Minute, Max: time.Minute, Jitter: "none"}))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	err := r.Do(ctx, func(context.Context) error { return errDown })
	is(t, err, context.Canceled)
	is(t, err, errDown)
	is(t, r.Do(ctx, func(context.Context) error { t.Error("called"); return nil }), context.Canceled)
}

func TestOutcomesOfErrors(t *testing.T) {
	for err, want := range map[error]Outcome{
		nil:                            Success,
		errDown:                        Failure,
		context.DeadlineExceeded:       Failure,
		context.Canceled:               Ignored,
		Ignore(errDown):                Ignored,
		fmt.Errorf("%w", Ignore(nil)):  Failure,
		&Denied{Guard: "limiter"}:      Ignored,
		Permanent(Ignore(errDown)):     Ignored,
		RetryAfter(errDown, time.Hour): Failure,
	} {
		same(t, fmt.Sprint(err), want, OutcomeOf(err))
	}
	same(t, "code", "E7", CodeOf(Ignore(WithCode(errDown, "E7"))))
	same(t, "text", "down", Permanent(Ignore(WithCode(RetryAfter(errDown, 1), "E7"))).Error())
	is(t, Permanent(Ignore(WithCode(RetryAfter(errDown, 1), "E7"))), errDown)
	for _, err := range []error{Ignore(nil), Permanent(nil), WithCode(nil, "x"), RetryAfter(nil, 1)} {
		same(t, "nil stays nil", nil, err)
	}
}

func TestAnOperationIsLatencyOutcomeAndCode(t *testing.T) {
	e := engine(t, Config{})
	o := must[Operation](t)(e.Operation("db.query", &MetricOptions{SlowSeconds: 0.1}))
	for range 6 {
		if err := o.Record(20*time.Millisecond, Success, ""); err != nil {
			t.Fatal(err)
		}
	}
	o.Record(200*time.Millisecond, Failure, "timeout")
	o.Record(10*time.Millisecond, Ignored, "a code that is so long that it does not fit into the space that is kept for it, with ü")
	is(t, o.Do(t.Context(), func(context.Context) error { return WithCode(errDown, "E7") }), errDown)
	call := must[OperationCall](t)(o.Begin())
	advance(t, e, 300*time.Millisecond)
	if err := call.End(Failure, "late"); err != nil {
		t.Error(err)
	}
	r := must[OperationReading](t)(o.Read(0))
	same(t, "count", 10, r.Count)
	same(t, "successes", 6, r.Successes)
	same(t, "failures", 3, r.Failures)
	same(t, "ignored", 1, r.Ignored)
	same(t, "slow", 2, r.Slow)
	same(t, "max", 0.3, math.Round(r.Max*1e6)/1e6)
	func() {
		defer func() { recover() }()
		o.Do(t.Context(), func(context.Context) error { panic(1) })
	}()
	same(t, "a panic is a failure", 4, must[OperationReading](t)(o.Read(0)).Failures)
	is(t, o.Record(-1, Success, ""), ErrArgument)
	is(t, o.Record(1, Success, "code"), ErrArgument)
	is(t, o.Record(1, 9, ""), ErrArgument)
	is(t, o.Record(1, Failure, "n\x00"), ErrArgument)
	is(t, second(o.Read(-1)), ErrArgument)
	is(t, Operation{}.Record(1, Success, ""), ErrStale)
}

func TestHealth(t *testing.T) {
	e := engine(t, Config{})
	probe := func(p Probe) string {
		status, http, err := e.Health(p)
		return fmt.Sprint(status, http, err)
	}
	same(t, "live", "healthy 200 <nil>", probe(Liveness))
	same(t, "not yet", "unhealthy 503 <nil>", probe(Startup))
	e.StartupDone()
	same(t, "started", "healthy 200 <nil>", probe(Startup))
	same(t, "ready", "healthy 200 <nil>", probe(Readiness))
	if err := e.ReportError("database", errDown, time.Minute); err != nil {
		t.Fatal(err)
	}
	same(t, "down", "unhealthy 503 <nil>", probe(Readiness))
	e.ReportError("database", nil, time.Minute)
	same(t, "up", "healthy 200 <nil>", probe(Readiness))
	if err := e.Heartbeat(); err != nil {
		t.Error(err)
	}
	_, _, err := e.Health(9)
	is(t, err, ErrArgument)
	is(t, e.Report("x", HealthReport{Health: 9}), ErrArgument)
	is(t, e.Report("x", HealthReport{TTL: -1}), ErrArgument)
}

func TestKeysOfABulkheadHaveRoomOfTheirOwn(t *testing.T) {
	e := engine(t, Config{Bulkheads: map[string]BulkheadConfig{"tenant": {MaxConcurrent: 1, Keyed: true}}})
	b := must[Bulkhead](t)(e.Bulkhead("tenant", nil))
	permit := must[BulkheadPermit](t)(b.Key("acme", "eu").Enter())
	is(t, second(b.Key("acme", "eu").Enter()), ErrDenied)
	must[BulkheadPermit](t)(b.Key("acme", "us").Enter())
	if err := permit.LeaveWith(Success, time.Millisecond); err != nil {
		t.Error(err)
	}
	is(t, permit.LeaveWith(Success, 0), ErrState)
	must[BulkheadPermit](t)(b.Key("acme", "eu").Enter())
	same(t, "in use", 2, must[BulkheadReading](t)(b.Read()).InUse)
}

func TestDifferentPartsAreDifferentKeys(t *testing.T) {
	seen := map[string][]string{}
	parts := []string{"", "a", "b", "ab", "\xff", "\xfe", "\xfe\x00", "\xfe\x01", "\xffa"}
	for _, one := range parts {
		for _, two := range parts {
			for _, list := range [][]string{{one, two}, {one, two, ""}, {one, two, "\xff"}} {
				key := joined(list[0], list[1:])
				if other, ok := seen[key]; ok {
					t.Errorf("%q and %q are both %q", other, list, key)
				}
				seen[key] = list
			}
		}
	}
	same(t, "as in every language", "acme\xff7", joined("acme", []string{"7"}))
}

func TestAThrottleHoldsBack(t *testing.T) {
	e := engine(t, Config{})
	th := must[Throttle](t)(e.Throttle("up", &ThrottleConfig{Seed: 7}))
	calls := 0
	for range 400 {
		err := th.Do(t.Context(), func(context.Context) error { calls++; return errDown })
		if !errors.Is(err, errDown) {
			is(t, err, ErrDenied)
		}
	}
	if calls > 300 || calls < 50 {
		t.Errorf("%d of 400 calls were made", calls)
	}
	is(t, th.Report(9), ErrArgument)
	is(t, Throttle{}.Acquire(), ErrStale)
}

func TestAChainAsksAllAndSaysWhoRefused(t *testing.T) {
	e := engine(t, Config{
		Limiters:  map[string]LimiterConfig{"api": {Rate: 10, Burst: 3, Keyed: true}},
		Bulkheads: map[string]BulkheadConfig{"db": {MaxConcurrent: 2}},
		Breakers:  map[string]BreakerConfig{"db": tripping},
		Guards:    map[string]GuardConfig{"orders": {Limiter: "api", Bulkhead: "db", Breaker: "db"}},
	})
	g := must[Guard](t)(e.Guard("orders", nil)).Key("ada")
	refused := func(want string) {
		t.Helper()
		_, err := g.Acquire(1, 1)
		var denied *Denied
		if !errors.As(err, &denied) || denied.Guard != want {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	one := must[GuardPermit](t)(g.Acquire(1, 1))
	two := must[GuardPermit](t)(g.Acquire(1, 1))
	refused("bulkhead")
	one.Report(Success, time.Millisecond)
	is(t, g.Do(t.Context(), func(context.Context) error { return errDown }), errDown)
	refused("limiter")
	two.Report(Failure, time.Millisecond)
	func() {
		defer func() { recover() }()
		must[Guard](t)(e.Guard("orders", nil)).Key("bob").Do(t.Context(), func(context.Context) error { panic(1) })
	}()
	b := must[Breaker](t)(e.Breaker("db", nil))
	same(t, "failures", "open", phase(t, b))
	advance(t, e, time.Second)
	refused("breaker")
	same(t, "nothing is held", 0, must[BulkheadReading](t)(must[Bulkhead](t)(e.Bulkhead("db", nil)).Read()).InUse)
	b.SetMode(BreakerClosed)
	is(t, second(must[Guard](t)(e.Guard("orders", nil)).Acquire(1, 1)), ErrArgument)
	is(t, second(g.Acquire(0, 1)), ErrArgument)
	is(t, second(Guard{}.Acquire(1, 1)), ErrStale)
	is(t, GuardPermit{}.Report(Success, 0), ErrStale)
}
