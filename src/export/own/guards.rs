//! Bulkheads, retries and chains of guards as metrics.

use super::{Number, OwnFamily, OwnSample};
use crate::base::order::Order;
use crate::guard::bulkhead::BulkheadReading;
use crate::guard::chain::{ChainReading, Part};
use crate::guard::retry::RetryReading;
use crate::metrics::Kind;
use crate::snapshot::Snapshot;

type Label = (&'static str, &'static str);

trait Named {
    fn name(&self) -> &str;
}

impl Named for BulkheadReading {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for RetryReading {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for ChainReading {
    fn name(&self) -> &str {
        &self.name
    }
}

/// A family of guards, each with its name under `label` and the samples that `values` gives.
fn family<'s, G: Named>(
    guards: &'s [G],
    label: &'static str,
    (family, kind, help): (&'static str, Kind, &'static str),
    values: impl Fn(&G) -> Vec<(Option<Label>, u64)>,
) -> OwnFamily<'s> {
    let mut samples = Vec::new();
    for guard in guards {
        for (further, value) in values(guard) {
            let mut labels = vec![(label, guard.name())];
            labels.extend(further);
            labels.order();
            samples.push(OwnSample {
                labels,
                value: Number::Whole(value),
            });
        }
    }
    OwnFamily {
        name: family,
        kind,
        help,
        samples,
    }
}

pub(super) fn families(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let mut all = bulkheads(snapshot);
    all.extend(retries(snapshot));
    all.extend(chains(snapshot));
    all
}

fn bulkheads(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let of = |about, values: fn(&_) -> _| family(&snapshot.bulkheads, "bulkhead", about, values);
    vec![
        of(
            (
                "tidegate_bulkhead_requests_total",
                Kind::Counter,
                "Calls that wanted to enter a bulkhead, by its decision.",
            ),
            |bulkhead| {
                vec![
                    (Some(("decision", "admitted")), bulkhead.numbers.entered),
                    (Some(("decision", "denied")), bulkhead.numbers.denied),
                ]
            },
        ),
        of(
            (
                "tidegate_bulkhead_shadowed_requests_total",
                Kind::Counter,
                "Calls that a bulkhead in shadow mode would have denied.",
            ),
            |bulkhead| vec![(None, bulkhead.numbers.would_deny)],
        ),
        of(
            (
                "tidegate_bulkhead_limit",
                Kind::Gauge,
                "Most calls inside a bulkhead; of one key, if it has keys.",
            ),
            |bulkhead| vec![(None, bulkhead.numbers.limit)],
        ),
        of(
            (
                "tidegate_bulkhead_in_use",
                Kind::Gauge,
                "Calls inside a bulkhead.",
            ),
            |bulkhead| vec![(None, bulkhead.numbers.in_use)],
        ),
        of(
            (
                "tidegate_bulkhead_returned_permits_total",
                Kind::Counter,
                "Permits that came back from holders that were dead, or late.",
            ),
            |bulkhead| {
                vec![
                    (
                        Some(("reason", "dead")),
                        bulkhead.numbers.returned_from_dead,
                    ),
                    (Some(("reason", "late")), bulkhead.numbers.timed_out),
                ]
            },
        ),
        of(
            (
                "tidegate_bulkhead_limit_changes_total",
                Kind::Counter,
                "Changes of an adaptive bulkhead's limit.",
            ),
            |bulkhead| vec![(None, bulkhead.numbers.adapted)],
        ),
    ]
}

fn retries(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let of = |about, values: fn(&_) -> _| family(&snapshot.retries, "retry", about, values);
    vec![
        of(
            (
                "tidegate_retry_attempts_total",
                Kind::Counter,
                "Attempts that a retry allowed: first ones, and further ones.",
            ),
            |retry| {
                vec![
                    (Some(("attempt", "first")), retry.numbers.first_attempts),
                    (Some(("attempt", "further")), retry.numbers.retries),
                ]
            },
        ),
        of(
            (
                "tidegate_retry_denied_total",
                Kind::Counter,
                "Attempts that a retry denied, by reason.",
            ),
            |retry| {
                vec![
                    (Some(("reason", "exhausted")), retry.numbers.exhausted),
                    (Some(("reason", "over_budget")), retry.numbers.over_budget),
                    (Some(("reason", "too_late")), retry.numbers.too_late),
                ]
            },
        ),
        of(
            (
                "tidegate_retry_shadowed_total",
                Kind::Counter,
                "Attempts that a retry in shadow mode would have denied.",
            ),
            |retry| vec![(None, retry.numbers.would_deny)],
        ),
    ]
}

fn chains(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let of = |about, values: fn(&_) -> _| family(&snapshot.guards, "guard", about, values);
    vec![
        of(
            (
                "tidegate_guard_admitted_total",
                Kind::Counter,
                "Calls that a chain of guards let pass.",
            ),
            |chain| vec![(None, chain.admitted)],
        ),
        of(
            (
                "tidegate_guard_refused_total",
                Kind::Counter,
                "Calls that a guard of a chain refused, by its kind.",
            ),
            |chain| by_part(chain.refused),
        ),
        of(
            (
                "tidegate_guard_shadowed_total",
                Kind::Counter,
                "Calls that a guard of a chain in shadow mode would have refused, by its kind.",
            ),
            |chain| by_part(chain.shadowed),
        ),
    ]
}

fn by_part(counts: [u64; 5]) -> Vec<(Option<Label>, u64)> {
    let parts = Part::ALL.into_iter().zip(counts);
    parts
        .map(|(part, count)| (Some(("by", part.name())), count))
        .collect()
}
