//! A distribution taken apart and put together: for documents, and for what was added in between.
//!
//! A bucket's *index* is its octave and its number there in one: a value lies in the bucket whose
//! index is the value's bits without the last `52 - bits`.

use super::Distribution;
use super::edges::Edge;
use super::packed::Packed;
use crate::base::order::Order;
use crate::cell::buckets;
use std::collections::BTreeMap;

impl Distribution {
    /// Index and count of each bucket that holds something, ascending.
    pub fn indices(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let width = 1usize << self.bits;
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| *count != 0)
            .map(move |(at, count)| {
                let index = (self.octaves[at / width] << self.bits) + at % width;
                (index as u64, count)
            })
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
        let sum_of =
            |counts: &Vec<u64>| counts.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
        let totals: Vec<u64> = octaves.values().map(sum_of).collect();
        Distribution {
            count: sum_of(&totals),
            totals,
            octaves: octaves.keys().copied().collect(),
            counts: Packed::of(&octaves.into_values().flatten().collect::<Vec<u64>>()),
            ..Distribution::empty(bits)
        }
    }

    /// What was recorded since the distribution was `earlier`; None when that is no earlier state of
    /// it. Merged with `earlier` it gives this distribution again, the sum up to rounding.
    ///
    /// An extreme is exact where it moved in between; else it is known as well as its bucket.
    pub fn since(&self, earlier: &Distribution) -> Option<Distribution> {
        if self.bits != earlier.bits {
            return None;
        }
        let width = 1usize << self.bits;
        let mut octaves: BTreeMap<usize, Vec<u64>> = self
            .octaves
            .iter()
            .copied()
            .zip(
                self.counts
                    .unpack()
                    .chunks_exact(width)
                    .map(<[u64]>::to_vec),
            )
            .collect();
        let earlier_counts = earlier.counts.unpack();
        for (octave, before) in earlier
            .octaves
            .iter()
            .zip(earlier_counts.chunks_exact(width))
        {
            if before.iter().all(|count| *count == 0) {
                continue;
            }
            for (count, before) in octaves.get_mut(octave)?.iter_mut().zip(before) {
                *count = count.checked_sub(*before)?;
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
