//! The bulkhead: at most so many calls inside at once, over all processes of the region.
//!
//! There are as many places as calls may be inside, and being inside is having a place: no count
//! could disagree with who is there. A place is taken by one compare-and-swap of its word, from free
//! to the caller's process, so there is never one too many, whoever is killed or stopped and when.
//!
//! **Places come back.** A place says which process has it. The next caller who finds the bulkhead
//! full asks the system whether the holders live, and takes the place of one that does not. Asking
//! costs microseconds for each process, so callers of one 4 ms ask `INQUIRIES` times at most. With
//! a permit timeout, places that were had for longer come back the same way; their holders are told
//! when they leave.
//!
//! **A denial is cheap.** Whoever looked at all places in vain says so in the hint and looks once
//! more; whoever leaves looks at the hint after it left. Both are sequentially consistent, so one of
//! them sees the other, and a hint that says "full" is true until somebody leaves. A process killed
//! between leaving and looking leaves a wrong hint behind: it is not believed for longer than the
//! same 4 ms.

use super::holder::Holder;
use super::permit::{MAX_PLACES, Permit, Place};
use super::stored::{self, Entry};
use crate::base::error::{Error, Result};
use crate::base::limits::MAX_KEY_BYTES;
use crate::base::outcome::Outcome;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::handle::IdKind;

pub use policy::{BulkheadPolicy, Limit};

mod keyed;
mod look;
mod measured;
mod policy;

/// The words of a bulkhead's entry, after those of every stored guard.
mod word {
    /// How many places there are.
    pub const PLACES: usize = 4;
    /// First of their words.
    pub const PLACES_AT: usize = 5;
    /// What it is, as bits.
    pub const TRAITS: usize = 6;
    /// Permit timeout in nanoseconds, and when each place was taken.
    pub const TIMEOUT_NS: usize = 7;
    pub const SINCE_AT: usize = 8;
    /// With keys: the tags, and the places of a group.
    pub const TAGS_AT: usize = 9;
    pub const GROUP: usize = 10;
    /// What is measured.
    pub const MEASURED_AT: usize = 11;
    /// Most calls inside, of a key or of all; when it is measured, a word of [`measured`](super::measured).
    pub const LIMIT: usize = 12;
    /// A line of its own for what changes: the hint, when it was last looked for the dead, and when
    /// the first place can time out.
    pub const HINT: usize = 16;
    pub const LOOKED: usize = 17;
    pub const EXPIRES_NS: usize = 18;
    /// When a denial was last told.
    pub const TOLD: usize = 19;
    /// When a change of the limit was last told.
    pub const TOLD_LIMIT: usize = 20;
}

/// Bits of [`word::TRAITS`].
mod is {
    pub const SHADOW: u64 = 1;
    pub const KEYED: u64 = 2;
    pub const ADAPTIVE: u64 = 4;
}

/// The hint when no place is free; else 0, or the number of a place that was left lately, plus one.
const FULL: u64 = u64::MAX;

/// How often the callers of one 4 ms may ask whether a process lives.
const INQUIRIES: u64 = 32;

/// The columns of a bulkhead in the planes.
mod tally {
    pub const ENTERED: usize = 0;
    pub const DENIED: usize = 1;
    /// Of those that entered, the ones that shadow mode let pass although it was full.
    pub const WOULD_DENY: usize = 2;
    pub const FROM_DEAD: usize = 3;
    pub const TIMED_OUT: usize = 4;
    /// Changes of a measured limit.
    pub const ADAPTED: usize = 5;
    /// Calls that entered and were refused by another guard of their chain.
    pub const CANCELLED: usize = 6;
}

/// A bulkhead as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkheadReading {
    /// Its name.
    pub name: String,
    /// What it was configured to be.
    pub policy: BulkheadPolicy,
    /// Its state and what it did.
    pub numbers: BulkheadNumbers,
}

