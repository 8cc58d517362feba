//! Every hard limit, named, with its reason.

/// Version of the region's layout. A region of another version is refused, never guessed at.
pub const LAYOUT_VERSION: u64 = 1;

/// Time slots that a window is made of. A window is right to one slot, a sixth of it.
pub const WINDOW_SLOTS: usize = 6;

/// Longest window, in seconds: a day. Longer looks back belong to a time-series database.
pub const MAX_WINDOW_SECONDS: f64 = 86_400.0;

/// Shortest window, in seconds: below it the coarse clock's tick would be a large part of a slot.
pub const MIN_WINDOW_SECONDS: f64 = 0.6;

/// Bytes of a metric's or guard's name. Prometheus and OpenTelemetry tools show no more.
pub const MAX_NAME_BYTES: usize = 255;

/// Labels of one series. More is a sign of a key that belongs in a keyed limiter or a log.
pub const MAX_LABELS: usize = 64;

/// Bytes of one label value.
pub const MAX_LABEL_VALUE_BYTES: usize = 16 * 1024;

/// Bytes of a help text.
pub const MAX_HELP_BYTES: usize = 4 * 1024;

/// Bytes of a unit.
pub const MAX_UNIT_BYTES: usize = 63;

/// Bytes of the service name, which lives in the header page.
pub const MAX_SERVICE_BYTES: usize = 255;

/// Series that a region can be made for: an index of 24 bits, less a margin for overflow series.
pub const MAX_SERIES: u64 = 4_000_000;

/// Limiters of one region.
pub const MAX_LIMITERS: u64 = 256;

/// Breakers, bulkheads, retries, throttles and chains of one region, together.
pub const MAX_GUARDS: u64 = 1024;

/// Operations of one region.
pub const MAX_OPERATIONS: u64 = 1 << 16;

/// Distinct error codes that an operation tells apart; further ones are counted together.
pub const ERROR_CODES: usize = 16;

/// Bytes of an error code that are kept.
pub const MAX_ERROR_CODE_BYTES: usize = 64;

/// Bytes of an error's last message that are kept.
pub const MAX_ERROR_MESSAGE_BYTES: usize = 192;

/// Slowest single calls that are kept, of each time slot and ever.
pub const SLOWEST_CALLS: usize = if cfg!(loom) { 2 } else { 16 };

/// Bytes of a slow call's detail that are kept.
pub const MAX_DETAIL_BYTES: usize = if cfg!(loom) { 8 } else { 128 };

/// Bytes of a trace's id: with its label's name it is within the 128 characters of OpenMetrics.
pub const MAX_TRACE_BYTES: usize = if cfg!(loom) { 8 } else { 64 };

/// Places for exemplars of one histogram.
pub const EXEMPLARS: usize = 16;

/// Distinct errors that a region's error log tells apart; further ones are counted together.
pub const LOGGED_ERRORS: usize = 128;

/// Bytes of a logged error's text that are kept.
pub const MAX_ERROR_TEXT_BYTES: usize = 192;

/// Bytes of all labels of an info metric, as JSON.
pub const MAX_INFO_BYTES: usize = 2048;

/// States of an enum metric.
pub const MAX_STATES: usize = 64;

/// Bytes of one of them.
pub const MAX_STATE_BYTES: usize = 128;

/// Events that a region's ring holds.
pub const MAX_EVENTS: u64 = 1 << 16;

/// Processes attached to one region at once.
pub const MAX_WORKERS: u64 = 1024;

/// Shards: blocks of cells that one foreign thread each writes alone.
pub const MAX_SHARDS: u64 = 256;

/// Per-CPU planes at most. A CPU with a higher number writes to the atomic plane.
pub const MAX_STRIPES: u64 = 1024;

/// Largest region: an offset fits in 40 bits of words, and no host has more memory to lose.
pub const MAX_REGION_BYTES: u64 = 1 << 42;

/// Smallest file region that holds the header and a handful of series.
pub const MIN_REGION_BYTES: u64 = 1 << 19;

/// Keys of one keyed limiter.
pub const MAX_KEYS: u64 = 1 << 32;

/// Longest key in bytes. Hashing is linear, and a longer one is an attack or a mistake.
pub const MAX_KEY_BYTES: usize = 64 * 1024;

/// Largest burst or limit: units are counted in 53 bits so that JSON readers keep every digit.
pub const MAX_UNITS: u64 = 1 << 53;

/// Samples recorded into one bucket's atomic cell before its octave earns per-CPU cells.
pub const HOT_BUCKET_SAMPLES: u64 = 512;

/// How far the coarse clock may lag behind the precise one before a decision could differ.
///
/// Its tick is 1 to 10 ms; a stolen virtual CPU can delay it further. Decisions closer than this
/// to an edge read the precise clock.
pub const COARSE_LAG_NS: u64 = 1 << 25;

/// Bytes of the checks, or of the objectives, of a configuration document.
pub const MAX_PLAN_BYTES: usize = 256 * 1024;

/// Objectives of one region.
pub const MAX_OBJECTIVES: usize = 64;

/// Checks that an application reports itself.
pub const MAX_REPORTS: usize = 128;

/// Bytes kept of the message of such a report.
pub const MAX_REPORT_MESSAGE_BYTES: usize = 256;
