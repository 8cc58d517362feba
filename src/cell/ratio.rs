//! Hits and misses, with checkpoints for windows: two of an operation's columns, without latencies.
//!
//! ```text
//! block   end of the current slot | claim of a checkpoint | six reserved | a tag for each slot
//! ```
//!
//! A checkpoint is taken as that of a histogram is: claimed, its tag taken away, the totals filed,
//! the tag and the end of the slot published.

use super::claim::Claim;
use super::outcomes::{Outcomes, Tally};
use super::planes::Planes;
use crate::base::error::Result;
use crate::base::limits::WINDOW_SLOTS;
use crate::base::sync::{AtomicU64, Ordering, fence, load_acquire};
use crate::region::{Region, header};

const SLOT_END: usize = 0;
const CLAIM: usize = 1;
const TAGS: usize = 8;
/// Words of a ratio's block.
pub const BLOCK_WORDS: usize = TAGS + WINDOW_SLOTS;

/// How often something was there and how often not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// It was there.
    pub hits: u64,
    /// It was not.
    pub misses: u64,
}

impl Hits {
    /// Hits among all; NaN without any.
    pub fn ratio(self) -> f64 {
        self.hits as f64 / (self.hits as f64 + self.misses as f64)
    }
}

/// One ratio of a region.
#[derive(Clone, Copy, Debug)]
pub struct Ratio<'r> {
    region: &'r Region,
    outcomes: Outcomes<'r>,
    block: &'r [AtomicU64],
}

/// Makes a ratio's block; returns its first word.
pub fn create(region: &Region) -> Result<usize> {
    let words = region.words();
    let block = region.allocate(BLOCK_WORDS)?;
    let slot_ns = region.layout().limits.slot_ns;
    let slot = region.clock().coarse() / slot_ns;
    words.store(block + SLOT_END, (slot + 1).saturating_mul(slot_ns));
    // The first checkpoint: nothing had been counted when this slot began.
    words.store(block + TAGS + slot as usize % WINDOW_SLOTS, slot + 1);
    Ok(block)
}

impl<'r> Ratio<'r> {
    /// The ratio whose block begins at word `block` and whose totals are those of entry `index`.
    #[inline(always)]
    pub fn at(region: &'r Region, planes: &'r Planes, block: usize, index: usize) -> Option<Self> {
        Some(Ratio {
            region,
            outcomes: Outcomes::at(region, planes, index)?,
            block: region.words().slice(block, BLOCK_WORDS)?,
        })
    }

    /// Counts hits and misses at region time `now`.
    #[inline(always)]
    pub fn add(&self, now: u64, found: Hits) {
        if now >= self.block[SLOT_END].load(Ordering::Relaxed) {
            self.roll(now);
        }
        if found.hits != 0 {
            self.outcomes.add_many(Tally::Succeeded, found.hits);
        }
        if found.misses != 0 {
            self.outcomes.add_many(Tally::Failed, found.misses);
        }
    }

    #[cold]
    #[inline(never)]
    fn roll(&self, now: u64) {
        let slot_ns = self.region.layout().limits.slot_ns;
        let slot = now / slot_ns;
        let Some(claim) = Claim::take(&self.block[CLAIM], slot, now) else {
            return;
        };
        if load_acquire(&self.block[SLOT_END]) > now {
            return;
        }
        let index = slot as usize % WINDOW_SLOTS;
        let tag = &self.block[TAGS + index];
        let is_filed =
            claim.put(tag, 0) && self.outcomes.file(index, &claim) && claim.put(tag, slot + 1);
        if is_filed {
            // Never back: a later slot may have begun since.
            let end = (slot + 1).saturating_mul(slot_ns);
            self.block[SLOT_END].fetch_max(end, Ordering::Release);
            self.region.words().store(header::LAST_SEEN, now);
        }
    }

    /// Since it was made.
    pub fn lifetime(&self) -> Hits {
        of(self.outcomes.totals())
    }

    /// In the last `slots` time slots, the current one included.
    pub fn window(&self, now: u64, slots: usize) -> Hits {
        let slot = now / self.region.layout().limits.slot_ns;
        let first = (slot + 1).saturating_sub(slots as u64);
        for _ in 0..4 {
            let tags: [u64; WINDOW_SLOTS] =
                std::array::from_fn(|at| load_acquire(&self.block[TAGS + at]));
            let Some(index) = (0..WINDOW_SLOTS)
                .filter(|at| tags[*at] > first && tags[*at] <= slot + 1)
                .min_by_key(|at| tags[*at])
            else {
                return Hits::default();
            };
            let found = of(self.outcomes.since(index));
            fence(Ordering::Acquire);
            if self.block[TAGS + index].load(Ordering::Relaxed) == tags[index] {
                return found;
            }
        }
        Hits::default()
    }
}

fn of(tallies: [u64; super::outcomes::TALLIES]) -> Hits {
    Hits {
        hits: tallies[Tally::Succeeded as usize],
        misses: tallies[Tally::Failed as usize],
    }
}
