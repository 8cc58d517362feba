package tidegate

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/bindings/go/internal/capi"
)

// Engine is this process's view of one region. Make it once with [Open] and close it when the
// program ends.
type Engine struct {
	lifetime
	c        capi.Engine
	observer bool
	cleanup  runtime.Cleanup

	shardless []atomic.Bool // slots that get no shard: all were taken

	mu      sync.Mutex     // what follows; never held while a call records or decides
	shards  []uint64       // of each slot, for cells that it writes alone; 0: none yet
	numbers map[uint64]any // what was opened, by id, so that handles compare equal
	window  time.Duration  // of histograms; 0 until known
	period  time.Duration  // how often shards are told that time passes
	ticker  *time.Timer
}

// Open opens an engine as config says. The zero Config is an engine for this process alone, with
// the defaults.
//
// Processes share an engine by its path: every process that opens the same Config.Region.Path sees
// the same numbers and obeys the same limits, whatever language it is written in. (In C and Python
// forked children share an engine without a path. Go cannot fork.) The first one makes the region.
// Opening never resets anything.
func Open(config Config) (*Engine, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, &Error{CodeConfig, "the configuration cannot be written as JSON: " + err.Error()}
	}
	return OpenJSON(text)
}

// OpenFile opens an engine as the document in the file says; the same document serves every
// language.
func OpenFile(name string) (*Engine, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	engine, err := OpenJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return engine, nil
}

// OpenJSON opens an engine as a JSON document says.
func OpenJSON(document []byte) (*Engine, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	c, r := capi.EngineOpen(string(document))
	if err := failure(r); err != nil {
		return nil, err
	}
	e := started(c)
	var said struct {
		Window float64 `json:"window_seconds"`
	}
	if json.Unmarshal(document, &said) == nil && said.Window > 0 {
		e.window = seconds(said.Window)
	}
	return e, nil
}

// Attach opens the region at path to look at it, and changes nothing of it. Snapshots and readings
// work, also after all writers were killed; whatever would write is an [ErrState].
func Attach(path string) (*Engine, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	c, r := capi.EngineAttach(path)
	if err := failure(r); err != nil {
		return nil, err
	}
	e := started(c)
	e.observer = true
	return e, nil
}

// CheckConfig checks a JSON document without opening anything; the error names the field.
func CheckConfig(document []byte) error { return failure(capi.ConfigCheck(string(document))) }

// Version is the library's version, such as "0.1.0".
func Version() string { return capi.Version() }

func checkABI() error {
	if found := capi.ABIVersion(); found>>16 != capi.HeaderABI>>16 {
		return &Error{CodeFormat, fmt.Sprintf(
			"the library has ABI %d, this module wants %d: install matching versions",
			found>>16, capi.HeaderABI>>16)}
	}
	return nil
}

func started(c capi.Engine) *Engine {
	e := &Engine{c: c, numbers: map[uint64]any{}}
	e.begin()
	e.shards, e.shardless = make([]uint64, len(e.slots)-1), make([]atomic.Bool, len(e.slots)-1)
	// A net, no more: an engine that nobody refers to and nobody closed. Handles refer to it.
	e.cleanup = runtime.AddCleanup(e, capi.EngineClose, c)
	return e
}

// Close closes the engine; the region lives on in other processes and in its file. It waits for
// calls that are inside, which never block. Afterwards calls return [ErrClosed], and recording does
// nothing. Closing again does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.ended.Load() {
		e.mu.Unlock()
		return nil
	}
	if e.ticker != nil {
		e.ticker.Stop()
	}
	for _, number := range e.numbers {
		if n, ok := number.(interface{ retire() }); ok {
			n.retire()
		}
	}
	// Nobody gives out another address from here on: prepare looks at this under the same lock.
	shards := e.shards
	e.shards = nil
	e.mu.Unlock()
	if !e.end() {
		return nil
	}
	e.cleanup.Stop()
	capi.EngineLock(e.c) // before its shards go
	for _, shard := range shards {
		if shard != 0 {
			capi.ShardClose(e.c, shard)
		}
	}
	capi.EngineClose(e.c)
	return nil
}

