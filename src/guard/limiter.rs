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
        wants_numbers: decision.is_some(),
    };
    let outcome = match (limiter.shape(), key) {
        (entry::BUCKET, None) => call.bucket()?,
        (entry::KEYED_BUCKET, Some(key)) => call.keyed_bucket(key)?,
        (entry::WINDOW, None) => call.window()?,
        (entry::KEYED_WINDOW, Some(key)) => call.keyed_window(key)?,
        _ => return Err(call.wrong_key(key)),
    };
    match outcome.verdict {
        Verdict::Admitted => {
            call.count(tally::ADMITTED, 1);
            if cost > 1 {
                call.count(tally::FURTHER_UNITS, u64::from(cost) - 1);
            }
        }
        Verdict::Denied => call.count(tally::DENIED, 1),
    }
    if let Some(decision) = decision {
        *decision = outcome.numbers;
    }
    Ok(outcome.verdict)
}

/// One check on its way.
struct Call<'a> {
    region: &'a Region,
    planes: &'a Planes,
    limiter: Entry<'a>,
    index: usize,
    cost: u32,
    wants_numbers: bool,
}

/// A verdict, and the numbers behind it if they are wanted.
struct Outcome {
    verdict: Verdict,
    numbers: Decision,
}

impl<'a> Call<'a> {
    #[inline(always)]
    fn bucket(&self) -> Result<Outcome> {
        let rate = self.limiter.rate();
        let Some(need) = rate.cost(self.cost) else {
            return Err(self.never());
        };
        let Some(word) = self.limiter.state(self.words()) else {
            return Err(damaged());
        };
        let mut state = word.load(Ordering::Acquire);
        loop {
            match decide(&rate, self.clock(), state, need) {
                Answer::Admit {
                    state: new,
                    lacking,
                } => match exchange(word, state, new) {
                    Ok(_) => return Ok(self.of_bucket(&rate, Verdict::Admitted, lacking, need)),
                    Err(found) => state = found,
                },
                Answer::Deny { lacking } | Answer::Unsure { lacking } => {
                    return Ok(self.of_bucket(&rate, Verdict::Denied, lacking, need));
                }
            }
        }
    }

