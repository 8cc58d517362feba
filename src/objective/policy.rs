//! An objective of a configuration document.
//!
//! ```json
//! {"name": "api-availability", "operation": "http.request", "success_ratio": 0.995, "period_days": 30}
//! {"name": "api-latency", "operation": "http.request", "latency_seconds": 0.2, "ratio": 0.95}
//! ```
//! Alerts are those of the SRE workbook unless `"alerts"` has others: page at 14.4 over an hour and
//! five minutes, page at 6 over six hours and half an hour, ticket at 1 over three days and six hours.

use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::name;
use serde_json::Value;

/// An objective.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectivePolicy {
    /// Its name.
    pub name: String,
    /// Whose events are judged.
    pub source: Source,
    /// Which of them are good.
    pub goal: Goal,
    /// How much of them has to be, between 0 and 1.
    pub target: f64,
    /// Time over which it has to be.
    pub period_days: f64,
    /// Events that a long window needs before it is judged.
    pub minimum_events: u64,
    /// Seconds for which an alert must burn before it fires.
    pub hold_seconds: u64,
    /// Seconds for which a firing alert must be quiet before it is resolved.
    pub keep_seconds: u64,
    /// Its alerts.
    pub alerts: Vec<Rule>,
    /// As it was given.
    pub text: String,
}

/// Whose events are judged: all series of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An operation.
    Operation(String),
    /// A histogram.
    Histogram(String),
}

impl Source {
    /// The name of the metric.
    pub fn name(&self) -> &str {
        match self {
            Source::Operation(name) | Source::Histogram(name) => name,
        }
    }
}

/// Which events are good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Calls that succeed, of those that succeed or fail.
    Success,
    /// Values of at most this many seconds.
    Latency(f64),
}

/// An alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// How loud it is.
    pub severity: Severity,
    /// The window that says that it matters.
    pub long_seconds: u64,
    /// The window that says that it goes on.
    pub short_seconds: u64,
    /// Burn rate that both must be above.
    pub burn_rate: f64,
}

/// How loud an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks tomorrow.
    Ticket,
}

impl Severity {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        }
    }
}

/// Alerts that an objective can have.
pub const MAX_ALERTS: usize = 4;
/// The longest window of an alert: three days.
pub const LONGEST_WINDOW: u64 = 3 * 24 * 3600;

const WORKBOOK: [Rule; 3] = [
    Rule {
        severity: Severity::Page,
        long_seconds: 3600,
        short_seconds: 300,
        burn_rate: 14.4,
    },
    Rule {
        severity: Severity::Page,
        long_seconds: 6 * 3600,
        short_seconds: 1800,
        burn_rate: 6.0,
    },
    Rule {
        severity: Severity::Ticket,
        long_seconds: LONGEST_WINDOW,
        short_seconds: 6 * 3600,
        burn_rate: 1.0,
    },
];

const PRESETS: &str = "list, read, write, analytics, search, errors, uptime, high_uptime";

fn preset(name: &str) -> Option<(Goal, f64)> {
    let latency = |seconds| Some((Goal::Latency(seconds), 0.95));
    match name {
        "list" => latency(0.2),
        "read" => latency(0.15),
        "write" | "search" => latency(0.25),
        "analytics" => latency(0.3),
        "errors" | "high_uptime" => Some((Goal::Success, 0.999)),
        "uptime" => Some((Goal::Success, 0.995)),
        _ => None,
    }
}

const KNOWN: &str = "name, operation, histogram, preset, success_ratio, latency_seconds, ratio, period_days, minimum_events, hold_seconds, keep_seconds, alerts";

