//! What can be said about a metric when it is opened.

use super::labels;
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
}

impl MetricOptions {
    /// Reads `{"labels":{…},"help":"…","unit":"…","relative_error":0.008}`; `relative_error` only
    /// where `is_histogram`.
    pub fn parse(text: &str, is_histogram: bool) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|cause| Error::config(format!("the options are not JSON: {cause}")))?;
        let Value::Object(fields) = value else {
            return Err(Error::config("the options must be a JSON object"));
        };
        Self::from_fields(&fields, is_histogram)
    }

    fn from_fields(fields: &Map<String, Value>, is_histogram: bool) -> Result<Self> {
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
                ("relative_error", value) if is_histogram => {
                    let bits = value.as_f64().and_then(buckets::bits_for);
                    options.bits = Some(
                        bits.ok_or_else(|| mistyped(name, "a number from 0.002 to 0.03", value))?,
                    );
                }
                _ => {
                    let known = if is_histogram {
                        "labels, help, unit, relative_error"
                    } else {
                        "labels, help, unit"
                    };
                    return Err(Error::config(format!(
                        "{name}: unknown field; known: {known}"
                    )));
                }
            }
        }
        Ok(options)
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
