//! A retry budget: over the last ten seconds, so many retries for so many first attempts.
//!
//! Ten slots of a second, each two words: first attempts and retries, with the slot's number in the
//! upper bits, so that a slot of ten seconds ago is known to be empty without anybody clearing it.
//! A retry is added to the current slot by a compare-and-swap from the count that was judged, and no
//! other slot grows, so two workers never both take the last one.

use crate::base::sync::{AtomicU64, Ordering};

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
    /// Counts a first attempt.
    pub fn first(&self, now_ns: u64) {
        let slot = now_ns / SLOT_NS;
        let Some(word) = self.word(slot, FIRSTS) else {
            return;
        };
        loop {
            let found = word.load(Ordering::Relaxed);
            if exchange(
                word,
                found,
                stamped(slot, count(found, slot).saturating_add(1)),
            ) {
                return;
            }
        }
    }

    /// Takes a retry; false when the budget is spent.
    pub fn retry(&self, now_ns: u64) -> bool {
        let slot = now_ns / SLOT_NS;
        let Some(word) = self.word(slot, RETRIES) else {
            return false;
        };
        loop {
            let found = word.load(Ordering::Relaxed);
            let here = count(found, slot);
            let others = self.sum(slot, RETRIES).saturating_sub(here);
            let retries = others.saturating_add(here);
            if retries as f64 + 1.0 > self.allowed(self.sum(slot, FIRSTS)) {
                return false;
            }
            if exchange(word, found, stamped(slot, here.saturating_add(1))) {
                return true;
            }
        }
    }

    /// Gives back what was taken at `now_ns`: a first attempt, or a retry.
    pub fn give_back(&self, now_ns: u64, was_retry: bool) {
        let slot = now_ns / SLOT_NS;
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
        slots
            .filter_map(|slot| Some(count(self.word(slot, which)?.load(Ordering::Relaxed), slot)))
            .fold(0, u64::saturating_add)
    }

    fn word(&self, slot: u64, which: usize) -> Option<&AtomicU64> {
        self.words.get(2 * (slot as usize % SLOTS) + which)
    }
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
                    prop_assert_eq!(budget.retry(now), fits);
                    if fits {
                        log.all.push((now, true));
                    }
                } else {
                    budget.first(now);
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
            budget.first(now);
            let _ = budget.retry(now);
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
        assert!(budget.retry(5));
        assert!(!budget.retry(5));
        budget.give_back(5, true);
        assert!(budget.retry(5));
        budget.first(5);
        budget.give_back(5, false);
        assert_eq!(
            budget.counts(5),
            Counts {
                firsts: 0,
                retries: 1
            }
        );
    }
}