impl ObjectivePolicy {
    /// Reads the section "objectives".
    pub fn parse_all(value: &Value) -> Result<Vec<Self>> {
        let list = value
            .as_array()
            .ok_or_else(|| expected("objectives", "a list", value))?;
        let mut all: Vec<ObjectivePolicy> = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let found = Self::parse(&format!("objectives[{index}]"), value)?;
            if all.iter().any(|known| known.name == found.name) {
                return Err(Error::config(format!(
                    "objectives[{index}].name: there are two objectives {:?}",
                    found.name
                )));
            }
            all.push(found);
        }
        Ok(all)
    }

    /// Reads one objective, which stands at `place`.
    pub fn parse(place: &str, value: &Value) -> Result<Self> {
        let fields = value
            .as_object()
            .ok_or_else(|| expected(place, "an object", value))?;
        let (mut given_name, mut source, mut goal, mut target) = (None, None, None, None);
        let (mut period_days, mut minimum_events) = (30.0, 10);
        let (mut hold_seconds, mut keep_seconds) = (60, 300);
        let mut alerts = WORKBOOK.to_vec();
        if let Some(value) = fields.get("preset") {
            let found = value.as_str().and_then(preset).ok_or_else(|| {
                expected(
                    &format!("{place}.preset"),
                    &format!("one of {PRESETS}"),
                    value,
                )
            })?;
            (goal, target) = (Some(found.0), Some(found.1));
        }
        for (field, value) in fields {
            let inside = format!("{place}.{field}");
            match field.as_str() {
                "preset" => {}
                "name" => given_name = Some(checked("objective", &inside, value)?),
                "operation" | "histogram" => {
                    let metric = checked("metric", &inside, value)?;
                    let found = if field == "operation" {
                        Source::Operation(metric)
                    } else {
                        Source::Histogram(metric)
                    };
                    if source.replace(found).is_some() {
                        return Err(Error::config(format!(
                            "{place}: an objective is of an operation or of a histogram, not of both"
                        )));
                    }
                }
                "success_ratio" => {
                    if fields.contains_key("latency_seconds") || fields.contains_key("ratio") {
                        return Err(Error::config(format!(
                            "{inside}: goes without latency_seconds and ratio: make two objectives"
                        )));
                    }
                    (goal, target) = (Some(Goal::Success), Some(ratio(&inside, value)?));
                }
                "latency_seconds" => {
                    let seconds = value
                        .as_f64()
                        .filter(|seconds| *seconds > 0.0 && seconds.is_finite())
                        .ok_or_else(|| expected(&inside, "a number above 0", value))?;
                    goal = Some(Goal::Latency(seconds));
                }
                "ratio" => target = Some(ratio(&inside, value)?),
                "period_days" => {
                    period_days = value
                        .as_f64()
                        .filter(|days| (1.0..=366.0).contains(days))
                        .ok_or_else(|| expected(&inside, "a number from 1 to 366", value))?;
                }
                "minimum_events" => minimum_events = whole(&inside, value, u64::MAX)?,
                "hold_seconds" => hold_seconds = whole(&inside, value, 86_400)?,
                "keep_seconds" => keep_seconds = whole(&inside, value, 86_400)?,
                "alerts" => alerts = rules(&inside, value)?,
                _ => return Err(unknown(&inside, KNOWN)),
            }
        }
        let missing = |what: &str| Error::config(format!("{place}: {what} is missing"));
        let policy = ObjectivePolicy {
            name: given_name.ok_or_else(|| missing("name"))?,
            source: source.ok_or_else(|| missing("operation or histogram"))?,
            goal: goal.ok_or_else(|| missing("success_ratio or latency_seconds"))?,
            target: target.ok_or_else(|| missing("ratio"))?,
            period_days,
            minimum_events,
            hold_seconds,
            keep_seconds,
            alerts,
            text: value.to_string(),
        };
        if policy.goal == Goal::Success && matches!(policy.source, Source::Histogram(_)) {
            return Err(Error::config(format!(
                "{place}.histogram: a histogram knows no success: use an operation, or latency_seconds"
            )));
        }
        policy.can_fire(place)?;
        Ok(policy)
    }

    /// Reads one objective as text.
    pub fn parse_text(text: &str) -> Result<Self> {
        let value = json::document("the objective", text)?;
        Self::parse("objective", &value)
    }

    /// Refuses an alert that even nothing but failures could not set off.
    fn can_fire(&self, place: &str) -> Result<()> {
        let budget = 1.0 - self.target;
        for rule in &self.alerts {
            let needed = rule.burn_rate * budget;
            if needed >= 1.0 {
                return Err(Error::config(format!(
                    "{place}: with a target of {}, a burn rate of {} needs {:.1} % bad events, so its \
                     alert can never fire: the target must be above {:.4}, or \"alerts\" have lower rates",
                    self.target,
                    rule.burn_rate,
                    needed * 100.0,
                    1.0 - 1.0 / rule.burn_rate
                )));
            }
        }
        Ok(())
    }

    /// The period in seconds.
    pub fn period_seconds(&self) -> u64 {
        (self.period_days * 86_400.0) as u64
    }
}

