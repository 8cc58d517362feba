// Package otel gives what tidegate holds to the OpenTelemetry SDK, beside a program's own metrics: for
// programs whose metrics leave by OTLP. It is a module of its own, so that tidegate itself needs
// nothing.
//
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(otel.NewProducer(engine)))
//	provider := metric.NewMeterProvider(metric.WithReader(reader))
package otel

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// scope is who made the metrics, for OpenTelemetry.
const scope = "github.com/tidegate/tidegate"

// Producer is an engine as a [metric.Producer]. It produces the metrics of all processes of the region,
// so let one of them export, or tell them apart by an attribute of the resource.
type Producer struct{ engine *tidegate.Engine }

var _ metric.Producer = (*Producer)(nil)

// NewProducer makes a producer.
func NewProducer(engine *tidegate.Engine) *Producer { return &Producer{engine} }

// Produce takes a snapshot and gives every metric in it: counters as cumulative sums, gauges as gauges,
// histograms and operations as histograms with the bounds of the Prometheus exposition. Metrics have
// the names that they were opened with; those of guards and of the region begin with "tidegate_".
func (p *Producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	snapshot, err := p.engine.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	var said document
	if err := snapshot.Decode(&said); err != nil {
		return nil, err
	}
	text, err := snapshot.Render(tidegate.Prometheus)
	if err != nil {
		return nil, err
	}
	families, err := parse(string(text))
	if err != nil {
		return nil, err
	}
	names := said.names()
	at := moment{said.Engine.CreatedAt, said.TakenAt}
	metrics := make([]metricdata.Metrics, 0, len(families))
	for _, f := range families {
		n, known := names[f.name]
		if !known {
			n = named{name: strings.TrimSuffix(f.name, "_total")}
		}
		if data := f.data(at); data != nil {
			metrics = append(metrics, metricdata.Metrics{Name: n.name, Unit: unit(n.unit), Description: f.help, Data: data})
		}
	}
	return []metricdata.ScopeMetrics{{
		Scope:   instrumentation.Scope{Name: scope, Version: said.Version},
		Metrics: metrics,
	}}, nil
}

// document is what is read of the JSON snapshot: names as they were opened, and times.
type document struct {
	Version    string    `json:"version"`
	TakenAt    time.Time `json:"taken_at"`
	Counters   []named   `json:"counters"`
	Gauges     []named   `json:"gauges"`
	Histograms []named   `json:"histograms"`
	Operations []named   `json:"operations"`
	Ratios     []named   `json:"ratios"`
	Infos      []named   `json:"infos"`
	Enums      []named   `json:"enums"`
	Engine     struct {
		CreatedAt time.Time `json:"created_at"`
	} `json:"engine"`
}

// named is a metric's name and unit.
type named struct{ name, unit string }

// UnmarshalJSON reads both.
func (n *named) UnmarshalJSON(text []byte) error {
	var said struct{ Name, Unit string }
	err := json.Unmarshal(text, &said)
	n.name, n.unit = said.Name, said.Unit
	return err
}

// names tells the metrics of the snapshot by their names in the Prometheus exposition.
func (d *document) names() map[string]named {
	names := map[string]named{}
	put := func(n named, suffixes ...string) {
		base := exposed(n.name)
		if n.unit != "" && !strings.HasSuffix(base, "_"+exposed(n.unit)) {
			names[base+"_"+exposed(n.unit)] = n
			names[base+"_"+exposed(n.unit)+"_total"] = n
		}
		for _, suffix := range suffixes {
			names[base+suffix] = n
		}
	}
	for _, n := range d.Counters {
		put(n, "_total", "")
	}
	for _, list := range [][]named{d.Gauges, d.Histograms, d.Enums} {
		for _, n := range list {
			put(n, "")
		}
	}
	for _, n := range d.Operations {
		put(named{n.name, "seconds"}, "_seconds")
		base := exposed(n.name)
		names[base+"_outcomes_total"] = named{name: n.name + ".outcomes"}
		names[base+"_errors_total"] = named{name: n.name + ".errors"}
		names[base+"_slow_calls_total"] = named{name: n.name + ".slow_calls"}
	}
	for _, n := range d.Ratios {
		put(n, "_total")
	}
	for _, n := range d.Infos {
		put(n, "_info", "")
	}
	return names
}

// exposed is a name with what Prometheus does not know in names replaced.
func exposed(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// unit is a unit as UCUM writes it, where it is one.
func unit(name string) string {
	switch name {
	case "seconds":
		return "s"
	case "milliseconds":
		return "ms"
	case "bytes":
		return "By"
	case "ratio":
		return "1"
	case "":
		return ""
	default:
		return "{" + name + "}"
	}
}

// moment is from when on sums count, and when they were read.
type moment struct{ start, now time.Time }

// data is a family as OpenTelemetry has it; nil when it has no samples.
func (f *family) data(at moment) metricdata.Aggregation {
	switch {
	case len(f.samples) == 0:
		return nil
	case f.kind == "counter":
		return metricdata.Sum[float64]{
			DataPoints: f.points(at), Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
		}
	case f.kind == "histogram":
		return metricdata.Histogram[float64]{DataPoints: f.distributions(at), Temporality: metricdata.CumulativeTemporality}
	default:
		return metricdata.Gauge[float64]{DataPoints: f.points(at)}
	}
}

func (f *family) points(at moment) []metricdata.DataPoint[float64] {
	points := make([]metricdata.DataPoint[float64], len(f.samples))
	for i, s := range f.samples {
		points[i] = metricdata.DataPoint[float64]{
			Attributes: attribute.NewSet(s.labels...), StartTime: at.start, Time: at.now, Value: s.value,
		}
	}
	return points
}

// distributions gathers the samples of a histogram: buckets upwards, then the sum and the count.
func (f *family) distributions(at moment) []metricdata.HistogramDataPoint[float64] {
	var points []metricdata.HistogramDataPoint[float64]
	point := metricdata.HistogramDataPoint[float64]{}
	var below uint64
	for _, s := range f.samples {
		switch s.suffix {
		case "_bucket":
			count := uint64(s.value)
			if !s.infinite {
				point.Bounds = append(point.Bounds, s.bound)
			}
			point.BucketCounts = append(point.BucketCounts, count-min(below, count))
			below = count
		case "_sum":
			point.Sum = s.value
		case "_count":
			point.Count = uint64(s.value)
			point.Attributes, point.StartTime, point.Time = attribute.NewSet(s.labels...), at.start, at.now
			points = append(points, point)
			point, below = metricdata.HistogramDataPoint[float64]{}, 0
		}
	}
	return points
}
