//! Retries: how long to wait before an attempt, or that there should be none.
//!
//! The caller counts its attempts and sleeps; all that is shared is the budget, how far the random
//! sequence has come, and the tallies.

use super::backoff::{self, Backoff, Jitter, Waits};
use super::budget::{self, Budget};
use super::stored::{self, Entry};
use crate::base::error::{Error, Result};
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};
use crate::region::handle::IdKind;

pub use policy::RetryPolicy;

mod policy;

/// The words of a retry's entry, after those of every stored guard.
mod word {
    pub const MAX_ATTEMPTS: usize = 4;
    /// Backoff, jitter, and two bits more.
    pub const TRAITS: usize = 5;
    /// Doubles.
    pub const BASE_NS: usize = 6;
    pub const MULTIPLIER: usize = 7;
    pub const MAX_NS: usize = 8;
    pub const BUDGET_RATIO: usize = 9;
    pub const BUDGET_MINIMUM: usize = 10;
    /// 0 for none.
    pub const DEADLINE_NS: usize = 11;
    /// 0 for none.
    pub const BUDGET_AT: usize = 12;
    pub const SEED: usize = 13;
    /// Random numbers drawn so far, on a line of its own.
    pub const DRAWN: usize = 16;
    /// When a denial was last told.
    pub const TOLD: usize = 17;
}

/// Bits of [`word::TRAITS`].
mod is {
    pub const CONSTANT: u64 = 1;
    pub const DECORRELATED: u64 = 2;
    pub const EQUAL: u64 = 4;
    pub const NO_JITTER: u64 = 8;
    pub const SHADOW: u64 = 16;
}

/// The columns of a retry in the planes.
mod tally {
    pub const FIRSTS: usize = 0;
    pub const RETRIES: usize = 1;
    pub const EXHAUSTED: usize = 2;
    pub const OVER_BUDGET: usize = 3;
    pub const TOO_LATE: usize = 4;
    /// Denials that shadow mode let pass.
    pub const WOULD_DENY: usize = 5;
    /// Attempts that another guard of their chain refused.
    pub const CANCELLED_FIRSTS: usize = 6;
    pub const CANCELLED_RETRIES: usize = 7;
}

/// A retry as a snapshot shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryReading {
    /// Its name.
    pub name: String,
    /// What it was configured to be.
    pub policy: RetryPolicy,
    /// What it did.
    pub numbers: RetryNumbers,
}

/// What a retry did since it was made, and its budget's last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryNumbers {
    /// First attempts.
    pub first_attempts: u64,
    /// Further attempts that were allowed.
    pub retries: u64,
    /// Attempts denied because there had been enough.
    pub exhausted: u64,
    /// Attempts denied because the budget was spent.
    pub over_budget: u64,
    /// Attempts denied because they would begin after the deadline.
    pub too_late: u64,
    /// Of the allowed ones, those that shadow mode let pass.
    pub would_deny: u64,
    /// First attempts in the last ten seconds; 0 without a budget.
    pub recent_first_attempts: u64,
    /// Retries in the last ten seconds; 0 without a budget.
    pub recent_retries: u64,
}

/// What is known of an attempt beside its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1: the first try is attempt 1.
    pub number: u32,
    /// Time since the first attempt began.
    pub elapsed_ns: u64,
    /// The wait that the server asked for; 0 when it asked for none.
    pub server_retry_after_ns: u64,
}

/// The id of the retry called `name`, made as `policy` says if there is none.
pub fn open(region: &Region, name: &str, policy: &RetryPolicy) -> Result<u64> {
    stored::open(region, IdKind::Retry, name, &policy.to_json(), |entry| {
        let waits = policy.waits();
        entry.set(word::MAX_ATTEMPTS, policy.max_attempts.into());
        let backoff = match waits.backoff {
            Backoff::Exponential => 0,
            Backoff::Constant => is::CONSTANT,
            Backoff::Decorrelated => is::DECORRELATED,
        };
        let jitter = match waits.jitter {
            Jitter::Full => 0,
            Jitter::Equal => is::EQUAL,
            Jitter::None => is::NO_JITTER,
        };
        let shadow = if policy.shadow { is::SHADOW } else { 0 };
        entry.set(word::TRAITS, backoff | jitter | shadow);
        entry.set(word::BASE_NS, waits.base_ns.to_bits());
        entry.set(word::MULTIPLIER, waits.multiplier.to_bits());
        entry.set(word::MAX_NS, waits.max_ns.to_bits());
        entry.set(word::DEADLINE_NS, policy.deadline_ns().unwrap_or(0));
        if let Some(ratio) = policy.budget_ratio {
            entry.set(word::BUDGET_RATIO, ratio.to_bits());
            entry.set(
                word::BUDGET_MINIMUM,
                (policy.budget_minimum as f64).to_bits(),
            );
            entry.set(word::BUDGET_AT, region.allocate(budget::WORDS)? as u64);
        }
        let secret = region.header().seed[2] ^ entry.index as u64;
        entry.set(word::SEED, policy.seed.unwrap_or(secret));
        Ok(())
    })
}

