//! The keys that use a limiter most, and those that are denied most.
//!
//! A limiter that records keys has a flag in its shape, so its checks take the way of `units`, and
//! two sketches: of units that were admitted, and of checks that were denied. Others pay nothing.
//! Keys are counted whole and shown masked: two that look the same are two.

use super::entry::{self, Entry};
use super::mask::Recorded;
use super::registry::name_of;
use super::registry::resolve;
use super::ruling::Ruling;
use crate::base::error::{Error, Result};
use crate::cell::heavy::{self, Heavy};
use crate::region::Region;
use std::hash::Hasher;

/// Most keys that are told.
pub const MOST: usize = heavy::ENTRIES;
/// Keys of a list in a snapshot.
const IN_SNAPSHOT: usize = 10;
/// Words of both sketches, and room to begin them at an even one.
pub(super) const WORDS: usize = 2 * Heavy::WORDS + 2;
const _: () = assert!(Heavy::WORDS.is_multiple_of(2));

/// What keys are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Units that were admitted.
    Used,
    /// Checks that were denied.
    Denied,
}

/// A key and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopKey {
    /// The key, masked.
    pub key: String,
    /// Units that were admitted.
    pub used: u64,
    /// Checks that were denied.
    pub denied: u64,
    /// The number that the list is ordered by is above the truth by at most this.
    pub error_bound: u64,
}

/// Both lists, as a snapshot shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopKeys {
    /// By units that were admitted.
    pub used: Vec<TopKey>,
    /// By checks that were denied.
    pub denied: Vec<TopKey>,
}

fn sketches<'r>(region: &'r Region, limiter: &Entry<'_>) -> Option<[Heavy<'r>; 2]> {
    let at = limiter.word(entry::TOP_AT) as usize;
    let is_there = at != 0 && region.words().slice(at, 2 * Heavy::WORDS).is_some();
    is_there.then(|| [at, at + Heavy::WORDS].map(|at| Heavy::at(region, at)))
}

/// Counts what a key was answered, if the limiter records keys.
#[inline]
pub(super) fn record(
    region: &Region,
    limiter: Entry<'_>,
    key: Option<&[u8]>,
    ruling: Ruling,
    cost: u32,
) {
    if let (Some(recorded), Some(key)) = (limiter.recorded(), key) {
        count(region, limiter, recorded, key, ruling, cost);
    }
}

#[inline(never)]
fn count(
    region: &Region,
    limiter: Entry<'_>,
    recorded: Recorded,
    key: &[u8],
    ruling: Ruling,
    cost: u32,
) {
    let Some([used, denied]) = sketches(region, &limiter) else {
        return;
    };
    let (sketch, amount) = match ruling {
        Ruling::Admitted => (used, cost.into()),
        Ruling::Denied | Ruling::Shadowed => (denied, 1),
        _ => return,
    };
    let hash = hash(region, key);
    let now = region.clock().coarse();
    sketch.count(hash, amount, now, || recorded.of(key, hash));
}

fn hash(region: &Region, key: &[u8]) -> u64 {
    let seed = region.header().seed;
    let mut hasher =
        siphasher::sip::SipHasher13::new_with_keys(seed[3], seed[2].rotate_left(29) ^ seed[1]);
    hasher.write(key);
    hasher.finish()
}

/// At most `count` keys of limiter `id`, those with most first.
pub fn list(region: &Region, id: u64, by: By, count: usize) -> Result<Vec<TopKey>> {
    let limiter = resolve(region, id)?;
    if count == 0 {
        return Err(Error::argument(format!(
            "count is 0, not from 1 to {MOST} (or more)"
        )));
    }
    if limiter.recorded().is_none() {
        return Err(Error::argument(format!(
            "limiter {:?} records no keys: open it with \"record_keys\"",
            name_of(region.words(), &limiter)
        )));
    }
    let found = sketches(region, &limiter);
    found
        .map(|sketches| sorted(sketches, by, count))
        .ok_or_else(|| Error::format("the region's table of limiters is damaged"))
}

/// Both lists of a limiter that records keys.
pub(super) fn reading(region: &Region, limiter: &Entry<'_>) -> Option<TopKeys> {
    limiter.recorded()?;
    let sketches = sketches(region, limiter)?;
    let [used, denied] = [By::Used, By::Denied].map(|by| sorted(sketches, by, IN_SNAPSHOT));
    Some(TopKeys { used, denied })
}

fn sorted([used, denied]: [Heavy<'_>; 2], by: By, count: usize) -> Vec<TopKey> {
    let (own, other) = match by {
        By::Used => (used, denied),
        By::Denied => (denied, used),
    };
    let mut all = own.list();
    all.truncate(count);
    all.into_iter()
        .map(|found| {
            let beside = other.estimate(found.print);
            let (used, denied) = match by {
                By::Used => (found.estimate, beside),
                By::Denied => (beside, found.estimate),
            };
            TopKey {
                key: found.text,
                used,
                denied,
                error_bound: found.error,
            }
        })
        .collect()
}
