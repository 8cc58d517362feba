//! What a configuration asks a throttle to do, validated.

use crate::base::error::Result;
use crate::guard::document::{Fields, nanoseconds};
use serde_json::{Value, json};

const FIELDS: [&str; 7] = [
    "window_seconds",
    "success_threshold",
    "aggression",
    "minimum_rps",
    "max_rejection",
    "seed",
    "shadow",
];

/// What a throttle does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThrottlePolicy {
    /// The calls of so long are looked at.
    pub window_ns: u64,
    /// Part of them that should succeed.
    pub success_threshold: f64,
    /// Above 1, more is rejected at the same numbers.
    pub aggression: f64,
    /// Calls a second below which none is rejected.
    pub minimum_rps: f64,
    /// The largest part that is rejected.
    pub max_rejection: f64,
    /// Of the draws; None for one that nobody knows.
    pub seed: Option<u64>,
    /// Counts what it would reject, and lets it pass.
    pub shadow: bool,
}

impl ThrottlePolicy {
    /// Reads a policy from the document's value at `path`, for example `throttles.search`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let fields = Fields::of(path, value, &FIELDS)?;
        let number = |name, least, most, otherwise| {
            Ok(fields.number(name, least, most)?.unwrap_or(otherwise))
        };
        Ok(ThrottlePolicy {
            window_ns: nanoseconds(number("window_seconds", 0.01, 3600.0, 30.0)?),
            success_threshold: number("success_threshold", 0.001, 1.0, 0.95)?,
            aggression: number("aggression", 1.0, 100.0, 1.0)?,
            minimum_rps: number("minimum_rps", 0.0, 1e9, 0.0)?,
            max_rejection: number("max_rejection", 0.0, 1.0, 0.8)?,
            seed: fields.whole("seed", 0, 1 << 53)?,
            shadow: fields.flag("shadow")?,
        })
    }

    /// The policy with every default spelled out; reads as the same policy.
    pub fn to_document(&self) -> Value {
        let mut document = json!({
            "window_seconds": self.window_ns as f64 / 1e9,
            "success_threshold": self.success_threshold,
            "aggression": self.aggression,
            "minimum_rps": self.minimum_rps,
            "max_rejection": self.max_rejection,
            "shadow": self.shadow,
        });
        if let Some(seed) = self.seed {
            document["seed"] = json!(seed);
        }
        document
    }

    /// Calls of a window below which none is rejected.
    pub(super) fn minimum_calls(&self) -> f64 {
        self.minimum_rps * self.window_ns as f64 / 1e9
    }
}
