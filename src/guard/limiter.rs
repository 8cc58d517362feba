//! The check: may these units be taken now?
//!
//! One of four shapes: token bucket or sliding window, with keys or without. Each reads the state,
//! asks the arithmetic of [`gcra`](super::gcra) or [`sliding`](super::sliding), and swaps the new
//! state in; beaten by another caller, it begins again.

use super::entry::{self, Entry};
use super::gcra::{Answer, Rate};
use super::keys::{self, Displaced, Life, Place, Print, Table};
use super::policy::WhenFull;
use super::registry::tally;
use super::sliding::{Attempt, Window};
use super::{Decision, Verdict};
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::clock::Clock;
use crate::region::handle::{self, IdKind};
use crate::region::raw::Words;

/// Takes `cost` units of limiter `id` for `key`, or takes none.
///
/// A limiter with keys wants one, even if empty; one without wants none.
#[inline]
pub fn check(
    region: &Region,
    planes: &Planes,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
    decision: Option<&mut Decision>,
) -> Result<Verdict> {
    let index = handle::entry(id);
    let Some(limiter) = Entry::at(region, index) else {
        return Err(stale(id));
    };
    if limiter.id() != id || !handle::is(id, IdKind::Limiter) {
        return Err(stale(id));
    }
    if cost == 0 || !region.is_writable() {
        return Err(refused(cost));
    }
    let call = Call {
        region,
        planes,
        limiter,
        index,
        cost,
    };
    let shape = limiter.shape();
    let ruling = if let Some(key) = key {
        match shape {
            entry::KEYED_BUCKET => call.keyed_bucket(key, decision),
            entry::KEYED_WINDOW => call.keyed_window(key, decision),
            _ => Ruling::WrongKey,
        }
    } else {
        match shape {
            entry::BUCKET => call.bucket(decision),
            entry::WINDOW => call.window(decision),
            _ => Ruling::WrongKey,
        }
    };
    match ruling {
        Ruling::Admitted => {
            call.count(tally::ADMITTED, 1);
            if cost > 1 {
                call.count(tally::FURTHER_UNITS, u64::from(cost) - 1);
            }
            Ok(Verdict::Admitted)
        }
        Ruling::Denied => {
            call.count(tally::DENIED, 1);
            Ok(Verdict::Denied)
        }
        error => Err(call.error(error, key)),
    }
}

/// One check on its way.
struct Call<'a> {
    region: &'a Region,
    planes: &'a Planes,
    limiter: Entry<'a>,
    index: usize,
    cost: u32,
}

/// A verdict, or why there is none. One byte: errors get their words only where they are returned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ruling {
    Admitted,
    Denied,
    /// The cost is more than the limiter ever holds.
    Never,
    /// A key too many or too few.
    WrongKey,
    LongKey,
    /// The region holds something impossible.
    Damaged,
}

/// The numbers behind a ruling, for a caller who wants them.
type Numbers<'a> = Option<&'a mut Decision>;

impl<'a> Call<'a> {
    #[inline(always)]
    fn bucket(&self, numbers: Numbers<'_>) -> Ruling {
        let Some(word) = self.limiter.state(self.words()) else {
            return Ruling::Damaged;
        };
        loop {
            let state = word.load(Ordering::Acquire);
            // Read before the rate, so that nothing has to be kept over the call of the clock.
            let coarse = self.clock().coarse();
            let rate = self.limiter.rate();
            let Some(need) = rate.cost(self.cost) else {
                return Ruling::Never;
            };
            match decide(&rate, self.clock(), coarse, state, need) {
                Answer::Admit {
                    state: new,
                    lacking,
                } => {
                    if exchange(word, state, new) {
                        self.tell_bucket(numbers, &rate, lacking, 0);
                        return Ruling::Admitted;
                    }
                }
                Answer::Deny { lacking } | Answer::Unsure { lacking } => {
                    self.tell_bucket(numbers, &rate, lacking, need);
                    return Ruling::Denied;
                }
            }
        }
    }

