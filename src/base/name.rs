//! What a legal name of a metric or guard is.

use super::error::{Error, Result};
use super::limits::MAX_NAME_BYTES;

/// Checks `name`, which is that of a `what`: a letter or `_`, then letters, digits and `_.:/-`.
pub fn check(what: &str, name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let legal = bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte));
    if name.is_empty() {
        return Err(Error::argument(format!("the {what}'s name is empty")));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(Error::argument(format!(
            "the {what}'s name has {} bytes: at most {MAX_NAME_BYTES}",
            name.len()
        )));
    }
    if !legal {
        return Err(Error::argument(format!(
            "the {what}'s name {name:?} must be a letter or _, then letters, digits or one of _.:/-"
        )));
    }
    Ok(())
}

/// Whether `name` is one of `patterns`.
pub fn is_one_of(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
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
}
