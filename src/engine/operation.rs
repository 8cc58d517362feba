//! Operations: latency, outcome and error code of a call, recorded together.

use super::{Engine, OperationId, ShardHistogram, ShardId};
use crate::base::error::{Error, Result};
use crate::base::host;
use crate::base::limits::WINDOW_SLOTS;
use crate::base::outcome::Outcome;
use crate::cell::histogram::{self, Histogram, Scratch};
use crate::cell::outcomes::{Outcomes, Tally};
use crate::cell::{shard, slowest};
use crate::metrics::{Kind, MetricOptions, OperationCells, Registry, errors};
use crate::region::handle::IdKind;
use crate::region::header;
use crate::snapshot::{Moment, OperationReading, read_operation};

/// What may be said about a call beside how long it took and how it ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Details<'a> {
    /// Why it failed or was ignored, in one word of the application.
    pub error_code: Option<&'a str>,
    /// Why, in words.
    pub message: Option<&'a str>,
    /// What it was about, kept while it is among the slowest calls.
    pub detail: Option<&'a str>,
    /// Its trace, kept while it is among the slowest calls, and as an example of its latency.
    pub trace_id: Option<&'a str>,
}

/// Where a shard's owner counts the successes of one operation: word numbers of the region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShardOperation {
    /// How long they took.
    pub histogram: ShardHistogram,
    /// How many there were.
    pub successes: usize,
    /// Bits of a double: a longer call may be one of the slowest.
    pub floor: usize,
    /// Bit i: a call in a bucket whose number ends with i may lie beside a declared edge.
    pub split: usize,
    /// The longest call that is not slow; infinite where none is.
    pub slow_seconds: f64,
}

impl Details<'_> {
    /// True when nothing is said.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.error_code.is_none()
            && self.message.is_none()
            && self.detail.is_none()
            && self.trace_id.is_none()
    }
}

impl Engine {
    /// Opens an operation: calls that are counted with how long they take and how they end.
    pub fn operation(&self, name: &str, options: &MetricOptions) -> Result<OperationId> {
        let options = MetricOptions {
            unit: Some("seconds".to_owned()),
            ..options.clone()
        };
        self.open_series(Kind::Operation, name, &options)
            .map(OperationId)
    }

    /// Records one call.
    #[inline(always)]
    pub fn record_operation(
        &self,
        operation: OperationId,
        seconds: f64,
        outcome: Outcome,
        error_code: Option<&str>,
    ) -> Result<()> {
        let details = Details {
            error_code,
            ..Details::default()
        };
        self.record_operation_with(operation, seconds, outcome, &details)
    }

    /// Records one call, with what else is known of it.
    #[inline(always)]
    pub fn record_operation_with(
        &self,
        operation: OperationId,
        seconds: f64,
        outcome: Outcome,
        details: &Details<'_>,
    ) -> Result<()> {
        self.writer()?;
        let Some(cells) = self.cells_of_operation(operation) else {
            return Err(self.no_operation(operation));
        };
        self.check_value(seconds)?;
        let is_plain = outcome == Outcome::Success && details.is_empty();
        if !is_plain {
            check_details(outcome, details)?;
        }
        let series = crate::region::handle::entry(operation.0);
        let now = self.region.clock().coarse();
        let begins = cells_of(self, &cells, series).record_at(now, seconds)?;
        let value_bits = seconds.abs().to_bits();
        if slowest::is_candidate(&self.region, now, value_bits) {
            let told = (
                details.detail.unwrap_or_default(),
                details.trace_id.unwrap_or_default(),
            );
            slowest::offer(&self.region, now, value_bits, series, outcome, told);
        }
        if let Some(outcomes) = Outcomes::at(&self.region, &self.planes, cells.index) {
            if seconds > f64::from_bits(cells.slow_bits) {
                outcomes.add(Tally::Slow);
            }
            if is_plain {
                outcomes.add(Tally::Succeeded);
            } else {
                self.record_outcome(&outcomes, outcome, details, now);
                if let Some(trace_id) = details.trace_id.filter(|trace| !trace.is_empty()) {
                    cells_of(self, &cells, series).keep_exemplar(now, seconds.abs(), trace_id);
                }
            }
        }
        if begins {
            self.begin_slot();
        }
        Ok(())
    }

