package tidegate

import (
	"encoding/json"
	"sync"
	"testing"
	"time"
)

func TestSnapshotsAreReadBackSubtractedAndMerged(t *testing.T) {
	e := engine(t, Config{})
	counter := must[Counter](t)(e.Counter("c", nil))
	histogram := must[Histogram](t)(e.Histogram("h", nil))
	counter.Add(5)
	histogram.Record(1)
	earlier := must[*Snapshot](t)(e.Snapshot())
	counter.Add(2)
	histogram.Record(9)
	histogram.Record(9)
	advance(t, e, time.Second)
	later := must[*Snapshot](t)(e.Snapshot())

	document := must[[]byte](t)(earlier.RenderWith(JSON, RenderOptions{Buckets: true}))
	read := must[*Snapshot](t)(ParseSnapshot(document))
	same(t, "read back", 5, must[*Data](t)(read.Data()).Counter("c", nil).Value)
	for _, cursor := range []*Snapshot{earlier, read} {
		difference := must[*Snapshot](t)(later.Since(cursor))
		same(t, "difference", 2, must[*Data](t)(difference.Data()).Counter("c", nil).Value)
	}
	var since Data
	if err := json.Unmarshal(must[[]byte](t)(later.RenderWith(JSON, RenderOptions{Since: document})), &since); err != nil {
		t.Fatal(err)
	}
	same(t, "since", 2, since.Counter("c", nil).Value)

	other := engine(t, Config{})
	must[Counter](t)(other.Counter("c", nil)).Add(100)
	merged := must[*Snapshot](t)(later.Merge(must[*Snapshot](t)(other.Snapshot())))
	same(t, "merged", 107, must[*Data](t)(merged.Data()).Counter("c", nil).Value)

	is(t, second(ParseSnapshot(nil)), ErrFormat)
	is(t, second(ParseSnapshot([]byte(`{"schema":"no"}`))), ErrFormat)
	is(t, second(later.Since(later)), ErrArgument)
	is(t, second(later.Merge(nil)), ErrStale)
	is(t, second((*Snapshot)(nil).Since(later)), ErrStale)
	earlier.Close()
	is(t, second(later.Since(earlier)), ErrClosed)
}

func TestSnapshotsAreMergedCrosswiseWhileTheyAreClosed(t *testing.T) {
	for range 20 {
		one := must[*Snapshot](t)(engine(t, Config{Region: Region{SizeBytes: 4 << 20}}).Snapshot())
		two := must[*Snapshot](t)(engine(t, Config{Region: Region{SizeBytes: 4 << 20}}).Snapshot())
		var done sync.WaitGroup
		for _, work := range []func(){
			func() { one.Merge(two) }, func() { two.Merge(one) }, func() { one.Close() }, func() { two.Close() },
		} {
			done.Add(1)
			go func() { defer done.Done(); work() }()
		}
		done.Wait()
	}
}

func TestAnHDRHistogramIsImported(t *testing.T) {
	e := engine(t, Config{})
	from, to := must[Histogram](t)(e.Histogram("from", nil)), must[Histogram](t)(e.Histogram("to", nil))
	for i := range 1000 {
		from.Record(float64(i+1) / 1000)
	}
	s := must[*Snapshot](t)(e.Snapshot())
	log := must[[]byte](t)(s.RenderWith(HDRLog, RenderOptions{Names: []string{"from"}}))
	count := must[uint64](t)(to.ImportHDR(log, 1e6)) // tidegate writes millionths
	same(t, "values", 1000, count)
	a, b := must[[]float64](t)(from.Quantiles(0, 0.5))[0], must[[]float64](t)(to.Quantiles(0, 0.5))[0]
	if a/b > 1.02 || b/a > 1.02 {
		t.Errorf("medians %v and %v", a, b)
	}
	same(t, "an empty log", 0, must[uint64](t)(to.ImportHDR(nil, 1)))
	is(t, second(to.ImportHDR([]byte("nonsense"), 1)), ErrFormat)
	is(t, second(to.ImportHDR(log, 0)), ErrArgument)
	is(t, second(Histogram{}.ImportHDR(log, 1)), ErrStale)
}
