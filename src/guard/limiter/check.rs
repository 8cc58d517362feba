//! The check: may these units be taken now?
//!
//! Four shapes are plain: token bucket or sliding window, with keys or without. Each reads the
//! state, asks the arithmetic of [`gcra`](super::gcra) or [`sliding`](super::sliding), and swaps
//! the new state in; beaten by another caller, it begins again. Whatever is not plain takes the way
//! of `units`; one comparison tells them apart.

use super::entry::{self, Entry};
use super::gcra::{Answer, Rate};
use super::keys::Print;
use super::refusal;
use super::registry::resolve;
use super::room::Found;
use super::ruling::Ruling;
use super::sliding::{Attempt, Window};
use super::tally;
use super::top;
use super::units::Account;
use crate::base::error::Result;
use crate::base::limits;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::guard::{Decision, Verdict};
use crate::region::Region;
use crate::region::clock::Clock;
use crate::region::handle::{self, IdKind};

/// Takes `cost` units of limiter `id` for `key`, or takes none.
///
/// A limiter with keys wants one, even if empty; one without wants none.
#[inline(never)]
pub fn check(
    region: &Region,
    planes: &Planes,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
    mut decision: Option<&mut Decision>,
) -> Result<Verdict> {
    let limiter = resolve(region, id)?;
    if cost == 0 || !region.is_writable() {
        return Err(refusal::at_once(cost));
    }
    let ruling = match rule(region, limiter, key, cost, decision.as_deref_mut()) {
        // Changed in that moment.
        Some(Ruling::Never) if limiter.block_at() != 0 => {
            special(region, limiter, cost, key, decision)
        }
        Some(ruling) => ruling,
        None => special(region, limiter, cost, key, decision),
    };
    settle(region, planes, limiter, ruling, cost)
        .ok_or_else(|| refusal::of(ruling, region, limiter, cost, key))
}

/// [`check`] by a plain limiter that has a verdict; else nothing is done, nor counted, and it is to be
/// asked. There is no error to make room for.
#[inline(always)]
pub fn check_at_once(
    region: &Region,
    planes: &Planes,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
) -> Option<Verdict> {
    let limiter = plain(region, id, cost)?;
    let ruling = rule(region, limiter, key, cost, None)?;
    settle(region, planes, limiter, ruling, cost)
}

/// [`check`] by a plain limiter, if it admits; else nothing is done, nor counted, and it is to be asked.
#[inline(always)]
pub(in crate::guard) fn admit_at_once(
    region: &Region,
    planes: &Planes,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
) -> bool {
    let Some(limiter) = plain(region, id, cost) else {
        return false;
    };
    rule(region, limiter, key, cost, None) == Some(Ruling::Admitted)
        && settle(region, planes, limiter, Ruling::Admitted, cost).is_some()
}

/// Limiter `id`, if `cost` units of it may be asked for.
#[inline(always)]
fn plain(region: &Region, id: u64, cost: u32) -> Option<Entry<'_>> {
    let limiter = Entry::at(region, handle::entry(id))?;
    let is_it = limiter.id() == id && handle::is(id, IdKind::Limiter);
    (is_it && cost != 0 && region.is_writable()).then_some(limiter)
}

/// What a plain limiter says; None when it is not plain.
#[inline(always)]
fn rule(
    region: &Region,
    limiter: Entry<'_>,
    key: Option<&[u8]>,
    cost: u32,
    numbers: Numbers<'_>,
) -> Option<Ruling> {
    Some(match (limiter.mode(), key) {
        (entry::BUCKET, None) => bucket(region, limiter, cost, numbers),
        (entry::KEYED_BUCKET, Some(key)) => keyed_bucket(region, limiter, cost, key, numbers),
        (entry::WINDOW, None) => window(region, limiter, cost, numbers),
        (entry::KEYED_WINDOW, Some(key)) => keyed_window(region, limiter, cost, key, numbers),
        _ => return None,
    })
}

/// Counts a ruling; None when it is no verdict.
#[inline(always)]
pub(super) fn settle(
    region: &Region,
    planes: &Planes,
    limiter: Entry<'_>,
    ruling: Ruling,
    cost: u32,
) -> Option<Verdict> {
    let index = handle::entry(limiter.id());
    let count = |tally, amount| planes.add(region.layout().limiter_column(index, tally), amount);
    match ruling {
        Ruling::Admitted => {
            count(tally::ADMITTED, 1);
            if cost > 1 {
                count(tally::FURTHER_UNITS, u64::from(cost) - 1);
            }
            Some(Verdict::Admitted)
        }
        Ruling::Denied => {
            count(tally::DENIED, 1);
            Some(Verdict::Denied)
        }
        Ruling::Shadowed => {
            count(tally::SHADOWED, 1);
            Some(Verdict::Admitted)
        }
        _ => None,
    }
}

