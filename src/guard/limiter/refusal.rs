//! Why a check has no verdict, in words.

use super::entry::Entry;
use super::ruling::Ruling;
use super::terms::Terms;
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::region::Region;

#[cold]
#[inline(never)]
pub(super) fn at_once(cost: u32) -> Error {
    if cost == 0 {
        return Error::argument("a cost must be at least 1");
    }
    Error::state("an observer cannot check a limiter: the region is mapped read-only")
}

/// Refuses a cost of nothing.
pub(super) fn of_cost(cost: u32) -> Result<()> {
    if cost == 0 {
        return Err(Error::argument("a cost must be at least 1"));
    }
    Ok(())
}

/// Refuses a cost of nothing, and any change through an observer.
pub(super) fn of_change(region: &Region, cost: u32) -> Result<()> {
    of_cost(cost)?;
    if !region.is_writable() {
        return Err(Error::state(
            "an observer cannot change a limiter: the region is mapped read-only",
        ));
    }
    Ok(())
}

#[cold]
#[inline(never)]
pub(super) fn of(
    ruling: Ruling,
    region: &Region,
    limiter: Entry<'_>,
    cost: u32,
    key: Option<&[u8]>,
) -> Error {
    let name = super::registry::name_of(region.words(), &limiter);
    match (ruling, key) {
        (Ruling::Never, _) => Error::range(format!(
            "a cost of {cost} can never pass: limiter {name:?} never holds more than {} units",
            Terms::of(&limiter, region.words()).map_or(0, |terms| terms.units())
        )),
        (Ruling::LongKey, Some(key)) => Error::argument(format!(
            "a key of {} bytes for limiter {name:?}: at most {} are allowed",
            key.len(),
            limits::MAX_KEY_BYTES
        )),
        (Ruling::WrongKey, Some(_)) => {
            Error::argument(format!("limiter {name:?} has no keys, but one was given"))
        }
        (Ruling::WrongKey, None) => {
            Error::argument(format!("limiter {name:?} is keyed, but no key was given"))
        }
        _ => Error::format(format!("limiter {name:?} is damaged in the region")),
    }
}
