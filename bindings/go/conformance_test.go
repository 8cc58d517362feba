package tidegate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

type scenario struct {
	Name   string
	Config json.RawMessage
	Steps  []json.RawMessage
}

type step struct {
	Do      string
	Status  string
	Message string
	Repeat  int
	Expect  map[string]any
	Within  float64
	As      string

	Counter, Gauge, Histogram, Operation, Ratio, Enum  string
	Limiter, Breaker, Bulkhead, Retry, Throttle, Guard string
	Name, Permit, Check, Probe, Outcome, Mode, State   string
	List, Plan, Style, By                              string
	Count                                              int
	Requests                                           []step
	Key                                                *string
	Cost, Attempt                                      *uint32
	Amount                                             uint64
	Value, Delta                                       *float64
	Values                                             []*float64
	Quantiles                                          []float64
	Seconds                                            *float64
	WindowSeconds                                      float64 `json:"window_seconds"`
	ByNs                                               int64   `json:"by_ns"`
	MaxWaitNs                                          int64   `json:"max_wait_ns"`
	ForNs                                              int64   `json:"for_ns"`
	TTLNs                                              int64   `json:"ttl_ns"`
	ElapsedNs                                          int64   `json:"elapsed_ns"`
	ServerRetryAfterNs                                 int64   `json:"server_retry_after_ns"`
	ErrorCode                                          string  `json:"error_code"`
	Config                                             json.RawMessage
	options                                            MetricOptions
}

// player plays the steps of one scenario.
type player struct {
	engine  *Engine
	permits map[string]any
	// latest is what the latest check said.
	latest Decision
	events *Events
}

type given = map[string]any

