//! A distribution: bucket counts by octave, exact sum and extremes, and checkpoints for windows.
//!
//! ```text
//! block of a histogram               octave (on the heap, made when first used)
//!   end of the current slot            octave + 1, link to the next octave of the same directory
//!   claim of a checkpoint              four byte planes of checkpoints, each made when needed
//!   largest, smallest of this slot     2^bits counts: the atomic stripe
//!   largest, smallest for ever       per-CPU counts of a hot octave
//!   per slot: tag, sum, extremes       stripes * 2^bits counts
//!   directory: 64 x (octave, per-CPU counts)
//! ```
//!
//! **Recording** adds one to a bucket: per CPU when the octave is hot, atomically when it is not.
//! An octave becomes hot when one of its buckets has seen [`limits::HOT_BUCKET_SAMPLES`].
//!
//! **Windows** need no timer. A window is "now minus a checkpoint", and a checkpoint is taken by
//! the first recorder in a new time slot:
//! 1. claim the checkpoint by one compare-and-swap; who loses just records;
//! 2. take the slot's tag away, so that readers do not use what is about to change;
//! 3. write every bucket's count, modulo 2^32, into the slot's byte planes;
//! 4. publish the tag, then the end of the new slot.
//!
//! A claim that is too old is taken over (`claim`). Records made while a checkpoint is taken
//! may count on either side of it. What an operation counts beside its latency is part of the same
//! checkpoint.
//!
//! The byte planes keep checkpoints small: a byte a bucket and slot while counts are below 256, a
//! second one from there, and so on. A plane that does not exist reads as zero, which is what it
//! would hold.

pub mod edges;
mod many;
mod merge;
mod packed;
mod parts;

use self::packed::{Packed, Packer};
use super::claim::Claim;
use super::exemplars::{self, Exemplar};
use super::outcomes::Outcomes;
use super::planes::Planes;
use super::rseq::Row;
use super::{buckets, shard};
use crate::base::error::{Error, Result};
use crate::base::limits::{self, WINDOW_SLOTS};
use crate::base::order::Order;
use crate::base::sync::{AtomicU64, Ordering, load_acquire};
use crate::region::raw::Words;
use crate::region::{Region, header};

const SLOT_END: usize = 0;
const CLAIM: usize = 1;
const SLOT_MAX: usize = 2;
const SLOT_MIN: usize = 3;
const EVER_MAX: usize = 4;
const EVER_MIN: usize = 5;
const BITS: usize = 6;
/// Where the declared edges are; 0 for none. Beside the words that every record reads.
pub const EDGES: usize = 7;
const TAGS: usize = 8;
const SUMS: usize = TAGS + WINDOW_SLOTS;
/// Slots that the extremes belong to, then pairs of largest and smallest.
const EXTREME_TAGS: usize = SUMS + WINDOW_SLOTS;
const EXTREMES: usize = EXTREME_TAGS + WINDOW_SLOTS;
/// An octave that lost the race to be linked, kept for the next one that is needed.
const SPARE: usize = 39;
const DIRECTORY: usize = 40;
const DIRECTORY_ENTRIES: usize = if cfg!(loom) { 2 } else { 64 };
/// First word of its exemplars.
const EXEMPLARS: usize = DIRECTORY + 2 * DIRECTORY_ENTRIES;
/// Which buckets may have an edge in them: bit i of bucket i modulo 64, as a shard counts buckets.
pub const SPLIT: usize = EXEMPLARS + 1;
/// Words of a histogram's block.
pub const BLOCK_WORDS: usize = SPLIT + 1;

/// The operation whose outcomes are counted beside the values, plus one.
const OPERATION: usize = 38;

/// Buckets of an octave with the most fraction bits.
const MOST_BUCKETS: usize = 1 << *buckets::BITS.end();

const _: () = assert!(EXTREMES + 2 * WINDOW_SLOTS <= OPERATION && SPARE < DIRECTORY);

const OCTAVE_TAG: usize = 0;
const OCTAVE_LINK: usize = 1;
const OCTAVE_PLANES: usize = 2;
const BYTE_PLANES: usize = 4;
const OCTAVE_COUNTS: usize = 8;
/// Counts whose bytes make up one word of a byte plane.
const GROUP: usize = 8;

/// Octaves that can share one directory entry: all of them, divided by the entries.
const LONGEST_CHAIN: usize = buckets::OCTAVES.div_ceil(DIRECTORY_ENTRIES);

const INFINITY: u64 = f64::INFINITY.to_bits();
/// Marks a hot area that somebody is making, or that could not be made.
const NO_AREA: u64 = u64::MAX;
const AT_MASK: u64 = (1 << 48) - 1;

/// One histogram of a region.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'r> {
    region: &'r Region,
    planes: &'r Planes,
    block: usize,
    /// Number of the series, which is its column in planes and shards.
    series: usize,
}

/// Makes the block of a histogram with `bits` fraction bits; returns its first word.
pub fn create(region: &Region, bits: u32) -> Result<usize> {
    let block = region.allocate(BLOCK_WORDS)?;
    initialise(region, block, bits);
    Ok(block)
}

/// Writes an empty histogram into a block that nobody else sees.
pub fn initialise(region: &Region, block: usize, bits: u32) {
    let words = region.words();
    for at in 0..BLOCK_WORDS {
        words.store(block + at, 0);
    }
    let slot_ns = region.layout().limits.slot_ns;
    let slot = region.clock().coarse() / slot_ns;
    words.store(block + SLOT_END, (slot + 1).saturating_mul(slot_ns));
    words.store(block + SLOT_MIN, INFINITY);
    words.store(block + EVER_MIN, INFINITY);
    words.store(block + BITS, u64::from(bits));
    // The first checkpoint: nothing had been recorded when this slot began.
    words.store(block + TAGS + slot as usize % WINDOW_SLOTS, slot + 1);
}

