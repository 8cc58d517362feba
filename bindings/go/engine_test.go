package tidegate

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOpenNamesTheFieldThatIsWrong(t *testing.T) {
	for field, config := range map[string]Config{
		"windows":                 {More: map[string]any{"windows": 3}},
		"limiters.api.burst":      {Limiters: map[string]LimiterConfig{"api": {Rate: 1, Burst: 1 << 62}}},
		"limiters.api.preset":     {Limiters: map[string]LimiterConfig{"api": {Preset: "gentle"}}},
		"limiters.api.bursts":     {Limiters: map[string]LimiterConfig{"api": {Rate: 1, Burst: 2, More: map[string]any{"bursts": 2}}}},
		"clock":                   {Clock: "broken"},
		"region.size_bytes":       {Region: Region{SizeBytes: 1}},
		"window_seconds":          {Window: 48 * time.Hour},
		"metrics.max_series":      {Metrics: MetricLimits{MaxSeries: 1 << 60}},
		"More: service has a fie": {Service: "a", More: map[string]any{"service": "b"}},
	} {
		_, err := Open(config)
		is(t, err, ErrConfig)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named by %v", field, err)
		}
	}
	_, err := OpenJSON([]byte("{"))
	is(t, err, ErrConfig)
	_, err = OpenJSON([]byte("{}\x00"))
	is(t, err, ErrArgument)
	is(t, CheckConfig([]byte(`{"limiters":7}`)), ErrConfig)
	if err := CheckConfig([]byte(`{"service":"a"}`)); err != nil {
		t.Error(err)
	}
}

func TestAFileIsReadAndNamedInErrors(t *testing.T) {
	name := filepath.Join(t.TempDir(), "tidegate.json")
	os.WriteFile(name, []byte(`{"service":"a","limiters":{"login":{"preset":"auth"}}}`), 0o600)
	e, err := OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	must[Limiter](t)(e.Limiter("login", nil))

	os.WriteFile(name, []byte(`{"servant":"a"}`), 0o600)
	_, err = OpenFile(name)
	is(t, err, ErrConfig)
	if !strings.HasPrefix(err.Error(), name) || !strings.Contains(err.Error(), "servant") {
		t.Error(err)
	}
	_, err = OpenFile(name + ".none")
	is(t, err, os.ErrNotExist)
}

func TestAClosedEngineRefusesAndDoesNoHarm(t *testing.T) {
	e := engine(t, Config{Limiters: map[string]LimiterConfig{"api": {Rate: 1, Burst: 9}}})
	counter := must[Counter](t)(e.Counter("c", nil))
	gauge := must[Gauge](t)(e.Gauge("g", nil))
	histogram := must[Histogram](t)(e.Histogram("h", nil))
	limiter := must[Limiter](t)(e.Limiter("api", nil))
	for range 3 {
		counter.Inc()
		histogram.Record(1)
	}
	snapshot := must[*Snapshot](t)(e.Snapshot())
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}

	counter.Inc()
	histogram.Record(1)
	gauge.Set(1)
	gauge.Add(1)
	same(t, "allow", false, limiter.Allow())
	for name, err := range map[string]error{
		"TryAdd":       counter.TryAdd(1),
		"Value":        second(counter.Value()),
		"TrySet":       gauge.TrySet(1),
		"gauge.TryAdd": gauge.TryAdd(1),
		"gauge.Value":  second(gauge.Value()),
		"TryRecord":    histogram.TryRecord(1),
		"RecordMany":   histogram.RecordMany([]float64{1}),
		"Quantiles":    second(histogram.Quantiles(0, 0.5)),
		"Check":        second(limiter.Check(1)),
		"Wait":         limiter.Wait(t.Context()),
		"Counter":      second(e.Counter("c", nil)),
		"Snapshot":     second(e.Snapshot()),
		"AdvanceClock": e.AdvanceClock(1),
		"Tick":         e.Tick(),
		"RecordMetric": e.RecordMetric("h", 1),
		"AllowRequest": second(e.AllowRequest("api", "")),
	} {
		if err != ErrClosed {
			t.Errorf("%s: want ErrClosed, got %v", name, err)
		}
	}

	// A snapshot outlives its engine.
	data := must[*Data](t)(snapshot.Data())
	same(t, "count", 3, data.Counter("c", nil).Value)
	snapshot.Close()
	snapshot.Close()
	is(t, second(snapshot.Render(JSON)), ErrClosed)
}

func second[T any](_ T, err error) error { return err }

