package tidegate

import (
	"strings"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// HeaderStyle says how a limiter tells HTTP clients of their limit.
type HeaderStyle uint32

// The styles. With every one of them, a denial has Retry-After.
const (
	// CurrentHeaders are RateLimit-Policy and RateLimit, as the IETF's current draft has them.
	CurrentHeaders HeaderStyle = 0
	// Draft06Headers are RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset, as drafts up to 06
	// had them.
	Draft06Headers HeaderStyle = 1
	// LegacyHeaders are X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset.
	LegacyHeaders HeaderStyle = 2
)

// Headers are the HTTP fields of a decision of this limiter, by name.
func (l Limiter) Headers(d Decision, style HeaderStyle) (map[string]string, error) {
	verdict := int32(capi.Denied)
	if d.Allowed {
		verdict = capi.OK
	}
	var lines []byte
	err := l.call(func(e capi.Engine) (r capi.Result) {
		lines, r = capi.LimiterHeaders(e, l.s.id, d.numbers(), verdict, uint32(style))
		return r
	})
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, 4)
	for line := range strings.Lines(string(lines)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fields[name] = value
	}
	return fields, nil
}

// Problem is the body of a response with status 429, application/problem+json, to a request that this
// limiter denied.
func (l Limiter) Problem(d Decision) (body []byte, err error) {
	err = l.call(func(e capi.Engine) (r capi.Result) {
		body, r = capi.LimiterProblem(e, l.s.id, d.numbers())
		return r
	})
	return body, err
}

func (d Decision) numbers() capi.Decision {
	return capi.Decision{Limit: d.Limit, Remaining: d.Remaining,
		RetryAfterNs: uint64(max(d.RetryAfter, 0)), ResetAfterNs: uint64(max(d.ResetAfter, 0))}
}
