//! Limiters by name: find, make, list.

use super::entry::{self, Entry};
use super::keys::Table;
use super::mask::Recorded;
use super::policy::{Algorithm, Keyed, LimiterPolicy};
use super::room::{BucketLife, FixedLife, WindowLife};
use super::tally;
use super::terms::{Block, Terms};
use super::top::{self, TopKeys};
use crate::base::error::{Error, Result};
use crate::base::limits::MAX_NAME_BYTES;
use crate::base::order::Order;
use crate::base::sync::Ordering;
use crate::cell::planes::Planes;
use crate::guard::directory::Directory;
use crate::region::Region;
use crate::region::handle::{self, IdKind};
use crate::region::raw::Words;
use crate::region::text::TextRef;

/// Keys that can have rules, where not more are listed.
const DEFAULT_RULES: u64 = 4096;

pub(in crate::guard) fn directory(region: &Region) -> Directory<'_> {
    Directory {
        region,
        table: region.layout().limiters,
        kind: IdKind::Limiter,
        name_word: entry::NAME,
        what: "limiter",
    }
}

/// The id of the limiter called `name`, made as `policy` says if there is none.
///
/// Opening an existing one changes nothing; with another policy it is refused.
pub fn open(region: &Region, name: &str, policy: &LimiterPolicy) -> Result<u64> {
    directory(region).open(
        name,
        |index| agree(region, index, name, policy),
        |index| make(region, index, policy),
    )
}

/// The id of the limiter called `name`.
#[inline]
pub fn find(region: &Region, name: &[u8]) -> Option<u64> {
    let limiters = directory(region);
    limiters.find(name).map(|index| limiters.id(index))
}

/// The entry of limiter `id`.
#[inline(always)]
pub(super) fn resolve(region: &Region, id: u64) -> Result<Entry<'_>> {
    match Entry::at(region, handle::entry(id)) {
        Some(limiter) if limiter.id() == id && handle::is(id, IdKind::Limiter) => Ok(limiter),
        _ => Err(stale(id)),
    }
}

#[cold]
#[inline(never)]
fn stale(id: u64) -> Error {
    Error::stale(format!("{id:#x} is not the id of a limiter of this engine"))
}

/// True when limiter `id` has a limit for each key.
pub(in crate::guard) fn is_keyed(region: &Region, id: u64) -> bool {
    Entry::at(region, crate::region::handle::entry(id)).is_some_and(|limiter| limiter.is_keyed())
}

/// Refuses an existing limiter that is not as `policy` says.
fn agree(region: &Region, index: usize, name: &str, policy: &LimiterPolicy) -> Result<()> {
    let Some(found) = Entry::at(region, index).and_then(|limiter| limiter.policy(region.words()))
    else {
        return Err(Error::format(format!(
            "limiter {name:?} in the region is damaged"
        )));
    };
    match difference(&found, policy) {
        None => Ok(()),
        Some(difference) => Err(Error::conflict(format!(
            "limiter {name:?} already exists {difference}"
        ))),
    }
}

/// What differs, as "with burst 200, not 100".
fn difference(found: &LimiterPolicy, wanted: &LimiterPolicy) -> Option<String> {
    let fields = |policy: &LimiterPolicy| {
        let (pace_name, pace, units_name) = match policy.algorithm {
            Algorithm::TokenBucket {
                rate_per_second, ..
            } => ("rate_per_second", rate_per_second, "burst"),
            Algorithm::SlidingWindow { window_seconds, .. }
            | Algorithm::FixedWindow { window_seconds, .. } => {
                ("window_seconds", window_seconds, "limit")
            }
        };
        let warm_up = match policy.algorithm {
            Algorithm::TokenBucket { warm_up, .. } => warm_up,
            _ => None,
        };
        let keyed = policy.keyed;
        let when_full = keyed.map(|keyed| keyed.when_full.name().to_owned());
        [
            ("algorithm", Some(policy.algorithm.name().to_owned())),
            (pace_name, Some(pace.to_string())),
            (units_name, Some(policy.algorithm.units().to_string())),
            ("warm_up_seconds", warm_up.map(|up| up.seconds.to_string())),
            ("keyed", Some(keyed.is_some().to_string())),
            ("max_keys", keyed.map(|keyed| keyed.max_keys.to_string())),
            ("when_full", when_full),
            ("shadow", Some(policy.shadow.to_string())),
            (
                "record_keys",
                policy.recorded.map(Recorded::name).map(str::to_owned),
            ),
        ]
    };
    let differing = fields(found)
        .into_iter()
        .zip(fields(wanted))
        .find(|(a, b)| a.1 != b.1);
    differing.map(|((field, found), (_, wanted))| {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
        format!("with {field} {}, not {}", shown(found), shown(wanted))
    })
}

