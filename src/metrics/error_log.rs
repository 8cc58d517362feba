//! The distinct errors of a region: what was reported, how often, when first and last, by whom.

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::order::Order;
use crate::cell::distinct::{Distinct, Entry, Seen, Shape};
use crate::region::{Region, header};

const SHAPE: Shape = Shape {
    entries: limits::LOGGED_ERRORS,
    beside: 0,
    first_bytes: limits::MAX_ERROR_CODE_BYTES,
    second_bytes: limits::MAX_ERROR_TEXT_BYTES,
};

/// Counts one error. The log is made for the first one.
pub fn report(region: &Region, code: &str, text: &str, now: u64) -> Result<()> {
    let log = region
        .allocate_once(header::ERROR_LOG, SHAPE.words())
        .and_then(|at| Distinct::at(region, at, SHAPE));
    match log {
        Some(log) => {
            log.count(code, text, now);
            Ok(())
        }
        None => Err(Error::capacity(
            "no room for the log of errors: raise region.size_bytes",
        )),
    }
}

/// The errors, the latest first, and what found no place.
pub fn list(region: &Region) -> (Vec<Entry>, Seen) {
    let at = region.words().acquire(header::ERROR_LOG) as usize;
    let Some(log) = Distinct::at(region, at, SHAPE) else {
        return (Vec::new(), Seen::default());
    };
    let mut found = log.list();
    found.order_by(|one, other| {
        (other.seen.last_ns, &one.first, &one.second).cmp(&(
            one.seen.last_ns,
            &other.first,
            &other.second,
        ))
    });
    (found, log.overflow())
}
