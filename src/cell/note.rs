//! A few numbers and a short text that are replaced together.
//!
//! ```text
//! claim | seal | bytes of the text | numbers | text
//! ```
//!
//! A writer claims the note, takes the seal away, writes, and seals: the seal is a keyed hash of all
//! of it. Who finds it claimed goes without, since a note of this very moment is being written. A
//! reader trusts nothing but the seal: what does not give its hash is read again a few times, and is
//! then no note. So a writer that was killed leaves no note until the next one, and one that was
//! stopped so long that its claim was taken over spoils at most the words that it was at, which then
//! are no note either.

use super::claim::Claim;
use crate::base::sync::{AtomicU64, Ordering, fence, load_acquire};
use crate::region::Region;
use crate::region::text;
use std::hash::Hasher;

const CLAIM: usize = 0;
const SEAL: usize = 1;
const BYTES: usize = 2;
const HEAD: usize = 3;

/// Times that a reader looks before it gives up.
const LOOKS: usize = 4;

/// A note, or room for one.
#[derive(Clone, Copy, Debug)]
pub struct Note<'r> {
    region: &'r Region,
    at: usize,
    numbers: usize,
    bytes: usize,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its numbers.
    pub numbers: Vec<u64>,
    /// Its text.
    pub text: String,
}

impl<'r> Note<'r> {
    /// Words of a note with so many numbers and at most so many bytes of text.
    pub const fn words(numbers: usize, bytes: usize) -> usize {
        HEAD + numbers + bytes.div_ceil(8)
    }

    /// The note from word `at`.
    pub fn at(region: &'r Region, at: usize, numbers: usize, bytes: usize) -> Self {
        Note {
            region,
            at,
            numbers,
            bytes,
        }
    }

    fn cells(&self) -> Option<&'r [AtomicU64]> {
        self.region
            .words()
            .slice(self.at, Self::words(self.numbers, self.bytes))
    }

    /// Replaces the note; a text that is too long is cut. False when somebody else is at it.
    pub fn write(&self, now: u64, numbers: &[u64], text: &str) -> bool {
        self.write_if(now, numbers, text, |_, _| true)
    }

    /// Its numbers as they are; None when it is not sealed.
    #[inline(always)]
    pub fn numbers(&self) -> Option<&'r [AtomicU64]> {
        let cells = self.cells()?;
        (load_acquire(&cells[SEAL]) != 0).then(|| &cells[HEAD..HEAD + self.numbers])
    }

    /// Replaces the note if `still`, asked once nobody else can write it, agrees: told whether the
    /// note is sealed, and its numbers.
    pub fn write_if(
        &self,
        now: u64,
        numbers: &[u64],
        text: &str,
        still: impl FnOnce(bool, &[AtomicU64]) -> bool,
    ) -> bool {
        let Some(cells) = self.cells() else {
            return false;
        };
        let text = text::cut(text, self.bytes);
        let Some(claim) = Claim::take(&cells[CLAIM], 0, now) else {
            return false;
        };
        let (places, room) = cells[HEAD..].split_at(self.numbers);
        if !still(cells[SEAL].load(Ordering::Acquire) != 0, places) {
            claim.release();
            return false;
        }
        let words = text.as_bytes().chunks(8).map(text::pack);
        let is_written = claim.put(&cells[SEAL], 0)
            && claim.put(&cells[BYTES], text.len() as u64)
            && places
                .iter()
                .zip(numbers)
                .all(|(place, number)| claim.put(place, *number))
            && room
                .iter()
                .zip(words)
                .all(|(place, word)| claim.put(place, word))
            && claim.put(&cells[SEAL], self.seal(numbers, text));
        if is_written {
            claim.release();
        }
        is_written
    }

    /// What the note says; None when nothing was ever written, or it is being written.
    pub fn read(&self) -> Option<Said> {
        let cells = self.cells()?;
        let words = self.region.words();
        (0..LOOKS).find_map(|_| {
            let seal = load_acquire(&cells[SEAL]);
            if seal == 0 {
                return None;
            }
            let numbers: Vec<u64> = cells[HEAD..HEAD + self.numbers]
                .iter()
                .map(|place| place.load(Ordering::Relaxed))
                .collect();
            let bytes = cells[BYTES].load(Ordering::Relaxed) as usize;
            let text = text::read(words, self.at + HEAD + self.numbers, bytes, self.bytes)?;
            fence(Ordering::Acquire);
            (self.seal(&numbers, &text) == seal).then_some(Said { numbers, text })
        })
    }

    /// Never 0.
    fn seal(&self, numbers: &[u64], text: &str) -> u64 {
        let seed = self.region.header().seed;
        let mut hasher =
            siphasher::sip::SipHasher13::new_with_keys(seed[2], seed[1].rotate_left(13) ^ seed[0]);
        for number in numbers {
            hasher.write_u64(*number);
        }
        hasher.write(text.as_bytes());
        hasher.finish().max(1)
    }
}
