//! The calls of the last ten time slots, without a timer and without anything to reset.
//!
//! **Good calls** (neither failed nor slow) are nearly all calls. Each CPU has one count of them,
//! for ever, and 16 *bases*: a base says how many there were when its slot began on that CPU. A slot's
//! number chooses the base's place, and a tag in the base says which slot and which generation of the
//! breaker it is of. A good call is one restartable sequence: if the base of the slot has the right
//! tag, add 1 to the count. Else the base is renewed first, once for each slot and CPU. What a window
//! holds on a CPU is its count minus its oldest base that is inside.
//!
//! **Bad calls** are counted in words that everybody shares, with the same tags: so whoever reports
//! one sees all bad ones that were reported before.
//!
//! A base or count with another tag is of the past and counts nothing: changing state empties the
//! window without writing it. A process killed at any step has counted its call or not. A
//! tag has 20 bits of the slot and 15 of the generation: a word that nobody wrote until both have come
//! round counts again. A CPU has room for 2^32 good calls in a window, an hour of a million a second.

use super::machine::Counts;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::rseq::{PerCpu, Row, TAG_SHIFT, Tagged};
use crate::region::raw::Words;

/// Time slots that a window is made of.
pub const SLOTS: u64 = super::policy::SLOTS;
/// Bases and shared counts: a power of two above the slots.
pub(super) const PLACES: usize = 16;
const COUNT_MASK: u64 = (1 << TAG_SHIFT) - 1;

/// Words of a CPU's row: numbers of permits, good calls, bases, what was reported.
pub const ROW_WORDS: usize = MARKS_AT + super::permit::MARKS;
/// The numbers of permits.
pub const NUMBERS: usize = 0;
const GOOD: usize = 1;
const BASES: usize = 8;
/// What was reported.
pub const MARKS_AT: usize = BASES + PLACES;
/// Words of the shared counts.
pub const BAD_WORDS: usize = 3 * PLACES;

/// How a call was bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It failed.
    Failed = 0,
    /// It failed, and took too long.
    FailedSlowly = 1,
    /// It succeeded, and took too long.
    Slow = 2,
}

/// The window of one breaker.
#[derive(Clone, Copy, Debug)]
pub struct TimeWindow {
    /// The region.
    pub words: Words,
    /// How this process reaches its CPUs' rows.
    pub per_cpu: PerCpu,
    /// The first row, which everybody shares; the CPUs' follow.
    pub rows_at: usize,
    /// How many CPUs' follow.
    pub cpus: usize,
    /// The shared counts.
    pub bad_at: usize,
}

/// A slot of a generation of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// The breaker's generation.
    pub generation: u64,
    /// Number of the time slot.
    pub slot: u64,
}

impl When {
    /// What a word of this slot is known by.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        1 << 31 | (self.generation & 0x7fff) << 16 | self.slot >> 4 & 0xffff
    }

    /// Which of the places a word of this slot has.
    #[inline(always)]
    pub fn place(self) -> usize {
        self.slot as usize % PLACES
    }

    /// The slots of the window that ends with this one, oldest first.
    pub fn window(self) -> impl Iterator<Item = When> {
        let first = self.slot.saturating_sub(SLOTS - 1);
        (first..=self.slot).map(move |slot| When { slot, ..self })
    }
}

impl TimeWindow {
    #[inline(always)]
    fn row(&self, word: usize) -> Row {
        Row {
            at: self.rows_at + ROW_WORDS + word,
            stride: ROW_WORDS,
        }
    }

    /// Counts a good call, if this CPU already has a base for `when`.
    #[inline(always)]
    pub fn add_good(&self, when: When) -> bool {
        let base = BASES - GOOD + when.place();
        let done = self
            .per_cpu
            .add_if(self.words, self.row(GOOD), base, when.tag());
        done == Tagged::Done
    }

