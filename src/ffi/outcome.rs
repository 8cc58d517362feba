//! How calls end: what operations and guards are told.

use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;

/**
 * How a call ended, as its caller judges it.
 */
pub type tidegate_outcome = i32;

/** The call did what it was for. */
pub const TIDEGATE_OUTCOME_SUCCESS: i32 = 0;
/** It did not. */
pub const TIDEGATE_OUTCOME_FAILURE: i32 = 1;
/** Neither: the caller's own mistake, or cancelled. In no ratio. */
pub const TIDEGATE_OUTCOME_IGNORED: i32 = 2;

/// The outcome that a caller means.
#[inline(always)]
pub(super) fn read(outcome: tidegate_outcome) -> Result<Outcome> {
    match Outcome::from_number(outcome) {
        Some(outcome) => Ok(outcome),
        None => Err(unknown(outcome)),
    }
}

#[cold]
fn unknown(outcome: tidegate_outcome) -> Error {
    Error::argument(format!(
        "outcome: expected TIDEGATE_OUTCOME_SUCCESS 0, _FAILURE 1 or _IGNORED 2, found {outcome}"
    ))
}

const _: () = assert!(
    Outcome::Success as i32 == TIDEGATE_OUTCOME_SUCCESS
        && Outcome::Failure as i32 == TIDEGATE_OUTCOME_FAILURE
        && Outcome::Ignored as i32 == TIDEGATE_OUTCOME_IGNORED
);
