package tidegate

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Guard is a chain of guards: one question to all of them, and one report. When one says no, what
// those before it gave is given back. A handle is a small value: copy it, compare it, keep it. The
// zero Guard lets nothing through.
type Guard struct {
	s     *chain
	key   string
	keyed bool
}

type chain struct {
	engine *Engine
	id     uint64
	name   string
}

// GuardPermit is what a call holds that a chain let go on. Give it back once, by Report.
type GuardPermit struct {
	s *chain
	c capi.GuardPermit
}

// Guard opens the chain of this name, and makes it if need be. With a nil config it must exist.
func (e *Engine) Guard(name string, config *GuardConfig) (Guard, error) {
	var g Guard
	err := e.open(name, config, config == nil, capi.GuardOpen, func(id uint64) capi.Result {
		g.s = number(e, id, func() *chain { return &chain{e, id, name} })
		return capi.Result{}
	})
	return g, err
}

// Key is the chain as it is for this key, for those of its guards that have keys.
func (g Guard) Key(key string, more ...string) Guard {
	if len(more) > 0 {
		key = joined(key, more)
	}
	return Guard{g.s, key, true}
}

// refusers are the kinds of guards by the number in an answer.
var refusers = [...]string{"guard", "retry", "bulkhead", "breaker", "throttle", "limiter"}

// Acquire asks every guard of the chain, the limiter for cost units. attempt is for the retry: the
// first try is 1. A [Denied] has the kind of the guard that said no, and the chain's name.
func (g Guard) Acquire(cost, attempt uint32) (GuardPermit, error) {
	if g.s == nil {
		return GuardPermit{}, unopened("guard")
	}
	permit, answer, r := capi.GuardAcquire(g.s.engine.c, g.s.id, g.key, g.keyed, cost, attempt)
	switch {
	case r.Status == capi.Denied:
		kind := refusers[0]
		if int(answer.RefusedBy) < len(refusers) {
			kind = refusers[answer.RefusedBy]
		}
		return GuardPermit{}, &Denied{kind, g.s.name, nanoseconds(answer.RetryAfterNs)}
	case r.Status < 0:
		return GuardPermit{}, failure(r)
	}
	return GuardPermit{g.s, permit}, nil
}

// Report gives back what the call held, with how it ended and how long it took.
func (p GuardPermit) Report(outcome Outcome, took time.Duration) error {
	if p.s == nil {
		return unopened("guard's permit")
	}
	r := capi.GuardReport(p.s.engine.c, p.s.id, p.c, int32(outcome), took.Seconds())
	return failure(r)
}

// Do calls fn as a first attempt of one unit, or returns a [Denied] without calling it, and reports
// how fn ended, by [OutcomeOf]. A panic is reported as a failure, and goes on.
func (g Guard) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	permit, err := g.Acquire(1, 1)
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
