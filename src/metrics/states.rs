//! The states of an enum metric, on the heap: how many, a reference to each, their texts.

use crate::base::error::Result;
use crate::base::limits::{MAX_STATE_BYTES, MAX_STATES};
use crate::region::Region;
use crate::region::text::{self, TextRef};

/// Writes `states`; returns the first word.
pub fn write(region: &Region, states: &[String]) -> Result<usize> {
    let words = region.words();
    let texts: usize = states
        .iter()
        .map(|state| text::words_for(state.len()))
        .sum();
    let at = region.allocate(1 + states.len() + texts)?;
    let mut next = at + 1 + states.len();
    for (index, state) in states.iter().enumerate() {
        text::write(words, next, state.as_bytes());
        words.store(at + 1 + index, TextRef::new(next, state.len()).0);
        next += text::words_for(state.len());
    }
    words.store(at, states.len() as u64);
    Ok(at)
}

fn references(region: &Region, at: usize) -> impl Iterator<Item = TextRef> + '_ {
    let words = region.words();
    let count = if at == 0 { 0 } else { words.load(at) as usize };
    (0..count.min(MAX_STATES)).map(move |index| TextRef(words.load(at.saturating_add(1 + index))))
}

/// The states from word `at`; None when they are damaged.
pub fn read(region: &Region, at: usize) -> Option<Vec<String>> {
    references(region, at)
        .map(|state| state.read(region.words(), MAX_STATE_BYTES))
        .collect()
}

/// The number of `state` among them.
pub fn find(region: &Region, at: usize, state: &str) -> Option<usize> {
    references(region, at).position(|found| found.equals(region.words(), state.as_bytes()))
}
