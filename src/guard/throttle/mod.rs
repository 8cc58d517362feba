//! Adaptive throttling at the client: the more calls fail, the fewer are made.
//!
//! Over a window of ten time slots two numbers are kept: calls that ended, and those of them that
//! succeeded. From these follows the part of the next calls to reject here, before they burden a
//! service that would fail them anyway ([`rejection`]). Rejected calls are not in the numbers. Which
//! calls they are is drawn by a counter and a seed, so that a test can foretell them.
//!
//! The numbers are words that all processes share, tagged with their slot as those of a breaker's bad
//! calls are ([`window`](super::breaker::window)): nothing is reset, nothing is locked.

pub mod policy;
pub mod rejection;

use super::Verdict;
use super::breaker::machine::mix;
use super::breaker::window::{SLOTS, When, add_tagged, tagged};
use super::stored::{self, Entry};
use crate::base::error::Result;
use crate::base::outcome::Outcome;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};
use crate::region::handle::IdKind;

pub use policy::ThrottlePolicy;

/// The words of a throttle's entry behind those that all guards have.
mod entry {
    pub const SLOT_NS: usize = 4;
    /// First word of the counts: of calls, then of successes.
    pub const BLOCK: usize = 5;
    /// Part of the calls that should succeed, a double.
    pub const THRESHOLD: usize = 6;
    /// A double.
    pub const AGGRESSION: usize = 7;
    /// Calls in a window below which none is rejected, a double.
    pub const MINIMUM: usize = 8;
    /// A double.
    pub const MAX_REJECTION: usize = 9;
    pub const SEED: usize = 10;
    /// 1 when rejections are counted and pass.
    pub const SHADOW: usize = 11;
    /// Draws so far.
    pub const DRAWS: usize = 16;
    /// When a rejection was last told as an event.
    pub const TOLD: usize = 17;
}

/// The columns of a throttle in the planes.
mod tally {
    pub const ADMITTED: usize = 0;
    pub const DENIED: usize = 1;
    pub const SHADOWED: usize = 2;
    pub const SUCCESSES: usize = 3;
    pub const FAILURES: usize = 4;
    pub const IGNORED: usize = 5;
}

const PLACES: usize = 16;
const CALLS: usize = 0;
const SUCCEEDED: usize = 1;

/// A throttle as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ThrottleReading {
    /// Its name.
    pub name: String,
    /// Calls of the window.
    pub calls: u64,
    /// Of those, the ones that succeeded.
    pub succeeded: u64,
    /// Part of the next calls that is rejected.
    pub rejection: f64,
    /// What it did since it was made.
    pub totals: ThrottleTotals,
}

/// What a throttle did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThrottleTotals {
    /// Calls that went on.
    pub admitted: u64,
    /// Calls that were rejected.
    pub denied: u64,
    /// Calls that would have been rejected and went on.
    pub shadowed: u64,
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that count as neither.
    pub ignored: u64,
}

/// The id of the throttle called `name`, made as `policy` says if there is none.
///
/// Opening an existing one changes nothing; with another policy it is refused.
pub fn open(region: &Region, name: &str, policy: &ThrottlePolicy) -> Result<u64> {
    let make = |found: Entry<'_>| {
        let block = region.allocate(2 * PLACES)?;
        let seed = policy.seed.unwrap_or(region.header().seed[1]);
        for (at, value) in [
            (entry::SLOT_NS, policy.window_ns.div_ceil(SLOTS).max(1)),
            (entry::BLOCK, block as u64),
            (entry::THRESHOLD, policy.success_threshold.to_bits()),
            (entry::AGGRESSION, policy.aggression.to_bits()),
            (entry::MINIMUM, policy.minimum_calls().to_bits()),
            (entry::MAX_REJECTION, policy.max_rejection.to_bits()),
            (entry::SEED, seed),
            (entry::SHADOW, policy.shadow.into()),
        ] {
            found.set(at, value);
        }
        Ok(())
    };
    let document = policy.to_document();
    stored::open(region, IdKind::Throttle, name, &document, make)
}

/// The id of the throttle called `name`.
pub fn find(region: &Region, name: &str) -> Option<u64> {
    stored::find(region, IdKind::Throttle, name)
}

/// Asks whether a call may go on.
pub fn acquire(region: &Region, planes: &Planes, id: u64) -> Result<Verdict> {
    let throttle = Throttle::resolve(region, planes, id)?;
    let now_ns = region.clock().coarse();
    let rejection = throttle.rejection(now_ns);
    if rejection <= 0.0 || !throttle.draw(rejection) {
        throttle.count(tally::ADMITTED);
        return Ok(Verdict::Admitted);
    }
    let shadow = throttle.entry.get(entry::SHADOW) != 0;
    let tally = if shadow {
        tally::SHADOWED
    } else {
        tally::DENIED
    };
    throttle.count(tally);
    if events::is_due(throttle.entry.word(entry::TOLD), now_ns) {
        throttle.tell(tally, now_ns);
    }
    if shadow {
        throttle.count(tally::ADMITTED);
        return Ok(Verdict::Admitted);
    }
    Ok(Verdict::Denied)
}