// plays has what each function of C is in Go. An answer of nothing and no error is TIDEGATE_OK.
var plays = map[string]func(p *player, s *step) (given, error){
	"clock_advance": func(p *player, s *step) (given, error) {
		return nil, p.engine.AdvanceClock(time.Duration(s.ByNs))
	},
	"engine_open": func(p *player, s *step) (given, error) {
		document := []byte(s.Config)
		var text string
		if json.Unmarshal(document, &text) == nil {
			document = []byte(text)
		}
		e, err := OpenJSON(document)
		if err == nil {
			err = e.Close()
		}
		return nil, err
	},
	"counter_add": func(p *player, s *step) (given, error) {
		c, err := p.engine.Counter(s.Counter, &s.options)
		c.Add(s.Amount)
		return nil, err
	},
	"counter_value": func(p *player, s *step) (given, error) {
		c, err := p.engine.Counter(s.Counter, &s.options)
		if err != nil {
			return nil, err
		}
		value, err := c.Value()
		return given{"value": value, "total": value}, err
	},
	"gauge_set": func(p *player, s *step) (given, error) {
		g, err := p.engine.Gauge(s.Gauge, &s.options)
		if err != nil {
			return nil, err
		}
		return nil, g.TrySet(real64(s.Value))
	},
	"gauge_add": func(p *player, s *step) (given, error) {
		g, err := p.engine.Gauge(s.Gauge, &s.options)
		if err != nil {
			return nil, err
		}
		return nil, g.TryAdd(real64(s.Delta))
	},
	"gauge_value": func(p *player, s *step) (given, error) {
		g, err := p.engine.Gauge(s.Gauge, &s.options)
		if err != nil {
			return nil, err
		}
		value, err := g.Value()
		return given{"value": value}, err
	},
	"histogram_record": func(p *player, s *step) (given, error) {
		h, err := p.engine.Histogram(s.Histogram, &s.options)
		if err != nil {
			return nil, err
		}
		if value := real64(s.Value); value >= 0 {
			h.Record(value)
			return nil, nil
		}
		return nil, h.TryRecord(real64(s.Value))
	},
	"histogram_record_many": func(p *player, s *step) (given, error) {
		h, err := p.engine.Histogram(s.Histogram, &s.options)
		if err != nil {
			return nil, err
		}
		var values []float64
		for _, value := range s.Values {
			values = append(values, real64(value))
		}
		return nil, h.RecordMany(values)
	},
	"histogram_quantiles": func(p *player, s *step) (given, error) {
		h, err := p.engine.Histogram(s.Histogram, &s.options)
		if err != nil {
			return nil, err
		}
		values, err := h.Quantiles(seconds(s.WindowSeconds), s.Quantiles...)
		list := make([]any, len(values))
		for i, value := range values {
			list[i] = value
		}
		return given{"values": list}, err
	},
	"record_metric": func(p *player, s *step) (given, error) {
		return nil, p.engine.RecordMetric(s.Name, real64(s.Value))
	},
	"operation_record": func(p *player, s *step) (given, error) {
		o, err := p.engine.Operation(s.Operation, &s.options)
		if err != nil {
			return nil, err
		}
		return nil, o.Record(seconds(real64(s.Seconds)), outcomes[s.Outcome], s.ErrorCode)
	},
	"operation_read": func(p *player, s *step) (given, error) {
		o, err := p.engine.Operation(s.Operation, &s.options)
		if err != nil {
			return nil, err
		}
		r, err := o.Read(seconds(s.WindowSeconds))
		return given{"count": r.Count, "successes": r.Successes, "failures": r.Failures, "ignored": r.Ignored,
			"slow": r.Slow, "rate_per_second": r.RatePerSecond, "success_ratio": r.SuccessRatio,
			"error_rate": r.ErrorRate, "average": r.Average, "p50": r.P50, "p90": r.P90, "p95": r.P95,
			"p99": r.P99, "p999": r.P999, "min": r.Min, "max": r.Max}, err
	},
	"allow_request": func(p *player, s *step) (given, error) {
		key := ""
		if s.Key != nil {
			key = *s.Key
		}
		allowed, err := p.engine.AllowRequest(s.Limiter, key)
		return answer(allowed, nil, err)
	},
	"limiter_check": func(p *player, s *step) (given, error) {
		l, err := p.limiter(s)
		if err != nil {
			return nil, err
		}
		d, err := l.Check(s.cost())
		p.latest = d
		return answer(d.Allowed, decided(d), err)
	},
	"limiter_peek": func(p *player, s *step) (given, error) {
		l, err := p.limiter(s)
		if err != nil {
			return nil, err
		}
		d, err := l.Peek(s.cost())
		return answer(d.Allowed, decided(d), err)
	},
	"limiter_check_all": func(p *player, s *step) (given, error) {
		var requests []LimiterRequest
		for i := range s.Requests {
			l, err := p.limiter(&s.Requests[i])
			if err != nil {
				return nil, err
			}
			requests = append(requests, LimiterRequest{l, s.Requests[i].cost()})
		}
		d, _, err := p.engine.CheckAll(requests...)
		return answer(d.Allowed, decided(d), err)
	},
	"limiter_headers": func(p *player, s *step) (given, error) {
		l, err := p.limiter(s)
		if err != nil {
			return nil, err
		}
		fields, err := l.Headers(p.latest, map[string]HeaderStyle{
			"current": CurrentHeaders, "draft_06": Draft06Headers, "legacy": LegacyHeaders}[s.Style])
		found := given{}
		for name, value := range fields {
			found[name] = value
		}
		return found, err
	},
	"limiter_top": func(p *player, s *step) (given, error) {
		l, err := p.limiter(s)
		if err != nil {
			return nil, err
		}
		top, err := l.Top(map[string]Order{"used": MostUsed, "denied": MostDenied}[s.By], s.Count)
		var key, used, denied []any
		for _, one := range top {
			key, used, denied = append(key, one.Key), append(used, one.Used), append(denied, one.Denied)
		}
		return given{"key": key, "used": used, "denied": denied}, err
	},
	"events_read": func(p *player, s *step) (given, error) {
		if p.events == nil {
			p.events = p.engine.Events()
		}
		events, err := p.events.Read()
		var event, cause, kind, name []any
		for _, one := range events {
			event, cause = append(event, one.Event), append(cause, one.Cause)
			kind, name = append(kind, one.Kind), append(name, one.Name)
		}
		return given{"event": event, "cause": cause, "kind": kind, "name": name}, err
	},
	"limiter_reserve": func(p *player, s *step) (given, error) {
		l, err := p.limiter(s)
		if err != nil {
			return nil, err
		}
		r, err := l.Reserve(s.cost(), time.Duration(s.MaxWaitNs))
		return given{"wait_ns": int64(r.Delay)}, err
	},
	"limiter_refund":   changed(func(l Limiter, s *step) error { return l.Refund(s.cost()) }),
	"limiter_penalize": changed(func(l Limiter, s *step) error { return l.Penalize(s.cost()) }),
	"limiter_block":    changed(func(l Limiter, s *step) error { return l.Block(time.Duration(s.ForNs)) }),
	"limiter_allow": changed(func(l Limiter, s *step) error {
		return l.SetList(map[string]List{"none": NoList, "allow": AllowList, "deny": DenyList}[s.List])
	}),
	"limiter_set_plan": changed(func(l Limiter, s *step) error { return l.SetPlan(s.Plan) }),
	"limiter_reconfigure": changed(func(l Limiter, s *step) error {
		var config LimiterConfig
		if err := json.Unmarshal(s.Config, &config.More); err != nil {
			return err
		}
		return l.Reconfigure(config)
	}),
	"bulkhead_enter": func(p *player, s *step) (given, error) {
		b, err := p.engine.Bulkhead(s.Bulkhead, nil)
		if err != nil {
			return nil, err
		}
		permit, err := b.Enter()
		if err == nil && s.As != "" {
			p.permits[s.As] = permit
		}
		return nil, err
	},
	"bulkhead_leave": func(p *player, s *step) (given, error) {
		return nil, p.permits[s.Permit].(BulkheadPermit).Leave()
	},
	"breaker_acquire": func(p *player, s *step) (given, error) {
		b, err := p.engine.Breaker(s.Breaker, nil)
		if err != nil {
			return nil, err
		}
		permit, err := b.Acquire()
		if err == nil && s.As != "" {
			p.permits[s.As] = permit
		}
		return nil, err
	},
	"breaker_report": func(p *player, s *step) (given, error) {
		return nil, p.permits[s.Permit].(BreakerPermit).Report(outcomes[s.Outcome], seconds(real64(s.Seconds)))
	},
	"breaker_state": func(p *player, s *step) (given, error) {
		b, err := p.engine.Breaker(s.Breaker, nil)
		if err != nil {
			return nil, err
		}
		phase, err := b.Phase()
		return given{"phase": phase.String()}, err
	},
	"breaker_set_mode": func(p *player, s *step) (given, error) {
		b, err := p.engine.Breaker(s.Breaker, nil)
		if err != nil {
			return nil, err
		}
		return nil, b.SetMode(phases[s.Mode])
	},
	"breaker_read": func(p *player, s *step) (given, error) {
		b, err := p.engine.Breaker(s.Breaker, nil)
		if err != nil {
			return nil, err
		}
		r, err := b.Read()
		return given{"phase": r.Phase.String(), "reason": int(r.Reason), "generation": r.Generation,
			"calls": r.Calls, "failures": r.Failures, "slow_calls": r.SlowCalls,
			"failure_rate": r.FailureRate, "slow_call_rate": r.SlowCallRate,
			"retry_after_ns": int64(r.RetryAfter), "opened_count": r.OpenedCount, "permits_out": r.PermitsOut,
			"tripped_calls": r.TrippedCalls, "tripped_failures": r.TrippedFailures,
			"tripped_slow_calls": r.TrippedSlowCalls, "tripped_age_ns": int64(r.TrippedAge)}, err
	},
	"bulkhead_enter_key": func(p *player, s *step) (given, error) {
		b, err := p.engine.Bulkhead(s.Bulkhead, nil)
		if err != nil {
			return nil, err
		}
		permit, err := b.Key(*s.Key).Enter()
		if err == nil && s.As != "" {
			p.permits[s.As] = permit
		}
		return nil, err
	},
	"bulkhead_leave_with": func(p *player, s *step) (given, error) {
		return nil, p.permits[s.Permit].(BulkheadPermit).LeaveWith(outcomes[s.Outcome], seconds(real64(s.Seconds)))
	},
	"bulkhead_read": func(p *player, s *step) (given, error) {
		b, err := p.engine.Bulkhead(s.Bulkhead, nil)
		if err != nil {
			return nil, err
		}
		r, err := b.Read()
		return given{"limit": r.Limit, "in_use": r.InUse, "returned_from_dead": r.ReturnedFromDead}, err
	},
	"throttle_acquire": func(p *player, s *step) (given, error) {
		th, err := p.engine.Throttle(s.Throttle, nil)
		if err != nil {
			return nil, err
		}
		return nil, th.Acquire()
	},
	"throttle_report": func(p *player, s *step) (given, error) {
		th, err := p.engine.Throttle(s.Throttle, nil)
		if err != nil {
			return nil, err
		}
		return nil, th.Report(outcomes[s.Outcome])
	},
	"guard_acquire": func(p *player, s *step) (given, error) {
		g, err := p.engine.Guard(s.Guard, nil)
		if err != nil {
			return nil, err
		}
		if s.Key != nil {
			g = g.Key(*s.Key)
		}
		attempt := uint32(1)
		if s.Attempt != nil {
			attempt = *s.Attempt
		}
		permit, err := g.Acquire(s.cost(), attempt)
		if err == nil && s.As != "" {
			p.permits[s.As] = permit
		}
		var denied *Denied
		if errors.As(err, &denied) {
			return given{"refused_by": denied.Guard, "retry_after_ns": int64(denied.RetryAfter)}, err
		}
		return given{"refused_by": "none", "retry_after_ns": 0}, err
	},
	"guard_report": func(p *player, s *step) (given, error) {
		return nil, p.permits[s.Permit].(GuardPermit).Report(outcomes[s.Outcome], seconds(real64(s.Seconds)))
	},
	"retry_next": func(p *player, s *step) (given, error) {
		r, err := p.engine.Retry(s.Retry, nil)
		if err != nil {
			return nil, err
		}
		delay, err := r.Next(*s.Attempt, time.Duration(s.ElapsedNs), time.Duration(s.ServerRetryAfterNs))
		return given{"delay_ns": int64(delay)}, err
	},
	"health": func(p *player, s *step) (given, error) {
		status, http, err := p.engine.Health(probes[s.Probe])
		return given{"status": status.String(), "http_status": http}, err
	},
	"health_report": func(p *player, s *step) (given, error) {
		return nil, p.engine.Report(s.Check, HealthReport{
			Health: healths[s.Status], Observed: math.NaN(), Message: s.Message, TTL: time.Duration(s.TTLNs)})
	},
	"heartbeat":    func(p *player, s *step) (given, error) { return nil, p.engine.Heartbeat() },
	"startup_done": func(p *player, s *step) (given, error) { return nil, p.engine.StartupDone() },
	"snapshot_render": func(p *player, s *step) (given, error) {
		snapshot, err := p.engine.Snapshot()
		if err != nil {
			return nil, err
		}
		defer snapshot.Close()
		var document any
		if err := snapshot.Decode(&document); err != nil {
			return nil, err
		}
		found := given{}
		for pointer := range s.Expect {
			found[pointer] = at(document, pointer)
		}
		return found, nil
	},
}

