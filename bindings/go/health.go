package tidegate

import (
	"math"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Health is how a service, or a part of it, is.
type Health int32

// The kinds of health.
const (
	Healthy       Health = 0
	Degraded      Health = 1
	Unhealthy     Health = 2
	UnknownHealth Health = 3
)

// String returns "healthy", "degraded", "unhealthy" or "unknown".
func (h Health) String() string {
	switch h {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	case Unhealthy:
		return "unhealthy"
	default:
		return "unknown"
	}
}

// Probe is a question about health, as Kubernetes asks it.
type Probe int32

// The probes. Liveness never depends on others; Readiness judges the section "health" of the
// configuration.
const (
	Liveness  Probe = 0
	Readiness Probe = 1
	Startup   Probe = 2
)

// Health answers a probe: how the service is, and with which HTTP status to say so.
func (e *Engine) Health(probe Probe) (Health, int, error) {
	var status, http int32
	err := e.call(func() (r capi.Result) {
		status, http, r = capi.Health(e.c, int32(probe))
		return r
	})
	if err != nil {
		return UnknownHealth, 503, err
	}
	return Health(status), int(http), nil
}

// HealthReport is what the application found out about a check itself.
type HealthReport struct {
	Health Health
	// Observed is a measured value; NaN for none.
	Observed float64
	// Message is what a person should know.
	Message string
	// TTL is how long the report counts; 0 is for ever.
	TTL time.Duration
}

// Report tells what the application found out about a check itself: the database answers in 12 ms,
// Redis is down. The latest report of a name stands, whichever process made it.
func (e *Engine) Report(check string, report HealthReport) error {
	if report.TTL < 0 {
		return &Error{CodeArgument, "a time to live is not negative"}
	}
	return e.call(func() capi.Result {
		return capi.HealthReport(e.c, check, int32(report.Health), report.Observed, report.Message, uint64(report.TTL))
	})
}

// ReportError reports a check by an error: nil is healthy, anything else unhealthy, with its text.
func (e *Engine) ReportError(check string, err error, ttl time.Duration) error {
	report := HealthReport{Observed: math.NaN(), TTL: ttl}
	if err != nil {
		report.Health, report.Message = Unhealthy, err.Error()
	}
	return e.Report(check, report)
}

// Heartbeat says that this process is at work. Call it from the loop that must not hang; a process
// that has ever called it is judged by it.
func (e *Engine) Heartbeat() error { return e.call(func() capi.Result { return capi.Heartbeat(e.c) }) }

// StartupDone says that this process has started: the probe [Startup] is healthy from now on.
func (e *Engine) StartupDone() error {
	return e.call(func() capi.Result { return capi.StartupDone(e.c) })
}
