//! Shards: blocks of cells that one foreign thread each writes alone, without crossing into the
//! library.
//!
//! A shard has one word for each series, as a plane has, and for each histogram that its owner
//! asked for a dense block of bucket counts. Its owner is recorded with process, start time and
//! thread. When the owner closes it or dies, the shard is handed to the next thread that asks,
//! **with its numbers**: they are part of every total from the first store on, are never moved and
//! never reset, so there is no folding that could happen twice or halfway.
//!
//! ```text
//! block     one word a series: a counter's count, a histogram's sum (always a double)
//! + series  one word a series: first word of the histogram's dense block, or 0
//!
//! dense block   min, max (doubles; max < min: none yet), successes of an operation, five reserved
//!               words, then
//!               OCTAVES << bits counts from octave FIRST_OCTAVE on
//! ```

use super::buckets;
use super::planes::Planes;
use crate::base::error::{Error, Result};
use crate::base::host::{self, Process};
use crate::base::sync::Ordering;
use crate::region::raw::Words;
use crate::region::{Region, handle, header};

/// Version of the layout that bindings rely on.
pub const LAYOUT_VERSION: u32 = 1;
/// First octave of a dense block: values from 2^-30 on.
pub const FIRST_OCTAVE: usize = 1023 - 30;
/// Octaves of a dense block: values below 2^34.
pub const OCTAVES: usize = 64;
/// Words before a dense block's counts.
pub const DENSE_HEADER: usize = 8;
/// Offset of the smallest value in a dense block.
pub const DENSE_MIN: usize = 0;
/// Offset of the largest value in a dense block.
pub const DENSE_MAX: usize = 1;

/// Offset of an operation's successes in a dense block.
pub const DENSE_SUCCESSES: usize = 2;

/// The owning process in one word, or 0; its thread.
const OWNER: usize = 0;
const THREAD: usize = 2;
const NUMBERS: usize = 3;
const BLOCK: usize = 4;
const ID: usize = 5;

/// What a shard's counts are, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Unsigned 64-bit integers.
    Integers,
    /// Doubles that hold whole numbers below 2^53, for languages whose typed arrays want them.
    Doubles,
}

impl Numbers {
    /// As a number that is not 0.
    pub fn to_word(self) -> u64 {
        match self {
            Numbers::Integers => 1,
            Numbers::Doubles => 2,
        }
    }

    /// From a number; only that of a kind is one.
    pub fn from_word(word: u64) -> Option<Self> {
        match word {
            1 => Some(Numbers::Integers),
            2 => Some(Numbers::Doubles),
            _ => None,
        }
    }

    /// The count that a word of such a shard holds.
    pub fn count(self, word: u64) -> u64 {
        match self {
            Numbers::Integers => word,
            Numbers::Doubles => f64::from_bits(word) as u64,
        }
    }
}

/// One shard as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    words: Words,
    numbers: Numbers,
    block: usize,
    series: usize,
}

impl Shard {
    /// The counter that this shard keeps for `series`.
    pub fn count(&self, series: usize) -> u64 {
        self.numbers.count(self.words.load(self.block + series))
    }

    /// The sum that this shard keeps for the histogram `series`.
    pub fn sum(&self, series: usize) -> f64 {
        f64::from_bits(self.words.load(self.block + series))
    }

    /// First word of the dense block of the histogram `series`, if its owner asked for one.
    pub fn dense(&self, series: usize) -> Option<usize> {
        let at = self.words.acquire(self.block + self.series + series) as usize;
        (at != 0).then_some(at)
    }

    /// The successes that this shard keeps for the operation `series`.
    pub fn successes(&self, series: usize) -> u64 {
        let word = self
            .dense(series)
            .map(|dense| dense.saturating_add(DENSE_SUCCESSES));
        word.map_or(0, |word| self.numbers.count(self.words.load(word)))
    }

    /// Adds this shard's counts of `octave` to `counts`; false when it has none.
    pub fn add_octave(&self, series: usize, octave: usize, counts: &mut [u64]) -> bool {
        let Some(dense) = self.dense(series) else {
            return false;
        };
        let Some(row) = octave
            .checked_sub(FIRST_OCTAVE)
            .filter(|row| *row < OCTAVES)
        else {
            return false;
        };
        let first = dense.saturating_add(DENSE_HEADER + row * counts.len());
        let Some(cells) = self.words.slice(first, counts.len()) else {
            return false;
        };
        let mut any = false;
        for (count, cell) in counts.iter_mut().zip(cells) {
            let here = self.numbers.count(cell.load(Ordering::Relaxed));
            any |= here != 0;
            *count = count.wrapping_add(here);
        }
        any
    }
}

/// Every shard that was ever opened.
pub fn all(region: &Region) -> impl Iterator<Item = Shard> + '_ {
    let words = region.words();
    let table = region.layout().shards;
    let used = (words.load(header::SHARDS_USED) as usize).min(table.count);
    (0..used).filter_map(move |index| {
        let entry = table.entry(index)?;
        let block = words.acquire(entry + BLOCK) as usize;
        let numbers = Numbers::from_word(words.load(entry + NUMBERS))?;
        let series = region.layout().series.count;
        let is_there = block != 0 && words.slice(block, series * 2).is_some();
        is_there.then_some(Shard {
            words,
            numbers,
            block,
            series,
        })
    })
}

