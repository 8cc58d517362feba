//! When a bulkhead seems full: is it, and are all who are inside alive?

use super::{Bulkhead, FULL, INQUIRIES, damaged, tally, word};
use crate::base::error::Result;
use crate::base::host;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::guard::holder::Holder;
use crate::guard::permit::{Permit, Place};
use crate::region::events::{self, Cause, Event, Kind};

/// A look is remembered as the host's coarse time in units of 2^22 ns, and how often somebody asked
/// for a process in it.
const SPAN_BITS: u32 = 22;
const ASKED_BITS: u32 = 16;

/// Processes that one look asks for.
const ASKED_AT_ONCE: usize = 64;

/// Why a place may be taken from who has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Free,
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
        let looked = self.entry.word(word::LOOKED);
        let last = looked.load(Ordering::Relaxed);
        let span = host::coarse_ns() >> SPAN_BITS;
        let mask = (1 << ASKED_BITS) - 1;
        let asked = if last >> ASKED_BITS == span & u64::MAX >> ASKED_BITS {
            last & mask
        } else {
            0
        };
        let may_ask = asked < INQUIRIES || self.may_have_expired();
        if hint.load(Ordering::Relaxed) == FULL && !may_ask {
            return Ok(None);
        }
        hint.store(FULL, Ordering::SeqCst);
        let found = self.take_free(holder, 0, Ordering::SeqCst);
        let found = if found.is_none() && may_ask {
            let mut look = Look::new(self, planes, holder);
            let found = look.take_back();
            let asked = asked.saturating_add(look.asked as u64 + 1).min(mask);
            looked.store(span << ASKED_BITS | asked, Ordering::Relaxed);
            found
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

    /// Writes an event of a denial, once a second.
    fn tell_denial(&self, planes: &Planes) {
        let now_ns = self.region.clock().coarse();
        if events::is_due(self.entry.word(word::TOLD), now_ns) {
            let denied = planes.sum(self.entry.column(self.region, tally::DENIED));
            let limit = self.entry.get(word::PLACES);
            self.tell(
                now_ns,
                Kind::Denial,
                Cause::Limit,
                [denied.saturating_add(1), limit],
            );
        }
    }

    fn tell(&self, time_ns: u64, kind: Kind, cause: Cause, numbers: [u64; 2]) {
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
struct Look<'b> {
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
    fn new(bulkhead: &'b Bulkhead<'b>, planes: &'b Planes, holder: Holder) -> Self {
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

    /// Takes back every place that can be, and keeps the first.
    fn take_back(&mut self) -> Option<Permit> {
        let places = self.bulkhead.places()?;
        let mut mine = None;
        for (place, word) in places.iter().enumerate() {
            let found = Place(word.load(Ordering::SeqCst));
            let Some(reason) = self.reason(place, found) else {
                continue;
            };
            let taken = if mine.is_none() {
                mine = self.bulkhead.take(place, word, found, self.holder);
                mine.is_some()
            } else {
                reason != Reason::Free && exchange(word, found, found.left())
            };
            if taken {
                self.count(reason);
            }
        }
        // Whoever comes in from now on does not time out before that.
        let later = self.now_ns.saturating_add(self.timeout_ns);
        let expires_ns = self.expires_ns.min(later);
        self.bulkhead.entry.set(word::EXPIRES_NS, expires_ns);
        mine
    }

    /// Why the place can be had; None when it cannot.
    fn reason(&mut self, place: usize, found: Place) -> Option<Reason> {
        if found.is_free() {
            return Some(Reason::Free);
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
            Reason::Free => return,
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
