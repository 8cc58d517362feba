//! Many keys in bounded memory: a table of fingerprints.
//!
//! ```text
//! group     8 entries = 128 bytes; a key may be in two groups, chosen by its hash
//! entry     tag | state           changed together, by one compare-and-swap of 16 bytes
//! tag       0 free | fingerprint confirmed | fingerprint and PROVISIONAL
//! ```
//! A key is hashed to 128 bits with the region's secret seed (`base::hash`); 63 bits are kept, the
//! key itself nowhere. Since owner and state change together, nobody can charge an entry that has
//! changed its owner, and an entry whose state says no more than a new one's ([`Life::is_idle`])
//! is given to another key with no loss. Three entries in five are in use at `max_keys`, at which
//! two full groups are rarer than any host's life.
//!
//! **One key never has two entries.** A new key is entered in three steps, which anybody can take
//! up where a killed process stopped:
//! 1. Put the fingerprint, PROVISIONAL, in a free or idle entry. Nobody is charged there.
//! 2. Look at both groups again. Another confirmed entry of the key: free this one. A provisional
//!    one at a lower place: free this one. One at a higher place: free that one.
//! 3. Prepare what lies beside the entry, and clear PROVISIONAL. From now on the entry counts. Where a swap fails, begin again.
//!
//! Suppose that entries x < z of one key are both confirmed, and let Wx and Wz be the swaps of step
//! 1 that put them there, Rx and Rz the looks of step 2 before they were confirmed. Each R comes
//! after its W, with a full fence between; so Wx comes before Rz's load of x, or Wz comes before
//! Rx's load of z. In the first case Rz saw x provisional or confirmed, and z was freed. In the
//! second Rx saw z confirmed, and x was freed; or provisional, and then z was freed by a swap
//! before x was confirmed. Either contradicts that both were confirmed. No swap can succeed on a
//! value that was there before in another life of the entry: every life begins with another state
//! ([`Life::fresh`]). The model below lets two threads try all of it.

use super::policy::WhenFull;
use crate::base::hash::{Hash, Secrets};
use crate::base::sync::{AtomicU64, Ordering, fence};
use crate::cell::pair::Pair;
use crate::region::raw::Words;
use survey::Choice;

mod survey;

/// Entries of a group.
#[cfg(not(loom))]
pub const GROUP: usize = 8;
/// Entries of a group in a model.
#[cfg(loom)]
pub const GROUP: usize = 2;

/// Groups that share one bit of the map of touched groups: a page of memory.
const CHUNK: usize = 32;

#[cfg(not(loom))]
const PROVISIONAL: u64 = 1 << 63;
#[cfg(loom)]
const PROVISIONAL: u64 = 1 << 31;

/// Attempts before a caller takes a provisional entry whose owner may have been killed.
const PATIENCE: u32 = 8;
/// Attempts before the table counts as full: by then others made hundreds of changes.
const ATTEMPTS: u32 = 256;

/// A key as the table knows it.
#[derive(Clone, Copy, Debug)]
pub struct Print {
    tag: u64,
    groups: [usize; 2],
    /// The entry of the first group where the key is if it can.
    home: usize,
}

/// Where a table is.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The region.
    pub words: Words,
    /// First word of the first group.
    pub at: usize,
    /// Groups.
    pub groups: u64,
    /// First word of the map of groups that were ever touched, one bit a page.
    pub touched_at: usize,
}

/// An entry as it was found.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pair: Pair<'a>,
    tag: u64,
    /// Its number, from 0.
    pub index: usize,
    /// Its state.
    pub state: u64,
}

/// What the table must know of states.
pub trait Life {
    /// True when a new entry would behave as this one.
    fn is_idle(&self, index: usize, state: u64) -> bool;
    /// The state of a new owner, other than any that the entry had lately.
    fn fresh(&self, index: usize, state: u64) -> u64;
    /// Removes what an earlier owner left beside the entry, as long as it `is_new`: not confirmed.
    fn prepare(&self, index: usize, is_new: impl Fn() -> bool);
    /// Nanoseconds until the entry is idle.
    fn idle_in(&self, index: usize, state: u64) -> u64;
}

/// The answer for a key that had no entry.
#[derive(Debug)]
pub enum Place<'a> {
    /// It has this one now.
    At(Entry<'a>),
    /// There is none, for at least so many nanoseconds.
    Full(u64),
    /// The region holds something impossible.
    Damaged,
}

/// What happened to other keys' entries on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Displaced {
    /// Idle ones that were reused: nothing was lost.
    pub reused: u64,
    /// Ones in use that were forgotten.
    pub evicted: u64,
}

