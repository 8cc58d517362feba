//! When a bulkhead seems full: is it, and are all who are inside alive?

use super::{Bulkhead, FULL, INQUIRIES, damaged, is, tally, word};
use crate::base::error::Result;
use crate::base::host;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::guard::holder::Holder;
use crate::guard::permit::{Permit, Place};
use crate::region::events::{self, Cause, Event, Kind};
use std::ops::Range;

/// A look is remembered as the host's coarse time in units of 2^22 ns, and how often somebody asked
/// for a process in it.
const SPAN_BITS: u32 = 22;
const ASKED_BITS: u32 = 16;
const ASKED_MASK: u64 = (1 << ASKED_BITS) - 1;

/// Processes that one look asks for.
const ASKED_AT_ONCE: usize = 64;

/// Why a place is taken from who has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Dead,
    TimedOut,
}

impl Bulkhead<'_> {
    /// A place that is free after all, or that comes back from a dead or late holder.
    #[cold]
    #[inline(never)]
    pub(super) fn take_or_deny(&self, planes: &Planes, holder: Holder) -> Result<Option<Permit>> {
        if self.places().is_none_or(<[_]>::is_empty) {
            return Err(damaged());
        }
        let hint = self.entry.word(word::HINT);
        let (asked, span) = self.asked();
        let may_ask = asked < INQUIRIES || self.may_have_expired();
        if hint.load(Ordering::Relaxed) == FULL && !may_ask {
            return Ok(None);
        }
        hint.store(FULL, Ordering::SeqCst);
        let found = self.take_any(holder, 0, Ordering::SeqCst);
        let found = if found.is_none() && may_ask {
            let mut look = Look::new(self, planes, holder);
            let freed = look.sweep(0..usize::MAX);
            self.has_asked(span, asked, look.asked());
            if freed > 0 {
                self.take_any(holder, 0, Ordering::SeqCst)
            } else {
                None
            }
        } else {
            found
        };
        if found.is_some() {
            hint.store(0, Ordering::SeqCst);
        } else if may_ask {
            self.tell_denial(planes);
        }
        Ok(found)
    }

    /// How often somebody asked for a process in this span of time, and the span.
    pub(super) fn asked(&self) -> (u64, u64) {
        let last = self.entry.get(word::LOOKED);
        let span = host::coarse_ns() >> SPAN_BITS & u64::MAX >> ASKED_BITS;
        let is_now = last >> ASKED_BITS == span;
        (if is_now { last & ASKED_MASK } else { 0 }, span)
    }

    /// Remembers a look that asked `more` times.
    pub(super) fn has_asked(&self, span: u64, asked: u64, more: u64) {
        let asked = asked.saturating_add(more + 1).min(ASKED_MASK);
        self.entry.set(word::LOOKED, span << ASKED_BITS | asked);
    }

    /// Writes an event of a denial, once a second.
    pub(super) fn tell_denial(&self, planes: &Planes) {
        let now_ns = self.region.clock().coarse();
        if events::is_due(self.entry.word(word::TOLD), now_ns) {
            let shadow = self.entry.get(word::TRAITS) & is::SHADOW != 0;
            let tally = if shadow {
                tally::WOULD_DENY
            } else {
                tally::DENIED
            };
            let denied = planes.sum(self.entry.column(self.region, tally));
            let limit = self.numbers(planes).limit;
            self.tell(
                now_ns,
                Kind::Denial,
                Cause::Limit,
                [denied.saturating_add(1), limit],
            );
        }
    }

    pub(super) fn tell(&self, time_ns: u64, kind: Kind, cause: Cause, numbers: [u64; 2]) {
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

    /// True when some permit may have timed out since somebody last looked.
    fn may_have_expired(&self) -> bool {
        self.entry.get(word::TIMEOUT_NS) != 0
            && self.region.clock().precise() >= self.entry.get(word::EXPIRES_NS)
    }
}

/// One look at everybody who is inside.
pub(super) struct Look<'b> {
    bulkhead: &'b Bulkhead<'b>,
    planes: &'b Planes,
    holder: Holder,
    now_ns: u64,
    timeout_ns: u64,
    /// When the first of the others times out.
    expires_ns: u64,
    /// Who was asked for, and whether it is dead.
    known: [(Holder, bool); ASKED_AT_ONCE],
    asked: usize,
}

impl<'b> Look<'b> {
    pub fn new(bulkhead: &'b Bulkhead<'b>, planes: &'b Planes, holder: Holder) -> Self {
        Look {
            bulkhead,
            planes,
            holder,
            now_ns: bulkhead.region.clock().precise(),
            timeout_ns: bulkhead.entry.get(word::TIMEOUT_NS),
            expires_ns: u64::MAX,
            known: [(Holder(0), false); ASKED_AT_ONCE],
            asked: 0,
        }
    }

    /// How often a process was asked for.
    pub fn asked(&self) -> u64 {
        self.asked as u64
    }

    /// Frees the places in `range` whose holders are dead or late; how many.
    pub fn sweep(&mut self, range: Range<usize>) -> usize {
        let places = self.bulkhead.places().unwrap_or_default();
        let places = places.iter().enumerate();
        let mut freed = 0;
        for (place, word) in places.take(range.end).skip(range.start) {
            let found = Place(word.load(Ordering::SeqCst));
            if let Some(reason) = self.reason(place, found)
                && exchange(word, found, found.left())
            {
                self.count(reason);
                freed += 1;
            }
        }
        // Whoever comes in from now on does not time out before that.
        let later = self.now_ns.saturating_add(self.timeout_ns);
        let expires_ns = self.expires_ns.min(later);
        self.bulkhead.entry.set(word::EXPIRES_NS, expires_ns);
        freed
    }

    /// Why the place may be taken from who has it; None when it may not.
    fn reason(&mut self, place: usize, found: Place) -> Option<Reason> {
        if found.is_free() {
            return None;
        }
        if self.is_dead(found.holder()) {
            return Some(Reason::Dead);
        }
        if self.timeout_ns == 0 {
            return None;
        }
        let since = self.bulkhead.array(word::SINCE_AT)?.get(place)?;
        let expires_ns = since.load(Ordering::SeqCst).saturating_add(self.timeout_ns);
        if expires_ns <= self.now_ns {
            return Some(Reason::TimedOut);
        }
        self.expires_ns = self.expires_ns.min(expires_ns);
        None
    }

    fn is_dead(&mut self, holder: Holder) -> bool {
        if holder == self.holder {
            return false;
        }
        let known = self.known.get(..self.asked).unwrap_or_default();
        if let Some((_, is_dead)) = known.iter().find(|(known, _)| *known == holder) {
            return *is_dead;
        }
        let Some(room) = self.known.get_mut(self.asked) else {
            return false;
        };
        let is_dead = holder.is_known_dead();
        *room = (holder, is_dead);
        self.asked += 1;
        is_dead
    }

    fn count(&self, reason: Reason) {
        let (tally, cause) = match reason {
            Reason::Dead => (tally::FROM_DEAD, Cause::Dead),
            Reason::TimedOut => (tally::TIMED_OUT, Cause::Late),
        };
        let Bulkhead { region, entry } = self.bulkhead;
        self.planes.add(entry.column(region, tally), 1);
        let in_all = self.planes.sum(entry.column(region, tally));
        self.bulkhead
            .tell(self.now_ns, Kind::Return, cause, [1, in_all]);
    }
}

fn exchange(word: &AtomicU64, old: Place, new: Place) -> bool {
    word.compare_exchange(old.0, new.0, Ordering::SeqCst, Ordering::Relaxed)
        .is_ok()
}
