package httpguard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/httpguard"
)

func open(t *testing.T, config tidegate.Config) *tidegate.Engine {
	t.Helper()
	e, err := tidegate.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func get(t *testing.T, handler http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestRequestsAreCountedLimitedAndShown(t *testing.T) {
	e := open(t, tidegate.Config{
		Limiters: map[string]tidegate.LimiterConfig{"api": {Rate: 0.01, Burst: 3, Keyed: true}}})
	api, err := e.Limiter("api", nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpguard.NewServer(e, httpguard.Options{
		Limiter: api,
		Key:     func(r *http.Request) string { return r.Header.Get("X-User") },
		Exempt:  func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/health") },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("id")) })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.Handle("/metrics", httpguard.Metrics(e))
	mux.Handle("/health", httpguard.Health(e))
	mux.Handle("/health/", httpguard.Health(e))
	handler := server.Wrap(mux)

	for i := range 5 {
		w := get(t, handler, fmt.Sprint("/orders/", i), "X-User", "ada")
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if w.Code != want {
			t.Errorf("request %d: %d", i, w.Code)
		}
		if policy := w.Header().Get("RateLimit-Policy"); policy != `"api";q=3;w=300` {
			t.Error(policy)
		}
		if left := fmt.Sprintf(`"api";r=%d;t=`, max(2-i, 0)); !strings.HasPrefix(w.Header().Get("RateLimit"), left) {
			t.Error(w.Header())
		}
		if want != http.StatusOK {
			if !strings.Contains(w.Body.String(), `"violated-policies":["api"]`) {
				t.Error(w.Body)
			}
			if !strings.HasPrefix(w.Header().Get("Retry-After"), "10") || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Error(w.Header())
			}
		}
	}
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("the panic is not the same")
			}
		}()
		get(t, handler, "/panic", "X-User", "bob")
	}()

	text := get(t, handler, "/metrics", "X-User", "prometheus").Body.String()
	for _, line := range []string{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="GET /orders/{id}"} 3`,
		`http_response_status_code="429"`,
		`http_response_status_code="500"`,
		`http_server_active_requests 1`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%s is not in\n%s", line, text)
		}
	}
	if w := get(t, handler, "/metrics", "Accept", "application/openmetrics-text"); !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Error(w.Code, w.Body.String())
	}
	for path, want := range map[string]int{"/health": 200, "/health/live": 200, "/health/ready": 200, "/health/startup": 503} {
		if w := get(t, handler, path); w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	e.StartupDone()
	if w := get(t, handler, "/health/startup"); w.Code != 200 || !strings.Contains(w.Body.String(), `"healthy"`) {
		t.Error(w.Code, w.Body)
	}
	e.Close()
	if w := get(t, handler, "/orders/9"); w.Code != 200 {
		t.Error("a closed engine stops requests: ", w.Code)
	}
	if w := get(t, handler, "/metrics"); w.Code != 503 {
		t.Error(w.Code)
	}
}

func TestABulkheadBoundsRequests(t *testing.T) {
	e := open(t, tidegate.Config{})
	one, err := e.Bulkhead("http", &tidegate.BulkheadConfig{MaxConcurrent: 1})
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpguard.NewServer(e, httpguard.Options{Bulkhead: one})
	if err != nil {
		t.Fatal(err)
	}
	var inner int
	var handler http.Handler
	handler = server.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/outer" {
			inner = get(t, handler, "/inner").Code
		}
	}))
	if w := get(t, handler, "/outer"); w.Code != 200 || inner != 503 {
		t.Error(w.Code, inner)
	}
	if w := get(t, handler, "/outer"); w.Code != 200 {
		t.Error("the place did not come back: ", w.Code)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestATransportRetriesAndBreaks(t *testing.T) {
	e := open(t, tidegate.Config{})
	breaker, err := e.Breaker("up", &tidegate.BreakerConfig{FailureRate: 0.5, MinimumCalls: 6, Open: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	retry, err := e.Retry("up", &tidegate.RetryConfig{MaxAttempts: 3, Base: time.Millisecond, Jitter: "none"})
	if err != nil {
		t.Fatal(err)
	}
	bulkhead, err := e.Bulkhead("up", &tidegate.BulkheadConfig{MaxConcurrent: 1})
	if err != nil {
		t.Fatal(err)
	}
	operation, err := e.Operation("up", nil)
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	status := http.StatusServiceUnavailable
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(status)
		w.Write(body)
	}))
	defer upstream.Close()
	client := &http.Client{Transport: &httpguard.Transport{
		Breaker: breaker, Retry: retry, Bulkhead: bulkhead, Operation: operation}}
	ask := func(method string) (int, string, error) {
		r, err := http.NewRequest(method, upstream.URL, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, string(body), err
	}

	if code, body, err := ask("PUT"); code != 503 || body != "hello" || err != nil || calls.Load() != 3 {
		t.Error(code, body, err, calls.Load())
	}
	if code, _, err := ask("POST"); code != 503 || err != nil || calls.Load() != 4 {
		t.Error("a POST was tried again: ", code, err, calls.Load())
	}
	status = 200
	if code, _, err := ask("GET"); code != 200 || err != nil || calls.Load() != 5 {
		t.Error(code, err)
	}
	status = 500
	if code, _, err := ask("POST"); code != 500 || err != nil {
		t.Error(code, err)
	}
	before := calls.Load()
	if _, _, err := ask("GET"); !errors.Is(err, tidegate.ErrDenied) || calls.Load() != before {
		t.Error("the breaker is open, but: ", err)
	}
	reading, err := operation.Read(0)
	if err != nil || reading.Count != 6 || reading.Failures != 5 {
		t.Error(reading, err)
	}
}

func TestCancelledRequestsGiveBackWhatTheyHeld(t *testing.T) {
	e := open(t, tidegate.Config{})
	breaker, _ := e.Breaker("up", &tidegate.BreakerConfig{FailureRate: 0.1, MinimumCalls: 1})
	bulkhead, _ := e.Bulkhead("up", &tidegate.BulkheadConfig{MaxConcurrent: 1})
	client := &http.Client{Transport: &httpguard.Transport{Breaker: breaker, Bulkhead: bulkhead,
		Base: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1/", nil)
		time.AfterFunc(5*time.Millisecond, cancel)
		if _, err := client.Do(r); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	reading, err := breaker.Read()
	if err != nil || reading.Phase != tidegate.BreakerClosed || reading.PermitsOut != 0 || reading.Failures != 0 {
		t.Error(reading, err)
	}
}
