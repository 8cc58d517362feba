package tidegate

import (
	"context"
	"errors"
	"time"
)

// Outcome is how a guarded call ended.
type Outcome int32

// The outcomes. What is ignored counts neither for nor against what was called: the caller went
// away, or was wrong itself.
const (
	Success Outcome = 0
	Failure Outcome = 1
	Ignored Outcome = 2
)

// String returns "success", "failure" or "ignored".
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Failure:
		return "failure"
	case Ignored:
		return "ignored"
	default:
		return "unknown"
	}
}

// OutcomeOf is what Do makes of a function's error. nil is a success. An error marked by [Ignore], a
// denial by another guard and the end of a cancelled call are ignored. Everything else, deadlines
// included, is a failure.
func OutcomeOf(err error) Outcome {
	var marked *ignored
	switch {
	case err == nil:
		return Success
	case errors.As(err, &marked), errors.Is(err, ErrDenied), errors.Is(err, context.Canceled):
		return Ignored
	default:
		return Failure
	}
}

type ignored struct{ error }

func (i *ignored) Unwrap() error { return i.error }

// Ignore marks an error that is not the fault of what was called, such as a request that was wrong:
// breakers do not count it.
func Ignore(err error) error {
	if err == nil {
		return nil
	}
	return &ignored{err}
}

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Permanent marks an error that another attempt would meet again: [Retry.Do] gives up at once.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

type retryAfter struct {
	error
	after time.Duration
}

func (r *retryAfter) Unwrap() error { return r.error }

// RetryAfter marks an error with the wait that a server asked for: [Retry.Do] waits no less.
func RetryAfter(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfter{err, after}
}

// askedWait is the wait that an error asks for.
func askedWait(err error) time.Duration {
	var asked *retryAfter
	if errors.As(err, &asked) {
		return asked.after
	}
	var denied *Denied
	if errors.As(err, &denied) {
		return denied.RetryAfter
	}
	return 0
}

// Doer is a guard around a function: [Breaker], [Bulkhead], [Retry], [Throttle], [Guard] and
// [Operation].
type Doer interface {
	Do(ctx context.Context, fn func(context.Context) error) error
}

// Call is Do for a function that returns a value.
func Call[T any](ctx context.Context, guard Doer, fn func(context.Context) (T, error)) (T, error) {
	var value T
	err := guard.Do(ctx, func(ctx context.Context) (err error) {
		value, err = fn(ctx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}
