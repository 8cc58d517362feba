use super::*;
use crate::cell::buckets;
use proptest::prelude::*;

/// What a histogram with `bits` fraction bits holds that recorded `values`.
fn recorded(values: &[f64], bits: u32) -> Distribution {
    Distribution::of_values(bits, values.iter().map(|value| (*value, 1)))
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    // Whole numbers of a limited size add up without rounding, so sums can be compared too.
    prop::collection::vec((0u32..1 << 20).prop_map(f64::from), 0..60)
}

fn same(one: &Distribution, other: &Distribution) -> bool {
    let extremes = |found: &Distribution| [found.min.to_bits(), found.max.to_bits()];
    let bare = |found: &Distribution| Distribution {
        min: 0.0,
        max: 0.0,
        ..found.clone()
    };
    bare(one) == bare(other) && (one.count == 0 || extremes(one) == extremes(other))
}

proptest! {
    #[test]
    fn merging_is_recording_everything(one in values(), other in values(), bits in buckets::BITS, finer in buckets::BITS) {
        let merged = recorded(&one, bits).merge(&recorded(&other, finer));
        let all = [one, other].concat();
        prop_assert!(same(&merged, &recorded(&all, bits.min(finer))));
    }

    #[test]
    fn the_order_does_not_matter(one in values(), two in values(), three in values()) {
        let [one, two, three] = [one, two, three].map(|values| recorded(&values, 6));
        prop_assert!(same(&one.merge(&two), &two.merge(&one)));
        prop_assert!(same(&one.merge(&two).merge(&three), &one.merge(&two.merge(&three))));
    }

    #[test]
    fn nothing_changes_nothing(one in values()) {
        let one = recorded(&one, 6);
        prop_assert!(same(&one.merge(&Distribution::empty(6)), &one));
        prop_assert!(same(&Distribution::empty(8).merge(&one), &one));
    }

    #[test]
    fn a_merged_quantile_keeps_the_error_bound(one in values(), other in values(), quantile in 0.0..=1.0) {
        let mut all = [one.clone(), other.clone()].concat();
        prop_assume!(!all.is_empty());
        all.sort_by(f64::total_cmp);
        let merged = recorded(&one, 6).merge(&recorded(&other, 7));
        let mut found = [0.0];
        merged.quantiles(&[quantile], &mut found);
        let rank = ((quantile * all.len() as f64).ceil() as usize).clamp(1, all.len());
        let exact = all[rank - 1];
        prop_assert!((found[0] - exact).abs() <= exact * buckets::error_of(6) + 1e-12);
    }
}
