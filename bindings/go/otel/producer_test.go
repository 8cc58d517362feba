package otel_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func open(t testing.TB) *tidegate.Engine {
	t.Helper()
	engine, err := tidegate.Open(tidegate.Config{
		Breakers: map[string]tidegate.BreakerConfig{"db": {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestTheSDKCollectsWhatTheRegionHolds(t *testing.T) {
	engine := open(t)
	labels := map[string]string{"kind": `a "b" \ c` + "\n", "empty": ""}
	must[tidegate.Counter](t)(engine.Counter("orders.new", &tidegate.MetricOptions{
		Labels: labels, Help: "Orders, \\ new.", Unit: "orders"})).Add(7)
	must[tidegate.Gauge](t)(engine.Gauge("queue-depth", nil)).Set(-2.5)
	duration := must[tidegate.Histogram](t)(engine.Histogram("http.server.request.duration", &tidegate.MetricOptions{Unit: "seconds"}))
	for _, value := range []float64{0.001, 0.02, 0.02, 3, 1000} {
		duration.Record(value)
	}
	query := must[tidegate.Operation](t)(engine.Operation("db.query", nil))
	for i := range 5 {
		query.Record(20*time.Millisecond, tidegate.Outcome(i%2), []string{"", "timeout"}[i%2])
	}

	reader := metric.NewManualReader(metric.WithProducer(otel.NewProducer(engine)))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	defer provider.Shutdown(context.Background())
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	found := map[string]metricdata.Metrics{}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			found[m.Name] = m
		}
	}

	orders := found["orders.new"]
	sum, ok := orders.Data.(metricdata.Sum[float64])
	if !ok || !sum.IsMonotonic || sum.Temporality != metricdata.CumulativeTemporality || len(sum.DataPoints) != 1 {
		t.Fatalf("%+v", orders)
	}
	point := sum.DataPoints[0]
	if point.Value != 7 || orders.Unit != "{orders}" || orders.Description != `Orders, \ new.` {
		t.Errorf("%+v", orders)
	}
	if kind, _ := point.Attributes.Value(attribute.Key("kind")); kind.AsString() != labels["kind"] {
		t.Errorf("%q", kind.AsString())
	}
	if !point.StartTime.Before(point.Time) || time.Since(point.Time) > time.Minute {
		t.Error(point.StartTime, point.Time)
	}
	gauge, ok := found["queue-depth"].Data.(metricdata.Gauge[float64])
	if !ok || gauge.DataPoints[0].Value != -2.5 {
		t.Errorf("%+v", found["queue-depth"])
	}

	requests := found["http.server.request.duration"]
	histogram, ok := requests.Data.(metricdata.Histogram[float64])
	if !ok || len(histogram.DataPoints) != 1 || requests.Unit != "s" {
		t.Fatalf("%+v", requests)
	}
	p := histogram.DataPoints[0]
	var total uint64
	for _, count := range p.BucketCounts {
		total += count
	}
	if p.Count != 5 || total != 5 || math.Abs(p.Sum-1003.041) > 1e-9 || len(p.BucketCounts) != len(p.Bounds)+1 ||
		p.BucketCounts[len(p.Bounds)] != 1 || !slices.IsSorted(p.Bounds) {
		t.Errorf("%+v", p)
	}

	if h, ok := found["db.query"].Data.(metricdata.Histogram[float64]); !ok || h.DataPoints[0].Count != 5 {
		t.Errorf("%+v", found["db.query"])
	}
	for name, want := range map[string]int{"db.query.outcomes": 3, "db.query.errors": 1, "tidegate_breaker_state": 7, "tidegate_breaker_calls": 3} {
		switch data := found[name].Data.(type) {
		case metricdata.Sum[float64]:
			if len(data.DataPoints) != want {
				t.Errorf("%s: %+v", name, data)
			}
		case metricdata.Gauge[float64]:
			if len(data.DataPoints) != want {
				t.Errorf("%s: %+v", name, data)
			}
		default:
			t.Errorf("%s: %T", name, data)
		}
	}
}

func TestAClosedEngineProducesAnError(t *testing.T) {
	engine := open(t)
	producer := otel.NewProducer(engine)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := producer.Produce(cancelled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	engine.Close()
	if _, err := producer.Produce(t.Context()); !errors.Is(err, tidegate.ErrClosed) {
		t.Error(err)
	}
}

func ExampleNewProducer() {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		panic(err)
	}
	defer engine.Close()
	orders, err := engine.Counter("orders", nil)
	if err != nil {
		panic(err)
	}
	orders.Add(3)

	reader := metric.NewManualReader(metric.WithProducer(otel.NewProducer(engine)))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	defer provider.Shutdown(context.Background())
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		panic(err)
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if m.Name == "orders" {
			fmt.Println(m.Data.(metricdata.Sum[float64]).DataPoints[0].Value)
		}
	}
	// Output: 3
}
