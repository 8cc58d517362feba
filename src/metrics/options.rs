//! What can be said about a metric when it is opened.

use super::labels;
use super::registry::Kind;
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::cell::buckets;
use serde_json::{Map, Value};

/// Options of a metric, checked. What is None was not said, and agrees with anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricOptions {
    /// Labels in canonical form.
    pub labels: String,
    /// What the metric means.
    pub help: Option<String>,
    /// Its unit, a plural word of Prometheus: `seconds`, `bytes`.
    pub unit: Option<String>,
    /// Fraction bits of a histogram's buckets.
    pub bits: Option<u32>,
    /// The longest call of an operation that is not slow.
    pub slow_seconds: Option<f64>,
    /// Values at which a histogram counts exactly; they add to those that it has.
    pub edges: Vec<f64>,
}

impl MetricOptions {
    /// Reads `{"labels":{…},"help":"…","unit":"…"}`, for distributions also `"relative_error"`, and
    /// for operations `"slow_seconds"`.
    pub fn parse(text: &str, kind: Kind) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|cause| Error::config(format!("the options are not JSON: {cause}")))?;
        let Value::Object(fields) = value else {
            return Err(Error::config("the options must be a JSON object"));
        };
        let mut options = Self::from_fields(&fields, kind)?;
        if kind == Kind::Operation {
            options.check_operation(&fields)?;
        }
        Ok(options)
    }

    fn check_operation(&mut self, fields: &Map<String, Value>) -> Result<()> {
        match self.unit.as_deref() {
            None => self.unit = Some("seconds".to_owned()),
            Some("seconds") => {}
            Some(other) => {
                return Err(Error::config(format!(
                    "unit: an operation is measured in \"seconds\", found {other:?}"
                )));
            }
        }
        let labels = fields.get("labels").and_then(Value::as_object);
        let taken = ["outcome", "code"]
            .into_iter()
            .find(|name| labels.is_some_and(|labels| labels.contains_key(*name)));
        match taken {
            Some(name) => Err(Error::argument(format!(
                "labels.{name}: an operation's own label; use another name"
            ))),
            None => Ok(()),
        }
    }

    fn from_fields(fields: &Map<String, Value>, kind: Kind) -> Result<Self> {
        let mut options = MetricOptions::default();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("labels", Value::Object(found)) => options.labels = labels::canonical(found)?,
                ("labels", other) => return Err(mistyped(name, "an object of strings", other)),
                ("help", Value::String(text)) => {
                    options.help = Some(bounded(name, text, limits::MAX_HELP_BYTES)?);
                }
                ("unit", Value::String(text)) => {
                    options.unit = Some(unit(&bounded(name, text, limits::MAX_UNIT_BYTES)?)?);
                }
                ("help" | "unit", other) => return Err(mistyped(name, "a string", other)),
                ("relative_error", value) if kind.is_distribution() => {
                    let bits = value.as_f64().and_then(buckets::bits_for);
                    options.bits = Some(
                        bits.ok_or_else(|| mistyped(name, "a number from 0.002 to 0.03", value))?,
                    );
                }
                ("slow_seconds", value) if kind == Kind::Operation => {
                    let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0);
                    // Minus zero is zero.
                    options.slow_seconds = Some(
                        seconds.ok_or_else(|| mistyped(name, "a number of at least 0", value))?
                            + 0.0,
                    );
                }
                ("edges", Value::Array(found)) if kind.is_distribution() => {
                    options.edges = found
                        .iter()
                        .map(|edge| {
                            edge.as_f64()
                                .filter(|edge| *edge > 0.0)
                                .ok_or_else(|| mistyped(name, "numbers above 0", edge))
                        })
                        .collect::<Result<_>>()?;
                }
                ("edges", other) if kind.is_distribution() => {
                    return Err(mistyped(name, "a list of numbers", other));
                }
                _ => {
                    return Err(Error::config(format!(
                        "{name}: unknown field; known: {}",
                        known(kind)
                    )));
                }
            }
        }
        Ok(options)
    }
}

fn known(kind: Kind) -> &'static str {
    match kind {
        Kind::Histogram => "labels, help, unit, relative_error, edges",
        Kind::Operation => "labels, help, unit, relative_error, slow_seconds, edges",
        _ => "labels, help, unit",
    }
}

fn mistyped(name: &str, expected: &str, found: &Value) -> Error {
    Error::config(format!("{name}: expected {expected}, found {found}"))
}

fn bounded(name: &str, text: &str, most: usize) -> Result<String> {
    if text.len() > most {
        return Err(Error::config(format!(
            "{name}: {} bytes are too long: at most {most}",
            text.len()
        )));
    }
    Ok(text.to_owned())
}

fn unit(text: &str) -> Result<String> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        Ok(text.to_owned())
    } else {
        Err(Error::config(format!(
            "unit: expected letters, digits and _, found {text:?}"
        )))
    }
}
