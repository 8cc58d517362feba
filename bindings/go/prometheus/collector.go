// Package prometheus shows what tidegate holds through client_golang, beside a program's own metrics:
// for programs that move over step by step. It is a module of its own, so that tidegate itself needs
// nothing.
package prometheus

import (
	"bytes"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Collector is an engine as a [prometheus.Collector]: register it once. It collects the metrics of
// all processes of the region, so scrape one of them, or drop the label that tells them apart.
type Collector struct{ engine *tidegate.Engine }

// NewCollector makes a collector.
func NewCollector(engine *tidegate.Engine) *Collector { return &Collector{engine} }

// Describe describes nothing: which metrics there are is known when they are collected.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect takes a snapshot and gives every metric in it.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	families, err := c.families()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(prometheus.NewDesc("tidegate_error", "The engine cannot be read.", nil, nil), err)
		return
	}
	for name, family := range families {
		for _, metric := range family.Metric {
			names := make([]string, len(metric.Label))
			for i, label := range metric.Label {
				names[i] = label.GetName()
			}
			metrics <- &sample{prometheus.NewDesc(name, family.GetHelp(), names, nil), metric}
		}
	}
}

func (c *Collector) families() (map[string]*dto.MetricFamily, error) {
	var text bytes.Buffer
	if err := c.engine.WriteTo(&text, tidegate.Prometheus); err != nil {
		return nil, err
	}
	var parser expfmt.TextParser
	return parser.TextToMetricFamilies(strings.NewReader(text.String()))
}

// sample is a metric that was collected.
type sample struct {
	desc   *prometheus.Desc
	metric *dto.Metric
}

func (s *sample) Desc() *prometheus.Desc { return s.desc }

func (s *sample) Write(into *dto.Metric) error {
	into.Label = s.metric.Label
	into.Gauge, into.Counter, into.Summary = s.metric.Gauge, s.metric.Counter, s.metric.Summary
	into.Untyped, into.Histogram, into.TimestampMs = s.metric.Untyped, s.metric.Histogram, s.metric.TimestampMs
	return nil
}