/// A bulkhead's state, and what it did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkheadNumbers {
    /// Most calls inside; of one key, if it has keys.
    pub limit: u64,
    /// Calls inside now, those of dead processes included until their places are taken back.
    pub in_use: u64,
    /// Those of the key that has most of them; all of them, if it has no keys.
    pub fullest: u64,
    /// Calls that entered, those apart that another guard of a chain then refused.
    pub entered: u64,
    /// Calls that were denied.
    pub denied: u64,
    /// Calls that shadow mode let pass although it was full.
    pub would_deny: u64,
    /// Places taken back from dead processes.
    pub returned_from_dead: u64,
    /// Places taken back because their permits timed out.
    pub timed_out: u64,
    /// Changes of a measured limit.
    pub adapted: u64,
}

/// A bulkhead of a region.
#[derive(Clone, Copy, Debug)]
struct Bulkhead<'a> {
    region: &'a Region,
    entry: Entry<'a>,
}

/// The id of the bulkhead called `name`, made as `policy` says if there is none.
pub fn open(region: &Region, name: &str, policy: &BulkheadPolicy) -> Result<u64> {
    stored::open(region, IdKind::Bulkhead, name, &policy.to_json(), |entry| {
        let places = policy.places();
        let array = || region.allocate(places as usize).map(|at| at as u64);
        entry.set(word::PLACES, places);
        entry.set(word::PLACES_AT, array()?);
        let mut traits = if policy.shadow { is::SHADOW } else { 0 };
        if let Some(timeout_ns) = policy.permit_timeout_ns() {
            entry.set(word::TIMEOUT_NS, timeout_ns);
            entry.set(word::SINCE_AT, array()?);
        }
        if policy.max_keys.is_some() {
            traits |= is::KEYED;
            entry.set(word::TAGS_AT, array()?);
            entry.set(word::GROUP, policy.group());
        }
        match policy.limit {
            Limit::Fixed(limit) => entry.set(word::LIMIT, limit),
            limit => {
                traits |= is::ADAPTIVE;
                let at = region.allocate(measured::WORDS)?;
                measured::set_up(region, entry, at, limit);
            }
        }
        entry.set(word::TRAITS, traits);
        Ok(())
    })
}

/// The id of the bulkhead called `name`.
pub fn find(region: &Region, name: &str) -> Option<u64> {
    stored::find(region, IdKind::Bulkhead, name)
}

/// True when bulkhead `id` has a limit for each key.
pub(super) fn is_keyed(region: &Region, id: u64) -> bool {
    Bulkhead::resolve(region, id).is_ok_and(|bulkhead| bulkhead.is_keyed())
}

/// Goes in, if there is room; the permit. A bulkhead with keys wants one, even if empty; one without
/// wants none.
#[inline(always)]
pub fn enter(region: &Region, planes: &Planes, id: u64, key: Option<&[u8]>) -> Result<Option<u64>> {
    if key.is_none()
        && let Some(permit) = enter_at_once(region, planes, id)
    {
        return Ok(Some(permit));
    }
    enter_with_care(region, planes, id, key)
}

/// Goes into a bulkhead that has neither keys nor a measured limit nor a timeout, if the first place
/// that is looked at is free; else does nothing. Calls nothing, so that a caller who only calls this
/// needs no frame.
#[inline(always)]
pub fn enter_at_once(region: &Region, planes: &Planes, id: u64) -> Option<u64> {
    let entry = Entry::of_id(region, id, IdKind::Bulkhead)?;
    let bulkhead = Bulkhead { region, entry };
    let (holder, hint) = (Holder::known()?, entry.get(word::HINT));
    let is_plain = entry.get(word::TRAITS) & (is::KEYED | is::ADAPTIVE) == 0
        && entry.get(word::TIMEOUT_NS) == 0
        && hint != FULL;
    if !is_plain {
        return None;
    }
    let places = bulkhead.places()?;
    let place = start(hint, holder, places.len());
    let word = places.get(place)?;
    let found = Place(word.load(Ordering::Relaxed));
    if !found.is_free() {
        return None;
    }
    let permit = bulkhead.put_in(place, word, found, holder)?;
    planes.add(entry.column(region, tally::ENTERED), 1);
    Some(bulkhead.number(permit))
}