    #[inline(always)]
    fn keyed_bucket(&self, key: &[u8]) -> Result<Outcome> {
        let rate = self.limiter.rate();
        let Some(need) = rate.cost(self.cost) else {
            return Err(self.never());
        };
        let table = self.limiter.table(self.words());
        let print = self.print(&table, key)?;
        loop {
            let entry = match table.find(&print) {
                Some(entry) => entry,
                None => match self.enter_bucket(&table, &print, rate)? {
                    Entered::At(entry) => entry,
                    Entered::Full(outcome) => return Ok(outcome),
                },
            };
            match decide(&rate, self.clock(), entry.state, need) {
                Answer::Admit { state, lacking } => {
                    if entry.swap(state) {
                        return Ok(self.of_bucket(&rate, Verdict::Admitted, lacking, need));
                    }
                }
                Answer::Deny { lacking } | Answer::Unsure { lacking } => {
                    if entry.is_same() {
                        return Ok(self.of_bucket(&rate, Verdict::Denied, lacking, need));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn window(&self) -> Result<Outcome> {
        let window = self.possible_window()?;
        let Some(word) = self.limiter.state(self.words()) else {
            return Err(damaged());
        };
        let Some(ring) = self.limiter.ring(self.words(), 0) else {
            return Err(damaged());
        };
        loop {
            let state = word.load(Ordering::Acquire);
            let attempt = window.take(
                ring,
                self.clock(),
                state,
                self.cost.into(),
                self.wants_numbers,
                |new| exchange(word, state, new).is_ok(),
                || word.load(Ordering::Acquire) == state,
            );
            if let Some(outcome) = self.of_window(&window, ring, state, attempt)? {
                return Ok(outcome);
            }
        }
    }

    #[inline(always)]
    fn keyed_window(&self, key: &[u8]) -> Result<Outcome> {
        let window = self.possible_window()?;
        let table = self.limiter.table(self.words());
        let print = self.print(&table, key)?;
        loop {
            let entry = match table.find(&print) {
                Some(entry) => entry,
                None => match self.enter_window(&table, &print, window)? {
                    Entered::At(entry) => entry,
                    Entered::Full(outcome) => return Ok(outcome),
                },
            };
            let ring = self.limiter.ring(self.words(), entry.index);
            let Some(ring) = ring else {
                return Err(damaged());
            };
            let attempt = window.take(
                ring,
                self.clock(),
                entry.state,
                self.cost.into(),
                self.wants_numbers,
                |new| entry.swap(new),
                || entry.is_same(),
            );
            if let Some(outcome) = self.of_window(&window, ring, entry.state, attempt)? {
                return Ok(outcome);
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
    fn print(&self, table: &Table, key: &[u8]) -> Result<Print> {
        if key.len() > limits::MAX_KEY_BYTES {
            return Err(long_key(key.len()));
        }
        Ok(Print::of(&self.region.header().seed, key, table.groups))
    }

    #[inline(always)]
    fn possible_window(&self) -> Result<Window> {
        let window = self.limiter.window();
        if !window.is_possible() {
            return Err(damaged());
        }
        if u64::from(self.cost) > window.limit {
            Err(self.never())
        } else {
            Ok(window)
        }
    }

    #[inline(always)]
    fn of_bucket(&self, rate: &Rate, verdict: Verdict, lacking: u64, need: u64) -> Outcome {
        let mut numbers = Decision::default();
        if self.wants_numbers {
            numbers = Decision {
                limit: self.limiter.word(entry::UNITS),
                remaining: rate.units_left(lacking),
                retry_after_ns: match verdict {
                    Verdict::Admitted => 0,
                    Verdict::Denied => rate.wait_for(lacking, need),
                },
                reset_after_ns: rate.ns(lacking),
            };
        }
        Outcome { verdict, numbers }
    }

    /// None when the attempt must be made again.
    #[inline(always)]
    fn of_window(
        &self,
        window: &Window,
        ring: &[AtomicU64],
        old_state: u64,
        attempt: Attempt,
    ) -> Result<Option<Outcome>> {
        let (verdict, state, now_ns, until_ns) = match attempt {
            Attempt::Admitted { state, now_ns } => (Verdict::Admitted, state, now_ns, 0),
            Attempt::Denied { until_ns, now_ns } => (Verdict::Denied, old_state, now_ns, until_ns),
            Attempt::Lost => return Ok(None),
            Attempt::Damaged => return Err(damaged()),
        };
        let mut numbers = Decision::default();
        if self.wants_numbers {
            // A stamp of coarse time may be ahead of now; no wait is longer than the window.
            let wait = |until: u64| until.saturating_sub(now_ns).min(window.window_ns);
            numbers = Decision {
                limit: window.limit,
                remaining: window.units_left(ring, state, now_ns),
                retry_after_ns: wait(until_ns),
                reset_after_ns: wait(window.idle_from(ring, state)),
            };
        }
        Ok(Some(Outcome { verdict, numbers }))
    }

    #[cold]
    #[inline(never)]
    fn enter_bucket<'t>(&self, table: &'t Table, print: &Print, rate: Rate) -> Result<Entered<'t>> {
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
    fn enter_window<'t>(&self, table: &'t Table, print: &Print, w: Window) -> Result<Entered<'t>> {
        let (limiter, words) = (self.limiter, self.words());
        let now_ns = self.clock().coarse();
        self.enter(
            table,
            print,
            &WindowLife {
                limiter,
                words,
                window: w,
                now_ns,
            },
        )
    }

    /// Makes an entry for a key that has none.
    fn enter<'t>(&self, table: &'t Table, print: &Print, life: &impl Life) -> Result<Entered<'t>> {
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
            Place::At(entry) => Ok(Entered::At(entry)),
            Place::Full(wait_ns) => Ok(Entered::Full(self.full(when_full, wait_ns))),
            Place::Damaged => Err(damaged()),
        }
    }

    /// No room for the key.
    fn full(&self, when_full: WhenFull, wait_ns: u64) -> Outcome {
        let limit = self.limiter.word(entry::UNITS);
        if when_full == WhenFull::Allow {
            self.count(tally::ALLOWED_FULL, 1);
            let remaining = limit.saturating_sub(self.cost.into());
            let numbers = Decision {
                limit,
                remaining,
                ..Decision::default()
            };
            return Outcome {
                verdict: Verdict::Admitted,
                numbers,
            };
        }
        self.count(tally::DENIED_FULL, 1);
        let wait_ns = wait_ns.max(1);
        let numbers = Decision {
            limit,
            remaining: 0,
            retry_after_ns: wait_ns,
            reset_after_ns: wait_ns,
        };
        Outcome {
            verdict: Verdict::Denied,
            numbers,
        }
    }

    fn name(&self) -> String {
        super::registry::name_of(self.words(), &self.limiter)
    }

    #[cold]
    fn never(&self) -> Error {
        Error::range(format!(
            "a cost of {} can never pass: limiter {:?} never holds more than {} units",
            self.cost,
            self.name(),
            self.limiter.word(entry::UNITS)
        ))
    }

    #[cold]
    fn wrong_key(&self, key: Option<&[u8]>) -> Error {
        Error::argument(match key {
            Some(_) => format!("limiter {:?} has no keys, but one was given", self.name()),
            None => format!("limiter {:?} is keyed, but no key was given", self.name()),
        })
    }
}

/// The answer for a key without an entry: one, or the outcome when there is no room.
enum Entered<'a> {
    At(keys::Entry<'a>),
    Full(Outcome),
}

/// Decides by the coarse clock if it can, else by the precise one; both are read after `state`.
#[inline(always)]
fn decide(rate: &Rate, clock: &Clock, state: u64, need: u64) -> Answer {
    match rate.by_coarse(state, clock.coarse(), clock.lag(), need) {
        Answer::Unsure { .. } => rate.by_precise(state, clock.precise(), clock.lag(), need),
        sure => sure,
    }
}

#[inline(always)]
fn exchange(word: &AtomicU64, old: u64, new: u64) -> std::result::Result<u64, u64> {
    word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
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

#[cold]
fn long_key(bytes: usize) -> Error {
    let most = limits::MAX_KEY_BYTES;
    Error::argument(format!(
        "a key of {bytes} bytes: at most {most} are allowed"
    ))
}

#[cold]
fn damaged() -> Error {
    Error::format("the limiter's words in the region are damaged")
}
