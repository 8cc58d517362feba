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
//! Edges that were declared for a histogram (`"edges"` of its options, or an objective's) are bounds
//! as well, with exact counts.
//!
//! A bucket of ours that another bound lies in counts as below the bound. So a value that is at most the
//! bound is always counted there; one that is above it by less than a bucket's width (twice the
//! histogram's relative error) may be as well.

use crate::base::order::Order;
use crate::cell::histogram::Distribution;
use crate::cell::histogram::edges::MAX_EDGES;

/// A bound and its canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    /// The largest value below it.
    pub(super) at: f64,
    /// What a bucket's label has behind `le=`, up to the value; then zeros. Copied whole, which takes
    /// less time than asking how long it is.
    pub(super) text: [u8; LONGEST_TEXT],
    /// Bytes of it.
    pub(super) length: usize,
}

/// No double is spelled with more than 24 characters; three follow.
pub(super) const LONGEST_TEXT: usize = 32;

/// Behind the last bound.
pub(super) const BEYOND: Bound = bound(f64::INFINITY, "+Inf");

const fn bound(at: f64, spelled: &str) -> Bound {
    let mut text = [0; LONGEST_TEXT];
    let parts = [spelled.as_bytes(), b"\"} "];
    let (mut length, mut part) = (0, 0);
    while part < parts.len() {
        let mut from = 0;
        while from < parts[part].len() && length < LONGEST_TEXT {
            text[length] = parts[part][from];
            length += 1;
            from += 1;
        }
        part += 1;
    }
    Bound { at, text, length }
}

const fn table<const COUNT: usize>(spelled: [(f64, &str); COUNT]) -> [Bound; COUNT] {
    let mut bounds = [BEYOND; COUNT];
    let mut next = 0;
    while next < COUNT {
        bounds[next] = bound(spelled[next].0, spelled[next].1);
        next += 1;
    }
    bounds
}

/// No table has more.
const LONGEST: usize = 28;
/// No family has more: a table, and the edges that were declared.
pub(super) const MOST: usize = LONGEST + MAX_EDGES;

static SECONDS: [Bound; 11] = table([
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
]);

static SIZES: [Bound; LONGEST] = table([
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
]);

static UNKNOWN: [Bound; LONGEST] = table([
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
]);

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
    let mut before = 0;
    let mut places = counts.iter_mut();
    distribution.counts_up_to(bounds.iter().map(|bound| bound.at), |found| {
        // A damaged region has sums that wrap.
        before = found.min(distribution.count).max(before);
        if let Some(place) = places.next() {
            *place = before;
        }
    });
    if !distribution.edges().is_empty() {
        count_at_edges(distribution, bounds, &mut counts);
    }
    counts
}

/// Puts exact counts where edges were declared. A bound below an edge, in the same bucket, would
/// count the whole bucket, and cannot have more than the edge.
fn count_at_edges(distribution: &Distribution, bounds: &[Bound], counts: &mut [u64; MOST]) {
    for edge in distribution.edges() {
        let found = bounds.iter().position(|bound| bound.at == edge.at);
        if let Some(count) = found.and_then(|at| counts.get_mut(at)) {
            *count = distribution.count_at_most(edge.at);
        }
    }
    for at in (1..bounds.len().min(MOST)).rev() {
        counts[at - 1] = counts[at - 1].min(counts[at]);
    }
}

/// The declared edges of a family's series that are no bounds already.
pub(super) fn further<'d>(
    known: &[Bound],
    series: impl Iterator<Item = &'d Distribution>,
) -> Vec<Bound> {
    let mut edges: Vec<f64> = series
        .flat_map(Distribution::edges)
        .map(|edge| edge.at)
        .filter(|edge| known.iter().all(|bound| bound.at != *edge))
        .collect();
    edges.order_by(f64::total_cmp);
    edges.dedup();
    edges.truncate(MAX_EDGES);
    edges
        .into_iter()
        .map(|edge| bound(edge, &canonical(edge)))
        .collect()
}

/// A bound as OpenMetrics spells it: with a point, or with an exponent of two digits or more from
/// a million on and below a ten-thousandth.
fn canonical(bound: f64) -> String {
    if (1e-4..1e6).contains(&bound) {
        return format!("{bound:?}");
    }
    let text = format!("{bound:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(positive) => ('-', positive),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bounds_ascend_and_are_spelled_right() {
        for bounds in [&SECONDS[..], &SIZES, &UNKNOWN] {
            assert!(bounds.is_sorted_by(|one, other| one.at < other.at));
            for bound in bounds {
                let text = std::str::from_utf8(&bound.text[..bound.length]).unwrap();
                let text = text.strip_suffix("\"} ").unwrap();
                assert_eq!(text.parse::<f64>().unwrap(), bound.at);
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
    fn edges_are_spelled_as_openmetrics_wants() {
        for (bound, text) in [
            (0.2, "0.2"),
            (1.0, "1.0"),
            (250_000.0, "250000.0"),
            (1e6, "1e+06"),
            (1.5e12, "1.5e+12"),
            (1e-4, "0.0001"),
            (5e-5, "5e-05"),
            (1e300, "1e+300"),
        ] {
            assert_eq!(canonical(bound), text);
        }
    }

    #[test]
    fn the_longest_spelling_has_room() {
        for edge in [
            f64::MAX,
            f64::MIN_POSITIVE,
            -f64::MIN_POSITIVE,
            0.1 + 0.2,
            5e-324,
        ] {
            let found = bound(edge, &canonical(edge));
            assert!(found.text[..found.length].ends_with(b"\"} "), "{edge}");
        }
    }

    #[test]
    fn nothing_counts_as_nothing() {
        assert_eq!(count(&Distribution::empty(6), &SECONDS), [0; MOST]);
    }
}
