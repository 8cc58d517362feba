//! Exact counts at declared edges.
//!
//! Buckets tell how many values are at most an edge, except for the one bucket that the edge lies
//! in. So a histogram with declared edges counts the values of that bucket twice more: those at most
//! the edge, and those above it. A recorder pays for it only when a value falls into such a bucket:
//! one in 64 of an octave. What was recorded before the edge was declared, and by owners of shards,
//! is in neither count, and is judged by the middle of the bucket. Owners of an operation's cells have a
//! mask of 64 bits that says which buckets may have an edge, and leave those to calls.
//!
//! The edges are a list in the heap, of which an entry is claimed by one compare-and-swap and never
//! given back.

use super::{BITS, Distribution, EDGES, Histogram, SPLIT, damaged};
use crate::base::error::{Error, Result};
use crate::base::order::Order;
use crate::base::sync::{Ordering, load_acquire};
use crate::cell::{buckets, shard};
use crate::region::Region;
use crate::region::raw::Words;

/// Edges that a histogram can have.
pub const MAX_EDGES: usize = 8;
const ENTRY: usize = 3;
const LIST_WORDS: usize = MAX_EDGES * ENTRY;

/// A declared edge, and what the bucket that it lies in holds of either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The edge.
    pub at: f64,
    /// Values of its bucket that were at most it.
    pub at_most: u64,
    /// Values of its bucket that were above it.
    pub above: u64,
}

/// Declares `edge`, above 0 and finite, in the list that word `link` leads to; made if need be.
pub fn declare(region: &Region, link: usize, edge: f64) -> Result<()> {
    if !(edge > 0.0 && edge.is_finite()) {
        return Err(Error::argument(format!(
            "an edge is a finite number above 0, not {edge}"
        )));
    }
    let words = region.words();
    let Some(word) = words.get(link) else {
        return damaged();
    };
    let mut at = load_acquire(word) as usize;
    if at == 0 {
        let made = region.allocate(LIST_WORDS)?;
        at = match word.compare_exchange(0, made as u64, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => made,
            Err(other) => other as usize,
        };
    }
    for entry in 0..MAX_EDGES {
        let Some(place) = words.get(at.saturating_add(entry * ENTRY)) else {
            return damaged();
        };
        let taken = place.compare_exchange(0, edge.to_bits(), Ordering::AcqRel, Ordering::Acquire);
        match taken {
            Err(other) if other != edge.to_bits() => {}
            _ => return Ok(()),
        }
    }
    Err(Error::capacity(format!(
        "no room for the edge {edge}: a histogram has at most {MAX_EDGES}"
    )))
}

/// Declares `edge` in the histogram whose block begins at word `block`.
pub fn declare_in(region: &Region, block: usize, edge: f64) -> Result<()> {
    declare(region, block.saturating_add(EDGES), edge)?;
    let words = region.words();
    let bits = words.load(block.saturating_add(BITS)) as u32;
    let Some(split) = words.get(block.saturating_add(SPLIT)) else {
        return damaged();
    };
    // Of a damaged number of bits, no more than a shift takes.
    let bucket = edge.to_bits() >> (52 - bits.min(52));
    let first = (shard::FIRST_OCTAVE as u64) << bits.min(52);
    split.fetch_or(1 << (bucket.wrapping_sub(first) & 63), Ordering::Release);
    Ok(())
}

/// The edges of the list that word `link` leads to, in the order of their declaration.
pub fn list(words: Words, link: usize) -> Vec<Edge> {
    let at = words.acquire(link) as usize;
    if at == 0 {
        return Vec::new();
    }
    (0..MAX_EDGES)
        .map(|entry| at.saturating_add(entry * ENTRY))
        .map(|place| Edge {
            at: f64::from_bits(words.acquire(place)),
            at_most: words.load(place.saturating_add(1)),
            above: words.load(place.saturating_add(2)),
        })
        .take_while(|edge| edge.at > 0.0 && edge.at.is_finite())
        .collect()
}

/// Counts a value beside the edge of the list at word `list` that lies in its bucket of `bits`
/// fraction bits, if one does.
#[inline(never)]
pub(super) fn split(words: Words, list: u64, value_bits: u64, bits: u32) {
    split_times(words, list, value_bits, bits, 1);
}

/// The same for a value that comes so many times.
pub(super) fn split_times(words: Words, list: u64, value_bits: u64, bits: u32, times: u64) {
    let Some(list) = words.slice(list as usize, LIST_WORDS) else {
        return;
    };
    let place = buckets::locate(value_bits, bits);
    for entry in list.chunks_exact(ENTRY) {
        let edge = load_acquire(&entry[0]);
        if edge == 0 {
            break;
        }
        if buckets::locate(edge, bits) == place {
            // Doubles of at least 0 are in the order of their bits.
            let side = if value_bits <= edge { 1 } else { 2 };
            entry[side].fetch_add(times, Ordering::Relaxed);
        }
    }
}

impl Histogram<'_> {
    /// Counts exactly at `edge` from now on.
    pub fn declare_edge(&self, edge: f64) -> Result<()> {
        declare_in(self.region, self.block, edge)
    }

    pub(super) fn edges(&self) -> Vec<Edge> {
        let mut edges = list(self.words(), self.block.saturating_add(EDGES));
        edges.order_by(|one, other| one.at.total_cmp(&other.at));
        edges.dedup_by(|one, other| one.at == other.at);
        edges
    }
}

impl Distribution {
    /// The declared edges, ascending.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// How many values are at most `edge`: exact where it was declared before they were recorded;
    /// else those of its own bucket count when the bucket's middle is at most `edge`.
    pub fn count_at_most(&self, edge: f64) -> u64 {
        if edge.is_nan() || edge < 0.0 {
            return 0;
        }
        let (octave, bucket) = buckets::locate((edge + 0.0).to_bits(), self.bits);
        let lower = buckets::lower(octave, bucket, self.bits);
        let mut below = 0u64;
        for found in self.buckets() {
            if found.lower < lower {
                below = below.saturating_add(found.count);
                continue;
            }
            if found.lower == lower {
                let declared = self.edges.iter().find(|known| known.at == edge);
                let (at_most, above) = declared.map_or((0, 0), |edge| (edge.at_most, edge.above));
                let at_most = at_most.min(found.count);
                let unknown = (found.count - at_most).saturating_sub(above);
                let guessed = if found.middle <= edge { unknown } else { 0 };
                below = below.saturating_add(at_most).saturating_add(guessed);
            }
            break;
        }
        below.min(self.count)
    }

    /// The edges of both; those of a bucket that became wider are given up.
    pub(super) fn merge_edges(&self, other: &Distribution) -> Vec<Edge> {
        if self.bits != other.bits {
            return Vec::new();
        }
        let mut all = [&self.edges[..], &other.edges[..]].concat();
        all.order_by(|one, other| one.at.total_cmp(&other.at));
        all.dedup_by(|later, kept| {
            let is_same = later.at == kept.at;
            if is_same {
                kept.at_most = kept.at_most.saturating_add(later.at_most);
                kept.above = kept.above.saturating_add(later.above);
            }
            is_same
        });
        all
    }
}

#[cfg(all(test, not(loom)))]
#[path = "edges/tests.rs"]
mod tests;
