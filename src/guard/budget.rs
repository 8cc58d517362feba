//! A retry budget: over the last ten seconds, so many retries for so many first attempts.
//!
//! Ten slots of a second, each two words: first attempts and retries, with the slot's number in the
//! upper bits, so that a slot of ten seconds ago is known to be empty without anybody clearing it.
//!
//! **Two workers never both take the last retry.** One is added to its slot by a compare-and-swap from
//! the count that was judged, so two of one slot are one after the other. Two on either side of a
//! slot's end write different words: so everybody looks again after having taken, at the slot to come
//! too, and gives back what is too much. Of two, at least one sees the other.
//!
//! **A worker that slept between the clock and the write** begins no slot anew that has become a later
//! one's: who finds another slot's number looks at the clock once more.

use crate::base::sync::{AtomicU64, Ordering, fence};

/// Slots, and words for them.
pub(super) const SLOTS: usize = 10;
pub(super) const WORDS: usize = 2 * SLOTS;

const SLOT_NS: u64 = 1_000_000_000;
const COUNT_BITS: u32 = 40;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const STAMP_MASK: u64 = u64::MAX >> COUNT_BITS;

/// A budget's words and what it allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget<'a> {
    pub words: &'a [AtomicU64],
    /// Retries for each first attempt.
    pub ratio: f64,
    /// Retries that are always allowed.
    pub minimum: f64,
}

/// What happened in the last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub firsts: u64,
    pub retries: u64,
}

/// Which of a slot's two words.
const FIRSTS: usize = 0;
const RETRIES: usize = 1;

impl Budget<'_> {
    /// Counts a first attempt at the time that `now_ns` tells: its slot.
    pub fn first(&self, now_ns: impl Fn() -> u64) -> u64 {
        loop {
            let slot = now_ns() / SLOT_NS;
            let Some(word) = self.word(slot, FIRSTS) else {
                return slot;
            };
            let found = word.load(Ordering::Acquire);
            let new = stamped(slot, count(found, slot).saturating_add(1));
            if may_follow(found, slot, &now_ns) && exchange(word, found, new) {
                return slot;
            }
        }
    }

    /// Takes a retry at the time that `now_ns` tells: its slot; None when the budget is spent.
    pub fn retry(&self, now_ns: impl Fn() -> u64) -> Option<u64> {
        loop {
            let slot = now_ns() / SLOT_NS;
            let word = self.word(slot, RETRIES)?;
            let found = word.load(Ordering::Acquire);
            let here = count(found, slot);
            let others = self.sum(slot, RETRIES).saturating_sub(here);
            let retries = others.saturating_add(here);
            if retries as f64 + 1.0 > self.allowed(self.sum(slot, FIRSTS)) {
                return None;
            }
            let new = stamped(slot, here.saturating_add(1));
            if may_follow(found, slot, &now_ns) && exchange(word, found, new) {
                fence(Ordering::SeqCst);
                if self.is_kept(slot) {
                    return Some(slot);
                }
                self.give_back(slot, true);
                return None;
            }
        }
    }

    /// False when more was taken than there is, by those of the next slot too.
    fn is_kept(&self, slot: u64) -> bool {
        let next = slot.saturating_add(1);
        let all = |which| self.sum(slot, which).saturating_add(self.here(next, which));
        all(RETRIES) as f64 <= self.allowed(all(FIRSTS))
    }

    /// Gives back what was taken in `slot`: a first attempt, or a retry.
    pub fn give_back(&self, slot: u64, was_retry: bool) {
        let Some(word) = self.word(slot, usize::from(was_retry)) else {
            return;
        };
        loop {
            let found = word.load(Ordering::Relaxed);
            let here = count(found, slot);
            if here == 0 || exchange(word, found, stamped(slot, here - 1)) {
                return;
            }
        }
    }

    /// What happened in the last ten seconds.
    pub fn counts(&self, now_ns: u64) -> Counts {
        let slot = now_ns / SLOT_NS;
        Counts {
            firsts: self.sum(slot, FIRSTS),
            retries: self.sum(slot, RETRIES),
        }
    }

    /// Retries for so many first attempts.
    pub fn allowed(&self, firsts: u64) -> f64 {
        let allowed = (self.ratio * firsts as f64).max(self.minimum);
        // What a tenth of something should be is often a hair less in binary.
        (allowed * (1.0 + 1e-12)).floor()
    }

    fn sum(&self, slot: u64, which: usize) -> u64 {
        let slots = (0..SLOTS as u64).filter_map(|back| slot.checked_sub(back));
        let counts = slots.map(|slot| self.here(slot, which));
        counts.fold(0, u64::saturating_add)
    }

    fn here(&self, slot: u64, which: usize) -> u64 {
        self.word(slot, which)
            .map_or(0, |word| count(word.load(Ordering::Relaxed), slot))
    }

    fn word(&self, slot: u64, which: usize) -> Option<&AtomicU64> {
        self.words.get(2 * (slot as usize % SLOTS) + which)
    }
}

