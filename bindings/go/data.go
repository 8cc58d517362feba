package tidegate

import (
	"time"
)

// Data is what a snapshot's document says, as Go values.
type Data struct {
	Schema     string          `json:"schema"`
	Version    string          `json:"version"`
	Service    string          `json:"service"`
	TakenAt    time.Time       `json:"taken_at"`
	AgeSeconds float64         `json:"age_seconds"`
	Window     float64         `json:"window_seconds"`
	Counters   []CounterData   `json:"counters"`
	Gauges     []GaugeData     `json:"gauges"`
	Histograms []HistogramData `json:"histograms"`
	Limiters   []LimiterData   `json:"limiters"`
}

// Series is what all metrics have.
type Series struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Help   string            `json:"help"`
	Unit   string            `json:"unit"`
}

// CounterData is a counter in a snapshot.
type CounterData struct {
	Series
	Value uint64 `json:"value"`
}

// GaugeData is a gauge in a snapshot. Value is nil when it is infinite.
type GaugeData struct {
	Series
	Value *float64 `json:"value"`
}

// HistogramData is a histogram in a snapshot.
type HistogramData struct {
	Series
	RelativeError float64      `json:"relative_error"`
	Lifetime      Distribution `json:"lifetime"`
	Window        Distribution `json:"window"`
}

// Distribution is what a histogram holds, over its life or over the window. What nobody can know
// without values is nil. Quantiles are by "0.5", "0.9", "0.95", "0.99" and "0.999".
type Distribution struct {
	Count         uint64              `json:"count"`
	Sum           *float64            `json:"sum"`
	Min           *float64            `json:"min"`
	Max           *float64            `json:"max"`
	Mean          *float64            `json:"mean"`
	Quantiles     map[string]*float64 `json:"quantiles"`
	RatePerSecond *float64            `json:"rate_per_second"`
}

// LimiterData is a limiter in a snapshot.
type LimiterData struct {
	Name          string `json:"name"`
	Algorithm     string `json:"algorithm"`
	Keyed         bool   `json:"keyed"`
	Admitted      uint64 `json:"admitted"`
	AdmittedUnits uint64 `json:"admitted_units"`
	Denied        uint64 `json:"denied"`
	KeysUsed      uint64 `json:"keys_used"`
	KeysCapacity  uint64 `json:"keys_capacity"`
}

// Counter finds a counter by its name and labels; nil when it is not there.
func (d *Data) Counter(name string, labels map[string]string) *CounterData {
	for i := range d.Counters {
		if d.Counters[i].is(name, labels) {
			return &d.Counters[i]
		}
	}
	return nil
}

// Histogram finds a histogram by its name and labels; nil when it is not there.
func (d *Data) Histogram(name string, labels map[string]string) *HistogramData {
	for i := range d.Histograms {
		if d.Histograms[i].is(name, labels) {
			return &d.Histograms[i]
		}
	}
	return nil
}

// Limiter finds a limiter by its name; nil when it is not there.
func (d *Data) Limiter(name string) *LimiterData {
	for i := range d.Limiters {
		if d.Limiters[i].Name == name {
			return &d.Limiters[i]
		}
	}
	return nil
}

func (s *Series) is(name string, labels map[string]string) bool {
	if s.Name != name || len(s.Labels) != len(labels) {
		return false
	}
	for label, value := range labels {
		if found, ok := s.Labels[label]; !ok || found != value {
			return false
		}
	}
	return true
}
