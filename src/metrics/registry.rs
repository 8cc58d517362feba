//! Find or create by name, without two processes doubling an entry.
//!
//! An index is a table of words, each empty or (part of a hash, entry + 1), probed linearly. Words
//! are only ever set, never cleared. A creator:
//! 1. claims an entry and fills it, unseen by anybody;
//! 2. puts it into the index by a compare-and-swap of the first empty word on its probe path;
//! 3. publishes the entry's state, so that readers list it.
//!
//! If another process was faster, the word is not empty any more: it is compared, and when it is
//! the same name the creator gives its own entry back and uses the other's. Since every creator of
//! a name walks the same path and words are never cleared, one name can only be found once. A
//! creator killed before step 2 leaves an entry that nobody sees, which `region::slots` finds
//! again; killed before step 3, the next process that finds the entry in the index publishes it.
//! An index word is never trusted: what it leads to is compared in full.
//!
//! Families are indexed by the name that Prometheus will show (`db.query` as `db_query`), so names
//! that would collide there are refused when they are made, and once more by the name as given.

mod edges;

use super::errors;
use super::kind::Kind;
use super::labels;
use super::options::{GaugeMode, MetricOptions};
use super::states;
use crate::base::error::{Error, Result};
use crate::base::hash::Hash;
use crate::base::sync::{Ordering, load_acquire};
use crate::base::{host, limits, name};
use crate::cell::histogram::Histogram;
use crate::cell::note::Note;
use crate::cell::planes::Planes;
use crate::cell::{buckets, histogram, outcomes, ratio, shares};
use crate::region::handle::{self, IdKind};
use crate::region::layout::Table;
use crate::region::raw::Words;
use crate::region::slots::Slots;
use crate::region::text::{self, TextRef};
use crate::region::{Region, header};
use std::hash::Hasher;

// What recording by name reads is on one cache line.
const FAMILY_STATE: usize = 0;
const FAMILY_KIND: usize = 1;
const FAMILY_NAME: usize = 2;
/// The half of the name's hash that the index has not.
const FAMILY_PRINT: usize = 3;
/// The series without labels, for recording by name.
const FAMILY_BARE: usize = 4;
/// The block of that series, if it has one; written before it.
const FAMILY_BLOCK: usize = 5;
const FAMILY_ROOM: usize = 6;
const FAMILY_BITS: usize = 7;
const FAMILY_UNIT: usize = 8;
const FAMILY_HELP: usize = 9;
const FAMILY_SERIES: usize = 10;
const FAMILY_OVERFLOW: usize = 11;
/// Bits of the longest call of an operation that is not slow.
const FAMILY_SLOW: usize = 12;
/// Where the edges are that every histogram of the family counts exactly at.
const FAMILY_EDGES: usize = 13;
/// How the shares of a gauge make its value.
const FAMILY_MODE: usize = 14;
/// First word of an enum's states.
const FAMILY_STATES: usize = 15;

const SERIES_ID: usize = 0;
const SERIES_STATE: usize = 1;
const SERIES_FAMILY: usize = 2;
const SERIES_LABELS: usize = 3;
const SERIES_BLOCK: usize = 4;
const SERIES_OVERFLOW: usize = 5;
const SERIES_ROOM: usize = 6;
/// Entry of an operation's outcomes, plus one.
const SERIES_OPERATION: usize = 7;
/// As its family's.
const SERIES_SLOW: usize = 8;

/// No call is slow.
const NEVER_SLOW: u64 = u64::MAX;

const ENTRY_BITS: u32 = 24;

/// Words of an info metric's block.
const INFO_WORDS: usize = Note::words(0, limits::MAX_INFO_BYTES);

/// The names of a region.
#[derive(Clone, Copy, Debug)]
pub struct Registry<'r> {
    region: &'r Region,
}

/// A family as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Name as given.
    pub name: String,
    /// Kind of its series.
    pub kind: Kind,
    /// What it means; empty when nobody said.
    pub help: String,
    /// Its unit; empty when nobody said.
    pub unit: String,
    /// How the shares of a gauge make its value.
    pub mode: GaugeMode,
    /// An enum's states.
    pub states: Vec<String>,
}

/// A series as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Number of its entry, and its column.
    pub index: usize,
    /// Number of its family.
    pub family: usize,
    /// Its labels in order.
    pub labels: Vec<(String, String)>,
    /// What it is.
    pub kind: Kind,
    /// First word of a histogram's block.
    pub block: usize,
    /// Entry of an operation's outcomes.
    pub operation: Option<usize>,
}

