// Package tidegate gives a service metrics, rate limits and guardrails that hold across every
// process of the host, whatever language the neighbours are written in.
//
// All state lives in one region of memory that the processes map. There is no server, no sidecar
// and no lock: a process that is killed blocks nobody, and what it had recorded is still there.
//
//	engine, err := tidegate.Open(tidegate.Config{
//		Region: tidegate.Region{Path: "/dev/shm/checkout.tidegate"},
//		Limiters: map[string]tidegate.LimiterConfig{
//			"api": {Rate: 100, Burst: 200, Keyed: true},
//		},
//	})
//	…
//	requests, err := engine.Counter("http_requests", nil)
//	seconds, err := engine.Histogram("http_request_seconds", nil)
//	api, err := engine.Limiter("api", nil)
//
//	requests.Inc()
//	if !api.Key(user).Allow() { … }
//	seconds.RecordDuration(time.Since(start))
//
// # Concurrency
//
// Everything is safe for concurrent use. Handles ([Counter], [Histogram], [Limiter], …) are small
// values: copy them, compare them, keep them in structs. They keep their engine reachable. After
// [Engine.Close] calls return [ErrClosed] and recording does nothing, so a goroutine that outlives
// the engine does no harm.
//
// # Errors
//
// An [*Error] has the engine's code and sentence, and errors.Is compares it with [ErrConfig],
// [ErrNotFound] and so on. A denial is an answer, not an error; where it has to be an error (from
// Wait, Do and Acquire) it is a [*Denied], and errors.Is(err, [ErrDenied]).
//
// # Cost
//
// A call from Go into C takes tens of nanoseconds, more than the work behind it. So counters and
// histograms make none: each scheduler slot (P) writes cells of its own in the region with plain
// adds, and readers sum them. Guards take one call, with the key passed as it is; since it never blocks,
// the slot is kept meanwhile, which makes it a third of an ordinary one.
//
// # Building
//
// The module holds a static library for each platform and links it by default; the program needs
// nothing at run time. With the build tag tidegate_dynamic it links the shared library that
// pkg-config finds, with tidegate_musl the library for musl. cgo is needed: with CGO_ENABLED=0 the
// compiler stops at tidegate_needs_CGO_ENABLED_1_and_a_C_compiler. The tag tidegate_nolinkname does
// without the runtime's procPin and asmcgocall: counters are then atomic adds, histograms calls, and
// calls ordinary ones.
package tidegate
