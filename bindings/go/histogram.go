package tidegate

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

// Histogram is a distribution of values, at least 0: durations in seconds, sizes in bytes. Its
// quantiles are right within 0.8 %, over its life and over the last minute (Config.Window). The
// smallest and the largest value are exact over its life. A handle is a small value: copy it, compare
// it, keep it. The zero Histogram records nothing.
type Histogram struct{ s *histogram }

type histogram struct {
	engine *Engine
	id     uint64
	perSlot[cells]
}

// cells is where one scheduler slot counts this histogram.
type cells struct {
	counts   unsafe.Pointer // limit words
	sum      *float64
	min, max *float64
	limit    uint64
	first    uint64 // number of the first bucket among those of all doubles
	shift    uint8  // bits of a double below its bucket's number
}

// Histogram opens the histogram with this name and these labels, and makes it if need be.
func (e *Engine) Histogram(name string, options *MetricOptions) (Histogram, error) {
	var h Histogram
	err := e.open(name, options, options == nil, capi.HistogramOpen, func(id uint64) capi.Result {
		h.s = number(e, id, func() *histogram {
			s := &histogram{engine: e, id: id}
			s.make(e)
			return s
		})
		return capi.Result{}
	})
	return h, err
}

// Record records a value. It makes no call into C: each scheduler slot counts in cells of its own in
// the region, and readers merge them. NaN, infinite and negative values are dropped, and counted as
// dropped. After the engine was closed it does nothing.
func (h Histogram) Record(value float64) {
	s := h.s
	if s == nil {
		return
	}
	if pin.Exclusive {
		if c := s.at(pin.Pin()); c != nil && c.record(value) {
			pin.Unpin()
			return
		}
		pin.Unpin()
	}
	s.record(value)
}

// RecordDuration records a duration, in seconds.
func (h Histogram) RecordDuration(d time.Duration) { h.Record(d.Seconds()) }

// record counts a value as tidegate_shard_cells says; false where it says to call the library. The
// caller owns the cells: it is pinned to their slot.
func (c *cells) record(value float64) bool {
	i := c.bucket(value)
	if i >= c.limit {
		return false
	}
	c.count(i, value)
	return true
}

// bucket is the number of the value's bucket; not below limit when it has none here.
func (c *cells) bucket(value float64) uint64 { return math.Float64bits(value)>>(c.shift&63) - c.first }

func (c *cells) count(bucket uint64, value float64) {
	*(*uint64)(unsafe.Add(c.counts, bucket*8))++
	*c.sum += value
	if value < *c.min {
		*c.min = value
	}
	if value > *c.max {
		*c.max = value
	}
}

// record is Record by a call: for the first value of a slot, and for values beyond the cells.
func (s *histogram) record(value float64) {
	if !s.engine.enter() {
		return
	}
	defer s.engine.leave()
	capi.HistogramRecord(s.engine.c, s.id, value)
	s.prepare(s.engine, func(shard uint64) (*cells, capi.Result) {
		found, r := capi.ShardHistogram(s.engine.c, shard, s.id)
		if r.Status != capi.OK {
			return nil, r
		}
		s.engine.keepTime(s.engine.slot())
		c := cellsOf(found)
		return &c, r
	})
}

func cellsOf(found capi.Cells) cells {
	return cells{
		counts: found.Counts,
		sum:    found.Sum,
		min:    found.Min,
		max:    found.Max,
		limit:  uint64(found.Octaves) << found.FractionBits,
		first:  uint64(found.FirstOctave) << found.FractionBits,
		shift:  uint8(52 - found.FractionBits),
	}
}

// TryRecord is Record for those who want to know whether it was recorded.
func (h Histogram) TryRecord(value float64) error {
	if h.s == nil {
		return unopened("histogram")
	}
	return h.s.engine.call(func() capi.Result {
		return capi.HistogramRecord(h.s.engine.c, h.s.id, value)
	})
}

// RecordMany records several values in one call: all of them, or none when one is refused.
func (h Histogram) RecordMany(values []float64) error {
	if h.s == nil {
		return unopened("histogram")
	}
	return h.s.engine.call(func() capi.Result {
		return capi.HistogramRecordMany(h.s.engine.c, h.s.id, values)
	})
}

// Quantiles reads the values at some quantiles, each 0 to 1, by nearest rank: over the last window,
// at most Config.Window, or for 0 since the histogram was made. Without data they are NaN.
func (h Histogram) Quantiles(window time.Duration, quantiles ...float64) ([]float64, error) {
	if h.s == nil {
		return nil, unopened("histogram")
	}
	if window < 0 {
		return nil, &Error{CodeArgument, fmt.Sprintf("a window of %v", window)}
	}
	out := make([]float64, len(quantiles))
	if len(quantiles) == 0 {
		return out, nil
	}
	err := h.s.engine.call(func() capi.Result {
		return capi.HistogramQuantiles(h.s.engine.c, h.s.id, window.Seconds(), quantiles, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ImportHDR records what an HdrHistogram counted: one in the V2 encoding, plain, compressed or in base64,
// or a whole log. scale is how many units of it make one of this histogram: 1e9 for nanoseconds into
// seconds. It tells how many values were recorded; after an error none were.
func (h Histogram) ImportHDR(data []byte, scale float64) (count uint64, err error) {
	if h.s == nil {
		return 0, unopened("histogram")
	}
	err = h.s.engine.call(func() (r capi.Result) {
		count, r = capi.HistogramImport(h.s.engine.c, h.s.id, data, scale)
		return r
	})
	return count, err
}

// Time records how long something takes, in seconds, when the function it returns is called:
//
//	defer seconds.Time()()
func (h Histogram) Time() func() {
	start := clock()
	return func() { h.RecordDuration(clock() - start) }
}