/// Where an operation keeps its numbers.
#[derive(Clone, Copy, Debug)]
pub struct OperationCells {
    /// First word of its histogram's block.
    pub block: usize,
    /// Entry of its outcomes.
    pub index: usize,
    /// Bits of the longest call that is not slow.
    pub slow_bits: u64,
}

impl<'r> Registry<'r> {
    /// The names of `region`.
    pub fn of(region: &'r Region) -> Self {
        Registry { region }
    }

    fn words(&self) -> Words {
        self.region.words()
    }

    fn families(&self) -> Slots {
        Slots {
            table: self.region.layout().families,
            state: FAMILY_STATE,
            next: header::FAMILIES_NEXT,
        }
    }

    fn series(&self) -> Slots {
        Slots {
            table: self.region.layout().series,
            state: SERIES_STATE,
            next: header::SERIES_NEXT,
        }
    }

    /// The id of the series of `kind` with this name and these options, made if need be. Beyond
    /// the limits it is the family's overflow series.
    pub fn open(&self, kind: Kind, name: &str, options: &MetricOptions) -> Result<u64> {
        name::check("metric", name)?;
        let family = self.open_family(kind, name, options)?;
        for edge in &options.edges {
            self.declare_edge(family, *edge)?;
        }
        if !options.labels.is_empty() {
            return self.open_labelled(family, kind, &options.labels);
        }
        let bare = self.words().acquire(self.family_at(family)? + FAMILY_BARE) as usize;
        let index = match bare.checked_sub(1) {
            Some(index) => index,
            None => {
                let index = self.open_series(family, "", false)?;
                let entry = self.family_at(family)?;
                let block = self.words().acquire(self.series_at(index)? + SERIES_BLOCK);
                self.words().publish(entry + FAMILY_BLOCK, block);
                self.words().publish(entry + FAMILY_BARE, index as u64 + 1);
                index
            }
        };
        self.id_of(index, kind)
    }

    /// The series of the histogram `name` without labels, and its block; None when there is none
    /// yet. A name is known by its hash, of which index and entry hold 104 bits.
    #[inline(always)]
    pub fn bare_histogram(&self, name: &[u8]) -> Option<(usize, usize)> {
        let Hash(hash, print) = self.region.names().hash(name);
        let words = self.words();
        let family = self.find_family(hash, |entry| words.load(entry + FAMILY_PRINT) == print)?;
        let entry = self.family_at(family).ok()?;
        let entry = words.slice(entry, FAMILY_BLOCK + 1)?;
        let series = load_acquire(&entry[FAMILY_BARE]) as usize;
        let block = entry[FAMILY_BLOCK].load(Ordering::Relaxed) as usize;
        let kind = entry[FAMILY_KIND].load(Ordering::Relaxed);
        (kind == Kind::Histogram as u64 + 1 && series != 0).then(|| (series - 1, block))
    }

    fn open_labelled(&self, family: usize, kind: Kind, labels: &str) -> Result<u64> {
        match self.open_series(family, labels, false) {
            Ok(index) => self.id_of(index, kind),
            Err(full) if full.kind() == crate::base::error::Kind::Capacity => {
                let place = self.family_at(family)? + FAMILY_OVERFLOW;
                let index = match (self.words().acquire(place) as usize).checked_sub(1) {
                    Some(index) => index,
                    None => {
                        let index = self
                            .open_series(family, labels::OVERFLOW, true)
                            .map_err(|_| full)?;
                        self.words().publish(place, index as u64 + 1);
                        index
                    }
                };
                self.words().add(header::OVERFLOWED_OPENS, 1);
                self.id_of(index, kind)
            }
            Err(other) => Err(other),
        }
    }

    fn open_family(&self, kind: Kind, name: &str, options: &MetricOptions) -> Result<usize> {
        let shown = exported(name);
        let is_same = |entry: usize| {
            TextRef(self.words().load(entry + FAMILY_NAME))
                .read(self.words(), limits::MAX_NAME_BYTES)
                .is_some_and(|found| exported(&found) == shown)
        };
        let hash = self.hash(shown.as_bytes());
        let family = match self.find_family(hash, is_same) {
            Some(found) => {
                self.families().complete(self.words(), found);
                found
            }
            None => self.make_family(kind, name, hash, options, is_same)?,
        };
        self.check_family(family, kind, name, options)?;
        // A creator killed before this leaves it to the next one.
        if shown != name {
            let index = self.region.layout().family_index;
            let is_this = |entry: usize| self.family_at(family).is_ok_and(|mine| mine == entry);
            self.insert(index, self.hash(name.as_bytes()), family, |found| {
                self.family_at(found).is_ok_and(is_this)
            })?;
        }
        Ok(family)
    }

