//! How a call ended.

/// How a call ended, as its caller judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was for.
    Success = 0,
    /// It did not.
    Failure = 1,
    /// Neither: the caller's own mistake, or cancelled. In no ratio.
    Ignored = 2,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Ignored];

    /// The outcome with this number in the C header.
    #[inline(always)]
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Outcome::Success),
            1 => Some(Outcome::Failure),
            2 => Some(Outcome::Ignored),
            _ => None,
        }
    }

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Ignored => "ignored",
        }
    }
}