func init() { plays["retry_next_after"] = plays["retry_next"] }

var (
	outcomes = map[string]Outcome{"success": Success, "failure": Failure, "ignored": Ignored, "": Success}
	probes   = map[string]Probe{"liveness": Liveness, "readiness": Readiness, "startup": Startup}
	phases   = map[string]BreakerPhase{"closed": BreakerClosed, "open": BreakerOpen, "half_open": BreakerHalfOpen,
		"forced_open": BreakerForcedOpen, "disabled": BreakerDisabled, "forced_closed": BreakerForcedClosed,
		"metrics_only": BreakerMetricsOnly}
	healths = map[string]Health{"healthy": Healthy, "degraded": Degraded, "unhealthy": Unhealthy, "unknown": UnknownHealth}
)

func (p *player) limiter(s *step) (Limiter, error) {
	l, err := p.engine.Limiter(s.Limiter, nil)
	if s.Key != nil {
		l = l.Key(*s.Key)
	}
	return l, err
}

// changed plays what only changes a limiter.
func changed(change func(l Limiter, s *step) error) func(p *player, s *step) (given, error) {
	return func(p *player, s *step) (given, error) {
		l, err := p.limiter(s)
		if err != nil {
			return nil, err
		}
		return nil, change(l, s)
	}
}

