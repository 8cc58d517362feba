//! Circuit breakers: may this call go on, seeing how the last ones ended?
//!
//! | file | what it is about |
//! |---|---|
//! | [`machine`] | states, generations, thresholds, open times: pure |
//! | [`policy`] | what a configuration asks for, validated |
//! | [`permit`] | a permit in one word; how a second report is noticed |
//! | [`window`] | the calls of a time window |
//! | [`calls`] | the last N calls |
//! | [`probes`] | the leases of a half-open breaker |
//! | `acquire` | a call wants to go on |
//! | `report` | a call has ended |
//! | [`view`] | calls that pass without asking |
//! | [`registry`] | find or create by name, read |
//!
//! The state is two words that change together by one compare-and-swap: phase and generation, and a
//! time. Whoever sees that it must change prepares the next state and swaps it in; beaten by another
//! caller, it looks again. A permit knows its generation, so what comes back late is known as late.

mod acquire;
pub mod calls;
#[cfg(all(test, loom))]
mod loom;
pub mod machine;
pub mod permit;
pub mod policy;
pub mod probes;
pub mod registry;
mod report;
pub mod view;
pub mod window;

use super::stored::Entry;
use crate::base::error::Result;
use crate::base::sync::{AtomicU64, Ordering, fence};
use crate::cell::pair::Pair;
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};
use crate::region::handle::IdKind;
use calls::CallWindow;
use machine::{Counts, NEVER, Phase, ProbeVerdict, Reason, State, Thresholds, Times, mix};
use probes::Probes;
use window::TimeWindow;

pub use acquire::{acquire, acquire_at_once, deny_at_once};
pub use machine::{Phase as BreakerPhase, Reason as BreakerReason};
pub use policy::{BreakerPolicy, BreakerWindow};
pub use registry::{BreakerReading, BreakerTotals, Tripped, find, list, open};
pub use report::{report, report_at_once};

/// The words of a breaker's entry behind those that all guards have.
mod entry {
    /// The state, in two words.
    pub const STATE: usize = 4;
    /// First word of the block: rows, trip, probes that were reported, bad calls, leases, ring.
    pub const BLOCK: usize = 6;
    /// Bits of the kind of breaker: see below.
    pub const SHAPE: usize = 7;
    pub const SLOT_NS: usize = 8;
    /// Seconds, as a double, above which a call is slow.
    pub const SLOW: usize = 9;
    pub const FAILURE_PARTS: usize = 10;
    pub const SLOW_PARTS: usize = 11;
    pub const MINIMUM: usize = 12;
    pub const CONSECUTIVE: usize = 13;
    /// Failures one after the other: generation (32 bits), count (32 bits).
    pub const IN_A_ROW: usize = 14;
    /// The time slot: generation (16 bits), slot (47 bits), and whether successes need no judging.
    pub const CURRENT: usize = 15;
    pub const OPEN_NS: usize = 16;
    pub const GROWTH: usize = 17;
    pub const OPEN_MAX_NS: usize = 18;
    pub const JITTER: usize = 19;
    pub const RAMP_NS: usize = 20;
    pub const TIMEOUT_NS: usize = 21;
    pub const WINDOW_CALLS: usize = 22;
    pub const PROBES: usize = 23;
    pub const SUCCESSES: usize = 24;
    /// The next place of the ring of calls.
    pub const NEXT_CALL: usize = 25;
    /// When somebody last looked whether holders of probes live, by the host's clock.
    pub const LOOKED: usize = 26;
    /// Changes into open, half-open and closed.
    pub const OPENED: usize = 27;
    pub const HALF_OPENED: usize = 28;
    pub const CLOSED: usize = 29;
    /// When a denial was last told as an event.
    pub const TOLD: usize = 30;
    /// Probes that came back from who did not give them back.
    pub const RETURNED: usize = 31;

    /// The window is one of calls.
    pub const BY_CALLS: u64 = 1;
    /// Denials are counted and pass.
    pub const SHADOW: u64 = 2;
    /// Calls come back slowly after closing.
    pub const RAMPED: u64 = 4;
    /// Failures in a row count.
    pub const IN_A_ROW_COUNTS: u64 = 8;
}

