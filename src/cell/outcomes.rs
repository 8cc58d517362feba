//! How the calls of an operation ended, counted beside its latencies.
//!
//! ```text
//! entry of an operation
//!   0 series + 1            4..8 reserved
//!   1 region time of making
//!   2 table of error codes
//!   3 reserved
//!   8 + slot * TALLIES      the totals when that time slot began
//! ```
//!
//! The totals themselves are columns of the planes, so counting is one per-CPU add; owners of shards
//! count successes beside their latencies. Successes are
//! counted too: as what is left of all calls, they would go back for a moment whenever a call's
//! latency was counted but not yet its failure. Totals are filed
//! for windows in the checkpoint of the operation's histogram, under its claim, so that a window's
//! latencies and its outcomes begin at the same time.

use super::claim::Claim;
use super::planes::Planes;
use super::shard;
use crate::base::limits::WINDOW_SLOTS;
use crate::base::sync::Ordering;
use crate::region::Region;
use crate::region::layout::{OPERATION_COLUMNS, OPERATION_WORDS};

/// Series of the operation, plus one; 0 in an entry that nobody uses.
pub const SERIES: usize = 0;
/// Region time when it was made.
pub const MADE: usize = 1;
/// First word of its table of error codes.
pub const ERRORS: usize = 2;
const FILED: usize = 8;

/// Totals that an operation keeps.
pub const TALLIES: usize = OPERATION_COLUMNS;
const _: () = assert!(FILED + TALLIES * WINDOW_SLOTS <= OPERATION_WORDS);

/// What is counted of a call beside its latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// It succeeded.
    Succeeded = 0,
    /// It failed.
    Failed = 1,
    /// It did neither.
    Ignored = 2,
    /// It took longer than the operation's slow-call threshold.
    Slow = 3,
}

/// The totals of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Outcomes<'r> {
    region: &'r Region,
    planes: &'r Planes,
    index: usize,
    entry: usize,
}

impl<'r> Outcomes<'r> {
    /// Those of operation `index`, if there is one.
    #[inline(always)]
    pub fn at(region: &'r Region, planes: &'r Planes, index: usize) -> Option<Self> {
        let entry = region.layout().operations.entry(index)?;
        Some(Outcomes {
            region,
            planes,
            index,
            entry,
        })
    }

    /// Counts one call.
    #[inline(always)]
    pub fn add(&self, tally: Tally) {
        self.add_many(tally, 1);
    }

    /// Counts several.
    #[inline(always)]
    pub fn add_many(&self, tally: Tally, count: u64) {
        let column = self.region.layout().operation_column(self.index, 0);
        self.planes.add(column + tally as usize, count);
    }

    /// Totals since the operation was made.
    pub fn totals(&self) -> [u64; TALLIES] {
        let column = self.region.layout().operation_column(self.index, 0);
        let mut totals = std::array::from_fn(|tally| self.planes.sum(column + tally));
        let successes: &mut u64 = &mut totals[Tally::Succeeded as usize];
        if let Some(series) = self.series() {
            for shard in shard::all(self.region) {
                *successes = successes.wrapping_add(shard.successes(series));
            }
        }
        totals
    }

    /// The series whose calls these are.
    fn series(&self) -> Option<usize> {
        let series = self.region.words().load(self.entry + SERIES) as usize;
        series
            .checked_sub(1)
            .filter(|series| *series < self.region.layout().series.count)
    }

    /// Totals since the checkpoint in place `index`.
    pub fn since(&self, index: usize) -> [u64; TALLIES] {
        let totals = self.totals();
        let first = self.entry + FILED + index * TALLIES;
        std::array::from_fn(|tally| {
            totals[tally].saturating_sub(self.region.words().load(first + tally))
        })
    }

    /// Files the totals in place `index`; false when the claim was lost.
    pub(super) fn file(&self, index: usize, claim: &Claim<'_>) -> bool {
        let first = self.entry + FILED + index * TALLIES;
        let Some(places) = self.region.words().slice(first, TALLIES) else {
            return true;
        };
        places
            .iter()
            .zip(self.totals())
            .all(|(place, total)| claim.put(place, total))
    }

    /// First word of its table of error codes.
    pub fn errors(&self) -> usize {
        self.region.words().acquire(self.entry + ERRORS) as usize
    }

    /// Region time when it was made.
    pub fn made_ns(&self) -> u64 {
        self.region.words().load(self.entry + MADE)
    }
}

/// The entry of the operation that `series` is, found or taken; None when all are taken.
///
/// A series' number says where to look first, and the search goes on to the first entry that is
/// free: whoever opens the same series finds the same entry, at whatever step another was killed.
/// Only every eighth entry of a full table is for `overflow` series alone.
pub fn take(region: &Region, series: usize, overflow: bool) -> Option<usize> {
    let words = region.words();
    let table = region.layout().operations;
    let mine = series as u64 + 1;
    let first = series % table.count.max(1);
    for step in 0..table.count {
        let index = (first + step) % table.count;
        let owner = words.get(table.entry(index)? + SERIES)?;
        let found = owner.load(Ordering::Acquire);
        if found == mine {
            return Some(index);
        }
        if found != 0 {
            continue;
        }
        if !overflow && !has_room(region) {
            return None;
        }
        match owner.compare_exchange(0, mine, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                words.store(table.entry(index)? + MADE, region.clock().coarse());
                return Some(index);
            }
            Err(other) if other == mine => return Some(index),
            Err(_) => {}
        }
    }
    None
}

/// True while there is room for an operation beside those for overflow.
pub fn has_room(region: &Region) -> bool {
    let words = region.words();
    let table = region.layout().operations;
    let reserve = (table.count / 8).max(1);
    let free = (0..table.count)
        .filter_map(|index| table.entry(index))
        .filter(|entry| words.load(entry + SERIES) == 0)
        .take(reserve + 1)
        .count();
    free > reserve
}
