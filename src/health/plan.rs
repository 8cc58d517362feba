//! The section "health" of a configuration document.
//!
//! ```json
//! {"http_status": "default", "minimum_samples": 10, "heartbeat_seconds": 60,
//!  "checks": [
//!    {"operation": "db.query", "p95_seconds": {"warn": 0.1, "fail": 0.5}, "error_rate": {"warn": 0.01}},
//!    {"histogram": "queue.wait", "labels": {"queue": "mail"}, "average": {"warn": 5}},
//!    {"gauge": "pool.free", "value": {"warn": 4, "fail": 1, "when": "below"}},
//!    {"ratio": "cache", "preset": "cache"},
//!    {"limiter": "api", "saturation": {"warn": 0.8}},
//!    {"workers": true, "died": {"warn": 0}, "alive": {"fail": 2, "when": "below"}},
//!    {"reported": "redis", "when_stale": "degraded"}]}
//! ```

use super::check::{Check, Labels, Measure, Stale, Subject, Threshold};
use super::preset;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::name;
use crate::base::order::Order;
use serde_json::{Map, Value};

/// Samples of a window below which rates, averages and quantiles are not judged.
const MINIMUM_SAMPLES: u64 = 10;
/// Age of a worker's heartbeat from which it counts as stuck.
const HEARTBEAT_SECONDS: f64 = 60.0;
/// More checks are a sign of a generated document gone wrong.
const MOST_CHECKS: usize = 1000;

/// What is judged, and by which numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// HTTP statuses of healthy, degraded, unhealthy.
    pub http: [u16; 3],
    /// Age of a worker's heartbeat, in seconds, from which it counts as stuck.
    pub heartbeat_seconds: f64,
    /// Checks in the order of the document.
    pub checks: Vec<Check>,
    /// The section as it was given.
    pub text: String,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            http: [200, 200, 503],
            heartbeat_seconds: HEARTBEAT_SECONDS,
            checks: Vec::new(),
            text: String::new(),
        }
    }
}

impl Plan {
    /// Reads the section.
    pub fn parse(value: &Value) -> Result<Self> {
        let fields = value
            .as_object()
            .ok_or_else(|| expected("health", "an object", value))?;
        let mut plan = Plan {
            text: value.to_string(),
            ..Plan::default()
        };
        let mut minimum = MINIMUM_SAMPLES;
        for (field, value) in fields {
            let place = format!("health.{field}");
            match field.as_str() {
                "http_status" => plan.http = http(&place, value)?,
                "heartbeat_seconds" => {
                    plan.heartbeat_seconds = value
                        .as_f64()
                        .filter(|seconds| *seconds > 0.0)
                        .ok_or_else(|| expected(&place, "a number above 0", value))?;
                }
                "minimum_samples" => minimum = whole(&place, value)?,
                "checks" => {
                    let checks = value
                        .as_array()
                        .filter(|checks| checks.len() <= MOST_CHECKS)
                        .ok_or_else(|| {
                            expected(&place, &format!("a list of at most {MOST_CHECKS}"), value)
                        })?;
                    for (index, check) in checks.iter().enumerate() {
                        plan.checks
                            .push(Check::parse(&format!("{place}[{index}]"), check)?);
                    }
                }
                _ => {
                    return Err(unknown(
                        &place,
                        "http_status, heartbeat_seconds, minimum_samples, checks",
                    ));
                }
            }
        }
        for (_, threshold) in plan.checks.iter_mut().flat_map(|check| &mut check.measures) {
            threshold.minimum_samples.get_or_insert(minimum);
        }
        Ok(plan)
    }

    /// Reads the section as text.
    pub fn parse_text(text: &str) -> Result<Self> {
        let value = json::document("health", text)?;
        Self::parse(&value)
    }

    /// The HTTP status of the whole.
    pub fn http_status(&self, status: super::Status) -> u16 {
        match status {
            super::Status::Healthy | super::Status::Unknown => self.http[0],
            super::Status::Degraded => self.http[1],
            super::Status::Unhealthy => self.http[2],
        }
    }
}

const SUBJECTS: &str = "operation, histogram, gauge, ratio, limiter, breaker, bulkhead, objective, workers, region, process, host, reported";

