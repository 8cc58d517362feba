//! Calls that pass without asking: what a thread outside the library reads, and where it counts.
//!
//! Nearly every call of a closed breaker is a success that changes nothing but a count. So the breaker
//! *publishes* the state in which calls pass: one word, equal to the first word of the state as long
//! as that is closed and further successes need no judgement (see `report`: the slot of time is quiet).
//! A thread compares the two words before a call; after it, if they are still the same two and the call
//! was a quick success, it adds 1 to a word of its own. Everything else is a report through a call. The
//! state itself is compared, so whatever changes it takes the permission back in the same step, and a
//! process that is killed cannot leave calls passing through an open breaker.
//!
//! ```text
//! row of a shard   0 next row   1 shard + 1, numbers (from bit 32)   2 seen   3 reserved
//!                  4..8   successes, in the word of the generation's last two bits
//!                  8..24  bases, as a CPU's row has them (see `window`)
//! ```
//! The owner writes its four words and nothing else; the bases are written by whoever evaluates the
//! window: a base is what the row had counted when its slot began, as far as somebody looked. Nothing
//! is moved, so nothing can be moved twice or halfway. The first evaluation in a slot decides which
//! slot the successes since the last one belong to: if somebody also looked in the slot before, they
//! belong to that; if not, they count as of now, and stay at most that much longer. `seen` is what the
//! last evaluation found, for that case. What was counted before a generation's first evaluation is of
//! the past, and calls only pass after it.
//!
//! Failures one after the other are a word of their own, which a success ends: where there are any, a
//! success is a report through a call. Windows of calls publish nothing, since there the order counts.

use super::machine::{Counts, Phase, generation_of, phase_of};
use super::window::{PLACES, When};
use super::{Breaker, entry};
use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;
use crate::base::sync::{AtomicU64, Ordering, fence};
use crate::cell::planes::Planes;
use crate::cell::rseq::TAG_SHIFT;
use crate::cell::shard::Numbers;
use crate::region::Region;
use crate::region::handle::IdKind;
use crate::region::raw::Words;

const NEXT: usize = 0;
const OWNER: usize = 1;
const SEEN: usize = 2;
const SUCCESSES: usize = 4;
/// Words in which the successes of one generation after the other are counted.
pub const GENERATIONS: usize = 4;
const BASES: usize = SUCCESSES + GENERATIONS;
const ROW_WORDS: usize = BASES + PLACES;

const COUNT_MASK: u64 = (1 << TAG_SHIFT) - 1;
const NUMBERS_SHIFT: u32 = 32;
/// Where the generation of a word of what was seen begins; below it is a count.
const SEEN_SHIFT: u32 = 44;

/// What a thread needs to let calls pass: word numbers of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The first word of the state.
    pub state: usize,
    /// The state in which calls pass; 0 for none.
    pub pass: usize,
    /// The low half is not 0 while a success must be reported.
    pub failing: usize,
    /// The first of [`GENERATIONS`] words.
    pub successes: usize,
    /// A call of more nanoseconds must be reported; 0: however long it takes.
    pub slow_ns: u64,
    /// Length of the window's slots.
    pub slot_ns: u64,
}

/// What one shard counts for one breaker.
#[derive(Clone, Copy)]
struct Row {
    words: Words,
    at: usize,
    numbers: Numbers,
}

impl Row {
    fn count(&self, generation: u64) -> u64 {
        let place = generation as usize % GENERATIONS;
        let word = self.words.acquire(self.at + SUCCESSES + place);
        self.numbers.count(word)
    }

    fn all(&self) -> u64 {
        (0..GENERATIONS as u64)
            .map(|place| self.count(place))
            .fold(0, u64::wrapping_add)
    }

    fn base_word(&self, when: When) -> Option<&AtomicU64> {
        self.words.get(self.at + BASES + when.place())
    }

    /// What was counted when the slot `when` began, if somebody looked in it.
    fn base(&self, when: When) -> Option<u64> {
        let word = self.base_word(when)?.load(Ordering::Acquire);
        (word >> TAG_SHIFT == when.tag()).then_some(word & COUNT_MASK)
    }

    /// What to take for what was counted when `when` began, if nobody looked in it yet.
    fn began(&self, when: When) -> u64 {
        let before = When {
            slot: when.slot.wrapping_sub(1),
            ..when
        };
        let seen = self.words.acquire(self.at + SEEN);
        if seen >> SEEN_SHIFT == seen_tag(when.generation) && self.base(before).is_none() {
            seen
        } else {
            self.count(when.generation)
        }
    }

