//! Edges of a family: every histogram of it, there already or made later, counts exactly at them.
//!
//! An edge is put into the family's list first, then into each series' own. Who makes a series links
//! its block first, then copies the family's list. With a fence between the two steps on either
//! side, at least one of the two sees the other.

use super::{FAMILY_EDGES, Kind, Registry, SERIES_BLOCK};
use crate::base::error::Result;
use crate::base::sync::{Ordering, fence};
use crate::cell::histogram::{self, edges};

impl Registry<'_> {
    /// Counts exactly at `edge` in every histogram of family `family`.
    pub fn declare_edge(&self, family: usize, edge: f64) -> Result<()> {
        edges::declare(self.region, self.family_at(family)? + FAMILY_EDGES, edge)?;
        fence(Ordering::SeqCst);
        for series in self.all().filter(|series| series.family == family) {
            if series.block != 0 {
                edges::declare(self.region, series.block + histogram::EDGES, edge)?;
            }
        }
        Ok(())
    }

    /// Copies the edges of its family to a series whose block is linked.
    pub(super) fn copy_edges(&self, family: usize, series: usize) -> Result<()> {
        let words = self.words();
        fence(Ordering::SeqCst);
        let block = words.acquire(self.series_at(series)? + SERIES_BLOCK) as usize;
        for edge in edges::list(words, self.family_at(family)? + FAMILY_EDGES) {
            edges::declare(self.region, block.saturating_add(histogram::EDGES), edge.at)?;
        }
        Ok(())
    }

    /// The number of the family called `name`, if it is of this kind.
    pub fn find_named(&self, kind: Kind, name: &str) -> Option<usize> {
        let found = self.find_family(self.hash(name.as_bytes()), |entry| {
            use super::{FAMILY_NAME, TextRef};
            TextRef(self.words().load(entry + FAMILY_NAME)).equals(self.words(), name.as_bytes())
        })?;
        let is_kind = self.family(found).is_some_and(|family| family.kind == kind);
        is_kind.then_some(found)
    }
}
