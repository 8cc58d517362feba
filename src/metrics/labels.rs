//! Labels in their one canonical form: a JSON object with sorted names, as text.

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::order::Order;
use serde_json::{Map, Value};

/// The label that an overflow series carries, as OpenTelemetry names it in Prometheus form.
pub const OVERFLOW: &str = r#"{"otel_metric_overflow":"true"}"#;

/// The label that says in a merged snapshot which region something is of that does not add up.
pub const SOURCE: &str = "tidegate_source";

/// Checks `labels` and gives them their canonical form; none is the empty text.
pub fn canonical(labels: &Map<String, Value>) -> Result<String> {
    if labels.is_empty() {
        return Ok(String::new());
    }
    if labels.len() > limits::MAX_LABELS {
        return Err(Error::argument(format!(
            "{} labels are too many: at most {}",
            labels.len(),
            limits::MAX_LABELS
        )));
    }
    let mut sorted: Vec<(&String, &Value)> = labels.iter().collect();
    sorted.order_by(|one, other| one.0.cmp(other.0));
    let mut canonical = Map::new();
    for (name, value) in sorted {
        check_name(name)?;
        let Value::String(text) = value else {
            return Err(Error::config(format!(
                "labels.{name}: expected a string, found {value}"
            )));
        };
        if text.len() > limits::MAX_LABEL_VALUE_BYTES {
            return Err(Error::argument(format!(
                "labels.{name}: a value of {} bytes is too long: at most {}",
                text.len(),
                limits::MAX_LABEL_VALUE_BYTES
            )));
        }
        canonical.insert(name.clone(), Value::String(text.clone()));
    }
    Ok(Value::Object(canonical).to_string())
}

/// The labels of a canonical text, in order; None when a damaged region gives something else.
pub fn parse(canonical: &str) -> Option<Vec<(String, String)>> {
    if canonical.is_empty() {
        return Some(Vec::new());
    }
    let Ok(Value::Object(labels)) = serde_json::from_str(canonical) else {
        return None;
    };
    labels
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        })
        .collect()
}

fn check_name(name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let legal = name.len() <= limits::MAX_NAME_BYTES
        && bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !legal {
        return Err(Error::argument(format!(
            "label name {:?} is not [a-zA-Z_][a-zA-Z0-9_]* of at most {} bytes",
            shorten(name),
            limits::MAX_NAME_BYTES
        )));
    }
    if name.starts_with("__") || name == "le" || name == "quantile" {
        return Err(Error::argument(format!(
            "label name {name:?} is reserved by Prometheus"
        )));
    }
    if name == SOURCE {
        return Err(Error::argument(format!(
            "label name {name:?} is reserved: it says whose a value is in a merged snapshot"
        )));
    }
    Ok(())
}

/// The first characters of a text that may be long.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(labels)) => canonical(&labels),
            _ => panic!("an object"),
        }
    }

    #[test]
    fn the_order_of_labels_does_not_matter() {
        assert_eq!(
            of(r#"{"b":"2","a":"1"}"#).unwrap(),
            of(r#"{"a":"1","b":"2"}"#).unwrap()
        );
    }

    #[test]
    fn a_value_that_looks_like_syntax_is_told_apart() {
        let tricky = of(r#"{"a":"1\",\"b\":\"2"}"#).unwrap();
        assert_ne!(tricky, of(r#"{"a":"1","b":"2"}"#).unwrap());
        assert_eq!(
            parse(&tricky).unwrap(),
            [("a".to_owned(), "1\",\"b\":\"2".to_owned())]
        );
    }

    #[test]
    fn reserved_and_malformed_names_are_refused() {
        for name in ["", "le", "quantile", "__x", "1a", "a-b", "a b", "é", SOURCE] {
            assert!(
                of(&serde_json::json!({name: "v"}).to_string()).is_err(),
                "{name:?}"
            );
        }
    }
}
