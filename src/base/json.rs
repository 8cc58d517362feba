//! Documents that users write: JSON, in which no field is given twice.
//!
//! A parser that takes the last of two fields hides a mistake that may loosen a limit; so each field of an
//! object is refused the second time, by its name.

use super::error::{Error, Result};
use serde_json::Value;
use std::collections::HashSet;

/// Reads `text`, which is `what`, as in "the configuration".
pub fn document(what: &str, text: &str) -> Result<Value> {
    let value = serde_json::from_str(text)
        .map_err(|cause| Error::config(format!("{what} is not JSON: {cause}")))?;
    match repeated(text) {
        None => Ok(value),
        Some(field) => Err(Error::config(format!(
            "{what}: the field {field} is given twice"
        ))),
    }
}

/// An object or a list that is not closed yet.
enum Open {
    Object { seen: HashSet<String>, at: String },
    List { at: usize },
}

/// The path of the first field of `text`, which is JSON, that its object has already.
fn repeated(text: &str) -> Option<String> {
    let mut open: Vec<Open> = Vec::new();
    let mut rest = text.bytes().enumerate();
    // The next text is a field's name.
    let mut wants_name = false;
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'{' => {
                open.push(Open::Object {
                    seen: HashSet::new(),
                    at: String::new(),
                });
                wants_name = true;
            }
            b'[' => {
                open.push(Open::List { at: 0 });
                wants_name = false;
            }
            b'}' | b']' => {
                open.pop();
                wants_name = false;
            }
            b',' => match open.last_mut() {
                Some(Open::List { at }) => *at += 1,
                _ => wants_name = true,
            },
            b'"' => {
                let mut end = at;
                while let Some((place, byte)) = rest.next() {
                    end = place;
                    match byte {
                        b'\\' => {
                            rest.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
                if let (true, Some(Open::Object { seen, at: field })) =
                    (std::mem::take(&mut wants_name), open.last_mut())
                {
                    let name: String = serde_json::from_str(text.get(at..=end)?).ok()?;
                    let is_new = seen.insert(name.clone());
                    *field = name;
                    if !is_new {
                        return Some(path(&open));
                    }
                }
            }
            _ => {}
        }
    }
    None
}

fn path(open: &[Open]) -> String {
    let steps: Vec<_> = open
        .iter()
        .map(|step| match step {
            Open::Object { at, .. } => at.clone(),
            Open::List { at } => at.to_string(),
        })
        .collect();
    steps.join(".")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_given_twice_is_named() {
        for (text, field) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (
                r#"{"a":{"b":1,"c":{"b":2}},"d":[{},{"x":[],"x":[]}]}"#,
                "d.1.x",
            ),
            (r#"{"a":{"b":1,"c":"{\"b\":[,","b":2}}"#, "a.b"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
            (r#"[[],[{"k\"":1 , "k\"" : 2}]]"#, "1.0.k\""),
        ] {
            let said = document("the text", text).unwrap_err();
            let expected = format!("the text: the field {field} is given twice");
            assert_eq!(said.message(), expected);
        }
    }

    #[test]
    fn everything_else_is_as_it_was() {
        for text in [
            r#"{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"a","d":["a","a"]}"#,
            r#"["a","a",{"":"\\\"","b":"\\"}]"#,
            "7",
            r#""a""#,
        ] {
            assert_eq!(
                document("the text", text),
                Ok(serde_json::from_str(text).unwrap())
            );
        }
        let said = document("the text", "{,}").unwrap_err();
        assert!(said.message().starts_with("the text is not JSON: "));
    }
}
