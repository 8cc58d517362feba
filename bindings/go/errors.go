package tidegate

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Code is the number of an error of the engine, the same in every language.
type Code int32

// The codes, one for each of the sentinels below.
const (
	CodeArgument Code = capi.EArgument
	CodeConfig   Code = capi.EConfig
	CodeNotFound Code = capi.ENotFound
	CodeConflict Code = capi.EConflict
	CodeCapacity Code = capi.ECapacity
	CodeSpace    Code = capi.ESpace
	CodeFormat   Code = capi.EFormat
	CodeSystem   Code = capi.ESystem
	CodeStale    Code = capi.EStale
	CodeRange    Code = capi.ERange
	CodeState    Code = capi.EState
	CodeBug      Code = capi.EBug
)

// String returns the code's name, such as "TIDEGATE_E_STALE".
func (c Code) String() string { return capi.StatusName(int32(c)) }

// Error is what the engine refused, in its own words: what was wanted, what was found, what to do.
// Compare it by errors.Is with the sentinels of this package.
type Error struct {
	Code    Code
	Message string
}

// Error returns the engine's sentence.
func (e *Error) Error() string { return "tidegate: " + e.Message }

// Is tells whether target is the sentinel of this error's code.
func (e *Error) Is(target error) bool {
	sentinel, ok := target.(*sentinel)
	return ok && sentinel.code == e.Code
}

type sentinel struct {
	code Code
	text string
}

func (s *sentinel) Error() string { return "tidegate: " + s.text }

// One sentinel for each code. errors.Is(err, tidegate.ErrConflict) asks for the code, errors.As
// with *Error gets the engine's sentence.
var (
	ErrArgument error = &sentinel{CodeArgument, "an argument is out of range"}
	ErrConfig   error = &sentinel{CodeConfig, "a configuration has an unknown, mistyped or impossible field"}
	ErrNotFound error = &sentinel{CodeNotFound, "no such name"}
	ErrConflict error = &sentinel{CodeConflict, "the name exists with another kind or configuration"}
	ErrCapacity error = &sentinel{CodeCapacity, "the region has no room left"}
	ErrSpace    error = &sentinel{CodeSpace, "a buffer is too small"}
	ErrFormat   error = &sentinel{CodeFormat, "not a region that this library can read"}
	ErrSystem   error = &sentinel{CodeSystem, "the operating system refused"}
	ErrStale    error = &sentinel{CodeStale, "a handle that was never opened, or of another engine"}
	ErrRange    error = &sentinel{CodeRange, "a cost that can never pass"}
	ErrState    error = &sentinel{CodeState, "not allowed now, or not through an observer"}
	ErrBug      error = &sentinel{CodeBug, "a bug in tidegate was caught"}
)

// ErrClosed says that the engine or snapshot was closed.
var ErrClosed = errors.New("tidegate: closed")

// ErrDenied is what every [Denied] is: a guard said no. errors.Is(err, tidegate.ErrDenied).
var ErrDenied = errors.New("tidegate: denied")

// Denied is the answer of a guard that said no, where it has to be an error: from Wait, Do and
// Acquire. The guarded function was not called.
type Denied struct {
	// Guard is what said no: "limiter", "breaker", "bulkhead", "retry", "throttle".
	Guard string
	// Name is the guard's name.
	Name string
	// RetryAfter is the shortest wait after which the same call could pass; 0 when unknown.
	RetryAfter time.Duration
}

// Error says who denied, and for how long.
func (d *Denied) Error() string {
	if d.RetryAfter > 0 {
		return fmt.Sprintf("tidegate: denied by %s %s, retry after %v", d.Guard, d.Name, d.RetryAfter)
	}
	return fmt.Sprintf("tidegate: denied by %s %s", d.Guard, d.Name)
}

// Is tells whether target is [ErrDenied].
func (d *Denied) Is(target error) bool { return target == ErrDenied }

// failure is a result as an error; nil for an answer.
func failure(r capi.Result) error {
	switch {
	case r.Status >= 0:
		return nil
	case r.Status == capi.Closed:
		return ErrClosed
	}
	return &Error{Code(r.Status), r.Message}
}

// unopened is the error for a handle that nobody opened.
func unopened(what string) error {
	return &Error{CodeStale, "the " + what + " is zero: it was never opened"}
}
