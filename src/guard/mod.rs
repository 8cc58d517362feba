//! Decisions: may this call go on?
//!
//! A limiter's whole state is one word a key (token bucket), or one word and a ring of times
//! (sliding window), changed by one compare-and-swap. So a decision is taken by exactly one caller
//! at one moment, nothing is ever locked, and a process killed in the middle has either taken its
//! units or not.
//!
//! | file | what it is about |
//! |---|---|
//! | [`policy`] | what a configuration asks for, validated |
//! | [`gcra`] | the token bucket's arithmetic; why the coarse clock is good enough |
//! | [`sliding`] | the sliding window's arithmetic; its ring; the order of its two steps |
//! | [`fixed`] | the fixed window's arithmetic |
//! | [`keys`] | many keys in bounded memory; why one key never has two entries |
//! | [`entry`] | the words of a limiter in the region |
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
//! | [`registry`] | find or create by name |
//! | [`limiter`] | the check itself |
//! | `units` | peek, reserve, refund, penalize; checks of limiters that are not plain |
//! | `rules` | keys that are blocked or listed |
//! | [`top`], [`mask`] | the keys that use a limiter most; what is shown of them |
//! | [`texts`] | a decision as HTTP fields and problem details |
//! | `together` | several limits as one decision |
//! | `room` | a key that has no entry yet, or no room |
//! | `terms`, [`reconfigure`] | what is in force for a limiter; how that is changed |
//! | [`pace`] | a token bucket whose rate was changed: pure arithmetic |
//! | [`warm`] | a token bucket that warms up: pure arithmetic |
//! | [`denials`] | what was denied, in the ring of events |
//! | `refusal` | errors in words |

pub mod adaptive;
pub mod backoff;
pub mod breaker;
mod budget;
pub mod bulkhead;
pub mod chain;
pub mod denials;
mod directory;
mod document;
pub mod entry;
pub mod fixed;
pub mod gcra;
mod holder;
pub mod keys;
pub mod limiter;
pub mod mask;
pub mod pace;
mod permit;
pub mod policy;
pub mod reconfigure;
mod refusal;
pub mod registry;
pub mod retry;
mod room;
pub mod rules;
pub mod sliding;
mod stored;
mod terms;
pub mod texts;
pub mod throttle;
pub mod together;
pub mod top;
pub mod units;
pub mod warm;

use crate::region::Region;
use crate::region::handle::{self, IdKind};

pub use breaker::{
    BreakerPhase, BreakerPolicy, BreakerReading, BreakerReason, BreakerTotals, BreakerWindow,
    Tripped,
};
pub use limiter::check;
pub use mask::Recorded;
pub use policy::{Algorithm, Exceptions, Keyed, LimiterPolicy, WarmUp, WhenFull};
pub use registry::{LimiterReading, Tallies, find, list, open};
pub use throttle::{ThrottlePolicy, ThrottleReading, ThrottleTotals};
pub use top::{TopKey, TopKeys};

/// The kind and name of the guard of `id`, in words; None when the region has no such guard.
pub fn name_of(region: &Region, id: u64) -> Option<(&'static str, String)> {
    let kind = handle::kind(id)?;
    let guards = match kind {
        IdKind::Limiter => registry::directory(region),
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
