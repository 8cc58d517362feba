//! One check of a plan: what is looked at, what is measured of it, and how much is too much.

/// One check: something, and what is measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What it is called in the answer.
    pub name: String,
    /// What is looked at.
    pub subject: Subject,
    /// What is measured, and how much is too much.
    pub measures: Vec<(Measure, Threshold)>,
}

/// What a check looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// An operation; all its series, or the one with these labels.
    Operation(String, Option<Labels>),
    /// A histogram; all its series, or the one with these labels.
    Histogram(String, Option<Labels>),
    /// A gauge; the sum of its series, or the one with these labels.
    Gauge(String, Option<Labels>),
    /// A ratio.
    Ratio(String, Option<Labels>),
    /// A limiter.
    Limiter(String),
    /// A breaker.
    Breaker(String),
    /// A bulkhead.
    Bulkhead(String),
    /// An objective.
    Objective(String),
    /// The table of workers.
    Workers,
    /// The region's own memory.
    Region,
    /// What all workers use of the host.
    Process,
    /// The host.
    Host,
    /// What the application reports under this name.
    Reported(String, Stale),
}

/// Labels by name.
pub type Labels = Vec<(String, String)>;

/// What a report says when its time to live is over.
pub type Stale = super::Status;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Mean of the window.
    Average,
    /// A quantile of the window.
    Quantile(f64),
    /// Largest value of the window.
    Max,
    /// Values a second in the window.
    Rate,
    /// Failures by all, in the window.
    ErrorRate,
    /// Successes by all, in the window.
    SuccessRatio,
    /// Slow calls by all, in the window.
    SlowRate,
    /// Hits by all, in the window.
    HitRate,
    /// A gauge's value.
    Value,
    /// Share of what there is that is taken.
    Saturation,
    /// Checks denied by all.
    DeniedRatio,
    /// A breaker's state: 0 closed, 1 half-open, 2 open.
    State,
    /// Workers that died without closing.
    Died,
    /// Dead workers still in the table.
    Dead,
    /// Living workers.
    Alive,
    /// Largest age of a heartbeat, in seconds.
    HeartbeatAge,
    /// Share of the heap in use.
    HeapRatio,
    /// Share of the series in use.
    SeriesRatio,
    /// Bytes of resident memory.
    MemoryBytes,
    /// Share of the memory in use.
    MemoryRatio,
    /// Share of the disk in use.
    DiskRatio,
    /// Open files.
    OpenFiles,
    /// Share of the open files that are allowed.
    OpenFilesRatio,
    /// Threads.
    Threads,
    /// CPUs kept busy since the workers began.
    Cpu,
    /// Error budget left.
    BudgetLeft,
    /// State of an objective's alerts: 0 none, 1 pending, 2 firing.
    Alert,
}

impl Measure {
    pub(super) const ALL: [Measure; 32] = [
        Measure::Average,
        Measure::Quantile(0.5),
        Measure::Quantile(0.9),
        Measure::Quantile(0.95),
        Measure::Quantile(0.99),
        Measure::Quantile(0.999),
        Measure::Max,
        Measure::Rate,
        Measure::ErrorRate,
        Measure::SuccessRatio,
        Measure::SlowRate,
        Measure::HitRate,
        Measure::Value,
        Measure::Saturation,
        Measure::DeniedRatio,
        Measure::State,
        Measure::Died,
        Measure::Dead,
        Measure::Alive,
        Measure::HeartbeatAge,
        Measure::HeapRatio,
        Measure::SeriesRatio,
        Measure::MemoryBytes,
        Measure::MemoryRatio,
        Measure::DiskRatio,
        Measure::OpenFiles,
        Measure::OpenFilesRatio,
        Measure::Threads,
        Measure::Cpu,
        Measure::BudgetLeft,
        Measure::Alert,
        Measure::Quantile(1.0),
    ];

