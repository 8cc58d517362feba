//! A call has ended.
//!
//! **When is a judgement due?** A failed or slow call may raise a rate: it is counted, then the window
//! is judged. A good call only lowers rates, so it matters only where calls have not reached the
//! minimum, or where old calls have just left the window. So a slot of time is *quiet* once somebody
//! found, in it, that the window has its minimum of calls and does not trip: until the slot ends, good
//! calls are counted and no more. Otherwise each is judged.
//!
//! Whoever judges has counted its own call first, and a full fence stands in between: of two that
//! report at the same time, at least one sees both.

use super::machine::{Counts, Phase, Reason, State, generation_of, phase_of};
use super::permit::{MARKS, Permit, Source};
use super::probes::{Answer, Back};
use super::window::{Bad, MARKS_AT, NUMBERS, ROW_WORDS, When};
use super::{Breaker, entry, tally};
use crate::base::error::{Error, Result};
use crate::base::outcome::Outcome;
use crate::base::sync::{AtomicU64, Ordering, fence};
use crate::cell::planes::Planes;
use crate::region::Region;

/// Gives back a permit of breaker `id`: the call ended with `outcome` after `seconds`.
#[inline(always)]
pub fn report(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: u64,
    outcome: Outcome,
    seconds: f64,
) -> Result<()> {
    if outcome == Outcome::Success && report_at_once(region, planes, id, permit, seconds) {
        return Ok(());
    }
    report_with_care(region, planes, id, permit, outcome, seconds)
}

/// Gives back a permit of a success, if nothing is to be done but to count it: the permit is of the
/// breaker's present generation and not known as reported, which is closed, and the call not slow, in
/// a quiet slot of time, with no failures in a row to end. Else does nothing and returns false.
#[inline(always)]
pub fn report_at_once(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: u64,
    seconds: f64,
) -> bool {
    // First, since less is known then that must be kept over the call.
    let now_ns = region.clock().coarse();
    let Some(breaker) = Breaker::of_id(region, planes, id) else {
        return false;
    };
    let first = breaker.first();
    let permit = Permit(permit);
    if !permit.is_fresh(breaker.entry.index, generation_of(first)) {
        return false;
    }
    let Ok(mark) = breaker.mark(permit, permit.row()) else {
        return false;
    };
    let is_counted = breaker.add_quietly(first, seconds, now_ns);
    if is_counted {
        mark.store(permit.0, Ordering::Relaxed);
    }
    is_counted
}

#[inline(never)]
fn report_with_care(
    region: &Region,
    planes: &Planes,
    id: u64,
    permit: u64,
    outcome: Outcome,
    seconds: f64,
) -> Result<()> {
    let breaker = Breaker::resolve(region, planes, id)?;
    if !(0.0..f64::INFINITY).contains(&seconds) {
        return Err(not_a_time(seconds));
    }
    let generation = generation_of(breaker.first());
    let permit = Permit(permit);
    let (Some(age), Some(Source::Row(row)), true) = (
        permit.age(generation),
        permit.source(),
        permit.is_of(breaker.entry.index),
    ) else {
        return breaker.report_other(permit, outcome, seconds);
    };
    let mark = breaker.mark(permit, row).map_err(|unfit| match unfit {
        Unfit::Unknown => unknown_permit(permit),
        Unfit::Reported => reported_twice(permit),
    })?;
    mark.store(permit.0, Ordering::Relaxed);
    breaker.report_slowly(generation, age, outcome, seconds);
    Ok(())
}

/// Why a permit cannot be given back.
enum Unfit {
    /// Its row has not given it out.
    Unknown,
    /// It was given back.
    Reported,
}

/// The word of the time slot: generation (16 bits), slot (47 bits), quiet (1 bit).
fn current_word(when: When, quiet: bool) -> u64 {
    (when.generation & 0xffff) << 48 | (when.slot & SLOT_MASK) << 1 | u64::from(quiet)
}

const SLOT_MASK: u64 = (1 << 47) - 1;

