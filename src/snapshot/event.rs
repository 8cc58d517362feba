//! Events as plain data: with the names of the guards that they happened to.

use crate::guard;
use crate::region::Region;
use crate::region::events;

pub use crate::region::events::{Cause, Cursor, Kind};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReading {
    /// Its number since the region was made.
    pub number: u64,
    /// Region time.
    pub time_ns: u64,
    /// The same as wall clock, nanoseconds since 1970.
    pub wall_ns: u64,
    /// What happened.
    pub kind: Kind,
    /// Why.
    pub cause: Cause,
    /// What kind of guard it happened to; empty when nobody knows it any more.
    pub guard_kind: &'static str,
    /// Its name.
    pub guard: String,
    /// Process that saw it.
    pub pid: u32,
    /// Two numbers that the kind explains.
    pub numbers: [u64; 2],
    /// Events that the reader missed between the one before and this one.
    pub lost_before: u64,
}

/// The events from number `next` on, at most `most`; and where to go on with how many were lost at
/// the end.
pub fn read(region: &Region, next: u64, most: usize) -> (Vec<EventReading>, Cursor) {
    let now_ns = region.clock().coarse();
    let created_ns = region.header().created_wall_ns;
    let mut cursor = Cursor { next, lost: 0 };
    let mut all = Vec::new();
    while all.len() < most {
        let Some((number, event)) = events::read(region, &mut cursor, now_ns) else {
            break;
        };
        let (guard_kind, guard) = guard::name_of(region, event.guard).unwrap_or_default();
        all.push(EventReading {
            number,
            time_ns: event.time_ns,
            wall_ns: created_ns.saturating_add(event.time_ns),
            kind: event.kind,
            cause: event.cause,
            guard_kind,
            guard,
            pid: event.pid,
            numbers: event.numbers,
            lost_before: std::mem::take(&mut cursor.lost),
        });
    }
    (all, cursor)
}