/// The columns of a breaker in the planes.
pub mod tally {
    /// Calls that failed in time.
    pub const FAILED: usize = 0;
    /// Calls that failed, slowly.
    pub const FAILED_SLOWLY: usize = 1;
    /// Calls that succeeded, slowly.
    pub const SLOW: usize = 2;
    /// Calls that count as neither.
    pub const IGNORED: usize = 3;
    /// Calls that were denied.
    pub const DENIED: usize = 4;
    /// Calls that would have been denied and passed.
    pub const SHADOWED: usize = 5;
    /// Reports of permits of an earlier state.
    pub const LATE: usize = 6;
    /// Calls that succeeded in time, as probes or in a window of calls.
    pub const GOOD: usize = 7;
}

/// What opened a breaker: generation, counts, when. Then what is published, and who counts by that.
const TRIP_WORDS: usize = 8;
/// The state in which calls pass without asking.
const PASS: usize = 5;
/// The first row of a shard that counts for this breaker.
const ROWS: usize = 6;

/// One breaker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breaker<'a> {
    region: &'a Region,
    planes: &'a Planes,
    entry: Entry<'a>,
}

impl<'a> Breaker<'a> {
    #[inline(always)]
    fn resolve(region: &'a Region, planes: &'a Planes, id: u64) -> Result<Self> {
        let entry = Entry::resolve(region, id, IdKind::Breaker)?;
        Ok(Breaker {
            region,
            planes,
            entry,
        })
    }

    /// [`Breaker::resolve`] without an error to explain.
    #[inline(always)]
    fn of_id(region: &'a Region, planes: &'a Planes, id: u64) -> Option<Self> {
        let entry = Entry::of_id(region, id, IdKind::Breaker)?;
        Some(Breaker {
            region,
            planes,
            entry,
        })
    }

    #[inline(always)]
    fn get(&self, at: usize) -> u64 {
        self.entry.get(at)
    }

