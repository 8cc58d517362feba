package tidegate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// engine is one with a manual clock, closed when the test ends.
func engine(t testing.TB, config Config) *Engine {
	t.Helper()
	if config.Clock == "" {
		config.Clock = "manual"
	}
	return opened(t, config)
}

func opened(t testing.TB, config Config) *Engine {
	t.Helper()
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// regionPath is a path for a region of this test alone.
func regionPath(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "tidegate-go-")
	if err != nil {
		folder = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return filepath.Join(folder, "region")
}

func must[T any](t testing.TB) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func same[T comparable](t testing.TB, what string, want, got T) {
	t.Helper()
	if want != got {
		t.Errorf("%s: want %v, got %v", what, want, got)
	}
}

func is(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("want %v, got %v", target, err)
	}
}

func advance(t testing.TB, e *Engine, by time.Duration) {
	t.Helper()
	if err := e.AdvanceClock(by); err != nil {
		t.Fatal(err)
	}
}
