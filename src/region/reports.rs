//! Checks that the application reports itself: the latest report of each name.
//!
//! The table is taken from the heap when the first report comes. A name is put into the first
//! empty entry by one compare-and-swap and never taken away, and everybody walks from the first
//! entry on, so a name is there once.
//!
//! An entry keeps its last few reports in a small ring:
//! 1. a reporter takes a number by one addition; the number says which place of the ring is its;
//! 2. it takes the place's seal away, writes the report, and publishes the seal: a checksum of
//!    number and report;
//! 3. it raises the entry's latest number to its own.
//!
//! A reader takes the place of the latest number, or the newest other one whose seal is right. So
//! a reporter killed in between changes nothing, and one that was stopped and wakes up after the
//! ring has gone round spoils a place at worst, which the checksum tells.

use super::raw::Words;
use super::text::{self, TextRef};
use super::{Region, header};
use crate::base::error::{Error, Result};
use crate::base::limits::{MAX_NAME_BYTES, MAX_REPORT_MESSAGE_BYTES, MAX_REPORTS};
use crate::base::name;
use crate::base::sync::Ordering;

const NAME: usize = 0;
const NEXT: usize = 1;
const LATEST: usize = 2;
const RING: usize = 8;
const PLACES: usize = 4;

const SEAL: usize = 0;
const TIME: usize = 1;
const TTL: usize = 2;
const STATUS: usize = 3;
const OBSERVED: usize = 4;
const REPORTER: usize = 5;
const MESSAGE_BYTES: usize = 6;
const MESSAGE: usize = 7;
const MESSAGE_WORDS: usize = MAX_REPORT_MESSAGE_BYTES / 8;
const PLACE_WORDS: usize = (MESSAGE + MESSAGE_WORDS).next_multiple_of(8);
const ENTRY_WORDS: usize = RING + PLACES * PLACE_WORDS;

/// What was reported of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// 0 healthy, 1 degraded, 2 unhealthy, 3 unknown.
    pub status: u64,
    /// A measured value; NaN for none.
    pub observed: f64,
    /// What a person should know; may be empty.
    pub message: String,
    /// How long it counts; 0 for ever.
    pub ttl_ns: u64,
    /// Region time when it was made.
    pub time_ns: u64,
    /// Number of the process that made it.
    pub pid: u32,
}

/// Keeps `report` as the latest of the check `name`.
pub fn write(region: &Region, name: &str, report: &Report) -> Result<()> {
    name::check("check", name)?;
    let words = region.words();
    let entry = find_or_make(region, name)?;
    let number = match words.get(entry + NEXT) {
        Some(next) => next.fetch_add(1, Ordering::Relaxed),
        None => return Err(damaged()),
    };
    let place = entry + RING + number as usize % PLACES * PLACE_WORDS;
    words.store(place + SEAL, 0);
    // Pairs with the acquire fence of a reader: who sees a word written below sees the seal gone.
    crate::base::sync::fence(Ordering::Release);
    let message = cut(&report.message);
    for (at, value) in [
        (TIME, report.time_ns),
        (TTL, report.ttl_ns),
        (STATUS, report.status),
        (OBSERVED, report.observed.to_bits()),
        (REPORTER, report.pid.into()),
        (MESSAGE_BYTES, message.len() as u64),
    ] {
        words.store(place + at, value);
    }
    text::write(words, place + MESSAGE, message.as_bytes());
    words.publish(place + SEAL, seal(words, place, number));
    if let Some(latest) = words.get(entry + LATEST) {
        latest.fetch_max(number.saturating_add(1), Ordering::Release);
    }
    Ok(())
}

/// The latest report of every check, in the order in which they were first reported.
pub fn list(region: &Region) -> Vec<(String, Report)> {
    let words = region.words();
    let Some(table) = table(words) else {
        return Vec::new();
    };
    (0..MAX_REPORTS)
        .map(|index| table + index * ENTRY_WORDS)
        .map_while(|entry| {
            let reference = words.acquire(entry + NAME);
            (reference != 0).then_some((entry, reference))
        })
        .filter_map(|(entry, reference)| {
            let name = TextRef(reference).read(words, MAX_NAME_BYTES)?;
            name::check("check", &name).ok()?;
            Some((name, latest(words, entry)?))
        })
        .collect()
}

fn latest(words: Words, entry: usize) -> Option<Report> {
    let latest = words.acquire(entry + LATEST);
    (0..PLACES as u64)
        .filter_map(|back| latest.checked_sub(1 + back))
        .find_map(|number| read(words, entry, number))
}

