//! Breakers by name: find, make, list.

use super::machine::{Counts, Phase, Reason, State};
use super::permit::MARKS;
use super::policy::{BreakerPolicy, BreakerWindow, SLOTS};
use super::window::{BAD_WORDS, ROW_WORDS};
use super::{Breaker, TRIP_WORDS, entry, probes, tally};
use crate::base::error::{Error, Result};
use crate::base::sync::Ordering;
use crate::cell::planes::Planes;
use crate::guard::stored::{self, Entry};
use crate::region::Region;
use crate::region::handle::IdKind;

/// The id of the breaker called `name`, made as `policy` says if there is none.
///
/// Opening an existing one changes nothing; with another policy it is refused.
pub fn open(region: &Region, planes: &Planes, name: &str, policy: &BreakerPolicy) -> Result<u64> {
    stored::open(
        region,
        IdKind::Breaker,
        name,
        &policy.to_document(),
        |entry| make(region, planes, entry, policy),
    )
}

/// The id of the breaker called `name`.
pub fn find(region: &Region, name: &str) -> Option<u64> {
    stored::find(region, IdKind::Breaker, name)
}

pub(super) fn make(
    region: &Region,
    planes: &Planes,
    entry: Entry<'_>,
    policy: &BreakerPolicy,
) -> Result<()> {
    let rows = (1 + region.layout().limits.stripes as usize) * ROW_WORDS;
    let leases = policy.half_open_calls as usize * probes::LEASE_WORDS;
    let (slot_ns, calls) = match policy.window {
        BreakerWindow::Time(ns) => (ns.div_ceil(SLOTS).max(1), 0),
        BreakerWindow::Calls(calls) => (0, calls),
    };
    let block = region.allocate(rows + TRIP_WORDS + MARKS + BAD_WORDS + leases + calls as usize)?;
    let thresholds = policy.thresholds();
    let flag = |set: bool, bit: u64| if set { bit } else { 0 };
    let shape = flag(calls > 0, entry::BY_CALLS)
        | flag(policy.shadow, entry::SHADOW)
        | flag(policy.ramp_ns > 0, entry::RAMPED)
        | flag(
            policy.consecutive_failures.is_some(),
            entry::IN_A_ROW_COUNTS,
        );
    let slow = policy.slow_call_seconds.unwrap_or(f64::INFINITY);
    for (at, value) in [
        (entry::BLOCK, block as u64),
        (entry::SHAPE, shape),
        (entry::SLOT_NS, slot_ns),
        (entry::SLOW, slow.to_bits()),
        (entry::FAILURE_PARTS, thresholds.failure_parts),
        (entry::SLOW_PARTS, thresholds.slow_parts),
        (entry::MINIMUM, thresholds.minimum),
        (entry::CONSECUTIVE, policy.consecutive_failures.unwrap_or(0)),
        (entry::OPEN_NS, policy.times.open_ns),
        (entry::GROWTH, policy.times.growth.to_bits()),
        (entry::OPEN_MAX_NS, policy.times.max_ns),
        (entry::JITTER, policy.times.jitter.to_bits()),
        (entry::RAMP_NS, policy.ramp_ns),
        (entry::TIMEOUT_NS, policy.permit_timeout_ns),
        (entry::WINDOW_CALLS, calls),
        (entry::PROBES, policy.half_open_calls),
        (entry::SUCCESSES, policy.half_open_successes),
    ] {
        entry.set(at, value);
    }
    let breaker = Breaker {
        region,
        planes,
        entry,
    };
    let now_ns = region.clock().precise();
    let first = State::initial(policy.initial, &policy.times, now_ns, breaker.random(0));
    let pair = breaker.pair().map(|pair| {
        let old = pair.load();
        pair.swap(old, first.to_words())
    });
    match pair {
        Some(true) => Ok(()),
        _ => Err(Error::format("the region's table of guards is damaged")),
    }
}

/// A breaker as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerReading {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub phase: Phase,
    /// Why it is open, or was put where it is.
    pub reason: Reason,
    /// Number of the change that led here.
    pub generation: u64,
    /// Calls in the window.
    pub calls: u64,
    /// Of those, the failed.
    pub failures: u64,
    /// Of those, the slow.
    pub slow_calls: u64,
    /// Failed part of the window's calls; NaN below the minimum.
    pub failure_rate: f64,
    /// Slow part of the window's calls; NaN below the minimum.
    pub slow_call_rate: f64,
    /// Until it lets a call through; 0 unless open.
    pub retry_after_ns: u64,
    /// Probes that are out.
    pub permits_out: u64,
    /// What the window held when it last opened.
    pub tripped: Option<Tripped>,
    /// What it did since it was made.
    pub totals: BreakerTotals,
}

