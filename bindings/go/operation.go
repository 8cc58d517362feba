package tidegate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// Operation is what a query, mutation, request or job is: latency, outcome and error code in one
// record. A handle is a small value: copy it, compare it, keep it. The zero Operation records
// nothing.
type Operation struct{ s *operation }

type operation struct {
	engine *Engine
	id     uint64
	name   string
	perSlot[operationCells]
}

// operationCells is where one scheduler slot counts the successes of an operation: the rule is that of
// tidegate_operation_view.
type operationCells struct {
	cells
	successes    *uint64
	floor, split *atomic.Uint64
	slow         float64
}

// OperationReading is what the calls of an operation were, over a window or since it was made. What
// has no number without calls is NaN. Times are in seconds.
type OperationReading = capi.OperationReading

// Operation opens the operation with this name and these labels, and makes it if need be.
func (e *Engine) Operation(name string, options *MetricOptions) (Operation, error) {
	var o Operation
	err := e.open(name, options, options == nil, capi.OperationOpen, func(id uint64) capi.Result {
		o.s = number(e, id, func() *operation {
			s := &operation{engine: e, id: id, name: name}
			s.make(e)
			return s
		})
		return capi.Result{}
	})
	return o, err
}

// Record records one call: how long it took, how it ended and why: few different codes, such as
// "timeout" or "E1234", and "" for a success. A success makes no call into C, unless it is slow, or one
// of the slowest calls.
func (o Operation) Record(took time.Duration, outcome Outcome, code string) error {
	s := o.s
	if s == nil {
		return unopened("operation")
	}
	if pin.Exclusive && outcome == Success && code == "" {
		if c := s.at(pin.Pin()); c != nil && c.succeed(took.Seconds()) {
			pin.Unpin()
			return nil
		}
		pin.Unpin()
	}
	r := capi.OperationRecord(s.engine.c, s.id, took.Seconds(), int32(outcome), code)
	s.prepare()
	return failure(r)
}

// succeed counts a success; false when it is to be told to the library. The caller is pinned.
func (c *operationCells) succeed(seconds float64) bool {
	i := c.bucket(seconds)
	if i >= c.limit || seconds > c.slow || math.Float64bits(seconds) > c.floor.Load() || c.split.Load()>>(i&63)&1 != 0 {
		return false
	}
	c.count(i, seconds)
	*c.successes++
	return true
}

func (s *operation) prepare() {
	s.perSlot.prepare(s.engine, func(shard uint64) (*operationCells, capi.Result) {
		found, r := capi.ShardOperation(s.engine.c, shard, s.id)
		if r.Status != capi.OK {
			return nil, r
		}
		s.engine.keepTime(s.engine.slot())
		return &operationCells{cellsOf(found.Cells), found.Successes, found.Floor, found.Split, found.SlowSeconds}, r
	})
}

// OperationCall is a call of an operation that has begun.
type OperationCall struct {
	s       *operation
	started uint64
}

// Begin begins a call. One that never ends leaves nothing behind.
func (o Operation) Begin() (OperationCall, error) {
	if o.s == nil {
		return OperationCall{}, unopened("operation")
	}
	started, r := capi.OperationBegin(o.s.engine.c, o.s.id)
	if err := failure(r); err != nil {
		return OperationCall{}, err
	}
	return OperationCall{o.s, started}, nil
}

// End records the call.
func (c OperationCall) End(outcome Outcome, code string) error {
	if c.s == nil {
		return unopened("operation's call")
	}
	r := capi.OperationEnd(c.s.engine.c, c.s.id, c.started, int32(outcome), code)
	return failure(r)
}

// Do calls fn and records how long it took and how it ended, by [OutcomeOf] and [CodeOf].
func (o Operation) Do(ctx context.Context, fn func(context.Context) error) (err error) {
	start := clock()
	outcome, code := Failure, "panic"
	defer func() { o.Record(clock()-start, outcome, code) }()
	err = fn(ctx)
	outcome, code = OutcomeOf(err), CodeOf(err)
	return err
}

// Read reads what the calls were: over the last window, at most Config.Window, or for 0 since the
// operation was made.
func (o Operation) Read(window time.Duration) (reading OperationReading, err error) {
	if o.s == nil {
		return reading, unopened("operation")
	}
	if window < 0 {
		return reading, &Error{CodeArgument, fmt.Sprintf("a window of %v", window)}
	}
	err = o.s.engine.call(func() (r capi.Result) {
		reading, r = capi.OperationRead(o.s.engine.c, o.s.id, window.Seconds())
		return r
	})
	return reading, err
}

type coded struct {
	error
	code string
}

func (c *coded) Unwrap() error { return c.error }

// WithCode marks an error with the code that operations count it by. Codes are few: not the text of
// the error.
func WithCode(err error, code string) error {
	if err == nil {
		return nil
	}
	return &coded{err, code}
}

// CodeOf is the code that [Operation.Do] counts an error by: that of [WithCode], or "timeout",
// "canceled", "denied", and "error" for anything else. nil has none.
func CodeOf(err error) string {
	var marked *coded
	switch {
	case err == nil:
		return ""
	case errors.As(err, &marked):
		return marked.code
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, ErrDenied):
		return "denied"
	default:
		return "error"
	}
}
