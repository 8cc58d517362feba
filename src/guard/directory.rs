//! Guards by name: find one, or make it. The same for limiters, breakers and all others.
//!
//! A table of guards is its own index: a name's hash says where to look first, and the search goes
//! on from there to the first entry without an id. Entries are never taken away, so finding needs
//! no agreement with anybody. Guards of different kinds in one table may share a name.
//!
//! Every entry begins with its id (0 until published) and the hash of its name; the name itself
//! stands in a word that the table's kind chooses. Making one is rare; makers take turns ([`turn`]).

pub(super) mod turn;

use crate::base::error::{Error, Result};
use crate::base::limits::MAX_NAME_BYTES;
use crate::base::name;
use crate::region::Region;
use crate::region::handle::{self, IdKind};
use crate::region::layout::Table;
use crate::region::text::{self, TextRef};
use turn::Turn;

const ID: usize = 0;
const NAME_HASH: usize = 1;

/// The guards of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directory<'r> {
    pub region: &'r Region,
    /// Where they are.
    pub table: Table,
    /// Which of the table's entries are meant.
    pub kind: IdKind,
    /// The word of an entry that says where its name is.
    pub name_word: usize,
    /// What one is called in messages.
    pub what: &'static str,
}

enum Search {
    Found(usize),
    Absent(usize),
    Full,
}

impl Directory<'_> {
    /// The id of the guard called `name`: found and accepted by `agree`, or written by `make` into
    /// an entry that nobody can see yet, and published.
    pub fn open(
        &self,
        name: &str,
        agree: impl Fn(usize) -> Result<()>,
        make: impl FnOnce(usize) -> Result<()>,
    ) -> Result<u64> {
        name::check(self.what, name)?;
        if let Search::Found(index) = self.search(name.as_bytes()) {
            agree(index)?;
            return Ok(self.id(index));
        }
        if !self.region.is_writable() {
            return Err(Error::state(format!(
                "an observer cannot make a {}",
                self.what
            )));
        }
        let turn = Turn::take(self.region)?;
        match self.search(name.as_bytes()) {
            Search::Found(index) => {
                agree(index)?;
                Ok(self.id(index))
            }
            Search::Absent(index) => {
                make(index)?;
                self.publish(&turn, index, name)
            }
            Search::Full => Err(Error::capacity(format!(
                "no room for {} {name:?}: all {} are taken",
                self.what, self.table.count
            ))),
        }
    }

    /// The number of the entry called `name`.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        match self.search(name) {
            Search::Found(index) => Some(index),
            _ => None,
        }
    }

    /// The id of entry `index`; 0 when it has none.
    #[inline]
    pub fn id(&self, index: usize) -> u64 {
        self.table
            .entry(index)
            .map_or(0, |entry| self.region.words().acquire(entry + ID))
    }

    /// The name of entry `index`, if it is a guard of this kind.
    pub fn name(&self, index: usize) -> Option<String> {
        if !handle::is(self.id(index), self.kind) {
            return None;
        }
        let reference = self
            .region
            .words()
            .load(self.table.entry(index)? + self.name_word);
        let name = TextRef(reference).read(self.region.words(), MAX_NAME_BYTES)?;
        name::check(self.what, &name).ok()?;
        Some(name)
    }

    #[inline]
    fn search(&self, name: &[u8]) -> Search {
        let words = self.region.words();
        let hash = hash(name);
        let count = self.table.count;
        let mut index = ((u128::from(hash) * count as u128) >> 64) as usize;
        for _ in 0..count {
            let Some(entry) = self.table.entry(index) else {
                break;
            };
            let id = words.acquire(entry + ID);
            if id == 0 {
                return Search::Absent(index);
            }
            let is_it = handle::is(id, self.kind)
                && words.load(entry + NAME_HASH) == hash
                && TextRef(words.load(entry + self.name_word)).equals(words, name);
            if is_it {
                return Search::Found(index);
            }
            index = if index + 1 == count { 0 } else { index + 1 };
        }
        Search::Full
    }

    fn publish(&self, turn: &Turn<'_>, index: usize, name: &str) -> Result<u64> {
        let words = self.region.words();
        let Some(entry) = self.table.entry(index) else {
            return Err(Error::format(format!(
                "the region's table of {}s is damaged",
                self.what
            )));
        };
        let name_at = self.region.allocate(text::words_for(name.len()))?;
        text::write(words, name_at, name.as_bytes());
        words.store(entry + self.name_word, TextRef::new(name_at, name.len()).0);
        words.store(entry + NAME_HASH, hash(name.as_bytes()));
        if !turn.is_mine() {
            return Err(Error::state(format!(
                "making {} {name:?} took too long; try again",
                self.what
            )));
        }
        let id = handle::pack(self.kind, self.region.header().nonce(), 1, index);
        words.publish(entry + ID, id);
        Ok(id)
    }
}

/// A hash for finding names; whoever chooses names is trusted.
#[inline]
fn hash(name: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let wide = u128::from(hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (wide >> 64) as u64 ^ wide as u64
    };
    let mut chunks = name.chunks_exact(8);
    let mut hash = name.len() as u64 ^ 0x243f_6a88_85a3_08d3;
    for chunk in &mut chunks {
        hash = mix(hash, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks
        .remainder()
        .iter()
        .fold(0, |word, byte| (word << 8) | u64::from(*byte));
    mix(mix(hash, rest), 0x1319_8a2e_0370_7344)
}