    fn make_family(
        &self,
        kind: Kind,
        name: &str,
        hash: u64,
        options: &MetricOptions,
        is_same: impl Fn(usize) -> bool,
    ) -> Result<usize> {
        let words = self.words();
        let slots = self.families();
        let full = || {
            Error::capacity(format!(
                "no room for another metric name: the region has {}; raise metrics.max_series",
                slots.table.count
            ))
        };
        let family = slots
            .claim(words, slots.table.count, host::claimer(), host::is_gone)
            .ok_or_else(full)?;
        let entry = self.family_at(family)?;
        let help = options.help.as_deref().unwrap_or("");
        let unit = options.unit.as_deref().unwrap_or("");
        let texts = format!("{name}{unit}{help}");
        let filled = self.place_text(entry + FAMILY_NAME, entry + FAMILY_ROOM, texts.len());
        let at = match filled {
            Ok(at) => at,
            Err(full) => {
                slots.release(words, family);
                return Err(full);
            }
        };
        // Three texts, each from a word of its own.
        let mut next = at;
        for (place, part) in [
            (FAMILY_NAME, name),
            (FAMILY_UNIT, unit),
            (FAMILY_HELP, help),
        ] {
            text::write(words, next, part.as_bytes());
            let reference = if part.is_empty() {
                TextRef::NONE
            } else {
                TextRef::new(next, part.len())
            };
            words.store(entry + place, reference.0);
            next += text::words_for(part.len());
        }
        words.store(entry + FAMILY_KIND, kind as u64 + 1);
        let Hash(_, print) = self.region.names().hash(name.as_bytes());
        words.store(entry + FAMILY_PRINT, print);
        words.store(
            entry + FAMILY_BITS,
            options.bits.unwrap_or(buckets::DEFAULT_BITS).into(),
        );
        words.store(
            entry + FAMILY_SLOW,
            options.slow_seconds.map_or(NEVER_SLOW, f64::to_bits),
        );
        words.store(entry + FAMILY_MODE, options.mode.unwrap_or_default() as u64);
        words.store(entry + FAMILY_STATES, 0);
        if let Some(states) = &options.states {
            match states::write(self.region, states) {
                Ok(at) => words.store(entry + FAMILY_STATES, at as u64),
                Err(full) => {
                    slots.release(words, family);
                    return Err(full);
                }
            }
        }
        for place in [
            FAMILY_SERIES,
            FAMILY_OVERFLOW,
            FAMILY_BARE,
            FAMILY_BLOCK,
            FAMILY_EDGES,
        ] {
            words.store(entry + place, 0);
        }
        let index = self.region.layout().family_index;
        let winner = self.insert(index, hash, family, |found| {
            self.family_at(found).is_ok_and(&is_same)
        })?;
        if winner == family {
            slots.publish(words, family);
        } else {
            slots.release(words, family);
        }
        Ok(winner)
    }

