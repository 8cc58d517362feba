//! Readiness as a document of its own.
//!
//! **application/health+json** (draft-inadarei-api-health-check-06): `pass`, `warn` or `fail`, and
//! each measurement under `check:measurement`. Names keep to the draft: a colon inside a part
//! becomes `_`. A measurement that nobody can tell has the status `unknown` and says why in
//! `output`; it does not touch the whole.
//!
//! **The plain form**: `{"status", "timestamp", "uptime", "checks": {"db": "ok"}}`, a word for each
//! check, the worst of its measurements.

use super::json::{Json, rfc3339};
use crate::health::{Finding, Health, Status};
use crate::snapshot::Snapshot;

/// Appends application/health+json to `out`.
pub fn write_standard(snapshot: &Snapshot, health: &Health, out: &mut Vec<u8>) {
    let mut json = Json::new(out);
    json.out.push(b'{');
    json.key("status").text(standard(health.status));
    if !snapshot.service.is_empty() {
        json.key("serviceId").text(&snapshot.service);
    }
    json.key("notes").open(b'[');
    json.text(&format!("judged by tidegate {}", snapshot.version));
    json.close(b']');
    let reasons: Vec<String> = health
        .findings
        .iter()
        .filter(|finding| matches!(finding.status, Status::Degraded | Status::Unhealthy))
        .map(|finding| match finding.reason.as_str() {
            "" => format!("{} is {}", finding.check, finding.status.name()),
            reason => format!("{}: {reason}", finding.check),
        })
        .collect();
    if !reasons.is_empty() {
        json.key("output").text(&reasons.join("; "));
    }
    json.key("checks").open(b'{');
    let mut written: Vec<String> = Vec::new();
    for finding in &health.findings {
        let key = key(finding);
        if written.contains(&key) {
            continue;
        }
        json.line().text(&key);
        json.out.push(b':');
        json.open(b'[');
        for same in health
            .findings
            .iter()
            .filter(|other| self::key(other) == key)
        {
            standard_finding(&mut json, snapshot, same);
        }
        json.close(b']');
        written.push(key);
    }
    json.close_lines(b'}');
    json.close(b'}');
    json.out.push(b'\n');
}

fn key(finding: &Finding) -> String {
    format!("{}:{}", finding.check.replace(':', "_"), finding.measure)
}

fn standard_finding(json: &mut Json<'_>, snapshot: &Snapshot, finding: &Finding) {
    json.open(b'{');
    json.key("componentType").text(finding.component);
    if let Some(observed) = finding.observed {
        json.key("observedValue").real(observed);
        if !finding.unit.is_empty() {
            json.key("observedUnit").text(finding.unit);
        }
    }
    json.key("status").text(standard(finding.status));
    let time = snapshot.taken_wall_ns.saturating_sub(finding.age_ns);
    json.key("time").text(&rfc3339(time));
    if !finding.reason.is_empty() {
        json.key("output").text(&finding.reason);
    }
    json.close(b'}');
}

fn standard(status: Status) -> &'static str {
    match status {
        Status::Healthy => "pass",
        Status::Degraded => "warn",
        Status::Unhealthy => "fail",
        Status::Unknown => "unknown",
    }
}

/// Appends the plain form to `out`.
pub fn write_simple(snapshot: &Snapshot, health: &Health, out: &mut Vec<u8>) {
    let mut json = Json::new(out);
    json.out.push(b'{');
    json.key("status").text(health.status.name());
    json.key("timestamp").time(snapshot.taken_wall_ns);
    json.key("uptime").seconds(snapshot.age_ns);
    json.key("checks").open(b'{');
    let mut written: Vec<&str> = Vec::new();
    for finding in &health.findings {
        let name = finding.check.as_str();
        if written.contains(&name) {
            continue;
        }
        let same = || {
            let all = health.findings.iter();
            all.filter(|other| other.check == name)
                .map(|other| other.status)
        };
        let word = if same().all(|status| status == Status::Unknown) {
            "unknown"
        } else {
            match Status::worst(same()) {
                Status::Healthy => "ok",
                other => other.name(),
            }
        };
        json.text(name);
        json.out.push(b':');
        json.text(word);
        written.push(name);
    }
    json.close(b'}');
    json.close(b'}');
    json.out.push(b'\n');
}