impl Print {
    /// Hashes `key` for a table of `groups` groups.
    #[inline(always)]
    pub fn of(secrets: &Secrets, key: &[u8], groups: u64) -> Self {
        let Hash(tag, places) = secrets.hash(key);
        let pick = |half: u64| (half.wrapping_mul(groups) >> 32) as usize;
        let first = pick(places & 0xffff_ffff);
        let mut second = pick(places >> 32);
        if second == first {
            second = if first as u64 + 1 >= groups {
                0
            } else {
                first + 1
            };
        }
        Print {
            tag: (tag & !PROVISIONAL).max(1),
            groups: [first, second],
            home: places as usize % GROUP,
        }
    }
}

impl<'a> Entry<'a> {
    /// Puts `state` in place of the state that was found; false when anything has changed.
    #[inline(always)]
    pub fn swap(&self, state: u64) -> bool {
        self.pair.swap((self.tag, self.state), (self.tag, state))
    }

    /// True when nothing has changed since it was found.
    #[inline(always)]
    pub fn is_same(&self) -> bool {
        fence(Ordering::Acquire);
        self.pair.load() == (self.tag, self.state)
    }

    fn replace(&self, tag: u64, state: u64) -> Option<Entry<'a>> {
        let done = self.pair.swap((self.tag, self.state), (tag, state));
        done.then_some(Entry {
            tag,
            state,
            ..*self
        })
    }

    fn free(&self) -> bool {
        self.replace(0, self.state).is_some()
    }
}

impl Table {
    /// Groups for `max_keys` keys at a load of three in five; at least two.
    pub fn groups_for(max_keys: u64) -> u64 {
        max_keys
            .saturating_mul(5)
            .div_ceil(3)
            .div_ceil(GROUP as u64)
            .max(2)
    }

    /// Words of the map of touched groups.
    pub fn map_words(groups: u64) -> u64 {
        groups.div_ceil(64 * CHUNK as u64)
    }

    /// The confirmed entry of a key.
    #[inline(always)]
    pub fn find<'a>(self, print: Print) -> Option<Entry<'a>> {
        // Where it is if not at home: nobody waits for that line, and few for the next.
        self.words
            .prefetch(self.word_of(print.groups[1], print.home));
        let group = self.group(print.groups[0])?;
        let (group, at) = if group.tag(print.home) == print.tag {
            (group, print.home)
        } else {
            self.find_elsewhere(print, group)?
        };
        let index = group.number * GROUP + at;
        let pair = group.pair(at)?;
        fence(Ordering::Acquire);
        let (tag, state) = pair.load();
        fence(Ordering::Acquire);
        // Another owner meanwhile: the slow path looks again.
        (tag == print.tag).then_some(Entry {
            pair,
            tag,
            index,
            state,
        })
    }

