package tidegate

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Ratio is hits and misses: of a cache, of a pool. A handle is a small value: copy it, compare it,
// keep it. The zero Ratio counts nothing.
type Ratio struct{ s *ratio }

type ratio struct {
	engine *Engine
	id     uint64
}

// Ratio opens the ratio with this name and these labels, and makes it if need be.
func (e *Engine) Ratio(name string, options *MetricOptions) (Ratio, error) {
	var r Ratio
	err := e.open(name, options, options == nil, capi.RatioOpen, func(id uint64) capi.Result {
		r.s = number(e, id, func() *ratio { return &ratio{e, id} })
		return capi.Result{}
	})
	return r, err
}

// Hit counts a hit.
func (r Ratio) Hit() { _ = r.Record(1, 0) }

// Miss counts a miss.
func (r Ratio) Miss() { _ = r.Record(0, 1) }

// Record counts hits and misses.
func (r Ratio) Record(hits, misses uint64) error {
	if r.s == nil {
		return unopened("ratio")
	}
	result := capi.RatioRecord(r.s.engine.c, r.s.id, hits, misses)
	return failure(result)
}

// RatioReading is how many there were of each, and the share of hits: NaN when there were none.
type RatioReading struct {
	Hits, Misses uint64
	Ratio        float64
}

// Read reads the ratio: over the last window, at most Config.Window, or for 0 since it was made.
func (r Ratio) Read(window time.Duration) (reading RatioReading, err error) {
	if r.s == nil {
		return reading, unopened("ratio")
	}
	if window < 0 {
		return reading, &Error{CodeArgument, fmt.Sprintf("a window of %v", window)}
	}
	err = r.s.engine.call(func() (result capi.Result) {
		reading.Hits, reading.Misses, reading.Ratio, result = capi.RatioRead(r.s.engine.c, r.s.id, window.Seconds())
		return result
	})
	return reading, err
}

// Enum is a metric that is in one of a few states. A handle is a small value: copy it, compare it,
// keep it. The zero Enum has no state.
type Enum struct{ s *enum }

type enum struct {
	engine *Engine
	id     uint64
}

// Enum opens the enum with this name and the labels and states of options, and makes it if need be:
// in its first state.
func (e *Engine) Enum(name string, options MetricOptions) (Enum, error) {
	var n Enum
	err := e.open(name, options, false, capi.EnumOpen, func(id uint64) capi.Result {
		n.s = number(e, id, func() *enum { return &enum{e, id} })
		return capi.Result{}
	})
	return n, err
}

// Set says which state it is in.
func (n Enum) Set(state string) error {
	if n.s == nil {
		return unopened("enum")
	}
	return n.s.engine.call(func() capi.Result { return capi.EnumSet(n.s.engine.c, n.s.id, state) })
}

// SetInfo says something about the program in labels: a version, a commit.
func (e *Engine) SetInfo(name string, labels map[string]string) error {
	text, err := json.Marshal(labels)
	if err != nil {
		return &Error{CodeArgument, err.Error()}
	}
	return e.call(func() capi.Result { return capi.InfoSet(e.c, name, string(text)) })
}

// LogError adds to the log of distinct errors, which says how often each happened, and when first and
// last.
func (e *Engine) LogError(code, text string) error {
	return e.call(func() capi.Result { return capi.ErrorReport(e.c, code, text) })
}

// RecordExemplar records a value that a trace is an example of.
func (h Histogram) RecordExemplar(value float64, traceID string) error {
	if h.s == nil {
		return unopened("histogram")
	}
	return h.s.engine.call(func() capi.Result {
		return capi.HistogramRecordExemplar(h.s.engine.c, h.s.id, value, traceID)
	})
}

// CallDetail is what is known about one call of an operation beside its time.
type CallDetail struct {
	Outcome Outcome
	// Code is why it failed: few different ones. Message is the last text for that code.
	Code, Message string
	// Detail is what the call was, such as a query's text, for the list of the slowest calls.
	Detail string
	// TraceID is the trace it belongs to.
	TraceID string
}

// RecordDetail records one call with what is known about it.
func (o Operation) RecordDetail(took time.Duration, d CallDetail) error {
	if o.s == nil {
		return unopened("operation")
	}
	return o.s.engine.call(func() capi.Result {
		return capi.OperationRecordDetail(o.s.engine.c, o.s.id, took.Seconds(), int32(d.Outcome),
			d.Code, d.Message, d.Detail, d.TraceID)
	})
}
