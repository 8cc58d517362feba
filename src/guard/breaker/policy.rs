//! What a configuration asks a breaker to do, validated.

use super::machine::{PARTS, Phase, Thresholds, Times};
use crate::base::error::Result;
use crate::guard::document::{Fields, nanoseconds};
use crate::guard::limiter::gcra::decimal;
use serde_json::{Map, Value, json};

const FIELDS: [&str; 16] = [
    "failure_rate",
    "slow_call_seconds",
    "slow_call_rate",
    "consecutive_failures",
    "minimum_calls",
    "window",
    "open_seconds",
    "open_growth",
    "open_max_seconds",
    "open_jitter",
    "half_open_calls",
    "half_open_successes",
    "permit_timeout_seconds",
    "ramp_seconds",
    "initial",
    "shadow",
];

/// Longest of all times: a year.
const MAX_SECONDS: f64 = 31_622_400.0;
const MIN_SECONDS: f64 = 1e-6;
/// Time slots of a window.
pub const SLOTS: u64 = 10;
/// Longest window: a CPU counts 2^32 calls in one.
const MAX_WINDOW_SECONDS: f64 = 3600.0;
/// Calls of a window, each of which takes a word, read at every failure.
const MAX_WINDOW_CALLS: u64 = 1 << 16;
/// Probes, each of which is looked at when one comes back.
const MAX_PROBES: u64 = 1000;

/// What a rate is computed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerWindow {
    /// The calls of so many nanoseconds.
    Time(u64),
    /// The last so many calls.
    Calls(u64),
}

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Part of the calls that fail; None for any.
    pub failure_rate: Option<f64>,
    /// A longer call is slow; None: no call is.
    pub slow_call_seconds: Option<f64>,
    /// Part of the calls that are slow.
    pub slow_call_rate: f64,
    /// Failures one after the other; None for any.
    pub consecutive_failures: Option<u64>,
    /// Calls below which no rate counts.
    pub minimum_calls: u64,
    /// What rates are computed over.
    pub window: BreakerWindow,
    /// How long it stays open.
    pub times: Times,
    /// Probes when half-open.
    pub half_open_calls: u64,
    /// Good ones among them that close.
    pub half_open_successes: u64,
    /// After this a permit is given up.
    pub permit_timeout_ns: u64,
    /// After closing, calls come back over this time.
    pub ramp_ns: u64,
    /// Where a new breaker begins.
    pub initial: Phase,
    /// Counts what it would deny, and lets it pass.
    pub shadow: bool,
}

impl BreakerPolicy {
    /// Reads a policy from the document's value at `path`, for example `breakers.payments`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let fields = Fields::of(path, value, &FIELDS)?;
        let consecutive_failures = fields.whole("consecutive_failures", 1, 1 << 31)?;
        let failure_rate = match rate(&fields, "failure_rate")? {
            None if consecutive_failures.is_none() => Some(0.5),
            given => given,
        };
        let slow_call_seconds = fields.number("slow_call_seconds", 0.0, MAX_SECONDS)?;
        let slow_call_rate = rate(&fields, "slow_call_rate")?;
        if slow_call_rate.is_some() && slow_call_seconds.is_none() {
            return Err(fields.wrong(
                "slow_call_seconds",
                "a number of seconds together with slow_call_rate",
            ));
        }
        let window = window(path, &fields)?;
        let most_calls = match window {
            BreakerWindow::Time(_) => 1 << 32,
            BreakerWindow::Calls(calls) => calls,
        };
        let minimum_calls = fields
            .whole("minimum_calls", 1, most_calls)?
            .unwrap_or(20.min(most_calls));
        let half_open_calls = fields.whole("half_open_calls", 1, MAX_PROBES)?.unwrap_or(3);
        let half_open_successes = fields
            .whole("half_open_successes", 1, half_open_calls)?
            .unwrap_or(half_open_calls);
        let initial = fields.choice("initial", &Phase::NAMES)?.unwrap_or(0);
        let initial = Phase::ALL[initial];
        if initial == Phase::HalfOpen {
            return Err(fields.wrong("initial", "a state that a breaker can begin in"));
        }
        let permit_timeout = seconds(&fields, "permit_timeout_seconds")?.unwrap_or(60.0);
        let ramp = fields.number("ramp_seconds", 0.0, MAX_SECONDS)?;
        Ok(BreakerPolicy {
            failure_rate,
            slow_call_seconds,
            slow_call_rate: slow_call_rate.unwrap_or(1.0),
            consecutive_failures,
            minimum_calls,
            window,
            times: times(&fields)?,
            half_open_calls,
            half_open_successes,
            permit_timeout_ns: nanoseconds(permit_timeout),
            ramp_ns: nanoseconds(ramp.unwrap_or(0.0)),
            initial,
            shadow: fields.flag("shadow")?,
        })
    }

    /// The policy with every default spelled out; reads as the same policy.
    pub fn to_document(&self) -> Value {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| document.insert(name.into(), value);
        if let Some(rate) = self.failure_rate {
            put("failure_rate", json!(rate));
        }
        if let Some(slow) = self.slow_call_seconds {
            put("slow_call_seconds", json!(slow));
            put("slow_call_rate", json!(self.slow_call_rate));
        }
        if let Some(count) = self.consecutive_failures {
            put("consecutive_failures", json!(count));
        }
        put("minimum_calls", json!(self.minimum_calls));
        put(
            "window",
            match self.window {
                BreakerWindow::Time(ns) => json!({"seconds": seconds(ns)}),
                BreakerWindow::Calls(calls) => json!({"calls": calls}),
            },
        );
        put("open_seconds", json!(seconds(self.times.open_ns)));
        put("open_growth", json!(self.times.growth));
        put("open_max_seconds", json!(seconds(self.times.max_ns)));
        put("open_jitter", json!(self.times.jitter));
        put("half_open_calls", json!(self.half_open_calls));
        put("half_open_successes", json!(self.half_open_successes));
        put(
            "permit_timeout_seconds",
            json!(seconds(self.permit_timeout_ns)),
        );
        put("ramp_seconds", json!(seconds(self.ramp_ns)));
        put("initial", json!(self.initial.name()));
        put("shadow", json!(self.shadow));
        Value::Object(document)
    }

    /// When a window trips the breaker.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            failure_parts: self.failure_rate.map_or(0, parts),
            slow_parts: self
                .slow_call_seconds
                .map_or(0, |_| parts(self.slow_call_rate)),
            minimum: self.minimum_calls,
        }
    }
}