/// True when `found` is the word of `slot`, or of another and it is still the time of `slot`.
fn may_follow(found: u64, slot: u64, now_ns: impl Fn() -> u64) -> bool {
    found >> COUNT_BITS == stamp(slot) || now_ns() / SLOT_NS == slot
}

fn exchange(word: &AtomicU64, old: u64, new: u64) -> bool {
    word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

/// A slot's number as its words hold it, never 0, so that a new region holds no slot.
fn stamp(slot: u64) -> u64 {
    slot.wrapping_add(1) & STAMP_MASK
}

fn stamped(slot: u64, count: u64) -> u64 {
    stamp(slot) << COUNT_BITS | count.min(COUNT_MASK)
}

fn count(word: u64, slot: u64) -> u64 {
    if word >> COUNT_BITS == stamp(slot) {
        word & COUNT_MASK
    } else {
        0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words() -> Vec<AtomicU64> {
        (0..WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    /// Every attempt with its time.
    #[derive(Default)]
    struct Log {
        all: Vec<(u64, bool)>,
    }

    impl Log {
        fn count(&self, now_ns: u64, retries: bool) -> u64 {
            let first = (now_ns / SLOT_NS).saturating_sub(SLOTS as u64 - 1) * SLOT_NS;
            let all = self.all.iter();
            all.filter(|(at, retry)| *at >= first && *retry == retries)
                .count() as u64
        }
    }

    proptest! {
        #[test]
        fn a_budget_is_what_a_log_of_ten_slots_says(
            steps in prop::collection::vec((0u64..3_000_000_000, prop::bool::weighted(0.4)), 1..300),
            ratio in 0.0..1.0f64, minimum in 0u32..5,
        ) {
            let words = words();
            let minimum = f64::from(minimum);
            let budget = Budget { words: &words, ratio, minimum };
            let (mut log, mut now) = (Log::default(), 0);
            for (wait, is_retry) in steps {
                now += wait;
                if is_retry {
                    let allowed = (ratio * log.count(now, false) as f64).max(minimum);
                    let fits = log.count(now, true) as f64 + 1.0 <= allowed * (1.0 + 1e-12);
                    prop_assert_eq!(budget.retry(|| now).is_some(), fits);
                    if fits {
                        log.all.push((now, true));
                    }
                } else {
                    budget.first(|| now);
                    log.all.push((now, false));
                }
                let counts = Counts {
                    firsts: log.count(now, false),
                    retries: log.count(now, true),
                };
                prop_assert_eq!(budget.counts(now), counts);
            }
        }

        #[test]
        fn any_words_give_an_answer(seeds in prop::collection::vec(any::<u64>(), WORDS), now: u64,
                                    ratio: u64, minimum: u64) {
            let words: Vec<_> = seeds.into_iter().map(AtomicU64::new).collect();
            let (ratio, minimum) = (f64::from_bits(ratio), f64::from_bits(minimum));
            let budget = Budget { words: &words, ratio, minimum };
            budget.first(|| now);
            let _ = budget.retry(|| now);
            budget.give_back(now, true);
        }
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let words = words();
        let budget = Budget {
            words: &words,
            ratio: 0.2,
            minimum: 1.0,
        };
        let slot = budget.retry(|| 5).expect("the minimum");
        assert_eq!(budget.retry(|| 5), None);
        budget.give_back(slot, true);
        assert_eq!(budget.retry(|| 5), Some(slot));
        budget.give_back(budget.first(|| 5), false);
        assert_eq!(
            budget.counts(5),
            Counts {
                firsts: 0,
                retries: 1
            }
        );
    }
    #[test]
    fn who_slept_over_a_round_takes_nothing_from_a_later_slot() {
        let words = words();
        let budget = Budget {
            words: &words,
            ratio: 0.0,
            minimum: 2.0,
        };
        let late = 10 * SLOT_NS;
        // The clock is asked once before the sleep, and again after it.
        let asked = std::cell::Cell::new(0);
        let slept = || {
            asked.set(asked.get() + 1);
            if asked.get() > 1 {
                return late;
            }
            assert_eq!(budget.retry(|| late), Some(10));
            0
        };
        assert_eq!(budget.retry(slept), Some(10));
        assert_eq!(budget.retry(|| late), None);
    }

    /// One more is taken in the slot to come while this one is being written.
    #[test]
    fn two_at_the_end_of_a_slot_do_not_share_the_last() {
        let words = words();
        let budget = Budget {
            words: &words,
            ratio: 0.0,
            minimum: 1.0,
        };
        let asked = std::cell::Cell::new(0);
        let between = || {
            asked.set(asked.get() + 1);
            if asked.get() == 2 {
                assert_eq!(budget.retry(|| SLOT_NS), Some(1));
            }
            0
        };
        assert_eq!(budget.retry(between), None);
        let one = Counts {
            firsts: 0,
            retries: 1,
        };
        assert_eq!(budget.counts(SLOT_NS), one);
    }
}
