//! The last N calls: a ring with a word for each.
//!
//! A call takes the next number of the breaker's generation by one compare-and-swap, then writes how
//! it ended into its place, with its number. The window is what the newest N numbers say; a place
//! that still has an older number is a call that has not said it yet, or whose process was killed,
//! and counts as neither failed nor slow.

use super::machine::Counts;
use crate::base::sync::{AtomicU64, Ordering};
use crate::region::raw::Words;

const NUMBER_BITS: u32 = 40;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
const PLACE_NUMBER_BITS: u32 = 38;

/// The window of one breaker.
#[derive(Clone, Copy, Debug)]
pub struct CallWindow {
    /// The region.
    pub words: Words,
    /// Generation (24 bits) and calls of it so far.
    pub next_at: usize,
    /// The ring.
    pub ring_at: usize,
    /// Its places.
    pub size: u64,
}

/// A call in the ring.
fn place(generation: u64, number: u64, failed: bool, slow: bool) -> u64 {
    generation << NUMBER_BITS
        | (number & ((1 << PLACE_NUMBER_BITS) - 1)) << 2
        | u64::from(failed) << 1
        | u64::from(slow)
}

impl CallWindow {
    fn next(&self) -> Option<&AtomicU64> {
        self.words.get(self.next_at)
    }

    /// Counts a call of `generation`: how many there are with it. None when `is_now` says that the
    /// generation has passed.
    pub fn add(
        &self,
        generation: u64,
        failed: bool,
        slow: bool,
        is_now: impl Fn() -> bool,
    ) -> Option<u64> {
        let next = self.next()?;
        let tag = generation & 0xff_ffff;
        let number = loop {
            let old = next.load(Ordering::Acquire);
            let number = if old >> NUMBER_BITS == tag {
                (old & NUMBER_MASK).saturating_add(1).min(NUMBER_MASK)
            } else if is_now() {
                1
            } else {
                return None;
            };
            let new = tag << NUMBER_BITS | number;
            if next
                .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                break number;
            }
        };
        let at = self.place_of(number);
        self.words.publish(at, place(tag, number, failed, slow));
        Some(number)
    }

    fn place_of(&self, number: u64) -> usize {
        let place = number.checked_rem(self.size).unwrap_or(0);
        self.ring_at.wrapping_add(place as usize)
    }

    /// What the window of `generation` holds.
    pub fn counts(&self, generation: u64) -> Counts {
        let tag = generation & 0xff_ffff;
        let last = self.words.acquire(self.next_at);
        if last >> NUMBER_BITS != tag {
            return Counts::default();
        }
        let last = last & NUMBER_MASK;
        // No ring is longer than the region.
        let size = self.size.min(self.words.len() as u64);
        let mut counts = Counts {
            calls: last.min(size),
            ..Counts::default()
        };
        for number in last - counts.calls + 1..=last {
            let found = self.words.acquire(self.place_of(number));
            if found & !3 == place(tag, number, false, false) {
                counts.failures += found >> 1 & 1;
                counts.slow += found & 1;
            }
        }
        counts
    }
}