/// A limiter that is a fixed window, in shadow mode, was changed, records its keys, or has keys with
/// rules of their own.
#[inline(never)]
fn special(
    region: &Region,
    limiter: Entry<'_>,
    cost: u32,
    key: Option<&[u8]>,
    numbers: Numbers<'_>,
) -> Ruling {
    let answer = match Account::of(region, limiter, key) {
        Ok(account) => account.reserve(cost, 0),
        Err(ruling) => return ruling,
    };
    if let (Some(numbers), true) = (numbers, answer.is_verdict()) {
        *numbers = answer.decision;
    }
    top::record(region, limiter, key, answer.ruling, cost);
    answer.ruling
}

/// The numbers behind a ruling, for a caller who wants them.
type Numbers<'a> = Option<&'a mut Decision>;

// The four shapes take what they need in registers; only the first is inlined into the check.

#[inline(always)]
fn bucket(region: &Region, limiter: Entry<'_>, cost: u32, numbers: Numbers<'_>) -> Ruling {
    let Some(word) = limiter.state(region.words()) else {
        return Ruling::Damaged;
    };
    loop {
        let state = word.load(Ordering::Acquire);
        // Read before the rate, so that nothing has to be kept over the call of the clock.
        let now = Now::read(region.clock(), numbers.is_some());
        let rate = limiter.rate();
        let Some(need) = rate.cost(cost) else {
            return Ruling::Never;
        };
        match decide(&rate, region.clock(), now, state, need) {
            Answer::Admit {
                state: new,
                lacking,
            } => {
                if exchange(word, state, new) {
                    tell_bucket(numbers, limiter, &rate, lacking, 0);
                    return Ruling::Admitted;
                }
            }
            Answer::Deny { lacking } | Answer::Unsure { lacking } => {
                tell_bucket(numbers, limiter, &rate, lacking, need);
                return Ruling::Denied;
            }
        }
    }
}

#[inline(never)]
fn keyed_bucket(
    region: &Region,
    limiter: Entry<'_>,
    cost: u32,
    key: &[u8],
    numbers: Numbers<'_>,
) -> Ruling {
    if key.len() > limits::MAX_KEY_BYTES {
        return Ruling::LongKey;
    }
    if limiter.rate().cost(cost).is_none() {
        return Ruling::Never;
    }
    let table = limiter.table(region.words());
    let print = Print::of(region.keys(), key, table.groups);
    loop {
        let entry = match Found::seek(region, limiter, table, cost, print) {
            Found::At(entry) => entry,
            Found::Nothing(ruling, decision) => return tell(numbers, decision, ruling),
        };
        let now = Now::read(region.clock(), numbers.is_some());
        let rate = limiter.rate();
        let Some(need) = rate.cost(cost) else {
            return Ruling::Never;
        };
        match decide(&rate, region.clock(), now, entry.state, need) {
            Answer::Admit { state, lacking } => {
                if entry.swap(state) {
                    tell_bucket(numbers, limiter, &rate, lacking, 0);
                    return Ruling::Admitted;
                }
            }
            Answer::Deny { lacking } | Answer::Unsure { lacking } => {
                if entry.is_same() {
                    tell_bucket(numbers, limiter, &rate, lacking, need);
                    return Ruling::Denied;
                }
            }
        }
    }
}

#[inline(never)]
fn window(region: &Region, limiter: Entry<'_>, cost: u32, numbers: Numbers<'_>) -> Ruling {
    let window = limiter.window();
    if !window.is_possible() {
        return Ruling::Damaged;
    }
    if u64::from(cost) > window.limit {
        return Ruling::Never;
    }
    let words = region.words();
    let (Some(word), Some(ring)) = (limiter.state(words), limiter.ring(words, 0)) else {
        return Ruling::Damaged;
    };
    loop {
        let state = word.load(Ordering::Acquire);
        let attempt = window.take(
            ring,
            region.clock(),
            state,
            cost.into(),
            numbers.is_some(),
            |new| exchange(word, state, new),
            || word.load(Ordering::Acquire) == state,
        );
        if attempt != Attempt::Lost {
            return tell_window(numbers, &window, ring, state, attempt);
        }
    }
}

