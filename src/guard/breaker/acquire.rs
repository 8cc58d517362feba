//! A call wants to go on.
//!
//! Closed: the state is read and the CPU's next number taken; nothing else is written. Open: the clock
//! is read, and if the open time is over, the first caller makes the breaker half-open. Half-open: a
//! free lease is taken, or none is there.

use super::machine::{Phase, State, generation_of, mix, phase_of};
use super::permit::Permit;
use super::window::{NUMBERS, ROW_WORDS};
use super::{Breaker, entry, tally};
use crate::base::error::Result;
use crate::base::host;
use crate::base::sync::{Ordering, fence};
use crate::cell::planes::Planes;
use crate::cell::rseq::Row;
use crate::guard::holder::Holder;
use crate::region::Region;
use crate::region::events::{self, Cause, Kind};
use std::cell::OnceCell;

/// How often holders of probes are looked at more closely than by a signal that is not sent.
const LOOK_NS: u64 = 1_000_000;

/// A permit for a call through breaker `id`, or none.
#[inline(always)]
pub fn acquire(region: &Region, planes: &Planes, id: u64) -> Result<Option<u64>> {
    match acquire_at_once(region, planes, id) {
        Some(permit) => Ok(Some(permit)),
        None => Ok(Breaker::resolve(region, planes, id)?.acquire_slowly()),
    }
}

/// A permit for a call through breaker `id`, if that is closed and there is no more to it; else does
/// nothing. Calls nothing, so that a caller who only calls this needs no frame.
#[inline(always)]
pub fn acquire_at_once(region: &Region, planes: &Planes, id: u64) -> Option<u64> {
    let breaker = Breaker::of_id(region, planes, id)?;
    let first = breaker.first();
    if phase_of(first) != Phase::Closed || breaker.shape() & entry::RAMPED != 0 {
        return None;
    }
    Some(breaker.permit(generation_of(first)))
}

/// Denies a call through breaker `id`, if that stays open for longer than the clock may be behind and
/// there is no more to it; else does nothing and returns false.
#[inline(always)]
pub fn deny_at_once(region: &Region, planes: &Planes, id: u64) -> bool {
    let clock = region.clock();
    let now_ns = clock.coarse();
    let Some(breaker) = Breaker::of_id(region, planes, id) else {
        return false;
    };
    let Some(pair) = breaker.pair() else {
        return false;
    };
    let first = pair.first();
    fence(Ordering::Acquire);
    let (again, until_ns) = pair.load();
    fence(Ordering::Acquire);
    let is_denied = phase_of(first) == Phase::Open
        && again == first
        && pair.first() == first
        && now_ns.saturating_add(clock.lag()) < until_ns
        && breaker.shape() & entry::SHADOW == 0
        && !events::is_old(breaker.word(entry::TOLD), now_ns);
    if is_denied {
        breaker.count(tally::DENIED);
    }
    is_denied
}

