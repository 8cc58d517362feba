package tidegate

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Event is something that happened to a guard: a breaker that changed, a denial (sampled), an
// eviction, a block, a change by hand.
type Event struct {
	// Number counts the events of the region.
	Number uint64 `json:"number"`
	// At is when it happened.
	At time.Time `json:"at"`
	// Event says what happened, Cause why.
	Event string `json:"event"`
	Cause string `json:"cause"`
	// Kind and Name are the guard's.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// PID is the process in which it happened.
	PID int `json:"pid"`
	// Details are what the event's own fields say: "from" and "to", "denied" and "limit".
	Details map[string]any `json:"-"`
}

// Events reads what happens in a region, each event once. The zero value is not ready: see
// [Engine.Events]. It is for one goroutine.
type Events struct {
	engine *Engine
	cursor uint64
	buffer []byte
	// Lost is how many events were overwritten before they were read.
	Lost uint64
}

// Events reads from the oldest event that is kept.
func (e *Engine) Events() *Events { return &Events{engine: e, buffer: make([]byte, 16<<10)} }

// Read returns the events since the last time; none is no error.
func (r *Events) Read() ([]Event, error) {
	var events []Event
	for {
		var length int
		var space bool
		err := r.engine.call(func() (result capi.Result) {
			var lost uint64
			r.cursor, length, lost, result = capi.EventsRead(r.engine.c, r.cursor, r.buffer)
			if result.Status == capi.ESpace {
				space, result = true, capi.Result{}
				return result
			}
			if result.Status == capi.OK {
				r.Lost += lost
			}
			return result
		})
		switch {
		case err != nil:
			return events, err
		case space:
			r.buffer = make([]byte, max(2*len(r.buffer), length))
			continue
		case length == 0:
			return events, nil
		}
		for line := range bytes.Lines(r.buffer[:length]) {
			var event Event
			if err := json.Unmarshal(line, &event); err != nil {
				return events, err
			}
			if err := json.Unmarshal(line, &event.Details); err != nil {
				return events, err
			}
			for _, said := range []string{"number", "at", "age_seconds", "event", "cause", "kind", "name", "pid"} {
				delete(event.Details, said)
			}
			events = append(events, event)
		}
	}
}

// LogEvents writes the region's events to log until ctx ends or the engine is closed, looking for
// new ones every so often: for a goroutine of its own. What is older than the call is not logged.
func (e *Engine) LogEvents(ctx context.Context, log *slog.Logger, every time.Duration) error {
	events := e.Events()
	if _, err := events.Read(); err != nil {
		return err
	}
	lost := events.Lost
	ticker := time.NewTicker(max(every, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		found, err := events.Read()
		for _, event := range found {
			log.LogAttrs(ctx, event.level(), event.Event, event.attributes()...)
		}
		if events.Lost != lost {
			log.LogAttrs(ctx, slog.LevelWarn, "tidegate events lost", slog.Uint64("count", events.Lost-lost))
			lost = events.Lost
		}
		if err != nil {
			return err
		}
	}
}

func (e *Event) level() slog.Level {
	if e.Kind == "breaker" {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func (e *Event) attributes() []slog.Attr {
	list := []slog.Attr{
		slog.String(e.Kind, e.Name), slog.String("cause", e.Cause), slog.Int("pid", e.PID),
		slog.Time("at", e.At), slog.Uint64("number", e.Number),
	}
	for name, value := range e.Details {
		list = append(list, slog.Any(name, value))
	}
	return list
}
