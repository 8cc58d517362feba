//! Several distributions as one: of several series, of several hosts.
//!
//! Bucket by bucket, so nothing is lost: the merged distribution is the one that a single histogram
//! would hold that had recorded all the values. Where widths differ, the finer buckets are added up
//! in pairs until they are as wide as the coarser ones, which they tile exactly; the error is then
//! the coarser one's. Counts, extremes and buckets are the same in every order of merging; a sum
//! differs by the rounding of additions.

use super::Distribution;
use crate::cell::buckets;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl Distribution {
    /// What a histogram would hold that had recorded the values of both.
    pub fn merge(&self, other: &Distribution) -> Distribution {
        let bits = self.bits.min(other.bits);
        let edges = self.merge_edges(other);
        let mut octaves = self.octaves(bits);
        for (octave, added) in other.octaves(bits) {
            match octaves.entry(octave) {
                Entry::Vacant(place) => {
                    place.insert(added);
                }
                Entry::Occupied(mut counts) => {
                    for (count, added) in counts.get_mut().iter_mut().zip(added) {
                        *count = count.saturating_add(added);
                    }
                }
            }
        }
        Distribution {
            edges,
            count: self.count.saturating_add(other.count),
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            ..Distribution::of_octaves(bits, octaves)
        }
    }

    /// What a histogram with `bits` fraction bits holds that recorded `values`, each so many times.
    /// Values that no histogram takes are left out.
    pub fn of_values(bits: u32, values: impl IntoIterator<Item = (f64, u64)>) -> Distribution {
        let width = 1usize << bits;
        let mut octaves: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        let (mut sum, mut min, mut max) = (0.0, f64::NAN, f64::NAN);
        for (value, count) in values {
            if !(0.0..f64::INFINITY).contains(&value) || count == 0 {
                continue;
            }
            let (octave, bucket) = buckets::locate((value + 0.0).to_bits(), bits);
            let counts = octaves.entry(octave).or_insert_with(|| vec![0; width]);
            counts[bucket] = counts[bucket].saturating_add(count);
            sum += value * count as f64;
            min = value.min(min);
            max = value.max(max);
        }
        Distribution {
            sum,
            min,
            max,
            ..Distribution::of_octaves(bits, octaves)
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "merge/tests.rs"]
mod tests;
