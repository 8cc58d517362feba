package tidegate

import (
	"encoding/json"
	"time"
)

// Config is the configuration document, the same in every language. The zero value works. Unknown
// and impossible values are refused by [Open] with an error that names the field.
type Config struct {
	// Service is the service's name, for people.
	Service string
	// Region is where the state lives and who shares it.
	Region Region
	// Clock is "real", which is the default, or "manual": it moves only by Engine.AdvanceClock.
	Clock string
	// Window is the longest window of histograms; 0 is a minute.
	Window time.Duration
	// Metrics bounds the memory of metrics.
	Metrics MetricLimits
	// Limiters are opened with the engine, by name.
	Limiters map[string]LimiterConfig
	// More holds sections of the document that have no field here, by their names. A section that
	// has one is an error.
	More map[string]any
}

// Region is where an engine's state lives.
type Region struct {
	// Path is a file, best one in /dev/shm: every process that opens it shares the state. Without
	// one the state is this process's.
	Path string `json:"path,omitempty"`
	// SizeBytes is the region's size; 0 is the default.
	SizeBytes uint64 `json:"size_bytes,omitempty"`
	// Private keeps the region from forked children as well.
	Private bool `json:"private,omitempty"`
}

// MetricLimits bounds the memory of metrics. Beyond, one overflow series for each name counts on.
type MetricLimits struct {
	MaxSeries        uint64 `json:"max_series,omitempty"`
	MaxSeriesPerName uint64 `json:"max_series_per_name,omitempty"`
}

// LimiterConfig is a rate limit: a token bucket (Rate, Burst), a sliding window (Limit, Window) or a
// preset.
type LimiterConfig struct {
	// Preset is "strict" (10 a minute), "standard" (60 a minute), "relaxed" (300 a minute), "api"
	// (1000 an hour) or "auth" (5 in 15 minutes).
	Preset string
	// Algorithm is "token_bucket" or "sliding_window". It may be left out where the other fields
	// tell.
	Algorithm string
	// Rate is how many units come back in a second, and Burst how many there are at most.
	Rate  float64
	Burst uint64
	// Limit is how many units pass in any interval of the length Window.
	Limit  uint64
	Window time.Duration
	// Keyed gives each key a limit of its own; MaxKeys is how many are active within a window.
	Keyed   bool
	MaxKeys uint64
	// WhenFull is what happens to a new key when there is no room: "deny", "allow" or "evict".
	WhenFull string
	// Shadow counts what would be denied, and lets it pass.
	Shadow bool
	// More holds fields that have no place above, by their names in the document.
	More map[string]any
}

// fields is a JSON object in the making: only what was said.
type fields map[string]any

func (f fields) text(name, value string) {
	if value != "" {
		f[name] = value
	}
}

func (f fields) seconds(name string, value time.Duration) {
	if value != 0 {
		f[name] = value.Seconds()
	}
}

func (f fields) real(name string, value float64) {
	if value != 0 {
		f[name] = value
	}
}

func (f fields) whole(name string, value uint64) {
	if value != 0 {
		f[name] = value
	}
}

func (f fields) flag(name string, value bool) {
	if value {
		f[name] = true
	}
}

func (f fields) more(more map[string]any) error {
	for name, value := range more {
		if _, said := f[name]; said {
			return &Error{CodeConfig, "More: " + name + " has a field of its own"}
		}
		f[name] = value
	}
	return nil
}

// MarshalJSON writes the document that the engine reads.
func (c Config) MarshalJSON() ([]byte, error) {
	f := fields{}
	f.text("service", c.Service)
	if c.Region != (Region{}) {
		f["region"] = c.Region
	}
	f.text("clock", c.Clock)
	f.seconds("window_seconds", c.Window)
	if c.Metrics != (MetricLimits{}) {
		f["metrics"] = c.Metrics
	}
	if len(c.Limiters) > 0 {
		f["limiters"] = c.Limiters
	}
	if err := f.more(c.More); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// MarshalJSON writes the object that the engine reads.
func (c LimiterConfig) MarshalJSON() ([]byte, error) {
	f := fields{}
	f.text("preset", c.Preset)
	switch {
	case c.Algorithm != "":
		f["algorithm"] = c.Algorithm
	case c.Preset != "":
	case c.Rate != 0 || c.Burst != 0:
		f["algorithm"] = "token_bucket"
	case c.Limit != 0 || c.Window != 0:
		f["algorithm"] = "sliding_window"
	}
	f.real("rate_per_second", c.Rate)
	f.whole("burst", c.Burst)
	f.whole("limit", c.Limit)
	f.seconds("window_seconds", c.Window)
	f.flag("keyed", c.Keyed)
	f.whole("max_keys", c.MaxKeys)
	f.text("when_full", c.WhenFull)
	f.flag("shadow", c.Shadow)
	if err := f.more(c.More); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}
