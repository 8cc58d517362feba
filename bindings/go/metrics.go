package tidegate

import (
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// MetricOptions says more about a metric than its name. A nil *MetricOptions says nothing more.
type MetricOptions struct {
	// Labels tell the series of one name apart. Few values each: a key (a user, an address)
	// belongs in a keyed limiter or in a log.
	Labels map[string]string `json:"labels,omitempty"`
	// Help is what the metric means, for people.
	Help string `json:"help,omitempty"`
	// Unit is its unit: "seconds", "bytes".
	Unit string `json:"unit,omitempty"`
	// RelativeError is how far off a quantile of a histogram may be: 0.002 to 0.03; 0 is 0.008.
	RelativeError float64 `json:"relative_error,omitempty"`
	// SlowSeconds is from when on a call of an operation counts as slow; 0 is never.
	SlowSeconds float64 `json:"slow_seconds,omitempty"`
	// States are those of an enum.
	States []string `json:"states,omitempty"`
	// Workers is how a gauge of several processes becomes one number: "last", "sum", "min", "max" or
	// "each"; "" is "last".
	Workers string `json:"workers,omitempty"`
}

func document(options any, none bool) (string, error) {
	if none {
		return "", nil
	}
	text, err := json.Marshal(options)
	if err != nil {
		return "", &Error{CodeConfig, "the options cannot be written as JSON: " + err.Error()}
	}
	return string(text), nil
}

// number finds or makes the handle's state for an id.
func number[T any](e *Engine, id uint64, make func() *T) *T {
	e.mu.Lock()
	defer e.mu.Unlock()
	if found, ok := e.numbers[id].(*T); ok {
		return found
	}
	made := make()
	e.numbers[id] = made
	return made
}

type openFunc func(e capi.Engine, name, options string) (uint64, capi.Result)

// open opens something by its name and options, and calls use inside of the same call.
func (e *Engine) open(name string, options any, none bool, call openFunc, use func(id uint64) capi.Result) error {
	text, err := document(options, none)
	if err != nil {
		return err
	}
	return e.call(func() capi.Result {
		id, r := call(e.c, name, text)
		if r.Status == capi.OK {
			r = use(id)
		}
		return r
	})
}

// Counter is a count that only grows. A handle is a small value: copy it, compare it, keep it. The
// zero Counter counts nothing.
type Counter struct{ s *counter }

type counter struct {
	engine *Engine
	id     uint64
	cell   *uint64 // everybody's, for atomic adds
	perSlot[uint64]
}

// Counter opens the counter with this name and these labels, and makes it if need be.
func (e *Engine) Counter(name string, options *MetricOptions) (Counter, error) {
	var c Counter
	err := e.open(name, options, options == nil, capi.CounterOpen, func(id uint64) capi.Result {
		cell, r := capi.CounterCell(e.c, id)
		if r.Status == capi.OK {
			c.s = number(e, id, func() *counter {
				s := &counter{engine: e, id: id, cell: cell}
				s.make(e)
				return s
			})
		}
		return r
	})
	return c, err
}

// Inc adds 1.
func (c Counter) Inc() { c.Add(1) }

// Add adds n. It makes no call into C: each scheduler slot has a word of its own in the region, and
// readers sum them. After the engine was closed it does nothing.
func (c Counter) Add(n uint64) {
	s := c.s
	if s == nil {
		return
	}
	if pin.Exclusive {
		if word := s.at(pin.Pin()); word != nil {
			*word += n
			pin.Unpin()
			return
		}
		pin.Unpin()
	}
	s.add(n)
}

// add is Add where the slot has no word yet, or gets none.
func (s *counter) add(n uint64) {
	if !s.engine.enter() {
		return
	}
	defer s.engine.leave()
	atomic.AddUint64(s.cell, n)
	s.prepare(s.engine, func(shard uint64) (*uint64, capi.Result) {
		return capi.ShardCounter(s.engine.c, shard, s.id)
	})
}

// TryAdd is Add for those who want to know whether it was counted.
func (c Counter) TryAdd(n uint64) error {
	if c.s == nil {
		return unopened("counter")
	}
	return c.s.engine.call(func() capi.Result { return capi.CounterAdd(c.s.engine.c, c.s.id, n) })
}

// Value reads the total over all processes.
func (c Counter) Value() (total uint64, err error) {
	if c.s == nil {
		return 0, unopened("counter")
	}
	err = c.s.engine.call(func() (r capi.Result) {
		total, r = capi.CounterValue(c.s.engine.c, c.s.id)
		return r
	})
	return total, err
}

// Gauge is a value that moves. A handle is a small value: copy it, compare it, keep it. The zero
// Gauge holds nothing.
type Gauge struct{ s *gauge }

type gauge struct {
	engine *Engine
	id     uint64
}

// Gauge opens the gauge with this name and these labels, and makes it if need be.
func (e *Engine) Gauge(name string, options *MetricOptions) (Gauge, error) {
	var g Gauge
	err := e.open(name, options, options == nil, capi.GaugeOpen, func(id uint64) capi.Result {
		g.s = number(e, id, func() *gauge { return &gauge{e, id} })
		return capi.Result{}
	})
	return g, err
}

// Set sets the gauge, for all processes; the last one wins. NaN is dropped, and counted as dropped.
func (g Gauge) Set(value float64) { _ = g.TrySet(value) }

// Add adds delta, which may be negative. What is not finite is dropped, and counted as dropped.
func (g Gauge) Add(delta float64) { _ = g.TryAdd(delta) }

// TrySet is Set for those who want to know whether it was done.
func (g Gauge) TrySet(value float64) error {
	if g.s == nil {
		return unopened("gauge")
	}
	r := capi.GaugeSet(g.s.engine.c, g.s.id, value)
	return failure(r)
}

// TryAdd is Add for those who want to know whether it was done.
func (g Gauge) TryAdd(delta float64) error {
	if g.s == nil {
		return unopened("gauge")
	}
	r := capi.GaugeAdd(g.s.engine.c, g.s.id, delta)
	return failure(r)
}

// Value reads the gauge.
func (g Gauge) Value() (value float64, err error) {
	if g.s == nil {
		return 0, unopened("gauge")
	}
	err = g.s.engine.call(func() (r capi.Result) {
		value, r = capi.GaugeValue(g.s.engine.c, g.s.id)
		return r
	})
	return value, err
}

// RecordMetric records a value in the histogram of this name, which is made on first use. It is for
// callers who keep no handles; [Histogram.Record] is many times faster.
func (e *Engine) RecordMetric(name string, value float64) error {
	return e.call(func() capi.Result { return capi.RecordMetric(e.c, name, value) })
}

// Since is how long ago start was, in seconds: for [Histogram.Record].
func Since(start time.Time) float64 { return time.Since(start).Seconds() }
