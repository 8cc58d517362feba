//! Circuit breakers as metrics.

use super::{Number, OwnFamily, OwnSample};
use crate::base::order::Order;
use crate::guard::{BreakerPhase, BreakerReading};
use crate::metrics::Kind;
use crate::snapshot::Snapshot;

/// A sample with a label beside the breaker's name, in order of the labels' names.
fn labelled<'s>(
    breaker: &'s BreakerReading,
    label: Option<(&'static str, &'static str)>,
    value: Number,
) -> OwnSample<'s> {
    let mut labels = vec![("breaker", breaker.name.as_str())];
    labels.extend(label);
    labels.order();
    OwnSample { labels, value }
}

fn whole<'s>(
    snapshot: &'s Snapshot,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&BreakerReading) -> u64,
) -> OwnFamily<'s> {
    let all = snapshot.breakers.iter();
    let samples = all.map(|breaker| labelled(breaker, None, Number::Whole(value(breaker))));
    OwnFamily {
        name,
        kind,
        help,
        samples: samples.collect(),
    }
}

/// One sample for each of some labels.
fn by<'s, const N: usize>(
    snapshot: &'s Snapshot,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    label: &'static str,
    values: impl Fn(&BreakerReading) -> [(&'static str, u64); N],
) -> OwnFamily<'s> {
    let mut samples = Vec::new();
    for breaker in &snapshot.breakers {
        for (text, value) in values(breaker) {
            samples.push(labelled(breaker, Some((label, text)), Number::Whole(value)));
        }
    }
    OwnFamily {
        name,
        kind,
        help,
        samples,
    }
}

/// A rate of the window, where there are calls enough for one.
fn rate<'s>(
    snapshot: &'s Snapshot,
    name: &'static str,
    help: &'static str,
    value: fn(&BreakerReading) -> f64,
) -> OwnFamily<'s> {
    let known = snapshot
        .breakers
        .iter()
        .filter(|breaker| !value(breaker).is_nan());
    let samples = known.map(|breaker| labelled(breaker, None, Number::Real(value(breaker))));
    OwnFamily {
        name,
        kind: Kind::Gauge,
        help,
        samples: samples.collect(),
    }
}

pub(super) fn families(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    vec![
        by(
            snapshot,
            "tidegate_breaker_state",
            Kind::Gauge,
            "Where a breaker is: 1 for its state, 0 for the others.",
            "state",
            |breaker| {
                BreakerPhase::ALL.map(|phase| (phase.name(), (phase == breaker.phase).into()))
            },
        ),
        by(
            snapshot,
            "tidegate_breaker_calls_total",
            Kind::Counter,
            "Calls through a breaker, by how they ended.",
            "outcome",
            |breaker| {
                let totals = &breaker.totals;
                [
                    ("failure", totals.failures),
                    ("ignored", totals.ignored),
                    ("success", totals.successes),
                ]
            },
        ),
        whole(
            snapshot,
            "tidegate_breaker_slow_calls_total",
            Kind::Counter,
            "Calls through a breaker that took too long, however they ended.",
            |breaker| breaker.totals.slow,
        ),
        whole(
            snapshot,
            "tidegate_breaker_not_permitted_calls_total",
            Kind::Counter,
            "Calls that a breaker denied.",
            |breaker| breaker.totals.not_permitted,
        ),
        whole(
            snapshot,
            "tidegate_breaker_shadowed_calls_total",
            Kind::Counter,
            "Calls that a breaker in shadow mode would have denied.",
            |breaker| breaker.totals.shadowed,
        ),
        whole(
            snapshot,
            "tidegate_breaker_late_reports_total",
            Kind::Counter,
            "Reports that came after a change of state and did not count.",
            |breaker| breaker.totals.late,
        ),
        by(
            snapshot,
            "tidegate_breaker_transitions_total",
            Kind::Counter,
            "Changes of a breaker's state, by the state that it changed to.",
            "to",
            |breaker| {
                let totals = &breaker.totals;
                [
                    ("closed", totals.closed),
                    ("half_open", totals.half_opened),
                    ("open", totals.opened),
                ]
            },
        ),
        whole(
            snapshot,
            "tidegate_breaker_window_calls",
            Kind::Gauge,
            "Calls in a breaker's window.",
            |breaker| breaker.calls,
        ),
        rate(
            snapshot,
            "tidegate_breaker_failure_ratio",
            "Failed part of the calls in a breaker's window.",
            |breaker| breaker.failure_rate,
        ),
        rate(
            snapshot,
            "tidegate_breaker_slow_call_ratio",
            "Slow part of the calls in a breaker's window.",
            |breaker| breaker.slow_call_rate,
        ),
        whole(
            snapshot,
            "tidegate_breaker_probes_out",
            Kind::Gauge,
            "Probes of a half-open breaker that are out.",
            |breaker| breaker.permits_out,
        ),
    ]
}
