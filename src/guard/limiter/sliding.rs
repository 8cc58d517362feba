//! The sliding window's arithmetic: a ring of admission times, and a place in it.
//!
//! Units are numbered as they are admitted. Unit `u` may be admitted once unit `u - limit` is a
//! whole window old: then no more than `limit` units lie in any window. So the times of the last
//! `limit` units are all that must be kept. Above [`EXACT`] units, groups of a few share one word,
//! the time of the latest: a group expires late, never early, and because only the oldest group is
//! partly expired, a denial means that at least `limit - (group - 1)` units, 97.9 % of the limit,
//! are in the window.
//!
//! ```text
//! state   | lap                    | slot (6 bits) | offset in the group |   where the next unit goes
//! slot    | lap, modulo 4 | taken | time of its latest unit, plus 1 (61) |  not taken: free
//! ```
//!
//! **Stamp first, claim second.** A caller finds the group of unit `u - limit` expired, stamps the
//! slots of its own units with its time and their lap, and then moves the state on by a
//! compare-and-swap: that claims the units. Killed or beaten in between, it leaves stamps that are
//! too late for units that nobody has claimed: others may be denied early, nobody late.
//!
//! Why this never admits too many:
//! 1. A slot's time never goes down, and its lap changes only when its time is a window old or its
//!    unit was given back. Both hold for any compare-and-swap from the value that was read, by
//!    however stale a caller.
//! 2. So when the lap of a slot is no longer that of a claimed unit, the unit is expired; and when
//!    it is, the slot's time is the unit's or later.
//! 3. The clock is read after the state and the slot. So the times of claimed units never go down
//!    in their order, and a unit that somebody found expired is expired at the reader's time too.
//! 4. Hence if the group of unit `u - limit` is expired, every earlier unit is.
//!
//! **A new owner** of the ring begins a lap later ([`Window::renewed`]) and frees the slots that
//! are not expired ([`Window::clear`]) while nobody can be charged there. Whoever clears makes sure
//! after reading a slot that the new owner is still not charged: so what it read is not the new
//! owner's, and its compare-and-swap cannot succeed on what the new owner writes later, which has
//! another lap, or the same modulo 4 and a time that is two windows later.
//!
//! **Time.** With a real clock and a window of at least [`COARSE_WINDOW`] lags the coarse clock is
//! read: `c <= now <= c + lag`. Stamps say `c + lag`, expiry is asked at `c`: late by a thousandth
//! of the window at most, never early. An answer that might be "not yet" for that reason alone is
//! asked again of the precise clock. Shorter windows, and the manual clock, are exact.

use crate::base::sync::{AtomicU64, Ordering, load_acquire};
use crate::region::clock::Clock;
use place::Place;

mod place;
mod units;

/// Largest limit that is counted unit by unit.
pub const EXACT: u64 = 64;
/// Groups of larger limits.
const GROUPS: u64 = 48;
/// Shortest window, in lags, that is good with the coarse clock.
pub const COARSE_WINDOW: u64 = 1024;

const LAP_AT: u32 = 62;
/// Set while a unit is in the slot.
const TAKEN: u64 = 1 << 61;
const TIME: u64 = TAKEN - 1;
/// Latest time that a slot can hold, 73 years: then time stands still.
pub(super) const LAST_TIME: u64 = TIME - 1;

/// A limit and its ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Units in a window.
    pub limit: u64,
    /// Length of the window.
    pub window_ns: u64,
    /// Slots of the ring.
    pub slots: u64,
    /// Units that share a slot.
    pub per_slot: u64,
}

/// What one attempt to take units found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Admitted at `now_ns`; the state is now `state`.
    Admitted {
        /// The state that was put in place.
        state: u64,
        /// When.
        now_ns: u64,
    },
    /// Denied at `now_ns`; could pass at `until_ns`.
    Denied {
        /// When the group in the way expires.
        until_ns: u64,
        /// When it was asked.
        now_ns: u64,
    },
    /// Somebody else changed the state: read it again.
    Lost,
    /// The region holds something impossible.
    Damaged,
}

/// Now, as a decision may use it: between `least` and `most`.
#[derive(Clone, Copy)]
struct Now {
    least: u64,
    most: u64,
}

impl Window {
    /// The ring of a limit of `limit` units, at least 1, in `window_ns`.
    pub fn new(limit: u64, window_ns: u64) -> Self {
        let per_slot = if limit <= EXACT {
            1
        } else {
            limit.div_ceil(GROUPS)
        };
        // The last new unit's group and the group of unit `u - limit` are never in one slot
        // unless the latter is wholly expired.
        let slots = (limit + per_slot - 1).div_ceil(per_slot);
        Window {
            limit,
            window_ns,
            slots,
            per_slot,
        }
    }

    /// True when the numbers are such that [`Window::new`] could have made them.
    #[inline(always)]
    pub fn is_possible(&self) -> bool {
        self.slots.wrapping_sub(1) < EXACT
            && self.per_slot.wrapping_sub(1) < 1 << 53
            && self.limit <= self.slots.wrapping_mul(self.per_slot)
    }