impl<'r> Histogram<'r> {
    /// The histogram of `series` whose block begins at word `block`.
    #[inline(always)]
    pub fn new(region: &'r Region, planes: &'r Planes, block: usize, series: usize) -> Self {
        Histogram {
            region,
            planes,
            block,
            series,
        }
    }

    /// Fraction bits of its buckets.
    pub fn bits(&self) -> u32 {
        let bits = self.words().load(self.block.saturating_add(BITS)) as u32;
        if buckets::BITS.contains(&bits) {
            bits
        } else {
            buckets::DEFAULT_BITS
        }
    }

    #[inline(always)]
    fn words(&self) -> Words {
        self.region.words()
    }

    /// From now on, the outcomes of operation `index` are part of each checkpoint.
    pub fn count_outcomes_of(&self, index: usize) {
        self.words()
            .publish(self.block.saturating_add(OPERATION), index as u64 + 1);
    }

    /// Keeps `value`, recorded at region time `now`, as an example of its octave. Without room for
    /// examples there are none.
    pub fn keep_exemplar(&self, now: u64, value: f64, trace_id: &str) {
        let link = self.block.saturating_add(EXEMPLARS);
        if let Some(area) = self.region.allocate_once(link, exemplars::WORDS) {
            exemplars::keep(self.region, area, now, value, trace_id);
        }
    }

    /// Its examples, by value.
    pub fn exemplars(&self) -> Vec<Exemplar> {
        match self.words().acquire(self.block.saturating_add(EXEMPLARS)) as usize {
            0 => Vec::new(),
            area => exemplars::list(self.region, area),
        }
    }