/// The id of the retry called `name`.
pub fn find(region: &Region, name: &str) -> Option<u64> {
    stored::find(region, IdKind::Retry, name)
}

/// The wait before `attempt`, in nanoseconds; None: give up.
pub fn next(region: &Region, planes: &Planes, id: u64, attempt: Attempt) -> Result<Option<u64>> {
    let retry = Retry::resolve(region, id)?;
    if attempt.number == 0 {
        return Err(no_attempt());
    }
    let (wait_ns, refusal) = retry.judge(attempt);
    retry.count(planes, attempt.number, refusal);
    let allowed = refusal.is_none() || retry.is(is::SHADOW);
    Ok(allowed.then_some(wait_ns))
}

/// What a retry says to an attempt whose wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// There should be none.
    Refused,
    /// Go on; nothing was taken from the budget, since shadow mode let it pass.
    Passed,
    /// Go on; this was taken, in this slot of the budget.
    Taken { attempt: u32, slot: u64 },
}

/// Takes `attempt` from the budget, without a wait.
pub(super) fn admit(region: &Region, planes: &Planes, id: u64, attempt: u32) -> Result<Admission> {
    let retry = Retry::resolve(region, id)?;
    let is_enough = u64::from(attempt) > retry.entry.get(word::MAX_ATTEMPTS);
    let spent = match is_enough {
        true => Err(Refusal::Exhausted),
        false => retry.spend(attempt),
    };
    retry.count(planes, attempt, spent.err());
    Ok(match spent {
        Ok(slot) => Admission::Taken { attempt, slot },
        Err(_) if retry.is(is::SHADOW) => Admission::Passed,
        Err(_) => Admission::Refused,
    })
}

/// Gives back what [`admit`] took, as if there had been no attempt.
pub(super) fn give_back(region: &Region, planes: &Planes, id: u64, admission: Admission) {
    let (Ok(retry), Admission::Taken { attempt, slot }) = (Retry::resolve(region, id), admission)
    else {
        return;
    };
    let is_retry = attempt > 1;
    if let Some(budget) = retry.budget() {
        budget.give_back(slot, is_retry);
    }
    let tally = if is_retry {
        tally::CANCELLED_RETRIES
    } else {
        tally::CANCELLED_FIRSTS
    };
    planes.add(retry.entry.column(region, tally), 1);
}

/// A retry's numbers now.
pub fn read(region: &Region, planes: &Planes, id: u64) -> Result<RetryNumbers> {
    Ok(Retry::resolve(region, id)?.numbers(planes))
}

/// Every retry, by name.
pub fn list(region: &Region, planes: &Planes) -> Vec<RetryReading> {
    let all = stored::list(region, IdKind::Retry).into_iter();
    all.filter_map(|(name, entry, config)| {
        Some(RetryReading {
            name,
            policy: RetryPolicy::parse("retry", &config).ok()?,
            numbers: Retry { region, entry }.numbers(planes),
        })
    })
    .collect()
}

/// Why an attempt is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Exhausted,
    TooLate,
    OverBudget,
}

/// A retry of a region.
#[derive(Clone, Copy, Debug)]
struct Retry<'a> {
    region: &'a Region,
    entry: Entry<'a>,
}

impl<'a> Retry<'a> {
    #[inline(always)]
    fn resolve(region: &'a Region, id: u64) -> Result<Self> {
        let entry = Entry::resolve(region, id, IdKind::Retry)?;
        Ok(Retry { region, entry })
    }

    fn is(&self, bit: u64) -> bool {
        self.entry.get(word::TRAITS) & bit != 0
    }

    /// The wait, and why there should be no attempt; takes the attempt from the budget.
    fn judge(&self, attempt: Attempt) -> (u64, Option<Refusal>) {
        let wait_ns = self.wait_ns(attempt.number);
        let wait_ns = wait_ns.max(attempt.server_retry_after_ns);
        if u64::from(attempt.number) > self.entry.get(word::MAX_ATTEMPTS) {
            return (wait_ns, Some(Refusal::Exhausted));
        }
        let deadline_ns = self.entry.get(word::DEADLINE_NS);
        let begins_ns = attempt.elapsed_ns.saturating_add(wait_ns);
        if attempt.number > 1 && deadline_ns != 0 && begins_ns > deadline_ns {
            return (wait_ns, Some(Refusal::TooLate));
        }
        (wait_ns, self.spend(attempt.number).err())
    }

