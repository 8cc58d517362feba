package tidegate

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// Breaker is a circuit breaker: when too much of what is called fails, or is slow, it says no for a
// while, in all processes of the region together. A handle is a small value: copy it, compare it,
// keep it. The zero Breaker lets nothing through.
type Breaker struct{ s *breaker }

type breaker struct {
	engine *Engine
	id     uint64
	name   string
	perSlot[view]
}

// view is how one scheduler slot lets calls through the breaker while it is closed, and counts their
// successes, without a call into C: the rule is that of tidegate_breaker_view.
type view struct {
	state, pass, failing *atomic.Uint64
	successes            unsafe.Pointer // words of this slot, one for each slot of the window that counts
	slow                 time.Duration  // a call that takes longer is reported; 0: none is
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
		b.s = number(e, id, func() *breaker {
			s := &breaker{engine: e, id: id, name: name}
			s.make(e)
			return s
		})
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
//
// While the breaker is closed and nothing fails, Do makes no call into C, and reads no clock unless
// the breaker has BreakerConfig.SlowCall.
func (b Breaker) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.s != nil && pin.Exclusive {
		if passed, slow, ok := b.s.passes(); ok {
			return b.s.pass(ctx, fn, passed, slow)
		}
	}
	return b.ask(ctx, fn)
}

// passes tells whether a call may go on without asking: in which state, and from when on it is slow.
func (s *breaker) passes() (passed uint64, slow time.Duration, ok bool) {
	if v := s.at(pin.Pin()); v != nil {
		passed, slow = v.state.Load(), v.slow
		ok = v.passes(passed)
	}
	pin.Unpin()
	return passed, slow, ok
}

func (v *view) passes(passed uint64) bool {
	return v.pass.Load() == passed && uint32(v.failing.Load()) == 0
}

// pass is Do for a call that goes on without asking.
func (s *breaker) pass(ctx context.Context, fn func(context.Context) error, passed uint64, slow time.Duration) error {
	var start time.Duration
	if slow != 0 {
		start = clock()
	}
	ended := false
	defer func() {
		if !ended { // by a panic
			s.report(passed, Failure, start, slow)
		}
	}()
	err := fn(ctx)
	ended = true
	if err == nil && (slow == 0 || clock()-start <= slow) && s.succeeded(passed) {
		return nil
	}
	s.report(passed, OutcomeOf(err), start, slow)
	return err
}

// succeeded counts a success of a call that passed, if the breaker still is as it was then.
func (s *breaker) succeeded(passed uint64) bool {
	counted := false
	if v := s.at(pin.Pin()); v != nil && v.state.Load() == passed && v.passes(passed) {
		*(*uint64)(unsafe.Add(v.successes, passed>>16%capi.BreakerViewWords*8))++
		counted = true
	}
	pin.Unpin()
	return counted
}

// report reports a call that passed. How long it took only matters if some calls are slow.
func (s *breaker) report(passed uint64, outcome Outcome, start, slow time.Duration) {
	var took time.Duration
	if slow != 0 {
		took = clock() - start
	}
	capi.BreakerReportPassed(s.engine.c, s.id, passed, int32(outcome), took.Seconds())
	s.prepare()
}

// prepare gives the slot that this happens to run on a view, if there is one to be had.
func (s *breaker) prepare() {
	s.perSlot.prepare(s.engine, func(shard uint64) (*view, capi.Result) {
		found, r := capi.ShardBreaker(s.engine.c, shard, s.id)
		slot := nanoseconds(found.SlotNs)
		if r.Status != capi.OK || slot < 2*shortestTick {
			return nil, r
		}
		s.engine.keepTime(slot)
		return &view{found.State, found.Pass, found.Failing, found.Successes, nanoseconds(found.SlowNs)}, r
	})
}

// ask is Do by two calls into C.
func (b Breaker) ask(ctx context.Context, fn func(context.Context) error) error {
	permit, err := b.Acquire()
	if err != nil {
		return err
	}
	b.s.prepare()
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
