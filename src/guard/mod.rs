//! Decisions: may this call go on?
//!
//! A guard's whole state is words of the region, changed by compare-and-swap: a decision is taken by
//! exactly one caller at one moment, nothing is ever locked, and a process killed in the middle has
//! either taken what it was given or not.
//!
//! | file | what it is about |
//! |---|---|
//! | [`limiter`] | rate limits: token buckets, sliding and fixed windows, with keys or without |
//! | [`breaker`] | circuit breakers |
//! | [`throttle`] | fewer calls the more of them fail |
//! | [`bulkhead`] | how many calls may be inside at once |
//! | `permit`, `holder` | a place in a bulkhead in one word; which process has it |
//! | [`adaptive`] | a bulkhead's limit, found by measuring: pure arithmetic |
//! | [`retry`] | how long to wait before an attempt, or that there should be none |
//! | [`backoff`] | the waits: pure arithmetic |
//! | `budget` | how many retries the last ten seconds allow |
//! | [`chain`] | guards asked together, in a fixed order |
//! | `directory` | guards of any kind by name |
//! | `stored`, `document` | guards that hold their configuration as text; its fields |

pub mod adaptive;
pub mod backoff;
pub mod breaker;
mod budget;
pub mod bulkhead;
pub mod chain;
mod directory;
mod document;
mod holder;
pub mod limiter;
mod permit;
pub mod retry;
mod stored;
pub mod throttle;

use crate::region::Region;
use crate::region::handle::{self, IdKind};

pub use breaker::{
    BreakerPhase, BreakerPolicy, BreakerReading, BreakerReason, BreakerTotals, BreakerWindow,
    Tripped,
};
pub use limiter::check::check;
pub use limiter::mask::Recorded;
pub use limiter::policy::{Algorithm, Exceptions, Keyed, LimiterPolicy, WarmUp, WhenFull};
pub use limiter::registry::{LimiterReading, Tallies, find, list, open};
pub use limiter::top::{TopKey, TopKeys};
pub use throttle::{ThrottlePolicy, ThrottleReading, ThrottleTotals};

/// The kind and name of the guard of `id`, in words; None when the region has no such guard.
pub fn name_of(region: &Region, id: u64) -> Option<(&'static str, String)> {
    let kind = handle::kind(id)?;
    let guards = match kind {
        IdKind::Limiter => limiter::registry::directory(region),
        IdKind::Breaker | IdKind::Bulkhead | IdKind::Retry | IdKind::Throttle | IdKind::Guard => {
            stored::directory(region, kind)
        }
        _ => return None,
    };
    let index = handle::entry(id);
    let name = guards.name(index).filter(|_| guards.id(index) == id)?;
    Some((guards.what, name))
}

/// What a check answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on; its units are taken.
    Admitted,
    /// The call may not go on; nothing is changed.
    Denied,
}

/// The numbers behind a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Burst or limit of the policy.
    pub limit: u64,
    /// Whole units left now.
    pub remaining: u64,
    /// 0 when admitted; else the shortest wait after which the same call could pass.
    pub retry_after_ns: u64,
    /// Until the limiter is full again if nobody calls.
    pub reset_after_ns: u64,
}
