//! What an operation's calls were.

use crate::base::limits::WINDOW_SLOTS;
use crate::base::order::Order;
use crate::cell::distinct::Seen;
use crate::cell::histogram::{Distribution, Histogram, Scratch};
use crate::cell::outcomes::{Outcomes, TALLIES, Tally};
use crate::cell::planes::Planes;
use crate::metrics::{Registry, errors};
use crate::region::Region;

/// The code that errors beyond an operation's bound are counted as.
const OTHER: &str = "other";

/// The calls of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationReading {
    /// The longest call that is not slow; None when no call is.
    pub slow_seconds: Option<f64>,
    /// Since it was made.
    pub lifetime: Calls,
    /// Over the window.
    pub window: Calls,
    /// By error code since it was made, the most frequent first: what was given with failed and
    /// ignored calls, `unknown` for failures without one, `other` for codes beyond the bound.
    pub errors: Vec<ErrorReading>,
}

/// The calls of some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    /// Length of that time in seconds.
    pub seconds: f64,
    /// How long they took; its count is that of all calls.
    pub latency: Distribution,
    /// Those that succeeded.
    pub successes: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that neither failed nor succeeded.
    pub ignored: u64,
    /// Those that took longer than `slow_seconds`.
    pub slow: u64,
}

/// The calls with one error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReading {
    /// The code.
    pub code: String,
    /// How many.
    pub count: u64,
    /// Wall clock of the first one, nanoseconds since 1970.
    pub first_wall_ns: u64,
    /// Wall clock of the last one.
    pub last_wall_ns: u64,
    /// The last message; empty when nobody said anything.
    pub message: String,
}

impl Calls {
    /// No calls in so many seconds, measured with so many fraction bits.
    pub fn none(bits: u32, seconds: f64) -> Self {
        Self::of(Distribution::empty(bits), [0; TALLIES], seconds)
    }

    fn of(latency: Distribution, tallies: [u64; TALLIES], seconds: f64) -> Self {
        Calls {
            seconds,
            successes: tallies[Tally::Succeeded as usize],
            failures: tallies[Tally::Failed as usize],
            ignored: tallies[Tally::Ignored as usize],
            slow: tallies[Tally::Slow as usize],
            latency,
        }
    }

    /// All calls.
    pub fn count(&self) -> u64 {
        self.latency.count
    }

    /// Calls in a second; NaN for no time.
    pub fn rate_per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.count() as f64 / self.seconds
        } else {
            f64::NAN
        }
    }

    /// Successes among calls that succeeded or failed; NaN without any.
    pub fn success_ratio(&self) -> f64 {
        self.successes as f64 / self.judged()
    }

    /// Failures among calls that succeeded or failed; NaN without any.
    pub fn error_rate(&self) -> f64 {
        self.failures as f64 / self.judged()
    }

    fn judged(&self) -> f64 {
        (self.successes as f64) + self.failures as f64
    }

    /// How long calls took on average; NaN without any.
    pub fn average(&self) -> f64 {
        self.latency.sum / self.count() as f64
    }

    /// The latency at `quantile`; NaN without calls.
    pub fn quantile(&self, quantile: f64) -> f64 {
        let mut found = [f64::NAN];
        self.latency.quantiles(&[quantile], &mut found);
        found[0]
    }
}

/// One time, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Region time.
    pub now_ns: u64,
    /// Wall clock.
    pub wall_ns: u64,
}

impl Moment {
    /// The wall clock at region time `ns`.
    pub fn wall_of(self, ns: u64) -> u64 {
        self.wall_ns.saturating_sub(self.now_ns.saturating_sub(ns))
    }
}

/// Seconds from the beginning of the first of the last `slots` time slots until `now`.
pub fn covered_seconds(now: u64, slots: usize, slot_ns: u64) -> f64 {
    let first = (now / slot_ns).saturating_sub(slots.clamp(1, WINDOW_SLOTS) as u64 - 1);
    now.saturating_sub(first.saturating_mul(slot_ns)) as f64 / 1e9
}

/// The operation `series`, with a window of the last `slots` time slots.
pub fn read(
    region: &Region,
    planes: &Planes,
    series: usize,
    slots: usize,
    moment: Moment,
    scratch: &mut Scratch,
) -> Option<OperationReading> {
    let cells = Registry::of(region).operation(series)?;
    let outcomes = Outcomes::at(region, planes, cells.index)?;
    if cells.block == 0 {
        return None;
    }
    let histogram = Histogram::new(region, planes, cells.block, series);
    let now = moment.now_ns;
    let covered = covered_seconds(now, slots, region.layout().limits.slot_ns);
    // Before the latencies: a call is counted there first.
    let tallies = outcomes.totals();
    let mut of_window = [0; TALLIES];
    let mut beside = |index| of_window = outcomes.since(index);
    let (lifetime, window) = histogram.both(now, slots, &mut beside, scratch);
    let window = match window {
        Some(latency) => Calls::of(latency, of_window, covered),
        None => Calls::none(histogram.bits(), covered),
    };
    let age = now.saturating_sub(outcomes.made_ns()) as f64 / 1e9;
    let slow = f64::from_bits(cells.slow_bits);
    Some(OperationReading {
        slow_seconds: slow.is_finite().then_some(slow),
        lifetime: Calls::of(lifetime, tallies, age),
        window,
        errors: errors_of(region, outcomes.errors(), moment),
    })
}

fn errors_of(region: &Region, table: usize, moment: Moment) -> Vec<ErrorReading> {
    let (codes, overflow) = errors::list(region, table);
    let reading = |code: String, seen: Seen, message: String| ErrorReading {
        code,
        count: seen.count,
        first_wall_ns: moment.wall_of(seen.first_ns),
        last_wall_ns: moment.wall_of(seen.last_ns),
        message,
    };
    let mut found: Vec<ErrorReading> = codes
        .into_iter()
        .map(|known| reading(known.code, known.seen, known.message))
        .collect();
    if overflow.count > 0 {
        let others = reading(OTHER.to_owned(), overflow, String::new());
        match found.iter_mut().find(|known| known.code == OTHER) {
            None => found.push(others),
            // Somebody may call a code so.
            Some(known) => {
                known.count = known.count.saturating_add(others.count);
                known.first_wall_ns = known.first_wall_ns.min(others.first_wall_ns);
                known.last_wall_ns = known.last_wall_ns.max(others.last_wall_ns);
            }
        }
    }
    found.order_by(|one, other| (other.count, &one.code).cmp(&(one.count, &other.code)));
    found
}
