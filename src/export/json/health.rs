//! The section "health": what readiness says, measurement by measurement.

use super::Json;
use crate::health::{Finding, Health};

impl Json<'_> {
    pub(super) fn health(&mut self, health: &Health) {
        self.open(b'{');
        self.key("status").text(health.status.name());
        self.key("http_status").whole(health.http_status.into());
        self.key("checks").open(b'[');
        for finding in &health.findings {
            self.line().finding(finding);
        }
        self.close_lines(b']');
        self.close(b'}');
    }

    fn finding(&mut self, finding: &Finding) {
        self.open(b'{');
        self.key("name").text(&finding.check);
        self.key("measure").text(finding.measure);
        self.key("status").text(finding.status.name());
        self.key("observed")
            .real(finding.observed.unwrap_or(f64::NAN));
        if !finding.unit.is_empty() {
            self.key("unit").text(finding.unit);
        }
        if !finding.reason.is_empty() {
            self.key("reason").text(&finding.reason);
        }
        self.key("age_seconds").seconds(finding.age_ns);
        self.close(b'}');
    }
}
