//! The columns of a limiter in the planes.

/// Checks that were admitted.
pub const ADMITTED: usize = 0;
/// Checks that were denied.
pub const DENIED: usize = 1;
/// Of those denied, the ones for which there was no room.
pub const DENIED_FULL: usize = 2;
/// Of those admitted, the ones that could not be counted against a key for lack of room.
pub const ALLOWED_FULL: usize = 3;
/// Keys in use that were forgotten to make room.
pub const EVICTED: usize = 4;
/// Idle keys whose entries were reused; nothing was lost.
pub const REUSED: usize = 5;
/// Units of admitted checks beyond the first of each.
pub const FURTHER_UNITS: usize = 6;
/// Checks that shadow mode let pass.
pub const SHADOWED: usize = 7;
