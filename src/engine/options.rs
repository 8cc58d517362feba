//! The configuration document: one for every language.

use crate::base::error::{Error, Result};
use crate::base::{host, json, limits};
use crate::guard::bulkhead::BulkheadPolicy;
use crate::guard::chain::ChainPolicy;
use crate::guard::limiter::policy::{Exceptions, LimiterPolicy};
use crate::guard::retry::RetryPolicy;
use crate::guard::{BreakerPolicy, ThrottlePolicy};
use crate::health::Plan;
use crate::objective::ObjectivePolicy;
use crate::region::layout::Limits;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Size of a region without a file: address space, of which only touched pages cost memory.
const ANONYMOUS_BYTES: u64 = 1 << 30;
/// Size of a region file, reserved in full: half of what a container's /dev/shm usually has.
const FILE_BYTES: u64 = 32 << 20;
const MAX_SERIES: u64 = 4096;
const MAX_SERIES_PER_NAME: u64 = 512;
const MAX_GUARDS: u64 = 256;
const WINDOW_SECONDS: f64 = 60.0;

/// A configuration document, checked. What is None was not said.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name of the service.
    pub service: String,
    /// Path of the region's file; None for a region without a name.
    pub path: Option<PathBuf>,
    /// Size of the region.
    pub size_bytes: Option<u64>,
    /// True when even forked children get a region of their own.
    pub private: bool,
    /// True for a clock that only moves when it is advanced.
    pub manual_clock: Option<bool>,
    /// Length of the longest window.
    pub window_seconds: Option<f64>,
    /// Series in all.
    pub max_series: Option<u64>,
    /// Series of one name.
    pub max_series_per_name: Option<u64>,
    /// Limiters by name.
    pub limiters: Vec<(String, LimiterPolicy, Exceptions)>,
    /// Objectives in the order of the document.
    pub objectives: Vec<ObjectivePolicy>,
    /// What health is judged by.
    pub health: Option<Plan>,
    /// Bulkheads by name.
    pub bulkheads: Vec<(String, BulkheadPolicy)>,
    /// Retries by name.
    pub retries: Vec<(String, RetryPolicy)>,
    /// Throttles by name.
    pub throttles: Vec<(String, ThrottlePolicy)>,
    /// Chains of guards by name.
    pub guards: Vec<(String, ChainPolicy)>,
    /// Breakers by name.
    pub breakers: Vec<(String, BreakerPolicy)>,
}

