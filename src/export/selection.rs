//! Which part of a snapshot is written, and how: the options of a rendering.

use crate::base::error::{Error, Result};
use crate::snapshot::Snapshot;
use serde_json::Value;
use std::borrow::Cow;

/// Options of a rendering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Patterns of names, in which `*` stands for anything; none for everything.
    pub names: Vec<String>,
    /// OpenMetrics: say since when counters and histograms count.
    pub created: bool,
}

impl Selection {
    /// Reads `{"names": ["http.*"], "created": true}`.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|cause| Error::config(format!("the options are not JSON: {cause}")))?;
        let Value::Object(fields) = value else {
            return Err(Error::config("the options must be a JSON object"));
        };
        let mut selection = Selection::default();
        for (field, value) in &fields {
            let expected =
                |what: &str| Error::config(format!("{field}: expected {what}, found {value}"));
            match field.as_str() {
                "names" => {
                    let patterns = value
                        .as_array()
                        .ok_or_else(|| expected("a list of names"))?;
                    for pattern in patterns {
                        let text = pattern
                            .as_str()
                            .ok_or_else(|| expected("a list of names"))?;
                        selection.names.push(text.to_owned());
                    }
                }
                "created" => {
                    selection.created = value.as_bool().ok_or_else(|| expected("true or false"))?;
                }
                _ => {
                    return Err(Error::config(format!(
                        "{field}: unknown field; known: names, created"
                    )));
                }
            }
        }
        Ok(selection)
    }

    /// What is left of `snapshot`: metrics, guards and objectives with a chosen name, and the engine.
    pub(super) fn of<'s>(&self, snapshot: &'s Snapshot) -> Cow<'s, Snapshot> {
        if self.names.is_empty() {
            return Cow::Borrowed(snapshot);
        }
        let is_chosen = |name: &str| self.names.iter().any(|pattern| matches(pattern, name));
        let mut shown = snapshot.clone();
        shown.families.retain(|family| is_chosen(&family.name));
        shown.limiters.retain(|limiter| is_chosen(&limiter.name));
        shown.breakers.retain(|breaker| is_chosen(&breaker.name));
        shown.bulkheads.retain(|bulkhead| is_chosen(&bulkhead.name));
        shown.throttles.retain(|throttle| is_chosen(&throttle.name));
        shown
            .objectives
            .retain(|objective| is_chosen(&objective.policy.name));
        Cow::Owned(shown)
    }
}

/// Whether `name` is `pattern`, in which `*` stands for anything. Takes the first place where each
/// part between two stars fits, which is right since a later one leaves less.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, answer) in [
            ("http.request", "http.request", true),
            ("http.request", "http.requests", false),
            ("http.*", "http.request", true),
            ("http.*", "https.request", false),
            ("*", "", true),
            ("*.request", "http.request", true),
            ("*.request", "http.requests", false),
            ("a*b*c", "a__b__c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("**x**", "axb", true),
        ] {
            assert_eq!(matches(pattern, name), answer, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, sentence) in [
            ("", "the options are not JSON"),
            ("[]", "the options must be a JSON object"),
            ("{\"names\": \"x\"}", "names: expected a list of names"),
            ("{\"names\": [1]}", "names: expected a list of names"),
            (
                "{\"created\": 1}",
                "created: expected true or false, found 1",
            ),
            (
                "{\"since\": 1}",
                "since: unknown field; known: names, created",
            ),
        ] {
            let error = Selection::parse(text).unwrap_err();
            assert!(error.message().starts_with(sentence), "{text}: {error}");
        }
    }
}