    #[inline(always)]
    fn find_elsewhere<'a>(self, print: Print, first: Group<'a>) -> Option<(Group<'a>, usize)> {
        let second = self.group(print.groups[1])?;
        if second.tag(print.home) == print.tag {
            return Some((second, print.home));
        }
        // No branch until both groups are seen.
        let hits = first.hits(print.tag) | second.hits(print.tag) << GROUP;
        let order = hits.trailing_zeros() as usize;
        let group = if order < GROUP { first } else { second };
        (hits != 0).then_some((group, order % GROUP))
    }

    /// Enters a key that has no entry, or finds the one that somebody just made.
    #[cold]
    #[inline(never)]
    pub fn enter<'a>(
        self,
        print: Print,
        life: &impl Life,
        when_full: WhenFull,
        displaced: &mut Displaced,
    ) -> Place<'a> {
        let mut wait = 0;
        for attempt in 0..ATTEMPTS {
            let Some(seen) = self.survey(print, life) else {
                return Place::Damaged;
            };
            if let Some(entry) = seen.confirmed {
                if let Some(orphan) = seen.provisional {
                    orphan.free();
                }
                return Place::At(entry);
            }
            let begun = match seen.provisional {
                Some(entry) => Some(entry),
                None => match seen.choose(attempt, when_full) {
                    Choice::Take(entry) => self.begin(print, &entry, life, displaced),
                    Choice::Wait => {
                        std::hint::spin_loop();
                        None
                    }
                    Choice::Full => return Place::Full(seen.wait()),
                },
            };
            wait = seen.wait();
            if let Some(entry) = begun.and_then(|entry| self.settle(print, entry, life)) {
                return Place::At(entry);
            }
        }
        Place::Full(wait)
    }

    /// Step 1.
    fn begin<'a>(
        self,
        print: Print,
        old: &Entry<'a>,
        life: &impl Life,
        displaced: &mut Displaced,
    ) -> Option<Entry<'a>> {
        let fresh = life.fresh(old.index, old.state);
        let was_idle = old.tag == 0 || life.is_idle(old.index, old.state);
        let entry = old.replace(print.tag | PROVISIONAL, fresh)?;
        self.touch(entry.index / GROUP);
        if old.tag != 0 {
            *(if was_idle {
                &mut displaced.reused
            } else {
                &mut displaced.evicted
            }) += 1;
        }
        Some(entry)
    }

    /// Steps 2 and 3; None when the caller must begin again.
    fn settle<'a>(self, print: Print, mine: Entry<'a>, life: &impl Life) -> Option<Entry<'a>> {
        fence(Ordering::SeqCst);
        for (order, entry) in self.entries(print) {
            if entry.tag & !PROVISIONAL != print.tag || entry.index == mine.index {
                continue;
            }
            let is_above = order > self.order(print, mine.index);
            if entry.tag == print.tag || !is_above {
                mine.free();
                return None;
            }
            if !entry.free() {
                return None;
            }
        }
        life.prepare(mine.index, || mine.is_same());
        mine.replace(print.tag, mine.state)
    }

    /// The entries that a key may have, in the order that decides between two.
    fn entries<'a>(self, print: Print) -> impl Iterator<Item = (usize, Entry<'a>)> {
        let groups = print.groups;
        (0..2 * GROUP).filter_map(move |order| {
            let group = self.group(groups[order / GROUP])?;
            let pair = group.pair(order % GROUP)?;
            let (tag, state) = pair.load();
            Some((
                order,
                Entry {
                    pair,
                    tag,
                    index: group.number * GROUP + order % GROUP,
                    state,
                },
            ))
        })
    }

    fn order(self, print: Print, index: usize) -> usize {
        index % GROUP
            + if index / GROUP == print.groups[0] {
                0
            } else {
                GROUP
            }
    }

    /// Keys that are not idle. Looks only at pages that were ever touched, since reading an
    /// untouched page would make the system provide it.
    pub fn count_used(self, life: &impl Life) -> u64 {
        let groups = usize::try_from(self.groups).unwrap_or(0);
        let touched = (0..groups.div_ceil(CHUNK)).filter(|chunk| self.is_touched(*chunk));
        let entries = touched
            .flat_map(|chunk| chunk * CHUNK..((chunk + 1) * CHUNK).min(groups))
            .filter_map(|number| self.group(number))
            .flat_map(|group| {
                (0..GROUP).map(move |at| (group.number * GROUP + at, group.pair(at)))
            });
        let is_used =
            |index, (tag, state)| tag != 0 && tag & PROVISIONAL == 0 && !life.is_idle(index, state);
        let used =
            entries.filter(|(index, pair)| pair.is_some_and(|pair| is_used(*index, pair.load())));
        used.count() as u64
    }

    fn is_touched(self, chunk: usize) -> bool {
        self.words.load(self.touched_at.wrapping_add(chunk / 64)) >> (chunk % 64) & 1 == 1
    }

    fn touch(self, group: usize) {
        let chunk = group / CHUNK;
        if !self.is_touched(chunk)
            && let Some(word) = self.words.get(self.touched_at.wrapping_add(chunk / 64))
        {
            word.fetch_or(1 << (chunk % 64), Ordering::Relaxed);
        }
    }

    /// The first word of an entry.
    #[inline(always)]
    fn word_of(self, group: usize, at: usize) -> usize {
        let group = self.at.wrapping_add(group.wrapping_mul(2 * GROUP));
        group.wrapping_add(2 * at)
    }

    #[inline(always)]
    fn group<'a>(self, number: usize) -> Option<Group<'a>> {
        let at = self.word_of(number, 0);
        let entries = self.words.slice(at, 2 * GROUP)?.try_into().ok()?;
        Some(Group {
            words: self.words,
            entries,
            at,
            number,
        })
    }
}

/// The entries of a group, known to exist.
#[derive(Clone, Copy)]
struct Group<'a> {
    words: Words,
    #[cfg_attr(loom, expect(dead_code, reason = "loom keeps a pair in one word"))]
    entries: &'a [AtomicU64; 2 * GROUP],
    at: usize,
    number: usize,
}

impl<'a> Group<'a> {
    #[inline(always)]
    fn pair(self, at: usize) -> Option<Pair<'a>> {
        Pair::at(self.words, self.at.wrapping_add(2 * at))
    }

    /// The tag of an entry.
    #[cfg(not(loom))]
    #[inline(always)]
    fn tag(self, at: usize) -> u64 {
        self.entries[2 * at % (2 * GROUP)].load(Ordering::Relaxed)
    }

    /// The same through the pair, which loom keeps in one word.
    #[cfg(loom)]
    fn tag(self, at: usize) -> u64 {
        self.pair(at).map_or(0, Pair::first)
    }

    /// One bit for each entry of `tag`.
    #[inline(always)]
    fn hits(self, tag: u64) -> u32 {
        (0..GROUP).fold(0, |hits, at| hits | u32::from(self.tag(at) == tag) << at)
    }
}

#[cfg(all(test, loom))]
#[path = "keys/loom.rs"]
mod loom_tests;

#[cfg(all(test, not(loom)))]
#[path = "keys/tests.rs"]
mod tests;