    fn check_family(
        &self,
        family: usize,
        kind: Kind,
        name: &str,
        options: &MetricOptions,
    ) -> Result<()> {
        let entry = self.family_at(family)?;
        let words = self.words();
        let read = |place, most| TextRef(words.load(entry + place)).read(words, most);
        let found = read(FAMILY_NAME, limits::MAX_NAME_BYTES).unwrap_or_default();
        if found != name {
            return Err(Error::conflict(format!(
                "{name} and {found}, which exists, are both {} in Prometheus",
                exported(name)
            )));
        }
        let existing = Kind::from_word(words.load(entry + FAMILY_KIND));
        if existing != Some(kind) {
            return Err(Error::conflict(format!(
                "{name} exists as a {}, not as a {}",
                existing.map_or("damaged entry", Kind::name),
                kind.name()
            )));
        }
        let unit = read(FAMILY_UNIT, limits::MAX_UNIT_BYTES).unwrap_or_default();
        if let Some(asked) = &options.unit
            && *asked != unit
        {
            return Err(Error::conflict(format!(
                "{name} exists with unit {unit:?}, not {asked:?}"
            )));
        }
        let bits = words.load(entry + FAMILY_BITS) as u32;
        if let Some(asked) = options.bits
            && asked != bits
        {
            return Err(Error::conflict(format!(
                "{name} exists with a relative error of {}, not {}",
                buckets::error_of(bits & 15),
                buckets::error_of(asked)
            )));
        }
        let slow = words.load(entry + FAMILY_SLOW);
        if let Some(asked) = options.slow_seconds
            && asked.to_bits() != slow
        {
            let found = match slow {
                NEVER_SLOW => "no slow_seconds".to_owned(),
                bits => format!("slow_seconds {}", f64::from_bits(bits)),
            };
            return Err(Error::conflict(format!(
                "{name} exists with {found}, not {asked}"
            )));
        }
        let mode = GaugeMode::from_word(words.load(entry + FAMILY_MODE));
        if let Some(asked) = options.mode
            && asked != mode
        {
            return Err(Error::conflict(format!(
                "{name} exists with workers {:?}, not {:?}",
                mode.name(),
                asked.name()
            )));
        }
        if let Some(asked) = &options.states {
            let found = states::read(self.region, words.load(entry + FAMILY_STATES) as usize);
            if found.as_ref() != Some(asked) {
                return Err(Error::conflict(format!(
                    "{name} exists with states {:?}, not {asked:?}",
                    found.unwrap_or_default()
                )));
            }
        }
        Ok(())
    }

    /// Finds or makes the series of `family` with these labels, a histogram's block included.
    fn open_series(&self, family: usize, labels: &str, overflow: bool) -> Result<usize> {
        let words = self.words();
        let is_same = |found: usize| {
            self.series_at(found).is_ok_and(|entry| {
                words.load(entry + SERIES_FAMILY) == family as u64
                    && TextRef(words.load(entry + SERIES_LABELS)).equals(words, labels.as_bytes())
            })
        };
        let hash = self.hash_series(family, labels);
        let index = self.region.layout().series_index;
        let series = match self.find(index, hash, is_same) {
            Some(found) => {
                self.series().complete(words, found);
                found
            }
            None => self.make_series(family, labels, overflow, hash, is_same)?,
        };
        let entry = self.series_at(series)?;
        let family_entry = self.family_at(family)?;
        let kind = Kind::from_word(words.load(family_entry + FAMILY_KIND));
        if kind.is_some_and(Kind::is_distribution) && words.acquire(entry + SERIES_BLOCK) == 0 {
            self.make_block(entry, words.load(family_entry + FAMILY_BITS) as u32)?;
        }
        if kind.is_some_and(Kind::is_distribution) {
            self.copy_edges(family, series)?;
        }
        if matches!(kind, Some(Kind::Operation | Kind::Ratio))
            && words.acquire(entry + SERIES_OPERATION) == 0
        {
            self.make_operation(kind == Some(Kind::Ratio), series, entry, overflow)?;
        }
        let own = match kind {
            Some(Kind::Gauge)
                if words.load(family_entry + FAMILY_MODE) != GaugeMode::Last as u64 =>
            {
                Some(shares::block_words(self.region))
            }
            Some(Kind::Info) => Some(INFO_WORDS),
            _ => None,
        };
        if let Some(own) = own {
            self.region
                .allocate_once(entry + SERIES_BLOCK, own)
                .ok_or_else(no_heap)?;
        }
        Ok(series)
    }

    /// Gives a series its entry among the operations. Each step can be done again by the next one.
    fn make_operation(
        &self,
        is_ratio: bool,
        series: usize,
        entry: usize,
        overflow: bool,
    ) -> Result<()> {
        let words = self.words();
        let index =
            outcomes::take(self.region, series, overflow).ok_or_else(|| self.no_operations())?;
        if is_ratio {
            if words.acquire(entry + SERIES_BLOCK) == 0
                && let Some(link) = words.get(entry + SERIES_BLOCK)
            {
                // Who comes second leaves its block unused.
                let made = ratio::create(self.region)? as u64;
                let _ = link.compare_exchange(0, made, Ordering::AcqRel, Ordering::Relaxed);
            }
        } else {
            errors::prepare(self.region, index)?;
            let block = words.acquire(entry + SERIES_BLOCK) as usize;
            let planes = Planes::of(self.region);
            Histogram::new(self.region, &planes, block, series).count_outcomes_of(index);
        }
        words.publish(entry + SERIES_OPERATION, index as u64 + 1);
        Ok(())
    }

