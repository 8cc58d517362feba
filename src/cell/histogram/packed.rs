//! Counts in as few bytes each as the largest of their octave needs: a snapshot of a thousand
//! histograms is mostly counts, and memory that is fresh costs more than what is written into it.
//!
//! ```text
//! words   octave by octave its counts: eight, four, two or one in a word, the first one in the
//!         lowest bits
//!         then for each octave: its number and the size of its counts, how many values it has
//! ```
//!
//! Sums are taken a word at a time: neighbours are added side by side, in lanes that are wide enough.

use super::{GROUP, added, values};
use crate::base::sync::{AtomicU64, Ordering};

/// Words that an octave has beside its counts.
const HEAD: usize = 2;
/// Bits of the size in the first of these words: a count has `1 << size` bytes.
const SIZE_BITS: u32 = 2;

/// The counts of all buckets of some octaves, in ascending order; octaves without counts are left
/// out.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    words: Box<[u64]>,
    octaves: usize,
    bits: u32,
}

/// Equal when the counts are, however they are kept.
impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits && self.indices().eq(other.indices())
    }
}

/// The counts of one octave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octave<'p> {
    /// Its number.
    pub(super) number: usize,
    /// All its counts, added up.
    pub(super) total: u64,
    size: u32,
    words: &'p [u64],
}

impl Packed {
    /// Fraction bits of the buckets.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// The octaves, in ascending order.
    pub(super) fn octaves(&self) -> impl Iterator<Item = Octave<'_>> {
        let heads = self.words.len() - self.octaves * HEAD;
        let (mut counts, heads) = self.words.split_at(heads);
        heads.chunks_exact(HEAD).map(move |head| {
            let (number, size) = apart(head[0]);
            let words;
            (words, counts) = counts.split_at(words_of(self.bits, size));
            Octave {
                number,
                total: head[1],
                size,
                words,
            }
        })
    }

    /// Index and count of each bucket that holds something, ascending. A bucket's index is its
    /// octave and its number there in one.
    pub(super) fn indices(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let bits = self.bits;
        self.octaves().flat_map(move |octave| {
            (0..1usize << bits)
                .map(move |at| (((octave.number << bits) + at) as u64, octave.get(at)))
                .filter(|(_, count)| *count != 0)
        })
    }

    /// Octave and bucket of the first and of the last count.
    pub(super) fn ends(&self) -> Option<[(usize, usize); 2]> {
        let first = self.octaves().next()?;
        let last = self.last()?;
        Some([(first.number, first.first()?), (last.number, last.last()?)])
    }

    /// The last octave.
    fn last(&self) -> Option<Octave<'_>> {
        let (counts, heads) = self.words.split_at(self.words.len() - self.octaves * HEAD);
        let (head, total) = match heads {
            [.., head, total] => (*head, *total),
            _ => return None,
        };
        let (number, size) = apart(head);
        let words = counts.len().checked_sub(words_of(self.bits, size))?;
        Some(Octave {
            number,
            total,
            size,
            words: &counts[words..],
        })
    }

    /// Octave and bucket up to which the counts reach `rank`; the last ones when a damaged region made
    /// sums that wrap.
    pub(super) fn reach(&self, rank: u64) -> (usize, usize) {
        let mut before = 0u64;
        let mut found = (0, 0);
        for octave in self.octaves() {
            let within = rank.saturating_sub(before);
            before = before.saturating_add(octave.total);
            if before >= rank {
                return (octave.number, octave.reach(within));
            }
            found = (octave.number, (1usize << self.bits) - 1);
        }
        found
    }

    /// No octaves.
    pub(super) fn none(bits: u32) -> Self {
        Packed {
            bits,
            ..Packed::default()
        }
    }
}

