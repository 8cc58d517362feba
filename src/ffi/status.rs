//! The status codes, and which kind of error is which.

use crate::base::error::Kind;

/**
 * What a call says: 0 is done, above 0 is an answer, below 0 is an error.
 */
pub type tidegate_status = i32;

/** Done; for a guard: admitted. */
pub const TIDEGATE_OK: i32 = 0;
/** The guard says no. Not an error. */
pub const TIDEGATE_DENIED: i32 = 1;
/** An argument is NULL, not UTF-8, not a number, negative or out of range. */
pub const TIDEGATE_E_ARGUMENT: i32 = -1;
/** A document does not parse or holds an unknown, mistyped or impossible field. */
pub const TIDEGATE_E_CONFIG: i32 = -2;
/** No such name. */
pub const TIDEGATE_E_NOT_FOUND: i32 = -3;
/** The name exists with another kind or another configuration. */
pub const TIDEGATE_E_CONFLICT: i32 = -4;
/** The region has no room left. */
pub const TIDEGATE_E_CAPACITY: i32 = -5;
/** The caller's buffer is too small; the needed length was written. */
pub const TIDEGATE_E_SPACE: i32 = -6;
/** Not a region, damaged, or of a layout that this library cannot read. */
pub const TIDEGATE_E_FORMAT: i32 = -7;
/** The operating system refused; the message says why. */
pub const TIDEGATE_E_SYSTEM: i32 = -8;
/** An id that is zero, made up, of another engine or kind, or removed. */
pub const TIDEGATE_E_STALE: i32 = -9;
/** A cost that can never pass: above the burst or limit. */
pub const TIDEGATE_E_RANGE: i32 = -10;
/** Not allowed now, or not through an observer. */
pub const TIDEGATE_E_STATE: i32 = -11;
/** A bug in tidegate was caught; the engine stays usable. */
pub const TIDEGATE_E_BUG: i32 = -99;

/// The code of an error's kind.
pub(super) fn code(kind: Kind) -> tidegate_status {
    match kind {
        Kind::Argument => TIDEGATE_E_ARGUMENT,
        Kind::Config => TIDEGATE_E_CONFIG,
        Kind::NotFound => TIDEGATE_E_NOT_FOUND,
        Kind::Conflict => TIDEGATE_E_CONFLICT,
        Kind::Capacity => TIDEGATE_E_CAPACITY,
        Kind::Space => TIDEGATE_E_SPACE,
        Kind::Format => TIDEGATE_E_FORMAT,
        Kind::System => TIDEGATE_E_SYSTEM,
        Kind::Stale => TIDEGATE_E_STALE,
        Kind::Range => TIDEGATE_E_RANGE,
        Kind::State => TIDEGATE_E_STATE,
        Kind::Bug => TIDEGATE_E_BUG,
    }
}

/// The name of a code, NUL-terminated.
pub(super) fn name(status: tidegate_status) -> &'static std::ffi::CStr {
    match status {
        TIDEGATE_OK => c"TIDEGATE_OK",
        TIDEGATE_DENIED => c"TIDEGATE_DENIED",
        TIDEGATE_E_ARGUMENT => c"TIDEGATE_E_ARGUMENT",
        TIDEGATE_E_CONFIG => c"TIDEGATE_E_CONFIG",
        TIDEGATE_E_NOT_FOUND => c"TIDEGATE_E_NOT_FOUND",
        TIDEGATE_E_CONFLICT => c"TIDEGATE_E_CONFLICT",
        TIDEGATE_E_CAPACITY => c"TIDEGATE_E_CAPACITY",
        TIDEGATE_E_SPACE => c"TIDEGATE_E_SPACE",
        TIDEGATE_E_FORMAT => c"TIDEGATE_E_FORMAT",
        TIDEGATE_E_SYSTEM => c"TIDEGATE_E_SYSTEM",
        TIDEGATE_E_STALE => c"TIDEGATE_E_STALE",
        TIDEGATE_E_RANGE => c"TIDEGATE_E_RANGE",
        TIDEGATE_E_STATE => c"TIDEGATE_E_STATE",
        TIDEGATE_E_BUG => c"TIDEGATE_E_BUG",
        _ => c"unknown status",
    }
}
