package tidegate

import (
	"errors"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// Batch records for a tight loop: what it is told stays in memory of its own, about a nanosecond for
// each record, and is written by Flush, many records at once. Nobody sees a record before, and what
// was never flushed is lost. A histogram or an operation flushes by itself whenever it has 256.
//
//	var batch tidegate.Batch
//	defer batch.Flush()
//	rows, sizes := batch.Counter(rows), batch.Histogram(sizes)
//	for … {
//		rows.Add(1)
//		sizes.Record(float64(len(row)))
//	}
//
// The zero Batch is ready. A Batch and what it gives out are for one goroutine.
type Batch struct{ parts []interface{ Flush() error } }

// Flush writes what was recorded since the last time. It returns the first error, such as
// [ErrClosed]; what could not be written is dropped.
func (b *Batch) Flush() error {
	var errs []error
	for _, part := range b.parts {
		if err := part.Flush(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// BatchCounter is a counter in a [Batch].
type BatchCounter struct {
	to Counter
	n  uint64
}

// Counter is c in this batch.
func (b *Batch) Counter(c Counter) *BatchCounter {
	part := &BatchCounter{to: c}
	b.parts = append(b.parts, part)
	return part
}

// Inc adds 1.
func (c *BatchCounter) Inc() { c.n++ }

// Add adds n.
func (c *BatchCounter) Add(n uint64) { c.n += n }

// Flush writes the counter alone.
func (c *BatchCounter) Flush() error {
	n := c.n
	c.n = 0
	switch {
	case c.to.s == nil:
		return unopened("counter")
	case n == 0:
		return nil
	case c.to.s.engine.ended.Load():
		return ErrClosed
	}
	c.to.Add(n)
	return nil
}

// batched is how many records a histogram or operation in a batch keeps. They are written while the
// goroutine is pinned to its scheduler slot, so they are not too many.
const batched = 256

// BatchHistogram is a histogram in a [Batch].
type BatchHistogram struct {
	to     Histogram
	n      int
	values [batched]float64
	failed error // of a flush by itself, told by the next one that somebody asks for
}

// Histogram is h in this batch.
func (b *Batch) Histogram(h Histogram) *BatchHistogram {
	part := &BatchHistogram{to: h}
	b.parts = append(b.parts, part)
	return part
}

// Record records a value. What is none (NaN, infinite, negative) is dropped, and counted as dropped,
// when it is written.
func (h *BatchHistogram) Record(value float64) {
	if h.n == batched {
		h.write()
	}
	h.values[h.n] = value
	h.n++
}

// RecordDuration records a duration, in seconds.
func (h *BatchHistogram) RecordDuration(d time.Duration) { h.Record(d.Seconds()) }

// Flush writes the histogram alone.
func (h *BatchHistogram) Flush() error {
	h.write()
	err := h.failed
	h.failed = nil
	return err
}

func (h *BatchHistogram) write() {
	values := h.values[:h.n]
	h.n = 0
	s := h.to.s
	switch {
	case s == nil:
		h.failed = unopened("histogram")
		return
	case len(values) == 0:
		return
	case s.engine.ended.Load():
		h.failed = ErrClosed
		return
	}
	for len(values) > 0 {
		values = values[s.recordMany(values):]
		if len(values) > 0 {
			s.record(values[0]) // its slot has no cells yet, or the value lies beyond them
			values = values[1:]
		}
	}
}

// recordMany records values without a call up to the first that wants one, and tells how many.
func (s *histogram) recordMany(values []float64) int {
	if !pin.Exclusive {
		return 0
	}
	done := 0
	if c := s.at(pin.Pin()); c != nil {
		for done < len(values) && c.record(values[done]) {
			done++
		}
	}
	pin.Unpin()
	return done
}

// BatchOperation is an operation in a [Batch].
type BatchOperation struct {
	to       Operation
	n        int
	seconds  [batched]float64
	outcomes [batched]int32
	failed   error
}

// Operation is o in this batch.
func (b *Batch) Operation(o Operation) *BatchOperation {
	part := &BatchOperation{to: o}
	b.parts = append(b.parts, part)
	return part
}

// Record records a call without an error code; for one that has one there is [Operation.Record]. It
// counts as of the time when it is written.
func (o *BatchOperation) Record(took time.Duration, outcome Outcome) {
	if o.n == batched {
		o.write()
	}
	o.seconds[o.n], o.outcomes[o.n] = took.Seconds(), int32(outcome)
	o.n++
}

// Flush writes the operation alone.
func (o *BatchOperation) Flush() error {
	o.write()
	err := o.failed
	o.failed = nil
	return err
}

func (o *BatchOperation) write() {
	n := o.n
	o.n = 0
	s := o.to.s
	if s == nil {
		o.failed = unopened("operation")
		return
	}
	rest := 0 // what wants a call is moved to the front
	if pin.Exclusive {
		c := s.at(pin.Pin())
		for i := range n {
			if c == nil || o.outcomes[i] != int32(Success) || !c.succeed(o.seconds[i]) {
				o.seconds[rest], o.outcomes[rest] = o.seconds[i], o.outcomes[i]
				rest++
			}
		}
		pin.Unpin()
	} else {
		rest = n
	}
	if rest == 0 && n > 0 {
		return
	}
	if err := s.engine.call(func() capi.Result {
		return capi.OperationRecordMany(s.engine.c, s.id, o.seconds[:rest], o.outcomes[:rest])
	}); err != nil {
		o.failed = err
		return
	}
	s.prepare()
}
