//! The slowest single calls of a region: of each time slot, and ever.
//!
//! ```text
//! lists   one for each slot of a window, one for ever; each of SLOWEST_CALLS notes:
//!           duration | slot + 1 | time | series | outcome, process | bytes of the detail
//!           text: detail, trace id
//! ```
//!
//! A recorder compares a call with two words of the header: the end of the current slot, and the
//! *floor*, the shortest call that its list still has. Nearly all calls end there. One that is longer
//! takes the place of the shortest, under that note's claim; when somebody else is at it, the next
//! shortest is tried. Nothing is cleared when a slot begins: a note of another slot counts as none.
//! When two calls want the same place at the same instant, one of them may displace a call that is
//! longer than the other: the slowest always stays. What is among the slowest ever was among the
//! slowest of its slot, so the floor is enough for both lists.
//!
//! **A floor is never too high.** It carries its slot in its low bits, and its slots never go back:
//! - A slot begins with its floor, by one compare-and-swap from a floor that was seen *before* the
//!   old end was. Whoever was held up in between finds another floor, and looks again.
//! - Who finds a floor of a later slot leaves it alone. Numbers that come round again after a long
//!   rest look like that too, but then the old end is long ago.
//! - The end moves after the floor; a recorder reads them the other way round, so that who sees the
//!   new end sees the new floor.
//! - A floor is raised by one compare-and-swap from a floor of the recorder's own slot, so not after
//!   the slot.

use super::note::Note;
use crate::base::limits::{MAX_DETAIL_BYTES, MAX_TRACE_BYTES, SLOWEST_CALLS, WINDOW_SLOTS};
use crate::base::order::Order;
use crate::base::outcome::Outcome;
use crate::base::sync::{AtomicU64, Ordering};
use crate::region::text::cut;
use crate::region::{Region, header};

const SECONDS: usize = 0;
const SLOT: usize = 1;
const TIME: usize = 2;
const SERIES: usize = 3;
const WHO: usize = 4;
const DETAIL_BYTES: usize = 5;
const NUMBERS: usize = 6;

const TEXT_BYTES: usize = MAX_DETAIL_BYTES + MAX_TRACE_BYTES;
const NOTE_WORDS: usize = Note::words(NUMBERS, TEXT_BYTES);
const LIST_WORDS: usize = SLOWEST_CALLS * NOTE_WORDS;
/// The list of the slowest calls ever, behind those of the slots.
const EVER: usize = WINDOW_SLOTS;

const SLOT_MASK: u64 = 0xffff;
/// Slots without a call after which a floor's number of its slot tells nothing.
const LONG_REST: u64 = SLOT_MASK / 4;
/// Times that the beginning of a slot is tried: each other time somebody else changed the floor.
const BEGINNINGS: usize = 4;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// How long it took.
    pub seconds: f64,
    /// Region time when it ended.
    pub time_ns: u64,
    /// Series of its operation.
    pub series: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// The process that recorded it.
    pub pid: u32,
    /// What it was about; may be empty.
    pub detail: String,
    /// Its trace; may be empty.
    pub trace_id: String,
}

/// True when a call that took so long (the bits of a double) could be one of the slowest. One that
/// took as long as the fastest of a full list is not: calls that all take the same time would each
/// be written down.
#[inline(always)]
pub fn is_candidate(region: &Region, now: u64, value_bits: u64) -> bool {
    let words = region.words();
    let ends = words.acquire(header::SLOWEST_END);
    now >= ends || value_bits & !SLOT_MASK > words.load(header::SLOWEST_FLOOR)
}

/// Begins the slot of `now`, if nobody has. Who compares with the floor alone relies on others for it.
pub fn begin_if_due(region: &Region, now: u64) {
    let words = region.words();
    let (Some(floor), Some(end)) = (
        words.get(header::SLOWEST_FLOOR),
        words.get(header::SLOWEST_END),
    ) else {
        return;
    };
    let slot_ns = region.layout().limits.slot_ns;
    let slot = now / slot_ns;
    for _ in 0..BEGINNINGS {
        let seen = floor.load(Ordering::Acquire);
        let ends = end.load(Ordering::Acquire);
        if now < ends {
            return;
        }
        let is_recent = slot - ends / slot_ns < LONG_REST;
        let ahead = ahead(seen, slot);
        if is_recent && ahead > 0 {
            // A later slot is beginning, and we are late.
            return;
        }
        let has_floor = is_recent && ahead == 0;
        let begun = slot & SLOT_MASK;
        if has_floor
            || floor
                .compare_exchange(seen, begun, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            // Killed in between, the next one finds the floor and does this.
            let next = (slot + 1).saturating_mul(slot_ns);
            let _ = end.compare_exchange(ends, next, Ordering::AcqRel, Ordering::Relaxed);
            return;
        }
    }
}

/// How many slots `floor` is ahead of `slot`.
fn ahead(floor: u64, slot: u64) -> i16 {
    (floor & SLOT_MASK).wrapping_sub(slot & SLOT_MASK) as u16 as i16
}