/// Fills entry `index`, which nobody can see yet.
fn make(region: &Region, index: usize, policy: &LimiterPolicy) -> Result<()> {
    let words = region.words();
    let Some(limiter) = Entry::at(region, index) else {
        return Err(Error::format("the region's table of limiters is damaged"));
    };
    limiter.set_policy(policy);
    limiter.set(entry::RULES_AT, 0);
    limiter.set(entry::RULE, 0);
    limiter.set(entry::EVICTION_TOLD, 0);
    let top_at = match policy.recorded {
        Some(_) => allocate(region, top::WORDS as u64)?.next_multiple_of(2),
        None => 0,
    };
    limiter.set(entry::TOP_AT, top_at as u64);
    limiter.set(entry::BLOCK_AT, 0);
    limiter.set(entry::DENIAL_TOLD, 0);
    limiter.set(entry::DENIALS_TOLD, 0);
    let room = policy.keyed.map_or(0, |keyed| keyed.max_keys);
    limiter.set(entry::MAX_RULES, room.min(DEFAULT_RULES));
    let places = match policy.keyed {
        Some(Keyed { max_keys, .. }) => Table::groups_for(max_keys).saturating_mul(8),
        None => 1,
    };
    // A group begins at a multiple of its own size, so that it is two cache lines and no more.
    let state_at = allocate(region, places.saturating_mul(2).saturating_add(8).max(16))?;
    limiter.set(entry::STATE_AT, state_at.next_multiple_of(16) as u64);
    limiter.set(entry::GROUPS, places / 8);
    if policy.keyed.is_some() {
        let map = allocate(region, Table::map_words(places / 8))?;
        limiter.set(entry::TOUCHED_AT, map as u64);
    }
    match policy.algorithm {
        Algorithm::SlidingWindow { window, .. } => {
            let rings = allocate(region, places.saturating_mul(window.slots))?;
            limiter.set(entry::RING_AT, rings as u64);
        }
        Algorithm::TokenBucket {
            rate_per_second,
            burst,
            warm_up: Some(warm_up),
            ..
        } => {
            let block = allocate(region, Block::WORDS as u64)?;
            Block::warming(rate_per_second, burst, warm_up.seconds, &warm_up.scale)
                .write(words, block);
            limiter.set(entry::BLOCK_AT, block as u64);
        }
        _ => {}
    }
    let clock = region.clock();
    if let (None, Some(state), Some(Terms::Bucket(bucket))) = (
        policy.keyed,
        limiter.state(words),
        Terms::of(&limiter, words),
    ) {
        let full = bucket.at(clock.coarse(), clock.lag()).fresh(0);
        state.store(full, Ordering::Relaxed);
    }
    Ok(())
}

fn allocate(region: &Region, words: u64) -> Result<usize> {
    let count = usize::try_from(words)
        .ok()
        .filter(|count| *count <= region.words().len());
    match count {
        Some(count) => region.allocate(count),
        None => Err(Error::capacity(format!(
            "the region of {} bytes has no room for {words} words more: \
             lower max_keys or raise region.size_bytes",
            region.words().len() * 8
        ))),
    }
}

