//! What a configuration asks a bulkhead to be, validated.

use crate::base::error::Result;
use crate::guard::document::{Fields, nanoseconds};
use crate::guard::permit::MAX_PLACES;
use serde_json::{Map, Value, json};

/// Shortest and longest permit timeout in seconds: a millisecond, a day.
const TIMEOUT_SECONDS: (f64, f64) = (0.001, 86_400.0);

/// What a bulkhead is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BulkheadPolicy {
    /// Most calls inside.
    pub max_concurrent: u64,
    /// How long a permit is good for; None: until its process ends.
    pub permit_timeout_seconds: Option<f64>,
    /// True when it counts what it would deny, and lets it pass.
    pub shadow: bool,
}

const FIELDS: [&str; 3] = ["max_concurrent", "permit_timeout_seconds", "shadow"];

impl BulkheadPolicy {
    /// Reads a policy from the document's value at `path`, for example `bulkheads.db`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let fields = Fields::of(path, value, &FIELDS)?;
        let max_concurrent = fields
            .whole("max_concurrent", 1, MAX_PLACES)?
            .ok_or_else(|| {
                let expected = format!("a whole number from 1 to {MAX_PLACES}");
                fields.wrong("max_concurrent", &expected)
            })?;
        let (least, most) = TIMEOUT_SECONDS;
        Ok(BulkheadPolicy {
            max_concurrent,
            permit_timeout_seconds: fields.number("permit_timeout_seconds", least, most)?,
            shadow: fields.flag("shadow")?,
        })
    }

    /// The configuration, every default spelled out.
    pub(super) fn to_json(self) -> Value {
        let mut fields = Map::new();
        fields.insert("max_concurrent".into(), json!(self.max_concurrent));
        if let Some(seconds) = self.permit_timeout_seconds {
            fields.insert("permit_timeout_seconds".into(), json!(seconds));
        }
        fields.insert("shadow".into(), json!(self.shadow));
        Value::Object(fields)
    }

    pub(super) fn permit_timeout_ns(&self) -> Option<u64> {
        self.permit_timeout_seconds.map(nanoseconds)
    }
}