    /// The two words of the state.
    #[inline(always)]
    fn pair(&self) -> Option<Pair<'a>> {
        self.entry.pair(entry::STATE)
    }

    /// The first word of the state.
    #[inline(always)]
    fn first(&self) -> u64 {
        Pair::first_of(self.word(entry::STATE))
    }

    /// The state: both words of one moment. Another caller's change makes it look again; a word that
    /// never stands still is taken as it is.
    fn state(&self) -> State {
        let Some(pair) = self.pair() else {
            return State::from_words((0, 0));
        };
        let mut words = (0, 0);
        for _ in 0..1000 {
            let first = pair.first();
            fence(Ordering::Acquire);
            words = pair.load();
            fence(Ordering::Acquire);
            if words.0 == first && pair.first() == first {
                break;
            }
        }
        let state = State::from_words(words);
        // A damaged word becomes the state that it is read as: no swap would ever find it otherwise,
        // and callers who try again would do so for ever.
        if state.to_words() != words && self.region.is_writable() {
            let _ = pair.swap(words, state.to_words());
        }
        state
    }

    /// Puts `new` in the place of `old`, for `cause`; false when another was faster.
    fn change(&self, old: State, new: State, now_ns: u64, cause: Cause) -> bool {
        let changed = self
            .pair()
            .is_some_and(|pair| pair.swap(old.to_words(), new.to_words()));
        if changed {
            let kind = match cause {
                Cause::Forced => Kind::Forced,
                _ => Kind::Transition,
            };
            self.tell(kind, cause, now_ns, [old.phase as u64, new.phase as u64]);
            let counter = match new.phase {
                Phase::Open => entry::OPENED,
                Phase::HalfOpen => entry::HALF_OPENED,
                Phase::Closed => entry::CLOSED,
                _ => return true,
            };
            self.entry.word(counter).fetch_add(1, Ordering::Relaxed);
        }
        changed
    }

    /// Writes an event.
    #[cold]
    fn tell(&self, kind: Kind, cause: Cause, time_ns: u64, numbers: [u64; 2]) {
        let event = Event {
            time_ns,
            kind,
            cause,
            guard: self.entry.id(),
            pid: 0,
            numbers,
        };
        events::write(self.region, event);
    }

    /// Opens; the counts are what somebody will want to know.
    fn trip(&self, old: State, reason: Reason, counts: &Counts, now_ns: u64) -> bool {
        let new = old.open(reason, &self.times(), now_ns, self.random(old.generation));
        let cause = match reason {
            Reason::FailureRate => Cause::FailureRate,
            Reason::SlowCallRate => Cause::SlowCallRate,
            Reason::ConsecutiveFailures => Cause::ConsecutiveFailures,
            _ => Cause::Probes,
        };
        let changed = self.change(old, new, now_ns, cause);
        if changed {
            self.remember(new.generation, counts, now_ns);
        }
        changed
    }

    /// Writes down why generation `generation` is open: the generation last, taken away first, so
    /// that a reader takes no half of it for the whole.
    fn remember(&self, generation: u64, counts: &Counts, now_ns: u64) {
        let words = self.region.words();
        let at = self.trip_at();
        words.store(at, 0);
        fence(Ordering::Release);
        let numbers = [counts.calls, counts.failures, counts.slow, now_ns];
        for (number, value) in numbers.into_iter().enumerate() {
            words.store(at + 1 + number, value);
        }
        words.publish(at, generation);
    }

    #[inline(always)]
    fn shape(&self) -> u64 {
        self.get(entry::SHAPE)
    }

    /// First word of the block. What the region says is cut to what a region can have.
    #[inline(always)]
    fn block(&self) -> usize {
        (self.get(entry::BLOCK) & ((1 << 40) - 1)) as usize
    }

    #[inline(always)]
    fn cpus(&self) -> usize {
        self.region.layout().limits.stripes as usize
    }

    #[inline(always)]
    fn trip_at(&self) -> usize {
        self.block() + (1 + self.cpus()) * window::ROW_WORDS
    }

    /// What is published.
    fn pass_at(&self) -> usize {
        self.trip_at() + PASS
    }

    /// Where the list of the shards' rows begins.
    fn rows_at(&self) -> usize {
        self.trip_at() + ROWS
    }

    #[inline(always)]
    fn bad_at(&self) -> usize {
        self.probe_marks_at() + permit::MARKS
    }

    /// Where reported probes are remembered.
    #[inline(always)]
    fn probe_marks_at(&self) -> usize {
        self.trip_at() + TRIP_WORDS
    }

    fn leases_at(&self) -> usize {
        self.bad_at() + window::BAD_WORDS
    }

    #[inline(always)]
    fn time_window(&self) -> TimeWindow {
        TimeWindow {
            words: self.region.words(),
            per_cpu: self.planes.per_cpu(),
            rows_at: self.block(),
            cpus: self.cpus(),
            bad_at: self.bad_at(),
        }
    }

    fn probe_count(&self) -> usize {
        (self.get(entry::PROBES) & 0xffff) as usize
    }

    fn probes(&self) -> Probes {
        Probes {
            words: self.region.words(),
            at: self.leases_at(),
            count: self.probe_count(),
        }
    }

    fn call_window(&self) -> CallWindow {
        let table = self.region.layout().guards;
        CallWindow {
            words: self.region.words(),
            next_at: table.at + self.entry.index * table.stride + entry::NEXT_CALL,
            ring_at: self.leases_at() + self.probe_count() * probes::LEASE_WORDS,
            size: self.get(entry::WINDOW_CALLS),
        }
    }

    fn thresholds(&self) -> Thresholds {
        Thresholds {
            failure_parts: self.get(entry::FAILURE_PARTS),
            slow_parts: self.get(entry::SLOW_PARTS),
            minimum: self.get(entry::MINIMUM),
        }
    }

    fn times(&self) -> Times {
        Times {
            open_ns: self.get(entry::OPEN_NS),
            growth: self.entry.real(entry::GROWTH),
            max_ns: self.get(entry::OPEN_MAX_NS),
            jitter: self.entry.real(entry::JITTER).clamp(0.0, 1.0),
        }
    }

    /// A number that nobody can foretell, the same for everybody who asks in `generation`.
    fn random(&self, generation: u64) -> u64 {
        let seed = self.region.header().seed[0];
        mix(seed ^ mix(generation << 10 ^ self.entry.index as u64))
    }

    #[inline(always)]
    fn count(&self, tally: usize) {
        self.planes.add(self.entry.column(self.region, tally), 1);
    }

    #[inline(always)]
    fn word(&self, at: usize) -> &'a AtomicU64 {
        self.entry.word(at)
    }

    /// Acts on what became of the probes of `state`, if it is time to. True when the state changed,
    /// by this caller or another.
    fn settle(&self, state: State, now_ns: u64) -> bool {
        let counts = self.probes().tally(state.generation);
        match counts.judge(self.get(entry::SUCCESSES)) {
            ProbeVerdict::Wait => false,
            ProbeVerdict::Close => {
                self.change(state, state.close(now_ns), now_ns, Cause::Probes);
                true
            }
            ProbeVerdict::Open => {
                let counts = Counts {
                    calls: counts.good.saturating_add(counts.bad),
                    failures: counts.bad,
                    slow: 0,
                };
                self.trip(state, Reason::Probes, &counts, now_ns);
                true
            }
        }
    }

    /// The part of calls that a breaker which closed a while ago lets through.
    fn ramp(&self, state: &State, now_ns: u64) -> f64 {
        let ramp_ns = self.get(entry::RAMP_NS);
        let since = now_ns.saturating_sub(state.at_ns);
        if state.at_ns == NEVER || since >= ramp_ns {
            return 1.0;
        }
        RAMP_FROM + (1.0 - RAMP_FROM) * since as f64 / ramp_ns as f64
    }
}