impl Check {
    fn parse(place: &str, value: &Value) -> Result<Self> {
        let fields = value
            .as_object()
            .ok_or_else(|| expected(place, "an object", value))?;
        let subject = subject(place, fields)?;
        let default_name = match &subject {
            Subject::Operation(name, _)
            | Subject::Histogram(name, _)
            | Subject::Gauge(name, _)
            | Subject::Ratio(name, _)
            | Subject::Limiter(name)
            | Subject::Breaker(name)
            | Subject::Bulkhead(name)
            | Subject::Objective(name)
            | Subject::Reported(name, _) => name.as_str(),
            Subject::Workers => "workers",
            Subject::Region => "region",
            Subject::Process => "process",
            Subject::Host => "host",
        };
        let mut check = Check {
            name: default_name.to_owned(),
            subject,
            measures: Vec::new(),
        };
        for (field, value) in fields {
            let inside = format!("{place}.{field}");
            let is_subject = SUBJECTS.split(", ").any(|known| known == field);
            match field.as_str() {
                _ if is_subject => {}
                "labels" | "when_stale" => {}
                "name" => check.name = checked_name(&inside, value)?,
                "preset" => {
                    let found = value.as_str().and_then(preset::find);
                    let (measure, threshold) = found.ok_or_else(|| {
                        expected(&inside, &format!("one of {}", preset::NAMES), value)
                    })?;
                    check.add(&inside, measure, threshold)?;
                }
                _ => {
                    let bare = field.strip_suffix("_seconds").unwrap_or(field);
                    let measure = Measure::ALL
                        .into_iter()
                        .find(|measure| measure.name() == bare && measure.fits(&check.subject))
                        .ok_or_else(|| unknown(&inside, &check.known()))?;
                    let threshold = Threshold::parse(&inside, measure, value)?;
                    check.add(&inside, measure, threshold)?;
                }
            }
        }
        if check.measures.is_empty() && !matches!(check.subject, Subject::Reported(..)) {
            return Err(Error::config(format!(
                "{place}: nothing is measured; known: {}",
                check.known()
            )));
        }
        Ok(check)
    }

    fn add(&mut self, place: &str, measure: Measure, threshold: Threshold) -> Result<()> {
        if !measure.fits(&self.subject) {
            return Err(Error::config(format!(
                "{place}: {} cannot be measured here; known: {}",
                measure.name(),
                self.known()
            )));
        }
        if self.measures.iter().any(|(known, _)| *known == measure) {
            return Err(Error::config(format!(
                "{place}: {} is judged twice",
                measure.name()
            )));
        }
        self.measures.push((measure, threshold));
        Ok(())
    }

    /// The fields that this check may have.
    fn known(&self) -> String {
        let measures = Measure::ALL
            .into_iter()
            .filter(|measure| measure.fits(&self.subject))
            .map(Measure::name);
        let fields: Vec<&str> = ["name", "labels", "preset"]
            .into_iter()
            .chain(measures)
            .collect();
        fields.join(", ")
    }
}

impl Threshold {
    fn parse(place: &str, measure: Measure, value: &Value) -> Result<Self> {
        let fields = value.as_object().ok_or_else(|| {
            expected(
                place,
                "an object like {\"warn\": 0.1, \"fail\": 0.5}",
                value,
            )
        })?;
        let mut threshold = Threshold {
            warn: None,
            fail: None,
            below: measure.is_bad_when_small(),
            minimum_samples: None,
        };
        let mut when = None;
        for (field, value) in fields {
            let inside = format!("{place}.{field}");
            match field.as_str() {
                "warn" => threshold.warn = Some(bound(&inside, measure, value)?),
                "fail" => threshold.fail = Some(bound(&inside, measure, value)?),
                "when" => {
                    when = Some(match value.as_str() {
                        Some("above") => false,
                        Some("below") => true,
                        _ => return Err(expected(&inside, "\"above\" or \"below\"", value)),
                    });
                }
                "minimum_samples" => threshold.minimum_samples = Some(whole(&inside, value)?),
                _ => return Err(unknown(&inside, "warn, fail, when, minimum_samples")),
            }
        }
        let order = match (threshold.warn, threshold.fail) {
            (None, None) => {
                return Err(Error::config(format!(
                    "{place}: neither warn nor fail is given"
                )));
            }
            (Some(warn), Some(fail)) if warn != fail => Some(fail < warn),
            _ => None,
        };
        if measure == Measure::Value {
            threshold.below = when.or(order).unwrap_or(false);
        } else if let Some(when) = when {
            threshold.below = when;
        }
        if order.is_some_and(|below| below != threshold.below) {
            let (direction, relation) = if threshold.below {
                ("below", "fail must be at most warn")
            } else {
                ("above", "fail must be at least warn")
            };
            return Err(Error::config(format!(
                "{place}: what is {direction} is bad here, so {relation}"
            )));
        }
        Ok(threshold)
    }
}

