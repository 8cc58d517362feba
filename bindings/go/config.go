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
	// Breakers, Bulkheads, Retries, Throttles and Guards are opened with the engine, by name.
	Breakers  map[string]BreakerConfig
	Bulkheads map[string]BulkheadConfig
	Retries   map[string]RetryConfig
	Throttles map[string]ThrottleConfig
	Guards    map[string]GuardConfig
	// Health is the section "health" of the document, in its words: what Readiness judges.
	Health map[string]any
	// Objectives is the section "objectives" of the document, in its words.
	Objectives []map[string]any
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

// LimiterConfig is a rate limit: a token bucket (Rate, Burst), a sliding or fixed window (Limit,
// Window) or a preset.
type LimiterConfig struct {
	// Preset is "strict" (10 a minute), "standard" (60 a minute), "relaxed" (300 a minute), "api"
	// (1000 an hour) or "auth" (5 in 15 minutes).
	Preset string
	// Algorithm is "token_bucket", "sliding_window" or "fixed_window". It may be left out where the
	// other fields tell: Limit and Window are a sliding window.
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
	// Plans are limits that keys may be put on by Limiter.SetPlan. A plan has the fields of an
	// algorithm only.
	Plans map[string]LimiterConfig
	// Allow and Deny are keys that are always admitted, and never.
	Allow, Deny []string
	// RecordKeys lets Limiter.Top list keys: as "hash", "ip", "email", "token" or "plain".
	RecordKeys string
	// Shadow counts what would be denied, and lets it pass.
	Shadow bool
	// More holds fields that have no place above, by their names in the document.
	More map[string]any
}

// BreakerConfig is when a circuit breaker opens and closes. What is zero has the engine's default.
type BreakerConfig struct {
	// FailureRate, 0 to 1, opens the breaker; SlowCallRate, too, of calls slower than SlowCall.
	FailureRate  float64
	SlowCall     time.Duration
	SlowCallRate float64
	// ConsecutiveFailures opens the breaker whatever the rates are.
	ConsecutiveFailures uint64
	// MinimumCalls is how many reports the rates need.
	MinimumCalls uint64
	// Window or WindowCalls is over what the rates are taken: time, or the last calls.
	Window      time.Duration
	WindowCalls uint64
	// Open is how long the breaker stays open. OpenGrowth, OpenMax and OpenJitter make that longer
	// with each time that it opens again.
	Open       time.Duration
	OpenGrowth float64
	OpenMax    time.Duration
	OpenJitter float64
	// HalfOpenCalls are let through then, and HalfOpenSuccesses of them close the breaker.
	HalfOpenCalls     uint64
	HalfOpenSuccesses uint64
	// PermitTimeout is how long a permit is waited for; Ramp how long closing takes.
	PermitTimeout time.Duration
	Ramp          time.Duration
	// Initial is how it starts: "closed", "open", "disabled", "forced_open", "forced_closed",
	// "metrics_only".
	Initial string
	// Shadow counts what would be denied, and lets it pass.
	Shadow bool
	// More holds fields that have no place above, by their names in the document.
	More map[string]any
}

// MarshalJSON writes the object that the engine reads.
func (c BreakerConfig) MarshalJSON() ([]byte, error) {
	f := fields{}
	f.real("failure_rate", c.FailureRate)
	f.seconds("slow_call_seconds", c.SlowCall)
	f.real("slow_call_rate", c.SlowCallRate)
	f.whole("consecutive_failures", c.ConsecutiveFailures)
	f.whole("minimum_calls", c.MinimumCalls)
	window := fields{}
	window.seconds("seconds", c.Window)
	window.whole("calls", c.WindowCalls)
	if len(window) > 0 {
		f["window"] = window
	}
	f.seconds("open_seconds", c.Open)
	f.real("open_growth", c.OpenGrowth)
	f.seconds("open_max_seconds", c.OpenMax)
	f.real("open_jitter", c.OpenJitter)
	f.whole("half_open_calls", c.HalfOpenCalls)
	f.whole("half_open_successes", c.HalfOpenSuccesses)
	f.seconds("permit_timeout_seconds", c.PermitTimeout)
	f.seconds("ramp_seconds", c.Ramp)
	f.text("initial", c.Initial)
	f.flag("shadow", c.Shadow)
	return f.marshal(c.More)
}

// BulkheadConfig is how many calls may be in flight at once: MaxConcurrent, or what Adaptive finds.
type BulkheadConfig struct {
	MaxConcurrent uint64
	// Adaptive finds the limit, in the document's words: {"algorithm": "gradient", "max": 100}.
	Adaptive map[string]any
	// Keyed gives each key a limit of its own; MaxKeys is how many are active at once.
	Keyed   bool
	MaxKeys uint64
	// PermitTimeout is after how long a place is taken back when somebody else wants it.
	PermitTimeout time.Duration
	// Shadow counts what would be denied, and lets it pass.
	Shadow bool
	// More holds fields that have no place above, by their names in the document.
	More map[string]any
}

