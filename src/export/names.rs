//! The name that a family has in Prometheus, and which labels are legal there.
//!
//! `db.query` becomes `db_query`; a unit is a suffix unless the name has it; a counter ends in
//! `_total`, after the unit. Names and labels were checked when they were opened, so what is
//! illegal here comes from a damaged region, and is left out rather than repaired.

use crate::base::order::Order;
use crate::metrics::Kind;
use crate::metrics::registry::exported;
use std::collections::{HashMap, HashSet};

/// What a family is called; None when its name cannot be exported.
pub(super) fn family(name: &str, kind: Kind, unit: &str) -> Option<String> {
    let mut shown = exported(name);
    if !is_name(&shown, true) || !unit.bytes().all(is_word) {
        return None;
    }
    let is_counter = matches!(kind, Kind::Counter | Kind::Ratio);
    if is_counter && let Some(stem) = shown.strip_suffix("_total").filter(|stem| !stem.is_empty()) {
        shown.truncate(stem.len());
    }
    // OpenTelemetry writes "1" where a value has no unit.
    let has_unit = shown
        .strip_suffix(unit)
        .is_some_and(|stem| stem.is_empty() || stem.ends_with('_'));
    if !unit.is_empty() && unit != "1" && !has_unit {
        shown.push('_');
        shown.push_str(unit);
    }
    if is_counter {
        shown.push_str("_total");
    }
    if kind == Kind::Info && !shown.ends_with("_info") {
        shown.push_str("_info");
    }
    Some(shown)
}

/// What Prometheus takes a family of this kind for: a counter, a gauge or a histogram.
pub(super) fn shown_as(kind: Kind) -> Kind {
    match kind {
        Kind::Counter | Kind::Ratio => Kind::Counter,
        Kind::Gauge | Kind::Info | Kind::Enum => Kind::Gauge,
        Kind::Histogram | Kind::Operation => Kind::Histogram,
    }
}

/// The label that has an enum's state: named as the family, as OpenMetrics wants, where that is
/// legal.
pub(super) fn state_label(family: &str) -> String {
    if family.starts_with("__") {
        "state".to_owned()
    } else {
        family.replace(':', "_")
    }
}

/// Whether series of this kind may have `labels`: legal names in order, each once.
pub(super) fn are_legal(labels: &[(String, String)], kind: Kind) -> bool {
    let is_own = |name: &str| match kind {
        Kind::Histogram => name == "le",
        Kind::Operation => matches!(name, "le" | "outcome" | "code"),
        Kind::Ratio => name == "result",
        _ => false,
    };
    labels.is_sorted_by(|one, other| one.0 < other.0)
        && labels
            .iter()
            .all(|(name, _)| is_name(name, false) && !name.starts_with("__") && !is_own(name))
}

fn is_name(text: &str, colons: bool) -> bool {
    for &byte in text.as_bytes() {
        let is_legal = is_word(byte) || (colons && byte == b':');
        if !is_legal {
            return false;
        }
    }
    !text.is_empty() && !text.as_bytes()[0].is_ascii_digit()
}

#[inline(always)]
fn is_word(byte: u8) -> bool {
    // Letters first: nearly all are.
    byte.is_ascii_alphabetic() || matches!(byte, b'0'..=b'9' | b'_')
}

/// What a histogram's samples are called, beside the family.
const SAMPLES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The names that are taken. First come, first served.
#[derive(Default)]
pub(super) struct Taken<'a> {
    families: HashMap<&'a str, Kind>,
    sample: String,
    /// Every name that OpenMetrics sees in a family, where its rules hold.
    strict: Option<HashSet<String>>,
    /// True when no two names clash, which is known without asking one by one.
    is_clear: bool,
}

/// What a sample's name may have beside that of its family.
const SUFFIXES: [&str; 5] = ["_total", "_created", "_bucket", "_sum", "_count"];

/// Whether two of these names, which are sorted, might clash: by any rules, for families of any kind.
/// Most regions have no such names, and asking [`Taken`] for each takes longer than writing it.
pub(super) fn might_clash(sorted: &[&str]) -> bool {
    let has = |stem: &str, suffix: &str| {
        let wanted = stem.bytes().chain(suffix.bytes());
        let place = sorted.binary_search_by(|name| name.bytes().cmp(wanted.clone()));
        place.is_ok()
    };
    // A sample of the family that is called `text`, or would be if it were no counter, may have the
    // name of another family or of its samples.
    let is_sample = |text: &str| {
        SUFFIXES.iter().any(|suffix| {
            text.strip_suffix(suffix)
                .is_some_and(|stem| has(stem, "") || *suffix != "_total" && has(stem, "_total"))
        })
    };
    sorted.windows(2).any(|pair| pair[0] == pair[1])
        || sorted
            .iter()
            .any(|name| is_sample(name) || name.strip_suffix("_total").is_some_and(is_sample))
}

impl<'a> Taken<'a> {
    /// By the rules of OpenMetrics: a family takes its name and that of every sample that it could
    /// have.
    pub(super) fn strict() -> Self {
        Taken {
            strict: Some(HashSet::new()),
            ..Taken::default()
        }
    }

    /// The same rules where all `names`, in any order, are known beforehand.
    pub(super) fn among(mut self, mut names: Vec<&str>) -> Self {
        names.order();
        self.is_clear = !might_clash(&names);
        self
    }

