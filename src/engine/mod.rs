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
mod objectives;
mod operation;
pub mod options;
mod ratio;
mod retry;
mod share;
mod throttle;
mod units;

use crate::base::error::{Error, Kind as ErrorKind, Result};
use crate::base::limits::WINDOW_SLOTS;
use crate::base::{host, name};
use crate::cell::histogram::{Distribution, Histogram};
use crate::cell::planes::Planes;
use crate::cell::rseq;
use crate::cell::{shard, slowest};
use crate::guard::{self, Decision, LimiterPolicy, Verdict};
use crate::health::Plan;
use crate::metrics::{Kind, MetricOptions, Registry};
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

/// Where a shard's owner counts one histogram: word numbers of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardHistogram {
    /// The sum, a double.
    pub sum: usize,
    /// Smallest and largest value, doubles, in two words.
    pub extremes: usize,
    /// First of `octaves << bits` counts.
    pub counts: usize,
    /// Fraction bits of a bucket.
    pub bits: u32,
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

    fn open_series(&self, kind: Kind, name: &str, options: &MetricOptions) -> Result<u64> {
        self.writer()?;
        self.beat();
        Registry::of(&self.region).open(kind, name, options)
    }

    /// Opens a counter: a count that only grows.
    pub fn counter(&self, name: &str, options: &MetricOptions) -> Result<Counter> {
        self.open_series(Kind::Counter, name, options).map(Counter)
    }

    /// Opens a gauge: a value that moves.
    pub fn gauge(&self, name: &str, options: &MetricOptions) -> Result<Gauge> {
        self.open_series(Kind::Gauge, name, options).map(Gauge)
    }

    /// Opens a histogram: a distribution.
    pub fn histogram(&self, name: &str, options: &MetricOptions) -> Result<HistogramId> {
        self.open_series(Kind::Histogram, name, options)
            .map(HistogramId)
    }

    #[inline(always)]
    fn resolve(&self, id: u64, kind: IdKind) -> Result<usize> {
        match Registry::of(&self.region).resolve(id, kind) {
            Some(series) => Ok(series),
            None => Err(stale(id, kind)),
        }
    }

    /// Adds `amount` to a counter.
    #[inline(always)]
    pub fn add(&self, counter: Counter, amount: u64) -> Result<()> {
        if self.add_at_once(counter, amount) {
            return Ok(());
        }
        self.writer()?;
        let series = self.resolve(counter.0, IdKind::Counter)?;
        self.planes.add(series, amount);
        Ok(())
    }

    /// [`Engine::add`] where nothing stands in its way; else does nothing and returns false. Calls
    /// nothing, so that a caller who only calls this needs no frame.
    #[inline(always)]
    pub fn add_at_once(&self, counter: Counter, amount: u64) -> bool {
        match Registry::of(&self.region).resolve(counter.0, IdKind::Counter) {
            Some(series) if self.is_writer() => {
                self.planes.add(series, amount);
                true
            }
            _ => false,
        }
    }

    /// A counter's total.
    pub fn count(&self, counter: Counter) -> Result<u64> {
        let series = self.resolve(counter.0, IdKind::Counter)?;
        Ok(shard::total(&self.region, &self.planes, series))
    }

    /// Sets a gauge.
    #[inline(always)]
    pub fn set(&self, gauge: Gauge, value: f64) -> Result<()> {
        self.writer()?;
        let series = self.resolve(gauge.0, IdKind::Gauge)?;
        if value.is_nan() {
            return Err(self.refuse_value("a gauge's value is a number", value));
        }
        let block = Registry::of(&self.region).block(series);
        if block != 0 {
            return self.change_share(block, |shares, place, owner| {
                shares.set(place, owner, value);
            });
        }
        if let Some(word) = self.planes.atomic(series) {
            word.store(value.to_bits(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Adds `delta` to a gauge.
    #[inline(always)]
    pub fn add_to_gauge(&self, gauge: Gauge, delta: f64) -> Result<()> {
        self.writer()?;
        let series = self.resolve(gauge.0, IdKind::Gauge)?;
        if !delta.is_finite() {
            return Err(self.refuse_value("a gauge's change is a finite number", delta));
        }
        let block = Registry::of(&self.region).block(series);
        if block != 0 {
            return self.change_share(block, |shares, place, owner| {
                shares.add(place, owner, delta);
            });
        }
        if let Some(word) = self.planes.atomic(series) {
            rseq::add_f64(word, delta);
        }
        Ok(())
    }

    /// A gauge's value.
    pub fn value(&self, gauge: Gauge) -> Result<f64> {
        let series = self.resolve(gauge.0, IdKind::Gauge)?;
        let block = Registry::of(&self.region).block(series);
        if block != 0 {
            return Ok(self.joined(series, block));
        }
        Ok(self
            .planes
            .atomic(series)
            .map_or(0.0, |word| f64::from_bits(word.load(Ordering::Relaxed))))
    }

    #[inline(always)]
    fn histogram_of(&self, series: usize) -> Histogram<'_> {
        let block = Registry::of(&self.region).block(series);
        Histogram::new(&self.region, &self.planes, block, series)
    }

    /// Records a value of at least zero.
    #[inline(always)]
    pub fn record(&self, histogram: HistogramId, value: f64) -> Result<()> {
        if self.record_at_once(histogram, value) {
            return Ok(());
        }
        self.writer()?;
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        self.check_value(value)?;
        if self.histogram_of(series).record(value)? {
            self.begin_slot();
        }
        Ok(())
    }

    /// [`Engine::record`] where nothing stands in its way; else does nothing and returns false.
    /// Before the first look at anything it calls the clock, so that little is kept over the call.
    #[inline(always)]
    pub fn record_at_once(&self, histogram: HistogramId, value: f64) -> bool {
        let now = self.region.clock().coarse();
        match Registry::of(&self.region).histogram(histogram.0) {
            Some(found) => self.record_plainly(found, now, value),
            None => false,
        }
    }

    #[inline(always)]
    fn record_plainly(&self, (series, block): (usize, usize), now: u64, value: f64) -> bool {
        // The bits of all values that may be recorded, but minus zero, are below infinity's.
        self.is_writer()
            && value.to_bits() < f64::INFINITY.to_bits()
            && Histogram::new(&self.region, &self.planes, block, series)
                .record_at_once(now, value.to_bits())
    }

    /// Records several values: all, or none when one is refused.
    pub fn record_many(&self, histogram: HistogramId, values: &[f64]) -> Result<()> {
        self.writer()?;
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        for value in values {
            self.check_value(*value)?;
        }
        let cells = self.histogram_of(series);
        let now = self.region.clock().coarse();
        for value in values {
            if cells.record_at(now, *value)? {
                self.begin_slot();
            }
        }
        Ok(())
    }

    /// Records values, each so many times, such as another histogram counted them; how many were
    /// recorded. Those that no histogram takes are counted as dropped.
    pub fn record_counts(&self, histogram: HistogramId, values: &[(f64, u64)]) -> Result<u64> {
        self.writer()?;
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        let cells = self.histogram_of(series);
        let now = self.region.clock().coarse();
        let mut recorded = 0u64;
        for (value, times) in values {
            if !value.is_finite() || *value < 0.0 {
                self.region.words().add(header::DROPPED_VALUES, *times);
                continue;
            }
            if cells.record_times(now, *value, *times)? {
                self.begin_slot();
            }
            recorded = recorded.saturating_add(*times);
        }
        Ok(recorded)
    }

    /// Records a value, and keeps it as an example of those of its size.
    pub fn record_exemplar(
        &self,
        histogram: HistogramId,
        value: f64,
        trace_id: &str,
    ) -> Result<()> {
        self.writer()?;
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        self.check_value(value)?;
        let cells = self.histogram_of(series);
        let now = self.region.clock().coarse();
        let begins = cells.record_at(now, value)?;
        if !trace_id.is_empty() {
            cells.keep_exemplar(now, value, trace_id);
        }
        if begins {
            self.begin_slot();
        }
        Ok(())
    }

    #[inline(always)]
    fn check_value(&self, value: f64) -> Result<()> {
        // The bits of doubles from 0 up are in the order of their values, with the infinity above
        // them and all negative ones above that; so one comparison lets nearly all pass.
        if value.to_bits() < f64::INFINITY.to_bits() || value == 0.0 {
            Ok(())
        } else {
            Err(self.refuse_value("a histogram takes finite values of at least 0", value))
        }
    }

    /// Counts a value as dropped; `rule` says what it should have been.
    #[cold]
    fn refuse_value(&self, rule: &str, value: f64) -> Error {
        self.region.words().add(header::DROPPED_VALUES, 1);
        Error::argument(format!("{rule}, not {value}"))
    }

    /// Records a value in the histogram `name`, which is made on first use.
    #[inline]
    pub fn record_metric(&self, name: &[u8], value: f64) -> Result<()> {
        if self.record_metric_at_once(name, value) {
            return Ok(());
        }
        self.writer()?;
        self.check_value(value)?;
        match Registry::of(&self.region).bare_histogram(name) {
            Some((series, block)) => {
                let cells = Histogram::new(&self.region, &self.planes, block, series);
                if cells.record(value)? {
                    self.begin_slot();
                }
                Ok(())
            }
            None => self.record_first(name, value),
        }
    }

    /// [`Engine::record_metric`] where nothing stands in its way; else does nothing and returns
    /// false.
    #[inline(always)]
    pub fn record_metric_at_once(&self, name: &[u8], value: f64) -> bool {
        match Registry::of(&self.region).bare_histogram(name) {
            Some(found) => self.record_plainly(found, self.region.clock().coarse(), value),
            None => false,
        }
    }

    #[cold]
    #[inline(never)]
    fn record_first(&self, name: &[u8], value: f64) -> Result<()> {
        let name = std::str::from_utf8(name)
            .map_err(|_| Error::argument("the metric's name is not UTF-8"))?;
        let opened = self.histogram(name, &MetricOptions::default());
        if opened
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Capacity)
        {
            self.region.words().add(header::DROPPED_FULL, 1);
        }
        self.record(opened?, value)
    }

    /// What a histogram holds: over the last `window_seconds`, or since it was made for 0.
    pub fn distribution(
        &self,
        histogram: HistogramId,
        window_seconds: f64,
    ) -> Result<Distribution> {
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        let cells = self.histogram_of(series);
        if window_seconds == 0.0 {
            return Ok(cells.lifetime());
        }
        let slots = self.slots(window_seconds)?;
        let now = self.region.clock().coarse();
        Ok(cells.window(now, slots))
    }

    /// How many time slots make up a window.
    fn slots(&self, window_seconds: f64) -> Result<usize> {
        let longest = self.window_seconds();
        if !(window_seconds > 0.0 && window_seconds <= longest) {
            return Err(Error::argument(format!(
                "a window of {window_seconds} s is not kept: from 0 to {longest}"
            )));
        }
        let slot = self.region.layout().limits.slot_ns as f64 / 1e9;
        Ok(((window_seconds / slot - 1e-9).ceil() as usize).clamp(1, WINDOW_SLOTS))
    }

    /// The values at `quantiles` (each 0 to 1), into `out`; NaN without data.
    pub fn quantiles(
        &self,
        histogram: HistogramId,
        window_seconds: f64,
        quantiles: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        if let Some(wrong) = quantiles
            .iter()
            .find(|quantile| !(0.0..=1.0).contains(*quantile))
        {
            return Err(Error::argument(format!(
                "a quantile is from 0 to 1, not {wrong}"
            )));
        }
        self.distribution(histogram, window_seconds)?
            .quantiles(quantiles, out);
        Ok(())
    }

    /// Opens the limiter `name` with `policy`.
    pub fn open_limiter(&self, name: &str, policy: &LimiterPolicy) -> Result<Limiter> {
        self.writer()?;
        self.beat();
        guard::limiter::registry::open(&self.region, name, policy).map(Limiter)
    }

    /// Opens the limiter `name` with the policy that a JSON object describes.
    pub fn open_limiter_from(&self, name: &str, config: &str) -> Result<Limiter> {
        let (policy, exceptions) = options::limiter_policy(name, config)?;
        self.open_limiter_with(name, &policy, &exceptions)
    }

    /// The limiter `name`, which must exist.
    pub fn find_limiter(&self, name: &str) -> Result<Limiter> {
        name::check("limiter", name)?;
        guard::limiter::registry::find(&self.region, name.as_bytes())
            .map(Limiter)
            .ok_or_else(|| no_limiter(name))
    }

    /// Takes `cost` units for `key`, or none.
    #[inline(always)]
    pub fn check(
        &self,
        limiter: Limiter,
        key: Option<&[u8]>,
        cost: u32,
        decision: Option<&mut Decision>,
    ) -> Result<Verdict> {
        self.writer()?;
        guard::limiter::check::check(&self.region, &self.planes, limiter.0, key, cost, decision)
    }

    /// Takes one unit of the limiter `name` for `key`, or none.
    #[inline]
    pub fn allow_request(&self, limiter: &[u8], key: Option<&[u8]>) -> Result<Verdict> {
        self.writer()?;
        match guard::limiter::registry::find(&self.region, limiter) {
            Some(id) => guard::limiter::check::check(&self.region, &self.planes, id, key, 1, None),
            None => Err(no_limiter(&String::from_utf8_lossy(limiter))),
        }
    }

    /// The word of the region where foreign threads may add to a counter with an atomic add.
    pub fn counter_cell(&self, counter: Counter) -> Result<usize> {
        self.writer()?;
        let series = self.resolve(counter.0, IdKind::Counter)?;
        Ok(self.region.layout().planes.at + series)
    }

    /// Takes a shard for the calling thread.
    pub fn open_shard(&self, numbers: Numbers) -> Result<ShardId> {
        self.writer()?;
        self.beat();
        shard::open(&self.region, numbers).map(ShardId)
    }

    /// Gives a shard back; its numbers stay in the totals.
    pub fn close_shard(&self, shard: ShardId) -> Result<()> {
        self.writer()?;
        shard::close(&self.region, shard.0)
    }

    /// The word where the owner of `shard` counts `counter`.
    pub fn shard_counter(&self, shard: ShardId, counter: Counter) -> Result<usize> {
        self.writer()?;
        let series = self.resolve(counter.0, IdKind::Counter)?;
        shard::cell(&self.region, shard.0, series)
    }

    /// Where the owner of `shard` counts `histogram`.
    pub fn shard_histogram(
        &self,
        shard: ShardId,
        histogram: HistogramId,
    ) -> Result<ShardHistogram> {
        self.writer()?;
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        self.shard_distribution(shard, series)
    }

    /// Where the owner of `shard` counts the histogram, or the latencies of the operation, `series`.
    fn shard_distribution(&self, shard: ShardId, series: usize) -> Result<ShardHistogram> {
        let bits = self.histogram_of(series).bits();
        let dense = shard::histogram(&self.region, shard.0, series, bits)?;
        Ok(ShardHistogram {
            sum: shard::cell(&self.region, shard.0, series)?,
            extremes: dense + shard::DENSE_MIN,
            counts: dense + shard::DENSE_HEADER,
            bits,
        })
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
fn no_limiter(name: &str) -> Error {
    Error::not_found(format!(
        "there is no limiter {name:?}: open it, or name it in the configuration"
    ))
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