// MarshalJSON writes the object that the engine reads.
func (c BulkheadConfig) MarshalJSON() ([]byte, error) {
	f := fields{}
	f.whole("max_concurrent", c.MaxConcurrent)
	if c.Adaptive != nil {
		f["adaptive"] = c.Adaptive
	}
	f.flag("keyed", c.Keyed)
	f.whole("max_keys", c.MaxKeys)
	f.seconds("permit_timeout_seconds", c.PermitTimeout)
	f.flag("shadow", c.Shadow)
	return f.marshal(c.More)
}

// RetryConfig is how often to try again, and after which waits. What is zero has the engine's
// default: three attempts, exponential waits from 0.1 s with full jitter.
type RetryConfig struct {
	MaxAttempts uint64
	// Backoff is "exponential", "constant" or "decorrelated".
	Backoff    string
	Base       time.Duration
	Multiplier float64
	Max        time.Duration
	// Jitter is "full", "equal" or "none".
	Jitter string
	// Deadline is after how long no further attempt begins.
	Deadline time.Duration
	// BudgetRatio bounds the retries of all processes together by their first attempts, though
	// BudgetMinimum in 10 s are always allowed.
	BudgetRatio   float64
	BudgetMinimum uint64
	// Seed makes the waits of a test repeat.
	Seed uint64
	// Shadow counts what would be denied, and lets it pass.
	Shadow bool
	// More holds fields that have no place above, by their names in the document.
	More map[string]any
}

// MarshalJSON writes the object that the engine reads.
func (c RetryConfig) MarshalJSON() ([]byte, error) {
	f := fields{}
	f.whole("max_attempts", c.MaxAttempts)
	f.text("backoff", c.Backoff)
	f.seconds("base_seconds", c.Base)
	f.real("multiplier", c.Multiplier)
	f.seconds("max_seconds", c.Max)
	f.text("jitter", c.Jitter)
	f.seconds("deadline_seconds", c.Deadline)
	f.real("budget_ratio", c.BudgetRatio)
	f.whole("budget_minimum", c.BudgetMinimum)
	f.whole("seed", c.Seed)
	f.flag("shadow", c.Shadow)
	return f.marshal(c.More)
}

// ThrottleConfig is when a client holds back on its own, because too little of what it sends
// succeeds. What is zero has the engine's default.
type ThrottleConfig struct {
	Window           time.Duration
	SuccessThreshold float64
	Aggression       float64
	MinimumRate      float64
	MaxRejection     float64
	// Seed makes the decisions of a test repeat.
	Seed uint64
	// Shadow counts what would be denied, and lets it pass.
	Shadow bool
	// More holds fields that have no place above, by their names in the document.
	More map[string]any
}

// MarshalJSON writes the object that the engine reads.
func (c ThrottleConfig) MarshalJSON() ([]byte, error) {
	f := fields{}
	f.seconds("window_seconds", c.Window)
	f.real("success_threshold", c.SuccessThreshold)
	f.real("aggression", c.Aggression)
	f.real("minimum_rps", c.MinimumRate)
	f.real("max_rejection", c.MaxRejection)
	f.whole("seed", c.Seed)
	f.flag("shadow", c.Shadow)
	return f.marshal(c.More)
}

// GuardConfig names the guards of a chain; they must exist.
type GuardConfig struct {
	Bulkhead string `json:"bulkhead,omitempty"`
	Limiter  string `json:"limiter,omitempty"`
	Breaker  string `json:"breaker,omitempty"`
	Retry    string `json:"retry,omitempty"`
	Throttle string `json:"throttle,omitempty"`
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

func (f fields) list(name string, values []string) {
	if len(values) > 0 {
		f[name] = values
	}
}

func (f fields) flag(name string, value bool) {
	if value {
		f[name] = true
	}
}

func (f fields) marshal(more map[string]any) ([]byte, error) {
	for name, value := range more {
		if _, said := f[name]; said {
			return nil, &Error{CodeConfig, "More: " + name + " has a field of its own"}
		}
		f[name] = value
	}
	return json.Marshal(map[string]any(f))
}

func section[T any](f fields, name string, value map[string]T) {
	if len(value) > 0 {
		f[name] = value
	}
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
	section(f, "limiters", c.Limiters)
	section(f, "breakers", c.Breakers)
	section(f, "bulkheads", c.Bulkheads)
	section(f, "retries", c.Retries)
	section(f, "throttles", c.Throttles)
	section(f, "guards", c.Guards)
	section(f, "health", c.Health)
	if len(c.Objectives) > 0 {
		f["objectives"] = c.Objectives
	}
	return f.marshal(c.More)
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
	section(f, "plans", c.Plans)
	f.list("allow", c.Allow)
	f.list("deny", c.Deny)
	f.text("record_keys", c.RecordKeys)
	f.flag("shadow", c.Shadow)
	return f.marshal(c.More)
}