// AdvanceClock moves the clock of an engine with Config.Clock "manual" on, for every process that
// shares the region. For tests and replays.
func (e *Engine) AdvanceClock(by time.Duration) error {
	if by < 0 {
		return &Error{CodeArgument, fmt.Sprintf("the clock never goes back: %v", by)}
	}
	return e.call(func() capi.Result {
		// What shards hold was recorded before: it belongs to the time slots that end now.
		r := capi.Tick(e.c)
		if r.Status == capi.OK {
			r = capi.ClockAdvance(e.c, uint64(by))
		}
		if r.Status == capi.OK {
			r = capi.Tick(e.c)
		}
		return r
	})
}

// Tick takes the checkpoints of windows that are due. An engine does it by itself, a few times in
// each time slot, as long as histograms are open.
func (e *Engine) Tick() error { return e.call(func() capi.Result { return capi.Tick(e.c) }) }

// call makes one call that is not on a hot path.
func (e *Engine) call(f func() capi.Result) error {
	if e == nil {
		return unopened("engine")
	}
	if !e.enter() {
		return ErrClosed
	}
	defer e.leave()
	return failure(f())
}

// shardFor is the shard of slot p, or 0. The caller holds e.mu, and is inside.
func (e *Engine) shardFor(p int) uint64 {
	if p >= len(e.shards) || e.shardless[p].Load() {
		return 0
	}
	if e.shards[p] == 0 {
		id, r := capi.ShardOpen(e.c)
		e.shards[p] = id
		e.shardless[p].Store(r.Status != capi.OK)
	}
	return e.shards[p]
}

const (
	slotsInWindow = 6                     // checkpoints of a histogram's window
	ticksInSlot   = 4                     // how often each is looked for
	shortestTick  = 10 * time.Millisecond // more often nobody looks
)

// slot is how long a time slot of histograms is. The caller holds e.mu, and is inside.
func (e *Engine) slot() time.Duration {
	if e.window == 0 {
		e.window = e.windowOfRegion()
	}
	return e.window / slotsInWindow
}

// keepTime sees to it that windows with slots of this length, of what is recorded without a call, get
// their checkpoints. The caller holds e.mu, and is inside.
func (e *Engine) keepTime(slot time.Duration) {
	if e.observer {
		return
	}
	period := max(slot/ticksInSlot, shortestTick)
	switch {
	case e.ticker == nil:
		e.period = period
		e.ticker = time.AfterFunc(period, e.tickOn)
	case period < e.period:
		e.period = period
		e.ticker.Reset(period)
	}
}

func (e *Engine) tickOn() {
	if e.Tick() == ErrClosed {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.ended.Load() {
		e.ticker.Reset(e.period)
	}
}

// windowOfRegion asks the region, which somebody else may have made.
func (e *Engine) windowOfRegion() time.Duration {
	found := struct {
		Window float64 `json:"window_seconds"`
	}{60}
	if s, r := capi.SnapshotTake(e.c); r.Status == capi.OK {
		defer capi.SnapshotFree(s)
		if text, r := capi.SnapshotRender(s, uint32(JSON), nil); r.Status == capi.OK {
			_ = json.Unmarshal(text, &found) // the default serves as well
		}
	}
	return seconds(found.Window)
}

// seconds is a number of seconds as a duration, at most the longest.
func seconds(s float64) time.Duration {
	if ns := s * 1e9; ns < float64(1<<63-1) {
		return time.Duration(ns)
	}
	return 1<<63 - 1
}

// nanoseconds is the core's duration as Go's, at most the longest.
func nanoseconds(ns uint64) time.Duration { return time.Duration(min(ns, 1<<63-1)) }
