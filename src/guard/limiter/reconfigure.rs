//! New numbers for a limiter that exists: what can be changed, and the change.
//!
//! 1. The numbers that the limiter was made with become a block, if there is none. Nothing changes by
//!    that: the block says what the entry says.
//! 2. The entry's own numbers are taken out of force ([`Entry::supersede`]), so that all go by the block.
//! 3. One compare-and-swap puts the block of the new numbers in its place.
//!
//! A process killed in between has changed nothing, or everything; who comes next begins again.

use super::entry::{self, Entry};
use super::mask::Recorded;
use super::pace::UNDER_WAY_NS;
use super::policy::{Algorithm, LimiterPolicy, nanoseconds};
use super::refusal;
use super::registry::name_of;
use super::registry::resolve;
use super::sliding::EXACT;
use super::terms::{Block, Terms};
use super::warm::{self, Scale};
use crate::base::error::{Error, Result};
use crate::base::sync::Ordering;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};

/// Holds limiter `id` to `policy` from now on. Units that were taken stay taken.
pub fn reconfigure(region: &Region, id: u64, policy: &LimiterPolicy) -> Result<()> {
    let limiter = resolve(region, id)?;
    refusal::of_change(region, 1)?;
    let words = region.words();
    let Some(current) = limiter.get(entry::BLOCK_AT) else {
        return Ok(());
    };
    let mut place = None;
    loop {
        let before = limiter.block_at();
        let Some(change) = Change::of(region, &limiter, policy)? else {
            return Ok(());
        };
        let at = match place.take() {
            Some(at) => at,
            None => region.allocate(Block::WORDS)?,
        };
        let block = match before {
            0 => Block::made(&limiter),
            _ => change.block,
        };
        block.write(words, at);
        if before != 0 {
            limiter.supersede();
            limiter.raise_reach(change.reach);
            if change.is_late(region) {
                place = Some(at);
                continue;
            }
        }
        let is_done = current
            .compare_exchange(before, at as u64, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        match (is_done, before) {
            (false, _) => place = Some(at),
            // Now it can be changed.
            (true, 0) => {}
            (true, _) => {
                tell(region, id, change.units_before, change.block.units);
                return Ok(());
            }
        }
    }
}

/// Whether [`reconfigure`] would do it.
pub fn possible(region: &Region, id: u64, policy: &LimiterPolicy) -> Result<()> {
    let limiter = resolve(region, id)?;
    refusal::of_change(region, 1)?;
    Change::of(region, &limiter, policy).map(|_| ())
}

/// A change that is possible.
struct Change {
    block: Block,
    units_before: u64,
    reach: u64,
    now_ns: u64,
}

impl Change {
    /// The change to `policy`; None when it is that already.
    fn of(region: &Region, limiter: &Entry<'_>, policy: &LimiterPolicy) -> Result<Option<Self>> {
        let words = region.words();
        let name = name_of(words, limiter);
        let damaged = || Error::format(format!("limiter {name:?} is damaged in the region"));
        // Before the terms, which are then those of this moment or newer: and if they are newer,
        // the change is not made.
        let now_ns = region.clock().precise();
        let terms = Terms::of(limiter, words).ok_or_else(damaged)?;
        let found = limiter.policy(words).ok_or_else(damaged)?;
        if found == *policy {
            return Ok(None);
        }
        comparable(&name, &found, policy)?;
        let refuse = |why: String| Err(Error::state(format!("limiter {name:?} keeps {why}")));
        let mut block = Block {
            units: policy.algorithm.units(),
            ..Block::default()
        };
        let mut reach = 0;
        match (policy.algorithm, terms) {
            (
                Algorithm::TokenBucket {
                    rate_per_second,
                    burst,
                    rate: wanted,
                    warm_up,
                },
                Terms::Bucket(bucket),
            ) => {
                let full = u128::from(bucket.rate.per_unit) * u128::from(burst);
                let full = u64::try_from(full).unwrap_or(u64::MAX);
                let most = bucket.rate.full.max(full);
                let per_unit = bucket.rate.per_unit;
                let Some(pace) = bucket.pace().changed(per_unit, most, &wanted, now_ns) else {
                    return refuse(format!(
                        "counting time in steps that are as fine as the rate that it was made with \
                         needs: {rate_per_second} a second, or a burst of {burst}, is too far from it"
                    ));
                };
                reach = bucket.reach_of_change(full);
                let mut scale = Scale {
                    per_unit,
                    full,
                    span: 0,
                    pace,
                };
                let seconds = warm_up.map_or(0.0, |warm_up| warm_up.seconds);
                if bucket.warm.is_some() {
                    reach = bucket.reach_of_change(warm::reach(full));
                    scale.span = pace.ticks_in(nanoseconds(seconds).unwrap_or(u64::MAX));
                    if !warm::fits(scale.span, full) {
                        return refuse(format!(
                            "{per_unit} ticks for a unit, too fine for warm_up_seconds {seconds} with \
                             a rate of {rate_per_second} and a burst of {burst}"
                        ));
                    }
                }
                block = Block::warming(rate_per_second, burst, seconds, &scale);
            }
            (
                Algorithm::SlidingWindow {
                    limit,
                    window_seconds,
                    window: wanted,
                },
                Terms::Window(window),
            ) => {
                let most = window.slots * window.per_slot - (window.per_slot - 1);
                if limit > most {
                    return refuse(format!(
                        "the times of the {most} units that it was made for: the limit cannot be \
                         {limit}"
                    ));
                }
                if window.per_slot > 1 && (limit <= EXACT || limit < most.div_ceil(4)) {
                    return refuse(format!(
                        "one time for {} units, too coarse for a limit of {limit}: from {} on it \
                         can be changed",
                        window.per_slot,
                        most.div_ceil(4).max(EXACT + 1)
                    ));
                }
                if limiter.is_keyed() && wanted.window_ns > window.window_ns {
                    return refuse(format!(
                        "each key's times no longer than its window, and cannot tell later whose \
                         older times were: window_seconds cannot grow to {window_seconds}"
                    ));
                }
                block = Block {
                    pace: window_seconds.to_bits(),
                    full: limit,
                    window_ns: wanted.window_ns,
                    ..block
                };
            }
            (
                Algorithm::FixedWindow {
                    limit,
                    window_seconds,
                    window: wanted,
                },
                Terms::Fixed(window),
            ) => {
                if wanted.window_ns != window.window_ns {
                    return refuse(format!(
                        "the numbers of its windows, which follow from their length: \
                         window_seconds cannot become {window_seconds}"
                    ));
                }
                if wanted.bits > window.bits {
                    return refuse(format!(
                        "its count in {} bits, which are too few for a limit of {limit}",
                        window.bits
                    ));
                }
                block = Block {
                    pace: window_seconds.to_bits(),
                    full: limit,
                    window_ns: window.window_ns,
                    ..block
                };
            }
            _ => return Err(damaged()),
        }
        Ok(Some(Change {
            block,
            units_before: found.algorithm.units(),
            reach,
            now_ns,
        }))
    }

    /// True when it was worked out so long ago that a bucket's states may have gone beyond `reach`.
    fn is_late(&self, region: &Region) -> bool {
        let age = region.clock().precise().saturating_sub(self.now_ns);
        self.reach > 0 && age > UNDER_WAY_NS / 2
    }
}

/// Refuses what makes another limiter of it.
fn comparable(name: &str, found: &LimiterPolicy, wanted: &LimiterPolicy) -> Result<()> {
    let (is, should) = (found.algorithm.name(), wanted.algorithm.name());
    if is != should {
        return Err(Error::conflict(format!(
            "limiter {name:?} is a {is}: that cannot become a {should}"
        )));
    }
    let warms = |policy: &LimiterPolicy| {
        let algorithm = policy.algorithm;
        matches!(algorithm, Algorithm::TokenBucket { warm_up, .. } if warm_up.is_some())
    };
    match (warms(found), warms(wanted)) {
        (true, false) => {
            return Err(Error::state(format!(
                "limiter {name:?} keeps a heat: warm_up_seconds cannot be left out, but it can be 0"
            )));
        }
        (false, true) => {
            return Err(Error::state(format!(
                "limiter {name:?} keeps no heat: warm_up_seconds can be changed where it was given, if \
                 as 0, when the limiter was made"
            )));
        }
        _ => {}
    }
    match (found.keyed, wanted.keyed) {
        (None, None) => {}
        (Some(found), Some(wanted)) if found == wanted => {}
        (Some(found), Some(wanted)) => {
            return Err(Error::state(format!(
                "limiter {name:?} keeps the table that it was made with: max_keys {} and when_full \
                 {:?}, not {} and {:?}",
                found.max_keys,
                found.when_full.name(),
                wanted.max_keys,
                wanted.when_full.name()
            )));
        }
        (found, wanted) => {
            return Err(Error::conflict(format!(
                "limiter {name:?} has keyed {}: that cannot become {}",
                found.is_some(),
                wanted.is_some()
            )));
        }
    }
    if found.shadow != wanted.shadow {
        return Err(Error::state(format!(
            "limiter {name:?} keeps the mode that it was made with: shadow {}",
            found.shadow
        )));
    }
    if found.recorded != wanted.recorded {
        let named = |recorded: Option<Recorded>| recorded.map_or("none", Recorded::name);
        return Err(Error::state(format!(
            "limiter {name:?} keeps what it was made to record: record_keys {:?}, not {:?}",
            named(found.recorded),
            named(wanted.recorded)
        )));
    }
    Ok(())
}

fn tell(region: &Region, id: u64, from: u64, to: u64) {
    events::write(
        region,
        Event {
            time_ns: region.clock().coarse(),
            kind: Kind::Limit,
            cause: Cause::Forced,
            guard: id,
            pid: 0,
            numbers: [from, to],
        },
    );
}