fn read(words: Words, entry: usize, number: u64) -> Option<Report> {
    let place = entry + RING + number as usize % PLACES * PLACE_WORDS;
    let sealed = words.acquire(place + SEAL);
    let bytes = words.load(place + MESSAGE_BYTES) as usize;
    let report = Report {
        status: words.load(place + STATUS),
        observed: f64::from_bits(words.load(place + OBSERVED)),
        message: text::read(words, place + MESSAGE, bytes, MAX_REPORT_MESSAGE_BYTES)?,
        ttl_ns: words.load(place + TTL),
        time_ns: words.load(place + TIME),
        pid: words.load(place + REPORTER) as u32,
    };
    crate::base::sync::fence(Ordering::Acquire);
    let agrees = sealed != 0
        && sealed == seal(words, place, number)
        && words.load(place + SEAL) == sealed
        && report.status <= 3;
    agrees.then_some(report)
}

/// Checksum of a place's words and number; never 0.
fn seal(words: Words, place: usize, number: u64) -> u64 {
    let bytes = (words.load(place + MESSAGE_BYTES) as usize).min(MAX_REPORT_MESSAGE_BYTES);
    let last = MESSAGE + text::words_for(bytes);
    (TIME..last).fold(number | 1 << 63, |sum, at| {
        let mixed = (sum ^ words.load(place + at)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 29
    }) | 1
}

fn table(words: Words) -> Option<usize> {
    let at = words.acquire(header::REPORTS) as usize;
    let is_whole = at != 0 && words.slice(at, MAX_REPORTS * ENTRY_WORDS).is_some();
    is_whole.then_some(at)
}

fn find_or_make(region: &Region, name: &str) -> Result<usize> {
    let words = region.words();
    let Some(link) = words.get(header::REPORTS) else {
        return Err(damaged());
    };
    if link.load(Ordering::Acquire) == 0 {
        let made = region.allocate(MAX_REPORTS * ENTRY_WORDS)?;
        let _ = link.compare_exchange(0, made as u64, Ordering::AcqRel, Ordering::Relaxed);
    }
    let table = table(words).ok_or_else(damaged)?;
    let mut mine = None;
    for entry in (0..MAX_REPORTS).map(|index| table + index * ENTRY_WORDS) {
        let Some(place) = words.get(entry + NAME) else {
            break;
        };
        let mut found = place.load(Ordering::Acquire);
        if found == 0 {
            let reference = match mine {
                Some(reference) => reference,
                None => {
                    let at = region.allocate(text::words_for(name.len()))?;
                    text::write(words, at, name.as_bytes());
                    TextRef::new(at, name.len()).0
                }
            };
            match place.compare_exchange(0, reference, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(entry),
                Err(other) => (mine, found) = (Some(reference), other),
            }
        }
        if TextRef(found).equals(words, name.as_bytes()) {
            return Ok(entry);
        }
    }
    Err(Error::capacity(format!(
        "no room for check {name:?}: {MAX_REPORTS} others are reported"
    )))
}

/// As much of a message as is kept, cut between characters.
fn cut(message: &str) -> &str {
    let mut end = message.len().min(MAX_REPORT_MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

#[cold]
fn damaged() -> Error {
    Error::format("the region's table of reported checks is damaged")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::region::layout::Limits;

    fn region() -> Region {
        Region::heap(Limits {
            total_words: 1 << 20,
            max_series: 16,
            max_series_per_name: 4,
            max_limiters: 1,
            max_guards: 1,
            max_operations: 1,
            max_events: 64,
            max_workers: 4,
            max_shards: 1,
            stripes: 1,
            slot_ns: 10_000_000_000,
            manual_clock: 1,
        })
        .unwrap()
    }

    fn report(status: u64, message: &str) -> Report {
        Report {
            status,
            observed: 1.5,
            message: message.into(),
            ttl_ns: 7,
            time_ns: 9,
            pid: 11,
        }
    }

    #[test]
    fn the_latest_report_of_each_name_is_kept() {
        let region = region();
        assert_eq!(list(&region), []);
        for round in 0..9 {
            write(&region, "db", &report(round % 3, "fine")).unwrap();
            write(&region, "redis", &report(2, "down")).unwrap();
        }
        assert_eq!(
            list(&region),
            [
                ("db".to_owned(), report(2, "fine")),
                ("redis".to_owned(), report(2, "down"))
            ]
        );
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let region = region();
        write(&region, "db", &report(0, &"€".repeat(200))).unwrap();
        assert_eq!(list(&region)[0].1.message, "€".repeat(85));
    }

    #[test]
    fn names_beyond_the_table_are_refused() {
        let region = region();
        for index in 0..MAX_REPORTS {
            write(&region, &format!("check_{index}"), &report(0, "")).unwrap();
        }
        let error = write(&region, "one_more", &report(0, "")).unwrap_err();
        assert_eq!(error.kind(), crate::base::error::Kind::Capacity);
        assert_eq!(list(&region).len(), MAX_REPORTS);
    }

    #[test]
    fn a_half_written_report_gives_way_to_the_one_before() {
        let region = region();
        write(&region, "db", &report(1, "slow")).unwrap();
        write(&region, "db", &report(2, "down")).unwrap();
        let words = region.words();
        let entry = table(words).unwrap();
        words.store(entry + RING + PLACE_WORDS + STATUS, 0);
        assert_eq!(list(&region)[0].1, report(1, "slow"));
    }
}