    /// What is counted beside the values.
    fn outcomes(&self) -> Option<Outcomes<'r>> {
        let index = self.words().acquire(self.block.saturating_add(OPERATION)) as usize;
        Outcomes::at(self.region, self.planes, index.checked_sub(1)?)
    }

    /// Records a finite value of at least zero; true when it began a time slot.
    pub fn record(&self, value: f64) -> Result<bool> {
        self.record_with_care(self.region.clock().coarse(), value)
    }

    /// [`Histogram::record_at`] for those who seldom need it.
    #[inline(never)]
    pub fn record_with_care(&self, now: u64, value: f64) -> Result<bool> {
        self.record_at(now, value)
    }

    /// Records a finite value of at least zero at region time `now`; true when it began a time slot.
    #[inline(always)]
    pub fn record_at(&self, now: u64, value: f64) -> Result<bool> {
        // Minus zero is zero.
        let value_bits = value.to_bits() & (u64::MAX >> 1);
        let Some(block) = self.words().slice(self.block, BLOCK_WORDS) else {
            return damaged();
        };
        let begins = now >= block[SLOT_END].load(Ordering::Relaxed);
        if begins {
            self.roll(now);
        }
        // Strides and shifts that the compiler knows, for the width that nearly all have.
        if block[BITS].load(Ordering::Relaxed) == u64::from(buckets::DEFAULT_BITS) {
            self.count::<{ buckets::DEFAULT_BITS }>(block, value_bits)?;
        } else {
            self.count_by_width(block, value_bits)?;
        }
        let list = block[EDGES].load(Ordering::Relaxed);
        if list != 0 {
            edges::split(self.words(), list, value_bits, self.bits());
        }
        self.planes.add_f64(self.series, f64::from_bits(value_bits));
        if value_bits > block[SLOT_MAX].load(Ordering::Relaxed) {
            raise(&block[SLOT_MAX], &block[EVER_MAX], value_bits);
        }
        if value_bits < block[SLOT_MIN].load(Ordering::Relaxed) {
            lower(&block[SLOT_MIN], &block[EVER_MIN], value_bits);
        }
        Ok(begins)
    }

    /// [`Histogram::record_at`] of a value of such bits in the most frequent case: an octave that
    /// exists, of the default width, in the middle of a slot, and no extreme. Else does nothing and
    /// returns false. Calls nothing but, at the end and seldom, what is left to do.
    #[inline(always)]
    pub fn record_at_once(&self, now: u64, value_bits: u64) -> bool {
        const FRACTION: u32 = buckets::DEFAULT_BITS;
        let words = self.words();
        let Some(block) = words.slice(self.block, BLOCK_WORDS) else {
            return false;
        };
        let word = |at: usize| block[at].load(Ordering::Relaxed);
        let (octave, bucket) = buckets::locate(value_bits, FRACTION);
        let entry = DIRECTORY + octave % DIRECTORY_ENTRIES * 2;
        let found = load_acquire(&block[entry]);
        if now >= word(SLOT_END)
            || word(BITS) != u64::from(FRACTION)
            || value_bits > word(SLOT_MAX)
            || value_bits < word(SLOT_MIN)
            || found >> 48 != octave as u64 + 1
        {
            return false;
        }
        let area = word(entry + 1);
        let at = (found & AT_MASK) as usize + OCTAVE_COUNTS + bucket;
        let Some(shared) = words.get(at) else {
            return false;
        };
        let mut is_warm = false;
        if is_area(area) {
            let row = Row {
                at: (area as usize).wrapping_add(bucket),
                stride: 1 << FRACTION,
            };
            self.planes.per_cpu().add(words, row, at, 1);
        } else {
            is_warm = is_warm_at(shared.fetch_add(1, Ordering::Relaxed));
        }
        self.planes.add_f64(self.series, f64::from_bits(value_bits));
        if is_warm || word(EDGES) != 0 {
            finish(self.region, self.planes, self.block, value_bits, is_warm);
        }
        true
    }

    #[inline(never)]
    fn count_by_width(&self, block: &[AtomicU64], value_bits: u64) -> Result<()> {
        match block[BITS].load(Ordering::Relaxed) {
            #[cfg(loom)]
            3 => self.count::<3>(block, value_bits),
            5 => self.count::<5>(block, value_bits),
            7 => self.count::<7>(block, value_bits),
            8 => self.count::<8>(block, value_bits),
            _ => damaged(),
        }
    }

    /// Adds one to the value's bucket of a histogram with `FRACTION` bits.
    #[inline(always)]
    fn count<const FRACTION: u32>(&self, block: &[AtomicU64], value_bits: u64) -> Result<()> {
        let (octave, bucket) = buckets::locate(value_bits, FRACTION);
        let entry = DIRECTORY + octave % DIRECTORY_ENTRIES * 2;
        let found = load_acquire(&block[entry]);
        if found >> 48 != octave as u64 + 1 {
            return self.count_elsewhere(octave, bucket, 1);
        }
        let area = block[entry + 1].load(Ordering::Relaxed);
        let at = (found & AT_MASK) as usize + OCTAVE_COUNTS + bucket;
        if is_area(area) {
            let row = Row {
                at: (area as usize).wrapping_add(bucket),
                stride: 1 << FRACTION,
            };
            self.planes.per_cpu().add(self.words(), row, at, 1);
            return Ok(());
        }
        let Some(count) = self.words().get(at) else {
            return damaged();
        };
        if is_warm_at(count.fetch_add(1, Ordering::Relaxed)) {
            self.warm(&block[entry + 1], FRACTION);
        }
        Ok(())
    }

    /// Counts values atomically, also where their octave is not at the head of its directory entry.
    #[cold]
    #[inline(never)]
    fn count_elsewhere(&self, octave: usize, bucket: usize, times: u64) -> Result<()> {
        let bits = self.bits();
        match self.octave(octave, bits) {
            Ok(at) => {
                self.words()
                    .add(at.saturating_add(OCTAVE_COUNTS + bucket), times);
                Ok(())
            }
            Err(full) => {
                // The nearest octave that exists takes the sample: the count stays right.
                let mut nearest: Option<(usize, usize)> = None;
                self.each_octave(&mut |found, at, _| {
                    let is_nearer = |(best, _)| found.abs_diff(octave) < octave.abs_diff(best);
                    if nearest.is_none_or(is_nearer) {
                        nearest = Some((found, at));
                    }
                    true
                });
                let (nearest, at) = nearest.ok_or(full)?;
                let edge = if nearest < octave { (1 << bits) - 1 } else { 0 };
                self.words()
                    .add(at.saturating_add(OCTAVE_COUNTS + edge), times);
                self.words().add(header::CLAMPED_VALUES, times);
                Ok(())
            }
        }
    }

    /// First word of `octave`, which is made if it does not exist.
    fn octave(&self, octave: usize, bits: u32) -> Result<usize> {
        let words = self.words();
        let entry = self
            .block
            .saturating_add(DIRECTORY + octave % DIRECTORY_ENTRIES * 2);
        let tag = octave as u64 + 1;
        let mut fresh = None;
        let mut place = entry;
        for _ in 0..LONGEST_CHAIN {
            let Some(link) = words.get(place) else {
                return damaged();
            };
            let mut found = load_acquire(link);
            if found == 0 {
                let at = match fresh {
                    Some(at) => at,
                    None => self.take_spare_octave(bits)?,
                };
                words.store(at + OCTAVE_TAG, tag);
                match link.compare_exchange(
                    0,
                    tag << 48 | at as u64,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                ) {
                    Ok(_) => return Ok(at),
                    Err(other) => {
                        fresh = Some(at);
                        found = other;
                    }
                }
            }
            let at = (found & AT_MASK) as usize;
            if found >> 48 == tag {
                if let (Some(at), Some(spare)) =
                    (fresh, words.get(self.block.saturating_add(SPARE)))
                {
                    spare.store(at as u64, Ordering::Release);
                }
                return Ok(at);
            }
            place = at.saturating_add(OCTAVE_LINK);
        }
        damaged()
    }

    /// An octave that lost a race earlier, or a new one; its counts are zero.
    fn take_spare_octave(&self, bits: u32) -> Result<usize> {
        let words = OCTAVE_COUNTS + (1 << bits);
        if let Some(spare) = self.words().get(self.block.saturating_add(SPARE))
            && spare.load(Ordering::Relaxed) != 0
        {
            let at = spare.swap(0, Ordering::AcqRel) as usize;
            if at != 0 && self.words().slice(at, words).is_some() {
                return Ok(at);
            }
        }
        self.region.allocate(words)
    }

    /// Gives an octave per-CPU counts. One thread makes them; if it is killed meanwhile, the
    /// octave stays on its atomic counts.
    #[cold]
    #[inline(never)]
    fn warm(&self, area: &AtomicU64, bits: u32) {
        let stripes = self.planes.per_cpu().stripes();
        if !self.planes.per_cpu().is_available()
            || area
                .compare_exchange(0, NO_AREA, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let words = self.words();
        // The last quarter of the heap is for what cannot do without.
        let room = (words.len() - self.region.layout().heap) as u64 / 4 * 3;
        // One row more: the last CPU's words are reached through a whole stride.
        let wanted = (stripes + 1) << bits;
        let made = if self.region.heap_used() + (wanted as u64) < room {
            self.region.allocate(wanted).ok()
        } else {
            None
        };
        match made {
            Some(at) => area.store(at as u64, Ordering::Release),
            None => words.add(header::COLD_OCTAVES, 1),
        }
    }

    /// Takes the checkpoint that the slot of `now` begins with, if it is due.
    pub fn roll_if_due(&self, now: u64) {
        if self.words().acquire(self.block.saturating_add(SLOT_END)) <= now {
            self.roll(now);
        }
    }

    /// Takes the checkpoint that the slot of `now` begins with, unless somebody else does.
    #[cold]
    #[inline(never)]
    fn roll(&self, now: u64) {
        let words = self.words();
        let Some(block) = words.slice(self.block, BLOCK_WORDS) else {
            return;
        };
        let slot_ns = self.region.layout().limits.slot_ns;
        let slot = now / slot_ns;
        let Some(claim) = Claim::take(&block[CLAIM], slot, now) else {
            return;
        };
        if load_acquire(&block[SLOT_END]) > now {
            return;
        }
        let ended = (block[SLOT_END].load(Ordering::Relaxed) / slot_ns).wrapping_sub(1);
        let index = slot as usize % WINDOW_SLOTS;
        let sum = shard::total_f64(self.region, self.planes, self.series);
        let is_begun = keep_extremes(block, ended, &claim)
            && claim.put(&block[TAGS + index], 0)
            && claim.put(&block[SUMS + index], sum.to_bits())
            && self
                .outcomes()
                .is_none_or(|outcomes| outcomes.file(index, &claim));
        if !is_begun {
            return;
        }
        let bits = self.bits();
        self.make_octaves_of_shards(bits);
        let mut counts = [0u64; MOST_BUCKETS];
        let counts = &mut counts[..1 << bits];
        let mut is_held = true;
        self.each_octave(&mut |octave, at, area| {
            self.merge(octave, at, area, counts);
            is_held = self.checkpoint(at, index, counts, &claim);
            is_held
        });
        if is_held && claim.put(&block[TAGS + index], slot + 1) {
            // Never back: a later slot may have begun since.
            block[SLOT_END].fetch_max((slot + 1).saturating_mul(slot_ns), Ordering::Release);
            words.store(header::LAST_SEEN, now);
        }
    }

    /// What shards counted needs an octave to hold its checkpoint.
    fn make_octaves_of_shards(&self, bits: u32) {
        for shard in shard::all(self.region) {
            shard::octaves(&shard, self.series, bits, |octave| {
                if self.octave(octave, bits).is_err() {
                    self.words().add(header::LOST_CHECKPOINTS, 1);
                }
            });
        }
    }

    /// Writes `counts` as the checkpoint of slot `index`; false when the claim was lost.
    fn checkpoint(&self, octave: usize, index: usize, counts: &[u64], claim: &Claim<'_>) -> bool {
        let words = self.words();
        let plane_words = counts.len() / GROUP;
        let largest = counts.iter().copied().max().unwrap_or(0);
        for byte in 0..BYTE_PLANES {
            let shift = 8 * byte;
            let place = octave + OCTAVE_PLANES + byte;
            let mut plane = words.acquire(place) as usize;
            if plane == 0 {
                if largest >> shift == 0 {
                    break;
                }
                let Ok(made) = self.region.allocate(plane_words * WINDOW_SLOTS) else {
                    words.add(header::LOST_CHECKPOINTS, 1);
                    break;
                };
                let Some(link) = words.get(place) else { break };
                plane = match link.compare_exchange(
                    0,
                    made as u64,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                ) {
                    Ok(_) => made,
                    Err(other) => other as usize,
                };
            }
            let Some(cells) = words.slice(plane.saturating_add(index * plane_words), plane_words)
            else {
                break;
            };
            for (cell, group) in cells.iter().zip(counts.chunks_exact(GROUP)) {
                let bytes: [u8; 8] = std::array::from_fn(|at| (group[at] >> shift) as u8);
                if !claim.put(cell, u64::from_le_bytes(bytes)) {
                    return false;
                }
            }
        }
        true
    }

    /// The words of slot `index` in an octave's plane of the given bytes, if it was made.
    fn plane(
        &self,
        octave: usize,
        byte: usize,
        index: usize,
        plane_words: usize,
    ) -> Option<&'r [AtomicU64]> {
        let words = self.region.words();
        let plane = words.acquire(octave.saturating_add(OCTAVE_PLANES + byte)) as usize;
        let first = plane.saturating_add(index * plane_words);
        words.slice(first, plane_words).filter(|_| plane != 0)
    }

    /// Takes the checkpoint of slot `index` away from `counts`.
    fn subtract(&self, octave: usize, index: usize, counts: &mut [u64]) {
        let plane_words = counts.len() / GROUP;
        let plane = |byte: usize| self.plane(octave, byte, index, plane_words);
        // A plane is only made where those of the lower bytes are.
        match [plane(0), plane(1), plane(2), plane(3)] {
            [None, ..] => subtract([], counts),
            [Some(one), None, ..] => subtract([one], counts),
            [Some(one), Some(two), None, _] => subtract([one, two], counts),
            [Some(one), Some(two), Some(three), None] => subtract([one, two, three], counts),
            [Some(one), Some(two), Some(three), Some(four)] => {
                subtract([one, two, three, four], counts);
            }
        }
    }

    /// Calls `each` with each octave until it gives false: its number, its first word, its per-CPU
    /// counts.
    fn each_octave(&self, each: &mut dyn FnMut(usize, usize, usize) -> bool) {
        let words = self.words();
        let first = self.block.saturating_add(DIRECTORY);
        let directory = words.slice(first, 2 * DIRECTORY_ENTRIES).unwrap_or(&[]);
        for entry in directory.as_chunks::<2>().0 {
            if entry[0].load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut area = match load_acquire(&entry[1]) {
                NO_AREA => 0,
                area => area as usize,
            };
            let mut link = load_acquire(&entry[0]);
            for _ in 0..LONGEST_CHAIN {
                let octave = ((link >> 48) as usize).wrapping_sub(1);
                let at = (link & AT_MASK) as usize;
                if octave < buckets::OCTAVES && !each(octave, at, area) {
                    return;
                }
                link = words.acquire(at.saturating_add(OCTAVE_LINK));
                area = 0;
                if link == 0 {
                    break;
                }
            }
        }
    }

    /// Sums one octave over its atomic counts, its per-CPU counts and all shards.
    fn merge(&self, octave: usize, at: usize, area: usize, counts: &mut [u64]) {
        let words = self.words();
        let width = counts.len();
        let shared = words.slice(at.saturating_add(OCTAVE_COUNTS), width);
        let stripes = self.region.layout().limits.stripes as usize;
        let rows = match area {
            0 => None,
            area => words.slice(area, stripes.saturating_mul(width)),
        };
        let rows = rows.unwrap_or(&[]);
        match shared {
            Some(shared) => add_up(
                counts.as_chunks_mut().0,
                shared.as_chunks().0,
                rows.as_chunks().0,
            ),
            None => counts.fill(0),
        }
        for shard in shard::all(self.region) {
            shard.add_octave(self.series, octave, counts);
        }
    }

    /// What was recorded since the histogram was made.
    pub fn lifetime(&self) -> Distribution {
        let mut scratch = Scratch::default();
        let sum = shard::total_f64(self.region, self.planes, self.series);
        self.find_octaves(&mut scratch);
        self.gather_plain(None, &mut scratch);
        self.ever(scratch.hand_over(sum))
    }

    /// What was recorded in the last `slots` time slots, the current one included.
    pub fn window(&self, now: u64, slots: usize) -> Distribution {
        let mut scratch = Scratch::default();
        let found = self.since(now, slots, &mut scratch, &mut |base, scratch| {
            self.gather_plain(Some(base.index), scratch);
            scratch.hand_over(base.sum - base.before)
        });
        found.unwrap_or_else(|| Distribution::empty(self.bits()))
    }

    /// Both, from one reading of the buckets; no window when nothing was recorded in these slots.
    /// `beside` reads what else belongs to the checkpoint that the window begins with, given by its
    /// place.
    pub fn both(
        &self,
        now: u64,
        slots: usize,
        beside: &mut dyn FnMut(usize),
        scratch: &mut Scratch,
    ) -> (Distribution, Option<Distribution>) {
        let mut ever = None;
        let window = self.since(now, slots, scratch, &mut |base, scratch| {
            beside(base.index);
            self.gather(Some(base.index), scratch);
            ever = Some(self.ever(scratch.ever(base.sum)));
            scratch.window(base.sum - base.before)
        });
        match (ever, window) {
            (Some(ever), Some(window)) => (ever, Some(window)),
            // Nothing was recorded in these slots, or the checkpoints keep moving.
            _ => {
                let sum = shard::total_f64(self.region, self.planes, self.series);
                self.find_octaves(scratch);
                self.gather(None, scratch);
                (self.ever(scratch.ever(sum)), None)
            }
        }
    }

    /// What `read` finds since the checkpoint that the last `slots` time slots begin with; None
    /// without one, and when it is replaced again and again meanwhile.
    fn since(
        &self,
        now: u64,
        slots: usize,
        scratch: &mut Scratch,
        read: &mut dyn FnMut(&Base, &mut Scratch) -> Distribution,
    ) -> Option<Distribution> {
        let block = self.words().slice(self.block, BLOCK_WORDS)?;
        let slot_ns = self.region.layout().limits.slot_ns;
        let slot = now / slot_ns;
        let from = (slot + 1).saturating_sub(slots as u64);
        // A checkpoint taken while we read is retried a few times, never for ever.
        for _ in 0..4 {
            let tags: [u64; WINDOW_SLOTS] =
                std::array::from_fn(|at| load_acquire(&block[TAGS + at]));
            let index = (0..WINDOW_SLOTS)
                .filter(|at| tags[*at] > from && tags[*at] <= slot + 1)
                .min_by_key(|at| tags[*at])?;
            let base = Base {
                index,
                sum: shard::total_f64(self.region, self.planes, self.series),
                before: f64::from_bits(block[SUMS + index].load(Ordering::Relaxed)),
            };
            self.find_octaves(scratch);
            let mut found = read(&base, scratch);
            crate::base::sync::fence(Ordering::Acquire);
            if block[TAGS + index].load(Ordering::Relaxed) == tags[index] {
                found.clamp(window_extremes(block, from, slot, slot_ns));
                return Some(found);
            }
        }
        None
    }

    /// What was found, as all that was ever recorded.
    fn ever(&self, mut found: Distribution) -> Distribution {
        found.edges = self.edges();
        let words = self.words();
        let mut extremes = (
            words.load(self.block.saturating_add(EVER_MIN)),
            words.load(self.block.saturating_add(EVER_MAX)),
        );
        for shard in shard::all(self.region) {
            if let Some((min, max)) = shard::extremes(&shard, self.series) {
                extremes = (extremes.0.min(min), extremes.1.max(max));
            }
        }
        found.clamp(extremes);
        found
    }

    /// Finds the octaves that there are, in ascending order.
    fn find_octaves(&self, scratch: &mut Scratch) {
        let bits = self.bits();
        scratch.begin(bits);
        let octaves = &mut scratch.octaves;
        octaves.reserve(DIRECTORY_ENTRIES);
        self.each_octave(&mut |octave, at, area| {
            octaves.push((octave, at, area));
            true
        });
        for shard in shard::all(self.region) {
            shard::octaves(&shard, self.series, bits, |octave| {
                if !octaves.iter().any(|found| found.0 == octave) {
                    octaves.push((octave, usize::MAX / 2, 0));
                }
            });
        }
        sort_few(octaves);
        octaves.dedup_by_key(|found| found.0);
    }

    /// Packs the counts of all octaves, and those since the checkpoint of slot `base`.
    fn gather(&self, base: Option<usize>, scratch: &mut Scratch) {
        let mut counts = [0; MOST_BUCKETS];
        let counts = &mut counts[..1 << scratch.bits];
        let plane_words = counts.len() / GROUP;
        let is_alone = shard::all(self.region).next().is_none();
        for (octave, at, area) in scratch.octaves.iter().copied() {
            let shared = at.saturating_add(OCTAVE_COUNTS);
            // Most octaves are cold, and have small counts.
            let cold = match self.words().slice(shared, counts.len()) {
                Some(cold) if is_alone && area == 0 => cold,
                _ => &[],
            };
            let is_packed = !cold.is_empty() && scratch.ever.push_bytes(octave, cold);
            if !is_packed {
                self.merge(octave, at, area, counts);
                scratch.ever.push(octave, counts);
            }
            let Some(index) = base else {
                continue;
            };
            let then = self.plane(at, 0, index, plane_words);
            if !scratch.window.push_since(&scratch.ever, octave, then) {
                self.subtract(at, index, counts);
                scratch.window.push(octave, counts);
            }
        }
    }

    /// Reads the counts of all octaves, or those since the checkpoint of slot `base` alone.
    fn gather_plain(&self, base: Option<usize>, scratch: &mut Scratch) {
        let mut counts = [0; MOST_BUCKETS];
        let counts = &mut counts[..1 << scratch.bits];
        scratch.ever.reserve(scratch.octaves.len(), counts.len());
        for (octave, at, area) in scratch.octaves.iter().copied() {
            self.merge(octave, at, area, counts);
            if let Some(index) = base {
                self.subtract(at, index, counts);
            }
            scratch.ever.push_plain(octave, counts);
        }
    }
}