    /// Counts a good call. `is_now` says that `when` has not passed: a base of the past must not take
    /// the place of a later one. False when it has.
    pub fn add_good_slowly(&self, when: When, is_now: impl Fn() -> bool) -> bool {
        let (good, bases) = (self.row(GOOD), self.row(BASES + when.place()));
        // Each turn is lost only to another CPU or another thread that has just renewed the base.
        for _ in 0..64 {
            if self.add_good(when) {
                return true;
            }
            let Some(cpu) = self.per_cpu.cpu() else {
                break;
            };
            let old = self.words.load(bases.at + cpu * bases.stride);
            if old >> TAG_SHIFT == when.tag() {
                continue;
            }
            if !is_now() {
                return false;
            }
            self.per_cpu.renew(self.words, good, bases, old, when.tag());
        }
        self.add_good_shared(when, is_now)
    }

    /// The same in the row that everybody shares.
    fn add_good_shared(&self, when: When, is_now: impl Fn() -> bool) -> bool {
        let (Some(good), Some(base)) = (
            self.words.get(self.rows_at + GOOD),
            self.words.get(self.rows_at + BASES + when.place()),
        ) else {
            return true;
        };
        loop {
            let old = base.load(Ordering::Acquire);
            if old >> TAG_SHIFT == when.tag() {
                good.fetch_add(1, Ordering::Release);
                return true;
            }
            if !is_now() {
                return false;
            }
            let new = when.tag() << TAG_SHIFT | good.load(Ordering::Acquire) & COUNT_MASK;
            let _ = base.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Counts a bad call; false when `when` has passed.
    pub fn add_bad(&self, when: When, bad: Bad, is_now: impl Fn() -> bool) -> bool {
        match self.bad_word(when, bad as usize) {
            Some(word) => add_tagged(word, when.tag(), is_now),
            None => true,
        }
    }

    fn bad_word(&self, when: When, kind: usize) -> Option<&AtomicU64> {
        self.words.get(self.bad_at + kind * PLACES + when.place())
    }

    /// The bad calls of the window that ends with `when`.
    pub fn bad(&self, when: When) -> Counts {
        let mut counts = Counts::default();
        for (kind, failed, slow) in [(0, 1, 0), (1, 1, 1), (2, 0, 1)] {
            for slot in when.window() {
                let word = self.bad_word(slot, kind);
                let count = word.map_or(0, |word| tagged(word, slot.tag()));
                counts.calls = counts.calls.saturating_add(count);
                counts.failures = counts.failures.saturating_add(count * failed);
                counts.slow = counts.slow.saturating_add(count * slow);
            }
        }
        counts
    }

    /// The good calls of the window that ends with `when`.
    pub fn good(&self, when: When) -> u64 {
        let rows = (0..=self.cpus).map(|row| {
            let at = self.rows_at + row * ROW_WORDS;
            let oldest = when.window().find_map(|slot| {
                let base = self.words.acquire(at + BASES + slot.place());
                (base >> TAG_SHIFT == slot.tag()).then_some(base)
            });
            oldest.map_or(0, |base| {
                self.words.load(at + GOOD).wrapping_sub(base) & COUNT_MASK
            })
        });
        rows.fold(0, u64::saturating_add)
    }

    /// Good calls since the breaker was made.
    pub fn all_good(&self) -> u64 {
        self.sum(GOOD)
    }

    /// Permits that were given out since the breaker was made, probes aside.
    pub fn all_permits(&self) -> u64 {
        self.sum(NUMBERS)
    }

    fn sum(&self, word: usize) -> u64 {
        (0..=self.cpus)
            .map(|row| self.words.load(self.rows_at + row * ROW_WORDS + word))
            .fold(0, u64::wrapping_add)
    }
}

/// The count of a word with this tag; 0 of one with another.
pub fn tagged(word: &AtomicU64, tag: u64) -> u64 {
    let found = word.load(Ordering::Relaxed);
    if found >> TAG_SHIFT == tag {
        found & COUNT_MASK
    } else {
        0
    }
}

/// Adds 1 to the count of `word`, which begins anew under another tag, if `is_now`.
pub fn add_tagged(word: &AtomicU64, tag: u64, is_now: impl Fn() -> bool) -> bool {
    loop {
        let old = word.load(Ordering::Acquire);
        let new = if old >> TAG_SHIFT == tag {
            // A full count stays full.
            old + u64::from(old & COUNT_MASK != COUNT_MASK)
        } else if is_now() {
            tag << TAG_SHIFT | 1
        } else {
            return false;
        };
        if word
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return true;
        }
    }
}
