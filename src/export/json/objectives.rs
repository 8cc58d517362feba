//! The section "objectives".

use super::Json;
use crate::objective::{Goal, ObjectiveReading, Source};

/// The windows whose burn rates are told, shortest first.
const WINDOWS: [&str; 5] = ["5m", "30m", "1h", "6h", "3d"];

impl Json<'_> {
    pub(super) fn objectives(&mut self, objectives: &[ObjectiveReading]) {
        self.open(b'[');
        for objective in objectives {
            self.line().objective(objective);
        }
        self.close_lines(b']');
    }

    fn objective(&mut self, objective: &ObjectiveReading) {
        let policy = &objective.policy;
        self.open(b'{');
        self.key("name").text(&policy.name);
        self.key("source").text(match policy.source {
            Source::Operation(_) => "operation",
            Source::Histogram(_) => "histogram",
        });
        self.key("metric").text(policy.source.name());
        match policy.goal {
            Goal::Success => {
                self.key("goal").text("success");
                self.key("latency_seconds").null();
            }
            Goal::Latency(seconds) => {
                self.key("goal").text("latency");
                self.key("latency_seconds").real(seconds);
            }
        }
        self.key("target").real(policy.target);
        self.key("period_seconds").whole(policy.period_seconds());
        self.key("good").whole(objective.period.good);
        self.key("total").whole(objective.period.total);
        self.key("budget_left").real(objective.budget_left);
        self.key("burn_rates").open(b'{');
        for (window, rate) in WINDOWS.into_iter().zip(objective.burn_rates) {
            self.key(window).real(rate);
        }
        self.close(b'}');
        self.key("alerts").open(b'[');
        for alert in &objective.alerts {
            self.open(b'{');
            self.key("severity").text(alert.rule.severity.name());
            self.key("long_seconds").whole(alert.rule.long_seconds);
            self.key("short_seconds").whole(alert.rule.short_seconds);
            self.key("burn_rate").real(alert.rule.burn_rate);
            self.key("long_burn").real(alert.long_burn);
            self.key("short_burn").real(alert.short_burn);
            self.key("state").text(alert.state.name());
            self.key("for_seconds").whole(alert.for_seconds);
            self.close(b'}');
        }
        self.close(b']');
        self.key("age_seconds").seconds(objective.age_ns);
        self.close(b'}');
    }
}