impl Breaker<'_> {
    /// The next permit of `generation`.
    #[inline(always)]
    fn permit(&self, generation: u64) -> u64 {
        let rows = self.block() + NUMBERS;
        let row = Row {
            at: rows + ROW_WORDS,
            stride: ROW_WORDS,
        };
        let (cpu, number) = self.planes.per_cpu().take(self.region.words(), row, rows);
        Permit::of_cpu(self.entry.index, generation, cpu, number).0
    }

    #[inline(never)]
    fn acquire_slowly(&self) -> Option<u64> {
        let clock = self.region.clock();
        loop {
            let state = self.state();
            match state.phase {
                Phase::Closed => {
                    return self.ramped(&state, clock.coarse());
                }
                Phase::Disabled | Phase::ForcedClosed | Phase::MetricsOnly => {
                    return Some(self.permit(state.generation));
                }
                Phase::ForcedOpen => return self.deny(state.generation, clock.coarse()),
                Phase::Open => {
                    // The precise clock is ahead of the coarse one by less than its lag.
                    let coarse = clock.coarse();
                    if coarse.saturating_add(clock.lag()) < state.at_ns {
                        return self.deny(state.generation, coarse);
                    }
                    let now_ns = clock.precise();
                    if now_ns < state.at_ns {
                        return self.deny(state.generation, now_ns);
                    }
                    self.change(state, state.half_open(now_ns), now_ns, Cause::Time);
                }
                Phase::HalfOpen => match self.probe(state) {
                    Some(permit) => return Some(permit),
                    None if self.first() == state.to_words().0 => {
                        return self.deny(state.generation, clock.coarse());
                    }
                    None => {}
                },
            }
        }
    }

    /// A permit for as large a part of all calls as come back by now.
    fn ramped(&self, state: &State, now_ns: u64) -> Option<u64> {
        let admitted = self.ramp(state, now_ns);
        if admitted >= 1.0 {
            return Some(self.permit(state.generation));
        }
        let permit = self.permit(state.generation);
        let draw = mix(self.random(state.generation) ^ permit) >> 11;
        if (draw as f64) < admitted * (1u64 << 53) as f64 {
            Some(permit)
        } else {
            self.deny(state.generation, now_ns)
        }
    }

    /// Counts a denial; in shadow mode the call passes, with a permit that counts for nothing.
    #[inline]
    fn deny(&self, generation: u64, now_ns: u64) -> Option<u64> {
        let shadow = self.shape() & entry::SHADOW != 0;
        let tally = if shadow {
            tally::SHADOWED
        } else {
            tally::DENIED
        };
        self.count(tally);
        if events::is_due(self.word(entry::TOLD), now_ns) {
            let denied = self.planes.sum(self.entry.column(self.region, tally));
            self.tell(Kind::Denial, Cause::Limit, now_ns, [denied, 0]);
        }
        shadow.then(|| self.permit(generation))
    }

    /// A probe of half-open `state`, or none.
    fn probe(&self, state: State) -> Option<u64> {
        let now_ns = self.region.clock().coarse();
        let timeout_ns = self.get(entry::TIMEOUT_NS);
        let (generation, probes) = (state.generation, self.probes());
        // Whoever brought the deciding probe back may have been killed before it acted on it.
        if self.give_up_overdue(&state, now_ns) || self.settle(state, now_ns) {
            return None;
        }
        let me = Holder::current().0;
        let mut taken = probes.take(generation, me, now_ns, timeout_ns);
        if taken.is_none() {
            let closely = OnceCell::new();
            let may_look = || *closely.get_or_init(|| self.may_look_closely());
            let is_dead = |holder, _| holder != me && is_gone(Holder(holder), may_look);
            if self.look_after(&state, now_ns, is_dead) {
                taken = probes.take(generation, me, now_ns, timeout_ns);
            }
        }
        let (lease, turn) = taken?;
        let permit = Permit::of_probe(self.entry.index, generation, lease, turn);
        // If the state changed between reading it and taking the lease, the probe is of the past.
        (self.first() == state.to_words().0).then_some(permit.0)
    }

    /// Gives up the probes that are not back in time; true when the state is another one then.
    pub(super) fn give_up_overdue(&self, state: &State, now_ns: u64) -> bool {
        let is_dead = |holder, overdue| overdue && Holder(holder).is_known_dead();
        self.look_after(state, now_ns, is_dead) && self.settle(*state, now_ns)
    }

    /// Ends the probes of the dead and those that are overdue; true when there were any.
    fn look_after(&self, state: &State, now_ns: u64, is_dead: impl Fn(u64, bool) -> bool) -> bool {
        let timeout_ns = self.get(entry::TIMEOUT_NS);
        let ended = self
            .probes()
            .look_after(state.generation, now_ns, timeout_ns, is_dead);
        for (count, cause) in [(ended.dead, Cause::Dead), (ended.late, Cause::Late)] {
            if count > 0 {
                let returned = self.word(entry::RETURNED);
                let in_all = returned.fetch_add(count, Ordering::Relaxed);
                let numbers = [count, in_all.wrapping_add(count)];
                self.tell(Kind::Return, cause, now_ns, numbers);
            }
        }
        ended.dead + ended.late > 0
    }

    /// True once in a while: reading how a process is costs as much as a thousand denials.
    fn may_look_closely(&self) -> bool {
        let looked = self.word(entry::LOOKED);
        let (last, now) = (looked.load(Ordering::Relaxed), host::coarse_ns());
        now.wrapping_sub(last) >= LOOK_NS
            && looked
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// True when a holder is known to be gone. A process that is only a zombie, or whose number another
/// one has, takes a closer look.
fn is_gone(holder: Holder, closely: impl Fn() -> bool) -> bool {
    (!host::exists(holder.pid()) || closely()) && holder.is_known_dead()
}
