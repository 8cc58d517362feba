//! A limit for each key.
//!
//! A key's hash says where in the array of places its group begins: the places that its calls may
//! have. Groups overlap. Beside each place stands the tag of the key whose call has it, 64 bits of
//! SipHash-1-3 with the region's seed; the key itself is nowhere.
//!
//! **Never one too many of a key.** A caller
//! 1. takes a free place of its group, *unsettled*, and writes its tag;
//! 2. counts the key's other places, unsettled ones included, and settles when they are less than the
//!    limit.
//!
//! Suppose that limit + 1 calls of a key were inside at once. Each had written its tag before it
//! counted, all of it sequentially consistent; so the one that wrote last counted all the others and
//! did not settle. Of two that see each other unsettled at the last place, the one further back in the
//! group gives way, and the other waits a moment for it; if that one was stopped just then, both go,
//! and one is denied for whom there might have been room.

use super::{Bulkhead, damaged, is, word};
use crate::base::error::Result;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::guard::bulkhead::look::Look;
use crate::guard::holder::Holder;
use crate::guard::permit::{Permit, Place};
use siphasher::sip128::SipHasher13;
use std::ops::Range;

/// Times that a caller begins again, and times that it looks whether others have given way.
const ATTEMPTS: usize = 64;

/// A key's places and tag.
struct Group<'a> {
    places: &'a [AtomicU64],
    tags: &'a [AtomicU64],
    /// The number of the first place.
    first: usize,
    tag: u64,
    limit: usize,
}

/// The places of a key.
#[derive(Default)]
struct Count {
    settled: usize,
    /// Before and behind the one that counts.
    unsettled_before: usize,
    unsettled_behind: usize,
}

enum Attempt {
    Inside(Permit),
    Full,
    Again,
}

impl Bulkhead<'_> {
    /// A place for a call of `key`, if it may have another.
    pub(super) fn take_keyed(
        &self,
        planes: &Planes,
        key: &[u8],
        holder: Holder,
    ) -> Result<Option<Permit>> {
        let group = self.group(key).ok_or_else(damaged)?;
        if let Some(permit) = self.take_in_group(&group, holder) {
            return Ok(Some(permit));
        }
        let range = group.first..group.first + group.places.len();
        if self.sweep(planes, holder, range) {
            return Ok(self.take_in_group(&group, holder));
        }
        Ok(None)
    }

    /// Frees the places of dead and late holders; true when there were any.
    fn sweep(&self, planes: &Planes, holder: Holder, range: Range<usize>) -> bool {
        let (asked, span) = self.asked();
        let is_timed = self.entry.get(word::TIMEOUT_NS) != 0;
        if asked >= super::INQUIRIES && !is_timed {
            return false;
        }
        let mut look = Look::new(self, planes, holder);
        let freed = look.sweep(range);
        self.has_asked(span, asked, look.asked());
        if freed == 0 {
            self.tell_denial(planes);
        }
        freed > 0
    }

    fn group(&self, key: &[u8]) -> Option<Group<'_>> {
        let seed = &self.region.header().seed;
        let hash = SipHasher13::new_with_keys(seed[0], seed[1]).hash(key);
        let (places, tags) = (self.places()?, self.array(word::TAGS_AT)?);
        let size = (self.entry.get(word::GROUP) as usize).clamp(1, 1024);
        let beginnings = places.len().checked_sub(size)? + 1;
        let first = ((u128::from(hash.h2) * beginnings as u128) >> 64) as usize;
        Some(Group {
            places: places.get(first..first + size)?,
            tags: tags.get(first..first + size)?,
            first,
            tag: hash.h1,
            limit: self.entry.get(word::LIMIT) as usize,
        })
    }

    fn take_in_group(&self, group: &Group<'_>, holder: Holder) -> Option<Permit> {
        for _ in 0..ATTEMPTS {
            match self.attempt(group, holder) {
                Attempt::Inside(permit) => return Some(permit),
                Attempt::Full => return None,
                Attempt::Again => std::hint::spin_loop(),
            }
        }
        None
    }

    fn attempt(&self, group: &Group<'_>, holder: Holder) -> Attempt {
        let count = group.count(None);
        if count.settled >= group.limit {
            return Attempt::Full;
        }
        let free = group.places.iter().enumerate().find_map(|(at, word)| {
            let found = Place(word.load(Ordering::Relaxed));
            found.is_free().then_some((at, word, found))
        });
        let Some((at, word, found)) = free else {
            return Attempt::Full;
        };
        self.stamp(group.first + at);
        let mine = found.taken(holder).unsettled();
        if !exchange(word, found, mine) {
            return Attempt::Again;
        }
        if let Some(tag) = group.tags.get(at) {
            tag.store(group.tag, Ordering::SeqCst);
        }
        for _ in 0..ATTEMPTS {
            let count = group.count(Some(at));
            let others = count.settled + count.unsettled_before + count.unsettled_behind;
            if others < group.limit {
                if exchange(word, mine, mine.settled()) {
                    return Attempt::Inside(Permit {
                        generation: mine.generation(),
                        place: Some(group.first + at),
                    });
                }
                // Taken back from a process that seemed dead.
                return Attempt::Again;
            }
            if count.settled + count.unsettled_before >= group.limit {
                break;
            }
            std::hint::spin_loop();
        }
        exchange(word, mine, mine.left());
        Attempt::Again
    }

    /// Calls inside of the key that has most of them. Looks at every place.
    pub(super) fn fullest(&self) -> u64 {
        let places = self.places().unwrap_or_default();
        let tags = self.array(word::TAGS_AT).unwrap_or_default();
        let taken = places.iter().zip(tags).filter(|(word, _)| {
            let found = Place(word.load(Ordering::Relaxed));
            !found.is_free() && !found.is_unsettled()
        });
        let mut of_keys: Vec<u64> = taken.map(|(_, tag)| tag.load(Ordering::Relaxed)).collect();
        of_keys.sort_unstable();
        let most = of_keys.chunk_by(|one, other| one == other).map(<[_]>::len);
        most.max().unwrap_or(0) as u64
    }

    pub(super) fn is_keyed(&self) -> bool {
        self.entry.get(word::TRAITS) & is::KEYED != 0
    }
}

impl Group<'_> {
    /// The key's places, but for the one at `mine`.
    #[inline(never)]
    fn count(&self, mine: Option<usize>) -> Count {
        let mut count = Count::default();
        let is_its = |tag: &AtomicU64| tag.load(Ordering::SeqCst) == self.tag;
        let mut from = 0;
        // Nearly all places are other keys': the loop over them has nothing else in it.
        while let Some(next) = self
            .tags
            .get(from..)
            .and_then(|tags| tags.iter().position(is_its))
        {
            let at = from + next;
            from = at + 1;
            let Some(word) = self.places.get(at).filter(|_| Some(at) != mine) else {
                continue;
            };
            let found = Place(word.load(Ordering::SeqCst));
            if found.is_free() {
                continue;
            }
            if !found.is_unsettled() {
                count.settled += 1;
            } else if mine.is_some_and(|mine| at > mine) {
                count.unsettled_behind += 1;
            } else {
                count.unsettled_before += 1;
            }
        }
        count
    }
}

fn exchange(word: &AtomicU64, old: Place, new: Place) -> bool {
    word.compare_exchange(old.0, new.0, Ordering::SeqCst, Ordering::Relaxed)
        .is_ok()
}
