package httpguard

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Transport guards what a client asks. Each part may be left out. For one attempt the order is
// limiter, bulkhead, breaker; the retry is around all of them.
//
// An error, and a status of 500 or more, is a failure; a request that was cancelled is ignored. A
// denial is a [tidegate.Denied]: the request was not sent.
type Transport struct {
	// Base sends the requests; nil is http.DefaultTransport.
	Base http.RoundTripper
	// Limiter is waited for, as long as the request's context allows.
	Limiter tidegate.Limiter
	// Bulkhead bounds the requests in flight; a place is left when the response's body is closed.
	Bulkhead tidegate.Bulkhead
	// Breaker is told how each attempt ended.
	Breaker tidegate.Breaker
	// Retry tries again what may be tried again: idempotent methods, or with an Idempotency-Key,
	// and with a body that can be had again. Retry-After of the server is honoured.
	Retry tidegate.Retry
	// Operation records each attempt, with the status as its error code.
	Operation tidegate.Operation
}

// RoundTrip sends a request, and implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Retry == (tidegate.Retry{}) || !replayable(r) {
		return t.attempt(r)
	}
	start := time.Now()
	var response *http.Response
	var failed error
	for attempt := uint32(1); ; attempt++ {
		var elapsed time.Duration
		if attempt > 1 {
			elapsed = time.Since(start)
		}
		delay, err := t.Retry.Next(attempt, elapsed, asked(response, failed))
		if err != nil {
			if attempt > 1 {
				return response, failed
			}
			if r.Body != nil {
				r.Body.Close()
			}
			return nil, err
		}
		if attempt > 1 {
			if response != nil {
				// A little is read so that the connection can be used again.
				io.CopyN(io.Discard, response.Body, 4<<10)
				response.Body.Close()
			}
			if err := sleep(r.Context(), delay); err != nil {
				return nil, errors.Join(err, failed)
			}
			again := r.Clone(r.Context())
			if r.GetBody != nil {
				body, err := r.GetBody()
				if err != nil {
					return nil, err
				}
				again.Body = body
			}
			response, failed = t.attempt(again)
		} else {
			response, failed = t.attempt(r)
		}
		if failed == nil && !worthRetrying(response.StatusCode) || r.Context().Err() != nil {
			return response, failed
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func worthRetrying(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

func replayable(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false
	}
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	default:
		return r.Header.Get("Idempotency-Key") != ""
	}
}

// asked is the wait that the last answer asks for.
func asked(response *http.Response, failed error) time.Duration {
	var denied *tidegate.Denied
	if errors.As(failed, &denied) {
		return denied.RetryAfter
	}
	if failed != nil || response == nil {
		return 0
	}
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

func (t *Transport) attempt(r *http.Request) (*http.Response, error) {
	response, err := t.guarded(r)
	if errors.Is(err, tidegate.ErrDenied) && r.Body != nil {
		r.Body.Close() // a RoundTripper closes the body, also of what it does not send
	}
	return response, err
}

func (t *Transport) guarded(r *http.Request) (response *http.Response, err error) {
	if t.Limiter != (tidegate.Limiter{}) {
		if err := t.Limiter.Wait(r.Context()); err != nil {
			return nil, err
		}
	}
	leave := func() {}
	if t.Bulkhead != (tidegate.Bulkhead{}) {
		place, err := t.Bulkhead.Enter()
		if err != nil {
			return nil, err
		}
		leave = sync.OnceFunc(func() { place.Leave() })
	}
	sent := false
	defer func() {
		if !sent || err != nil {
			leave()
		}
	}()
	var permit tidegate.BreakerPermit
	if t.Breaker != (tidegate.Breaker{}) {
		if permit, err = t.Breaker.Acquire(); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	outcome, code := tidegate.Failure, "panic"
	defer func() {
		took := time.Since(start)
		if permit != (tidegate.BreakerPermit{}) {
			permit.Report(outcome, took)
		}
		if t.Operation != (tidegate.Operation{}) {
			t.Operation.Record(took, outcome, code)
		}
	}()
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	response, err = base.RoundTrip(r)
	sent = true
	switch {
	case err != nil:
		outcome, code = tidegate.OutcomeOf(err), tidegate.CodeOf(err)
	case response.StatusCode >= 500:
		outcome, code = tidegate.Failure, strconv.Itoa(response.StatusCode)
	default:
		outcome, code = tidegate.Success, ""
	}
	if err == nil {
		response.Body = &body{response.Body, leave}
	}
	return response, err
}

// body leaves the bulkhead when it is closed.
type body struct {
	io.ReadCloser
	leave func()
}

func (b *body) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}

// Write keeps what a switched protocol needs: its body is a connection.
func (b *body) Write(p []byte) (int, error) {
	if w, ok := b.ReadCloser.(io.Writer); ok {
		return w.Write(p)
	}
	return 0, errors.New("httpguard: the body cannot be written to")
}
