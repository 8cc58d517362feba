//! What every layer above may use, and which itself uses nothing: atomics, errors, the clock's
//! sources, and the hard limits with their reasons.

pub mod error;
pub mod hash;
pub mod host;
pub mod json;
pub mod limits;
pub mod name;
pub mod order;
pub mod outcome;
pub mod sync;