/// An octave: its number, its first word, its per-CPU counts.
type Place = (usize, usize, usize);

/// What a window begins with.
struct Base {
    /// The place of its checkpoint.
    index: usize,
    /// The sum of all values, now and then.
    sum: f64,
    before: f64,
}

/// Sorts what is short and nearly in order; what is long comes from a damaged region.
fn sort_few(octaves: &mut [Place]) {
    if octaves.len() > DIRECTORY_ENTRIES {
        octaves.order();
        return;
    }
    for end in 1..octaves.len() {
        let mut at = end;
        while at > 0 && octaves[at - 1] > octaves[at] {
            octaves.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Memory to read histograms with, one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    bits: u32,
    octaves: Vec<Place>,
    ever: Packer,
    window: Packer,
}

impl Scratch {
    /// Nothing was read of a histogram with `bits` fraction bits.
    fn begin(&mut self, bits: u32) {
        self.bits = bits;
        self.octaves.clear();
        self.ever.clear();
        self.window.clear();
    }

    fn ever(&mut self, sum: f64) -> Distribution {
        Distribution::packed(self.ever.finish(self.bits), sum)
    }

    fn window(&mut self, sum: f64) -> Distribution {
        Distribution::packed(self.window.finish(self.bits), sum)
    }

    /// What was read plainly; the memory goes with it.
    fn hand_over(&mut self, sum: f64) -> Distribution {
        Distribution::packed(self.ever.hand_over(self.bits), sum)
    }
}

/// What [`Histogram::record_at_once`] seldom has to do.
#[inline(never)]
fn finish(region: &Region, planes: &Planes, block: usize, value_bits: u64, is_warm: bool) {
    const FRACTION: u32 = buckets::DEFAULT_BITS;
    let list = region.words().load(block.saturating_add(EDGES));
    if list != 0 {
        edges::split(region.words(), list, value_bits, FRACTION);
    }
    let (octave, _) = buckets::locate(value_bits, FRACTION);
    let area = block.saturating_add(DIRECTORY + octave % DIRECTORY_ENTRIES * 2 + 1);
    if let (true, Some(area)) = (is_warm, region.words().get(area)) {
        Histogram::new(region, planes, block, 0).warm(area, FRACTION);
    }
}

/// True when a bucket that had `before` samples shows with the next one that its octave is hot.
#[inline(always)]
fn is_warm_at(before: u64) -> bool {
    before % limits::HOT_BUCKET_SAMPLES == limits::HOT_BUCKET_SAMPLES - 1
}

/// Takes what `PLANES` planes hold away from `counts`, modulo 2^32.
fn subtract<const PLANES: usize>(planes: [&[AtomicU64]; PLANES], counts: &mut [u64]) {
    let (groups, _) = counts.as_chunks_mut::<GROUP>();
    for (at, group) in groups.iter_mut().enumerate() {
        let low = woven(word_of(&planes, 0, at), word_of(&planes, 1, at));
        let high = woven(word_of(&planes, 2, at), word_of(&planes, 3, at));
        let [a, b, c, d, e, f, g, h] = *group;
        *group = [
            less(a, low.0, high.0, 0),
            less(b, low.1, high.1, 0),
            less(c, low.0, high.0, 16),
            less(d, low.1, high.1, 16),
            less(e, low.0, high.0, 32),
            less(f, low.1, high.1, 32),
            less(g, low.0, high.0, 48),
            less(h, low.1, high.1, 48),
        ];
    }
}

/// True when a directory's word leads to per-CPU counts: neither none nor some that are being made.
#[inline(always)]
fn is_area(word: u64) -> bool {
    word.wrapping_add(1) > 1
}

/// The extreme for ever comes first: it is only looked at when the slot's changes, so the slot's
/// must never be ahead of it, not even of a process that is killed in between.
#[cold]
fn raise(slot: &AtomicU64, ever: &AtomicU64, value: u64) {
    ever.fetch_max(value, Ordering::Relaxed);
    slot.fetch_max(value, Ordering::Release);
}

/// As [`raise`].
#[cold]
fn lower(slot: &AtomicU64, ever: &AtomicU64, value: u64) {
    ever.fetch_min(value, Ordering::Relaxed);
    slot.fetch_min(value, Ordering::Release);
}

/// Files the extremes of the slot that ended, and starts the new slot's; false when the claim was
/// lost. Filed before they are taken away: killed in between, they count for the new slot as well.
/// Filed once: what the next holder finds there since may be of the new slot. So the tag is taken
/// away by a compare-and-swap from what it was before the extremes were read.
fn keep_extremes(block: &[AtomicU64], ended: u64, claim: &Claim<'_>) -> bool {
    let index = ended as usize % WINDOW_SLOTS;
    let tag = &block[EXTREME_TAGS + index];
    let filed = ended.wrapping_add(1);
    let seen = load_acquire(tag);
    if seen == filed {
        return true;
    }
    // Pair with the Release of the reset below and of raise() and lower(): who sees values of the
    // new slot also sees the tag.
    let (max, min) = (
        block[SLOT_MAX].load(Ordering::Acquire),
        block[SLOT_MIN].load(Ordering::Acquire),
    );
    if !claim.is_held() {
        return false;
    }
    if let Err(other) = tag.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire) {
        return other == filed;
    }
    let is_filed = claim.put(&block[EXTREMES + 2 * index], max)
        && claim.put(&block[EXTREMES + 2 * index + 1], min)
        && claim.put(tag, filed);
    if is_filed {
        let _ = block[SLOT_MAX].compare_exchange(max, 0, Ordering::Release, Ordering::Relaxed);
        let _ =
            block[SLOT_MIN].compare_exchange(min, INFINITY, Ordering::Release, Ordering::Relaxed);
    }
    is_filed
}

/// Smallest and largest bits of the slots from `first` to `last`.
fn window_extremes(block: &[AtomicU64], first: u64, last: u64, slot_ns: u64) -> (u64, u64) {
    let mut extremes = (INFINITY, 0);
    let mut take = |min: u64, max: u64| extremes = (extremes.0.min(min), extremes.1.max(max));
    for index in 0..WINDOW_SLOTS {
        let tag = load_acquire(&block[EXTREME_TAGS + index]);
        if tag > first && tag <= last + 1 {
            take(
                block[EXTREMES + 2 * index + 1].load(Ordering::Relaxed),
                block[EXTREMES + 2 * index].load(Ordering::Relaxed),
            );
        }
    }
    // The current extremes belong to the slot that nobody has ended yet.
    if block[SLOT_END].load(Ordering::Relaxed) / slot_ns > first {
        take(
            block[SLOT_MIN].load(Ordering::Relaxed),
            block[SLOT_MAX].load(Ordering::Relaxed),
        );
    }
    extremes
}

#[cold]
fn damaged<T>() -> Result<T> {
    Err(Error::format("the histogram's memory is damaged"))
}

/// What a histogram held at one moment; plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    bits: u32,
    counts: Packed,
    edges: Vec<edges::Edge>,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest; NaN when there is none.
    pub min: f64,
    /// The largest; NaN when there is none.
    pub max: f64,
}

