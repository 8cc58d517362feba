//! Examples of a histogram's values: which trace a value belongs to, the newest of each octave.
//!
//! A histogram has places for a few examples. A value's octave says which is its, so that examples
//! of fast and of slow calls do not displace each other.

use super::buckets;
use super::note::Note;
use crate::base::limits::{EXEMPLARS, MAX_TRACE_BYTES};
use crate::base::order::Order;
use crate::region::Region;

const NUMBERS: usize = 2;
const NOTE_WORDS: usize = Note::words(NUMBERS, MAX_TRACE_BYTES);
/// Words of a histogram's examples.
pub const WORDS: usize = EXEMPLARS * NOTE_WORDS;

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The value.
    pub value: f64,
    /// Region time when it was recorded.
    pub time_ns: u64,
    /// The trace that it belongs to.
    pub trace_id: String,
}

fn note(region: &Region, area: usize, index: usize) -> Note<'_> {
    let at = area.saturating_add(index * NOTE_WORDS);
    Note::at(region, at, NUMBERS, MAX_TRACE_BYTES)
}

/// Keeps `value` as the example of its octave, in the places from word `area`.
pub fn keep(region: &Region, area: usize, now: u64, value: f64, trace_id: &str) {
    let (octave, _) = buckets::locate(value.to_bits(), buckets::DEFAULT_BITS);
    note(region, area, octave % EXEMPLARS).write(now, &[value.to_bits(), now], trace_id);
}

/// The examples of the places from word `area`, by value.
pub fn list(region: &Region, area: usize) -> Vec<Exemplar> {
    let mut found: Vec<Exemplar> = (0..EXEMPLARS)
        .filter_map(|index| {
            let said = note(region, area, index).read()?;
            let value = f64::from_bits(*said.numbers.first()?);
            (value.is_finite() && value >= 0.0).then_some(Exemplar {
                value,
                time_ns: *said.numbers.get(1)?,
                trace_id: said.text,
            })
        })
        .collect();
    found.order_by(|one, other| one.value.total_cmp(&other.value));
    found
}
