//! What happened: a ring of the latest events, written by every process, read by cursor.
//!
//! ```text
//! event    0 number plus one, 0 while it is written   1 time   2 kind, cause, process
//!          3 guard   4, 5 two numbers   6 unused   7 sum of words 1 to 6 and the number
//! ```
//! A writer takes the next number by one addition, writes its entry, and publishes the number last.
//! It waits for nobody: nothing that others do makes it begin again.
//!
//! **A torn event is never shown.** Two writers are in one entry only when one of them was stopped
//! for a whole round of the ring. What such an entry holds can be of both, but then it does not have
//! the sum of either number: readers take an entry only with the right number and the right sum.
//!
//! **A reader never waits for a dead writer.** An event that was begun but is not published holds
//! back those after it for `PATIENCE_NS`, counted from the next one that was; then it counts as
//! lost. So do events that were written over before the reader came.

use super::{Region, header};
use crate::base::sync::{AtomicU64, Ordering, fence};
use crate::region::layout::EVENT_WORDS;

/// How long a writer may take before a reader passes it over.
const PATIENCE_NS: u64 = 100_000_000;

const NUMBER: usize = 0;
const DATA: usize = 1;
const SUM: usize = 7;
const DATA_WORDS: usize = SUM - DATA;
/// How many of them are stored: a model tries every value that each could have.
const STORED: usize = if cfg!(loom) { 2 } else { DATA_WORDS };

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A breaker changed its phase: from the first number to the second.
    Transition = 1,
    /// Calls were denied: so many in all, by a limit of so much; of limiters, so many since the last
    /// event, and so many in all. A sample.
    Denial = 2,
    /// Keys in use were forgotten to make room: so many in all.
    Eviction = 3,
    /// A key was blocked for so many nanoseconds; 0: unblocked.
    Block = 4,
    /// Somebody changed a guard by hand: from the first number to the second.
    Forced = 5,
    /// Permits came back from who did not give them back: so many, and so many in all.
    Return = 6,
    /// A limit changed: from the first number to the second.
    Limit = 7,
}

/// Why it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// Nothing to say.
    None = 0,
    /// Failures reached their rate.
    FailureRate = 1,
    /// Slow calls reached their rate.
    SlowCallRate = 2,
    /// So many failures in a row.
    ConsecutiveFailures = 3,
    /// The probes of a half-open breaker decided.
    Probes = 4,
    /// Somebody asked for it.
    Forced = 5,
    /// The time for it had come.
    Time = 6,
    /// The limit was reached.
    Limit = 7,
    /// There was no room for another key.
    NoRoom = 8,
    /// The process ended without giving back what it had.
    Dead = 9,
    /// It was not given back in time.
    Late = 10,
    /// A retry budget was spent.
    Budget = 11,
    /// An adaptive limit followed what it measured.
    Measured = 12,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Transition,
        Kind::Denial,
        Kind::Eviction,
        Kind::Block,
        Kind::Forced,
        Kind::Return,
        Kind::Limit,
    ];

    /// Its name in an export.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Transition => "transition",
            Kind::Denial => "denial",
            Kind::Eviction => "eviction",
            Kind::Block => "block",
            Kind::Forced => "forced",
            Kind::Return => "return",
            Kind::Limit => "limit",
        }
    }
}

impl Cause {
    const ALL: [(Cause, &'static str); 13] = [
        (Cause::None, "none"),
        (Cause::FailureRate, "failure_rate"),
        (Cause::SlowCallRate, "slow_call_rate"),
        (Cause::ConsecutiveFailures, "consecutive_failures"),
        (Cause::Probes, "probes"),
        (Cause::Forced, "forced"),
        (Cause::Time, "time"),
        (Cause::Limit, "limit"),
        (Cause::NoRoom, "no_room"),
        (Cause::Dead, "dead"),
        (Cause::Late, "late"),
        (Cause::Budget, "budget"),
        (Cause::Measured, "measured"),
    ];

    /// Its name in an export.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Region time.
    pub time_ns: u64,
    /// What.
    pub kind: Kind,
    /// Why.
    pub cause: Cause,
    /// Id of the guard that it happened to.
    pub guard: u64,
    /// Process that saw it; filled in by [`write()`] when it is 0.
    pub pid: u32,
    /// Two numbers that the kind explains.
    pub numbers: [u64; 2],
}

impl Event {
    fn to_words(self) -> [u64; DATA_WORDS] {
        let what = u64::from(self.pid) << 32 | (self.cause as u64) << 8 | self.kind as u64;
        let [one, other] = self.numbers;
        [self.time_ns, what, self.guard, one, other, 0]
    }

    fn from_words(words: [u64; DATA_WORDS]) -> Option<Self> {
        let [time_ns, what, guard, one, other, _] = words;
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| *kind as u64 == what & 0xff)?;
        let cause = Cause::ALL.get((what >> 8 & 0xff_ffff) as usize)?.0;
        Some(Event {
            time_ns,
            kind,
            cause,
            guard,
            pid: (what >> 32) as u32,
            numbers: [one, other],
        })
    }
}

