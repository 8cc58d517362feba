// Bench compares the Go module with what Go programs use otherwise, in one run on one machine.
//
//	go run .                 a table; absolute figures are this machine's, compare the columns
//	go run . -smoke          only shows that everything runs
//	go run . -save DIR       keeps the table in DIR, named by the day
//	go run . -only limiter   only rows that this matches; -save then adds them to the table
//
// Rows called "floor" are what the least operation of that kind costs here: a pinned add, a call into C
// that does nothing. Figures move with the machine; their ratios to peers and floors of the same run
// hardly do. Each figure is the median of several runs in nanoseconds for one operation: 1G in one goroutine, 2G
// in two at once on the same object, for each of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/bench/floor"
	"github.com/tidegate/tidegate/bindings/go/internal/pin"
	"golang.org/x/time/rate"
)

// measured is an operation by its name: op is called with the number of the call.
type measured struct {
	what, who string
	one       bool // not safe in two goroutines
	op        func(i int)
}

var (
	smoke = flag.Bool("smoke", false, "only show that everything runs")
	only  = flag.String("only", "", "only rows that this regular expression matches")
)

func main() {
	save := flag.String("save", "", "folder to keep the table in")
	flag.Parse()
	chosen := have(regexp.Compile(*only))
	var out io.Writer = os.Stdout
	if *save != "" && !*smoke {
		name := filepath.Join(*save, time.Now().UTC().Format(time.DateOnly)+"-go.txt")
		mode := os.O_TRUNC
		if *only != "" {
			mode = os.O_APPEND
		}
		file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|mode, 0o644)
		check(err)
		defer file.Close()
		out = io.MultiWriter(out, file)
	}
	fmt.Fprintf(out, "date     %s\nmachine  %s, %d cores\nversions %s, %s\n\n",
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), processor(), runtime.NumCPU(), runtime.Version(), peers())
	fmt.Fprintf(out, "%-34s %-28s %8s %8s\n", "ns", "", "1G", "2G")
	previous := ""
	for _, m := range operations() {
		if !chosen.MatchString(m.what + " " + m.who) {
			continue
		}
		title := m.what
		if title == previous {
			title = ""
		}
		previous = m.what
		two := "-"
		if !m.one {
			two = fmt.Sprintf("%8.1f", median(m.op, 2))
		}
		fmt.Fprintf(out, "%-34s %-28s %8.1f %8s\n", title, m.who, median(m.op, 1), two)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func have[T any](value T, err error) T {
	check(err)
	return value
}

var origin = time.Now()

func operations() []measured {
	engine := have(tidegate.Open(tidegate.Config{}))
	values := make([]float64, 1<<16)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range values {
		values[i] = math.Exp(random.NormFloat64()) / 1000
	}
	value := func(i int) float64 { return values[i&(len(values)-1)] }
	took := func(i int) time.Duration { return time.Duration(value(i) * 1e9) }
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = "user " + strconv.Itoa(i)
	}
	inTurn := func(i int) string { return keys[i*7919%len(keys)] }
	ask := make([]string, 1<<16) // few keys make most calls: exponent 1, as in the engine's own bench
	for i := range ask {
		ask[i] = keys[int(math.Pow(float64(len(keys)), random.Float64()))-1]
	}
	key := func(i int) string { return ask[i&(len(ask)-1)] }

	counter := have(engine.Counter("c", nil))
	histogram := have(engine.Histogram("h", nil))
	limiter := have(engine.Limiter("l", &tidegate.LimiterConfig{Rate: 1000, Burst: 1e9}))
	denying := have(engine.Limiter("d", &tidegate.LimiterConfig{Rate: 0.0001, Burst: 1}))
	keyed := have(engine.Limiter("k", &tidegate.LimiterConfig{Rate: 1000, Burst: 1e9, Keyed: true}))
	breaker := have(engine.Breaker("b", &tidegate.BreakerConfig{}))
	bulkhead := have(engine.Bulkhead("b", &tidegate.BulkheadConfig{MaxConcurrent: 10}))
	operation := have(engine.Operation("o", nil))
	ctx := context.Background()
	nothing := func(context.Context) error { return nil }

	promCounter := prometheus.NewCounter(prometheus.CounterOpts{Name: "c"})
	promHistogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h"})
	promNative := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "n", NativeHistogramBucketFactor: 1.02})
	vmCounter := metrics.NewSet().NewCounter("c")
	vmHistogram := metrics.NewSet().NewHistogram("h")
	hdr := hdrhistogram.New(1, 60_000_000_000, 2)
	xrate := rate.NewLimiter(1000, 1e9)
	xdenying := rate.NewLimiter(0.0001, 1)
	xdenying.Allow()
	denying.Allow()
	var xkeyed sync.Map
	allowOf := func(key string) {
		found, ok := xkeyed.Load(key)
		if !ok {
			found, _ = xkeyed.LoadOrStore(key, rate.NewLimiter(1000, 1e9))
		}
		found.(*rate.Limiter).Allow()
	}
	gobreaks := gobreaker.NewCircuitBreaker[any](gobreaker.Settings{})

	otelCount, otelRecord := openTelemetry()
	uberTake, failsafeTry, failsafeDeny := uberTake(), failsafeTry(1e9, time.Second), failsafeTry(1, time.Hour)
	failsafeDeny()
	failsafeBreak, failsafeEnter, sentinelEnter := failsafeBreaker(), failsafeBulkhead(), sentinelBreaker()

	var batch tidegate.Batch
	batchedCounter, batchedHistogram := batch.Counter(counter), batch.Histogram(histogram)
	batchedOperation := batch.Operation(operation)
	var word atomic.Uint64

	return []measured{
		{what: "counter, add 1", who: "floor: pin, add, unpin", op: func(int) { pin.Pin(); pin.Count(&word); pin.Unpin() }},
		{what: "counter, add 1", who: "floor: atomic add", op: func(int) { word.Add(1) }},
		{what: "counter, add 1", who: "tidegate", op: func(int) { counter.Inc() }},
		{what: "counter, add 1", who: "tidegate, in a Batch", one: true, op: func(int) { batchedCounter.Inc() }},
		{what: "counter, add 1", who: "VictoriaMetrics/metrics", op: func(int) { vmCounter.Inc() }},
		{what: "counter, add 1", who: "client_golang", op: func(int) { promCounter.Inc() }},
		{what: "counter, add 1", who: "OpenTelemetry", op: func(int) { otelCount() }},
		{what: "histogram, record", who: "tidegate", op: func(i int) { histogram.Record(value(i)) }},
		{what: "histogram, record", who: "tidegate, in a Batch", one: true, op: func(i int) { batchedHistogram.Record(value(i)) }},
		{what: "histogram, record", who: "hdrhistogram-go", one: true, op: func(i int) { hdr.RecordValue(int64(value(i) * 1e9)) }},
		{what: "histogram, record", who: "VictoriaMetrics/metrics", op: func(i int) { vmHistogram.Update(value(i)) }},
		{what: "histogram, record", who: "client_golang", op: func(i int) { promHistogram.Observe(value(i)) }},
		{what: "histogram, record", who: "client_golang, native", op: func(i int) { promNative.Observe(value(i)) }},
		{what: "histogram, record", who: "OpenTelemetry", op: func(i int) { otelRecord(value(i)) }},
		{what: "limiter, admitted", who: "floor: empty call into C", op: func(int) { floor.Call() }},
		{what: "limiter, admitted", who: "tidegate", op: func(int) { limiter.Allow() }},
		{what: "limiter, admitted", who: "x/time/rate", op: func(int) { xrate.Allow() }},
		{what: "limiter, admitted", who: "failsafe-go", op: func(int) { failsafeTry() }},
		{what: "limiter, admitted", who: "uber ratelimit, Take", op: func(int) { uberTake() }},
		{what: "limiter, denied", who: "tidegate", op: func(int) { denying.Allow() }},
		{what: "limiter, denied", who: "x/time/rate", op: func(int) { xdenying.Allow() }},
		{what: "limiter, denied", who: "failsafe-go", op: func(int) { failsafeDeny() }},
		{what: "limiter, 10,000 keys, zipf", who: "floor: empty call with the key", op: func(i int) { floor.CallWithKey(key(i)) }},
		{what: "limiter, 10,000 keys, zipf", who: "tidegate", op: func(i int) { keyed.Key(key(i)).Allow() }},
		{what: "limiter, 10,000 keys, zipf", who: "x/time/rate, sync.Map", op: func(i int) { allowOf(key(i)) }},
		{what: "limiter, 10,000 keys in turn", who: "tidegate", op: func(i int) { keyed.Key(inTurn(i)).Allow() }},
		{what: "limiter, 10,000 keys in turn", who: "tidegate, 64 keys in a call", op: func(i int) {
			if i%64 == 0 {
				from := i * 7919 % (len(keys) - 64)
				keyed.AllowKeys(keys[from : from+64]...)
			}
		}},
		{what: "limiter, 10,000 keys in turn", who: "x/time/rate, sync.Map", op: func(i int) { allowOf(inTurn(i)) }},
		{what: "breaker around nothing, closed", who: "tidegate", op: func(int) { breaker.Do(ctx, nothing) }},
		{what: "breaker around nothing, closed", who: "gobreaker", op: func(int) {
			gobreaks.Execute(func() (any, error) { return nil, nil })
		}},
		{what: "breaker around nothing, closed", who: "failsafe-go, without its Run", op: func(int) { failsafeBreak() }},
		{what: "breaker around nothing, closed", who: "sentinel-golang", op: func(int) { sentinelEnter() }},
		{what: "bulkhead around nothing", who: "tidegate", op: func(int) { bulkhead.Do(ctx, nothing) }},
		{what: "bulkhead around nothing", who: "tidegate, Enter and Leave", op: func(int) {
			if place, err := bulkhead.Enter(); err == nil {
				place.Leave()
			}
		}},
		{what: "bulkhead around nothing", who: "failsafe-go, without its Run", op: func(int) { failsafeEnter() }},
		{what: "operation, record", who: "tidegate", op: func(i int) { operation.Record(took(i), tidegate.Success, "") }},
		{what: "operation, record", who: "tidegate, in a Batch", one: true, op: func(i int) { batchedOperation.Record(took(i), tidegate.Success) }},
		{what: "operation around nothing", who: "tidegate", op: func(int) { operation.Do(ctx, nothing) }},
		{what: "the clock", who: "time.Since(time.Now())", op: func(int) { time.Since(time.Now()) }},
		{what: "the clock", who: "time.Since, twice", op: func(int) { time.Since(origin); time.Since(origin) }},
	}
}

