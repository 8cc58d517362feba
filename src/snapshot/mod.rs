//! A snapshot: plain owned data, sorted, without atomics. The only thing that exporters read.
//!
//! What "one consistent picture" means: each histogram agrees with itself (its count is the sum of
//! its buckets), a counter is never less than in an earlier snapshot, and the whole was read within
//! the time that reading takes; different series are not of one instant, since no writer is ever
//! stopped. A snapshot never changes: rendered twice, it gives the same bytes.

mod collect;
mod difference;
mod merge;
mod operation;
mod slow;
mod source;

pub use crate::base::host::usage::{DiskUsage, HostUsage, ProcessUsage};
pub use crate::cell::ratio::Hits;
pub use operation::{Calls, ErrorReading, Moment, OperationReading, read as read_operation};
pub mod event;
pub use slow::{ErrorLogReading, LoggedError, Over, SlowBy, SlowCall, SlowestReading};
pub use source::{Derived, Since, Source};

use crate::base::limits::WINDOW_SLOTS;
use crate::cell::histogram::Distribution;
use crate::guard::bulkhead::BulkheadReading;
use crate::guard::chain::ChainReading;
use crate::guard::retry::RetryReading;
use crate::guard::{BreakerReading, LimiterReading, ThrottleReading};
use crate::metrics::Kind;
use crate::objective::ObjectiveReading;

/// Everything that a region held at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Version of the library that took it.
    pub version: &'static str,
    /// Name of the service.
    pub service: String,
    /// Wall clock when it was taken, nanoseconds since 1970.
    pub taken_wall_ns: u64,
    /// Region time when it was taken: how long the region exists.
    pub age_ns: u64,
    /// Length of the window in seconds.
    pub window_seconds: f64,
    /// The regions that it is of, by their id: one, or those of a merged snapshot.
    pub sources: Vec<Source>,
    /// What it is if it was not taken of a region; None when it was.
    pub derived: Option<Derived>,
    /// Metrics, by name.
    pub families: Vec<FamilyReading>,
    /// The slowest single calls.
    pub slowest: SlowestReading,
    /// The errors that were reported.
    pub errors: ErrorLogReading,
    /// Limiters, by name.
    pub limiters: Vec<LimiterReading>,
    /// What the host has.
    pub host: HostUsage,
    /// Circuit breakers, by name.
    pub breakers: Vec<BreakerReading>,
    /// Adaptive throttles, by name.
    pub throttles: Vec<ThrottleReading>,
    /// Objectives, by name.
    pub objectives: Vec<ObjectiveReading>,
    /// Bulkheads, by name.
    pub bulkheads: Vec<BulkheadReading>,
    /// Retries, by name.
    pub retries: Vec<RetryReading>,
    /// Chains of guards, by name.
    pub guards: Vec<ChainReading>,
    /// What health is judged by, beside all of the above.
    pub health: HealthReading,
    /// The engine's own health.
    pub engine: EngineReading,
}

impl Snapshot {
    /// How far back windows reach, in seconds: to the beginning of their first time slot, or of the
    /// region.
    pub fn covered_seconds(&self) -> f64 {
        if let Some(derived) = &self.derived {
            return derived.covered_seconds;
        }
        let slot_ns = self.window_seconds * 1e9 / WINDOW_SLOTS as f64;
        let now_ns = self.age_ns as f64;
        let first = (now_ns / slot_ns).floor() - (WINDOW_SLOTS - 1) as f64;
        (now_ns - first.max(0.0) * slot_ns) / 1e9
    }
}

/// What health is judged by that no metric tells.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthReading {
    /// The section "health" of the configuration document; empty when there is none, None when the
    /// text in the region is damaged.
    pub plan: Option<String>,
    /// What the application reported itself, by check.
    pub reports: Vec<ReportReading>,
}

impl Default for HealthReading {
    fn default() -> Self {
        HealthReading {
            plan: Some(String::new()),
            reports: Vec::new(),
        }
    }
}

/// The latest report of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportReading {
    /// Name of the check.
    pub check: String,
    /// 0 healthy, 1 degraded, 2 unhealthy, 3 unknown.
    pub status: u64,
    /// A measured value; NaN for none.
    pub observed: f64,
    /// What a person should know; may be empty.
    pub message: String,
    /// How long it counts; 0 for ever.
    pub ttl_ns: u64,
    /// Time since it was made.
    pub age_ns: u64,
    /// Process that made it.
    pub pid: u32,
}

