//! The fields of a guard's object in a configuration document, read one by one.

use crate::base::error::{Error, Result};
use serde_json::{Map, Value};

/// An object of a document, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The object at `path`, with no other fields than `known`.
    pub fn of(path: &str, value: &'a Value, known: &[&str]) -> Result<Self> {
        let fields = Self::any(path, value)?;
        fields.only(known, &[])?;
        Ok(fields)
    }

    /// The object at `path`, with whatever fields.
    pub fn any(path: &str, value: &'a Value) -> Result<Self> {
        let Some(object) = value.as_object() else {
            return Err(Error::config(format!(
                "{path}: expected an object, found {}",
                shown(value)
            )));
        };
        let path = path.to_owned();
        Ok(Fields { path, object })
    }

    /// Refuses fields that are neither in `known` nor in `further`.
    pub fn only(&self, known: &[&str], further: &[&str]) -> Result<()> {
        let known = [known, further].concat();
        match self
            .object
            .keys()
            .find(|name| !known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(name) => Err(Error::config(format!(
                "{}.{name}: unknown field; expected one of {}",
                self.path,
                known.join(", ")
            ))),
        }
    }

    /// Where the object is.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// The error of a field that is not as `expected`.
    pub fn wrong(&self, name: &str, expected: &str) -> Error {
        let found = self.get(name).map_or("nothing".into(), shown);
        Error::config(format!(
            "{}.{name}: expected {expected}, found {found}",
            self.path
        ))
    }

    /// A number from `least` to `most`.
    pub fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<f64>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value
            .as_f64()
            .filter(|number| (least..=most).contains(number))
            .map(Some)
            .ok_or_else(|| self.wrong(name, &format!("a number from {least} to {most}")))
    }

    /// The same of a field that must be there.
    pub fn required_number(&self, name: &str, least: f64, most: f64) -> Result<f64> {
        let found = self.number(name, least, most)?;
        found.ok_or_else(|| self.wrong(name, &format!("a number from {least} to {most}")))
    }

    /// A whole number from `least` to `most`; also written as 20.0 or 2e1.
    pub fn whole(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let as_float = || {
            let whole = |float: &f64| float.fract() == 0.0 && (0.0..9.1e15).contains(float);
            value.as_f64().filter(whole).map(|float| float as u64)
        };
        value
            .as_u64()
            .or_else(as_float)
            .filter(|number| (least..=most).contains(number))
            .map(Some)
            .ok_or_else(|| self.wrong(name, &format!("a whole number from {least} to {most}")))
    }

    /// The same of a field that must be there.
    pub fn required_whole(&self, name: &str, least: u64, most: u64) -> Result<u64> {
        let found = self.whole(name, least, most)?;
        found.ok_or_else(|| self.wrong(name, &format!("a whole number from {least} to {most}")))
    }

    /// True or false; false when it is not there.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    /// One of `names`: its place among them.
    pub fn choice(&self, name: &str, names: &[&str]) -> Result<Option<usize>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let found = names.iter().position(|one| value.as_str() == Some(one));
        match found {
            Some(place) => Ok(Some(place)),
            None => {
                let all: Vec<_> = names.iter().map(|one| format!("{one:?}")).collect();
                Err(self.wrong(name, &format!("one of {}", all.join(", "))))
            }
        }
    }
}

/// What differs between two documents of one guard, as "with max_concurrent 20, not 10".
pub(super) fn difference(found: &Value, wanted: &Value) -> Option<String> {
    difference_at("", found, wanted)
}

fn difference_at(place: &str, found: &Value, wanted: &Value) -> Option<String> {
    let (Some(ours), Some(theirs)) = (found.as_object(), wanted.as_object()) else {
        return (found != wanted)
            .then(|| format!("with {place} {}, not {}", shown(found), shown(wanted)));
    };
    let missing = Value::String("none".into());
    let names = ours.keys().chain(theirs.keys());
    names
        .filter_map(|name| {
            let inner = if place.is_empty() {
                name.clone()
            } else {
                format!("{place}.{name}")
            };
            let ours = ours.get(name).unwrap_or(&missing);
            let theirs = theirs.get(name).unwrap_or(&missing);
            difference_at(&inner, ours, theirs)
        })
        .next()
}

/// A value as an error shows it: not longer than a line.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        return text;
    }
    text.chars().take(37).chain("...".chars()).collect()
}

/// Seconds as nanoseconds, as far as these go. Once, since rounding is a long piece of code.
#[inline(never)]
pub(super) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_names_the_field_what_it_expected_and_what_it_found() {
        let value = json!({"size": 12.5, "flag": 1});
        let fields = Fields::of("things.one", &value, &["size", "flag"]).unwrap();
        let said = fields.whole("size", 1, 20).unwrap_err();
        assert_eq!(
            said.message(),
            "things.one.size: expected a whole number from 1 to 20, found 12.5"
        );
        assert!(fields.flag("flag").is_err());
        assert_eq!(fields.number("size", 0.0, 20.0), Ok(Some(12.5)));
        let said = Fields::of("things.one", &value, &["size"]).unwrap_err();
        assert!(said.message().starts_with("things.one.flag: unknown field"));
    }

    #[test]
    fn a_difference_names_the_innermost_field() {
        let found = json!({"a": 1, "b": {"c": 2}});
        assert_eq!(difference(&found, &found), None);
        assert_eq!(
            difference(&found, &json!({"a": 1, "b": {"c": 3}})).as_deref(),
            Some("with b.c 2, not 3")
        );
        assert_eq!(
            difference(&found, &json!({"a": 1})).as_deref(),
            Some("with b {\"c\":2}, not \"none\"")
        );
    }
}
