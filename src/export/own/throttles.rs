//! Adaptive throttles as metrics.

use super::{Number, OwnFamily, OwnSample};
use crate::base::order::Order;
use crate::guard::ThrottleReading;
use crate::metrics::Kind;
use crate::snapshot::Snapshot;

fn family<'s, const N: usize>(
    snapshot: &'s Snapshot,
    (name, kind, help): (&'static str, Kind, &'static str),
    values: impl Fn(&ThrottleReading) -> [(Option<(&'static str, &'static str)>, Number); N],
) -> OwnFamily<'s> {
    let mut samples = Vec::new();
    for throttle in &snapshot.throttles {
        for (label, value) in values(throttle) {
            let mut labels = vec![("throttle", throttle.name.as_str())];
            labels.extend(label);
            labels.order();
            samples.push(OwnSample { labels, value });
        }
    }
    OwnFamily {
        name,
        kind,
        help,
        samples,
    }
}

pub(super) fn families(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let decision = |text, value| (Some(("decision", text)), Number::Whole(value));
    let outcome = |text, value| (Some(("outcome", text)), Number::Whole(value));
    vec![
        family(
            snapshot,
            (
                "tidegate_throttle_requests_total",
                Kind::Counter,
                "Calls that asked a throttle, by its decision.",
            ),
            |throttle| {
                let totals = &throttle.totals;
                [
                    decision("admitted", totals.admitted),
                    decision("denied", totals.denied),
                ]
            },
        ),
        family(
            snapshot,
            (
                "tidegate_throttle_shadowed_requests_total",
                Kind::Counter,
                "Calls that a throttle in shadow mode would have denied.",
            ),
            |throttle| [(None, Number::Whole(throttle.totals.shadowed))],
        ),
        family(
            snapshot,
            (
                "tidegate_throttle_calls_total",
                Kind::Counter,
                "Calls that a throttle let go on, by how they ended.",
            ),
            |throttle| {
                let totals = &throttle.totals;
                [
                    outcome("failure", totals.failures),
                    outcome("ignored", totals.ignored),
                    outcome("success", totals.successes),
                ]
            },
        ),
        family(
            snapshot,
            (
                "tidegate_throttle_rejection_ratio",
                Kind::Gauge,
                "Part of the next calls that a throttle denies.",
            ),
            |throttle| [(None, Number::Real(throttle.rejection))],
        ),
    ]
}
