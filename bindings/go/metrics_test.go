package tidegate

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/pin"
)

func TestNoIncrementIsLost(t *testing.T) {
	e := engine(t, Config{})
	counter := must[Counter](t)(e.Counter("c", nil))
	histogram := must[Histogram](t)(e.Histogram("h", nil))
	const goroutines, rounds = 16, 5000
	var done sync.WaitGroup
	for range goroutines {
		done.Add(1)
		go func() {
			defer done.Done()
			for i := range rounds {
				counter.Inc()
				histogram.Record(float64(i))
				if i%500 == 0 {
					runtime.Gosched()
				}
			}
		}()
	}
	done.Wait()
	same(t, "count", goroutines*rounds, must[uint64](t)(counter.Value()))
	s := must[*Snapshot](t)(e.Snapshot())
	defer s.Close()
	h := must[*Data](t)(s.Data()).Histogram("h", nil)
	same(t, "values", goroutines*rounds, h.Lifetime.Count)
	same(t, "sum", goroutines*rounds*(rounds-1)/2, *h.Lifetime.Sum)
	same(t, "min", 0, *h.Lifetime.Min)
	same(t, "max", rounds-1, *h.Lifetime.Max)
}

// More scheduler slots than the engine was opened with: they share a word.
func TestMoreSlotsThanAtFirst(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	e := engine(t, Config{})
	counter := must[Counter](t)(e.Counter("c", nil))
	histogram := must[Histogram](t)(e.Histogram("h", nil))
	runtime.GOMAXPROCS(max(before, runtime.NumCPU()) + 3)
	var done sync.WaitGroup
	for range 16 {
		done.Add(1)
		go func() {
			defer done.Done()
			for range 2000 {
				counter.Add(2)
				histogram.Record(3)
			}
		}()
	}
	done.Wait()
	same(t, "count", 64000, must[uint64](t)(counter.Value()))
	q := must[[]float64](t)(histogram.Quantiles(0, 0, 1))
	same(t, "min", 3, q[0])
	same(t, "max", 3, q[1])
	e.Close()
}

// Every shard of the region is taken: counters and histograms go on without.
func TestWithoutAShard(t *testing.T) {
	e := engine(t, Config{Region: Region{SizeBytes: 64 << 20}})
	counter := must[Counter](t)(e.Counter("c", nil))
	histogram := must[Histogram](t)(e.Histogram("h", nil))
	for i := range e.shardless {
		e.shardless[i].Store(true)
	}
	for range 100 {
		counter.Inc()
		histogram.Record(1)
	}
	same(t, "count", 100, must[uint64](t)(counter.Value()))
	s := must[*Snapshot](t)(e.Snapshot())
	same(t, "values", 100, must[*Data](t)(s.Data()).Histogram("h", nil).Lifetime.Count)
}

func TestValuesThatAreNone(t *testing.T) {
	e := engine(t, Config{})
	h := must[Histogram](t)(e.Histogram("h", nil))
	g := must[Gauge](t)(e.Gauge("g", nil))
	h.Record(1)
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, -5e-324} {
		h.Record(value)
		is(t, h.TryRecord(value), ErrArgument)
		is(t, h.RecordMany([]float64{1, value}), ErrArgument)
	}
	g.Set(2)
	g.Set(math.NaN())
	g.Add(math.Inf(1))
	is(t, g.TrySet(math.NaN()), ErrArgument)
	is(t, g.TryAdd(math.Inf(-1)), ErrArgument)
	same(t, "gauge", 2, must[float64](t)(g.Value()))
	for _, value := range []float64{0, 5e-324, 1e-300, math.MaxFloat64, 1e-9, 1e9, 1e11} {
		h.Record(value)
	}
	s := must[*Snapshot](t)(e.Snapshot())
	same(t, "values", 8, must[*Data](t)(s.Data()).Histogram("h", nil).Lifetime.Count)
	is(t, second(h.Quantiles(0, 1.5)), ErrArgument)
	is(t, second(h.Quantiles(-1, 0.5)), ErrArgument)
	is(t, second(h.Quantiles(time.Hour, 0.5)), ErrArgument)
	same(t, "no quantiles", 0, len(must[[]float64](t)(h.Quantiles(0))))
}

// What Go counts by itself is what C counts.
func TestGoAndCCountAlike(t *testing.T) {
	for _, relative := range []float64{0, 0.003, 0.02} {
		e := engine(t, Config{})
		options := &MetricOptions{RelativeError: relative}
		mine := must[Histogram](t)(e.Histogram("go", options))
		theirs := must[Histogram](t)(e.Histogram("c", options))
		r := rand.New(rand.NewPCG(1, 2))
		mine.Record(1)
		theirs.TryRecord(1)
		for range 20_000 {
			value := math.Exp(r.NormFloat64()*20 - 5)
			mine.Record(value)
			theirs.TryRecord(value)
		}
		alike(t, mine, theirs)
	}
}

