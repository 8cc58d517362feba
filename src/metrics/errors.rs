//! The error codes of an operation: how often each was given, when first and last, and with which
//! message last.

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::order::Order;
use crate::cell::distinct::{Distinct, Seen, Shape};
use crate::cell::note::Note;
use crate::cell::outcomes;
use crate::region::Region;

const MESSAGE_WORDS: usize = Note::words(0, limits::MAX_ERROR_MESSAGE_BYTES);

/// The code of failures without one.
const UNKNOWN: &str = "unknown";

const SHAPE: Shape = Shape {
    entries: limits::ERROR_CODES,
    beside: MESSAGE_WORDS,
    first_bytes: limits::MAX_ERROR_CODE_BYTES,
    second_bytes: 0,
};

/// One code of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The code.
    pub code: String,
    /// How often it was given, and when.
    pub seen: Seen,
    /// What was said the last time that anything was said; empty when nothing ever was.
    pub message: String,
}

/// Makes the table of codes of operation `index`, if it has none.
pub fn prepare(region: &Region, index: usize) -> Result<()> {
    let place = region
        .layout()
        .operations
        .entry(index)
        .map(|entry| entry + outcomes::ERRORS)
        .ok_or_else(|| Error::format("the region's table of operations is damaged"))?;
    match region.allocate_once(place, SHAPE.words()) {
        Some(_) => Ok(()),
        None => Err(Error::capacity(
            "no room for an operation's error codes: raise region.size_bytes",
        )),
    }
}

/// Counts `code` in the table from word `table`, and keeps the message.
pub fn count(region: &Region, table: usize, code: Option<&str>, message: Option<&str>, now: u64) {
    let code = code.unwrap_or(UNKNOWN);
    let Some(beside) =
        Distinct::at(region, table, SHAPE).and_then(|codes| codes.count(code, "", now))
    else {
        return;
    };
    if let Some(message) = message {
        note(region, beside).write(now, &[], message);
    }
}

/// The codes of the table from word `table`, most frequent first, and what found no place there.
pub fn list(region: &Region, table: usize) -> (Vec<ErrorCode>, Seen) {
    let Some(codes) = Distinct::at(region, table, SHAPE) else {
        return (Vec::new(), Seen::default());
    };
    let mut found: Vec<ErrorCode> = codes
        .list()
        .into_iter()
        .map(|entry| ErrorCode {
            code: entry.first,
            seen: entry.seen,
            message: note(region, entry.beside)
                .read()
                .map_or_else(String::new, |found| found.text),
        })
        .collect();
    found.order_by(|one, other| (other.seen.count, &one.code).cmp(&(one.seen.count, &other.code)));
    (found, codes.overflow())
}

fn note(region: &Region, at: usize) -> Note<'_> {
    Note::at(region, at, 0, limits::MAX_ERROR_MESSAGE_BYTES)
}
