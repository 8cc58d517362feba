//! The engine: one region, opened by this process, with everything that can be done to it.
//!
//! A child that was forked uses its parent's engine. The first call that it makes enters it into
//! the region's table of workers; nothing else differs.

mod breaker;
mod bulkhead;
mod chain;
mod events;
mod fact;
mod health;
mod limiter;
mod metric;
mod objectives;
mod operation;
pub mod options;
mod ratio;
mod retry;
mod shard;
mod share;
mod throttle;

use crate::base::error::{Error, Result};
use crate::base::host;
use crate::base::limits::WINDOW_SLOTS;
use crate::cell::histogram::Histogram;
use crate::cell::planes::Planes;
use crate::cell::slowest;
use crate::guard;
use crate::health::Plan;
use crate::metrics::Registry;
use crate::objective::ObjectivePolicy;
use crate::region::handle::{self, IdKind};
use crate::region::{Region, header, plan, workers};
use crate::snapshot::Snapshot;
use options::Options;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

pub use crate::cell::shard::Numbers;
pub use breaker::Breaker;
pub use bulkhead::Bulkhead;
pub use chain::Guard;
pub use health::Probe;
pub use operation::{Details, ShardOperation};
pub use retry::Retry;
pub use shard::ShardHistogram;
pub use throttle::Throttle;

/// Names a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counter(pub u64);
/// Names a gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gauge(pub u64);
/// Names a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HistogramId(pub u64);
/// Names an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OperationId(pub u64);
/// Names a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RatioId(pub u64);
/// Names an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnumId(pub u64);
/// Names a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limiter(pub u64);
/// Names a shard: cells that one foreign thread writes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShardId(pub u64);

/// One open region.
#[derive(Debug)]
pub struct Engine {
    region: Region,
    planes: Planes,
    /// Forks that this process had behind it when it entered the table of workers.
    forks: AtomicU64,
    /// Its entry there, plus one; 0 when the table was full.
    worker: AtomicUsize,
    /// What this process' own document judges health by, if it has that section.
    own_plan: Option<Plan>,
    /// The objectives of this process' own document.
    own_objectives: Vec<ObjectivePolicy>,
    /// True once this process, or the one that forked it, said that its startup is done.
    started: AtomicBool,
}

impl Engine {
    /// Opens an engine as the configuration document says; the empty text is `{}`.
    pub fn open(config: &str) -> Result<Self> {
        let config = if config.trim().is_empty() {
            "{}"
        } else {
            config
        };
        Self::with_options(&Options::parse(config)?)
    }

    /// Opens an engine.
    pub fn with_options(options: &Options) -> Result<Self> {
        let region = match &options.path {
            None => Region::anonymous(options.limits(), &options.service, !options.private)?,
            Some(path) => {
                let (region, made) = Region::open(path, options.limits(), &options.service)?;
                if !made {
                    options.check(region.header().limits)?;
                }
                region
            }
        };
        host::watch_forks();
        let mut engine = Self::over(region);
        engine.enter();
        if let Some(health) = &options.health {
            plan::publish(&engine.region, header::HEALTH_PLAN, &health.text)?;
            engine.own_plan = Some(health.clone());
        }
        engine.open_objectives(&options.objectives)?;
        for (name, policy, exceptions) in &options.limiters {
            engine.open_limiter_with(name, policy, exceptions)?;
        }
        for (name, policy) in &options.breakers {
            engine.open_breaker(name, policy)?;
        }
        for (name, policy) in &options.bulkheads {
            engine.open_bulkhead(name, policy)?;
        }
        for (name, policy) in &options.retries {
            engine.open_retry(name, policy)?;
        }
        for (name, policy) in &options.throttles {
            engine.open_throttle(name, policy)?;
        }
        // Last: they name the others.
        for (name, policy) in &options.guards {
            engine.open_guard(name, policy)?;
        }
        Ok(engine)
    }

    /// Maps the region at `path` read-only. Nothing of it is changed, not even that somebody looks.
    pub fn attach(path: &Path) -> Result<Self> {
        Ok(Self::over(Region::observe(path)?))
    }

