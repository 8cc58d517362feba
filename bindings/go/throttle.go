package tidegate

import (
	"context"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Throttle lets a client hold back on its own: the more of its last calls failed, the more of the
// next ones it does not send. It is shared by all processes of the region. A handle is a small value:
// copy it, compare it, keep it. The zero Throttle lets nothing through.
type Throttle struct{ s *throttle }

type throttle struct {
	engine *Engine
	id     uint64
	name   string
}

// Throttle opens the throttle of this name, and makes it if need be. With a nil config it must exist.
func (e *Engine) Throttle(name string, config *ThrottleConfig) (Throttle, error) {
	var t Throttle
	err := e.open(name, config, config == nil, capi.ThrottleOpen, func(id uint64) capi.Result {
		t.s = number(e, id, func() *throttle { return &throttle{e, id, name} })
		return capi.Result{}
	})
	return t, err
}

// Acquire asks whether a call may go on; a [Denied] when not. There is nothing to give back, but tell
// how the call ended by Report.
func (t Throttle) Acquire() error {
	if t.s == nil {
		return unopened("throttle")
	}
	r := capi.ThrottleAcquire(t.s.engine.c, t.s.id)
	if r.Status == capi.Denied {
		return &Denied{Guard: "throttle", Name: t.s.name}
	}
	return failure(r)
}

// Report tells how a call ended that went on.
func (t Throttle) Report(outcome Outcome) error {
	if t.s == nil {
		return unopened("throttle")
	}
	r := capi.ThrottleReport(t.s.engine.c, t.s.id, int32(outcome))
	return failure(r)
}

// Do calls fn, or returns a [Denied] without calling it, and reports how fn ended, by [OutcomeOf].
func (t Throttle) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.Acquire(); err != nil {
		return err
	}
	outcome := Failure
	defer func() { t.Report(outcome) }()
	err := fn(ctx)
	outcome = OutcomeOf(err)
	return err
}
