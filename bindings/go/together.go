package tidegate

import (
	"encoding/json"
	"fmt"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// LimiterRequest is one limit of several that are asked together by [Engine.CheckAll].
type LimiterRequest struct {
	// Limiter is the limit, with its key if it has keys: tenants.Key(id).
	Limiter Limiter
	// Cost is how many units to take; 0 is 1.
	Cost uint32
}

// CheckAll takes the units of 1 to 16 limits as one decision: all, or none. It is for limits per
// user, tenant and address: when one of them denies, the others have lost nothing. The decision is
// that of the limit which denied, whose place in requests is refused, or else that of the one with
// the smallest part left; then refused is -1.
func (e *Engine) CheckAll(requests ...LimiterRequest) (d Decision, refused int, err error) {
	ids := make([]capi.Request, len(requests))
	keys, has := make([]string, len(requests)), make([]bool, len(requests))
	for i, request := range requests {
		l := request.Limiter
		switch {
		case l.s == nil:
			return Decision{}, -1, unopened(fmt.Sprintf("limiter of request %d", i))
		case l.s.engine != e:
			return Decision{}, -1, &Error{CodeStale, fmt.Sprintf("the limiter of request %d is of another engine", i)}
		}
		ids[i] = capi.Request{Limiter: l.s.id, Cost: max(request.Cost, 1)}
		keys[i], has[i] = l.key, l.keyed
	}
	var found capi.Decision
	var answer capi.Result
	err = e.call(func() capi.Result {
		refused, found, answer = capi.LimiterCheckAll(e.c, ids, keys, has)
		return answer
	})
	if err != nil {
		return Decision{}, -1, err
	}
	if answer.Status == capi.OK {
		refused = -1
	}
	return decision(&found, answer), refused, nil
}

// AllowKeys takes one unit for each of the keys, or none for it, in a single call: for loops over
// many. An error is that of the first key that is one; keys after it were not asked.
func (l Limiter) AllowKeys(keys ...string) (admitted []bool, err error) {
	err = l.call(func(e capi.Engine) (r capi.Result) {
		admitted, r = capi.LimiterCheckKeys(e, l.s.id, keys, 1)
		return r
	})
	return admitted, err
}

// SetPlan puts the key on a plan of the limiter's configuration, with the whole limit left; "" puts
// it back to the limiter's own limit.
func (l Limiter) SetPlan(plan string) error {
	return l.call(func(e capi.Engine) capi.Result { return capi.LimiterSetPlan(e, l.s.id, l.key, l.keyed, plan) })
}

// Reconfigure gives the limiter, with all its keys, new numbers, and keeps its state: what was taken
// stays taken. config is the whole new configuration; the algorithm, and whether there are keys, cannot
// change. From then on opening the limiter wants the new configuration.
func (l Limiter) Reconfigure(config LimiterConfig) error {
	text, err := document(config, false)
	if err != nil {
		return err
	}
	return l.call(func(e capi.Engine) capi.Result { return capi.LimiterReconfigure(e, l.s.id, text) })
}

// Order is by what [Limiter.Top] orders keys.
type Order uint32

// The orders.
const (
	MostUsed   Order = 0
	MostDenied Order = 1
)

// KeyUse is what a key of a limiter did.
type KeyUse struct {
	// Key is what LimiterConfig.RecordKeys lets be written down of it.
	Key string `json:"key"`
	// Used is how many units it took, Denied how often it was denied. The number that the list is
	// ordered by is above the truth by at most ErrorBound, and never below it.
	Used       uint64 `json:"used"`
	Denied     uint64 `json:"denied"`
	ErrorBound uint64 `json:"error_bound"`
}

// Top lists the keys that use the limiter most, or are denied most; at most 64. It wants
// LimiterConfig.RecordKeys.
func (l Limiter) Top(by Order, count int) (top []KeyUse, err error) {
	if count < 1 {
		return nil, &Error{CodeArgument, fmt.Sprintf("count: expected at least 1, found %d", count)}
	}
	var text []byte
	err = l.call(func(e capi.Engine) (r capi.Result) {
		text, r = capi.LimiterTop(e, l.s.id, uint32(by), count)
		return r
	})
	if err != nil {
		return nil, err
	}
	return top, json.Unmarshal(text, &top)
}