    fn over(region: Region) -> Self {
        let planes = Planes::of(&region);
        Engine {
            region,
            planes,
            forks: AtomicU64::new(host::forks()),
            worker: AtomicUsize::new(0),
            own_plan: None,
            own_objectives: Vec::new(),
            started: AtomicBool::new(false),
        }
    }

    /// Enters the calling process into the table of workers. A full table is counted there; the
    /// process works all the same, but nobody will notice its death.
    fn enter(&self) {
        self.forks.store(host::forks(), Ordering::Relaxed);
        let entered = workers::attach(&self.region).map_or(0, |index| index + 1);
        self.worker.store(entered, Ordering::Relaxed);
        self.tell_started();
    }

    /// Refuses writing through an observer; enters a forked child into the table of workers.
    #[inline(always)]
    fn writer(&self) -> Result<()> {
        if self.forks.load(Ordering::Relaxed) != host::forks() {
            self.after_fork();
        }
        if self.region.is_writable() {
            Ok(())
        } else {
            Err(read_only())
        }
    }

    /// True when [`Engine::writer`] would have nothing to say or do.
    #[inline(always)]
    fn is_writer(&self) -> bool {
        self.forks.load(Ordering::Relaxed) == host::forks() && self.region.is_writable()
    }

    #[cold]
    #[inline(never)]
    fn after_fork(&self) {
        if self.region.is_writable() {
            self.enter();
        } else {
            self.forks.store(host::forks(), Ordering::Relaxed);
        }
    }

    /// Says in the table of workers that this process is at work.
    fn beat(&self) {
        let now = self.region.clock().coarse();
        self.region.words().store(header::LAST_SEEN, now);
        if let Some(index) = self.worker.load(Ordering::Relaxed).checked_sub(1) {
            workers::beat(&self.region, index, now);
        }
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// True when recording uses restartable sequences.
    pub fn uses_rseq(&self) -> bool {
        self.planes.per_cpu().is_available()
    }

    /// The longest window that is kept.
    pub fn window_seconds(&self) -> f64 {
        (self.region.layout().limits.slot_ns * WINDOW_SLOTS as u64) as f64 / 1e9
    }

    /// Moves a manual clock on.
    pub fn advance_clock(&self, by_ns: u64) -> Result<()> {
        self.writer()?;
        if self.region.clock().advance(by_ns) {
            Ok(())
        } else {
            Err(Error::state(
                "the clock is real; only {\"clock\":\"manual\"} can be advanced",
            ))
        }
    }

    /// Takes the checkpoints that are due. Owners of shards call it at least once a slot, since
    /// their own stores do not; anybody may.
    pub fn tick(&self) -> Result<()> {
        self.writer()?;
        self.beat();
        let now = self.region.clock().coarse();
        let registry = Registry::of(&self.region);
        for series in registry
            .all()
            .filter(|series| series.kind.is_distribution() && series.block != 0)
        {
            Histogram::new(&self.region, &self.planes, series.block, series.index).roll_if_due(now);
        }
        slowest::begin_if_due(&self.region, now);
        guard::breaker::view::tick_all(&self.region, &self.planes);
        self.keep_objectives();
        Ok(())
    }

    /// One consistent picture of everything.
    pub fn snapshot(&self) -> Snapshot {
        if self.region.is_writable() {
            let _ = self.writer();
            self.beat();
            self.keep_objectives();
            crate::guard::limiter::denials::tell(&self.region, &self.planes);
        }
        self.with_own_plan(Snapshot::take(
            &self.region,
            &self.planes,
            self.window_seconds(),
            &self.own_objectives,
        ))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let (true, Some(index)) = (
            self.region.is_writable(),
            self.worker.load(Ordering::Relaxed).checked_sub(1),
        ) {
            workers::detach(&self.region, index);
        }
    }
}

#[cold]
fn read_only() -> Error {
    Error::state("an observer cannot write: open the engine with region.path instead of attaching")
}

#[cold]
fn stale(id: u64, kind: IdKind) -> Error {
    let what = format!("{kind:?}").to_lowercase();
    Error::stale(match handle::kind(id) {
        _ if id == 0 => format!("the {what}'s id is zero: it was never opened"),
        Some(other) if other != kind => {
            format!(
                "a {what}'s id is expected, not a {}'s",
                format!("{other:?}").to_lowercase()
            )
        }
        _ => format!("no {what} of this engine has this id"),
    })
}
