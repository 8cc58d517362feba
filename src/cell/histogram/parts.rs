//! A distribution taken apart and put together: for documents, and for what was added in between.
//!
//! A bucket's *index* is its octave and its number there in one: a value lies in the bucket whose
//! index is the value's bits without the last `52 - bits`.

use super::Distribution;
use super::edges::Edge;
use super::packed::{Octave, Packer};
use crate::base::order::Order;
use crate::cell::buckets;
use std::collections::BTreeMap;

impl Distribution {
    /// Index and count of each bucket that holds something, ascending.
    pub fn indices(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.indices()
    }

    /// The distribution with these buckets. Buckets that do not exist are left out; extremes that do
    /// not lie in the outermost buckets are replaced by their middles.
    pub fn of_indices(
        bits: u32,
        indices: impl IntoIterator<Item = (u64, u64)>,
        sum: f64,
        extremes: (f64, f64),
        mut edges: Vec<Edge>,
    ) -> Distribution {
        let width = 1usize << bits;
        let mut octaves: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (index, count) in indices {
            let octave = (index >> bits) as usize;
            if octave < buckets::OCTAVES && count > 0 {
                let counts = octaves.entry(octave).or_insert_with(|| vec![0; width]);
                let place = &mut counts[index as usize % width];
                *place = place.saturating_add(count);
            }
        }
        edges.order_by(|one, other| one.at.total_cmp(&other.at));
        edges.dedup_by(|one, other| one.at == other.at);
        let mut found = Distribution {
            edges,
            ..Distribution::of_octaves(bits, octaves)
        };
        if found.count > 0 {
            found.sum = sum;
        }
        found.clamp((extremes.0.to_bits(), extremes.1.to_bits()));
        found
    }

    /// Counts alone: neither a sum nor extremes.
    pub(super) fn of_octaves(bits: u32, octaves: BTreeMap<usize, Vec<u64>>) -> Distribution {
        let mut packer = Packer::default();
        for (octave, counts) in &octaves {
            packer.push(*octave, counts);
        }
        let (counts, _) = packer.finish(bits);
        let totals = counts.octaves().map(|octave| octave.total);
        Distribution {
            bits,
            count: totals.fold(0, u64::saturating_add),
            counts,
            ..Distribution::empty(bits)
        }
    }

    /// Its counts by octave, of buckets of at most `bits` fraction bits.
    pub(super) fn octaves(&self, bits: u32) -> BTreeMap<usize, Vec<u64>> {
        let widened = |octave: Octave<'_>| {
            let mut counts: Vec<u64> = octave.counts().collect();
            for _ in bits..self.bits {
                let pairs = counts.chunks_exact(2);
                counts = pairs.map(|pair| pair[0].saturating_add(pair[1])).collect();
            }
            (octave.number, counts)
        };
        self.counts.octaves().map(widened).collect()
    }

    /// What was recorded since the distribution was `earlier`; None when that is no earlier state of
    /// it. Merged with `earlier` it gives this distribution again, the sum up to rounding.
    ///
    /// An extreme is exact where it moved in between; else it is known as well as its bucket.
    pub fn since(&self, earlier: &Distribution) -> Option<Distribution> {
        if self.bits != earlier.bits {
            return None;
        }
        let mut octaves = self.octaves(self.bits);
        for before in earlier.counts.octaves() {
            let counts = octaves.get_mut(&before.number)?;
            for (count, before) in counts.iter_mut().zip(before.counts()) {
                *count = count.checked_sub(before)?;
            }
        }
        let mut found = Distribution::of_octaves(self.bits, octaves);
        if found.count == 0 {
            return Some(found);
        }
        found.sum = (self.sum - earlier.sum).max(0.0);
        for edge in &self.edges {
            let before = earlier.edges.iter().find(|before| before.at == edge.at);
            let (at_most, above) = before.map_or((0, 0), |before| (before.at_most, before.above));
            found.edges.push(Edge {
                at: edge.at,
                at_most: edge.at_most.checked_sub(at_most)?,
                above: edge.above.checked_sub(above)?,
            });
        }
        let moved = |later: f64, before: f64| if later == before { f64::NAN } else { later };
        let (min, max) = (moved(self.min, earlier.min), moved(self.max, earlier.max));
        found.clamp((min.to_bits(), max.to_bits()));
        // No value lies outside of all values.
        found.min = found.min.max(self.min).min(self.max);
        found.max = found.max.max(self.min).min(self.max);
        Some(found)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn recorded(values: &[f64], bits: u32) -> Distribution {
        Distribution::of_values(bits, values.iter().map(|value| (*value, 1)))
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((0u32..1 << 20).prop_map(f64::from), 0..60)
    }

    fn same(one: &Distribution, other: &Distribution) -> bool {
        let indices = |found: &Distribution| found.indices().collect::<Vec<_>>();
        let numbers = |found: &Distribution| {
            let known = |value: f64| if value.is_nan() { -1.0 } else { value };
            [found.sum, known(found.min), known(found.max)]
        };
        one.count == other.count
            && indices(one) == indices(other)
            && numbers(one) == numbers(other)
            && one.edges == other.edges
    }

    proptest! {
        #[test]
        fn indices_put_together_are_the_same(one in values(), bits in buckets::BITS) {
            let one = recorded(&one, bits);
            let again = Distribution::of_indices(
                bits, one.indices(), one.sum, (one.min, one.max), one.edges.clone());
            prop_assert!(same(&one, &again));
        }

        #[test]
        fn an_index_is_the_front_of_a_values_bits(value in 0.0f64..1e300, bits in buckets::BITS) {
            let found: Vec<_> = recorded(&[value], bits).indices().collect();
            prop_assert_eq!(found, [(value.to_bits() >> (52 - bits), 1)]);
        }

        #[test]
        fn what_was_added_and_what_was_there_are_all(one in values(), more in values()) {
            let earlier = recorded(&one, 6);
            let later = recorded(&[one, more.clone()].concat(), 6);
            let added = later.since(&earlier).unwrap();
            prop_assert!(same(&earlier.merge(&added), &later));
            let model = recorded(&more, 6);
            prop_assert_eq!(added.count, model.count);
            prop_assert!(added.indices().eq(model.indices()));
            if added.count > 0 {
                let near = |found: f64, exact: f64| (found - exact).abs() <= exact / 64.0;
                prop_assert!(near(added.min, model.min) && near(added.max, model.max));
                prop_assert!(added.min <= added.max);
            }
        }
    }

    #[test]
    fn what_is_no_earlier_state_is_refused() {
        let one = recorded(&[1.0, 2.0], 6);
        assert!(one.since(&recorded(&[3.0], 6)).is_none());
        assert!(one.since(&recorded(&[1.0, 1.0], 6)).is_none());
        assert!(one.since(&recorded(&[1.0], 7)).is_none());
        assert!(one.since(&Distribution::empty(6)).is_some());
    }
}