// median is the time of one call, in nanoseconds, when so many goroutines make them.
func median(op func(int), goroutines int) float64 {
	runs, length := 11, 50*time.Millisecond
	if *smoke {
		runs, length = 1, time.Millisecond
	}
	n := 1000
	for ; run(op, goroutines, n) < length; n *= 2 {
	}
	times := make([]float64, runs)
	for i := range times {
		times[i] = float64(run(op, goroutines, n).Nanoseconds()) / float64(n)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

func run(op func(int), goroutines, n int) time.Duration {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(goroutines))
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	for range goroutines {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			ready.Done()
			<-start
			for i := range n {
				op(i)
			}
		}()
	}
	ready.Wait()
	begun := time.Now()
	close(start)
	done.Wait()
	return time.Since(begun)
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// compared are the modules whose versions say what the table compares with.
var compared = map[string]string{
	"github.com/HdrHistogram/hdrhistogram-go": "hdrhistogram-go",
	"github.com/VictoriaMetrics/metrics":      "VictoriaMetrics/metrics",
	"github.com/alibaba/sentinel-golang":      "sentinel-golang",
	"github.com/failsafe-go/failsafe-go":      "failsafe-go",
	"github.com/prometheus/client_golang":     "client_golang",
	"github.com/sony/gobreaker":               "gobreaker",
	"go.opentelemetry.io/otel/sdk/metric":     "OpenTelemetry",
	"go.uber.org/ratelimit":                   "uber ratelimit",
	"golang.org/x/time":                       "x/time",
}

func peers() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var list []string
	for _, module := range info.Deps {
		if name, ok := compared[strings.TrimSuffix(module.Path, "/v2")]; ok {
			list = append(list, name+" "+module.Version)
		}
	}
	return strings.Join(list, ", ")
}