/// Takes a shard for the calling thread: a free one with the same numbers, or a new one.
pub fn open(region: &Region, numbers: Numbers) -> Result<u64> {
    let words = region.words();
    let table = region.layout().shards;
    let me = Process::current().to_word();
    for index in 0..table.count {
        let Some(entry) = table.entry(index) else {
            break;
        };
        let Some(owner) = words.get(entry + OWNER) else {
            break;
        };
        let kind = words.load(entry + NUMBERS);
        if kind != 0 && kind != numbers.to_word() {
            continue;
        }
        let holder = owner.load(Ordering::Acquire);
        if holder == me || holder != 0 && !Process::is_known_dead(holder) {
            continue;
        }
        // From here on the entry is ours, unless somebody else was faster.
        let taken = owner.compare_exchange(holder, me, Ordering::AcqRel, Ordering::Relaxed);
        if taken.is_err() {
            continue;
        }
        words.store(entry + THREAD, host::thread_number());
        let found = words.load(entry + NUMBERS);
        if found != 0 && found != numbers.to_word() {
            words.publish(entry + OWNER, 0);
            continue;
        }
        if words.load(entry + BLOCK) == 0 {
            match region.allocate(region.layout().series.count * 2) {
                Ok(block) => {
                    words.store(entry + NUMBERS, numbers.to_word());
                    words.publish(entry + BLOCK, block as u64);
                }
                Err(full) => {
                    words.publish(entry + OWNER, 0);
                    return Err(full);
                }
            }
        }
        if let Some(used) = words.get(header::SHARDS_USED) {
            used.fetch_max(index as u64 + 1, Ordering::Relaxed);
        }
        let generation = (words.load(entry + ID) >> 24).wrapping_add(1) & 0xffff;
        let id = handle::pack(
            handle::IdKind::Shard,
            region.header().nonce(),
            generation.max(1),
            index,
        );
        words.publish(entry + ID, id);
        return Ok(id);
    }
    Err(Error::capacity(format!(
        "all {} shards are taken",
        table.count
    )))
}

/// Gives the shard back; its numbers stay.
pub fn close(region: &Region, id: u64) -> Result<()> {
    let (entry, _) = find(region, id)?;
    let words = region.words();
    words.store(entry + ID, id & !0xf000_0000_0000_0000);
    words.publish(entry + OWNER, 0);
    Ok(())
}

/// First word of the shard's entry and of its block.
fn find(region: &Region, id: u64) -> Result<(usize, usize)> {
    let words = region.words();
    let entry = region
        .layout()
        .shards
        .entry(handle::entry(id))
        .filter(|entry| handle::is(id, handle::IdKind::Shard) && words.acquire(entry + ID) == id)
        .ok_or_else(|| Error::stale("no open shard of this engine has this id"))?;
    let block = words.acquire(entry + BLOCK) as usize;
    match words.slice(block, region.layout().series.count * 2) {
        Some(_) if block != 0 => Ok((entry, block)),
        _ => Err(damaged()),
    }
}

#[cold]
fn damaged() -> Error {
    Error::format("the shard's memory is damaged")
}

/// The number of shard `id`, and what it counts in.
pub fn place(region: &Region, id: u64) -> Result<(usize, Numbers)> {
    let (entry, _) = find(region, id)?;
    match Numbers::from_word(region.words().load(entry + NUMBERS)) {
        Some(numbers) => Ok((handle::entry(id), numbers)),
        None => Err(damaged()),
    }
}

/// The word where the owner of shard `id` counts `series`, or sums the histogram `series`.
pub fn cell(region: &Region, id: u64, series: usize) -> Result<usize> {
    let (_, block) = find(region, id)?;
    Ok(block + series)
}

/// The dense block where the owner of shard `id` counts the histogram `series` of `bits` bits.
pub fn histogram(region: &Region, id: u64, series: usize, bits: u32) -> Result<usize> {
    let (_, block) = find(region, id)?;
    let words = region.words();
    let directory = block + region.layout().series.count + series;
    let found = words.acquire(directory) as usize;
    if found != 0 {
        return match words.slice(found, DENSE_HEADER + (OCTAVES << bits)) {
            Some(_) => Ok(found),
            None => Err(damaged()),
        };
    }
    let dense = region.allocate(DENSE_HEADER + (OCTAVES << bits))?;
    words.store(dense + DENSE_MIN, f64::INFINITY.to_bits());
    words.publish(directory, dense as u64);
    Ok(dense)
}

/// A counter's total: all planes and all shards.
pub fn total(region: &Region, planes: &Planes, series: usize) -> u64 {
    all(region).fold(planes.sum(series), |sum, shard| {
        sum.wrapping_add(shard.count(series))
    })
}

/// A histogram's sum: all planes and all shards.
pub fn total_f64(region: &Region, planes: &Planes, series: usize) -> f64 {
    all(region).fold(planes.sum_f64(series), |sum, shard| sum + shard.sum(series))
}

/// Smallest and largest value that a shard saw, as bits; None when it saw none.
pub fn extremes(shard: &Shard, series: usize) -> Option<(u64, u64)> {
    let dense = shard.dense(series)?;
    let (min, max) = (
        shard.words.load(dense.saturating_add(DENSE_MIN)),
        shard.words.load(dense.saturating_add(DENSE_MAX)),
    );
    (min <= max && max < f64::INFINITY.to_bits()).then_some((min, max))
}

/// Calls `each` with every octave of the histogram in which this shard counted something.
pub fn octaves(shard: &Shard, series: usize, bits: u32, mut each: impl FnMut(usize)) {
    let Some(dense) = shard.dense(series) else {
        return;
    };
    for row in 0..OCTAVES {
        let first = dense.saturating_add(DENSE_HEADER + (row << bits));
        let Some(cells) = shard.words.slice(first, 1 << bits) else {
            return;
        };
        if cells.iter().any(|cell| cell.load(Ordering::Relaxed) != 0) {
            each(FIRST_OCTAVE + row);
        }
    }
}

const _: () = assert!(FIRST_OCTAVE + OCTAVES <= buckets::OCTAVES);