#[inline(never)]
fn enter_with_care(
    region: &Region,
    planes: &Planes,
    id: u64,
    key: Option<&[u8]>,
) -> Result<Option<u64>> {
    let bulkhead = Bulkhead::resolve(region, id)?;
    let count = |tally| planes.add(bulkhead.entry.column(region, tally), 1);
    let holder = Holder::current();
    let traits = bulkhead.entry.get(word::TRAITS);
    let found = match key {
        None if traits & is::KEYED == 0 => match bulkhead.take_by_hint(holder) {
            Some(permit) => Some(permit),
            None => bulkhead.take_or_deny(planes, holder)?,
        },
        Some(key) if bulkhead.is_keyed() && key.len() <= MAX_KEY_BYTES => {
            bulkhead.take_keyed(planes, key, holder)?
        }
        key => return Err(wrong_key(key)),
    };
    match found {
        Some(permit) => {
            count(tally::ENTERED);
            Ok(Some(bulkhead.number(permit)))
        }
        None if traits & is::SHADOW != 0 => {
            count(tally::ENTERED);
            count(tally::WOULD_DENY);
            Ok(Some(bulkhead.number(Permit {
                generation: 1,
                place: None,
            })))
        }
        None => {
            count(tally::DENIED);
            Ok(None)
        }
    }
}

/// Leaves with the permit that entering gave.
#[inline(always)]
pub fn leave(region: &Region, id: u64, permit: u64) -> Result<()> {
    if leave_at_once(region, id, permit, 0) {
        return Ok(());
    }
    leave_with_care(region, id, permit)
}

/// Leaves a bulkhead with none of these traits, where nothing stands in the way; else does nothing and returns false. Calls nothing, so that
/// a caller who only calls this needs no frame.
#[inline(always)]
pub fn leave_at_once(region: &Region, id: u64, permit: u64, traits: u64) -> bool {
    let Some(entry) = Entry::of_id(region, id, IdKind::Bulkhead) else {
        return false;
    };
    let bulkhead = Bulkhead { region, entry };
    let permit = Permit::from_number(permit, entry.index, &region.header().seed);
    match permit.map(|permit| (permit.place, permit.generation)) {
        Some((Some(place), generation)) if entry.get(word::TRAITS) & traits == 0 => {
            bulkhead.give_back(place, generation).is_ok()
        }
        _ => false,
    }
}

#[cold]
#[inline(never)]
fn leave_with_care(region: &Region, id: u64, permit: u64) -> Result<()> {
    let bulkhead = Bulkhead::resolve(region, id)?;
    let permit = bulkhead.permit(permit)?;
    match permit.place {
        Some(place) => bulkhead
            .give_back(place, permit.generation)
            .map_err(NotInside::error),
        None => Ok(()),
    }
}

/// Leaves a bulkhead that learns nothing from how the call went, where nothing stands in the way; else
/// does nothing and returns false.
#[inline(always)]
pub(super) fn leave_plainly(region: &Region, id: u64, permit: u64) -> bool {
    leave_at_once(region, id, permit, is::ADAPTIVE)
}

/// Leaves, and tells how the call went: a measured limit learns from it.
#[inline(always)]
pub fn leave_with(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: u64,
    outcome: Outcome,
    seconds: f64,
) -> Result<()> {
    let is_time = (0.0..f64::INFINITY).contains(&seconds);
    if is_time && leave_at_once(region, id, permit, is::ADAPTIVE) {
        return Ok(());
    }
    leave_and_learn(region, planes, id, permit, outcome, seconds)
}

#[inline(never)]
fn leave_and_learn(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: u64,
    outcome: Outcome,
    seconds: f64,
) -> Result<()> {
    let bulkhead = Bulkhead::resolve(region, id)?;
    let found = bulkhead.permit(permit)?;
    if !(0.0..f64::INFINITY).contains(&seconds) {
        return Err(Error::argument(format!(
            "a call takes a finite number of seconds of at least 0, not {seconds}"
        )));
    }
    let in_use = bulkhead.measures().then(|| bulkhead.in_use());
    if let Some(place) = found.place {
        bulkhead
            .give_back(place, found.generation)
            .map_err(NotInside::error)?;
    }
    if let Some(in_flight) = in_use {
        bulkhead.learn(planes, outcome, seconds, in_flight);
    }
    Ok(())
}