func (s *step) cost() uint32 {
	if s.Cost == nil {
		return 1
	}
	return *s.Cost
}

func decided(d Decision) given {
	return given{"limit": d.Limit, "remaining": d.Remaining,
		"retry_after_ns": int64(d.RetryAfter), "reset_after_ns": int64(d.ResetAfter)}
}

// answer makes a denial an error, as the status of C does.
func answer(admitted bool, g given, err error) (given, error) {
	if err == nil && !admitted {
		err = ErrDenied
	}
	return g, err
}

// real64 is a number of a scenario, where null stands for NaN.
func real64(value *float64) float64 {
	if value == nil {
		return math.NaN()
	}
	return *value
}

func statusOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return "TIDEGATE_OK"
	case errors.Is(err, ErrDenied):
		return "TIDEGATE_DENIED"
	case errors.As(err, &e):
		return e.Code.String()
	default:
		return err.Error()
	}
}

// at is the value that a JSON pointer leads to; a text that says so where there is none.
func at(document any, pointer string) any {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch here := document.(type) {
		case map[string]any:
			document = here[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(here) {
				return "nothing at " + part
			}
			document = here[i]
		default:
			return "nothing at " + part
		}
	}
	return document
}

func equal(want, got any, within float64) bool {
	if list, ok := want.([]any); ok {
		found, ok := got.([]any)
		if !ok || len(found) != len(list) {
			return false
		}
		for i := range list {
			if !equal(list[i], found[i], within) {
				return false
			}
		}
		return true
	}
	if number, ok := got.(float64); ok {
		expected, isNumber := want.(float64)
		if want == nil {
			return math.IsNaN(number)
		}
		return isNumber && math.Abs(number-expected) <= within*math.Abs(expected)
	}
	if expected, ok := want.(float64); ok {
		return fmt.Sprint(got) == strconv.FormatFloat(expected, 'f', -1, 64)
	}
	return fmt.Sprint(want) == fmt.Sprint(got)
}