impl Distribution {
    /// No values.
    pub fn empty(bits: u32) -> Self {
        Distribution {
            bits,
            counts: Packed::none(bits),
            edges: Vec::new(),
            count: 0,
            sum: 0.0,
            min: f64::NAN,
            max: f64::NAN,
        }
    }

    /// Such counts, which are so many values, with their sum and without extremes.
    fn packed((counts, count): (Packed, u64), sum: f64) -> Self {
        Distribution {
            bits: counts.bits(),
            counts,
            edges: Vec::new(),
            count,
            sum: if count == 0 { 0.0 } else { sum },
            min: f64::NAN,
            max: f64::NAN,
        }
    }

    /// Fraction bits of its buckets.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Sets the extremes from exact ones, as far as these agree with the buckets, else from the
    /// middles of the buckets: a reader may see a count before its extreme, and shards keep none
    /// for a window.
    fn clamp(&mut self, (min, max): (u64, u64)) {
        let Some([first, last]) = self.counts.ends() else {
            return;
        };
        let agrees = |value: f64, (octave, bucket)| {
            value >= buckets::lower(octave, bucket, self.bits)
                && value < buckets::upper(octave, bucket, self.bits)
        };
        let middle = |(octave, bucket)| buckets::middle(octave, bucket, self.bits);
        let exact = |bits: u64, place| Some(f64::from_bits(bits)).filter(|v| agrees(*v, place));
        let (min, max) = (exact(min, first), exact(max, last));
        self.min = min.unwrap_or_else(|| middle(first));
        self.max = max.unwrap_or_else(|| middle(last));
        if self.min > self.max {
            // One bucket, and only one of its extremes is known.
            (self.min, self.max) = (middle(first), middle(last));
        }
    }