/// A limiter as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LimiterReading {
    /// Its name.
    pub name: String,
    /// What it does.
    pub policy: LimiterPolicy,
    /// What it did.
    pub tallies: Tallies,
    /// Keys that have less than their whole limit left now.
    pub keys_used: u64,
    /// Keys that there is room for.
    pub keys_capacity: u64,
    /// The keys that use it most; None when it records none.
    pub top_keys: Option<TopKeys>,
}

/// What a limiter did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Checks that were admitted.
    pub admitted: u64,
    /// Units that they took.
    pub admitted_units: u64,
    /// Checks that were denied.
    pub denied: u64,
    /// Of those denied, the ones for which there was no room.
    pub denied_full: u64,
    /// Of those admitted, the ones that could not be counted against a key for lack of room.
    pub allowed_full: u64,
    /// Keys in use that were forgotten to make room.
    pub evicted: u64,
    /// Idle keys whose entries were reused; nothing was lost.
    pub reused: u64,
    /// Checks that would have been denied, had the limiter not been in shadow mode.
    pub shadow_denied: u64,
}

/// Every limiter, by name. Damaged ones are left out.
pub fn list(region: &Region, planes: &Planes) -> Vec<LimiterReading> {
    let count = region.layout().limiters.count;
    let mut all: Vec<_> = (0..count)
        .filter_map(|index| read(region, planes, index))
        .collect();
    all.order_by(|a, b| a.name.cmp(&b.name));
    all
}

fn read(region: &Region, planes: &Planes, index: usize) -> Option<LimiterReading> {
    let name = directory(region).name(index)?;
    let limiter = Entry::at(region, index)?;
    let policy = limiter.policy(region.words())?;
    let sum = |tally| planes.sum(region.layout().limiter_column(index, tally));
    let admitted = sum(tally::ADMITTED);
    let tallies = Tallies {
        admitted,
        admitted_units: admitted.wrapping_add(sum(tally::FURTHER_UNITS)),
        denied: sum(tally::DENIED),
        denied_full: sum(tally::DENIED_FULL),
        allowed_full: sum(tally::ALLOWED_FULL),
        evicted: sum(tally::EVICTED),
        reused: sum(tally::REUSED),
        shadow_denied: sum(tally::SHADOWED),
    };
    let (keys_used, keys_capacity) = match policy.keyed {
        Some(keyed) => (keys_used(region, &limiter), keyed.max_keys),
        None => (0, 0),
    };
    Some(LimiterReading {
        name,
        policy,
        tallies,
        keys_used,
        keys_capacity,
        top_keys: top::reading(region, &limiter),
    })
}

fn keys_used(region: &Region, limiter: &Entry<'_>) -> u64 {
    let (words, clock) = (region.words(), region.clock());
    let now_ns = clock.coarse();
    let table = limiter.table(words);
    // No table has more entries than the region has words.
    if table.groups > words.len() as u64 {
        return 0;
    }
    let Some(terms) = Terms::of(limiter, words) else {
        return 0;
    };
    match terms {
        Terms::Bucket(bucket) => table.count_used(&BucketLife {
            bucket: bucket.at(now_ns, clock.lag()),
        }),
        Terms::Window(window) => table.count_used(&WindowLife {
            limiter: *limiter,
            words,
            window,
            now_ns,
        }),
        Terms::Fixed(window) => table.count_used(&FixedLife { window, now_ns }),
    }
}

/// The name of limiter `id`.
pub fn name(region: &Region, id: u64) -> Result<String> {
    resolve(region, id).map(|limiter| name_of(region.words(), &limiter))
}

/// The limiter's name, for messages.
pub(super) fn name_of(words: Words, limiter: &Entry<'_>) -> String {
    TextRef(limiter.word(entry::NAME))
        .read(words, MAX_NAME_BYTES)
        .unwrap_or_default()
}

#[cfg(all(test, not(loom)))]
#[path = "registry/tests.rs"]
mod tests;