impl Octave<'_> {
    fn bits_of_a_count(&self) -> u32 {
        8 << self.size
    }

    fn counts_of_a_word(&self) -> usize {
        8 >> self.size
    }

    /// The count of bucket `at`.
    pub(super) fn get(&self, at: usize) -> u64 {
        let each = self.counts_of_a_word();
        let word = self.words.get(at / each).copied().unwrap_or(0);
        let shift = (at % each) as u32 * self.bits_of_a_count();
        (word >> shift) & (u64::MAX >> (64 - self.bits_of_a_count()))
    }

    /// All counts, one by one.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.words.len() * self.counts_of_a_word()).map(|at| self.get(at))
    }

    /// The counts of the first `buckets` buckets, added up.
    pub(super) fn sum(&self, buckets: usize) -> u64 {
        let each = self.counts_of_a_word();
        let (whole, rest) = self.words.split_at((buckets / each).min(self.words.len()));
        let part = match rest.first() {
            Some(word) if !buckets.is_multiple_of(each) => {
                let shift = 64 - (buckets % each) as u32 * self.bits_of_a_count();
                (word << shift) >> shift
            }
            _ => 0,
        };
        sum_of(whole, self.size).wrapping_add(sum_of(&[part], self.size))
    }

    /// The first bucket up to which the counts reach `rank`; the last one when a damaged region
    /// made sums that wrap.
    pub(super) fn reach(&self, rank: u64) -> usize {
        let each = self.counts_of_a_word();
        let mut before = 0u64;
        for (at, word) in self.words.iter().enumerate() {
            let with = before.saturating_add(sum_of(&[*word], self.size));
            if with < rank {
                before = with;
                continue;
            }
            for bucket in at * each..(at + 1) * each {
                before = before.saturating_add(self.get(bucket));
                if before >= rank {
                    return bucket;
                }
            }
        }
        (self.words.len() * each).saturating_sub(1)
    }

    fn first(&self) -> Option<usize> {
        let at = self.words.iter().position(|word| *word != 0)?;
        let bit = self.words[at].trailing_zeros();
        Some(at * self.counts_of_a_word() + (bit / self.bits_of_a_count()) as usize)
    }

    fn last(&self) -> Option<usize> {
        let at = self.words.iter().rposition(|word| *word != 0)?;
        let bit = 63 - self.words[at].leading_zeros();
        Some(at * self.counts_of_a_word() + (bit / self.bits_of_a_count()) as usize)
    }
}

/// An octave's number, and the size of its counts.
fn apart(head: u64) -> (usize, u32) {
    let size = head & ((1 << SIZE_BITS) - 1);
    ((head >> SIZE_BITS) as usize, size as u32)
}

/// Words of an octave's counts.
fn words_of(bits: u32, size: u32) -> usize {
    (1usize << bits << size).div_ceil(8)
}

/// All counts of `1 << size` bytes in `words`, added up.
fn sum_of(words: &[u64], size: u32) -> u64 {
    let halves = |lanes: u64| (lanes >> 32) + (lanes & 0xffff_ffff);
    let pairs = |word: u64| ((word >> 8) & 0x00ff_00ff_00ff_00ff) + (word & 0x00ff_00ff_00ff_00ff);
    let shorts = |lanes: u64| ((lanes >> 16) & 0xffff_0000_ffff) + (lanes & 0xffff_0000_ffff);
    // An octave has at most 256 counts, so that no lane overflows.
    match size {
        0 => halves(shorts(words.iter().fold(0, |sum, word| sum + pairs(*word)))),
        1 => halves(words.iter().fold(0, |sum, word| sum + shorts(*word))),
        2 => words.iter().fold(0, |sum, word| sum + halves(*word)),
        _ => words.iter().fold(0, |sum, word| sum.wrapping_add(*word)),
    }
}

/// Packs octaves, one after the other; its memory is used again for the next ones.
#[derive(Debug, Default)]
pub(super) struct Packer {
    heads: Vec<u64>,
    counts: Vec<u64>,
    /// Where the counts of the octave that was pushed last begin.
    last: usize,
}

impl Packer {
    /// Adds the counts of an octave; they are eight or a multiple of it.
    pub(super) fn push(&mut self, octave: usize, counts: &[u64]) {
        let (groups, _) = counts.as_chunks::<GROUP>();
        let (mut all, mut sums) = (0, [0; GROUP]);
        for group in groups {
            all |= united(*group);
            sums = added(sums, *group);
        }
        let total = sum_of(&sums, 3);
        let size = match all {
            0 => return,
            1..=0xff => 0,
            0x100..=0xffff => 1,
            0x1_0000..=0xffff_ffff => 2,
            _ => 3,
        };
        self.begin(octave, size, total);
        match size {
            0 => self
                .counts
                .extend(groups.iter().map(|group| joined(*group))),
            1 => self.counts.extend(
                counts
                    .chunks_exact(4)
                    .map(|four| four[0] | four[1] << 16 | four[2] << 32 | four[3] << 48),
            ),
            2 => self
                .counts
                .extend(counts.chunks_exact(2).map(|two| two[0] | two[1] << 32)),
            _ => self.counts.extend_from_slice(counts),
        }
    }

