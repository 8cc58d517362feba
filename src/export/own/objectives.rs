//! What objectives show as metrics.

use super::{Number, OwnFamily, OwnSample};
use crate::metrics::Kind;
use crate::objective::State;
use crate::snapshot::Snapshot;

/// The windows whose burn rates are told, shortest first.
const WINDOWS: [&str; 5] = ["5m", "30m", "1h", "6h", "3d"];

pub(super) fn families(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let all = || snapshot.objectives.iter();
    let gauge = |name, help, samples| OwnFamily {
        name,
        kind: Kind::Gauge,
        help,
        samples,
    };
    let real = |labels, value| OwnSample {
        labels,
        value: Number::Real(value),
    };
    vec![
        gauge(
            "tidegate_objective_target_ratio",
            "Share of events that has to be good.",
            all()
                .map(|objective| {
                    let labels = vec![("objective", objective.policy.name.as_str())];
                    real(labels, objective.policy.target)
                })
                .collect(),
        ),
        gauge(
            "tidegate_objective_budget_left_ratio",
            "Share of the period's error budget that is left; below 0 when it is overspent.",
            all()
                .map(|objective| {
                    let labels = vec![("objective", objective.policy.name.as_str())];
                    real(labels, objective.budget_left)
                })
                .collect(),
        ),
        gauge(
            "tidegate_objective_burn_rate",
            "How many times faster than allowed the error budget is spent.",
            all()
                .flat_map(|objective| {
                    WINDOWS
                        .into_iter()
                        .zip(objective.burn_rates)
                        .map(|(window, rate)| {
                            let name = objective.policy.name.as_str();
                            real(vec![("objective", name), ("window", window)], rate)
                        })
                })
                .collect(),
        ),
        gauge(
            "tidegate_objective_alert_state",
            "1 for the state that an alert is in, by its long window.",
            all()
                .flat_map(|objective| {
                    let name = objective.policy.name.as_str();
                    objective.alerts.iter().flat_map(move |alert| {
                        State::ALL.into_iter().map(move |state| OwnSample {
                            labels: vec![
                                ("objective", name),
                                ("severity", alert.rule.severity.name()),
                                ("state", state.name()),
                                ("window", alert.window.as_str()),
                            ],
                            value: Number::Whole((alert.state == state).into()),
                        })
                    })
                })
                .collect(),
        ),
    ]
}
