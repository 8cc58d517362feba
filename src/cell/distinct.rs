//! A bounded table of distinct texts: how often each was seen, when first and last, by whom.
//!
//! ```text
//! table   beyond the bound: how often, first, last; reserved; then entries of
//!           hash | lengths | count | first | last | process | words of the owner | text
//! ```
//!
//! A text's hash is keyed by a secret of the region, and it is claim, name and seal at once: who
//! meets a free entry puts the hash there by one compare-and-swap, and everybody who has the same
//! text finds the same entry and writes the same bytes. So an entry whose creator was killed is
//! completed by the next one, and a text is only shown when it gives the entry's hash. What finds
//! no entry is counted in the table's head. Times are region time plus one; 0 is none.

use crate::base::sync::{AtomicU64, Ordering};
use crate::region::Region;
use crate::region::raw::Words;
use crate::region::text;
use std::hash::Hasher;

const HEAD: usize = 4;
const HASH: usize = 0;
const LENGTHS: usize = 1;
const COUNT: usize = 2;
const FIRST: usize = 3;
/// The time of the last one follows that of the first.
const PROCESS: usize = 5;
const BESIDE: usize = 6;

/// Marks lengths that were written.
const WRITTEN: u64 = 1 << 63;
const LENGTH_BITS: u32 = 16;

/// How large a table is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Entries.
    pub entries: usize,
    /// Words of each entry that its owner uses.
    pub beside: usize,
    /// Most bytes of the first part of a text.
    pub first_bytes: usize,
    /// Most bytes of its second part.
    pub second_bytes: usize,
}

impl Shape {
    /// Words of a table.
    pub const fn words(&self) -> usize {
        HEAD + self.entries * self.stride()
    }

    const fn text(&self) -> usize {
        BESIDE + self.beside
    }

    const fn stride(&self) -> usize {
        self.text() + (self.first_bytes + self.second_bytes).div_ceil(8)
    }
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Distinct<'r> {
    region: &'r Region,
    at: usize,
    shape: Shape,
}

/// How often and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// Region time of the first one.
    pub first_ns: u64,
    /// Region time of the last one.
    pub last_ns: u64,
}

/// A text of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its first part.
    pub first: String,
    /// Its second part.
    pub second: String,
    /// How often it was seen, and when.
    pub seen: Seen,
    /// The process that saw it last.
    pub pid: u32,
    /// First word of what its owner keeps beside it.
    pub beside: usize,
}

impl<'r> Distinct<'r> {
    /// The table from word `at`; None when there is none.
    pub fn at(region: &'r Region, at: usize, shape: Shape) -> Option<Self> {
        (1..region.words().len())
            .contains(&at)
            .then_some(Distinct { region, at, shape })
    }

    fn words(&self) -> Words {
        self.region.words()
    }

    fn entry(&self, index: usize) -> usize {
        self.at.saturating_add(HEAD + index * self.shape.stride())
    }

    /// Counts one text, cut to what an entry holds; the first word that the owner may use of its
    /// entry, or None when the table is full.
    pub fn count(&self, first: &str, second: &str, now: u64) -> Option<usize> {
        let first = text::cut(first, self.shape.first_bytes);
        let second = text::cut(second, self.shape.second_bytes);
        let found = self.find(first, second);
        match found {
            Some(entry) => {
                see(self.words(), entry + COUNT, entry + FIRST, now);
                self.words()
                    .store(entry + PROCESS, std::process::id().into());
            }
            None => see(self.words(), self.at, self.at.saturating_add(1), now),
        }
        found.map(|entry| entry + BESIDE)
    }

    fn find(&self, first: &str, second: &str) -> Option<usize> {
        let words = self.words();
        let hash = self.hash(first, second);
        let start = hash as usize % self.shape.entries;
        for step in 0..self.shape.entries {
            let entry = self.entry((start + step) % self.shape.entries);
            let name = words.get(entry + HASH)?;
            let mut found = name.load(Ordering::Acquire);
            if found == 0 {
                found = match name.compare_exchange(0, hash, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => hash,
                    Err(other) => other,
                };
            }
            if found == hash {
                if words.acquire(entry + LENGTHS) == 0 {
                    let bytes = [first.as_bytes(), second.as_bytes()].concat();
                    text::write(words, entry + self.shape.text(), &bytes);
                    let lengths =
                        WRITTEN | (first.len() as u64) << LENGTH_BITS | second.len() as u64;
                    words.publish(entry + LENGTHS, lengths);
                }
                return Some(entry);
            }
        }
        None
    }

    /// Every text, in the order of the table.
    pub fn list(&self) -> Vec<Entry> {
        (0..self.shape.entries)
            .filter_map(|index| self.read(self.entry(index)))
            .collect()
    }

    fn read(&self, entry: usize) -> Option<Entry> {
        let words = self.words();
        let lengths = words.acquire(entry + LENGTHS);
        if lengths == 0 {
            return None;
        }
        let mask = (1 << LENGTH_BITS) - 1;
        let (one, other) = (
            (lengths >> LENGTH_BITS & mask) as usize,
            (lengths & mask) as usize,
        );
        let most = self.shape.first_bytes + self.shape.second_bytes;
        let both = text::read(words, entry + self.shape.text(), one + other, most)?;
        let (first, second) = both.split_at_checked(one)?;
        (self.hash(first, second) == words.load(entry + HASH)).then(|| Entry {
            first: first.to_owned(),
            second: second.to_owned(),
            seen: seen(words, entry + COUNT, entry + FIRST),
            pid: words.load(entry + PROCESS) as u32,
            beside: entry + BESIDE,
        })
    }

    /// What found no entry.
    pub fn overflow(&self) -> Seen {
        seen(self.words(), self.at, self.at.saturating_add(1))
    }

    /// Never 0.
    fn hash(&self, first: &str, second: &str) -> u64 {
        let seed = self.region.header().seed;
        let mut hasher =
            siphasher::sip::SipHasher13::new_with_keys(seed[1], seed[0].rotate_left(7) ^ seed[2]);
        hasher.write_usize(first.len());
        hasher.write(first.as_bytes());
        hasher.write(second.as_bytes());
        hasher.finish().max(1)
    }
}

/// Counts in word `count`; the times follow each other from word `first`.
#[inline]
fn see(words: Words, count: usize, first: usize, now: u64) {
    words.add(count, 1);
    let time = now.saturating_add(1);
    if let Some(first) = words.get(first) {
        let is_earlier = |seen: u64| seen == 0 || time < seen;
        if is_earlier(first.load(Ordering::Relaxed)) {
            let _ = first.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| {
                is_earlier(seen).then_some(time)
            });
        }
    }
    let raise = |last: &AtomicU64| {
        if last.load(Ordering::Relaxed) < time {
            last.fetch_max(time, Ordering::Relaxed);
        }
    };
    if let Some(last) = words.get(first.saturating_add(1)) {
        raise(last);
    }
}

fn seen(words: Words, count: usize, first: usize) -> Seen {
    Seen {
        count: words.load(count),
        first_ns: words.load(first).saturating_sub(1),
        last_ns: words.load(first.saturating_add(1)).saturating_sub(1),
    }
}