func TestConformance(t *testing.T) {
	files, err := filepath.Glob("../conformance/*.json")
	if err != nil || len(files) == 0 {
		t.Skip("the scenarios are in the repository, not in the module")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var scenarios []scenario
		if err := json.Unmarshal(text, &scenarios); err != nil {
			t.Fatal(file, err)
		}
		for _, s := range scenarios {
			t.Run(filepath.Base(file)+": "+s.Name, func(t *testing.T) { s.play(t) })
		}
	}
}

func (s *scenario) play(t *testing.T) {
	config := map[string]any{}
	if err := json.Unmarshal(s.Config, &config); err != nil {
		t.Fatal(err)
	}
	config["clock"] = "manual"
	document, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	e, err := OpenJSON(document)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p := &player{engine: e, permits: map[string]any{}}
	for i, text := range s.Steps {
		var one step
		if err := errors.Join(json.Unmarshal(text, &one), json.Unmarshal(text, &one.options)); err != nil {
			t.Fatal(err)
		}
		play, known := plays[one.Do]
		if !known {
			t.Fatalf("step %d: %s is not known here", i, one.Do)
		}
		for range max(one.Repeat, 1) {
			found, err := play(p, &one)
			want := one.Status
			if want == "" {
				want = "TIDEGATE_OK"
			}
			if status := statusOf(err); status != want {
				t.Fatalf("step %d, %s: want %s, got %s (%v)", i, text, want, status, err)
			}
			if one.Message != "" && (err == nil || !strings.Contains(err.Error(), one.Message)) {
				t.Errorf("step %d, %s: %q is not in %v", i, text, one.Message, err)
			}
			if one.WindowSeconds > 0 && one.Histogram != "" {
				// What is recorded without a call has its extremes over a window to a bucket only.
				one.Within = max(one.Within, 0.008)
			}
			for name, expected := range one.Expect {
				if !equal(expected, found[name], one.Within) {
					t.Errorf("step %d, %s: want %s %v, got %v", i, text, name, expected, found[name])
				}
			}
		}
	}
}
