package tidegate

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestABatchWritesWhatItWasTold(t *testing.T) {
	e := engine(t, Config{})
	counter := must[Counter](t)(e.Counter("c", nil))
	mine, theirs := must[Histogram](t)(e.Histogram("mine", nil)), must[Histogram](t)(e.Histogram("theirs", nil))
	operation := must[Operation](t)(e.Operation("o", nil))
	var batch Batch
	n, h, o := batch.Counter(counter), batch.Histogram(mine), batch.Operation(operation)
	for i := range 1000 {
		n.Inc()
		n.Add(2)
		value := float64(i) / 7
		if i%100 == 50 {
			value = math.MaxFloat64 // beyond the cells: by a call
		}
		h.Record(value)
		theirs.TryRecord(value)
		o.Record(time.Duration(i)*time.Millisecond, Outcome(i%3))
	}
	same(t, "not before", uint64(0), must[uint64](t)(counter.Value()))
	if err := batch.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := batch.Flush(); err != nil {
		t.Fatal(err)
	}
	same(t, "count", uint64(3000), must[uint64](t)(counter.Value()))
	alike(t, mine, theirs)
	r := must[OperationReading](t)(operation.Read(0))
	same(t, "calls", uint64(1000), r.Count)
	same(t, "successes", uint64(334), r.Successes)
	same(t, "failures", uint64(333), r.Failures)

	h.Record(math.NaN())
	h.RecordDuration(time.Second)
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
	s := must[*Snapshot](t)(e.Snapshot())
	defer s.Close()
	same(t, "values", uint64(1001), must[*Data](t)(s.Data()).Histogram("mine", nil).Lifetime.Count)
}

func TestABatchOfAClosedEngineOrOfNothing(t *testing.T) {
	e := engine(t, Config{})
	var batch Batch
	n := batch.Counter(must[Counter](t)(e.Counter("c", nil)))
	h := batch.Histogram(must[Histogram](t)(e.Histogram("h", nil)))
	o := batch.Operation(must[Operation](t)(e.Operation("o", nil)))
	e.Close()
	n.Inc()
	for range 1000 {
		h.Record(1)
		o.Record(1, Success)
	}
	for _, err := range []error{n.Flush(), h.Flush(), o.Flush()} {
		is(t, err, ErrClosed)
	}
	if err := batch.Flush(); err != nil && !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	var none Batch
	same(t, "nothing to flush", nil, none.Flush())
	none.Counter(Counter{}).Inc()
	is(t, none.Flush(), ErrStale)
	var two Batch
	two.Histogram(Histogram{}).Record(1)
	two.Operation(Operation{}).Record(1, Success)
	is(t, two.Flush(), ErrStale)
}