    /// The buckets that hold something, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        let bits = self.bits;
        self.counts.indices().map(move |(index, count)| {
            let (octave, bucket) = (index >> bits, index & ((1 << bits) - 1));
            let (octave, bucket) = (octave as usize, bucket as usize);
            Bucket {
                lower: buckets::lower(octave, bucket, bits),
                upper: buckets::upper(octave, bucket, bits),
                middle: buckets::middle(octave, bucket, bits),
                count,
            }
        })
    }

    /// How many values are at most each of `bounds`, which ascend, those of the bucket that it lies
    /// in included.
    #[inline(always)]
    pub fn counts_up_to(&self, bounds: impl Iterator<Item = f64>, mut give: impl FnMut(u64)) {
        let mut octaves = self.counts.octaves();
        let mut next = octaves.next();
        let mut before = 0u64;
        for bound in bounds {
            if bound.is_nan() || bound < 0.0 {
                give(0);
                continue;
            }
            let (number, bucket) = buckets::locate((bound + 0.0).to_bits(), self.bits);
            give(loop {
                match &next {
                    Some(octave) if octave.number < number => {
                        before = before.saturating_add(octave.total);
                        next = octaves.next();
                    }
                    Some(octave) if octave.number == number => {
                        break before.saturating_add(octave.sum(bucket + 1));
                    }
                    _ => break before,
                }
            });
        }
    }

    /// The values at `quantiles`, each from 0 to 1, by nearest rank: the smallest value such that
    /// at least that share of all values is not larger. NaN without data.
    pub fn quantiles(&self, quantiles: &[f64], out: &mut [f64]) {
        if self.count == 0 {
            out.fill(f64::NAN);
            return;
        }
        for (quantile, out) in quantiles.iter().zip(out) {
            let rank = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count);
            *out = if rank == self.count {
                self.max
            } else if rank == 1 {
                self.min
            } else {
                let (octave, bucket) = self.counts.reach(rank);
                buckets::middle(octave, bucket, self.bits).clamp(self.min, self.max)
            };
        }
    }
}