func TestZeroValuesAreHarmless(t *testing.T) {
	var e *Engine
	var c Counter
	var g Gauge
	var h Histogram
	var l Limiter
	var s *Snapshot
	c.Inc()
	g.Set(1)
	h.Record(1)
	same(t, "allow", false, l.Key("k").Allow())
	for _, err := range []error{
		second(e.Counter("c", nil)), e.Tick(), c.TryAdd(1), second(c.Value()), g.TrySet(1), g.TryAdd(1),
		second(g.Value()), h.TryRecord(1), h.RecordMany(nil), second(h.Quantiles(0)), second(l.Check(1)),
		l.Wait(t.Context()), second(s.Render(JSON)), second(new(Snapshot).Render(JSON)),
	} {
		is(t, err, ErrStale)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestHandlesAreValues(t *testing.T) {
	e := engine(t, Config{})
	options := &MetricOptions{Labels: map[string]string{"a": "b"}}
	one := must[Counter](t)(e.Counter("c", options))
	two := must[Counter](t)(e.Counter("c", options))
	other := must[Counter](t)(e.Counter("c", nil))
	same(t, "same labels", true, one == two)
	same(t, "other labels", false, one == other)
	copied := one
	copied.Inc()
	same(t, "total", 1, must[uint64](t)(one.Value()))

	is(t, second(e.Gauge("c", nil)), ErrConflict)
	is(t, second(e.Counter("no good", nil)), ErrArgument)
	is(t, second(e.Counter("nul\x00", nil)), ErrArgument)
	is(t, second(e.Limiter("none", nil)), ErrNotFound)
	is(t, second(e.Histogram("h", &MetricOptions{RelativeError: 2})), ErrConfig)
}

// Goroutines that go on recording while the engine is closed neither crash nor hang.
func TestCloseWhileEverybodyRecords(t *testing.T) {
	for range 30 {
		e, err := Open(Config{Region: Region{SizeBytes: 8 << 20},
			Limiters: map[string]LimiterConfig{"api": {Rate: 1e6, Burst: 1000}}})
		if err != nil {
			t.Fatal(err)
		}
		counter := must[Counter](t)(e.Counter("c", nil))
		histogram := must[Histogram](t)(e.Histogram("h", nil))
		limiter := must[Limiter](t)(e.Limiter("api", nil))
		var done sync.WaitGroup
		stop := make(chan struct{})
		for range 8 {
			done.Add(1)
			go func() {
				defer done.Done()
				for {
					select {
					case <-stop:
						return
					default:
					}
					for range 100 {
						counter.Inc()
						histogram.Record(0.25)
						limiter.Allow()
					}
					if s, err := e.Snapshot(); err == nil {
						s.Close()
					} else if err != ErrClosed {
						t.Error(err)
						return
					}
				}
			}()
		}
		time.Sleep(time.Millisecond)
		var closers sync.WaitGroup
		for range 2 {
			closers.Add(1)
			go func() { defer closers.Done(); e.Close() }()
		}
		closers.Wait()
		runtime.Gosched()
		close(stop)
		done.Wait()
	}
}

func TestAnEngineThatNobodyClosedIsCollected(t *testing.T) {
	path := regionPath(t)
	for range 20 {
		if _, err := Open(Config{Region: Region{Path: path, SizeBytes: 4 << 20}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Skip(err)
		}
		if !strings.Contains(string(maps), path) {
			return
		}
	}
	t.Error("engines are still mapped")
}

func TestARegionOfAnotherVersionIsRefused(t *testing.T) {
	path := regionPath(t)
	e := opened(t, Config{Region: Region{Path: path, SizeBytes: 4 << 20}})
	must[Counter](t)(e.Counter("c", nil))
	e.Close()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// The second word of a region is its layout's version.
	if _, err := file.WriteAt([]byte{200}, 8); err != nil {
		t.Fatal(err)
	}
	is(t, second(Open(Config{Region: Region{Path: path}})), ErrFormat)
	is(t, second(Attach(path)), ErrFormat)
	is(t, second(Attach(path+".none")), ErrNotFound)
	if err := os.WriteFile(path+".other", []byte("not a region at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	is(t, second(Open(Config{Region: Region{Path: path + ".other"}})), ErrFormat)
}

func TestAnObserverReadsAndDoesNotWrite(t *testing.T) {
	path := regionPath(t)
	e := opened(t, Config{Region: Region{Path: path, SizeBytes: 4 << 20}})
	must[Counter](t)(e.Counter("c", nil)).Add(7)
	watcher, err := Attach(path)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	s := must[*Snapshot](t)(watcher.Snapshot())
	defer s.Close()
	same(t, "count", 7, must[*Data](t)(s.Data()).Counter("c", nil).Value)
	is(t, second(watcher.Counter("d", nil)), ErrState)
	is(t, watcher.AdvanceClock(1), ErrState)
	is(t, second(watcher.Limiter("l", &LimiterConfig{Preset: "auth"})), ErrState)
}

func TestErrorsHaveCodeAndSentence(t *testing.T) {
	e := engine(t, Config{})
	_, err := e.Limiter("none", nil)
	var found *Error
	if !errors.As(err, &found) || found.Code != CodeNotFound || !strings.Contains(found.Message, "none") {
		t.Error(err)
	}
	same(t, "name", "TIDEGATE_E_NOT_FOUND", found.Code.String())
	same(t, "another sentinel", false, errors.Is(err, ErrStale))
	denied := &Denied{"limiter", "api", time.Second}
	is(t, denied, ErrDenied)
	same(t, "text", "tidegate: denied by limiter api, retry after 1s", denied.Error())
	if Version() == "" {
		t.Error("no version")
	}
	is(t, e.AdvanceClock(-1), ErrArgument)
}