impl Options {
    /// Reads a configuration document; the error names the field and says what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        let value = json::document("the configuration", text)?;
        let fields = object("the configuration", &value)?;
        let mut options = Options::default();
        for (name, value) in fields {
            match name.as_str() {
                "service" => options.service = service(value)?,
                "region" => options.read_region(object(name, value)?)?,
                "clock" => {
                    options.manual_clock = Some(match value.as_str() {
                        Some("real") => false,
                        Some("manual") => true,
                        _ => return Err(expected(name, "\"real\" or \"manual\"", value)),
                    });
                }
                "window_seconds" => options.window_seconds = Some(window(value)?),
                "metrics" => options.read_metrics(object(name, value)?)?,
                "limiters" => {
                    for (limiter, value) in object(name, value)? {
                        crate::base::name::check("limiter", limiter)
                            .map_err(|cause| Error::config(format!("limiters: {cause}")))?;
                        let place = format!("limiters.{limiter}");
                        let policy = LimiterPolicy::parse(&place, value)?;
                        let exceptions = Exceptions::parse(&place, value, &policy)?;
                        options.limiters.push((limiter.clone(), policy, exceptions));
                    }
                }
                "throttles" => {
                    options.throttles = section(name, "throttle", value, ThrottlePolicy::parse)?
                }
                "breakers" => {
                    options.breakers = section(name, "breaker", value, BreakerPolicy::parse)?
                }
                "health" => options.health = Some(Plan::parse(value)?),
                "bulkheads" => {
                    options.bulkheads = section(name, "bulkhead", value, BulkheadPolicy::parse)?
                }
                "guards" => options.guards = section(name, "guard", value, ChainPolicy::parse)?,
                "retries" => options.retries = section(name, "retry", value, RetryPolicy::parse)?,
                "objectives" => options.objectives = ObjectivePolicy::parse_all(value)?,
                _ => {
                    return Err(unknown(
                        name,
                        "service, region, clock, window_seconds, metrics, limiters, breakers, bulkheads, \
                         retries, throttles, health, objectives, guards",
                    ));
                }
            }
        }
        Ok(options)
    }

    fn read_region(&mut self, fields: &Map<String, Value>) -> Result<()> {
        for (name, value) in fields {
            match name.as_str() {
                "path" => match value.as_str() {
                    Some(path) if !path.is_empty() && !path.contains('\0') => {
                        self.path = Some(PathBuf::from(path));
                    }
                    _ => return Err(expected("region.path", "a path", value)),
                },
                "size_bytes" => {
                    self.size_bytes = Some(whole(
                        "region.size_bytes",
                        value,
                        limits::MIN_REGION_BYTES,
                        limits::MAX_REGION_BYTES,
                    )?);
                }
                "private" => match value.as_bool() {
                    Some(private) => self.private = private,
                    None => return Err(expected("region.private", "true or false", value)),
                },
                _ => {
                    return Err(unknown(
                        &format!("region.{name}"),
                        "path, size_bytes, private",
                    ));
                }
            }
        }
        if self.private && self.path.is_some() {
            return Err(Error::config("region: a private region cannot have a path"));
        }
        Ok(())
    }

    fn read_metrics(&mut self, fields: &Map<String, Value>) -> Result<()> {
        for (name, value) in fields {
            let place = format!("metrics.{name}");
            match name.as_str() {
                "max_series" => {
                    self.max_series = Some(whole(&place, value, 1, limits::MAX_SERIES)?);
                }
                "max_series_per_name" => {
                    self.max_series_per_name = Some(whole(&place, value, 1, limits::MAX_SERIES)?);
                }
                _ => return Err(unknown(&place, "max_series, max_series_per_name")),
            }
        }
        Ok(())
    }

    /// What a new region is made for.
    pub fn limits(&self) -> Limits {
        let size = self.size_bytes.unwrap_or(if self.path.is_some() {
            FILE_BYTES
        } else {
            ANONYMOUS_BYTES
        });
        Limits {
            total_words: size / 8,
            max_series: self.max_series.unwrap_or(MAX_SERIES),
            max_series_per_name: self.max_series_per_name.unwrap_or(MAX_SERIES_PER_NAME),
            max_limiters: limits::MAX_LIMITERS,
            max_guards: MAX_GUARDS,
            max_operations: (self.max_series.unwrap_or(MAX_SERIES) / 8).clamp(16, 4096),
            max_events: (size / 1024).next_power_of_two().clamp(64, 4096),
            max_workers: 256,
            max_shards: limits::MAX_SHARDS,
            stripes: host::possible_cpus().min(limits::MAX_STRIPES),
            slot_ns: slot_ns(self.window_seconds.unwrap_or(WINDOW_SECONDS)),
            manual_clock: self.manual_clock.unwrap_or(false).into(),
        }
    }

    /// Refuses a region that was made for something else than what is asked for here.
    pub fn check(&self, found: Limits) -> Result<()> {
        let differs = |field: &str, found: String, asked: String| {
            Err(Error::conflict(format!(
                "{field}: the region was made with {found}, not {asked}; use the same, or remove the file"
            )))
        };
        let whole = [
            (
                "region.size_bytes",
                self.size_bytes.map(|size| size / 8 * 8),
                found.total_words * 8,
            ),
            ("metrics.max_series", self.max_series, found.max_series),
            (
                "metrics.max_series_per_name",
                self.max_series_per_name,
                found.max_series_per_name,
            ),
        ];
        for (field, asked, found) in whole {
            if let Some(asked) = asked.filter(|asked| *asked != found) {
                return differs(field, found.to_string(), asked.to_string());
            }
        }
        if let Some(asked) = self
            .window_seconds
            .filter(|asked| slot_ns(*asked) != found.slot_ns)
        {
            let found = (found.slot_ns * limits::WINDOW_SLOTS as u64) as f64 / 1e9;
            return differs("window_seconds", found.to_string(), asked.to_string());
        }
        let clock = |manual| if manual { "manual" } else { "real" }.to_owned();
        let manual = found.manual_clock == 1;
        match self.manual_clock {
            Some(asked) if asked != manual => differs("clock", clock(manual), clock(asked)),
            _ => Ok(()),
        }
    }
}