    #[inline(always)]
    fn cells_of_operation(&self, id: OperationId) -> Option<OperationCells> {
        let registry = Registry::of(&self.region);
        registry.operation(registry.resolve(id.0, IdKind::Operation)?)
    }

    #[cold]
    #[inline(never)]
    fn no_operation(&self, id: OperationId) -> Error {
        match self.resolve(id.0, IdKind::Operation) {
            Ok(_) => Error::format("the region's table of names is damaged"),
            Err(stale) => stale,
        }
    }

    #[inline(never)]
    fn record_outcome(
        &self,
        outcomes: &Outcomes<'_>,
        outcome: Outcome,
        details: &Details<'_>,
        now: u64,
    ) {
        outcomes.add(match outcome {
            Outcome::Success => Tally::Succeeded,
            Outcome::Failure => Tally::Failed,
            Outcome::Ignored => Tally::Ignored,
        });
        let code = details.error_code.filter(|code| !code.is_empty());
        if outcome == Outcome::Failure || code.is_some() {
            let message = details.message.filter(|message| !message.is_empty());
            errors::count(&self.region, outcomes.errors(), code, message, now);
        }
    }

    /// Where the owner of `shard` counts the successes of `operation`.
    pub fn shard_operation(
        &self,
        shard: ShardId,
        operation: OperationId,
    ) -> Result<ShardOperation> {
        self.writer()?;
        let Some(cells) = self.cells_of_operation(operation) else {
            return Err(self.no_operation(operation));
        };
        let series = crate::region::handle::entry(operation.0);
        let histogram = self.shard_distribution(shard, series)?;
        Ok(ShardOperation {
            histogram,
            successes: histogram.extremes - shard::DENSE_MIN + shard::DENSE_SUCCESSES,
            floor: header::SLOWEST_FLOOR,
            split: cells.block.saturating_add(histogram::SPLIT),
            slow_seconds: Some(f64::from_bits(cells.slow_bits))
                .filter(|slow| slow.is_finite())
                .unwrap_or(f64::INFINITY),
        })
    }

    /// The time to give to [`Engine::end_operation`], in nanoseconds of the region's clock.
    #[inline]
    pub fn begin_operation(&self, operation: OperationId) -> Result<u64> {
        self.writer()?;
        self.resolve(operation.0, IdKind::Operation)?;
        Ok(self.region.clock().precise())
    }

    /// Records a call that began at `started_ns` and ends now.
    #[inline]
    pub fn end_operation(
        &self,
        operation: OperationId,
        started_ns: u64,
        outcome: Outcome,
        error_code: Option<&str>,
    ) -> Result<()> {
        let now = self.region.clock().precise();
        let Some(ns) = now.checked_sub(started_ns) else {
            return Err(Error::argument(format!(
                "started_ns: {started_ns} is later than now, {now}"
            )));
        };
        self.record_operation(operation, ns as f64 / 1e9, outcome, error_code)
    }

    /// What an operation's calls were since it was made, and over the last `window_seconds`; for 0
    /// over the longest window that is kept.
    pub fn read_operation(
        &self,
        operation: OperationId,
        window_seconds: f64,
    ) -> Result<OperationReading> {
        let series = self.resolve(operation.0, IdKind::Operation)?;
        let slots = if window_seconds == 0.0 {
            WINDOW_SLOTS
        } else {
            self.slots(window_seconds)?
        };
        let moment = Moment {
            now_ns: self.region.clock().coarse(),
            wall_ns: host::wall_ns(),
        };
        let mut scratch = Scratch::default();
        read_operation(
            &self.region,
            &self.planes,
            series,
            slots,
            moment,
            &mut scratch,
        )
        .ok_or_else(|| Error::format("the operation's memory is damaged"))
    }
}

#[inline(always)]
fn cells_of<'e>(engine: &'e Engine, cells: &OperationCells, series: usize) -> Histogram<'e> {
    Histogram::new(&engine.region, &engine.planes, cells.block, series)
}

/// A success has no error code: saying one is a mistake that would be lost otherwise.
#[inline(never)]
fn check_details(outcome: Outcome, details: &Details<'_>) -> Result<()> {
    match details.error_code {
        Some(code) if outcome == Outcome::Success && !code.is_empty() => {
            Err(Error::argument(format!(
                "error_code: expected none for a success, found {:?}",
                crate::region::text::cut(code, 64)
            )))
        }
        _ => Ok(()),
    }
}