    /// Tries once to take `units`, at most `limit`, from the ring of `state`.
    ///
    /// `swap` puts a new state in place of `state`; `same` tells whether `state` is still there.
    /// `exactly` asks for a denial by the precise clock.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "inlined; each is a word or a function"
    )]
    pub fn take(
        &self,
        ring: &[AtomicU64],
        clock: &Clock,
        state: u64,
        units: u64,
        exactly: bool,
        swap: impl FnOnce(u64) -> bool,
        same: impl Fn() -> bool,
    ) -> Attempt {
        if units == 1 && self.per_slot == 1 && self.slots == self.limit {
            return self.take_one(ring, clock, state, exactly, swap, same);
        }
        let first = self.place(state);
        let last = self.advance(first, units - 1);
        let old = self.advance(last, self.spare());
        let Some(old_slot) = ring.get(old.slot as usize) else {
            return Attempt::Damaged;
        };
        let old_seen = old_slot.load(Ordering::Acquire);
        let now = match self.judge(old_seen, old.lap, clock, exactly) {
            Ok(now) => now,
            Err(denied) => return if same() { denied } else { Attempt::Lost },
        };
        let mut place = first;
        loop {
            let Some(slot) = ring.get(place.slot as usize) else {
                return Attempt::Damaged;
            };
            // Where one word is both the group in the way and the group to stamp, the word that
            // was judged is the one to replace.
            let seen = if place.slot == old.slot {
                old_seen
            } else {
                slot.load(Ordering::Acquire)
            };
            if is_vacant(seen) && !same() {
                return Attempt::Lost;
            }
            let stamped = match self.stamp(seen, place.lap, now) {
                Ok(stamped) => stamped,
                Err(_) if !same() => return Attempt::Lost,
                Err(until_ns) => {
                    return Attempt::Denied {
                        until_ns,
                        now_ns: now.least,
                    };
                }
            };
            if stamped != seen
                && slot
                    .compare_exchange(seen, stamped, Ordering::AcqRel, Ordering::Relaxed)
                    .is_err()
            {
                return Attempt::Lost;
            }
            if place.slot == last.slot {
                break;
            }
            place = self.next_slot(place);
        }
        let state = self.state(self.advance(last, 1));
        if swap(state) {
            Attempt::Admitted {
                state,
                now_ns: now.least,
            }
        } else {
            Attempt::Lost
        }
    }

    /// [`Window::take`] for the most frequent case: one unit, in a slot of its own.
    #[inline(always)]
    fn take_one(
        &self,
        ring: &[AtomicU64],
        clock: &Clock,
        state: u64,
        exactly: bool,
        swap: impl FnOnce(u64) -> bool,
        same: impl Fn() -> bool,
    ) -> Attempt {
        let Place { lap, slot: at, .. } = self.place(state);
        let Some(slot) = ring.get(at as usize) else {
            return Attempt::Damaged;
        };
        let seen = slot.load(Ordering::Acquire);
        let now = match self.judge(seen, lap, clock, exactly) {
            Ok(now) => now,
            Err(denied) => return if same() { denied } else { Attempt::Lost },
        };
        if is_vacant(seen) && !same() {
            return Attempt::Lost;
        }
        let stamped = taken(seen, lap, now);
        let is_stamped = slot
            .compare_exchange(seen, stamped, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        let state = self.state(self.wrap(Place {
            lap,
            slot: at + 1,
            offset: 0,
        }));
        if is_stamped && swap(state) {
            Attempt::Admitted {
                state,
                now_ns: now.least,
            }
        } else {
            Attempt::Lost
        }
    }

    /// Whether the group in the way is out of it, by a word of it that was read before the clock.
    #[inline(always)]
    fn judge(&self, seen: u64, lap: u64, clock: &Clock, exactly: bool) -> Result<Now, Attempt> {
        let now = self.coarse(clock);
        if self.is_free(seen, lap, now.least) {
            return Ok(now);
        }
        self.judge_again(seen, now, clock, exactly)
    }

    /// The same where it seems to be in the way, which may be only because the clock is coarse.
    #[inline]
    fn judge_again(
        &self,
        seen: u64,
        coarse: Now,
        clock: &Clock,
        exactly: bool,
    ) -> Result<Now, Attempt> {
        let until_ns = time(seen).saturating_add(self.window_ns);
        let is_exact = coarse.most == coarse.least;
        let mut now = coarse;
        if !is_exact && (exactly || until_ns <= coarse.most) {
            now = precise(clock);
        }
        if until_ns <= now.least {
            return Ok(now);
        }
        Err(Attempt::Denied {
            until_ns,
            now_ns: now.least,
        })
    }

    /// The state of a ring with a new owner.
    pub fn renewed(&self, state: u64) -> u64 {
        let place = self.place(state);
        let place = if place.offset > 0 {
            self.next_slot(place)
        } else {
            place
        };
        self.state(Place {
            lap: place.lap.wrapping_add(1),
            ..place
        })
    }

    /// Frees the slots of a ring that has a new owner, as long as it `is_new`: not charged yet.
    pub fn clear(&self, ring: &[AtomicU64], now_ns: u64, is_new: impl Fn() -> bool) {
        for slot in ring {
            let seen = slot.load(Ordering::Acquire);
            if !is_vacant(seen) && !self.is_expired(seen, now_ns) && is_new() {
                let _ = slot.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// Whole units left at `now_ns`. Looks at a handful of slots: their times only go up.
    pub fn units_left(&self, ring: &[AtomicU64], state: u64, now_ns: u64) -> u64 {
        let oldest = self.advance(self.place(state), self.spare());
        let span = oldest.offset.saturating_add(self.limit).saturating_sub(1);
        let groups = span / self.per_slot.max(1) + 1;
        let is_free = |group: u64| {
            let place = self.wrap(Place {
                slot: oldest.slot.wrapping_add(group),
                ..oldest
            });
            let word = ring
                .get(place.slot as usize)
                .map_or(0, |slot| slot.load(Ordering::Relaxed));
            self.is_free(word, place.lap, now_ns)
        };
        let (mut free, mut taken) = (0, groups.min(self.slots));
        while free < taken {
            let middle = free + (taken - free) / 2;
            if is_free(middle) {
                free = middle + 1
            } else {
                taken = middle
            }
        }
        match free.checked_sub(1) {
            None => 0,
            Some(whole) => {
                let in_first = self.per_slot.saturating_sub(oldest.offset);
                in_first
                    .saturating_add(whole.saturating_mul(self.per_slot))
                    .min(self.limit)
            }
        }
    }

    /// When the newest unit expires; 0 when the owner of `state` has none.
    #[inline]
    pub fn idle_from(&self, ring: &[AtomicU64], state: u64) -> u64 {
        let place = self.place(state);
        let newest = match (place.offset, place.slot) {
            (0, 0) => Place {
                lap: place.lap.wrapping_sub(1),
                slot: self.slots.wrapping_sub(1),
                offset: 0,
            },
            (0, slot) => Place {
                slot: slot - 1,
                ..place
            },
            _ => place,
        };
        let word = ring.get(newest.slot as usize).map_or(0, load_acquire);
        if word & !TIME == tag(newest.lap) {
            time(word).saturating_add(self.window_ns)
        } else {
            0
        }
    }

    /// True when the group of a slot of `word` does not stand in the way of one of `lap`.
    #[inline(always)]
    fn is_free(&self, word: u64, lap: u64, now_ns: u64) -> bool {
        is_vacant(word) || word & !TIME == tag(lap) || self.is_expired(word, now_ns)
    }

    #[inline(always)]
    fn is_expired(&self, word: u64, now_ns: u64) -> bool {
        time(word).saturating_add(self.window_ns) <= now_ns
    }

    /// `word` with a unit of `lap` in it; when that can be, if not now.
    #[inline(always)]
    fn stamp(&self, word: u64, lap: u64, now: Now) -> Result<u64, u64> {
        if !self.is_free(word, lap, now.least) {
            return Err(time(word).saturating_add(self.window_ns));
        }
        Ok(taken(word, lap, now))
    }

    #[inline(always)]
    fn coarse(&self, clock: &Clock) -> Now {
        let lag = clock.lag();
        if self.window_ns / COARSE_WINDOW >= lag {
            let least = clock.coarse().min(LAST_TIME);
            Now {
                least,
                most: least.saturating_add(lag).min(LAST_TIME),
            }
        } else {
            precise(clock)
        }
    }
}

#[inline]
fn precise(clock: &Clock) -> Now {
    let now = clock.precise().min(LAST_TIME);
    Now {
        least: now,
        most: now,
    }
}

/// The lap of a slot, as far as it is kept, with a unit in it.
#[inline(always)]
fn tag(lap: u64) -> u64 {
    lap << LAP_AT | TAKEN
}

/// `word` with a unit of `lap` in it that is taken now. Where a unit was given back that the state
/// does not follow on, the time goes up, so that a word never comes back so.
#[inline(always)]
fn taken(word: u64, lap: u64, now: Now) -> u64 {
    let latest = (now.most + 1).max(word & TIME);
    if is_vacant(word) && latest == word & TIME && tag(lap) != tag((word >> LAP_AT) + 1) {
        return tag(lap) | (latest + 1).min(TIME);
    }
    tag(lap) | latest
}

/// True when no unit is in the slot of `word`: before it is stamped, the state must be looked at
/// again.
#[inline(always)]
fn is_vacant(word: u64) -> bool {
    word & TAKEN == 0
}

/// The time in a slot that was used.
#[inline(always)]
fn time(word: u64) -> u64 {
    (word & TIME).wrapping_sub(1)
}

#[cfg(all(test, not(loom)))]
#[path = "sliding/tests.rs"]
mod tests;

#[cfg(all(test, loom))]
#[path = "sliding/loom.rs"]
mod loom_tests;
