//! Counters, gauges and histograms.

use super::{Counter, Engine, Gauge, HistogramId, stale};
use crate::base::error::{Error, Kind as ErrorKind, Result};
use crate::base::limits::WINDOW_SLOTS;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::histogram::{Distribution, Histogram};
use crate::cell::{rseq, shard};
use crate::metrics::{Kind, MetricOptions, Registry};
use crate::region::handle::IdKind;
use crate::region::header;

impl Engine {
    pub(super) fn open_series(
        &self,
        kind: Kind,
        name: &str,
        options: &MetricOptions,
    ) -> Result<u64> {
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
    pub(super) fn resolve(&self, id: u64, kind: IdKind) -> Result<usize> {
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

    /// The word of a gauge that all processes share, if this process may change it at once.
    #[inline(always)]
    fn gauge_at_once(&self, gauge: Gauge) -> Option<&AtomicU64> {
        let registry = Registry::of(&self.region);
        let series = registry.resolve(gauge.0, IdKind::Gauge)?;
        if !self.is_writer() || registry.block(series) != 0 {
            return None;
        }
        self.planes.atomic(series)
    }

    /// [`Engine::set`] where nothing stands in its way; else does nothing and returns false.
    #[inline(always)]
    pub fn set_at_once(&self, gauge: Gauge, value: f64) -> bool {
        match self.gauge_at_once(gauge) {
            Some(word) if !value.is_nan() => {
                word.store(value.to_bits(), Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// [`Engine::add_to_gauge`] where nothing stands in its way; else does nothing and returns false.
    #[inline(always)]
    pub fn add_to_gauge_at_once(&self, gauge: Gauge, delta: f64) -> bool {
        match self.gauge_at_once(gauge) {
            Some(word) if delta.is_finite() => {
                rseq::add_f64(word, delta);
                true
            }
            _ => false,
        }
    }

    /// Sets a gauge.
    pub fn set(&self, gauge: Gauge, value: f64) -> Result<()> {
        if self.set_at_once(gauge, value) {
            return Ok(());
        }
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
    pub fn add_to_gauge(&self, gauge: Gauge, delta: f64) -> Result<()> {
        if self.add_to_gauge_at_once(gauge, delta) {
            return Ok(());
        }
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
    pub(super) fn histogram_of(&self, series: usize) -> Histogram<'_> {
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
    pub(super) fn record_plainly(
        &self,
        (series, block): (usize, usize),
        now: u64,
        value: f64,
    ) -> bool {
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
            let is_done = cells.record_at_once(now, value.to_bits());
            if !is_done && cells.record_with_care(now, *value)? {
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
    pub(super) fn check_value(&self, value: f64) -> Result<()> {
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
    pub(super) fn refuse_value(&self, rule: &str, value: f64) -> Error {
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
    pub(super) fn record_first(&self, name: &[u8], value: f64) -> Result<()> {
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
    pub(super) fn slots(&self, window_seconds: f64) -> Result<usize> {
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
}