    /// Adds the counts of an octave as they are in the region, if all of them are bytes. Else adds
    /// nothing, and gives false.
    pub(super) fn push_bytes(&mut self, octave: usize, counts: &[AtomicU64]) -> bool {
        let first = self.counts.len();
        let (groups, _) = counts.as_chunks::<GROUP>();
        self.counts.resize(first + groups.len(), 0);
        let mut all = 0;
        for (place, group) in self.counts[first..].iter_mut().zip(groups) {
            let group = values(group);
            all |= united(group);
            *place = joined(group);
        }
        let is_bytes = all <= 0xff;
        match sum_of(&self.counts[first..], 0) {
            total if is_bytes && total != 0 => {
                self.head(octave, 0, total);
                self.last = first;
            }
            _ => self.counts.truncate(first),
        }
        is_bytes
    }

    /// The same without looking for the smallest size: for counts that are read once and thrown away.
    pub(super) fn push_plain(&mut self, octave: usize, counts: &[u64]) {
        let total = sum_of(counts, 3);
        if total != 0 {
            self.begin(octave, 3, total);
            self.counts.extend_from_slice(counts);
        }
    }

    /// Adds the octave as `ever` has it, which it was just added to, less what it had `then`, in
    /// bytes as well. False, and nothing is added, when its counts are no bytes.
    pub(super) fn push_since(
        &mut self,
        ever: &Packer,
        octave: usize,
        then: Option<&[AtomicU64]>,
    ) -> bool {
        let (number, size, total) = match *ever.heads.as_slice() {
            [.., head, total] => (apart(head).0, apart(head).1, total),
            _ => return true,
        };
        if number != octave {
            // It has no counts.
            return true;
        }
        let counts = &ever.counts[ever.last..];
        let Some(then) = then else {
            self.begin(octave, size, total);
            self.counts.extend_from_slice(counts);
            return true;
        };
        if size != 0 {
            return false;
        }
        let first = self.counts.len();
        self.counts.extend_from_slice(counts);
        let places = &mut self.counts[first..];
        for (count, then) in places.iter_mut().zip(then) {
            *count = less_bytes(*count, then.load(Ordering::Relaxed));
        }
        match sum_of(&self.counts[first..], 0) {
            0 => self.counts.truncate(first),
            total => self.head(octave, 0, total),
        }
        true
    }

    fn begin(&mut self, octave: usize, size: u32, total: u64) {
        self.last = self.counts.len();
        self.head(octave, size, total);
    }

    fn head(&mut self, octave: usize, size: u32, total: u64) {
        let head = (octave as u64) << SIZE_BITS | u64::from(size);
        self.heads.push(head);
        self.heads.push(total);
    }

    /// Makes room for octaves of so many buckets that are pushed plainly.
    pub(super) fn reserve(&mut self, octaves: usize, buckets: usize) {
        self.heads.reserve(octaves * HEAD);
        self.counts.reserve_exact(octaves * (buckets + HEAD));
    }

    /// What was added, and all its counts added up; the next octave is the first one.
    pub(super) fn finish(&mut self, bits: u32) -> (Packed, u64) {
        let found = self.found(bits, [&self.counts[..], &self.heads].concat());
        self.clear();
        found
    }

    /// The same, with its memory.
    pub(super) fn hand_over(&mut self, bits: u32) -> (Packed, u64) {
        let mut words = std::mem::take(&mut self.counts);
        words.extend_from_slice(&self.heads);
        let found = self.found(bits, words);
        self.clear();
        found
    }

    fn found(&self, bits: u32, words: Vec<u64>) -> (Packed, u64) {
        let heads = self.heads.chunks_exact(HEAD);
        let packed = Packed {
            words: words.into_boxed_slice(),
            octaves: heads.len(),
            bits,
        };
        let total = heads.fold(0u64, |sum, head| sum.wrapping_add(head[1]));
        (packed, total)
    }

    /// Nothing was added.
    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.counts.clear();
        self.last = 0;
    }
}

// Spelled out, since the library is compiled for size: loops would stay loops.

#[inline(always)]
fn united([a, b, c, d, e, f, g, h]: [u64; GROUP]) -> u64 {
    a | b | c | d | e | f | g | h
}

/// Eight bytes as a word.
#[inline(always)]
fn joined([a, b, c, d, e, f, g, h]: [u64; GROUP]) -> u64 {
    a | b << 8 | c << 16 | d << 24 | e << 32 | f << 40 | g << 48 | h << 56
}

/// Eight counts less eight others, each modulo 256.
fn less_bytes(one: u64, other: u64) -> u64 {
    const TOP: u64 = 0x8080_8080_8080_8080;
    ((one | TOP) - (other & !TOP)) ^ ((one ^ !other) & TOP)
}

#[cfg(all(test, not(loom)))]
#[path = "packed/tests.rs"]
mod tests;
