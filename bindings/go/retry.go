package tidegate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Retry decides how long to wait before another attempt, and when to give up. Its budget, if it has
// one, is shared by all processes of the region. A handle is a small value: copy it, compare it,
// keep it. The zero Retry tries nothing.
type Retry struct{ s *retry }

type retry struct {
	engine *Engine
	id     uint64
	name   string
}

// Retry opens the retry of this name, and makes it if need be. With a nil config it must exist.
func (e *Engine) Retry(name string, config *RetryConfig) (Retry, error) {
	var r Retry
	err := e.open(name, config, config == nil, capi.RetryOpen, func(id uint64) capi.Result {
		r.s = number(e, id, func() *retry { return &retry{e, id, name} })
		return capi.Result{}
	})
	return r, err
}

// Next tells how long to wait before an attempt; a [Denied] says to give up. Attempts count from 1:
// the first waits for nothing, and is what the budget is measured by. elapsed is the time since the
// first attempt began, asked the wait that the server asked for; 0 where not known.
func (r Retry) Next(attempt uint32, elapsed, asked time.Duration) (time.Duration, error) {
	if r.s == nil {
		return 0, unopened("retry")
	}
	delay, answer := capi.RetryNext(r.s.engine.c, r.s.id, attempt, uint64(max(elapsed, 0)), uint64(max(asked, 0)))
	switch {
	case answer.Status == capi.Denied:
		return 0, &Denied{Guard: "retry", Name: r.s.name}
	case answer.Status < 0:
		return 0, failure(answer)
	}
	return nanoseconds(delay), nil
}

// Do calls fn until it succeeds, and waits in between. It gives up, and returns fn's last error,
// when there have been enough attempts, when the budget is spent, and at once when the error is
// marked by [Permanent] or ctx has ended. When ctx ends during a wait, the error is ctx's and the
// last one of fn.
func (r Retry) Do(ctx context.Context, fn func(context.Context) error) error {
	var last error
	var start time.Time
	for attempt := uint32(1); ; attempt++ {
		if err := ctx.Err(); err != nil {
			return ended(err, last)
		}
		var elapsed time.Duration
		if attempt > 1 {
			elapsed = time.Since(start)
		} else {
			start = time.Now()
		}
		delay, err := r.Next(attempt, elapsed, askedWait(last))
		switch {
		case err != nil && last != nil:
			return last
		case err != nil:
			return err
		}
		if delay > 0 {
			if err := sleep(ctx, delay); err != nil {
				return ended(err, last)
			}
		}
		last = fn(ctx)
		var marked *permanent
		if last == nil || errors.As(last, &marked) || ctx.Err() != nil {
			return last
		}
	}
}

func ended(err, last error) error {
	if last == nil {
		return err
	}
	return fmt.Errorf("%w, after: %w", err, last)
}