/// A rate in parts: of its shortest decimal, so 0.07 is seven hundredths; beyond nine digits cut off.
fn parts(rate: f64) -> u64 {
    let (digits, exponent) = decimal(rate);
    let scaled = exponent + 9;
    let power = 10u128.saturating_pow(scaled.unsigned_abs());
    let parts = if scaled >= 0 {
        digits.saturating_mul(power)
    } else {
        digits / power
    };
    (parts as u64).clamp(1, PARTS)
}

fn rate(fields: &Fields<'_>, name: &str) -> Result<Option<f64>> {
    let found = fields.number(name, 0.0, 1.0)?;
    match found {
        Some(rate) if rate < 1e-9 => {
            Err(fields.wrong(name, "a part of all calls, above 0 and up to 1"))
        }
        found => Ok(found),
    }
}

fn seconds(fields: &Fields<'_>, name: &str) -> Result<Option<f64>> {
    fields.number(name, MIN_SECONDS, MAX_SECONDS)
}

fn window(path: &str, fields: &Fields<'_>) -> Result<BreakerWindow> {
    let Some(value) = fields.get("window") else {
        return Ok(BreakerWindow::Time(10_000_000_000));
    };
    let inner = Fields::of(&format!("{path}.window"), value, &["seconds", "calls"])?;
    let seconds = inner.number("seconds", 0.01, MAX_WINDOW_SECONDS)?;
    let calls = inner.whole("calls", 1, MAX_WINDOW_CALLS)?;
    match (seconds, calls) {
        (Some(seconds), None) => Ok(BreakerWindow::Time(nanoseconds(seconds))),
        (None, Some(calls)) => Ok(BreakerWindow::Calls(calls)),
        _ => Err(fields.wrong("window", "{\"seconds\": …} or {\"calls\": …}")),
    }
}

fn times(fields: &Fields<'_>) -> Result<Times> {
    let open = seconds(fields, "open_seconds")?.unwrap_or(30.0);
    let growth = fields.number("open_growth", 1.0, 100.0)?.unwrap_or(1.0);
    let longest = seconds(fields, "open_max_seconds")?;
    if longest.is_some_and(|longest| longest < open) {
        return Err(fields.wrong(
            "open_max_seconds",
            &format!("at least open_seconds, {open}"),
        ));
    }
    Ok(Times {
        open_ns: nanoseconds(open),
        growth,
        max_ns: nanoseconds(longest.unwrap_or(open.max(300.0))),
        jitter: fields.number("open_jitter", 0.0, 1.0)?.unwrap_or(0.0),
    })
}

#[cfg(all(test, not(loom)))]
#[path = "policy/tests.rs"]
mod tests;