/// A name and its series.
#[derive(Clone, Debug)]
pub struct FamilyReading {
    /// Name as given when it was opened.
    pub name: String,
    /// What its series are.
    pub kind: Kind,
    /// What it means; empty when nobody said.
    pub help: String,
    /// Its unit; empty when nobody said.
    pub unit: String,
    /// Its series, by labels; never empty.
    pub series: Vec<SeriesReading>,
}

/// One series.
#[derive(Clone, Debug)]
pub struct SeriesReading {
    /// Labels, by name.
    pub labels: Vec<(String, String)>,
    /// What it held.
    pub value: Value,
    /// Examples of a distribution's values, by value.
    pub exemplars: Vec<ExemplarReading>,
}

/// A value, and the trace that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarReading {
    /// The value.
    pub value: f64,
    /// Wall clock when it was recorded, nanoseconds since 1970.
    pub wall_ns: u64,
    /// The trace.
    pub trace_id: String,
}

/// What a series held.
#[derive(Clone, Debug)]
pub enum Value {
    /// A counter's total.
    Counter(u64),
    /// A gauge's value.
    Gauge(f64),
    /// A histogram's values, since it was made and over the window.
    Histogram {
        /// Since it was made.
        lifetime: Distribution,
        /// Over the window.
        window: Distribution,
    },
    /// An operation's calls.
    Operation(Box<OperationReading>),
    /// What each living process says of a gauge: its number and its value.
    Shares(Vec<(u32, f64)>),
    /// Hits and misses, since it was made and over the window.
    Ratio {
        /// Since it was made.
        lifetime: Hits,
        /// Over the window.
        window: Hits,
    },
    /// The labels of an info metric, by name.
    Info(Vec<(String, String)>),
    /// An enum's states, and which it is in.
    Enum {
        /// All of them.
        states: Vec<String>,
        /// The number of the current one.
        current: usize,
    },
}

/// What the engine says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineReading {
    /// Path of the region's file; empty for a region without a name.
    pub path: String,
    /// What a user should know of how the region is set up; empty when all is well.
    pub warnings: Vec<String>,
    /// Size of the region.
    pub size_bytes: u64,
    /// Part of the heap that is taken.
    pub heap_used_bytes: u64,
    /// Size of the heap.
    pub heap_bytes: u64,
    /// Wall clock when the region was made, nanoseconds since 1970.
    pub created_wall_ns: u64,
    /// Process that made it.
    pub creator_pid: u32,
    /// Series in use.
    pub series_used: u64,
    /// Series that fit.
    pub series_limit: u64,
    /// Times that labels beyond the limit were sent to an overflow series.
    pub overflowed_opens: u64,
    /// Values refused: not a number, infinite or negative.
    pub dropped_values: u64,
    /// Values by name that found no room for the name.
    pub dropped_for_lack_of_room: u64,
    /// Values counted in the nearest octave for lack of room.
    pub clamped_values: u64,
    /// Octaves that stayed on atomic counts for lack of room.
    pub cold_octaves: u64,
    /// Checkpoints that lost detail for lack of room.
    pub lost_checkpoints: u64,
    /// Processes with an entry, by number of the entry.
    pub workers: Vec<WorkerReading>,
    /// Processes that ever attached.
    pub workers_attached: u64,
    /// Processes that died without closing, those still in the table included.
    pub workers_died: u64,
    /// Times that the table of workers was full.
    pub workers_refused: u64,
}

/// One attached process.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerReading {
    /// Process number.
    pub pid: u32,
    /// False when it is gone without closing.
    pub alive: bool,
    /// Time since it attached.
    pub attached_for_ns: u64,
    /// Time since its last slow call.
    pub heartbeat_age_ns: u64,
    /// Time since the last heartbeat that it gave on purpose, if it ever gave one.
    pub pulse_age_ns: Option<u64>,
    /// True once it said that its startup is done.
    pub started: bool,
    /// What it uses; None when it is gone or of another pid namespace.
    pub usage: Option<ProcessUsage>,
}