/// Puts a call that ends `now` among the slowest, if it is one.
#[cold]
#[inline(never)]
pub fn offer(
    region: &Region,
    now: u64,
    value_bits: u64,
    series: usize,
    outcome: Outcome,
    (detail, trace_id): (&str, &str),
) {
    let slot = now / region.layout().limits.slot_ns;
    begin_if_due(region, now);
    let Some(lists) = region.allocate_once(header::SLOWEST, (EVER + 1) * LIST_WORDS) else {
        return;
    };
    let (detail, trace_id) = (
        cut(detail, MAX_DETAIL_BYTES),
        cut(trace_id, MAX_TRACE_BYTES),
    );
    let numbers = [
        value_bits,
        slot + 1,
        now,
        series as u64,
        (outcome as u64) << 32 | u64::from(std::process::id()),
        detail.len() as u64,
    ];
    let text = [detail, trace_id].concat();
    let of_slot = List {
        region,
        at: lists + slot as usize % WINDOW_SLOTS * LIST_WORDS,
        slot: Some(slot + 1),
    };
    of_slot.offer(now, &numbers, &text);
    List {
        region,
        at: lists + EVER * LIST_WORDS,
        slot: None,
    }
    .offer(now, &numbers, &text);
    raise_floor(region, slot, of_slot.floor());
}

/// Raises the floor to `least`, the shortest call that the slot's list has, if it is of this slot.
pub fn raise_floor(region: &Region, slot: u64, least: u64) {
    let Some(floor) = region.words().get(header::SLOWEST_FLOOR) else {
        return;
    };
    let seen = floor.load(Ordering::Acquire);
    let raised = least & !SLOT_MASK | slot & SLOT_MASK;
    if ahead(seen, slot) == 0 && raised > seen {
        let _ = floor.compare_exchange(seen, raised, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// The slowest calls of one slot, or of all time.
#[derive(Clone, Copy)]
struct List<'r> {
    region: &'r Region,
    at: usize,
    /// The slot plus one.
    slot: Option<u64>,
}

impl<'r> List<'r> {
    #[inline]
    fn note(&self, index: usize) -> Note<'r> {
        let at = self.at.saturating_add(index * NOTE_WORDS);
        Note::at(self.region, at, NUMBERS, TEXT_BYTES)
    }

    /// Bits of the duration of a place's call; 0 when it has none of this slot.
    #[inline]
    fn duration(&self, numbers: &[AtomicU64]) -> u64 {
        let slot = numbers[SLOT].load(Ordering::Relaxed);
        if slot == 0 || self.slot.is_some_and(|mine| mine != slot) {
            return 0;
        }
        numbers[SECONDS].load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn durations(&self) -> [u64; SLOWEST_CALLS] {
        let mut durations = [0; SLOWEST_CALLS];
        for (index, place) in durations.iter_mut().enumerate() {
            if let Some(numbers) = self.note(index).numbers() {
                *place = self.duration(numbers);
            }
        }
        durations
    }

    /// The shortest call; 0 while there are free places.
    fn floor(&self) -> u64 {
        self.durations().into_iter().min().unwrap_or(0)
    }

    fn offer(&self, now: u64, numbers: &[u64; NUMBERS], text: &str) {
        let mut tried = [false; SLOWEST_CALLS];
        for _ in 0..SLOWEST_CALLS {
            let durations = self.durations();
            let shortest = (0..SLOWEST_CALLS)
                .filter(|index| !tried[*index])
                .min_by_key(|index| durations[*index]);
            let Some(index) = shortest.filter(|index| durations[*index] < numbers[SECONDS].max(1))
            else {
                return;
            };
            let is_written = self
                .note(index)
                .write_if(now, numbers, text, |is_sealed, found| {
                    !is_sealed || self.duration(found) == durations[index]
                });
            if is_written {
                return;
            }
            tried[index] = true;
        }
    }

    fn read(&self, index: usize) -> Option<Call> {
        let said = self.note(index).read()?;
        let number = |at: usize| said.numbers.get(at).copied().unwrap_or(0);
        let seconds = f64::from_bits(number(SECONDS));
        let (detail, trace_id) = said.text.split_at_checked(number(DETAIL_BYTES) as usize)?;
        seconds.is_finite().then(|| Call {
            seconds,
            time_ns: number(TIME),
            series: number(SERIES) as usize,
            outcome: Outcome::from_number((number(WHO) >> 32) as i32).unwrap_or(Outcome::Ignored),
            pid: number(WHO) as u32,
            detail: detail.to_owned(),
            trace_id: trace_id.to_owned(),
        })
    }
}

/// The slowest calls of the window that ends `now`, and ever; the slowest first.
pub fn read(region: &Region, now: u64) -> (Vec<Call>, Vec<Call>) {
    let lists = region.words().acquire(header::SLOWEST) as usize;
    if lists == 0 {
        return (Vec::new(), Vec::new());
    }
    let slot = now / region.layout().limits.slot_ns;
    let first = (slot + 1).saturating_sub(WINDOW_SLOTS as u64);
    let list = |place: usize, slot| List {
        region,
        at: lists.saturating_add(place * LIST_WORDS),
        slot,
    };
    let calls = |list: List<'_>| {
        (0..SLOWEST_CALLS)
            .filter_map(|index| list.read(index))
            .collect::<Vec<Call>>()
    };
    let slot_ns = region.layout().limits.slot_ns;
    let window = (first..=slot)
        .flat_map(|slot| {
            let mut found = calls(list(slot as usize % WINDOW_SLOTS, Some(slot + 1)));
            found.retain(|call| call.time_ns / slot_ns == slot);
            found
        })
        .collect();
    (sorted(window), sorted(calls(list(EVER, None))))
}

fn sorted(mut calls: Vec<Call>) -> Vec<Call> {
    calls.order_by(|one, other| {
        other
            .seconds
            .total_cmp(&one.seconds)
            .then(one.time_ns.cmp(&other.time_ns))
            .then(one.series.cmp(&other.series))
    });
    calls.truncate(SLOWEST_CALLS);
    calls
}