    #[cold]
    fn no_operations(&self) -> Error {
        Error::capacity(format!(
            "no room for another operation or ratio: the region has {}; raise metrics.max_series",
            self.region.layout().operations.count
        ))
    }

    fn make_series(
        &self,
        family: usize,
        labels: &str,
        overflow: bool,
        hash: u64,
        is_same: impl Fn(usize) -> bool,
    ) -> Result<usize> {
        let words = self.words();
        let limits = self.region.layout().limits;
        let slots = self.series();
        let bound = if overflow {
            slots.table.count
        } else {
            limits.max_series as usize
        };
        let family_entry = self.family_at(family)?;
        let kind = Kind::from_word(words.load(family_entry + FAMILY_KIND)).unwrap_or(Kind::Counter);
        let is_counted = matches!(kind, Kind::Operation | Kind::Ratio);
        if is_counted && !overflow && !outcomes::has_room(self.region) {
            return Err(self.no_operations());
        }
        let count = words.get(family_entry + FAMILY_SERIES);
        if !overflow {
            let most = limits.max_series_per_name;
            let within = count.is_some_and(|count| {
                count
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                        (count < most).then(|| count + 1)
                    })
                    .is_ok()
            });
            if !within {
                return Err(Error::capacity(format!(
                    "more than {most} series of one name: raise metrics.max_series_per_name"
                )));
            }
        }
        let uncount = || {
            if let Some(count) = count.filter(|_| !overflow) {
                count.fetch_sub(1, Ordering::Relaxed);
            }
        };
        let Some(series) = slots.claim(words, bound, host::claimer(), host::is_gone) else {
            uncount();
            return Err(Error::capacity(format!(
                "no room for another series: the region has {bound}; raise metrics.max_series"
            )));
        };
        let entry = self.series_at(series)?;
        let at = match self.place_text(entry + SERIES_LABELS, entry + SERIES_ROOM, labels.len()) {
            Ok(at) => at,
            Err(full) => {
                slots.release(words, series);
                uncount();
                return Err(full);
            }
        };
        text::write(words, at, labels.as_bytes());
        words.store(entry + SERIES_LABELS, TextRef::new(at, labels.len()).0);
        words.store(entry + SERIES_FAMILY, family as u64);
        words.store(entry + SERIES_OVERFLOW, overflow.into());
        words.store(entry + SERIES_SLOW, words.load(family_entry + FAMILY_SLOW));
        let id = handle::pack(kind.id_kind(), self.region.header().nonce(), 1, series);
        words.store(entry + SERIES_ID, id);
        let index = self.region.layout().series_index;
        let winner = self.insert(index, hash, series, is_same)?;
        if winner == series {
            slots.publish(words, series);
        } else {
            words.store(entry + SERIES_ID, 0);
            slots.release(words, series);
            uncount();
        }
        Ok(winner)
    }

    /// Links a block to a histogram's series; a block that came second is kept for the next one.
    fn make_block(&self, entry: usize, bits: u32) -> Result<()> {
        let words = self.words();
        let bits = if buckets::BITS.contains(&bits) {
            bits
        } else {
            buckets::DEFAULT_BITS
        };
        let spare = words
            .get(header::SPARE_BLOCK)
            .map_or(0, |spare| spare.swap(0, Ordering::AcqRel));
        let is_there = words
            .slice(spare as usize, histogram::BLOCK_WORDS)
            .is_some();
        let block = if spare == 0 || !is_there {
            histogram::create(self.region, bits)?
        } else {
            histogram::initialise(self.region, spare as usize, bits);
            spare as usize
        };
        if let Some(link) = words.get(entry + SERIES_BLOCK)
            && link
                .compare_exchange(0, block as u64, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
        {
            words.publish(header::SPARE_BLOCK, block as u64);
        }
        Ok(())
    }

    /// Room for a text of `bytes` in an entry: what it had before it was given back, if that is
    /// enough, or new words of the heap. Two words more, for texts that start on their own word.
    fn place_text(&self, reference: usize, room: usize, bytes: usize) -> Result<usize> {
        let words = self.words();
        let needed = text::words_for(bytes) + 2;
        let at = TextRef(words.load(reference)).at();
        if at != 0 && words.load(room) >= needed as u64 {
            return Ok(at);
        }
        let at = self.region.allocate(needed)?;
        words.store(room, needed as u64);
        words.store(reference, TextRef::new(at, 0).0);
        Ok(at)
    }

    fn family_at(&self, family: usize) -> Result<usize> {
        self.region
            .layout()
            .families
            .entry(family)
            .ok_or_else(damaged)
    }

    fn series_at(&self, series: usize) -> Result<usize> {
        self.region
            .layout()
            .series
            .entry(series)
            .ok_or_else(damaged)
    }

    fn id_of(&self, series: usize, kind: Kind) -> Result<u64> {
        let id = self.words().load(self.series_at(series)? + SERIES_ID);
        if handle::is(id, kind.id_kind()) {
            Ok(id)
        } else {
            Err(damaged())
        }
    }

    /// Name, kind and texts of family `index`; None where there is none.
    pub fn family(&self, index: usize) -> Option<Family> {
        if !self.families().is_published(self.words(), index) {
            return None;
        }
        let entry = self.family_at(index).ok()?;
        let words = self.words();
        let read = |place, most| TextRef(words.load(entry + place)).read(words, most);
        Some(Family {
            name: read(FAMILY_NAME, limits::MAX_NAME_BYTES).filter(|name| !name.is_empty())?,
            kind: Kind::from_word(words.load(entry + FAMILY_KIND))?,
            help: read(FAMILY_HELP, limits::MAX_HELP_BYTES)?,
            unit: read(FAMILY_UNIT, limits::MAX_UNIT_BYTES)?,
            mode: GaugeMode::from_word(words.load(entry + FAMILY_MODE)),
            states: states::read(self.region, words.load(entry + FAMILY_STATES) as usize)?,
        })
    }

    /// Every series that can be read.
    pub fn all(&self) -> impl Iterator<Item = Series> + '_ {
        (0..self.series().claimed(self.words())).filter_map(|index| self.read_series(index))
    }

    /// The series of entry `index`; None where there is none.
    pub fn read_series(&self, index: usize) -> Option<Series> {
        let words = self.words();
        let slots = self.series();
        let most =
            limits::MAX_LABELS * (limits::MAX_LABEL_VALUE_BYTES + limits::MAX_NAME_BYTES) * 6;
        let entry = slots.table.entry(index)?;
        let id = words.load(entry + SERIES_ID);
        if !slots.is_published(words, index) || id == 0 {
            return None;
        }
        let text = TextRef(words.load(entry + SERIES_LABELS));
        let text = if text.bytes() == 0 {
            String::new()
        } else {
            text.read(words, most)?
        };
        Some(Series {
            index,
            family: words.load(entry + SERIES_FAMILY) as usize,
            kind: handle::kind(id).and_then(Kind::of_id)?,
            labels: labels::parse(&text)?,
            operation: (words.acquire(entry + SERIES_OPERATION) as usize).checked_sub(1),
            block: words.acquire(entry + SERIES_BLOCK) as usize,
        })
    }

    /// Number of `state` among the states of the enum `series`, or all of them.
    pub fn state(&self, series: usize, state: &str) -> std::result::Result<usize, Vec<String>> {
        let at = self
            .series_at(series)
            .and_then(|entry| self.family_at(self.words().load(entry + SERIES_FAMILY) as usize))
            .map_or(0, |family| {
                self.words().load(family + FAMILY_STATES) as usize
            });
        states::find(self.region, at, state)
            .ok_or_else(|| states::read(self.region, at).unwrap_or_default())
    }

    /// How the shares of the gauge `series` make its value.
    pub fn mode(&self, series: usize) -> GaugeMode {
        self.series_at(series)
            .and_then(|entry| self.family_at(self.words().load(entry + SERIES_FAMILY) as usize))
            .map_or(GaugeMode::Last, |family| {
                GaugeMode::from_word(self.words().load(family + FAMILY_MODE))
            })
    }

    /// The note of the info metric whose block begins at word `block`.
    pub fn info(&self, block: usize) -> Note<'r> {
        Note::at(self.region, block, 0, limits::MAX_INFO_BYTES)
    }

    /// First word of the block of `series`, if its kind has one.
    #[inline(always)]
    pub fn block(&self, series: usize) -> usize {
        match self.region.layout().series.entry(series) {
            Some(entry) => self.words().load(entry + SERIES_BLOCK) as usize,
            None => usize::MAX,
        }
    }

    /// The series of the histogram `id`, and its block.
    #[inline(always)]
    pub fn histogram(&self, id: u64) -> Option<(usize, usize)> {
        let series = handle::entry(id);
        let entry = self.region.layout().series.entry(series)?;
        let entry = self.words().slice(entry, SERIES_BLOCK + 1)?;
        let is_this = entry[SERIES_ID].load(Ordering::Relaxed) == id;
        let block = entry[SERIES_BLOCK].load(Ordering::Relaxed) as usize;
        (is_this && handle::is(id, IdKind::Histogram)).then_some((series, block))
    }

    /// Where the operation `series` keeps its numbers.
    #[inline(always)]
    pub fn operation(&self, series: usize) -> Option<OperationCells> {
        let entry = self.region.layout().series.entry(series)?;
        let entry = self.words().slice(entry, SERIES_SLOW + 1)?;
        Some(OperationCells {
            block: entry[SERIES_BLOCK].load(Ordering::Relaxed) as usize,
            index: (entry[SERIES_OPERATION].load(Ordering::Relaxed) as usize).wrapping_sub(1),
            slow_bits: entry[SERIES_SLOW].load(Ordering::Relaxed),
        })
    }

    /// The series that `id` names, if it is one of `kind` of this region.
    #[inline(always)]
    pub fn resolve(&self, id: u64, kind: IdKind) -> Option<usize> {
        let series = handle::entry(id);
        let entry = self.region.layout().series.entry(series)?;
        (self.words().load(entry + SERIES_ID) == id && handle::is(id, kind)).then_some(series)
    }

    fn find_family(&self, hash: u64, is_same: impl Fn(usize) -> bool) -> Option<usize> {
        self.find(self.region.layout().family_index, hash, |found| {
            self.family_at(found).is_ok_and(&is_same)
        })
    }

    /// The entry in `index` with this hash for which `is_same` holds.
    #[inline]
    fn find(&self, index: Table, hash: u64, is_same: impl Fn(usize) -> bool) -> Option<usize> {
        let words = self.words();
        for step in 0..index.count {
            let place = index.at + ((hash as usize).wrapping_add(step) & (index.count - 1));
            let word = words.acquire(place);
            if word == 0 {
                return None;
            }
            if word >> ENTRY_BITS == hash >> ENTRY_BITS {
                let found = (word as usize & ((1 << ENTRY_BITS) - 1)).wrapping_sub(1);
                if is_same(found) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Puts `entry` into `index`, unless one for which `is_same` holds is there; returns the one
    /// that is there now.
    fn insert(
        &self,
        index: Table,
        hash: u64,
        entry: usize,
        is_same: impl Fn(usize) -> bool,
    ) -> Result<usize> {
        let words = self.words();
        let mine = hash >> ENTRY_BITS << ENTRY_BITS | (entry as u64 + 1);
        for step in 0..index.count {
            let place = index.at + ((hash as usize).wrapping_add(step) & (index.count - 1));
            let Some(link) = words.get(place) else { break };
            let found = match link.compare_exchange(0, mine, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(entry),
                Err(found) => found,
            };
            if found >> ENTRY_BITS == hash >> ENTRY_BITS {
                let other = (found as usize & ((1 << ENTRY_BITS) - 1)).wrapping_sub(1);
                if is_same(other) {
                    return Ok(other);
                }
            }
        }
        Err(Error::capacity("the index of names is full"))
    }

    #[inline]
    fn hash(&self, text: &[u8]) -> u64 {
        self.region.names().hash(text).0
    }

    fn hash_series(&self, family: usize, labels: &str) -> u64 {
        let seed = self.region.header().seed;
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(seed[0], seed[1] ^ seed[2]);
        hasher.write_u64(family as u64);
        hasher.write(labels.as_bytes());
        hasher.finish()
    }
}

/// The name as Prometheus shows it.
pub fn exported(name: &str) -> String {
    let mut shown = name.as_bytes().to_vec();
    for byte in &mut shown {
        if matches!(byte, b'.' | b'-' | b'/') {
            *byte = b'_';
        }
    }
    // One ASCII letter for another: it stays UTF-8.
    String::from_utf8(shown).unwrap_or_default()
}

#[cold]
fn damaged() -> Error {
    Error::format("the region's table of names is damaged")
}

#[cold]
fn no_heap() -> Error {
    Error::capacity("no room for another metric: raise region.size_bytes")
}