    /// The successes of the window that ends with `when`.
    fn good(&self, when: When) -> u64 {
        let oldest = when.window().find_map(|slot| self.base(slot));
        let base = oldest.unwrap_or_else(|| self.began(when));
        self.count(when.generation).wrapping_sub(base) & COUNT_MASK
    }

    /// Notes that somebody looks in `when`, unless `is_now` says that it has passed: a base of the
    /// past must not take the place of a later one.
    fn look(&self, when: When, is_now: impl Fn() -> bool) {
        let (Some(base), Some(seen)) = (self.base_word(when), self.words.get(self.at + SEEN))
        else {
            return;
        };
        let (found, old) = (base.load(Ordering::Acquire), seen.load(Ordering::Acquire));
        let is_known = found >> TAG_SHIFT == when.tag();
        let new = seen_word(when.generation, self.count(when.generation));
        if is_known && new == old || !is_now() {
            return;
        }
        if !is_known {
            let began = when.tag() << TAG_SHIFT | self.began(when) & COUNT_MASK;
            let _ = base.compare_exchange(found, began, Ordering::AcqRel, Ordering::Relaxed);
        }
        let _ = seen.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
    }
}

fn seen_tag(generation: u64) -> u64 {
    generation & ((1 << (64 - SEEN_SHIFT)) - 1)
}

fn seen_word(generation: u64, count: u64) -> u64 {
    seen_tag(generation) << SEEN_SHIFT | count & ((1 << SEEN_SHIFT) - 1)
}

/// Where the owner of shard number `shard`, which counts in `numbers`, counts the successes of breaker
/// `id`, and what it compares.
pub fn open(
    region: &Region,
    planes: &Planes,
    id: u64,
    shard: usize,
    numbers: Numbers,
) -> Result<View> {
    let breaker = Breaker::resolve(region, planes, id)?;
    let row = match breaker
        .rows()
        .find(|(_, owner)| *owner == owner_word(shard, numbers))
    {
        Some((row, _)) => row,
        None => breaker.add_row(shard, numbers)?,
    };
    breaker.welcome(row);
    breaker.publish_anew();
    let guards = region.layout().guards;
    let entry_at = guards.at + breaker.entry.index * guards.stride;
    Ok(View {
        state: entry_at + entry::STATE,
        pass: breaker.pass_at(),
        failing: entry_at + entry::IN_A_ROW,
        successes: row.at + SUCCESSES,
        slow_ns: breaker.slow_ns().unwrap_or(0),
        slot_ns: breaker.get(entry::SLOT_NS),
    })
}

/// Gives back what passed in state `passed` of breaker `id`: the call ended with `outcome` after
/// `seconds`.
pub fn report(
    region: &Region,
    planes: &Planes,
    id: u64,
    passed: u64,
    outcome: Outcome,
    seconds: f64,
) -> Result<()> {
    let breaker = Breaker::resolve(region, planes, id)?;
    if !(0.0..f64::INFINITY).contains(&seconds) {
        return Err(super::report::not_a_time(seconds));
    }
    let first = breaker.first();
    let (given, now) = (generation_of(passed), generation_of(first));
    if phase_of(passed) != Phase::Closed || !(1..=now).contains(&given) {
        return Err(Error::stale(format!(
            "{passed:#x} is not a state in which this breaker let calls pass"
        )));
    }
    breaker.report_passed(first, now - given, outcome, seconds);
    Ok(())
}

/// Looks at breaker `id` where others count for it, so that what they counted is in the right slot.
pub fn tick(region: &Region, planes: &Planes, id: u64) {
    if let Some(breaker) = Breaker::of_id(region, planes, id) {
        breaker.publish_anew();
    }
}

/// [`tick`] for every breaker.
pub fn tick_all(region: &Region, planes: &Planes) {
    let guards = region.layout().guards;
    for index in 0..guards.count {
        let id = guards
            .entry(index)
            .map_or(0, |at| region.words().acquire(at));
        if crate::region::handle::is(id, IdKind::Breaker) {
            tick(region, planes, id);
        }
    }
}

fn owner_word(shard: usize, numbers: Numbers) -> u64 {
    numbers.to_word() << NUMBERS_SHIFT | (shard as u64 + 1)
}