/// Tells how a call ended.
pub fn report(region: &Region, planes: &Planes, id: u64, outcome: Outcome) -> Result<()> {
    let throttle = Throttle::resolve(region, planes, id)?;
    let (tally, succeeded) = match outcome {
        Outcome::Success => (tally::SUCCESSES, true),
        Outcome::Failure => (tally::FAILURES, false),
        Outcome::Ignored => {
            throttle.count(tally::IGNORED);
            return Ok(());
        }
    };
    // The call first: then a window never shows more successes than calls.
    throttle.add(CALLS);
    if succeeded {
        throttle.add(SUCCEEDED);
    }
    throttle.count(tally);
    Ok(())
}

/// Every throttle, by name. Damaged ones are left out.
pub fn list(region: &Region, planes: &Planes) -> Vec<ThrottleReading> {
    let now_ns = region.clock().coarse();
    let all = stored::list(region, IdKind::Throttle).into_iter();
    all.map(|(name, entry, _)| {
        let throttle = Throttle {
            region,
            planes,
            entry,
        };
        let (calls, succeeded) = throttle.window(now_ns);
        let sum = |tally| planes.sum(entry.column(region, tally));
        ThrottleReading {
            name,
            calls,
            succeeded,
            rejection: throttle.rejection(now_ns),
            totals: ThrottleTotals {
                admitted: sum(tally::ADMITTED),
                denied: sum(tally::DENIED),
                shadowed: sum(tally::SHADOWED),
                successes: sum(tally::SUCCESSES),
                failures: sum(tally::FAILURES),
                ignored: sum(tally::IGNORED),
            },
        }
    })
    .collect()
}

#[derive(Clone, Copy, Debug)]
struct Throttle<'a> {
    region: &'a Region,
    planes: &'a Planes,
    entry: Entry<'a>,
}

impl<'a> Throttle<'a> {
    #[inline(always)]
    fn resolve(region: &'a Region, planes: &'a Planes, id: u64) -> Result<Self> {
        let entry = Entry::resolve(region, id, IdKind::Throttle)?;
        Ok(Throttle {
            region,
            planes,
            entry,
        })
    }

    #[inline(always)]
    fn count(&self, tally: usize) {
        self.planes.add(self.entry.column(self.region, tally), 1);
    }

    fn when(&self, now_ns: u64) -> When {
        let slot = now_ns.checked_div(self.entry.get(entry::SLOT_NS));
        When {
            generation: 0,
            slot: slot.unwrap_or(0),
        }
    }

    fn word(&self, kind: usize, when: When) -> Option<&'a AtomicU64> {
        // What the region says is cut to what a region can have.
        let block = (self.entry.get(entry::BLOCK) & ((1 << 40) - 1)) as usize;
        let at = block + kind * PLACES + when.place();
        self.region.words().get(at)
    }

    /// Adds 1 to the count of the present slot.
    fn add(&self, kind: usize) {
        loop {
            let when = self.when(self.region.clock().coarse());
            let Some(word) = self.word(kind, when) else {
                return;
            };
            let is_now = || self.when(self.region.clock().coarse()) == when;
            if add_tagged(word, when.tag(), is_now) {
                return;
            }
        }
    }

    /// Calls of the window, and those that succeeded.
    fn window(&self, now_ns: u64) -> (u64, u64) {
        let sum = |kind| {
            let slots = self.when(now_ns).window();
            slots
                .map(|slot| {
                    self.word(kind, slot)
                        .map_or(0, |word| tagged(word, slot.tag()))
                })
                .fold(0, u64::saturating_add)
        };
        let succeeded = sum(SUCCEEDED);
        (sum(CALLS), succeeded)
    }

    /// The part of calls to reject now.
    #[inline]
    fn rejection(&self, now_ns: u64) -> f64 {
        let (calls, succeeded) = self.window(now_ns);
        if (calls as f64) < self.entry.real(entry::MINIMUM) {
            return 0.0;
        }
        rejection::part(
            calls,
            succeeded,
            self.entry.real(entry::THRESHOLD),
            self.entry.real(entry::AGGRESSION),
            self.entry.real(entry::MAX_REJECTION),
        )
    }

    /// True for that part of all draws.
    fn draw(&self, part: f64) -> bool {
        let number = self
            .entry
            .word(entry::DRAWS)
            .fetch_add(1, Ordering::Relaxed);
        let drawn = mix(self.entry.get(entry::SEED) ^ mix(number)) >> 11;
        (drawn as f64) < part * (1u64 << 53) as f64
    }

    #[cold]
    fn tell(&self, tally: usize, time_ns: u64) {
        let denied = self.planes.sum(self.entry.column(self.region, tally));
        let event = Event {
            time_ns,
            kind: Kind::Denial,
            cause: Cause::Measured,
            guard: self.entry.id(),
            pid: 0,
            numbers: [denied, 0],
        };
        events::write(self.region, event);
    }
}
