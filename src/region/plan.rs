//! Parts of a configuration document that others judge by: texts on the heap, published once.
//!
//! The first process that brings such a part writes it and links it into a word of the header by
//! one compare-and-swap. Who comes later leaves it as it is. So observers, and workers without a
//! document of their own, know what the first one wanted.

use super::Region;
use super::text::{self, TextRef};
use crate::base::error::{Error, Result};
use crate::base::limits::MAX_PLAN_BYTES;
use crate::base::sync::Ordering;

/// Publishes `text` in header word `word`, unless there is one.
pub fn publish(region: &Region, word: usize, text: &str) -> Result<()> {
    let words = region.words();
    let Some(place) = words.get(word) else {
        return Ok(());
    };
    if place.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    if text.len() > MAX_PLAN_BYTES {
        return Err(Error::config(format!(
            "checks and objectives of {} bytes are too long: at most {MAX_PLAN_BYTES}",
            text.len()
        )));
    }
    let at = region.allocate(text::words_for(text.len()).max(1))?;
    text::write(words, at, text.as_bytes());
    // Pairs with the acquire in `read`. A loser leaves its text unused.
    let _ = place.compare_exchange(
        0,
        TextRef::new(at, text.len()).0,
        Ordering::Release,
        Ordering::Relaxed,
    );
    Ok(())
}

/// The text published in header word `word`; empty when there is none, None when it is damaged.
pub fn read(region: &Region, word: usize) -> Option<String> {
    TextRef(region.words().acquire(word)).read(region.words(), MAX_PLAN_BYTES)
}