func alike(t testing.TB, one, two Histogram) {
	t.Helper()
	var at []float64
	for i := range 101 {
		at = append(at, float64(i)/100)
	}
	a, b := must[[]float64](t)(one.Quantiles(0, at...)), must[[]float64](t)(two.Quantiles(0, at...))
	for i := range at {
		if a[i] != b[i] && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
			t.Fatalf("quantile %v: %v and %v", at[i], a[i], b[i])
		}
	}
}

func TestWindowsKeepTime(t *testing.T) {
	e := engine(t, Config{Window: time.Minute})
	h := must[Histogram](t)(e.Histogram("h", nil))
	for range 100 {
		h.Record(1)
	}
	advance(t, e, 30*time.Second)
	for range 50 {
		h.Record(9)
	}
	q := must[[]float64](t)(h.Quantiles(time.Minute, 0.5, 1))
	same(t, "both", 1.0, math.Round(q[0]))
	same(t, "both", 9.0, math.Round(q[1]))
	advance(t, e, 40*time.Second)
	same(t, "only the later", 9.0, math.Round(must[[]float64](t)(h.Quantiles(time.Minute, 0))[0]))
	advance(t, e, time.Minute)
	same(t, "none", true, math.IsNaN(must[[]float64](t)(h.Quantiles(time.Minute, 0.5))[0]))
	same(t, "life", 1.0, must[[]float64](t)(h.Quantiles(0, 0))[0])
}

// On a real clock somebody has to look at it: the engine does.
func TestTheEngineTicksByItself(t *testing.T) {
	path := regionPath(t)
	opened(t, Config{Window: 600 * time.Millisecond, Region: Region{Path: path, SizeBytes: 4 << 20}})
	other := opened(t, Config{Region: Region{Path: path}})
	h := must[Histogram](t)(other.Histogram("h", nil))
	h.Record(1)
	h.Record(1)
	if pin.Exclusive {
		same(t, "window", 600*time.Millisecond, other.window)
	}
	deadline := time.Now().Add(10 * time.Second)
	for !math.IsNaN(must[[]float64](t)(h.Quantiles(600*time.Millisecond, 0.5))[0]) {
		if time.Now().After(deadline) {
			t.Fatal("what was recorded stays in the window")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestByName(t *testing.T) {
	e := engine(t, Config{Limiters: map[string]LimiterConfig{"l": {Limit: 2, Window: time.Second, Keyed: true}}})
	if err := e.RecordMetric("m", 2); err != nil {
		t.Fatal(err)
	}
	h := must[Histogram](t)(e.Histogram("m", nil))
	same(t, "max", 2.0, must[[]float64](t)(h.Quantiles(0, 1))[0])
	is(t, e.RecordMetric("m", -2), ErrArgument)
	for i := range 3 {
		same(t, "allowed", i < 2, must[bool](t)(e.AllowRequest("l", "k")))
	}
	is(t, second(e.AllowRequest("l", "")), ErrArgument)
	is(t, second(e.AllowRequest("none", "k")), ErrNotFound)
}

func FuzzRecord(f *testing.F) {
	for _, value := range []float64{0, 1, 0.1, 5e-324, math.MaxFloat64, math.NaN(), -1, math.Inf(1), 1 << 34, 1.0 / (1 << 30)} {
		f.Add(math.Float64bits(value), uint8(1))
	}
	f.Fuzz(func(t *testing.T, bits uint64, times uint8) {
		e := engine(t, Config{Region: Region{SizeBytes: 4 << 20, Private: true}})
		mine, theirs := must[Histogram](t)(e.Histogram("go", nil)), must[Histogram](t)(e.Histogram("c", nil))
		count := must[Counter](t)(e.Counter("n", nil))
		value := math.Float64frombits(bits)
		mine.Record(1)
		theirs.TryRecord(1)
		for range times {
			mine.Record(value)
			theirs.TryRecord(value)
			count.Add(bits)
		}
		alike(t, mine, theirs)
		same(t, "counter", bits*uint64(times), must[uint64](t)(count.Value()))
		s := must[*Snapshot](t)(e.Snapshot())
		defer s.Close()
		d := must[*Data](t)(s.Data())
		one, two := d.Histogram("go", nil).Lifetime, d.Histogram("c", nil).Lifetime
		same(t, "count", two.Count, one.Count)
		if (one.Sum == nil) != (two.Sum == nil) || one.Sum != nil && math.Abs(*one.Sum-*two.Sum) > 1e-9**two.Sum {
			t.Errorf("sums %v and %v", *one.Sum, *two.Sum)
		}
	})
}
