//! Denials of limiters in the ring of events: how many there were, once a second at most.
//!
//! A denial writes nothing but its tally. Whoever reads the events, or takes a snapshot, compares the
//! tallies with what was told before, and tells the difference; so denials nobody asks about cost
//! nothing, and the event's time is that of the question.
//!
//! Of several readers at once one finds the time to have come. Killed before it wrote the event, it
//! leaves one untold: the number in all, which each event has too, says so.

use super::entry::{self, Entry};
use super::tally;
use crate::base::sync::Ordering;
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};

/// Tells what was denied since the last time.
pub fn tell(region: &Region, planes: &Planes) {
    if !region.is_writable() {
        return;
    }
    let now = region.clock().coarse();
    for index in 0..region.layout().limiters.count {
        if let Some(limiter) = Entry::at(region, index).filter(|limiter| limiter.id() != 0) {
            tell_of(region, planes, index, &limiter, now);
        }
    }
}

fn tell_of(region: &Region, planes: &Planes, index: usize, limiter: &Entry<'_>, now: u64) {
    let (Some(last), Some(told)) = (
        limiter.get(entry::DENIAL_TOLD),
        limiter.get(entry::DENIALS_TOLD),
    ) else {
        return;
    };
    if !events::is_old(last, now) {
        return;
    }
    let sum = |tally| planes.sum(region.layout().limiter_column(index, tally));
    let denied = sum(tally::DENIED);
    if denied == told.load(Ordering::Relaxed) || !events::is_due(last, now) {
        return;
    }
    // More were told already by who read the tallies after us.
    let since = denied.wrapping_sub(told.fetch_max(denied, Ordering::Relaxed)) as i64;
    if since > 0 {
        let event = Event {
            time_ns: now,
            kind: Kind::Denial,
            cause: if sum(tally::DENIED_FULL) < denied {
                Cause::Limit
            } else {
                Cause::NoRoom
            },
            guard: limiter.id(),
            pid: 0,
            numbers: [since as u64, denied],
        };
        events::write(region, event);
    }
}
