//! What can be said about a metric when it is opened.

use super::kind::Kind;
use super::labels;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::limits;
use crate::base::order::Order;
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
    /// How the shares of a gauge make its value.
    pub mode: Option<GaugeMode>,
    /// The states of an enum.
    pub states: Option<Vec<String>>,
}

/// How what each process says of a gauge makes its value. Only living processes count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GaugeMode {
    /// One value for all: the last one that anybody set.
    #[default]
    Last = 0,
    /// The sum of all.
    Sum = 1,
    /// The smallest.
    Min = 2,
    /// The largest.
    Max = 3,
    /// Each process shows its own.
    Each = 4,
}

impl GaugeMode {
    const ALL: [GaugeMode; 5] = [
        GaugeMode::Last,
        GaugeMode::Sum,
        GaugeMode::Min,
        GaugeMode::Max,
        GaugeMode::Each,
    ];

    /// The mode that a word of the region says.
    pub fn from_word(word: u64) -> Self {
        let found = Self::ALL.into_iter().find(|mode| *mode as u64 == word);
        found.unwrap_or_default()
    }

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            GaugeMode::Last => "last",
            GaugeMode::Sum => "sum",
            GaugeMode::Min => "min",
            GaugeMode::Max => "max",
            GaugeMode::Each => "each",
        }
    }

    /// One value of several; NaN for the smallest or largest of none.
    pub fn join(self, values: impl Iterator<Item = f64>) -> f64 {
        match self {
            GaugeMode::Min => values.fold(f64::NAN, f64::min),
            GaugeMode::Max => values.fold(f64::NAN, f64::max),
            _ => values.sum(),
        }
    }
}

impl MetricOptions {
    /// Reads `{"labels":{…},"help":"…","unit":"…"}`, for distributions also `"relative_error"`, and
    /// for operations `"slow_seconds"`.
    pub fn parse(text: &str, kind: Kind) -> Result<Self> {
        let Value::Object(fields) = json::document("options_json", text)? else {
            return Err(Error::config("the options must be a JSON object"));
        };
        let mut options = Self::from_fields(&fields, kind)?;
        if kind == Kind::Operation {
            options.set_seconds()?;
        }
        if kind == Kind::Enum && options.states.is_none() {
            return Err(Error::config(
                "states: expected a list of states, found none",
            ));
        }
        let labels = fields.get("labels").and_then(Value::as_object);
        let taken = own_labels(kind, options.mode)
            .iter()
            .find(|name| labels.is_some_and(|labels| labels.contains_key(**name)));
        match taken {
            Some(name) => Err(Error::argument(format!(
                "labels.{name}: is the {}'s own label; use another name",
                kind.name()
            ))),
            None => Ok(options),
        }
    }

    fn set_seconds(&mut self) -> Result<()> {
        match self.unit.as_deref() {
            None => self.unit = Some("seconds".to_owned()),
            Some("seconds") => {}
            Some(other) => {
                return Err(Error::config(format!(
                    "unit: an operation is measured in \"seconds\", found {other:?}"
                )));
            }
        }
        Ok(())
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
                ("workers", value) if kind == Kind::Gauge => {
                    let named = |mode: &GaugeMode| value.as_str() == Some(mode.name());
                    let mode = GaugeMode::ALL.into_iter().find(named);
                    options.mode = Some(mode.ok_or_else(|| {
                        mistyped(
                            name,
                            "\"last\", \"sum\", \"min\", \"max\" or \"each\"",
                            value,
                        )
                    })?);
                }
                ("states", value) if kind == Kind::Enum => options.states = Some(states(value)?),
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

/// Labels that series of this kind have of their own.
fn own_labels(kind: Kind, mode: Option<GaugeMode>) -> &'static [&'static str] {
    match kind {
        Kind::Operation => &["outcome", "code"],
        Kind::Ratio => &["result"],
        Kind::Gauge if mode == Some(GaugeMode::Each) => &["pid"],
        _ => &[],
    }
}

fn states(value: &Value) -> Result<Vec<String>> {
    let wrong = || {
        mistyped(
            "states",
            &format!(
                "1 to {} different strings of 1 to {} bytes",
                limits::MAX_STATES,
                limits::MAX_STATE_BYTES
            ),
            value,
        )
    };
    let all = value.as_array().ok_or_else(wrong)?;
    let states: Vec<String> = all
        .iter()
        .filter_map(|state| state.as_str().map(str::to_owned))
        .collect();
    let mut distinct = states.clone();
    distinct.order();
    distinct.dedup();
    let is_right = (1..=limits::MAX_STATES).contains(&all.len())
        && distinct.len() == all.len()
        && states
            .iter()
            .all(|state| (1..=limits::MAX_STATE_BYTES).contains(&state.len()));
    if is_right { Ok(states) } else { Err(wrong()) }
}

fn known(kind: Kind) -> &'static str {
    match kind {
        Kind::Histogram => "labels, help, unit, relative_error, edges",
        Kind::Operation => "labels, help, unit, relative_error, slow_seconds, edges",
        Kind::Gauge => "labels, help, unit, workers",
        Kind::Enum => "labels, help, unit, states",
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