/// Why a breaker last opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// Calls in the window.
    pub calls: u64,
    /// Of those, the failed.
    pub failures: u64,
    /// Of those, the slow.
    pub slow_calls: u64,
    /// How long ago.
    pub age_ns: u64,
}

/// What a breaker did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerTotals {
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that count as neither.
    pub ignored: u64,
    /// Successes and failures that were slow.
    pub slow: u64,
    /// Calls that were denied.
    pub not_permitted: u64,
    /// Calls that would have been denied and passed.
    pub shadowed: u64,
    /// Reports that came after a change of state.
    pub late: u64,
    /// Changes into open.
    pub opened: u64,
    /// Changes into half-open.
    pub half_opened: u64,
    /// Changes into closed.
    pub closed: u64,
}

/// What breaker `id` is and did; its name is left empty.
pub fn read(region: &Region, planes: &Planes, id: u64) -> Result<BreakerReading> {
    Ok(Breaker::resolve(region, planes, id)?.read(String::new()))
}

/// Every breaker, by name. Damaged ones are left out.
pub fn list(region: &Region, planes: &Planes) -> Vec<BreakerReading> {
    let all = stored::list(region, IdKind::Breaker).into_iter();
    all.map(|(name, entry, _)| {
        Breaker {
            region,
            planes,
            entry,
        }
        .read(name)
    })
    .collect()
}

impl Breaker<'_> {
    fn read(&self, name: String) -> BreakerReading {
        let now_ns = self.region.clock().precise();
        let state = self.present();
        let counts = self.counts(&state);
        let rate = |part: u64| {
            if counts.calls >= self.get(entry::MINIMUM).max(1) {
                part as f64 / counts.calls as f64
            } else {
                f64::NAN
            }
        };
        let permits_out = match state.phase {
            Phase::HalfOpen => self.probes().tally(state.generation).held,
            _ => 0,
        };
        BreakerReading {
            name,
            phase: state.phase,
            reason: state.reason,
            generation: state.generation,
            calls: counts.calls,
            failures: counts.failures,
            slow_calls: counts.slow,
            failure_rate: rate(counts.failures),
            slow_call_rate: rate(counts.slow),
            retry_after_ns: state.retry_after(now_ns),
            permits_out,
            tripped: self.tripped(now_ns),
            totals: self.totals(),
        }
    }

    /// What the window holds now.
    fn counts(&self, state: &State) -> Counts {
        if !state.phase.is_recording() {
            return Counts::default();
        }
        if self.shape() & entry::BY_CALLS != 0 {
            return self.call_window().counts(state.generation);
        }
        let window = self.time_window();
        let when = self.now(state.generation);
        let bad = window.bad(when);
        Counts {
            calls: bad
                .calls
                .saturating_add(window.good(when))
                .saturating_add(self.passed(when)),
            ..bad
        }
    }

    fn tripped(&self, now_ns: u64) -> Option<Tripped> {
        let words = self.region.words();
        let at = self.trip_at();
        // Written anew meanwhile: once more, then it is left out.
        (0..4).find_map(|_| {
            let generation = words.acquire(at);
            let [calls, failures, slow_calls, when] =
                [1, 2, 3, 4].map(|number| words.acquire(at + number));
            (generation != 0 && words.load(at) == generation).then_some(Tripped {
                calls,
                failures,
                slow_calls,
                age_ns: now_ns.saturating_sub(when),
            })
        })
    }

    fn totals(&self) -> BreakerTotals {
        let sum = |tally| self.planes.sum(self.entry.column(self.region, tally));
        let count = |at| self.word(at).load(Ordering::Relaxed);
        let (failed, failed_slowly, slow) = (
            sum(tally::FAILED),
            sum(tally::FAILED_SLOWLY),
            sum(tally::SLOW),
        );
        let good = self
            .time_window()
            .all_good()
            .wrapping_add(self.all_passed())
            .wrapping_add(sum(tally::GOOD));
        BreakerTotals {
            successes: good.wrapping_add(slow),
            failures: failed.wrapping_add(failed_slowly),
            ignored: sum(tally::IGNORED),
            slow: slow.wrapping_add(failed_slowly),
            not_permitted: sum(tally::DENIED),
            shadowed: sum(tally::SHADOWED),
            late: sum(tally::LATE),
            opened: count(entry::OPENED),
            half_opened: count(entry::HALF_OPENED),
            closed: count(entry::CLOSED),
        }
    }
}
