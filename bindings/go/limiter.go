package tidegate

import (
	"context"
	"math"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Limiter is a rate limit, shared by all processes of the region. A handle is a small value: copy
// it, compare it, keep it. A limiter with keys is asked through [Limiter.Key]. The zero Limiter
// admits nothing.
type Limiter struct {
	s     *limiter
	key   string
	keyed bool
}

type limiter struct {
	engine *Engine
	id     uint64
	name   string
}

// Decision is what a limiter says beside yes or no.
type Decision struct {
	// Allowed says that the units were taken.
	Allowed bool
	// Limit is the burst or limit that decided, in units; Remaining what is left of it now.
	Limit, Remaining uint64
	// RetryAfter is 0 when allowed, else the shortest wait after which the same call could pass.
	RetryAfter time.Duration
	// ResetAfter is until the limiter is full again if nobody calls.
	ResetAfter time.Duration
}

// Limiter opens the limiter of this name, and makes it if need be. With a nil config it must exist:
// be named in Config.Limiters, or opened before by any process of the region.
func (e *Engine) Limiter(name string, config *LimiterConfig) (Limiter, error) {
	var l Limiter
	err := e.open(name, config, config == nil, capi.LimiterOpen, func(id uint64) capi.Result {
		l.s = number(e, id, func() *limiter { return &limiter{e, id, name} })
		return capi.Result{}
	})
	return l, err
}

// Key is the limiter as it is for this key: a user, an address, a token, any bytes. The key itself
// is not stored, only a keyed hash of it. Several parts make one key, the same in every language.
func (l Limiter) Key(key string, more ...string) Limiter {
	if len(more) > 0 {
		key = joined(key, more)
	}
	return Limiter{l.s, key, true}
}

// joined makes one key of several parts: they are separated by the byte FF, and within a part FE
// becomes FE 00 and FF becomes FE 01, so different parts never make the same key.
func joined(key string, more []string) string {
	size := len(key)
	for _, part := range more {
		size += 1 + len(part)
	}
	whole := escaped(make([]byte, 0, size), key)
	for _, part := range more {
		whole = escaped(append(whole, 0xff), part)
	}
	return string(whole)
}

func escaped(whole []byte, part string) []byte {
	for i := range len(part) {
		if part[i] >= 0xfe {
			whole = append(whole, 0xfe, part[i]-0xfe)
		} else {
			whole = append(whole, part[i])
		}
	}
	return whole
}

// Allow takes one unit now, or none. It is false, too, when the call is an error: a closed engine, a
// key that is missing. Check tells.
func (l Limiter) Allow() bool { return l.AllowN(1) }

// AllowN takes n units now, or none.
func (l Limiter) AllowN(n uint32) bool {
	s := l.s
	switch {
	case s == nil:
		return false
	case l.keyed:
		return capi.LimiterTakeKey(s.engine.c, s.id, l.key, n).Status == capi.OK
	default:
		return capi.LimiterTake(s.engine.c, s.id, n).Status == capi.OK
	}
}

// Check takes cost units now, or none, and says what is left and how long to wait. A denial is no
// error, and changes nothing.
func (l Limiter) Check(cost uint32) (Decision, error) {
	if l.s == nil {
		return Decision{}, unopened("limiter")
	}
	d, r := capi.LimiterCheck(l.s.engine.c, l.s.id, l.key, l.keyed, cost)
	if r.Status < 0 {
		return Decision{}, failure(r)
	}
	return decision(&d, r), nil
}

func decision(d *capi.Decision, r capi.Result) Decision {
	return Decision{
		Allowed:    r.Status == capi.OK,
		Limit:      d.Limit,
		Remaining:  d.Remaining,
		RetryAfter: nanoseconds(d.RetryAfterNs),
		ResetAfter: nanoseconds(d.ResetAfterNs),
	}
}

// Wait takes one unit, as soon as there is one. It returns ctx's error when ctx ends first, and at
// once a [Denied] when its deadline is nearer than the unit.
func (l Limiter) Wait(ctx context.Context) error { return l.WaitN(ctx, 1) }

// WaitN takes n units, as soon as they are there: it reserves them, so those who wait are served in
// the order in which they came, and nobody asks twice. When ctx ends, they are given back.
func (l Limiter) WaitN(ctx context.Context, n uint32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	most := time.Duration(math.MaxInt64)
	if deadline, ok := ctx.Deadline(); ok {
		most = max(time.Until(deadline), 0)
	}
	r, err := l.Reserve(n, most)
	if err != nil {
		return err
	}
	if err := sleep(ctx, r.Delay); err != nil {
		// Should that fail, too, the engine was closed, and ctx's error is the one to know.
		_ = r.Cancel()
		return err
	}
	return nil
}

// sleep waits for d or until ctx ends, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// AllowRequest takes one unit of the limiter of this name for this key, or none; "" is no key. It is
// for callers who keep no handles.
func (e *Engine) AllowRequest(limiter, key string) (bool, error) {
	var admitted bool
	err := e.call(func() capi.Result {
		r := capi.AllowRequest(e.c, limiter, key, key != "")
		admitted = r.Status == capi.OK
		return r
	})
	return admitted, err
}
