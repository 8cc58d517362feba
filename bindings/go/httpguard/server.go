// Package httpguard puts tidegate around net/http: a middleware that counts, times and limits what a
// server answers, a [Transport] that guards what a client asks, and handlers for metrics and health.
package httpguard

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Options says what a [Server] does beside counting. The zero value only counts.
type Options struct {
	// Limiter is asked before each request, for what Key returns. A limiter without keys is asked
	// when Keyless is set.
	Limiter tidegate.Limiter
	// Key is whose limit a request counts against; nil is the client's address.
	Key func(*http.Request) string
	// Keyless says that Limiter has no keys.
	Keyless bool
	// Cost is how many units a request takes; nil is 1 for each.
	Cost func(*http.Request) uint32
	// Headers is how clients are told of the limit; the zero value is the IETF's current draft.
	Headers tidegate.HeaderStyle
	// Bulkhead bounds how many requests are answered at once.
	Bulkhead tidegate.Bulkhead
	// Exempt lets requests pass without limit and bulkhead, such as probes; they are counted.
	Exempt func(*http.Request) bool
	// Route names the route of a request that was answered; nil is the pattern of http.ServeMux.
	// Routes are few: never the path.
	Route func(*http.Request) string
}

// Server is a middleware. It records http.server.request.duration by method, route and status, and
// http.server.active_requests.
type Server struct {
	engine  *tidegate.Engine
	options Options
	active  tidegate.Gauge
	series  sync.Map // series to tidegate.Histogram
}

type series struct {
	method, route string
	status        int
}

// NewServer makes a middleware.
func NewServer(engine *tidegate.Engine, options Options) (*Server, error) {
	active, err := engine.Gauge("http.server.active_requests", &tidegate.MetricOptions{
		Help: "Requests that are being answered, in all processes."})
	if err != nil {
		return nil, err
	}
	return &Server{engine: engine, options: options, active: active}, nil
}

// Wrap is next behind the guards. A request that a guard denies is answered with 429 (limiter) or 503
// (bulkhead) and Retry-After, and never gets to next. A panic of next is counted as a 500, and goes on.
func (s *Server) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		answer := &response{ResponseWriter: w}
		s.active.Add(1)
		finished := false
		defer func() {
			s.active.Add(-1)
			if !finished && answer.status == 0 {
				answer.status = http.StatusInternalServerError
			}
			s.record(r, answer.code(), time.Since(start))
		}()
		s.answer(answer, r, next)
		finished = true
	})
}

func (s *Server) answer(w *response, r *http.Request, next http.Handler) {
	if s.options.Exempt == nil || !s.options.Exempt(r) {
		if !s.admit(w, r) {
			return
		}
		if s.options.Bulkhead != (tidegate.Bulkhead{}) {
			permit, err := s.options.Bulkhead.Enter()
			if err != nil {
				Refuse(w, r, err)
				return
			}
			defer permit.Leave()
		}
	}
	next.ServeHTTP(w, r)
}

// admit asks the limiter, and answers the request when it says no. A limiter that cannot be asked
// (the engine was closed) stops nobody.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	limiter := s.options.Limiter
	if limiter == (tidegate.Limiter{}) {
		return true
	}
	if !s.options.Keyless {
		key := Address
		if s.options.Key != nil {
			key = s.options.Key
		}
		limiter = limiter.Key(key(r))
	}
	cost := uint32(1)
	if s.options.Cost != nil {
		cost = s.options.Cost(r)
	}
	decision, err := limiter.Check(cost)
	if err != nil {
		return true
	}
	fields, err := limiter.Headers(decision, s.options.Headers)
	if err == nil {
		for name, value := range fields {
			w.Header().Set(name, value)
		}
	}
	if decision.Allowed {
		return true
	}
	if problem, err := limiter.Problem(decision); err == nil {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusTooManyRequests)
		w.Write(problem)
	} else {
		Refuse(w, r, &tidegate.Denied{Guard: "limiter", RetryAfter: decision.RetryAfter})
	}
	return false
}

// wholeSeconds is a duration in seconds, rounded up, and at least 1.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatFloat(max(math.Ceil(d.Seconds()), 1), 'f', 0, 64)
}

// Refuse answers a request that a guard denied, with a problem document: 429 when a limiter did, else
// 503. Handlers call it with what Do returned.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, after := http.StatusServiceUnavailable, time.Duration(0)
	var denied *tidegate.Denied
	if errors.As(err, &denied) {
		after = denied.RetryAfter
		if denied.Guard == "limiter" {
			status = http.StatusTooManyRequests
		}
	}
	w.Header().Set("Retry-After", wholeSeconds(after))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"type":   "about:blank",
		"title":  http.StatusText(status),
		"status": status,
		"detail": "try again in " + wholeSeconds(after) + " s",
	})
}

// Address is the client's address without its port: the default key. Behind a proxy it is the
// proxy's; take the header that the proxy sets instead.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func (s *Server) record(r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if s.options.Route != nil {
		route = s.options.Route(r)
	}
	key := series{method(r.Method), route, status}
	found, ok := s.series.Load(key)
	if !ok {
		histogram, err := s.engine.Histogram("http.server.request.duration", &tidegate.MetricOptions{
			Labels: map[string]string{
				"http_request_method":       key.method,
				"http_route":                key.route,
				"http_response_status_code": strconv.Itoa(status),
			},
			Unit: "seconds",
			Help: "How long requests took to answer.",
		})
		if err != nil {
			return
		}
		found, _ = s.series.LoadOrStore(key, histogram)
	}
	found.(tidegate.Histogram).RecordDuration(took)
}

// method is a method that is known, or _OTHER: clients choose the text.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	default:
		return "_OTHER"
	}
}

// response remembers the status.
type response struct {
	http.ResponseWriter
	status int
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *response) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Unwrap lets http.ResponseController get at what is below.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for those who ask for an http.Flusher.
func (w *response) Flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	http.NewResponseController(w.ResponseWriter).Flush()
}
