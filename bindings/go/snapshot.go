package tidegate

import (
	"encoding/json"
	"io"
	"runtime"
	"sync"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Format is how a snapshot is written.
type Format uint32

// The formats. A format that the library was built without is an [ErrArgument].
const (
	// JSON is the document of schema/snapshot.schema.json.
	JSON Format = 0
	// Prometheus is the text format 0.0.4.
	Prometheus Format = 1
	// OpenMetrics is the text format 1.0.
	OpenMetrics Format = 2
	// HealthJSON is health as application/health+json, HealthSimple as {status, timestamp, uptime, checks}.
	HealthJSON   Format = 3
	HealthSimple Format = 4
	// StatsD is one line for each value.
	StatsD Format = 5
	// HDRLog is HdrHistogram's log.
	HDRLog Format = 6
	// OTLP is OpenTelemetry's protobuf.
	OTLP Format = 7
)

// Snapshot is everything that a region held at one time. It outlives the engine, and is safe for
// concurrent use. Close it to give its memory back at once; the garbage collector does it later.
type Snapshot struct{ s *picture }

type picture struct {
	mu sync.RWMutex
	c  capi.Snapshot
	ok bool
}

// Snapshot takes a picture of everything, while writers go on. Each histogram agrees with itself,
// and no count is less than in an earlier snapshot.
func (e *Engine) Snapshot() (*Snapshot, error) {
	p := &picture{ok: true}
	err := e.call(func() (r capi.Result) {
		p.c, r = capi.SnapshotTake(e.c)
		return r
	})
	if err != nil {
		return nil, err
	}
	return p.snapshot(), nil
}

func (p *picture) snapshot() *Snapshot {
	s := &Snapshot{p}
	runtime.AddCleanup(s, (*picture).release, p)
	return s
}

// ParseSnapshot reads a snapshot back from its JSON document, of this or of another host. It must have
// been rendered with RenderOptions.Buckets. It has metrics, the slowest calls and reported errors; no
// guards, workers and health.
func ParseSnapshot(document []byte) (*Snapshot, error) {
	c, r := capi.SnapshotParse(document)
	if err := failure(r); err != nil {
		return nil, err
	}
	return (&picture{c: c, ok: true}).snapshot(), nil
}

// Since is what was counted between an earlier snapshot of the same region and this one. It renders as
// JSON, OTLP, StatsD and HDRLog.
func (s *Snapshot) Since(earlier *Snapshot) (*Snapshot, error) {
	return earlier.with(s, capi.SnapshotDelta)
}

// Merge is two snapshots of different regions as one, such as of two hosts: metrics with the same name
// and labels are added up, histograms bucket by bucket.
func (s *Snapshot) Merge(other *Snapshot) (*Snapshot, error) {
	return s.with(other, capi.SnapshotMerge)
}

// merging is held by who reads two snapshots at once: with one at a time their locks cannot cross.
var merging sync.Mutex

func (s *Snapshot) with(other *Snapshot, call func(a, b capi.Snapshot) (capi.Snapshot, capi.Result)) (*Snapshot, error) {
	if s == nil || s.s == nil || other == nil || other.s == nil {
		return nil, unopened("snapshot")
	}
	if s.s == other.s {
		return nil, &Error{CodeArgument, "a snapshot and itself: expected two"}
	}
	merging.Lock()
	defer merging.Unlock()
	s.s.mu.RLock()
	defer s.s.mu.RUnlock()
	other.s.mu.RLock()
	defer other.s.mu.RUnlock()
	if !s.s.ok || !other.s.ok {
		return nil, ErrClosed
	}
	c, r := call(s.s.c, other.s.c)
	if err := failure(r); err != nil {
		return nil, err
	}
	return (&picture{c: c, ok: true}).snapshot(), nil
}

// Append appends the snapshot in this format to b. The same snapshot gives the same bytes.
func (s *Snapshot) Append(b []byte, format Format) ([]byte, error) {
	if s == nil || s.s == nil {
		return b, unopened("snapshot")
	}
	s.s.mu.RLock()
	defer s.s.mu.RUnlock()
	if !s.s.ok {
		return b, ErrClosed
	}
	b, r := capi.SnapshotRender(s.s.c, uint32(format), b)
	return b, failure(r)
}

// Render is the snapshot in this format.
func (s *Snapshot) Render(format Format) ([]byte, error) { return s.Append(nil, format) }

// RenderOptions chooses what [Snapshot.RenderWith] writes.
type RenderOptions struct {
	// Names keeps metrics and guards with these names; "*" in one stands for anything.
	Names []string `json:"names,omitempty"`
	// Created lets OpenMetrics say since when each counter and histogram counts.
	Created bool `json:"created,omitempty"`
	// Buckets writes the buckets of histograms into JSON, for [ParseSnapshot].
	Buckets bool `json:"buckets,omitempty"`
	// Since is such a document, rendered earlier: only what was counted since then is written.
	Since json.RawMessage `json:"since,omitempty"`
}

// RenderWith is a part of the snapshot in this format.
func (s *Snapshot) RenderWith(format Format, options RenderOptions) ([]byte, error) {
	if s == nil || s.s == nil {
		return nil, unopened("snapshot")
	}
	text, err := document(options, false)
	if err != nil {
		return nil, err
	}
	s.s.mu.RLock()
	defer s.s.mu.RUnlock()
	if !s.s.ok {
		return nil, ErrClosed
	}
	b, r := capi.SnapshotRenderWith(s.s.c, uint32(format), text, nil)
	return b, failure(r)
}

// Decode reads the JSON document into v, as json.Unmarshal does; a *[Data] has the common parts.
func (s *Snapshot) Decode(v any) error {
	text, err := s.Render(JSON)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// Data is the snapshot as Go values, as far as most programs want them. The document has more.
func (s *Snapshot) Data() (*Data, error) {
	var data Data
	if err := s.Decode(&data); err != nil {
		return nil, err
	}
	return &data, nil
}

// Close gives the snapshot's memory back. Closing again does nothing.
func (s *Snapshot) Close() error {
	if s == nil || s.s == nil {
		return nil
	}
	s.s.release()
	return nil
}

func (p *picture) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ok {
		p.ok = false
		capi.SnapshotFree(p.c)
	}
}

// WriteTo takes a snapshot and writes it in this format.
func (e *Engine) WriteTo(w io.Writer, format Format) error {
	s, err := e.Snapshot()
	if err != nil {
		return err
	}
	defer s.Close()
	text, err := s.Render(format)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// ContentType is the format's media type, for HTTP.
func (f Format) ContentType() string {
	switch f {
	case JSON, HealthSimple:
		return "application/json"
	case HealthJSON:
		return "application/health+json"
	case OpenMetrics:
		return "application/openmetrics-text; version=1.0.0; charset=utf-8"
	case OTLP:
		return "application/x-protobuf"
	case StatsD, HDRLog:
		return "text/plain; charset=utf-8"
	case Prometheus:
		return "text/plain; version=0.0.4; charset=utf-8"
	default:
		return "application/octet-stream"
	}
}
