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
