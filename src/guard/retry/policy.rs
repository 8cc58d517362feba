//! What a configuration asks a retry to do, validated.

use crate::base::error::Result;
use crate::guard::backoff::{Backoff, Jitter, Waits};
use crate::guard::document::{Fields, nanoseconds};
use serde_json::{Map, Value, json};

const MAX_ATTEMPTS: u64 = 3;
const BASE_SECONDS: f64 = 0.1;
const MULTIPLIER: f64 = 2.0;
const MAX_SECONDS: f64 = 10.0;
const BUDGET_MINIMUM: u64 = 3;

/// Longest wait or deadline: a day.
const MOST_SECONDS: f64 = 86_400.0;

/// Names of [`Backoff`] and [`Jitter`] in a configuration, in their order.
const BACKOFFS: [&str; 3] = ["exponential", "constant", "decorrelated"];
const JITTERS: [&str; 3] = ["full", "equal", "none"];

const FIELDS: [&str; 11] = [
    "max_attempts",
    "backoff",
    "base_seconds",
    "multiplier",
    "max_seconds",
    "jitter",
    "deadline_seconds",
    "budget_ratio",
    "budget_minimum",
    "seed",
    "shadow",
];

/// What a retry does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts, the first included.
    pub max_attempts: u32,
    /// How waits grow.
    pub backoff: Backoff,
    /// The wait before the second attempt.
    pub base_seconds: f64,
    /// What each further wait is multiplied by.
    pub multiplier: f64,
    /// The longest wait.
    pub max_seconds: f64,
    /// How much of a wait is left to chance.
    pub jitter: Jitter,
    /// Time after the first attempt at which the last one may begin; None for any.
    pub deadline_seconds: Option<f64>,
    /// Retries for each first attempt of the last ten seconds; None for any number.
    pub budget_ratio: Option<f64>,
    /// Retries in ten seconds that the budget always allows.
    pub budget_minimum: u64,
    /// Makes the waits repeat; None for a secret of the region.
    pub seed: Option<u64>,
    /// True when it counts what it would deny, and lets it pass.
    pub shadow: bool,
}

impl RetryPolicy {
    /// Reads a policy from the document's value at `path`, for example `retries.payments`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let fields = Fields::of(path, value, &FIELDS)?;
        let budget_ratio = fields.number("budget_ratio", 0.0, 1000.0)?;
        let budget_minimum = fields.whole("budget_minimum", 0, 1_000_000)?;
        if budget_minimum.is_some() && budget_ratio.is_none() {
            return Err(fields.wrong("budget_minimum", "only together with budget_ratio"));
        }
        let backoff = match fields.choice("backoff", &BACKOFFS)? {
            Some(1) => Backoff::Constant,
            Some(2) => Backoff::Decorrelated,
            _ => Backoff::Exponential,
        };
        let jitter = match fields.choice("jitter", &JITTERS)? {
            Some(1) => Jitter::Equal,
            Some(2) => Jitter::None,
            _ => Jitter::Full,
        };
        let max_attempts = fields.whole("max_attempts", 1, u32::MAX.into())?;
        let seconds = |name| fields.number(name, 0.0, MOST_SECONDS);
        Ok(RetryPolicy {
            max_attempts: max_attempts.unwrap_or(MAX_ATTEMPTS) as u32,
            backoff,
            base_seconds: seconds("base_seconds")?.unwrap_or(BASE_SECONDS),
            multiplier: fields
                .number("multiplier", 1.0, 1000.0)?
                .unwrap_or(MULTIPLIER),
            max_seconds: seconds("max_seconds")?.unwrap_or(MAX_SECONDS),
            jitter,
            deadline_seconds: fields.number("deadline_seconds", 1e-6, MOST_SECONDS)?,
            budget_ratio,
            budget_minimum: budget_minimum.unwrap_or(BUDGET_MINIMUM),
            seed: fields.whole("seed", 0, u64::MAX)?,
            shadow: fields.flag("shadow")?,
        })
    }

    /// The name of the backoff in a configuration.
    pub fn backoff_name(&self) -> &'static str {
        BACKOFFS[self.backoff as usize]
    }

    /// The name of the jitter in a configuration.
    pub fn jitter_name(&self) -> &'static str {
        JITTERS[self.jitter as usize]
    }

    /// The configuration, every default spelled out.
    pub(super) fn to_json(self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value| fields.insert(name.into(), value);
        put("max_attempts", json!(self.max_attempts));
        put("backoff", json!(self.backoff_name()));
        put("base_seconds", json!(self.base_seconds));
        put("multiplier", json!(self.multiplier));
        put("max_seconds", json!(self.max_seconds));
        put("jitter", json!(self.jitter_name()));
        if let Some(seconds) = self.deadline_seconds {
            put("deadline_seconds", json!(seconds));
        }
        if let Some(ratio) = self.budget_ratio {
            put("budget_ratio", json!(ratio));
            put("budget_minimum", json!(self.budget_minimum));
        }
        if let Some(seed) = self.seed {
            put("seed", json!(seed));
        }
        put("shadow", json!(self.shadow));
        Value::Object(fields)
    }

    pub(super) fn waits(&self) -> Waits {
        let max_ns = nanoseconds(self.max_seconds) as f64;
        Waits {
            backoff: self.backoff,
            jitter: self.jitter,
            base_ns: (nanoseconds(self.base_seconds) as f64).min(max_ns),
            multiplier: self.multiplier,
            max_ns,
        }
    }

    pub(super) fn deadline_ns(&self) -> Option<u64> {
        self.deadline_seconds.map(nanoseconds)
    }
}