/// The sums of `shared` and all `rows`. A few at a time stay in registers.
#[inline(never)]
fn add_up(sums: &mut [[u64; GROUP]], shared: &[[AtomicU64; GROUP]], rows: &[[AtomicU64; GROUP]]) {
    let row = sums.len();
    for (group, sum) in sums.iter_mut().enumerate() {
        let mut all = shared.get(group).map_or([0; GROUP], values);
        let mut at = group;
        while let Some(cells) = rows.get(at) {
            all = added(all, values(cells));
            at += row;
        }
        *sum = all;
    }
}

// Spelled out, since the library is compiled for size: as loops they would stay loops, and the sums
// in memory.

#[inline(always)]
fn values([a, b, c, d, e, f, g, h]: &[AtomicU64; GROUP]) -> [u64; GROUP] {
    let value = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
    [
        value(a),
        value(b),
        value(c),
        value(d),
        value(e),
        value(f),
        value(g),
        value(h),
    ]
}

/// Word `at` of a plane, of which there may be fewer.
#[inline(always)]
fn word_of<const PLANES: usize>(planes: &[&[AtomicU64]; PLANES], plane: usize, at: usize) -> u64 {
    let cell = planes.get(plane).and_then(|plane| plane.get(at));
    cell.map_or(0, |cell| cell.load(Ordering::Relaxed))
}