    /// Takes an attempt from the budget: the slot that it is taken from; 0 without a budget.
    fn spend(&self, attempt: u32) -> std::result::Result<u64, Refusal> {
        let now_ns = || self.region.clock().coarse();
        match self.budget() {
            None => Ok(0),
            Some(budget) if attempt == 1 => Ok(budget.first(now_ns)),
            Some(budget) => budget.retry(now_ns).ok_or(Refusal::OverBudget),
        }
    }

    fn wait_ns(&self, attempt: u32) -> u64 {
        if attempt < 2 {
            return 0;
        }
        let drawn = self.entry.word(word::DRAWN).fetch_add(1, Ordering::Relaxed);
        let random = backoff::random(self.entry.get(word::SEED), drawn);
        self.waits().before(attempt, random)
    }

    fn waits(&self) -> Waits {
        Waits {
            backoff: match () {
                () if self.is(is::CONSTANT) => Backoff::Constant,
                () if self.is(is::DECORRELATED) => Backoff::Decorrelated,
                () => Backoff::Exponential,
            },
            jitter: match () {
                () if self.is(is::EQUAL) => Jitter::Equal,
                () if self.is(is::NO_JITTER) => Jitter::None,
                () => Jitter::Full,
            },
            base_ns: self.entry.real(word::BASE_NS),
            multiplier: self.entry.real(word::MULTIPLIER),
            max_ns: self.entry.real(word::MAX_NS),
        }
    }

    fn budget(&self) -> Option<Budget<'a>> {
        let at = self.entry.get(word::BUDGET_AT);
        if at == 0 {
            return None;
        }
        let words: &[AtomicU64] = self.region.words().slice(at as usize, budget::WORDS)?;
        Some(Budget {
            words,
            ratio: self.entry.real(word::BUDGET_RATIO),
            minimum: self.entry.real(word::BUDGET_MINIMUM),
        })
    }

    fn count(&self, planes: &Planes, attempt: u32, refusal: Option<Refusal>) {
        let count = |tally| planes.add(self.entry.column(self.region, tally), 1);
        let shadow = self.is(is::SHADOW);
        if refusal.is_none() || shadow {
            count(if attempt == 1 {
                tally::FIRSTS
            } else {
                tally::RETRIES
            });
        }
        if refusal.is_some() && shadow {
            count(tally::WOULD_DENY);
        }
        match refusal {
            Some(_) if shadow => {}
            Some(Refusal::Exhausted) => count(tally::EXHAUSTED),
            Some(Refusal::TooLate) => count(tally::TOO_LATE),
            Some(Refusal::OverBudget) => {
                count(tally::OVER_BUDGET);
                self.tell_denial(planes);
            }
            None => {}
        }
    }

    /// Writes an event of a spent budget, once a second.
    fn tell_denial(&self, planes: &Planes) {
        let time_ns = self.region.clock().coarse();
        if !events::is_due(self.entry.word(word::TOLD), time_ns) {
            return;
        }
        let denied = planes.sum(self.entry.column(self.region, tally::OVER_BUDGET));
        let budget = self.budget();
        let firsts = budget.map_or(0, |budget| budget.counts(time_ns).firsts);
        let limit = budget.map_or(0.0, |budget| budget.allowed(firsts)) as u64;
        let event = Event {
            time_ns,
            kind: Kind::Denial,
            cause: Cause::Budget,
            guard: self.entry.id(),
            pid: 0,
            numbers: [denied, limit],
        };
        events::write(self.region, event);
    }

    fn numbers(&self, planes: &Planes) -> RetryNumbers {
        let sum = |tally| planes.sum(self.entry.column(self.region, tally));
        let now_ns = self.region.clock().coarse();
        let recent = self.budget().map(|budget| budget.counts(now_ns));
        let recent = recent.unwrap_or_default();
        RetryNumbers {
            first_attempts: sum(tally::FIRSTS).wrapping_sub(sum(tally::CANCELLED_FIRSTS)),
            retries: sum(tally::RETRIES).wrapping_sub(sum(tally::CANCELLED_RETRIES)),
            exhausted: sum(tally::EXHAUSTED),
            over_budget: sum(tally::OVER_BUDGET),
            too_late: sum(tally::TOO_LATE),
            would_deny: sum(tally::WOULD_DENY),
            recent_first_attempts: recent.firsts,
            recent_retries: recent.retries,
        }
    }
}

#[cold]
pub(super) fn no_attempt() -> Error {
    Error::argument("attempts count from 1: the first try is attempt 1")
}