impl Breaker<'_> {
    /// Where it is noted that a permit of `row` is back, which it is not yet.
    #[inline(always)]
    fn mark(&self, permit: Permit, row: usize) -> std::result::Result<&AtomicU64, Unfit> {
        if row > self.cpus() {
            return Err(Unfit::Unknown);
        }
        let at = self.block() + row * ROW_WORDS;
        let words = self.region.words().slice(at, ROW_WORDS);
        let Some(Ok(words)) = words.map(<&[AtomicU64; ROW_WORDS]>::try_from) else {
            return Err(Unfit::Unknown);
        };
        if !permit.is_within(words[NUMBERS].load(Ordering::Relaxed)) {
            return Err(Unfit::Unknown);
        }
        let mark = &words[MARKS_AT + permit.number() as usize % MARKS];
        if mark.load(Ordering::Relaxed) == permit.0 {
            return Err(Unfit::Reported);
        }
        Ok(mark)
    }

    /// Counts a success of the present generation if that is all there is to do: closed, not slow, in
    /// a quiet slot of time, and no failures in a row to end.
    #[inline(always)]
    fn add_quietly(&self, first: u64, seconds: f64, now_ns: u64) -> bool {
        let current = self.get(entry::CURRENT);
        let shape = self.shape();
        if !phase_of(first).is_recording()
            || shape & entry::BY_CALLS != 0
            || shape & entry::IN_A_ROW_COUNTS != 0 && self.get(entry::IN_A_ROW) << 32 != 0
            // The bits of doubles from 0 up are in the order of their values, with the infinity above
            // them and all others above that.
            || seconds.to_bits() > self.get(entry::SLOW)
            || seconds.to_bits() >= f64::INFINITY.to_bits()
            || current >> 48 != generation_of(first) & 0xffff
            || current & 1 == 0
        {
            return false;
        }
        let slot = current >> 1 & SLOT_MASK;
        let slot_ns = self.get(entry::SLOT_NS);
        let into = now_ns.wrapping_sub(slot.wrapping_mul(slot_ns));
        into < slot_ns
            && self.time_window().add_good(When {
                generation: generation_of(first),
                slot,
            })
    }

    /// Takes the report of a call that passed without asking, `age` generations before that of the
    /// state's word `first`.
    pub(super) fn report_passed(&self, first: u64, age: u64, outcome: Outcome, seconds: f64) {
        let is_plain = age == 0 && outcome == Outcome::Success;
        let now_ns = self.region.clock().coarse();
        if !is_plain || !self.add_quietly(first, seconds, now_ns) {
            self.report_slowly(generation_of(first), age, outcome, seconds);
        }
    }

    #[inline(never)]
    fn report_slowly(&self, generation: u64, age: u64, outcome: Outcome, seconds: f64) {
        let phase = phase_of(self.first());
        if outcome == Outcome::Ignored {
            self.count(tally::IGNORED);
        } else if age > 0 || generation_of(self.first()) != generation {
            self.count(tally::LATE);
        } else if phase.is_recording() {
            let slow = seconds > self.entry.real(entry::SLOW);
            if !self.record(generation, outcome, slow) {
                self.count(tally::LATE);
            }
        }
    }

    /// Counts a call of `generation` and judges; false when the generation has passed.
    fn record(&self, generation: u64, outcome: Outcome, slow: bool) -> bool {
        let failed = outcome == Outcome::Failure;
        let counted = if self.shape() & entry::BY_CALLS != 0 {
            self.record_in_calls(generation, failed, slow)
        } else {
            self.record_in_time(generation, failed, slow)
        };
        if counted && failed {
            self.count(if slow {
                tally::FAILED_SLOWLY
            } else {
                tally::FAILED
            });
        } else if counted && slow {
            self.count(tally::SLOW);
        }
        counted
    }

    pub(super) fn is_of(&self, generation: u64) -> bool {
        generation_of(self.first()) == generation
    }

    #[inline(always)]
    pub(super) fn now(&self, generation: u64) -> When {
        let slot_ns = self.get(entry::SLOT_NS);
        let slot = self.region.clock().coarse().checked_div(slot_ns);
        When {
            generation,
            slot: slot.unwrap_or(0),
        }
    }

    fn record_in_time(&self, generation: u64, failed: bool, slow: bool) -> bool {
        let window = self.time_window();
        let when = loop {
            if !self.is_of(generation) {
                return false;
            }
            let when = self.now(generation);
            let is_now = || self.is_of(generation) && self.now(generation) == when;
            let counted = match (failed, slow) {
                (false, false) => window.add_good_slowly(when, is_now),
                (true, false) => window.add_bad(when, Bad::Failed, is_now),
                (true, true) => window.add_bad(when, Bad::FailedSlowly, is_now),
                (false, true) => window.add_bad(when, Bad::Slow, is_now),
            };
            if counted {
                break when;
            }
        };
        let in_a_row = self.count_in_a_row(generation, failed);
        fence(Ordering::SeqCst);
        let current = self.word(entry::CURRENT);
        let quiet = current.load(Ordering::Relaxed) == current_word(when, true);
        if quiet && !failed && !slow {
            return true;
        }
        let thresholds = self.thresholds();
        let bad = window.bad(when);
        if quiet && !in_a_row && !thresholds.can_trip(&bad) {
            return true;
        }
        let passed = self.look_at_passed(when);
        let calls = bad.calls.saturating_add(window.good(when));
        let counts = Counts {
            calls: calls.saturating_add(passed),
            ..bad
        };
        let judged = match in_a_row {
            true => Some(Reason::ConsecutiveFailures),
            false => thresholds.judge(&counts),
        };
        let is_quiet = self.act(generation, judged, &counts)
            && (counts.calls >= thresholds.minimum || phase_of(self.first()) != Phase::Closed);
        if !quiet {
            // A word of an older slot may come to stand here: then the next caller is not quiet.
            current.store(current_word(when, is_quiet), Ordering::Relaxed);
        }
        self.publish(when, is_quiet);
        true
    }

    fn record_in_calls(&self, generation: u64, failed: bool, slow: bool) -> bool {
        let window = self.call_window();
        let Some(number) = window.add(generation, failed, slow, || self.is_of(generation)) else {
            return false;
        };
        if !failed && !slow {
            self.count(tally::GOOD);
        }
        let in_a_row = self.count_in_a_row(generation, failed);
        fence(Ordering::SeqCst);
        let thresholds = self.thresholds();
        // A success beyond the minimum takes the place of a call that was at best as good.
        if failed || slow || number == thresholds.minimum {
            let counts = window.counts(generation);
            let judged = match in_a_row {
                true => Some(Reason::ConsecutiveFailures),
                false => thresholds.judge(&counts),
            };
            self.act(generation, judged, &counts);
        }
        true
    }

    /// Counts failures one after the other; true when there are too many.
    #[inline]
    fn count_in_a_row(&self, generation: u64, failed: bool) -> bool {
        if self.shape() & entry::IN_A_ROW_COUNTS == 0 {
            return false;
        }
        let word = self.word(entry::IN_A_ROW);
        let tag = generation & 0xffff_ffff;
        loop {
            let old = word.load(Ordering::Acquire);
            let so_far = if old >> 32 == tag {
                old & 0xffff_ffff
            } else {
                0
            };
            // One of an earlier generation is ended too: while there is any, no success is quiet.
            if !failed && old & 0xffff_ffff == 0 {
                return false;
            }
            if old >> 32 != tag && !self.is_of(generation) {
                return false;
            }
            let count = if failed {
                (so_far + 1).min(0xffff_ffff)
            } else {
                0
            };
            let new = tag << 32 | count;
            if word
                .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return failed && count >= self.get(entry::CONSECUTIVE).max(1);
            }
        }
    }

    /// Opens a closed breaker of `generation` if the judgement says so; true when it stays.
    fn act(&self, generation: u64, judged: Option<Reason>, counts: &Counts) -> bool {
        let Some(reason) = judged else {
            return true;
        };
        let state = self.state();
        if state.phase != Phase::Closed {
            return true;
        }
        if state.generation == generation {
            self.trip(state, reason, counts, self.region.clock().precise());
        }
        false
    }

    /// A permit that is not one of a CPU: a probe's, or none.
    #[inline(never)]
    fn report_other(&self, permit: Permit, outcome: Outcome, seconds: f64) -> Result<()> {
        let mut state = self.state();
        // What comes back too late is late, whether or not somebody has looked since.
        if state.phase == Phase::HalfOpen
            && self.give_up_overdue(&state, self.region.clock().precise())
        {
            state = self.state();
        }
        let (Some(age), Some(Source::Probe(lease, turn)), true) = (
            permit.age(state.generation),
            permit.source(),
            permit.is_of(self.entry.index),
        ) else {
            return Err(unknown_permit(permit));
        };
        self.report_probe(permit, state, age, (lease, turn), outcome, seconds)
    }

    fn report_probe(
        &self,
        permit: Permit,
        state: State,
        age: u64,
        (lease, turn): (usize, u64),
        outcome: Outcome,
        seconds: f64,
    ) -> Result<()> {
        let slow = seconds > self.entry.real(entry::SLOW);
        let back = match (outcome, slow) {
            (Outcome::Success, false) => Back::Good,
            (Outcome::Ignored, _) => Back::Unused,
            _ => Back::Bad,
        };
        let is_turn = |whole| Permit::is_turn(turn, whole);
        let answer = self
            .probes()
            .give_back(lease, state.generation, age, is_turn, back);
        // Remembered beside the lease, for when that is given out again.
        let place = (turn as usize * self.probe_count() + lease) % MARKS;
        let mark = self.region.words().get(self.probe_marks_at() + place);
        let remembered = mark.map_or(0, |mark| mark.swap(permit.0, Ordering::Relaxed));
        match answer {
            Answer::Unknown => return Err(unknown_permit(permit)),
            Answer::Twice => return Err(reported_twice(permit)),
            Answer::Late if remembered == permit.0 => return Err(reported_twice(permit)),
            Answer::Late => {
                self.count(tally::LATE);
                return Ok(());
            }
            Answer::Counted => {}
        }
        self.count(match (outcome, slow) {
            (Outcome::Ignored, _) => tally::IGNORED,
            (Outcome::Success, false) => tally::GOOD,
            (Outcome::Success, true) => tally::SLOW,
            (Outcome::Failure, false) => tally::FAILED,
            (Outcome::Failure, true) => tally::FAILED_SLOWLY,
        });
        fence(Ordering::SeqCst);
        if state.phase == Phase::HalfOpen {
            self.settle(state, self.region.clock().precise());
        }
        Ok(())
    }
}

#[cold]
#[inline(never)]
pub(super) fn not_a_time(seconds: f64) -> Error {
    Error::argument(format!(
        "seconds: expected a finite number of at least 0, found {seconds}"
    ))
}

#[cold]
#[inline(never)]
fn unknown_permit(permit: Permit) -> Error {
    Error::stale(format!(
        "{:#x} is not a permit that this breaker gave out",
        permit.0
    ))
}

#[cold]
#[inline(never)]
fn reported_twice(permit: Permit) -> Error {
    Error::state(format!(
        "permit {:#x} was already reported: a permit is given back exactly once",
        permit.0
    ))
}
