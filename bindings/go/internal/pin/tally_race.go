//go:build race

package pin

import "sync/atomic"

// Count adds one to a word of the slot that the caller is pinned to. The race detector does not
// know what pinning is, so here the add is atomic.
func Count(word *atomic.Uint64) { word.Add(1) }
