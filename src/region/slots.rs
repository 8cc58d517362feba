//! Claiming an entry of a table that many processes fill, and giving it back.
//!
//! An entry's state word is free, claimed by a process, or published. A header word counts the
//! entries ever claimed, so that a claim is one addition; an entry given back by a process that
//! lost a race is remembered in the next header word and taken first. When the table seems full,
//! one look over all entries finds the free ones that were forgotten and the claims of processes
//! that died, so nothing is lost for ever.

use super::layout::Table;
use super::raw::Words;
use crate::base::sync::Ordering;

/// State of an entry that nobody uses.
pub const FREE: u64 = 0;
/// State of an entry that readers may use.
pub const PUBLISHED: u64 = 1;

/// A table of entries whose state is word `state` of each.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// The entries.
    pub table: Table,
    /// Offset of the state in an entry.
    pub state: usize,
    /// Header word that counts claims; the next one remembers an entry given back.
    pub next: usize,
}

impl Slots {
    /// Claims an entry below `bound` for `claimer`, a process in 56 bits; None when there is none.
    /// `is_dead` says whether a process that holds a claim is gone.
    pub fn claim(
        self,
        words: Words,
        bound: usize,
        claimer: u64,
        is_dead: impl Fn(u64) -> bool,
    ) -> Option<usize> {
        let bound = bound.min(self.table.count);
        let claimed = claimer << 8 | 2;
        let take = |index: usize, from: u64| {
            let state = words.get(self.table.entry(index)? + self.state)?;
            state
                .compare_exchange(from, claimed, Ordering::AcqRel, Ordering::Relaxed)
                .ok()
                .map(|_| index)
        };
        if let Some(returned) = words.get(self.next + 1)
            && returned.load(Ordering::Relaxed) != 0
        {
            let index = returned.swap(0, Ordering::AcqRel) as usize;
            if (1..=bound).contains(&index)
                && let Some(index) = take(index - 1, FREE)
            {
                return Some(index);
            }
        }
        let next = words.get(self.next)?;
        while let Ok(index) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            ((next as usize) < bound).then(|| next + 1)
        }) {
            if let Some(index) = take(index as usize, FREE) {
                return Some(index);
            }
        }
        (0..bound).find_map(|index| {
            let state = words.acquire(self.table.entry(index)? + self.state);
            let abandoned = state & 0xff == 2 && is_dead(state >> 8);
            if state == FREE || abandoned {
                take(index, state)
            } else {
                None
            }
        })
    }

    /// Lets readers use a claimed entry, with all that was written to it.
    pub fn publish(self, words: Words, index: usize) {
        if let Some(entry) = self.table.entry(index) {
            words.publish(entry + self.state, PUBLISHED);
        }
    }

    /// Publishes an entry that was found whole but claimed: its creator is at that very step, or
    /// was killed before it.
    pub fn complete(self, words: Words, index: usize) {
        let Some(state) = self
            .table
            .entry(index)
            .and_then(|entry| words.get(entry + self.state))
        else {
            return;
        };
        let found = state.load(Ordering::Acquire);
        if found & 0xff == 2 {
            let _ = state.compare_exchange(found, PUBLISHED, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Gives a claimed entry back.
    pub fn release(self, words: Words, index: usize) {
        if let Some(entry) = self.table.entry(index) {
            words.publish(entry + self.state, FREE);
            words.publish(self.next + 1, index as u64 + 1);
        }
    }

    /// Entries that were ever claimed: the only ones worth looking at.
    pub fn claimed(self, words: Words) -> usize {
        (words.load(self.next) as usize).min(self.table.count)
    }

    /// True when entry `index` is published.
    pub fn is_published(self, words: Words, index: usize) -> bool {
        self.table
            .entry(index)
            .is_some_and(|entry| words.acquire(entry + self.state) == PUBLISHED)
    }
}
