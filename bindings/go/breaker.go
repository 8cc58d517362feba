package tidegate

import (
	"context"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Breaker is a circuit breaker: when too much of what is called fails, or is slow, it says no for a
// while, in all processes of the region together. A handle is a small value: copy it, compare it,
// keep it. The zero Breaker lets nothing through.
type Breaker struct{ s *breaker }

type breaker struct {
	engine *Engine
	id     uint64
	name   string
}

// BreakerPhase is where a breaker is.
type BreakerPhase int32

// The phases. From the first three a breaker moves by itself.
const (
	BreakerClosed       BreakerPhase = 0
	BreakerOpen         BreakerPhase = 1
	BreakerHalfOpen     BreakerPhase = 2
	BreakerForcedOpen   BreakerPhase = 3
	BreakerDisabled     BreakerPhase = 4
	BreakerForcedClosed BreakerPhase = 5
	BreakerMetricsOnly  BreakerPhase = 6
)

// String returns "closed", "open", "half_open", …
func (p BreakerPhase) String() string {
	names := [...]string{"closed", "open", "half_open", "forced_open", "disabled", "forced_closed", "metrics_only"}
	if p < 0 || int(p) >= len(names) {
		return fmt.Sprintf("phase %d", int32(p))
	}
	return names[p]
}

// BreakerReason is why a breaker opened.
type BreakerReason uint32

// The reasons.
const (
	NoReason            BreakerReason = 0
	FailureRate         BreakerReason = 1
	SlowCallRate        BreakerReason = 2
	ConsecutiveFailures BreakerReason = 3
	FailedProbes        BreakerReason = 4
	Forced              BreakerReason = 5
)

// String returns "failure rate", "slow call rate", …
func (r BreakerReason) String() string {
	names := [...]string{"none", "failure rate", "slow call rate", "consecutive failures", "probes", "forced"}
	if int(r) >= len(names) {
		return fmt.Sprintf("reason %d", uint32(r))
	}
	return names[r]
}

// BreakerReading is what a breaker sees, and why it last opened.
type BreakerReading struct {
	Phase  BreakerPhase
	Reason BreakerReason
	// Generation changes with each change of phase.
	Generation uint64
	// Calls, Failures and SlowCalls are those of the window, the rates their shares: NaN below the
	// minimum of calls.
	Calls, Failures, SlowCalls uint64
	FailureRate, SlowCallRate  float64
	// RetryAfter is how long it stays open; 0 unless it is.
	RetryAfter time.Duration
	// OpenedCount is how often it opened, PermitsOut how many calls have not been reported.
	OpenedCount, PermitsOut uint64
	// What it saw when it last opened, and how long ago that was.
	TrippedCalls, TrippedFailures, TrippedSlowCalls uint64
	TrippedAge                                      time.Duration
}

// BreakerPermit is a call that may go on. Give it back once, by Report.
type BreakerPermit struct {
	s  *breaker
	id uint64
}

// Breaker opens the breaker of this name, and makes it if need be. With a nil config it must exist.
func (e *Engine) Breaker(name string, config *BreakerConfig) (Breaker, error) {
	var b Breaker
	err := e.open(name, config, config == nil, capi.BreakerOpen, func(id uint64) capi.Result {
		b.s = number(e, id, func() *breaker { return &breaker{e, id, name} })
		return capi.Result{}
	})
	return b, err
}

// Acquire asks whether a call may go on; a [Denied] when not.
func (b Breaker) Acquire() (BreakerPermit, error) {
	if b.s == nil {
		return BreakerPermit{}, unopened("breaker")
	}
	permit, r := capi.BreakerAcquire(b.s.engine.c, b.s.id)
	switch {
	case r.Status == capi.Denied:
		return BreakerPermit{}, &Denied{Guard: "breaker", Name: b.s.name}
	case r.Status < 0:
		return BreakerPermit{}, failure(r)
	}
	return BreakerPermit{b.s, permit}, nil
}

// Report gives the permit back, with how the call ended and how long it took. A permit from before a
// change of phase is taken, and does not count; one that was reported is an [ErrState].
func (p BreakerPermit) Report(outcome Outcome, took time.Duration) error {
	if p.s == nil {
		return unopened("breaker's permit")
	}
	r := capi.BreakerReport(p.s.engine.c, p.s.id, p.id, int32(outcome), took.Seconds())
	return failure(r)
}

// Do calls fn, or returns a [Denied] without calling it, and reports how fn ended: by [OutcomeOf] its
// error. A panic is reported as a failure, and goes on. When ctx has ended, fn is not called.
func (b Breaker) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	permit, err := b.Acquire()
	if err != nil {
		return err
	}
	start := clock()
	outcome := Failure
	defer func() { permit.Report(outcome, clock()-start) }()
	err = fn(ctx)
	outcome = OutcomeOf(err)
	return err
}

// Phase tells where the breaker is.
func (b Breaker) Phase() (BreakerPhase, error) {
	if b.s == nil {
		return 0, unopened("breaker")
	}
	phase, r := capi.BreakerState(b.s.engine.c, b.s.id)
	return BreakerPhase(phase), failure(r)
}

// SetMode puts the breaker where somebody wants it. BreakerClosed is as new, and by its rules again.
func (b Breaker) SetMode(mode BreakerPhase) error {
	if b.s == nil {
		return unopened("breaker")
	}
	return b.s.engine.call(func() capi.Result { return capi.BreakerSetMode(b.s.engine.c, b.s.id, int32(mode)) })
}

// Read tells what the breaker sees, and why it last opened.
func (b Breaker) Read() (BreakerReading, error) {
	if b.s == nil {
		return BreakerReading{}, unopened("breaker")
	}
	var c capi.BreakerReading
	err := b.s.engine.call(func() (r capi.Result) {
		c, r = capi.BreakerRead(b.s.engine.c, b.s.id)
		return r
	})
	if err != nil {
		return BreakerReading{}, err
	}
	return BreakerReading{
		Phase: BreakerPhase(c.Phase), Reason: BreakerReason(c.Reason), Generation: c.Generation,
		Calls: c.Calls, Failures: c.Failures, SlowCalls: c.SlowCalls,
		FailureRate: c.FailureRate, SlowCallRate: c.SlowCallRate, RetryAfter: nanoseconds(c.RetryAfterNs),
		OpenedCount: c.OpenedCount, PermitsOut: c.PermitsOut,
		TrippedCalls: c.TrippedCalls, TrippedFailures: c.TrippedFailures,
		TrippedSlowCalls: c.TrippedSlowCalls, TrippedAge: nanoseconds(c.TrippedAge),
	}, nil
}