fn subject(place: &str, fields: &Map<String, Value>) -> Result<Subject> {
    let mut given = fields
        .iter()
        .filter(|(field, _)| SUBJECTS.split(", ").any(|known| known == *field));
    let (Some((field, value)), None) = (given.next(), given.next()) else {
        return Err(Error::config(format!(
            "{place}: exactly one of {SUBJECTS} says what is checked"
        )));
    };
    let inside = format!("{place}.{field}");
    let labels = fields
        .get("labels")
        .map(|found| labels(&format!("{place}.labels"), found))
        .transpose()?;
    let has_labels = matches!(
        field.as_str(),
        "operation" | "histogram" | "gauge" | "ratio"
    );
    if labels.is_some() && !has_labels {
        return Err(Error::config(format!("{place}.labels: a {field} has none")));
    }
    if let Some(found) = fields.get("when_stale")
        && field != "reported"
    {
        return Err(expected(
            &format!("{place}.when_stale"),
            "nothing, since only what is reported can be stale",
            found,
        ));
    }
    let name = || checked_name(&inside, value);
    let whole = |subject| match value {
        Value::Bool(true) => Ok(subject),
        _ => Err(expected(&inside, "true", value)),
    };
    match field.as_str() {
        "operation" => Ok(Subject::Operation(name()?, labels)),
        "histogram" => Ok(Subject::Histogram(name()?, labels)),
        "gauge" => Ok(Subject::Gauge(name()?, labels)),
        "ratio" => Ok(Subject::Ratio(name()?, labels)),
        "limiter" => Ok(Subject::Limiter(name()?)),
        "breaker" => Ok(Subject::Breaker(name()?)),
        "bulkhead" => Ok(Subject::Bulkhead(name()?)),
        "objective" => Ok(Subject::Objective(name()?)),
        "workers" => whole(Subject::Workers),
        "region" => whole(Subject::Region),
        "process" => whole(Subject::Process),
        "host" => whole(Subject::Host),
        _ => Ok(Subject::Reported(name()?, when_stale(place, fields)?)),
    }
}

fn when_stale(place: &str, fields: &Map<String, Value>) -> Result<Stale> {
    let Some(value) = fields.get("when_stale") else {
        return Ok(Stale::Unknown);
    };
    match value.as_str() {
        Some("unknown") => Ok(Stale::Unknown),
        Some("degraded" | "warn") => Ok(Stale::Degraded),
        Some("unhealthy" | "fail") => Ok(Stale::Unhealthy),
        _ => Err(expected(
            &format!("{place}.when_stale"),
            "\"unknown\", \"degraded\" or \"unhealthy\"",
            value,
        )),
    }
}

fn labels(place: &str, value: &Value) -> Result<Labels> {
    let fields = value
        .as_object()
        .ok_or_else(|| expected(place, "an object of strings", value))?;
    let mut labels = fields
        .iter()
        .map(|(name, value)| match value.as_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(expected(&format!("{place}.{name}"), "a string", value)),
        })
        .collect::<Result<Labels>>()?;
    labels.order();
    Ok(labels)
}

fn http(place: &str, value: &Value) -> Result<[u16; 3]> {
    let code = |value: &Value, place: &str| {
        value
            .as_u64()
            .filter(|code| (100..=599).contains(code))
            .map(|code| code as u16)
            .ok_or_else(|| expected(place, "an HTTP status from 100 to 599", value))
    };
    match value {
        Value::String(preset) if preset == "default" => Ok([200, 200, 503]),
        Value::String(preset) if preset == "strict" => Ok([200, 503, 500]),
        Value::Object(fields) => {
            let mut map = [200, 200, 503];
            for (field, value) in fields {
                let inside = format!("{place}.{field}");
                let at = match field.as_str() {
                    "healthy" => 0,
                    "degraded" => 1,
                    "unhealthy" => 2,
                    _ => return Err(unknown(&inside, "healthy, degraded, unhealthy")),
                };
                map[at] = code(value, &inside)?;
            }
            Ok(map)
        }
        _ => Err(expected(
            place,
            "\"default\", \"strict\" or {\"healthy\": 200, \"degraded\": 200, \"unhealthy\": 503}",
            value,
        )),
    }
}

fn bound(place: &str, measure: Measure, value: &Value) -> Result<f64> {
    if measure == Measure::State || measure == Measure::Alert {
        let found = match (measure, value.as_str()) {
            (Measure::State, Some("half_open")) => Some(0.5),
            (Measure::State, Some("open")) => Some(1.5),
            (Measure::Alert, Some("pending")) => Some(0.5),
            (Measure::Alert, Some("firing")) => Some(1.5),
            _ => None,
        };
        let known = if measure == Measure::State {
            "\"half_open\" or \"open\""
        } else {
            "\"pending\" or \"firing\""
        };
        return found.ok_or_else(|| expected(place, known, value));
    }
    value
        .as_f64()
        .ok_or_else(|| expected(place, "a number", value))
}

fn whole(place: &str, value: &Value) -> Result<u64> {
    value
        .as_u64()
        .ok_or_else(|| expected(place, "a whole number", value))
}

fn checked_name(place: &str, value: &Value) -> Result<String> {
    let text = value
        .as_str()
        .ok_or_else(|| expected(place, "a name", value))?;
    name::check("check", text).map_err(|cause| Error::config(format!("{place}: {cause}")))?;
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
#[path = "plan/tests.rs"]
mod tests;