/// Gives back a permit of a call that was not made, as if it had never entered.
pub(super) fn cancel(region: &Region, planes: &Planes, id: u64, permit: u64) {
    if leave(region, id, permit).is_ok()
        && let Ok(bulkhead) = Bulkhead::resolve(region, id)
    {
        planes.add(bulkhead.entry.column(region, tally::CANCELLED), 1);
    }
}

/// A bulkhead's numbers now.
pub fn read(region: &Region, planes: &Planes, id: u64) -> Result<BulkheadNumbers> {
    Ok(Bulkhead::resolve(region, id)?.numbers(planes))
}

/// Every bulkhead, by name.
pub fn list(region: &Region, planes: &Planes) -> Vec<BulkheadReading> {
    let all = stored::list(region, IdKind::Bulkhead).into_iter();
    all.filter_map(|(name, entry, config)| {
        Some(BulkheadReading {
            name,
            policy: BulkheadPolicy::parse("bulkhead", &config).ok()?,
            numbers: Bulkhead { region, entry }.numbers(planes),
        })
    })
    .collect()
}

impl<'a> Bulkhead<'a> {
    #[inline(always)]
    fn resolve(region: &'a Region, id: u64) -> Result<Self> {
        let entry = Entry::resolve(region, id, IdKind::Bulkhead)?;
        Ok(Bulkhead { region, entry })
    }

