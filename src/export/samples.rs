//! The samples of what is neither one number nor a histogram: shares, ratios, facts, states.

use super::names;
use super::own::Number;
use crate::base::order::Order;
use crate::metrics::Kind;
use crate::snapshot::{FamilyReading, SeriesReading, Value};

/// True when a series holds what one of its family can hold.
pub(super) fn is_of(family: &FamilyReading, series: &SeriesReading) -> bool {
    let labels = &series.labels;
    match (&series.value, family.kind) {
        (Value::Counter(_), Kind::Counter)
        | (Value::Gauge(_), Kind::Gauge)
        | (Value::Histogram { .. }, Kind::Histogram)
        | (Value::Operation(_), Kind::Operation)
        | (Value::Ratio { .. }, Kind::Ratio) => true,
        (Value::Shares(shares), Kind::Gauge) => {
            shares.is_sorted_by(|one, other| one.0 < other.0)
                && labels.iter().all(|(name, _)| name != "pid")
        }
        (Value::Info(said), Kind::Info) => {
            // A merged snapshot says whose it is.
            let is_said = |name: &String| said.iter().any(|(known, _)| known == name);
            names::are_legal(said, Kind::Gauge) && !labels.iter().any(|(name, _)| is_said(name))
        }
        (Value::Enum { states, .. }, Kind::Enum) => {
            let mut distinct: Vec<&String> = states.iter().collect();
            distinct.order();
            distinct.dedup();
            let label = names::family(&family.name, Kind::Enum, &family.unit)
                .map(|name| names::state_label(&name));
            distinct.len() == states.len()
                && labels.iter().all(|(name, _)| Some(name) != label.as_ref())
        }
        _ => false,
    }
}

/// Gives each sample of such a value in the family `name`: its own labels, and its value.
pub(super) fn give(name: &str, value: &Value, mut give: impl FnMut(&[(&str, &str)], Number)) {
    match value {
        Value::Shares(shares) => {
            for (pid, value) in shares {
                give(&[("pid", &pid.to_string())], Number::Real(*value));
            }
        }
        Value::Ratio { lifetime, .. } => {
            give(&[("result", "hit")], Number::Whole(lifetime.hits));
            give(&[("result", "miss")], Number::Whole(lifetime.misses));
        }
        Value::Info(said) => {
            let said: Vec<(&str, &str)> = said
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            give(&said, Number::Whole(1));
        }
        Value::Enum { states, current } => {
            let label = names::state_label(name);
            for (number, state) in states.iter().enumerate() {
                let is_it = u64::from(number == *current);
                give(&[(&label, state)], Number::Whole(is_it));
            }
        }
        _ => {}
    }
}