/// Eight numbers of two bytes each, by their lower and their upper bytes: those in even places, and
/// those in odd ones.
#[inline(always)]
fn woven(lower: u64, upper: u64) -> (u64, u64) {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    let even = lower & EVEN | (upper & EVEN) << 8;
    let odd = lower >> 8 & EVEN | upper & !EVEN;
    (even, odd)
}

/// What `count` is more than it was then, modulo 2^32: the two bytes at bit `at` of `low`, and those
/// of `high` above them.
#[inline(always)]
fn less(count: u64, low: u64, high: u64, at: u32) -> u64 {
    let then = u32::from((low >> at) as u16) | u32::from((high >> at) as u16) << 16;
    u64::from((count as u32).wrapping_sub(then))
}

#[inline(always)]
fn added(sums: [u64; GROUP], more: [u64; GROUP]) -> [u64; GROUP] {
    let [a, b, c, d, e, f, g, h] = sums;
    [
        a.wrapping_add(more[0]),
        b.wrapping_add(more[1]),
        c.wrapping_add(more[2]),
        d.wrapping_add(more[3]),
        e.wrapping_add(more[4]),
        f.wrapping_add(more[5]),
        g.wrapping_add(more[6]),
        h.wrapping_add(more[7]),
    ]
}

/// A bucket that holds something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its smallest value.
    pub lower: f64,
    /// The smallest value above it.
    pub upper: f64,
    /// What it reads as.
    pub middle: f64,
    /// Values in it.
    pub count: u64,
}

#[cfg(all(test, not(loom)))]
mod tests;