impl Breaker<'_> {
    /// The rows of all shards that count for this breaker, and whose they are.
    fn rows(&self) -> impl Iterator<Item = (Row, u64)> {
        let words = self.region.words();
        // No more than there are shards, each of which may have come twice: a damaged row may lead
        // back to one that was there.
        let most = self.region.layout().shards.count.max(1) * 2;
        let first = words.acquire(self.rows_at());
        let places = std::iter::successors(Some(first), move |at| {
            Some(words.acquire((*at as usize).wrapping_add(NEXT)))
        });
        places
            .take(most)
            .take_while(|at| *at != 0)
            .filter_map(move |at| {
                let row = words.slice(at as usize, ROW_WORDS)?;
                let owner = row[OWNER].load(Ordering::Relaxed);
                let numbers = Numbers::from_word(owner >> NUMBERS_SHIFT)?;
                let at = at as usize;
                Some((Row { words, at, numbers }, owner))
            })
    }

    /// True when there are none.
    #[inline]
    fn counts_alone(&self) -> bool {
        self.region.words().load(self.rows_at()) == 0
    }

    fn add_row(&self, shard: usize, numbers: Numbers) -> Result<Row> {
        let words = self.region.words();
        let at = self.region.allocate(ROW_WORDS)?;
        words.store(at + OWNER, owner_word(shard, numbers));
        let head = words
            .get(self.rows_at())
            .ok_or_else(|| Error::format("the breaker's memory is damaged"))?;
        let mut first = head.load(Ordering::Acquire);
        loop {
            words.store(at + NEXT, first);
            match head.compare_exchange(first, at as u64, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Row { words, at, numbers }),
                Err(other) => first = other,
            }
        }
    }

    /// Lets a row that is in the list begin: what it counts from now on is of this generation. Who
    /// changes the state later finds the row in the list.
    fn welcome(&self, row: Row) {
        loop {
            fence(Ordering::SeqCst);
            let generation = generation_of(self.first());
            let Some(seen) = row.words.get(row.at + SEEN) else {
                return;
            };
            let old = seen.load(Ordering::Acquire);
            if old >> SEEN_SHIFT != seen_tag(generation) {
                let new = seen_word(generation, row.count(generation));
                let _ = seen.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
            }
            fence(Ordering::SeqCst);
            if self.is_of(generation) {
                return;
            }
        }
    }

    /// The successes of the window that ends with `when` which shards counted.
    pub(super) fn passed(&self, when: When) -> u64 {
        let rows = self.rows().map(|(row, _)| row.good(when));
        rows.fold(0, u64::saturating_add)
    }

    /// The same, and notes that somebody has looked.
    pub(super) fn look_at_passed(&self, when: When) -> u64 {
        if self.counts_alone() {
            return 0;
        }
        let is_now = || self.is_of(when.generation) && self.now(when.generation) == when;
        let rows = self.rows().map(|(row, _)| {
            row.look(when, is_now);
            row.good(when)
        });
        rows.fold(0, u64::saturating_add)
    }

    /// Successes that shards counted since the breaker was made.
    pub(super) fn all_passed(&self) -> u64 {
        self.rows()
            .map(|(row, _)| row.all())
            .fold(0, u64::wrapping_add)
    }

    /// What is slow, in nanoseconds; None where that cannot be said.
    fn slow_ns(&self) -> Option<u64> {
        let slow = self.entry.real(entry::SLOW);
        if slow == f64::INFINITY {
            return Some(0);
        }
        let ns = (slow * 1e9) as u64;
        (ns > 0).then_some(ns)
    }

    /// Says whether calls pass in the slot `when`, which is quiet or not.
    pub(super) fn publish(&self, when: When, is_quiet: bool) {
        if self.counts_alone() {
            return;
        }
        let Some(pass) = self.region.words().get(self.pass_at()) else {
            return;
        };
        let state = self.state();
        let shape = self.shape();
        let passes = is_quiet
            && state.phase == Phase::Closed
            && state.generation == when.generation
            && shape & entry::BY_CALLS == 0
            && (shape & entry::RAMPED == 0
                || self.ramp(&state, self.region.clock().coarse()) >= 1.0)
            && self.slow_ns().is_some();
        let word = if passes { state.to_words().0 } else { 0 };
        if pass.load(Ordering::Relaxed) != word {
            pass.store(word, Ordering::Release);
        }
        // Said too late: somebody else may have said otherwise.
        if passes && self.now(when.generation) != when {
            pass.store(0, Ordering::Release);
        }
    }

    /// Looks at what shards counted, and publishes.
    fn publish_anew(&self) {
        let first = self.first();
        if self.counts_alone()
            || phase_of(first) != Phase::Closed
            || self.shape() & entry::BY_CALLS != 0
        {
            return;
        }
        let when = self.now(generation_of(first));
        let passed = self.look_at_passed(when);
        let window = self.time_window();
        let bad = window.bad(when);
        let calls = bad.calls.saturating_add(window.good(when));
        let counts = Counts {
            calls: calls.saturating_add(passed),
            ..bad
        };
        // Who finds that it should open is the next to report: only reports are judged.
        let thresholds = self.thresholds();
        let is_quiet = counts.calls >= thresholds.minimum && thresholds.judge(&counts).is_none();
        self.publish(when, is_quiet);
    }
}
