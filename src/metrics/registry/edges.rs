//! Edges of a family: every histogram of it, there already or made later, counts exactly at them.
//!
//! An edge is put into the family's list first, then into each series' own. Who makes a series links
//! its block first, then copies the family's list. With a fence between the two steps on either
//! side, at least one of the two sees the other.
//!
//! An objective may want an edge in a family that nobody has made yet. Such wishes are records
//! (name, edge) in a table of their own, which whoever makes a series looks at as well, after the
//! same fence.

use super::{FAMILY_EDGES, FAMILY_NAME, Kind, Registry, SERIES_BLOCK, damaged};
use crate::base::error::{Error, Result};
use crate::base::limits::{MAX_NAME_BYTES, MAX_OBJECTIVES};
use crate::base::sync::{Ordering, fence, load_acquire};
use crate::cell::histogram::edges;
use crate::region::header;
use crate::region::text::{self, TextRef};

impl Registry<'_> {
    /// Counts exactly at `edge` in every histogram of family `family`.
    pub fn declare_edge(&self, family: usize, edge: f64) -> Result<()> {
        edges::declare(self.region, self.family_at(family)? + FAMILY_EDGES, edge)?;
        fence(Ordering::SeqCst);
        for series in self.all().filter(|series| series.family == family) {
            if series.block != 0 {
                edges::declare_in(self.region, series.block, edge)?;
            }
        }
        Ok(())
    }

    /// Counts exactly at `edge` in every histogram and operation called `name`, there already or made
    /// later.
    pub fn want_edge(&self, name: &str, edge: f64) -> Result<()> {
        let words = self.words();
        let Some(link) = words.get(header::WANTED_EDGES) else {
            return Err(damaged());
        };
        if link.load(Ordering::Acquire) == 0 {
            let made = self.region.allocate(MAX_OBJECTIVES)?;
            let _ = link.compare_exchange(0, made as u64, Ordering::AcqRel, Ordering::Relaxed);
        }
        let table = link.load(Ordering::Acquire) as usize;
        let table = words.slice(table, MAX_OBJECTIVES).ok_or_else(damaged)?;
        let mut mine = None;
        for place in table {
            let mut found = load_acquire(place) as usize;
            if found == 0 {
                let record = match mine {
                    Some(record) => record,
                    None => self.make_wish(name, edge)?,
                };
                let taken =
                    place.compare_exchange(0, record as u64, Ordering::AcqRel, Ordering::Acquire);
                match taken {
                    Ok(_) => found = record,
                    Err(other) => (mine, found) = (Some(record), other as usize),
                }
            }
            let is_it = words.load(found.saturating_add(1)) == edge.to_bits()
                && TextRef(words.load(found)).equals(words, name.as_bytes());
            if is_it {
                fence(Ordering::SeqCst);
                return [Kind::Histogram, Kind::Operation]
                    .into_iter()
                    .filter_map(|kind| self.find_named(kind, name))
                    .try_for_each(|family| self.declare_edge(family, edge));
            }
        }
        Err(Error::capacity(format!(
            "no room for the edge {edge} of {name:?}: objectives have {MAX_OBJECTIVES} others"
        )))
    }

    /// A record that nobody sees yet: where its name is, and the edge.
    fn make_wish(&self, name: &str, edge: f64) -> Result<usize> {
        let words = self.words();
        let record = self.region.allocate(2 + text::words_for(name.len()))?;
        text::write(words, record + 2, name.as_bytes());
        words.store(record, TextRef::new(record + 2, name.len()).0);
        words.store(record + 1, edge.to_bits());
        Ok(record)
    }

    /// Edges that somebody wants in the family of entry `family_entry`.
    fn wanted(&self, family_entry: usize) -> Vec<f64> {
        let words = self.words();
        let table = words.acquire(header::WANTED_EDGES) as usize;
        if table == 0 {
            return Vec::new();
        }
        let name = TextRef(words.load(family_entry + FAMILY_NAME));
        let Some(name) = name.read(words, MAX_NAME_BYTES) else {
            return Vec::new();
        };
        let table = words.slice(table, MAX_OBJECTIVES).unwrap_or(&[]);
        table
            .iter()
            .map(|place| load_acquire(place) as usize)
            .take_while(|record| *record != 0)
            .filter(|record| TextRef(words.load(*record)).equals(words, name.as_bytes()))
            .map(|record| f64::from_bits(words.load(record.saturating_add(1))))
            .collect()
    }

    /// Copies the edges of its family to a series whose block is linked.
    pub(super) fn copy_edges(&self, family: usize, series: usize) -> Result<()> {
        let words = self.words();
        fence(Ordering::SeqCst);
        let block = words.acquire(self.series_at(series)? + SERIES_BLOCK) as usize;
        let family_entry = self.family_at(family)?;
        for edge in self.wanted(family_entry) {
            edges::declare(self.region, family_entry + FAMILY_EDGES, edge)?;
        }
        for edge in edges::list(words, family_entry + FAMILY_EDGES) {
            edges::declare_in(self.region, block, edge.at)?;
        }
        Ok(())
    }

    /// The number of the family called `name`, if it is of this kind.
    pub fn find_named(&self, kind: Kind, name: &str) -> Option<usize> {
        let found = self.find_family(self.hash(name.as_bytes()), |entry| {
            TextRef(self.words().load(entry + FAMILY_NAME)).equals(self.words(), name.as_bytes())
        })?;
        let is_kind = self.family(found).is_some_and(|family| family.kind == kind);
        is_kind.then_some(found)
    }
}
