//! Which part of a snapshot is written, and how: the options of a rendering.

use super::json::read::read;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::name;
use crate::snapshot::Snapshot;
use serde_json::Value;
use std::borrow::Cow;

/// Options of a rendering.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Patterns of names, in which `*` stands for anything; none for everything.
    pub names: Vec<String>,
    /// OpenMetrics: say since when counters and histograms count.
    pub created: bool,
    /// JSON: write the buckets, so that the document can be read back.
    pub buckets: bool,
    /// Only what was counted since then.
    pub since: Option<Box<Snapshot>>,
}

impl Selection {
    /// Reads `{"names": ["http.*"], "created": true, "buckets": true, "since": {…}}`.
    pub fn parse(text: &str) -> Result<Self> {
        let Value::Object(fields) = json::document("options_json", text)? else {
            return Err(Error::config("the options must be a JSON object"));
        };
        let mut selection = Selection::default();
        for (field, value) in &fields {
            let expected =
                |what: &str| Error::config(format!("{field}: expected {what}, found {value}"));
            let is_set = || value.as_bool().ok_or_else(|| expected("true or false"));
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
                "created" => selection.created = is_set()?,
                "buckets" => selection.buckets = is_set()?,
                "since" => {
                    let earlier = read(value)
                        .map_err(|cause| Error::config(format!("since: {}", cause.message())))?;
                    selection.since = Some(Box::new(earlier));
                }
                _ => {
                    return Err(Error::config(format!(
                        "{field}: unknown field; known: names, created, buckets, since"
                    )));
                }
            }
        }
        Ok(selection)
    }

    /// What is left of `snapshot`: metrics, guards and objectives with a chosen name, and the engine.
    pub(super) fn of<'s>(&self, snapshot: &'s Snapshot) -> Result<Cow<'s, Snapshot>> {
        let mut shown = Cow::Borrowed(snapshot);
        if let Some(earlier) = &self.since {
            shown = Cow::Owned(snapshot.since_snapshot(earlier)?);
        }
        if self.names.is_empty() {
            return Ok(shown);
        }
        let mut shown = shown.into_owned();
        let is_chosen = |name: &str| name::is_one_of(name, &self.names);
        shown.families.retain(|family| is_chosen(&family.name));
        shown.limiters.retain(|limiter| is_chosen(&limiter.name));
        shown.breakers.retain(|breaker| is_chosen(&breaker.name));
        shown.bulkheads.retain(|bulkhead| is_chosen(&bulkhead.name));
        shown.throttles.retain(|throttle| is_chosen(&throttle.name));
        shown
            .objectives
            .retain(|objective| is_chosen(&objective.policy.name));
        shown.retries.retain(|retry| is_chosen(&retry.name));
        shown.guards.retain(|chain| is_chosen(&chain.name));
        for calls in [&mut shown.slowest.window, &mut shown.slowest.lifetime] {
            calls.retain(|call| is_chosen(&call.operation));
        }
        if let Some(derived) = &mut shown.derived {
            // What is left of a part is known by its names only.
            derived.names = Some(match derived.names {
                None => self.names.clone(),
                Some(_) => {
                    let left = shown.families.iter();
                    left.map(|family| family.name.clone()).collect()
                }
            });
        }
        Ok(Cow::Owned(shown))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        for (text, sentence) in [
            ("", "options_json is not JSON"),
            ("[]", "the options must be a JSON object"),
            ("{\"names\": \"x\"}", "names: expected a list of names"),
            ("{\"names\": [1]}", "names: expected a list of names"),
            (
                "{\"created\": 1}",
                "created: expected true or false, found 1",
            ),
            (
                "{\"since\": 1}",
                "since: the document: expected an object, found 1",
            ),
            (
                "{\"until\": 1}",
                "until: unknown field; known: names, created, buckets, since",
            ),
        ] {
            let error = Selection::parse(text).unwrap_err();
            assert!(error.message().starts_with(sentence), "{text}: {error}");
        }
    }
}
