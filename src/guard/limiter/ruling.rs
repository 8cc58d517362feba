//! What a check finds.

/// A verdict, or why there is none. One byte: errors get their words only where they are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    Admitted,
    Denied,
    /// Denied, but only counted: the limiter is in shadow mode.
    Shadowed,
    /// The cost is more than the limiter ever holds.
    Never,
    /// A key too many or too few.
    WrongKey,
    LongKey,
    /// The region holds something impossible.
    Damaged,
}
