package tidegate

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Bulkhead bounds how many calls are in flight at once, in all processes of the region together. A
// handle is a small value: copy it, compare it, keep it. One with keys is entered through
// [Bulkhead.Key]. The zero Bulkhead lets nobody in.
type Bulkhead struct {
	s     *bulkhead
	key   string
	keyed bool
}

type bulkhead struct {
	engine *Engine
	id     uint64
	name   string
}

// BulkheadPermit is a place inside a bulkhead. Give it back once, by Leave.
type BulkheadPermit struct {
	s  *bulkhead
	id uint64
}

// Bulkhead opens the bulkhead of this name, and makes it if need be. With a nil config it must
// exist.
func (e *Engine) Bulkhead(name string, config *BulkheadConfig) (Bulkhead, error) {
	var b Bulkhead
	err := e.open(name, config, config == nil, capi.BulkheadOpen, func(id uint64) capi.Result {
		b.s = number(e, id, func() *bulkhead { return &bulkhead{e, id, name} })
		return capi.Result{}
	})
	return b, err
}

// Key is the bulkhead as it is for this key: each key has room of its own. Several parts make one
// key, the same in every language.
func (b Bulkhead) Key(key string, more ...string) Bulkhead {
	if len(more) > 0 {
		key = joined(key, more)
	}
	return Bulkhead{b.s, key, true}
}

// Enter goes in; a [Denied] when there is no room.
func (b Bulkhead) Enter() (BulkheadPermit, error) {
	if b.s == nil {
		return BulkheadPermit{}, unopened("bulkhead")
	}
	var permit uint64
	var r capi.Result
	if b.keyed {
		permit, r = capi.BulkheadEnterKey(b.s.engine.c, b.s.id, b.key)
	} else {
		permit, r = capi.BulkheadEnter(b.s.engine.c, b.s.id)
	}
	switch {
	case r.Status == capi.Denied:
		return BulkheadPermit{}, &Denied{Guard: "bulkhead", Name: b.s.name}
	case r.Status < 0:
		return BulkheadPermit{}, failure(r)
	}
	return BulkheadPermit{b.s, permit}, nil
}

// Leave gives the place back; a second time is an [ErrState].
func (p BulkheadPermit) Leave() error {
	if p.s == nil {
		return unopened("bulkhead's permit")
	}
	r := capi.BulkheadLeave(p.s.engine.c, p.s.id, p.id)
	return failure(r)
}

// LeaveWith gives the place back and tells how the call went: an adaptive limit learns from it.
func (p BulkheadPermit) LeaveWith(outcome Outcome, took time.Duration) error {
	if p.s == nil {
		return unopened("bulkhead's permit")
	}
	r := capi.BulkheadLeaveWith(p.s.engine.c, p.s.id, p.id, int32(outcome), took.Seconds())
	return failure(r)
}

// BulkheadReading is a bulkhead's numbers at one moment: how many may be inside, how many are, and
// how many places came back from processes that died.
type BulkheadReading = capi.BulkheadReading

// Read reads the bulkhead's numbers.
func (b Bulkhead) Read() (reading BulkheadReading, err error) {
	if b.s == nil {
		return reading, unopened("bulkhead")
	}
	err = b.s.engine.call(func() (r capi.Result) {
		reading, r = capi.BulkheadRead(b.s.engine.c, b.s.id)
		return r
	})
	return reading, err
}

// Do calls fn inside, or returns a [Denied] without calling it. The place is given back however fn
// ends, with how that was, by [OutcomeOf].
func (b Bulkhead) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	permit, err := b.Enter()
	if err != nil {
		return err
	}
	start := clock()
	outcome := Failure
	defer func() { permit.LeaveWith(outcome, clock()-start) }()
	err = fn(ctx)
	outcome = OutcomeOf(err)
	return err
}