    /// The field that asks for it; a latency may be asked for with `_seconds` behind.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Average => "average",
            Measure::Quantile(0.5) => "p50",
            Measure::Quantile(0.9) => "p90",
            Measure::Quantile(0.95) => "p95",
            Measure::Quantile(0.99) => "p99",
            Measure::Quantile(0.999) => "p999",
            Measure::Quantile(_) => "p100",
            Measure::Max => "max",
            Measure::Rate => "rate_per_second",
            Measure::ErrorRate => "error_rate",
            Measure::SuccessRatio => "success_ratio",
            Measure::SlowRate => "slow_rate",
            Measure::HitRate => "hit_rate",
            Measure::Value => "value",
            Measure::Saturation => "saturation",
            Measure::DeniedRatio => "denied_ratio",
            Measure::State => "state",
            Measure::Died => "died",
            Measure::Dead => "dead",
            Measure::Alive => "alive",
            Measure::HeartbeatAge => "heartbeat_age",
            Measure::HeapRatio => "heap_ratio",
            Measure::SeriesRatio => "series_ratio",
            Measure::MemoryBytes => "memory_bytes",
            Measure::MemoryRatio => "memory_ratio",
            Measure::DiskRatio => "disk_ratio",
            Measure::OpenFiles => "open_files",
            Measure::OpenFilesRatio => "open_files_ratio",
            Measure::Threads => "threads",
            Measure::Cpu => "cpu",
            Measure::BudgetLeft => "budget_left",
            Measure::Alert => "alert",
        }
    }

    /// True for what is bad when it is small.
    pub(super) fn is_bad_when_small(self) -> bool {
        matches!(
            self,
            Measure::SuccessRatio | Measure::HitRate | Measure::Alive | Measure::BudgetLeft
        )
    }

    /// True for a part of all there is, from 0 to 1.
    pub(super) fn is_share(self) -> bool {
        use Measure as M;
        matches!(
            self,
            M::ErrorRate
                | M::SuccessRatio
                | M::SlowRate
                | M::HitRate
                | M::Saturation
                | M::DeniedRatio
                | M::HeapRatio
                | M::SeriesRatio
                | M::MemoryRatio
                | M::DiskRatio
                | M::OpenFilesRatio
        )
    }

    /// True when `subject` has such a measure.
    pub(super) fn fits(self, subject: &Subject) -> bool {
        use Measure as M;
        let is_latency = matches!(self, M::Average | M::Quantile(_) | M::Max | M::Rate);
        match subject {
            Subject::Operation(..) => {
                is_latency || matches!(self, M::ErrorRate | M::SuccessRatio | M::SlowRate)
            }
            Subject::Histogram(..) => is_latency,
            Subject::Gauge(..) => self == M::Value,
            Subject::Ratio(..) => self == M::HitRate,
            Subject::Limiter(_) => matches!(self, M::Saturation | M::DeniedRatio),
            Subject::Breaker(_) => self == M::State,
            Subject::Bulkhead(_) => self == M::Saturation,
            Subject::Objective(_) => matches!(self, M::BudgetLeft | M::Alert),
            Subject::Workers => {
                matches!(self, M::Died | M::Dead | M::Alive | M::HeartbeatAge)
            }
            Subject::Region => matches!(self, M::HeapRatio | M::SeriesRatio),
            Subject::Process => matches!(
                self,
                M::MemoryBytes | M::OpenFiles | M::OpenFilesRatio | M::Threads | M::Cpu
            ),
            Subject::Host => matches!(self, M::MemoryRatio | M::DiskRatio),
            Subject::Reported(..) => false,
        }
    }
}

/// How much is too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Degraded beyond it.
    pub warn: Option<f64>,
    /// Unhealthy beyond it.
    pub fail: Option<f64>,
    /// True when "beyond" is below.
    pub below: bool,
    /// Samples that it takes to judge; None for the plan's.
    pub minimum_samples: Option<u64>,
}