fn rules(place: &str, value: &Value) -> Result<Vec<Rule>> {
    let list = value
        .as_array()
        .filter(|list| list.len() <= MAX_ALERTS)
        .ok_or_else(|| expected(place, &format!("a list of at most {MAX_ALERTS}"), value))?;
    list.iter()
        .enumerate()
        .map(|(index, value)| rule(&format!("{place}[{index}]"), value))
        .collect()
}

fn rule(place: &str, value: &Value) -> Result<Rule> {
    let fields = value
        .as_object()
        .ok_or_else(|| expected(place, "an object", value))?;
    let mut rule = Rule {
        severity: Severity::Page,
        long_seconds: 0,
        short_seconds: 0,
        burn_rate: 0.0,
    };
    for (field, value) in fields {
        let inside = format!("{place}.{field}");
        match field.as_str() {
            "severity" => {
                rule.severity = match value.as_str() {
                    Some("page") => Severity::Page,
                    Some("ticket") => Severity::Ticket,
                    _ => return Err(expected(&inside, "\"page\" or \"ticket\"", value)),
                }
            }
            "long_seconds" => rule.long_seconds = whole(&inside, value, LONGEST_WINDOW)?,
            "short_seconds" => rule.short_seconds = whole(&inside, value, LONGEST_WINDOW)?,
            "burn_rate" => {
                rule.burn_rate = value
                    .as_f64()
                    .filter(|rate| *rate > 0.0 && rate.is_finite())
                    .ok_or_else(|| expected(&inside, "a number above 0", value))?;
            }
            _ => {
                return Err(unknown(
                    &inside,
                    "severity, long_seconds, short_seconds, burn_rate",
                ));
            }
        }
    }
    if rule.burn_rate == 0.0 {
        return Err(Error::config(format!("{place}: burn_rate is missing")));
    }
    if rule.short_seconds < 60 || rule.long_seconds < rule.short_seconds {
        return Err(Error::config(format!(
            "{place}: short_seconds is {}, long_seconds {}: they must be at least 60, and long not \
             shorter than short",
            rule.short_seconds, rule.long_seconds
        )));
    }
    Ok(rule)
}

fn ratio(place: &str, value: &Value) -> Result<f64> {
    value
        .as_f64()
        .filter(|ratio| *ratio > 0.0 && *ratio < 1.0)
        .ok_or_else(|| {
            expected(
                place,
                "a number between 0 and 1 (at 1 there is no budget to spend)",
                value,
            )
        })
}

fn whole(place: &str, value: &Value, most: u64) -> Result<u64> {
    value
        .as_u64()
        .filter(|number| *number <= most)
        .ok_or_else(|| expected(place, &format!("a whole number up to {most}"), value))
}

fn checked(what: &str, place: &str, value: &Value) -> Result<String> {
    let text = value
        .as_str()
        .ok_or_else(|| expected(place, "a name", value))?;
    name::check(what, text).map_err(|cause| Error::config(format!("{place}: {cause}")))?;
    Ok(text.to_owned())
}

fn expected(field: &str, what: &str, found: &Value) -> Error {
    let mut found = found.to_string();
    if found.len() > 80 {
        found = format!("{}…", found.chars().take(80).collect::<String>());
    }
    Error::config(format!("{field}: expected {what}, found {found}"))
}

fn unknown(field: &str, known: &str) -> Error {
    Error::config(format!("{field}: unknown field; known: {known}"))
}

#[cfg(all(test, not(loom)))]
#[path = "policy/tests.rs"]
mod tests;
