//! What a snapshot says about whether the service is well: a snapshot in, a judgement out. Pure: no
//! region, no clock, no I/O.
//!
//! | file | what |
//! |---|---|
//! | [`plan`] | the section "health" of a configuration document: what is judged, and by which numbers |
//! | [`check`] | one check: what is looked at, what is measured, how much is too much |
//! | `preset` | thresholds that have a name |
//! | `observe` | the value of one measurement in a snapshot |
//! | `judge` | values against thresholds, reports of the application, and the whole |
//!
//! What is not known (no such metric, too few samples, nothing reported yet) is *unknown*, says why,
//! and makes nothing worse: a service must not be taken out of rotation because nobody calls it.

pub mod check;
pub mod judge;
mod observe;
pub mod plan;
mod preset;

pub use judge::{Finding, Health, judge};
pub use plan::Plan;

/// How a part or the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Well.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Unhealthy,
    /// Nobody can tell.
    Unknown,
}

impl Status {
    /// The status with this number in the C header.
    pub fn from_number(number: u64) -> Option<Self> {
        use Status::{Degraded, Healthy, Unhealthy, Unknown};
        [Healthy, Degraded, Unhealthy, Unknown]
            .into_iter()
            .find(|status| *status as u64 == number)
    }

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Status::Healthy => "healthy",
            Status::Degraded => "degraded",
            Status::Unhealthy => "unhealthy",
            Status::Unknown => "unknown",
        }
    }

    /// How bad it is for the whole: what is unknown makes nothing worse.
    fn weight(self) -> u8 {
        match self {
            Status::Healthy | Status::Unknown => 0,
            Status::Degraded => 1,
            Status::Unhealthy => 2,
        }
    }

    /// The status of a whole with these parts.
    pub fn worst(parts: impl IntoIterator<Item = Status>) -> Status {
        let worst = parts.into_iter().max_by_key(|status| status.weight());
        match worst {
            None | Some(Status::Unknown) => Status::Healthy,
            Some(status) => status,
        }
    }
}
