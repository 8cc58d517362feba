package tidegate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var tripping = BreakerConfig{FailureRate: 0.5, MinimumCalls: 4, Window: 30 * time.Second, Open: 10 * time.Second, HalfOpenCalls: 2}

func phase(t *testing.T, b Breaker) string {
	t.Helper()
	return must[BreakerPhase](t)(b.Phase()).String()
}

func TestABreakerOpensAndCloses(t *testing.T) {
	e := engine(t, Config{Breakers: map[string]BreakerConfig{"payments": tripping}})
	b := must[Breaker](t)(e.Breaker("payments", nil))
	calls := 0
	fail := func(context.Context) error { calls++; return errDown }
	good := func(context.Context) error { calls++; return nil }
	for range 2 {
		same(t, "good", nil, b.Do(t.Context(), good))
		same(t, "passed on", errDown, b.Do(t.Context(), fail))
	}
	same(t, "phase", "open", phase(t, b))
	err := b.Do(t.Context(), good)
	is(t, err, ErrDenied)
	same(t, "not called", 4, calls)
	r := must[BreakerReading](t)(b.Read())
	same(t, "reason", FailureRate, r.Reason)
	same(t, "retry after", 10*time.Second, r.RetryAfter)
	same(t, "tripped", 2, r.TrippedFailures)
	advance(t, e, 10*time.Second)
	same(t, "probe", nil, b.Do(t.Context(), good))
	same(t, "phase", "half_open", phase(t, b))
	same(t, "probe", nil, b.Do(t.Context(), good))
	same(t, "phase", "closed", phase(t, b))

	permit := must[BreakerPermit](t)(b.Acquire())
	if err := permit.Report(Success, time.Millisecond); err != nil {
		t.Error(err)
	}
	is(t, permit.Report(Success, time.Millisecond), ErrState)
	is(t, BreakerPermit{}.Report(Success, 0), ErrStale)
	is(t, must[BreakerPermit](t)(b.Acquire()).Report(7, 0), ErrArgument)
	is(t, must[BreakerPermit](t)(b.Acquire()).Report(Success, -1), ErrArgument)
	is(t, b.SetMode(99), ErrArgument)
	if err := b.SetMode(BreakerForcedOpen); err != nil {
		t.Error(err)
	}
	is(t, second(b.Acquire()), ErrDenied)
	is(t, second(Breaker{}.Acquire()), ErrStale)
}

// However the guarded function ends, its permit is reported.
func TestWhatGuardedFunctionsDo(t *testing.T) {
	e := engine(t, Config{})
	open := func(name string) Breaker { return must[Breaker](t)(e.Breaker(name, &tripping)) }

	b := open("panics")
	for range 4 {
		func() {
			defer func() { same(t, "the panic goes on", "oh", fmt.Sprint(recover())) }()
			b.Do(t.Context(), func(context.Context) error { panic("oh") })
		}()
	}
	same(t, "panics are failures", "open", phase(t, b))

	b = open("exits")
	for range 4 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Do(context.Background(), func(context.Context) error { runtime.Goexit(); return nil })
		}()
		<-done
	}
	same(t, "ends of goroutines are failures", "open", phase(t, b))

	b = open("cancelled")
	for range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		is(t, b.Do(ctx, func(context.Context) error { cancel(); return ctx.Err() }), context.Canceled)
		is(t, b.Do(ctx, func(context.Context) error { t.Error("called"); return nil }), context.Canceled)
		is(t, b.Do(t.Context(), func(context.Context) error { return Ignore(errDown) }), errDown)
	}
	r := must[BreakerReading](t)(b.Read())
	same(t, "ignored", "closed 0 0", fmt.Sprint(r.Phase, r.Failures, r.PermitsOut))

	b = open("outlives")
	is(t, b.Do(t.Context(), func(context.Context) error { e.Close(); return errDown }), errDown)
	is(t, second(b.Phase()), ErrClosed)
}

func TestExactlySoManyProbes(t *testing.T) {
	e := engine(t, Config{})
	config := tripping
	config.HalfOpenCalls = 5
	b := must[Breaker](t)(e.Breaker("b", &config))
	b.SetMode(BreakerOpen)
	advance(t, e, 10*time.Second)
	var mu sync.Mutex
	var permits []BreakerPermit
	var done sync.WaitGroup
	for range 32 {
		done.Add(1)
		go func() {
			defer done.Done()
			if p, err := b.Acquire(); err == nil {
				mu.Lock()
				permits = append(permits, p)
				mu.Unlock()
			} else if !errors.Is(err, ErrDenied) {
				t.Error(err)
			}
		}()
	}
	done.Wait()
	same(t, "probes", 5, len(permits))
	for _, p := range permits {
		p.Report(Success, time.Millisecond)
	}
	same(t, "phase", "closed", phase(t, b))
}

func TestEventsAreReadOnceAndLogged(t *testing.T) {
	e := engine(t, Config{})
	b := must[Bulkhead](t)(e.Bulkhead("db", &BulkheadConfig{MaxConcurrent: 1}))
	must[BulkheadPermit](t)(b.Enter())
	deny := func() {
		advance(t, e, time.Minute) // denials are sampled
		is(t, second(b.Enter()), ErrDenied)
	}
	events := e.Events()
	must[[]Event](t)(events.Read())
	ctx, cancel := context.WithCancel(t.Context())
	var text lockedBuffer
	logged := make(chan error)
	go func() { logged <- e.LogEvents(ctx, slog.New(slog.NewTextHandler(&text, nil)), time.Millisecond) }()
	time.Sleep(20 * time.Millisecond)

	deny()
	found := must[[]Event](t)(events.Read())
	if len(found) != 1 {
		t.Fatal(found)
	}
	same(t, "guard", "bulkhead db", found[0].Kind+" "+found[0].Name)
	same(t, "process", os.Getpid(), found[0].PID)
	if len(found[0].Details) == 0 || found[0].At.IsZero() {
		t.Error(found[0])
	}
	same(t, "once", 0, len(must[[]Event](t)(events.Read())))
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(text.String(), "bulkhead=db"); {
		if time.Now().After(deadline) {
			t.Fatal("nothing is logged: ", text.String())
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	is(t, <-logged, context.Canceled)

	for range 300 {
		deny()
	}
	other := e.Events()
	other.cursor, other.buffer = events.cursor, make([]byte, 8) // not even one line
	all := must[[]Event](t)(events.Read())
	same(t, "another reader reads the same", len(all), len(must[[]Event](t)(other.Read())))
	if len(all) < 2 {
		t.Errorf("%d events", len(all))
	}
	e.Close()
	is(t, second(events.Read()), ErrClosed)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
