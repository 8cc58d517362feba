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
    #[inline(always)]
    fn bits_of_a_count(&self) -> u32 {
        8 << self.size
    }

    #[inline(always)]
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
    #[inline(always)]
    pub(super) fn sum(&self, buckets: usize) -> u64 {
        sum_of_first(self.words, self.size, buckets)
    }

    /// The first bucket up to which the counts reach `rank`; the last one when a damaged region
    /// made sums that wrap.
    pub(super) fn reach(&self, rank: u64) -> usize {
        if self.size == 3 {
            return self.reach_words(rank);
        }
        let each = self.counts_of_a_word();
        let mut before = 0u64;
        for (at, word) in self.words.iter().enumerate() {
            let with = before.saturating_add(sum_in(*word, self.size));
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

    /// The same where each count is a word.
    fn reach_words(&self, rank: u64) -> usize {
        let (groups, _) = self.words.as_chunks::<GROUP>();
        let (mut before, mut first) = (0u64, 0);
        for group in groups {
            let with = saturated(before, group);
            if with >= rank {
                break;
            }
            before = with;
            first += GROUP;
        }
        for (at, count) in self.words.iter().enumerate().skip(first) {
            before = before.saturating_add(*count);
            if before >= rank {
                return at;
            }
        }
        self.words.len().saturating_sub(1)
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
#[inline(always)]
fn apart(head: u64) -> (usize, u32) {
    let size = head & ((1 << SIZE_BITS) - 1);
    ((head >> SIZE_BITS) as usize, size as u32)
}

/// Words of an octave's counts, which are eight or a multiple of it.
#[inline(always)]
fn words_of(bits: u32, size: u32) -> usize {
    (1usize << bits << size) / 8
}

/// The first `counts` counts of `1 << size` bytes in `words`, added up.
fn sum_of_first(words: &[u64], size: u32, counts: usize) -> u64 {
    // A word has eight counts, or a half, a quarter, an eighth of it: no division is needed.
    let whole = (counts >> (3 - size)).min(words.len());
    let left = (counts & ((8 >> size) - 1)) as u32;
    let part = match words.get(whole) {
        Some(word) if left != 0 => {
            let shift = 64 - (left << (3 + size));
            (word << shift) >> shift
        }
        _ => 0,
    };
    let words = &words[..whole];
    // An octave has at most 256 counts, so that no lane overflows.
    match size {
        0 => of_pairs(
            words
                .iter()
                .fold(pairs(part), |sum, word| sum + pairs(*word)),
        ),
        1 => halves(
            words
                .iter()
                .fold(shorts(part), |sum, word| sum + shorts(*word)),
        ),
        2 => words
            .iter()
            .fold(halves(part), |sum, word| sum + halves(*word)),
        _ => sum_of_words(words),
    }
}

/// All words, added up.
#[inline(always)]
fn sum_of_words(words: &[u64]) -> u64 {
    let (groups, rest) = words.as_chunks::<GROUP>();
    let all = groups
        .iter()
        .fold(0, |sum: u64, group| sum.wrapping_add(all_of(*group)));
    rest.iter().fold(all, |sum, word| sum.wrapping_add(*word))
}

/// All counts of `1 << size` bytes in one word, added up.
#[inline(always)]
fn sum_in(word: u64, size: u32) -> u64 {
    match size {
        0 => of_pairs(pairs(word)),
        1 => halves(shorts(word)),
        2 => halves(word),
        _ => word,
    }
}

// Neighbours added side by side: eight bytes to four lanes, four to two, two to one.

#[inline(always)]
fn pairs(word: u64) -> u64 {
    ((word >> 8) & 0x00ff_00ff_00ff_00ff) + (word & 0x00ff_00ff_00ff_00ff)
}

#[inline(always)]
fn shorts(lanes: u64) -> u64 {
    ((lanes >> 16) & 0xffff_0000_ffff) + (lanes & 0xffff_0000_ffff)
}

#[inline(always)]
fn halves(lanes: u64) -> u64 {
    (lanes >> 32) + (lanes & 0xffff_ffff)
}

/// All bytes of words whose [`pairs`] were added up.
#[inline(always)]
fn of_pairs(lanes: u64) -> u64 {
    halves(shorts(lanes))
}

/// Packs octaves, one after the other; its memory is used again for the next ones.
#[derive(Debug, Default)]
pub(super) struct Packer {
    heads: Vec<[u64; HEAD]>,
    /// Room for counts, which are written where they stay.
    counts: Vec<u64>,
    /// Words of it that are taken.
    used: usize,
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
        let size = match all {
            0 => return,
            1..=0xff => 0,
            0x100..=0xffff => 1,
            0x1_0000..=0xffff_ffff => 2,
            _ => 3,
        };
        let words = counts.len() >> (3 - size);
        let places = self.room(words).iter_mut();
        match size {
            0 => {
                for (place, group) in places.zip(groups) {
                    *place = joined(*group);
                }
            }
            1 => {
                for (place, [a, b, c, d]) in places.zip(counts.as_chunks().0) {
                    *place = a | b << 16 | c << 32 | d << 48;
                }
            }
            2 => {
                for (place, [a, b]) in places.zip(counts.as_chunks().0) {
                    *place = a | b << 32;
                }
            }
            _ => places.into_slice().copy_from_slice(counts),
        }
        self.keep(octave, size, all_of(sums), words);
    }

    /// Adds the counts of an octave as they are in the region, if all of them are bytes. Else adds
    /// nothing, and gives false.
    pub(super) fn push_bytes(&mut self, octave: usize, counts: &[AtomicU64]) -> bool {
        let (groups, _) = counts.as_chunks::<GROUP>();
        let (mut all, mut sum) = (0, 0);
        for (place, group) in self.room(groups.len()).iter_mut().zip(groups) {
            let group = values(group);
            let bytes = joined(group);
            all |= united(group);
            sum += pairs(bytes);
            *place = bytes;
        }
        let is_bytes = all <= 0xff;
        if is_bytes && all != 0 {
            self.keep(octave, 0, of_pairs(sum), groups.len());
        }
        is_bytes
    }

    /// Adds the counts of an octave without looking for the smallest size: for those that are read
    /// once and thrown away.
    pub(super) fn push_plain(&mut self, octave: usize, counts: &[u64]) {
        let total = sum_of_words(counts);
        if total != 0 {
            // At the end, so that no memory is cleared first.
            self.counts.truncate(self.used);
            self.counts.extend_from_slice(counts);
            self.keep(octave, 3, total, counts.len());
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
        let Some([head, total]) = ever.heads.last().copied() else {
            return true;
        };
        let (number, size) = apart(head);
        if number != octave {
            // It has no counts.
            return true;
        }
        let counts = &ever.counts[ever.last..ever.used];
        let Some(then) = then else {
            self.room(counts.len()).copy_from_slice(counts);
            self.keep(octave, size, total, counts.len());
            return true;
        };
        if size != 0 {
            return false;
        }
        let mut sum = 0;
        let places = self.room(counts.len()).iter_mut();
        for ((place, count), then) in places.zip(counts).zip(then) {
            let bytes = less_bytes(*count, then.load(Ordering::Relaxed));
            sum += pairs(bytes);
            *place = bytes;
        }
        match of_pairs(sum) {
            0 => {}
            total => self.keep(octave, 0, total, counts.len()),
        }
        true
    }

    /// Where the counts of the next octave belong, whatever is there now.
    #[inline(always)]
    fn room(&mut self, words: usize) -> &mut [u64] {
        let end = self.used + words;
        if end > self.counts.len() {
            self.grow(end);
        }
        &mut self.counts[self.used..end]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, end: usize) {
        self.counts.resize(end * 2, 0);
    }

    /// Keeps what was written to the first `words` words of [`Packer::room`] as the counts of an octave.
    #[inline(always)]
    fn keep(&mut self, octave: usize, size: u32, total: u64, words: usize) {
        self.last = self.used;
        self.used += words;
        let head = (octave as u64) << SIZE_BITS | u64::from(size);
        self.heads.push([head, total]);
    }

    /// Makes room for octaves of so many buckets that are pushed plainly.
    pub(super) fn reserve(&mut self, octaves: usize, buckets: usize) {
        self.heads.reserve(octaves);
        self.counts.reserve_exact(octaves * (buckets + HEAD));
    }

    /// What was added, and all its counts added up; the next octave is the first one.
    pub(super) fn finish(&mut self, bits: u32) -> (Packed, u64) {
        let mut words = Vec::with_capacity(self.used + self.heads.len() * HEAD);
        words.extend_from_slice(&self.counts[..self.used]);
        self.found(bits, words)
    }

    /// The same, with its memory.
    pub(super) fn hand_over(&mut self, bits: u32) -> (Packed, u64) {
        let mut words = std::mem::take(&mut self.counts);
        words.truncate(self.used);
        self.found(bits, words)
    }

    #[inline(always)]
    fn found(&mut self, bits: u32, mut words: Vec<u64>) -> (Packed, u64) {
        words.extend_from_slice(self.heads.as_flattened());
        let mut sum = 0u64;
        for [_, total] in &self.heads {
            sum = sum.wrapping_add(*total);
        }
        let packed = Packed {
            words: words.into_boxed_slice(),
            octaves: self.heads.len(),
            bits,
        };
        self.clear();
        (packed, sum)
    }

    /// Nothing was added.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.used = 0;
        self.last = 0;
    }
}

// Spelled out, since the library is compiled for size: loops would stay loops.

#[inline(always)]
fn united([a, b, c, d, e, f, g, h]: [u64; GROUP]) -> u64 {
    a | b | c | d | e | f | g | h
}

#[inline(always)]
fn all_of([a, b, c, d, e, f, g, h]: [u64; GROUP]) -> u64 {
    let (ab, cd) = (a.wrapping_add(b), c.wrapping_add(d));
    let (ef, gh) = (e.wrapping_add(f), g.wrapping_add(h));
    ab.wrapping_add(cd).wrapping_add(ef.wrapping_add(gh))
}

/// `sum` and eight counts more, or the largest number there is.
#[inline(always)]
fn saturated(sum: u64, [a, b, c, d, e, f, g, h]: &[u64; GROUP]) -> u64 {
    let half = sum
        .saturating_add(*a)
        .saturating_add(*b)
        .saturating_add(*c)
        .saturating_add(*d);
    half.saturating_add(*e)
        .saturating_add(*f)
        .saturating_add(*g)
        .saturating_add(*h)
}

/// Eight bytes as a word.
#[inline(always)]
fn joined([a, b, c, d, e, f, g, h]: [u64; GROUP]) -> u64 {
    a | b << 8 | c << 16 | d << 24 | e << 32 | f << 40 | g << 48 | h << 56
}

/// Eight counts less eight others, each modulo 256.
#[inline(always)]
fn less_bytes(one: u64, other: u64) -> u64 {
    const TOP: u64 = 0x8080_8080_8080_8080;
    ((one | TOP) - (other & !TOP)) ^ ((one ^ !other) & TOP)
}

#[cfg(all(test, not(loom)))]
#[path = "packed/tests.rs"]
mod tests;
