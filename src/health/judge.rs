//! Values against thresholds.

use super::check::{Check, Measure, Subject, Threshold};
use super::plan::Plan;
use super::{Status, observe};
use crate::snapshot::{ReportReading, Snapshot};

/// What a snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The worst of all that is known.
    pub status: Status,
    /// Its HTTP status.
    pub http_status: u16,
    /// Each measurement, in the order of the plan; then what the application reports beyond it.
    pub findings: Vec<Finding>,
}

/// One measurement of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// What was measured of it.
    pub measure: &'static str,
    /// Whether it is a process, a host, or something inside.
    pub component: &'static str,
    /// How it is.
    pub status: Status,
    /// The value, if there is one.
    pub observed: Option<f64>,
    /// Its unit; empty when it has none.
    pub unit: &'static str,
    /// Why it is not healthy, or why nobody knows; empty when all is well.
    pub reason: String,
    /// Nanoseconds before the snapshot at which it was observed.
    pub age_ns: u64,
}

/// Judges `snapshot` by the plan that it carries.
pub fn judge(snapshot: &Snapshot) -> Health {
    let mut findings = Vec::new();
    let plan = match snapshot.health.plan.as_deref() {
        Some("") => Plan::default(),
        Some(text) => Plan::parse_text(text).unwrap_or_else(|error| {
            findings.push(broken(error.message()));
            Plan::default()
        }),
        None => {
            findings.push(broken("the text in the region is damaged"));
            Plan::default()
        }
    };
    for check in &plan.checks {
        findings.extend(judge_check(snapshot, &plan, check));
    }
    let is_planned = |name: &str| {
        plan.checks
            .iter()
            .any(|check| matches!(&check.subject, Subject::Reported(planned, _) if planned == name))
    };
    for report in &snapshot.health.reports {
        if !is_planned(&report.check) {
            findings.push(judge_report(report, &report.check, Status::Unknown));
        }
    }
    let status = Status::worst(findings.iter().map(|finding| finding.status));
    Health {
        status,
        http_status: plan.http_status(status),
        findings,
    }
}

/// A plan that cannot be read is not a reason to take a service out of rotation.
fn broken(reason: &str) -> Finding {
    Finding {
        check: "health".into(),
        measure: "plan",
        component: "component",
        status: Status::Unknown,
        observed: None,
        unit: "",
        reason: format!("the checks cannot be read: {reason}"),
        age_ns: 0,
    }
}

fn judge_check(snapshot: &Snapshot, plan: &Plan, check: &Check) -> Vec<Finding> {
    if let Subject::Reported(name, stale) = &check.subject {
        let reports = &snapshot.health.reports;
        return vec![match reports.iter().find(|report| report.check == *name) {
            Some(report) => judge_report(report, &check.name, *stale),
            None => Finding {
                check: check.name.clone(),
                measure: "reported",
                component: "component",
                status: Status::Unknown,
                observed: None,
                unit: "",
                reason: "nothing was reported yet".into(),
                age_ns: 0,
            },
        }];
    }
    check
        .measures
        .iter()
        .map(|(measure, threshold)| {
            let (status, observed, reason) =
                match observe::value(snapshot, plan, &check.subject, *measure, threshold) {
                    Ok(value) => {
                        let (status, reason) = compare(*measure, threshold, value);
                        (status, Some(value), reason)
                    }
                    Err(reason) => (Status::Unknown, None, reason),
                };
            Finding {
                check: check.name.clone(),
                measure: measure.name(),
                component: match check.subject {
                    Subject::Workers | Subject::Region | Subject::Process | Subject::Host => {
                        "system"
                    }
                    _ => "component",
                },
                status,
                observed,
                unit: unit(*measure, &check.subject),
                reason,
                age_ns: 0,
            }
        })
        .collect()
}

/// A value exactly at a threshold is not beyond it, save at the end of what a share can be: nothing
/// is beyond "all" and "none", so that these thresholds mean just that.
fn compare(measure: Measure, threshold: &Threshold, value: f64) -> (Status, String) {
    let last = if threshold.below { 0.0 } else { 1.0 };
    let is_beyond = |bound: &f64| {
        let at_last = measure.is_share() && *bound == last && value == last;
        at_last
            || if threshold.below {
                value < *bound
            } else {
                value > *bound
            }
    };
    let (status, bound) = if let Some(bound) = threshold.fail.filter(is_beyond) {
        (Status::Unhealthy, bound)
    } else if let Some(bound) = threshold.warn.filter(is_beyond) {
        (Status::Degraded, bound)
    } else {
        return (Status::Healthy, String::new());
    };
    let side = match threshold.below {
        _ if value == bound => "nothing beyond",
        true => "below",
        false => "above",
    };
    let reason = match measure {
        Measure::State if value > 1.5 => "it is open".into(),
        Measure::State => "it is half-open".into(),
        Measure::Alert if value > 1.5 => "an alert is firing".into(),
        Measure::Alert => "an alert is pending".into(),
        _ => format!("{} is {value}, {side} {bound}", measure.name()),
    };
    (status, reason)
}

fn judge_report(report: &ReportReading, name: &str, stale: Status) -> Finding {
    let is_stale = report.ttl_ns != 0 && report.age_ns > report.ttl_ns;
    let reported = Status::from_number(report.status).unwrap_or(Status::Unknown);
    let (status, reason) = if is_stale {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let reason = format!(
            "last reported {} s ago, as {}; it counts for {} s",
            seconds(report.age_ns),
            reported.name(),
            seconds(report.ttl_ns)
        );
        (stale, reason)
    } else {
        (reported, report.message.clone())
    };
    Finding {
        check: name.to_owned(),
        measure: "reported",
        component: "component",
        status,
        observed: Some(report.observed).filter(|observed| observed.is_finite()),
        unit: "",
        reason,
        age_ns: report.age_ns,
    }
}

fn unit(measure: Measure, subject: &Subject) -> &'static str {
    let is_operation = matches!(subject, Subject::Operation(..));
    match measure {
        Measure::Average | Measure::Quantile(_) | Measure::Max if is_operation => "s",
        Measure::HeartbeatAge => "s",
        Measure::MemoryBytes => "By",
        Measure::Rate => "1/s",
        _ => "",
    }
}
