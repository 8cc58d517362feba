//! Bucket bounds of a histogram in Prometheus.
//!
//! They follow from the family's name and unit alone, never from its data, so that they are the
//! same in every scrape, every process and after every restart.
//!
//! | the exported name | bounds |
//! |---|---|
//! | ends in `_seconds` | .005 to 10, as every Prometheus client has them |
//! | has another unit, or ends in `_bytes` | 1, 2.5, 5, 10 … 1e9 |
//! | has no unit, or ends in `_ratio` | 0.001, 0.0025, 0.005, 0.01 … 1e6 |
//!
//! A bucket of ours that a bound lies in counts as below the bound. So a value that is at most the
//! bound is always counted there; one that is above it by less than a bucket's width (twice the
//! histogram's relative error) may be as well.

use crate::cell::histogram::Distribution;

/// A bound and its canonical spelling.
pub(super) type Bound = (f64, &'static str);

/// No family has more.
pub(super) const MOST: usize = 28;

const SECONDS: [Bound; 11] = [
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1.0"),
    (2.5, "2.5"),
    (5.0, "5.0"),
    (10.0, "10.0"),
];

const SIZES: [Bound; MOST] = [
    (1.0, "1.0"),
    (2.5, "2.5"),
    (5.0, "5.0"),
    (10.0, "10.0"),
    (25.0, "25.0"),
    (50.0, "50.0"),
    (100.0, "100.0"),
    (250.0, "250.0"),
    (500.0, "500.0"),
    (1000.0, "1000.0"),
    (2500.0, "2500.0"),
    (5000.0, "5000.0"),
    (1e4, "10000.0"),
    (2.5e4, "25000.0"),
    (5e4, "50000.0"),
    (1e5, "100000.0"),
    (2.5e5, "250000.0"),
    (5e5, "500000.0"),
    (1e6, "1e+06"),
    (2.5e6, "2.5e+06"),
    (5e6, "5e+06"),
    (1e7, "1e+07"),
    (2.5e7, "2.5e+07"),
    (5e7, "5e+07"),
    (1e8, "1e+08"),
    (2.5e8, "2.5e+08"),
    (5e8, "5e+08"),
    (1e9, "1e+09"),
];

const UNKNOWN: [Bound; MOST] = [
    (0.001, "0.001"),
    (0.0025, "0.0025"),
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1.0"),
    (2.5, "2.5"),
    (5.0, "5.0"),
    (10.0, "10.0"),
    (25.0, "25.0"),
    (50.0, "50.0"),
    (100.0, "100.0"),
    (250.0, "250.0"),
    (500.0, "500.0"),
    (1000.0, "1000.0"),
    (2500.0, "2500.0"),
    (5000.0, "5000.0"),
    (1e4, "10000.0"),
    (2.5e4, "25000.0"),
    (5e4, "50000.0"),
    (1e5, "100000.0"),
    (2.5e5, "250000.0"),
    (5e5, "500000.0"),
    (1e6, "1e+06"),
];

/// The bounds of the histogram that is exported as `name` and has `unit`.
pub(super) fn of(name: &str, unit: &str) -> &'static [Bound] {
    if ends_in(name, "seconds") {
        &SECONDS
    } else if ends_in(name, "ratio") || (unit.is_empty() && !ends_in(name, "bytes")) {
        &UNKNOWN
    } else {
        &SIZES
    }
}

fn ends_in(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit)
        .is_some_and(|stem| stem.is_empty() || stem.ends_with('_'))
}

/// How many values are at most each bound; never falling, never above the count of all.
pub(super) fn count(distribution: &Distribution, bounds: &[Bound]) -> [u64; MOST] {
    let mut counts = [0; MOST];
    let mut open = counts.iter_mut().zip(bounds).peekable();
    let mut seen = 0u64;
    'buckets: for bucket in distribution.buckets() {
        while let Some((count, bound)) = open.peek_mut() {
            if bucket.lower <= bound.0 {
                seen = seen.saturating_add(bucket.count).min(distribution.count);
                continue 'buckets;
            }
            **count = seen;
            open.next();
        }
        break;
    }
    open.for_each(|(count, _)| *count = seen);
    counts
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bounds_ascend_and_are_spelled_right() {
        for bounds in [&SECONDS[..], &SIZES, &UNKNOWN] {
            assert!(bounds.is_sorted_by(|one, other| one.0 < other.0));
            for (value, text) in bounds {
                assert_eq!(text.parse::<f64>().unwrap(), *value);
                assert!(text.contains(['.', 'e']), "{text} is not a canonical float");
            }
        }
    }

    #[test]
    fn the_name_and_the_unit_decide() {
        for (name, unit, bounds) in [
            ("query_seconds", "seconds", &SECONDS[..]),
            ("query_seconds", "", &SECONDS),
            ("seconds", "", &SECONDS),
            ("milliseconds", "", &UNKNOWN),
            ("size_bytes", "", &SIZES),
            ("rows", "rows", &SIZES),
            ("rows", "", &UNKNOWN),
            ("load_ratio", "ratio", &UNKNOWN),
        ] {
            assert_eq!(of(name, unit), bounds, "{name} {unit}");
        }
    }

    #[test]
    fn nothing_counts_as_nothing() {
        assert_eq!(count(&Distribution::empty(6), &SECONDS), [0; MOST]);
    }
}