    #[inline(never)]
    fn keyed_bucket(&self, key: &[u8], numbers: Numbers<'_>) -> Ruling {
        let rate = self.limiter.rate();
        let Some(need) = rate.cost(self.cost) else {
            return Ruling::Never;
        };
        if key.len() > limits::MAX_KEY_BYTES {
            return Ruling::LongKey;
        }
        let table = self.limiter.table(self.words());
        let print = self.print(&table, key);
        loop {
            let entry = match table.find(&print) {
                Some(entry) => entry,
                None => match self.enter_bucket(&table, &print, rate) {
                    Entered::At(entry) => entry,
                    Entered::Not(ruling, full) => return tell(numbers, full, ruling),
                },
            };
            match decide(
                &rate,
                self.clock(),
                self.clock().coarse(),
                entry.state,
                need,
            ) {
                Answer::Admit { state, lacking } => {
                    if entry.swap(state) {
                        self.tell_bucket(numbers, &rate, lacking, 0);
                        return Ruling::Admitted;
                    }
                }
                Answer::Deny { lacking } | Answer::Unsure { lacking } => {
                    if entry.is_same() {
                        self.tell_bucket(numbers, &rate, lacking, need);
                        return Ruling::Denied;
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn window(&self, numbers: Numbers<'_>) -> Ruling {
        let window = self.limiter.window();
        if !window.is_possible() {
            return Ruling::Damaged;
        }
        if u64::from(self.cost) > window.limit {
            return Ruling::Never;
        }
        let Some(word) = self.limiter.state(self.words()) else {
            return Ruling::Damaged;
        };
        let Some(ring) = self.limiter.ring(self.words(), 0) else {
            return Ruling::Damaged;
        };
        loop {
            let state = word.load(Ordering::Acquire);
            let attempt = window.take(
                ring,
                self.clock(),
                state,
                self.cost.into(),
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
    fn keyed_window(&self, key: &[u8], numbers: Numbers<'_>) -> Ruling {
        let window = self.limiter.window();
        if !window.is_possible() {
            return Ruling::Damaged;
        }
        if u64::from(self.cost) > window.limit {
            return Ruling::Never;
        }
        if key.len() > limits::MAX_KEY_BYTES {
            return Ruling::LongKey;
        }
        let table = self.limiter.table(self.words());
        let print = self.print(&table, key);
        loop {
            let entry = match table.find(&print) {
                Some(entry) => entry,
                None => match self.enter_window(&table, &print, window) {
                    Entered::At(entry) => entry,
                    Entered::Not(ruling, full) => return tell(numbers, full, ruling),
                },
            };
            let ring = self.limiter.ring(self.words(), entry.index);
            let Some(ring) = ring else {
                return Ruling::Damaged;
            };
            let attempt = window.take(
                ring,
                self.clock(),
                entry.state,
                self.cost.into(),
                numbers.is_some(),
                |new| entry.swap(new),
                || entry.is_same(),
            );
            if attempt != Attempt::Lost {
                return tell_window(numbers, &window, ring, entry.state, attempt);
            }
        }
    }

    #[inline(always)]
    fn words(&self) -> Words {
        self.region.words()
    }

    #[inline(always)]
    fn clock(&self) -> &'a Clock {
        self.region.clock()
    }

    #[inline(always)]
    fn count(&self, tally: usize, amount: u64) {
        self.planes.add(
            self.region.layout().limiter_column(self.index, tally),
            amount,
        );
    }

    #[inline(always)]
    fn print(&self, table: &Table, key: &[u8]) -> Print {
        Print::of(&self.region.header().seed, key, table.groups)
    }

    /// `denied` is what a denied check needed; 0 when it was admitted.
    #[inline(always)]
    fn tell_bucket(&self, numbers: Numbers<'_>, rate: &Rate, lacking: u64, denied: u64) {
        if let Some(numbers) = numbers {
            *numbers = Decision {
                limit: self.limiter.word(entry::UNITS),
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

    #[cold]
    #[inline(never)]
    fn enter_bucket<'t>(&self, table: &'t Table, print: &Print, rate: Rate) -> Entered<'t> {
        let clock = self.clock();
        self.enter(
            table,
            print,
            &BucketLife {
                rate,
                now_ns: clock.coarse(),
                lag_ns: clock.lag(),
            },
        )
    }

    #[cold]
    #[inline(never)]
    fn enter_window<'t>(&self, table: &'t Table, print: &Print, window: Window) -> Entered<'t> {
        let (limiter, words) = (self.limiter, self.words());
        let now_ns = self.clock().coarse();
        self.enter(
            table,
            print,
            &WindowLife {
                limiter,
                words,
                window,
                now_ns,
            },
        )
    }

    /// Makes an entry for a key that has none.
    fn enter<'t>(&self, table: &'t Table, print: &Print, life: &impl Life) -> Entered<'t> {
        let when_full = self.limiter.when_full();
        let mut displaced = Displaced::default();
        let place = table.enter(print, life, when_full, &mut displaced);
        for (tally, count) in [
            (tally::REUSED, displaced.reused),
            (tally::EVICTED, displaced.evicted),
        ] {
            if count > 0 {
                self.count(tally, count);
            }
        }
        match place {
            Place::At(entry) => Entered::At(entry),
            Place::Full(wait_ns) => self.full(when_full, wait_ns),
            Place::Damaged => Entered::Not(Ruling::Damaged, Decision::default()),
        }
    }

    /// No room for the key.
    fn full<'t>(&self, when_full: WhenFull, wait_ns: u64) -> Entered<'t> {
        let limit = self.limiter.word(entry::UNITS);
        if when_full == WhenFull::Allow {
            self.count(tally::ALLOWED_FULL, 1);
            let remaining = limit.saturating_sub(self.cost.into());
            let numbers = Decision {
                limit,
                remaining,
                ..Decision::default()
            };
            return Entered::Not(Ruling::Admitted, numbers);
        }
        self.count(tally::DENIED_FULL, 1);
        let wait = wait_ns.max(1);
        let numbers = Decision {
            limit,
            remaining: 0,
            retry_after_ns: wait,
            reset_after_ns: wait,
        };
        Entered::Not(Ruling::Denied, numbers)
    }

    #[cold]
    #[inline(never)]
    fn error(&self, ruling: Ruling, key: Option<&[u8]>) -> Error {
        let name = super::registry::name_of(self.words(), &self.limiter);
        match (ruling, key) {
            (Ruling::Never, _) => Error::range(format!(
                "a cost of {} can never pass: limiter {name:?} never holds more than {} units",
                self.cost,
                self.limiter.word(entry::UNITS)
            )),
            (Ruling::LongKey, Some(key)) => Error::argument(format!(
                "a key of {} bytes for limiter {name:?}: at most {} are allowed",
                key.len(),
                limits::MAX_KEY_BYTES
            )),
            (Ruling::WrongKey, Some(_)) => {
                Error::argument(format!("limiter {name:?} has no keys, but one was given"))
            }
            (Ruling::WrongKey, None) => {
                Error::argument(format!("limiter {name:?} is keyed, but no key was given"))
            }
            _ => Error::format(format!("limiter {name:?} is damaged in the region")),
        }
    }
}

/// The answer for a key without an entry: one, or the ruling when there is no room.
enum Entered<'a> {
    At(keys::Entry<'a>),
    Not(Ruling, Decision),
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

/// Decides by the `coarse` reading if it can, else by the precise clock; both are later than
/// `state`.
#[inline(always)]
fn decide(rate: &Rate, clock: &Clock, coarse: u64, state: u64, need: u64) -> Answer {
    match rate.by_coarse(state, coarse, clock.lag(), need) {
        Answer::Unsure { .. } => rate.by_precise(state, clock.precise(), clock.lag(), need),
        sure => sure,
    }
}

#[inline(always)]
fn exchange(word: &AtomicU64, old: u64, new: u64) -> bool {
    word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

/// A bucket that has been full for a while is idle.
pub(super) struct BucketLife {
    pub rate: Rate,
    pub now_ns: u64,
    pub lag_ns: u64,
}

impl Life for BucketLife {
    fn is_idle(&self, _index: usize, state: u64) -> bool {
        self.rate.is_idle(state, self.now_ns, self.lag_ns)
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        self.rate.fresh(state, self.now_ns)
    }

    fn prepare(&self, _index: usize, _is_new: impl Fn() -> bool) {}

    fn idle_in(&self, _index: usize, state: u64) -> u64 {
        let lacking = self.rate.lacking(state, self.now_ns, self.lag_ns);
        lacking
            .checked_div(self.rate.per_ns)
            .unwrap_or(0)
            .saturating_add(1)
    }
}

/// A window whose newest unit has expired is idle.
pub(super) struct WindowLife<'a> {
    pub limiter: Entry<'a>,
    pub words: Words,
    pub window: Window,
    pub now_ns: u64,
}

impl WindowLife<'_> {
    fn idle_from(&self, index: usize, state: u64) -> u64 {
        let ring = self.limiter.ring(self.words, index);
        ring.map_or(0, |ring| self.window.idle_from(ring, state))
    }
}

impl Life for WindowLife<'_> {
    fn is_idle(&self, index: usize, state: u64) -> bool {
        self.idle_from(index, state) <= self.now_ns
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        self.window.renewed(state)
    }

    fn prepare(&self, index: usize, is_new: impl Fn() -> bool) {
        if let Some(ring) = self.limiter.ring(self.words, index) {
            self.window.clear(ring, self.now_ns, is_new);
        }
    }

    fn idle_in(&self, index: usize, state: u64) -> u64 {
        self.idle_from(index, state).saturating_sub(self.now_ns)
    }
}

#[cold]
fn stale(id: u64) -> Error {
    Error::stale(format!("{id:#x} is not the id of a limiter of this engine"))
}

#[cold]
fn refused(cost: u32) -> Error {
    if cost == 0 {
        return Error::argument("a cost must be at least 1");
    }
    Error::state("an observer cannot check a limiter: the region is mapped read-only")
}
