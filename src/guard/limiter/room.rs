//! Room for a key that has no entry: what becomes of the old owner's state, and what the answer is
//! when there is none.

use super::entry::{self, Entry};
use super::fixed::Fixed;
use super::keys::{self, Displaced, Life, Place, Print};
use super::pace::Moment;
use super::policy::WhenFull;
use super::ruling::Ruling;
use super::sliding::Window;
use super::tally;
use super::terms::Terms;
use crate::guard::Decision;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};
use crate::region::handle;
use crate::region::raw::Words;

/// A key's entry, or the ruling when there is no room for it.
pub(super) enum Found<'a> {
    At(keys::Entry<'a>),
    Nothing(Ruling, Decision),
}

impl Found<'_> {
    /// The entry of a key, entered now if it has none.
    #[inline(always)]
    pub fn seek(
        region: &Region,
        limiter: Entry<'_>,
        table: keys::Table,
        cost: u32,
        print: Print,
    ) -> Self {
        match table.find(print) {
            Some(entry) => Found::At(entry),
            None => Found::enter_new(region, limiter, cost, print),
        }
    }

    /// The entry of a key that has none.
    #[cold]
    #[inline(never)]
    pub fn enter_new(region: &Region, limiter: Entry<'_>, cost: u32, print: Print) -> Self {
        let (words, clock) = (region.words(), region.clock());
        let now_ns = clock.coarse();
        let Some(terms) = Terms::of(&limiter, words) else {
            return Found::Nothing(Ruling::Damaged, Decision::default());
        };
        let limit = terms.units();
        match terms {
            Terms::Bucket(bucket) => {
                let bucket = bucket.at(now_ns, clock.lag());
                let life = BucketLife { bucket };
                Self::enter(region, limiter, limit, cost, print, &life)
            }
            Terms::Window(window) => {
                let life = WindowLife {
                    limiter,
                    words,
                    window,
                    now_ns,
                };
                Self::enter(region, limiter, limit, cost, print, &life)
            }
            Terms::Fixed(window) => {
                let life = FixedLife { window, now_ns };
                Self::enter(region, limiter, limit, cost, print, &life)
            }
        }
    }

    #[inline]
    fn enter(
        region: &Region,
        limiter: Entry<'_>,
        limit: u64,
        cost: u32,
        print: Print,
        life: &impl Life,
    ) -> Self {
        let when_full = limiter.when_full();
        let mut displaced = Displaced::default();
        let table = limiter.table(region.words());
        let place = table.enter(print, life, when_full, &mut displaced);
        count(region, limiter, tally::REUSED, displaced.reused);
        count(region, limiter, tally::EVICTED, displaced.evicted);
        if displaced.evicted > 0 {
            tell_eviction(region, limiter);
        }
        match place {
            Place::At(entry) => Found::At(entry),
            Place::Damaged => Found::Nothing(Ruling::Damaged, Decision::default()),
            Place::Full(_) if when_full == WhenFull::Allow => {
                count(region, limiter, tally::ALLOWED_FULL, 1);
                let remaining = limit.saturating_sub(cost.into());
                let numbers = Decision {
                    limit,
                    remaining,
                    ..Decision::default()
                };
                Found::Nothing(Ruling::Admitted, numbers)
            }
            Place::Full(wait_ns) => {
                count(region, limiter, tally::DENIED_FULL, 1);
                let wait = wait_ns.max(1);
                let numbers = Decision {
                    limit,
                    remaining: 0,
                    retry_after_ns: wait,
                    reset_after_ns: wait,
                };
                Found::Nothing(Ruling::Denied, numbers)
            }
        }
    }
}

/// Puts an eviction into the ring of events, once a second.
fn tell_eviction(region: &Region, limiter: Entry<'_>) {
    let now = region.clock().coarse();
    let layout = region.layout();
    let column = layout.limiter_column(handle::entry(limiter.id()), tally::EVICTED);
    if limiter
        .get(entry::EVICTION_TOLD)
        .is_some_and(|last| events::is_due(last, now))
    {
        let event = Event {
            time_ns: now,
            kind: Kind::Eviction,
            cause: Cause::NoRoom,
            guard: limiter.id(),
            pid: 0,
            numbers: [region.words().load(layout.planes.at + column), 0],
        };
        events::write(region, event);
    }
}

/// Counts on the atomic plane: this is rare.
fn count(region: &Region, limiter: Entry<'_>, tally: usize, amount: u64) {
    if amount > 0 {
        let index = handle::entry(limiter.id());
        let layout = region.layout();
        region.words().add(
            layout.planes.at + layout.limiter_column(index, tally),
            amount,
        );
    }
}

/// A bucket that has been full for a while is idle.
pub(super) struct BucketLife {
    pub bucket: Moment,
}

impl Life for BucketLife {
    #[inline]
    fn is_idle(&self, _index: usize, state: u64) -> bool {
        self.bucket.is_idle(state)
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        self.bucket.fresh(state)
    }

    fn prepare(&self, _index: usize, _is_new: impl Fn() -> bool) {}

    fn idle_in(&self, _index: usize, state: u64) -> u64 {
        self.bucket.idle_in(state)
    }
}

/// A fixed window that is over is idle.
pub(super) struct FixedLife {
    pub window: Fixed,
    pub now_ns: u64,
}

impl Life for FixedLife {
    #[inline]
    fn is_idle(&self, _index: usize, state: u64) -> bool {
        self.window.full_in(state, self.now_ns) == 0
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        self.window.fresh(state, self.now_ns)
    }

    fn prepare(&self, _index: usize, _is_new: impl Fn() -> bool) {}

    fn idle_in(&self, _index: usize, state: u64) -> u64 {
        self.window.full_in(state, self.now_ns)
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
    #[inline]
    fn idle_from(&self, index: usize, state: u64) -> u64 {
        let ring = self.limiter.ring(self.words, index);
        ring.map_or(0, |ring| self.window.idle_from(ring, state))
    }
}

impl Life for WindowLife<'_> {
    #[inline]
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