#[inline(never)]
fn keyed_window(
    region: &Region,
    limiter: Entry<'_>,
    cost: u32,
    key: &[u8],
    numbers: Numbers<'_>,
) -> Ruling {
    let window = limiter.window();
    if !window.is_possible() {
        return Ruling::Damaged;
    }
    if u64::from(cost) > window.limit {
        return Ruling::Never;
    }
    if key.len() > limits::MAX_KEY_BYTES {
        return Ruling::LongKey;
    }
    let table = limiter.table(region.words());
    let print = Print::of(region.keys(), key, table.groups);
    loop {
        let entry = match Found::seek(region, limiter, table, cost, print) {
            Found::At(entry) => entry,
            Found::Nothing(ruling, decision) => return tell(numbers, decision, ruling),
        };
        let Some(ring) = limiter.ring(region.words(), entry.index) else {
            return Ruling::Damaged;
        };
        let attempt = window.take(
            ring,
            region.clock(),
            entry.state,
            cost.into(),
            numbers.is_some(),
            |new| entry.swap(new),
            || entry.is_same(),
        );
        if attempt != Attempt::Lost {
            return tell_window(numbers, &window, ring, entry.state, attempt);
        }
    }
}

/// `denied` is what a denied check needed; 0 when it was admitted.
#[inline(always)]
fn tell_bucket(numbers: Numbers<'_>, limiter: Entry<'_>, rate: &Rate, lacking: u64, denied: u64) {
    if let Some(numbers) = numbers {
        *numbers = Decision {
            limit: limiter.word(entry::UNITS),
            remaining: rate.units_left(lacking),
            retry_after_ns: if denied > 0 {
                rate.wait_for(lacking, denied)
            } else {
                0
            },
            reset_after_ns: rate.ns(lacking),
        };
    }
}

#[inline(always)]
fn tell(numbers: Numbers<'_>, decision: Decision, ruling: Ruling) -> Ruling {
    if let Some(numbers) = numbers
        && matches!(ruling, Ruling::Admitted | Ruling::Denied)
    {
        *numbers = decision;
    }
    ruling
}

/// The ruling of an attempt, begun at `old_state`, that was not lost.
#[inline(always)]
fn tell_window(
    numbers: Numbers<'_>,
    window: &Window,
    ring: &[AtomicU64],
    old_state: u64,
    attempt: Attempt,
) -> Ruling {
    let (ruling, state, now_ns, until_ns) = match attempt {
        Attempt::Admitted { state, now_ns } => (Ruling::Admitted, state, now_ns, 0),
        Attempt::Denied { until_ns, now_ns } => (Ruling::Denied, old_state, now_ns, until_ns),
        _ => return Ruling::Damaged,
    };
    if let Some(numbers) = numbers {
        // A stamp of coarse time may be ahead of now; no wait is longer than the window.
        let wait = |until: u64| until.saturating_sub(now_ns).min(window.window_ns);
        *numbers = Decision {
            limit: window.limit,
            remaining: window.units_left(ring, state, now_ns),
            retry_after_ns: wait(until_ns),
            reset_after_ns: wait(window.idle_from(ring, state)),
        };
    }
    ruling
}

/// A reading of the clock. The coarse one is enough for a verdict, but not for numbers: by it a bucket
/// lacks up to a tick more than it does, and so seems to hold a unit less.
#[derive(Clone, Copy)]
enum Now {
    Coarse(u64),
    Precise(u64),
}

impl Now {
    #[inline(always)]
    fn read(clock: &Clock, wants_numbers: bool) -> Self {
        if wants_numbers {
            Now::Precise(clock.precise())
        } else {
            Now::Coarse(clock.coarse())
        }
    }
}

/// Decides by a coarse reading if it can, else by the precise clock; both are later than `state`.
#[inline(always)]
fn decide(rate: &Rate, clock: &Clock, now: Now, state: u64, need: u64) -> Answer {
    let lag = clock.lag();
    let now = match now {
        Now::Precise(now) => now,
        Now::Coarse(now) => match rate.by_coarse(state, now, lag, need) {
            Answer::Unsure { .. } => clock.precise(),
            sure => return sure,
        },
    };
    rate.by_precise(state, now, lag, need)
}

#[inline(always)]
fn exchange(word: &AtomicU64, old: u64, new: u64) -> bool {
    word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}