/// Writes `event` over the oldest one. Never waits; does nothing in a region without a ring.
pub fn write(region: &Region, event: Event) {
    let mut event = event;
    if event.pid == 0 {
        event.pid = std::process::id();
    }
    let Some(next) = region.words().get(header::EVENTS_NEXT) else {
        return;
    };
    if region.layout().events.count > 0 && region.is_writable() {
        let number = next.fetch_add(1, Ordering::Relaxed);
        put(region, number, event.to_words());
    }
}

/// True once a second for each guard whose `last` word it is given: then the caller writes an event
/// of what happens too often to write each time.
#[inline]
pub fn is_due(last: &AtomicU64, now_ns: u64) -> bool {
    let found = last.load(Ordering::Relaxed);
    is_before(found, now_ns)
        && last
            .compare_exchange(
                found,
                now_ns.saturating_add(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
}

/// True when [`is_due`] may be, without taking its turn.
#[inline(always)]
pub fn is_old(last: &AtomicU64, now_ns: u64) -> bool {
    is_before(last.load(Ordering::Relaxed), now_ns)
}

/// 0 is never, so that the first one is told at once.
#[inline(always)]
fn is_before(last: u64, now_ns: u64) -> bool {
    const EVERY_NS: u64 = 1_000_000_000;
    last == 0 || now_ns.saturating_add(1).wrapping_sub(last) >= EVERY_NS
}

fn entry(region: &Region, number: u64) -> Option<&[AtomicU64; EVENT_WORDS]> {
    let ring = region.layout().events;
    let index = (number % (ring.count as u64).max(1)) as usize;
    let at = ring.entry(index)?;
    region.words().slice(at, EVENT_WORDS)?.try_into().ok()
}

fn put(region: &Region, number: u64, data: [u64; DATA_WORDS]) {
    let Some(entry) = entry(region, number) else {
        return;
    };
    entry[NUMBER].store(0, Ordering::Relaxed);
    // A reader who sees a word of this event also sees that the number before it is gone.
    fence(Ordering::Release);
    for (word, value) in entry.iter().skip(DATA).zip(data).take(STORED) {
        word.store(value, Ordering::Relaxed);
    }
    entry[SUM].store(sum(number, &data), Ordering::Relaxed);
    entry[NUMBER].store(number.wrapping_add(1), Ordering::Release);
}

/// What a cursor found in the entry that it stands at.
enum Found {
    Event(Event),
    /// Not written yet, or not whole.
    Unfinished,
    /// Written over, or of no kind that is known.
    Lost,
}

fn get(region: &Region, number: u64) -> Found {
    let Some(entry) = entry(region, number) else {
        return Found::Lost;
    };
    let wanted = number.wrapping_add(1);
    let found = crate::base::sync::load_acquire(&entry[NUMBER]);
    let data: [u64; DATA_WORDS] = std::array::from_fn(|at| {
        if at < STORED {
            entry[DATA + at].load(Ordering::Relaxed)
        } else {
            0
        }
    });
    let told = entry[SUM].load(Ordering::Relaxed);
    if found == wanted && told == sum(number, &data) {
        return Event::from_words(data).map_or(Found::Lost, Found::Event);
    }
    if found > wanted {
        Found::Lost
    } else {
        Found::Unfinished
    }
}

/// Depends on every bit of every word and on where it stands.
fn sum(number: u64, data: &[u64; DATA_WORDS]) -> u64 {
    let start = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    data.iter().take(STORED).fold(start, |sum, word| {
        let mixed = (sum ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 32
    })
}

/// A reader of the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Number of the next event; 0 is the oldest that is kept.
    pub next: u64,
    /// Events that this reader missed.
    pub lost: u64,
}

/// The next event after `cursor`, which moves on. None when there is none yet. `now_ns` decides
/// whether an unfinished one is waited for.
pub fn read(region: &Region, cursor: &mut Cursor, now_ns: u64) -> Option<(u64, Event)> {
    let kept = region.layout().events.count as u64;
    let next = region.words().acquire(header::EVENTS_NEXT);
    let oldest = next.saturating_sub(kept);
    if cursor.next < oldest {
        // Whoever begins at the beginning has missed nothing.
        if cursor.next > 0 {
            cursor.lost = cursor.lost.saturating_add(oldest - cursor.next);
        }
        cursor.next = oldest;
    }
    let mut given_up = 0;
    while cursor.next < next {
        let number = cursor.next;
        match get(region, number) {
            Found::Event(event) => {
                cursor.next = number + 1;
                return Some((number, event));
            }
            found => {
                if matches!(found, Found::Unfinished) && number >= given_up {
                    given_up = first_old(region, number, next, now_ns)?;
                }
                cursor.next = number + 1;
                cursor.lost = cursor.lost.saturating_add(1);
            }
        }
    }
    None
}

/// The first event after `number` that is there, when it is so old that no writer before it will come
/// back.
fn first_old(region: &Region, number: u64, next: u64, now_ns: u64) -> Option<u64> {
    for later in number + 1..next {
        match get(region, later) {
            Found::Event(event) => {
                let is_old = now_ns.saturating_sub(event.time_ns) >= PATIENCE_NS;
                return is_old.then_some(later);
            }
            Found::Lost => return Some(later),
            Found::Unfinished => {}
        }
    }
    None
}

#[cfg(all(test, not(loom)))]
#[path = "events/tests.rs"]
mod tests;

#[cfg(all(test, loom))]
#[path = "events/loom.rs"]
mod loom_tests;
