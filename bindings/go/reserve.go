package tidegate

import (
	"fmt"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Peek says what Check would, and takes nothing.
func (l Limiter) Peek(cost uint32) (Decision, error) {
	var d capi.Decision
	var answer capi.Result
	err := l.call(func(e capi.Engine) capi.Result {
		answer = capi.LimiterPeek(e, l.s.id, l.key, l.keyed, cost, &d)
		return answer
	})
	if err != nil {
		return Decision{}, err
	}
	return decision(&d, answer), nil
}

// Reservation is units that are the caller's after a wait. Sleep for Delay, then go on; or cancel.
type Reservation struct {
	// Delay is how long to wait.
	Delay   time.Duration
	limiter Limiter
	cost    uint32
}

// Reserve takes cost units that may be used after a wait of at most maxWait; a [Denied], which says
// how long it would be, when that is too short. Reservations are served in the order in which they
// were made, whichever process made them.
func (l Limiter) Reserve(cost uint32, maxWait time.Duration) (Reservation, error) {
	if maxWait < 0 {
		return Reservation{}, &Error{CodeArgument, fmt.Sprintf("a wait of %v", maxWait)}
	}
	var wait uint64
	var answer capi.Result
	err := l.call(func(e capi.Engine) capi.Result {
		wait, answer = capi.LimiterReserve(e, l.s.id, l.key, l.keyed, cost, uint64(maxWait))
		return answer
	})
	switch {
	case err != nil:
		return Reservation{}, err
	case answer.Status == capi.Denied:
		return Reservation{}, &Denied{"limiter", l.s.name, nanoseconds(wait)}
	}
	return Reservation{nanoseconds(wait), l, cost}, nil
}

// Cancel gives the units back.
func (r Reservation) Cancel() error { return r.limiter.Refund(r.cost) }

// Refund gives units back, of a call that was not made.
func (l Limiter) Refund(cost uint32) error {
	return l.call(func(e capi.Engine) capi.Result { return capi.LimiterRefund(e, l.s.id, l.key, l.keyed, cost) })
}

// Penalize takes units whether or not they are there.
func (l Limiter) Penalize(cost uint32) error {
	return l.call(func(e capi.Engine) capi.Result { return capi.LimiterPenalize(e, l.s.id, l.key, l.keyed, cost) })
}

// Block denies everything to the key for a while; 0 lets it in again.
func (l Limiter) Block(d time.Duration) error {
	return l.call(func(e capi.Engine) capi.Result {
		return capi.LimiterBlock(e, l.s.id, l.key, l.keyed, uint64(max(d, 0)))
	})
}

// List is a list that a key of a limiter may be on.
type List int32

// The lists: of keys that are always admitted, and never.
const (
	NoList    List = 0
	AllowList List = 1
	DenyList  List = 2
)

// SetList puts the key on a list, or takes it off.
func (l Limiter) SetList(list List) error {
	return l.call(func(e capi.Engine) capi.Result { return capi.LimiterAllow(e, l.s.id, l.key, l.keyed, int32(list)) })
}

func (l Limiter) call(f func(e capi.Engine) capi.Result) error {
	if l.s == nil {
		return unopened("limiter")
	}
	return l.s.engine.call(func() capi.Result { return f(l.s.engine.c) })
}
