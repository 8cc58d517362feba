package pin

import "runtime"

// Grace waits until everything that was pinned when it was called is over.
func Grace() {
	// Reading the memory statistics stops the world, and a pinned goroutine cannot be stopped.
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
}