    /// Takes `name` for a family of this kind, unless a reader could confuse it with another one:
    /// a gauge `x_count` would be read as part of the histogram `x`.
    pub(super) fn take(&mut self, name: &'a str, kind: Kind) -> bool {
        if self.is_clear {
            return true;
        }
        let kind = shown_as(kind);
        if let Some(strict) = &mut self.strict {
            let stem = name
                .strip_suffix("_total")
                .filter(|_| kind == Kind::Counter);
            let stem = stem.unwrap_or(name);
            let suffixes: &[&str] = match kind {
                Kind::Counter => &["", "_total", "_created"],
                Kind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
                _ => &[""],
            };
            let names: Vec<String> = suffixes
                .iter()
                .map(|suffix| format!("{stem}{suffix}"))
                .collect();
            let is_free = !names.iter().any(|name| strict.contains(name));
            if is_free {
                strict.extend(names);
            }
            return is_free;
        }
        let clashes = self.families.contains_key(name)
            || SAMPLES.iter().any(|suffix| {
                name.strip_suffix(suffix)
                    .is_some_and(|stem| self.families.get(stem) == Some(&Kind::Histogram))
            })
            || (kind == Kind::Histogram && self.has_sample_of(name));
        if !clashes {
            self.families.insert(name, kind);
        }
        !clashes
    }

    fn has_sample_of(&mut self, name: &str) -> bool {
        SAMPLES.iter().any(|suffix| {
            self.sample.clear();
            self.sample.push_str(name);
            self.sample.push_str(suffix);
            self.families.contains_key(self.sample.as_str())
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn where_no_names_might_clash_none_does(
            names in prop::collection::vec(("[ab](_total|_created|_sum|_count|_bucket|_x){0,3}", 0..3usize), 1..5),
        ) {
            let names: Vec<(String, Kind)> = names
                .into_iter()
                .map(|(name, kind)| match [Kind::Counter, Kind::Gauge, Kind::Histogram][kind] {
                    Kind::Counter => (family(&name, Kind::Counter, "").unwrap(), Kind::Counter),
                    other => (name, other),
                })
                .collect();
            let all = || names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
            for rules in [Taken::default, Taken::strict] {
                let mut known = rules().among(all());
                let mut asked = rules();
                for (name, kind) in &names {
                    let taken = asked.take(name, *kind);
                    prop_assert_eq!(known.take(name, *kind), taken);
                }
            }
        }
    }

    #[test]
    fn suffixes_are_appended_once() {
        for (name, kind, unit, shown) in [
            ("queries_total", Kind::Counter, "", "queries_total"),
            ("queries", Kind::Counter, "", "queries_total"),
            ("io.read", Kind::Counter, "bytes", "io_read_bytes_total"),
            ("io_total", Kind::Counter, "bytes", "io_bytes_total"),
            ("io_bytes_total", Kind::Counter, "bytes", "io_bytes_total"),
            ("_total", Kind::Counter, "", "_total_total"),
            ("queries_in_flight", Kind::Gauge, "", "queries_in_flight"),
            ("x_total", Kind::Gauge, "", "x_total"),
            ("load", Kind::Gauge, "1", "load"),
            ("seconds", Kind::Histogram, "seconds", "seconds"),
            (
                "db/query-time",
                Kind::Histogram,
                "seconds",
                "db_query_time_seconds",
            ),
            ("job:time", Kind::Histogram, "seconds", "job:time_seconds"),
        ] {
            assert_eq!(family(name, kind, unit).as_deref(), Some(shown));
        }
    }

    #[test]
    fn names_of_a_damaged_region_are_not_exported() {
        for (name, unit) in [
            ("", ""),
            ("9a", ""),
            ("a b", ""),
            ("a\n", ""),
            ("ü", ""),
            ("a", "m/s"),
        ] {
            assert_eq!(family(name, Kind::Gauge, unit), None);
        }
    }

    #[test]
    fn labels_of_a_damaged_region_are_not_exported() {
        let legal = |names: &[&str], kind| {
            let labels: Vec<_> = names
                .iter()
                .map(|name| (name.to_string(), String::new()))
                .collect();
            are_legal(&labels, kind)
        };
        assert!(legal(&[], Kind::Gauge));
        assert!(legal(&["a", "b"], Kind::Gauge));
        assert!(legal(&["le"], Kind::Gauge));
        for wrong in [
            &["le"][..],
            &["b", "a"],
            &["a", "a"],
            &["a:b"],
            &[""],
            &["__name__"],
        ] {
            assert!(!legal(wrong, Kind::Histogram), "{wrong:?}");
        }
    }

    #[test]
    fn names_that_a_reader_would_confuse_are_taken_once() {
        let taken = |first, second| {
            let mut taken = Taken::default();
            let (name, kind) = first;
            assert!(taken.take(name, kind));
            let (name, kind) = second;
            !taken.take(name, kind)
        };
        assert!(taken(("x_total", Kind::Counter), ("x_total", Kind::Gauge)));
        assert!(taken(("x", Kind::Histogram), ("x_count", Kind::Gauge)));
        assert!(taken(("x_sum", Kind::Gauge), ("x", Kind::Histogram)));
        assert!(taken(("x", Kind::Histogram), ("x_bucket", Kind::Histogram)));
        assert!(!taken(("x", Kind::Gauge), ("x_count", Kind::Gauge)));
        assert!(!taken(("x_total", Kind::Counter), ("x", Kind::Histogram)));
    }
}
