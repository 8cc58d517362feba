package tidegate

import "time"

// origin is what calls are timed from. Asking how long ago it was reads one clock, the monotonic one,
// and costs half of what time.Now does.
var origin = time.Now()

// clock is the time since origin.
func clock() time.Duration { return time.Since(origin) }