/// Reads the configuration of one limiter, a JSON object.
pub fn limiter_policy(name: &str, text: &str) -> Result<(LimiterPolicy, Exceptions)> {
    let value = one("limiter", name, text)?;
    let place = format!("limiters.{name}");
    let policy = LimiterPolicy::parse(&place, &value)?;
    let exceptions = Exceptions::parse(&place, &value, &policy)?;
    Ok((policy, exceptions))
}

/// Reads the configuration of one bulkhead, a JSON object.
pub fn bulkhead_policy(name: &str, text: &str) -> Result<BulkheadPolicy> {
    BulkheadPolicy::parse(&format!("bulkheads.{name}"), &one("bulkhead", name, text)?)
}

/// Reads the configuration of one retry, a JSON object.
pub fn retry_policy(name: &str, text: &str) -> Result<RetryPolicy> {
    RetryPolicy::parse(&format!("retries.{name}"), &one("retry", name, text)?)
}

/// Reads the configuration of one throttle, a JSON object.
pub fn throttle_policy(name: &str, text: &str) -> Result<ThrottlePolicy> {
    ThrottlePolicy::parse(&format!("throttles.{name}"), &one("throttle", name, text)?)
}

/// Reads the configuration of one breaker, a JSON object.
pub fn breaker_policy(name: &str, text: &str) -> Result<BreakerPolicy> {
    BreakerPolicy::parse(&format!("breakers.{name}"), &one("breaker", name, text)?)
}

/// Reads the configuration of one chain of guards, a JSON object.
pub fn chain_policy(name: &str, text: &str) -> Result<ChainPolicy> {
    ChainPolicy::parse(&format!("guards.{name}"), &one("guard", name, text)?)
}

fn one(what: &str, name: &str, text: &str) -> Result<Value> {
    json::document(&format!("the configuration of {what} {name:?}"), text)
}

/// A section of guards of one kind, by name.
fn section<P>(
    section: &str,
    what: &str,
    value: &Value,
    parse: impl Fn(&str, &Value) -> Result<P>,
) -> Result<Vec<(String, P)>> {
    let guards = object(section, value)?.iter();
    guards
        .map(|(name, value)| {
            crate::base::name::check(what, name)
                .map_err(|cause| Error::config(format!("{section}: {cause}")))?;
            Ok((name.clone(), parse(&format!("{section}.{name}"), value)?))
        })
        .collect()
}

fn slot_ns(window_seconds: f64) -> u64 {
    (window_seconds * 1e9 / limits::WINDOW_SLOTS as f64).round() as u64
}

fn service(value: &Value) -> Result<String> {
    match value.as_str() {
        Some(text) if text.len() <= limits::MAX_SERVICE_BYTES => Ok(text.to_owned()),
        _ => {
            let most = limits::MAX_SERVICE_BYTES;
            Err(expected(
                "service",
                &format!("a string of at most {most} bytes"),
                value,
            ))
        }
    }
}

fn window(value: &Value) -> Result<f64> {
    let (least, most) = (limits::MIN_WINDOW_SECONDS, limits::MAX_WINDOW_SECONDS);
    value
        .as_f64()
        .filter(|seconds| (least..=most).contains(seconds))
        .ok_or_else(|| {
            expected(
                "window_seconds",
                &format!("a number from {least} to {most}"),
                value,
            )
        })
}

fn whole(field: &str, value: &Value, least: u64, most: u64) -> Result<u64> {
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            expected(
                field,
                &format!("a whole number from {least} to {most}"),
                value,
            )
        })
}

fn object<'v>(field: &str, value: &'v Value) -> Result<&'v Map<String, Value>> {
    value
        .as_object()
        .ok_or_else(|| expected(field, "an object", value))
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