/// Part of the calls that go through right after closing, where calls come back slowly.
const RAMP_FROM: f64 = 0.1;

/// How long breaker `id` will surely deny; 0 when it does not, or nobody knows.
pub(super) fn retry_after(region: &Region, planes: &Planes, id: u64) -> u64 {
    let now_ns = region.clock().precise();
    let found = Breaker::resolve(region, planes, id);
    found.map_or(0, |breaker| breaker.state().retry_after(now_ns))
}

/// Where breaker `id` is. Probes that are not back in time are given up, unless the caller only looks.
pub fn phase(region: &Region, planes: &Planes, id: u64) -> Result<Phase> {
    let breaker = Breaker::resolve(region, planes, id)?;
    Ok(breaker.present().phase)
}

/// Puts breaker `id` where somebody wants it.
pub fn put(region: &Region, planes: &Planes, id: u64, phase: Phase) -> Result<()> {
    let breaker = Breaker::resolve(region, planes, id)?;
    loop {
        let old = breaker.state();
        let now_ns = region.clock().precise();
        let random = breaker.random(old.generation);
        let new = old.put(phase, &breaker.times(), now_ns, random);
        if breaker.change(old, new, now_ns, Cause::Forced) {
            if phase == Phase::Open {
                breaker.remember(new.generation, &Counts::default(), now_ns);
            }
            return Ok(());
        }
    }
}

impl Breaker<'_> {
    /// The state, after everything that time alone has brought about.
    fn present(&self) -> State {
        let state = self.state();
        if state.phase != Phase::HalfOpen {
            return state;
        }
        let now_ns = self.region.clock().coarse();
        if self.region.is_writable() {
            let _changed = self.give_up_overdue(&state, now_ns) || self.settle(state, now_ns);
            return self.state();
        }
        let probes = self.probes();
        let mut counts = probes.tally(state.generation);
        let overdue = (0..self.probe_count())
            .filter(|index| probes.is_overdue(*index, state.generation, now_ns))
            .count() as u64;
        counts.held = counts.held.saturating_sub(overdue);
        counts.bad += overdue;
        match counts.judge(self.get(entry::SUCCESSES)) {
            ProbeVerdict::Open => state.open(
                Reason::Probes,
                &self.times(),
                now_ns,
                self.random(state.generation),
            ),
            _ => state,
        }
    }
}
