//! Guards whose entry holds their configuration as text: bulkheads, retries, chains.
//!
//! ```text
//!  0 id, 0 until published   1 hash of the name   2 name   3 configuration   4… the kind's own
//! ```
//! The text is the configuration with every default spelled out, so comparing two texts compares two
//! guards, and whoever reads the region knows all of it. What a decision needs stands beside it as
//! numbers.

use super::directory::Directory;
use super::document;
use crate::base::error::{Error, Result};
use crate::base::order::Order;
use crate::base::sync::{AtomicU64, Ordering, load_acquire};
use crate::cell::pair::Pair;
use crate::region::Region;
use crate::region::handle::{self, IdKind};
use crate::region::layout::GUARD_WORDS;
use crate::region::text::{self, TextRef};
use serde_json::Value;

const NAME: usize = 2;
const CONFIG: usize = 3;
/// Bytes of a configuration with every default spelled out.
const MAX_CONFIG_BYTES: usize = 4096;

/// A guard's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    words: &'a [AtomicU64; GUARD_WORDS],
    /// Its number in the table.
    pub index: usize,
}

impl<'a> Entry<'a> {
    /// Guard number `index`.
    #[inline(always)]
    pub fn at(region: &'a Region, index: usize) -> Option<Self> {
        let words = region.guard(index)?;
        Some(Entry { words, index })
    }

    /// The guard that `id` of `kind` names.
    #[inline(always)]
    pub fn resolve(region: &'a Region, id: u64, kind: IdKind) -> Result<Self> {
        match Self::of_id(region, id, kind) {
            Some(entry) => Ok(entry),
            None => Err(stale(id, kind)),
        }
    }

    /// [`Entry::resolve`] without an error to explain.
    #[inline(always)]
    pub fn of_id(region: &'a Region, id: u64, kind: IdKind) -> Option<Self> {
        let entry = Self::at(region, handle::entry(id))?;
        (entry.id() == id && handle::is(id, kind)).then_some(entry)
    }

    /// The id, and all that was written before it.
    #[inline(always)]
    pub fn id(&self) -> u64 {
        self.words.first().map_or(0, load_acquire)
    }

    /// Word `at`.
    #[inline(always)]
    pub fn word(&self, at: usize) -> &'a AtomicU64 {
        // Every caller names a constant below the length.
        &self.words[at % GUARD_WORDS]
    }

    /// The value of word `at`.
    #[inline(always)]
    pub fn get(&self, at: usize) -> u64 {
        self.word(at).load(Ordering::Relaxed)
    }

    /// Word `at` and the next one, which change together.
    #[inline(always)]
    pub fn pair(&self, at: usize) -> Option<Pair<'a>> {
        Pair::of(self.words, at)
    }

    /// Word `at` as a double.
    #[inline(always)]
    pub fn real(&self, at: usize) -> f64 {
        f64::from_bits(self.get(at))
    }

    /// Writes word `at`.
    pub fn set(&self, at: usize, value: u64) {
        self.word(at).store(value, Ordering::Relaxed);
    }

    /// The configuration; None when the region is damaged.
    pub fn config(&self, region: &Region) -> Option<Value> {
        let text = TextRef(self.get(CONFIG)).read(region.words(), MAX_CONFIG_BYTES)?;
        serde_json::from_str(&text).ok()
    }

    /// The column of this guard's tally number `tally`.
    #[inline(always)]
    pub fn column(&self, region: &Region, tally: usize) -> usize {
        region.layout().guard_column(self.index, tally)
    }
}

#[cold]
#[inline(never)]
fn stale(id: u64, kind: IdKind) -> Error {
    let what = what(kind);
    Error::stale(if id == 0 {
        format!("the {what}'s id is zero: it was never opened")
    } else {
        format!("{id:#x} is not the id of a {what} of this engine")
    })
}

fn what(kind: IdKind) -> &'static str {
    match kind {
        IdKind::Bulkhead => "bulkhead",
        IdKind::Retry => "retry",
        IdKind::Breaker => "breaker",
        IdKind::Throttle => "throttle",
        _ => "guard",
    }
}

/// The guards of `kind`.
pub(super) fn directory(region: &Region, kind: IdKind) -> Directory<'_> {
    Directory {
        region,
        table: region.layout().guards,
        kind,
        name_word: NAME,
        what: what(kind),
    }
}

/// The id of the guard of `kind` called `name`, made with `config` by `fill` if there is none.
///
/// Opening an existing one changes nothing; with another configuration it is refused.
pub(super) fn open(
    region: &Region,
    kind: IdKind,
    name: &str,
    config: &Value,
    fill: impl FnOnce(Entry<'_>) -> Result<()>,
) -> Result<u64> {
    let what = what(kind);
    // As it will be read: a number that is written and read may differ in its last bit.
    let spelled = config.to_string();
    let config = serde_json::from_str(&spelled).unwrap_or_default();
    let damaged = || Error::format(format!("{what} {name:?} in the region is damaged"));
    let agree = |index| {
        let found = Entry::at(region, index).and_then(|entry| entry.config(region));
        match document::difference(&found.ok_or_else(damaged)?, &config) {
            None => Ok(()),
            Some(difference) => Err(Error::conflict(format!(
                "{what} {name:?} already exists {difference}"
            ))),
        }
    };
    let make = |index| {
        let entry = Entry::at(region, index).ok_or_else(damaged)?;
        if spelled.len() > MAX_CONFIG_BYTES {
            return Err(Error::config(format!(
                "the configuration of {what} {name:?} has {} bytes: at most {MAX_CONFIG_BYTES}",
                spelled.len()
            )));
        }
        // A maker that was killed may have left anything.
        for at in NAME..GUARD_WORDS {
            entry.set(at, 0);
        }
        let at = region.allocate(text::words_for(spelled.len()))?;
        text::write(region.words(), at, spelled.as_bytes());
        entry.set(CONFIG, TextRef::new(at, spelled.len()).0);
        fill(entry)
    };
    directory(region, kind).open(name, agree, make)
}

/// The id of the guard of `kind` called `name`.
pub(super) fn find(region: &Region, kind: IdKind, name: &str) -> Option<u64> {
    let guards = directory(region, kind);
    guards.find(name.as_bytes()).map(|index| guards.id(index))
}

/// Every guard of `kind`, by name: name, entry, configuration. Damaged ones are left out.
pub(super) fn list(region: &Region, kind: IdKind) -> Vec<(String, Entry<'_>, Value)> {
    let guards = directory(region, kind);
    let mut all: Vec<_> = (0..guards.table.count)
        .filter_map(|index| {
            let name = guards.name(index)?;
            let entry = Entry::at(region, index)?;
            Some((name, entry, entry.config(region)?))
        })
        .collect();
    all.order_by(|one, other| one.0.cmp(&other.0));
    all
}
