package prometheus_test

import (
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/prometheus"
)

func TestMetricsAreGatheredBesideOthers(t *testing.T) {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	orders, err := engine.Counter("orders", &tidegate.MetricOptions{Labels: map[string]string{"kind": "book"}})
	if err != nil {
		t.Fatal(err)
	}
	orders.Add(3)
	seconds, err := engine.Histogram("seconds", nil)
	if err != nil {
		t.Fatal(err)
	}
	seconds.Record(0.25)
	seconds.Record(0.5)

	registry := client.NewPedanticRegistry()
	registry.MustRegister(prometheus.NewCollector(engine))
	own := client.NewCounter(client.CounterOpts{Name: "own"})
	registry.MustRegister(own)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.Metric {
			switch {
			case metric.Counter != nil:
				found[family.GetName()] += metric.Counter.GetValue()
			case metric.Histogram != nil:
				found[family.GetName()] += float64(metric.Histogram.GetSampleCount())
			case metric.Summary != nil:
				found[family.GetName()] += float64(metric.Summary.GetSampleCount())
			}
		}
	}
	for name, want := range map[string]float64{"orders_total": 3, "seconds": 2, "own": 0} {
		if got, ok := found[name]; !ok || got != want {
			t.Errorf("%s: want %v, got %v in %v", name, want, got, found)
		}
	}
	engine.Close()
	if _, err := registry.Gather(); err == nil {
		t.Error("a closed engine is no error")
	}
}
