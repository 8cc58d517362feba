package tidegate

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Bulkhead bounds how many calls are in flight at once, in all processes of the region together. A
// handle is a small value: copy it, compare it, keep it. The zero Bulkhead lets nobody in.
type Bulkhead struct{ s *bulkhead }

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

// Enter goes in; a [Denied] when there is no room.
func (b Bulkhead) Enter() (BulkheadPermit, error) {
	if b.s == nil {
		return BulkheadPermit{}, unopened("bulkhead")
	}
	if !b.s.engine.enter() {
		return BulkheadPermit{}, ErrClosed
	}
	permit, r := capi.BulkheadEnter(b.s.engine.c, b.s.id)
	b.s.engine.leave()
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
	if !p.s.engine.enter() {
		return ErrClosed
	}
	r := capi.BulkheadLeave(p.s.engine.c, p.s.id, p.id)
	p.s.engine.leave()
	return failure(r)
}

// Do calls fn inside, or returns a [Denied] without calling it. The place is given back however fn
// ends.
func (b Bulkhead) Do(ctx context.Context, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	permit, err := b.Enter()
	if err != nil {
		return err
	}
	return guarded(ctx, fn, func(Outcome, time.Duration) { permit.Leave() })
}