    #[inline(always)]
    fn places(&self) -> Option<&'a [AtomicU64]> {
        self.array(word::PLACES_AT)
    }

    #[inline(always)]
    fn array(&self, at: usize) -> Option<&'a [AtomicU64]> {
        let (at, count) = (self.entry.get(at), self.entry.get(word::PLACES));
        let count = count.min(MAX_PLACES) as usize;
        self.region.words().slice(at as usize, count)
    }

    #[inline(always)]
    fn number(&self, permit: Permit) -> u64 {
        permit.to_number(self.entry.index, &self.region.header().seed)
    }

    fn permit(&self, number: u64) -> Result<Permit> {
        let seed = &self.region.header().seed;
        Permit::from_number(number, self.entry.index, seed).ok_or_else(|| not_a_permit(number))
    }

    #[inline(always)]
    fn measures(&self) -> bool {
        self.entry.get(word::TRAITS) & is::ADAPTIVE != 0
    }

    /// A free place, unless the hint says that there is none.
    #[inline(always)]
    fn take_by_hint(&self, holder: Holder) -> Option<Permit> {
        let hint = self.entry.get(word::HINT);
        if hint == FULL {
            return None;
        }
        self.take_any(holder, hint, Ordering::Relaxed)
    }

    /// A free place, where one may be had.
    #[inline(always)]
    fn take_any(&self, holder: Holder, hint: u64, order: Ordering) -> Option<Permit> {
        if self.measures() {
            return self.take_measured(holder, hint, order);
        }
        self.take_free(self.places()?, holder, hint, order)
    }

    /// Looks at each of `places` once.
    #[inline(always)]
    fn take_free(
        &self,
        places: &[AtomicU64],
        holder: Holder,
        hint: u64,
        order: Ordering,
    ) -> Option<Permit> {
        let first = start(hint, holder, places.len());
        let (before, after) = places.split_at_checked(first)?;
        for (place, word) in (first..).zip(after).chain((0..).zip(before)) {
            let found = Place(word.load(order));
            if found.is_free()
                && let Some(permit) = self.take(place, word, found, holder)
            {
                return Some(permit);
            }
        }
        None
    }

    /// Puts `holder` in the place of whoever was found there.
    #[inline(always)]
    fn take(&self, place: usize, word: &AtomicU64, found: Place, holder: Holder) -> Option<Permit> {
        self.stamp(place);
        self.put_in(place, word, found, holder)
    }

    /// The same without saying since when.
    #[inline(always)]
    fn put_in(
        &self,
        place: usize,
        word: &AtomicU64,
        found: Place,
        holder: Holder,
    ) -> Option<Permit> {
        let taken = found.taken(holder);
        word.compare_exchange(found.0, taken.0, Ordering::SeqCst, Ordering::Relaxed)
            .ok()?;
        Some(Permit {
            generation: taken.generation(),
            place: Some(place),
        })
    }

    /// Says, before the place is taken, since when it is: a time that is never before that of an
    /// earlier taker who was slow to say it.
    #[inline(always)]
    fn stamp(&self, place: usize) {
        if self.entry.get(word::TIMEOUT_NS) != 0
            && let Some(since) = self.array(word::SINCE_AT).and_then(|all| all.get(place))
        {
            let clock = self.region.clock();
            since.fetch_max(clock.coarse().saturating_add(clock.lag()), Ordering::SeqCst);
        }
    }

    #[inline(always)]
    fn give_back(&self, place: usize, generation: u64) -> std::result::Result<(), NotInside> {
        let Some(word) = self.places().and_then(|places| places.get(place)) else {
            return Err(NotInside::Damaged);
        };
        let found = Place(word.load(Ordering::Relaxed));
        let is_inside = found.generation() == generation && !found.is_free();
        if !is_inside
            || word
                .compare_exchange(found.0, found.left().0, Ordering::SeqCst, Ordering::Relaxed)
                .is_err()
        {
            return Err(NotInside::Left);
        }
        let hint = self.entry.word(word::HINT);
        if hint.load(Ordering::SeqCst) == FULL {
            hint.store(place as u64 + 1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn numbers(&self, planes: &Planes) -> BulkheadNumbers {
        let sum = |tally| planes.sum(self.entry.column(self.region, tally));
        let in_use = self.in_use();
        BulkheadNumbers {
            limit: if self.measures() {
                self.measured_limit()
            } else {
                self.entry.get(word::LIMIT)
            },
            in_use,
            fullest: if self.is_keyed() {
                self.fullest()
            } else {
                in_use
            },
            entered: sum(tally::ENTERED).wrapping_sub(sum(tally::CANCELLED)),
            denied: sum(tally::DENIED),
            would_deny: sum(tally::WOULD_DENY),
            returned_from_dead: sum(tally::FROM_DEAD),
            timed_out: sum(tally::TIMED_OUT),
            adapted: sum(tally::ADAPTED),
        }
    }
}

/// Where a caller begins to look: where a place was left, or else where its thread always does, so
/// that callers of one moment do not all want the same place.
#[inline(always)]
fn start(hint: u64, holder: Holder, count: usize) -> usize {
    if hint != 0 && hint <= count as u64 {
        return hint as usize - 1;
    }
    if cfg!(loom) {
        // A model does the same each time, and its stacks are where the system puts them. The last
        // place is the first that a lowered limit loses.
        return count.saturating_sub(1);
    }
    let mixed = (stack() ^ holder.0 << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((u128::from(mixed) * count as u128) >> 64) as usize
}

/// Where the thread's stack is, which tells threads apart at no cost.
#[inline(always)]
fn stack() -> u64 {
    let here = 0u8;
    (&raw const here) as u64 >> 16
}

#[cold]
fn not_a_permit(number: u64) -> Error {
    Error::stale(format!(
        "{number:#x} is not a permit that this bulkhead gave"
    ))
}

/// Why a place cannot be given back.
enum NotInside {
    Damaged,
    Left,
}

impl NotInside {
    fn error(self) -> Error {
        match self {
            NotInside::Damaged => damaged(),
            NotInside::Left => left_already(),
        }
    }
}

#[cold]
fn left_already() -> Error {
    Error::state("the permit was left already, or its place was taken back from it")
}

#[cold]
fn wrong_key(key: Option<&[u8]>) -> Error {
    Error::argument(match key {
        None => "the bulkhead is keyed, but no key was given".to_owned(),
        Some(key) if key.len() > MAX_KEY_BYTES => format!(
            "a key of {} bytes: at most {MAX_KEY_BYTES} are allowed",
            key.len()
        ),
        Some(_) => "the bulkhead has no keys, but one was given".to_owned(),
    })
}

#[cold]
fn damaged() -> Error {
    Error::format("the bulkhead is damaged in the region")
}

#[cfg(all(test, loom))]
#[path = "bulkhead/loom.rs"]
mod loom_tests;
