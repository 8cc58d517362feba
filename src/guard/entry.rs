//! The words of a limiter in the region's table.
//!
//! ```text
//!  0 id, 0 until published   1 hash of the name   2 shape          3 ticks a ns, or window ns
//!  4 ticks or units a unit   5 ticks or units of the whole         6 state   7 groups
//!  8 ring        9 slots    10 map of touched groups              11 name   12 most keys
//! 13 burst or limit         14 rate or window in seconds, as a double
//! ```
//! What a check needs comes first, so that a token bucket's check reads one cache line. Word 12 to
//! 14 and the shape are the policy; the others follow from it, or say where things are.

use super::gcra::Rate;
use super::keys::Table;
use super::policy::{Algorithm, Keyed, LimiterPolicy, WhenFull};
use super::sliding::Window;
use crate::base::sync::{AtomicU64, Ordering, load_acquire};
use crate::region::Region;
use crate::region::layout::LIMITER_WORDS;
use crate::region::raw::Words;

/// The id; the last word to be written.
pub const ID: usize = 0;
/// Hash of the name.
pub const NAME_HASH: usize = 1;
/// Algorithm, keyed or not, and what to do when full.
pub const SHAPE: usize = 2;
/// Ticks in a nanosecond; or the window in nanoseconds.
pub const PER_NS: usize = 3;
/// Ticks of a unit; or units of a slot.
pub const PER_UNIT: usize = 4;
/// Ticks of a burst; or the limit.
pub const FULL: usize = 5;
/// First word of the keyed table, or of the only pair.
pub const STATE_AT: usize = 6;
/// Groups of the keyed table.
pub const GROUPS: usize = 7;
/// First word of the rings.
pub const RING_AT: usize = 8;
/// Slots of a ring.
pub const SLOTS: usize = 9;
/// First word of the map of touched groups.
pub const TOUCHED_AT: usize = 10;
/// The name.
pub const NAME: usize = 11;
/// Most keys.
pub const MAX_KEYS: usize = 12;
/// Burst or limit.
pub const UNITS: usize = 13;
/// Rate or window in seconds, as a double.
pub const PACE: usize = 14;

/// Shape of a token bucket without keys.
pub const BUCKET: u64 = 0;
/// Shape of a token bucket with keys.
pub const KEYED_BUCKET: u64 = 1;
/// Shape of a sliding window without keys.
pub const WINDOW: u64 = 2;
/// Shape of a sliding window with keys.
pub const KEYED_WINDOW: u64 = 3;
/// Bits of the shape proper; what to do when full is above.
pub const SHAPE_BITS: u32 = 2;

/// A limiter's words.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    words: &'a [AtomicU64; LIMITER_WORDS],
}

impl<'a> Entry<'a> {
    /// Limiter number `index` of `region`.
    #[inline(always)]
    pub fn at(region: &Region, index: usize) -> Option<Self> {
        let at = region.layout().limiters.entry(index)?;
        let words = region.words().slice(at, LIMITER_WORDS)?;
        Some(Entry {
            words: words.try_into().ok()?,
        })
    }

    /// Word `at` of the entry.
    #[inline(always)]
    pub fn word(&self, at: usize) -> u64 {
        self.words
            .get(at)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The id, and all that was written before it; 0 when there is no limiter.
    #[inline(always)]
    pub fn id(&self) -> u64 {
        self.words.first().map_or(0, load_acquire)
    }

    /// The shape.
    #[inline(always)]
    pub fn shape(&self) -> u64 {
        self.word(SHAPE) & ((1 << SHAPE_BITS) - 1)
    }

    /// What to do with a new key when there is no room.
    #[inline(always)]
    pub fn when_full(&self) -> WhenFull {
        WhenFull::from_number(self.word(SHAPE) >> SHAPE_BITS)
    }

    /// The rate of a token bucket.
    #[inline(always)]
    pub fn rate(&self) -> Rate {
        Rate {
            per_ns: self.word(PER_NS),
            per_unit: self.word(PER_UNIT),
            full: self.word(FULL),
        }
    }

    /// The ring of a sliding window.
    #[inline(always)]
    pub fn window(&self) -> Window {
        Window {
            window_ns: self.word(PER_NS),
            per_slot: self.word(PER_UNIT),
            limit: self.word(FULL),
            slots: self.word(SLOTS),
        }
    }

    /// The table of a keyed limiter.
    #[inline(always)]
    pub fn table(&self, words: Words) -> Table {
        Table {
            words,
            at: self.word(STATE_AT) as usize,
            groups: self.word(GROUPS),
            touched_at: self.word(TOUCHED_AT) as usize,
        }
    }

    /// The ring number `index`.
    #[inline(always)]
    pub fn ring(&self, words: Words, index: usize) -> Option<&'a [AtomicU64]> {
        let slots = self.word(SLOTS) as usize;
        words.slice(
            (self.word(RING_AT) as usize).wrapping_add(index.wrapping_mul(slots)),
            slots,
        )
    }

    /// The state of a limiter without keys.
    #[inline(always)]
    pub fn state(&self, words: Words) -> Option<&'a AtomicU64> {
        words.get((self.word(STATE_AT) as usize).wrapping_add(1))
    }

    /// The policy; None when the words are not those of any.
    pub fn policy(&self) -> Option<LimiterPolicy> {
        let (units, pace) = (self.word(UNITS), f64::from_bits(self.word(PACE)));
        let is_bucket = matches!(self.shape(), BUCKET | KEYED_BUCKET);
        let algorithm = if is_bucket {
            Algorithm::token_bucket(pace, units)?
        } else {
            Algorithm::sliding_window(units, pace)?
        };
        let is_keyed = matches!(self.shape(), KEYED_BUCKET | KEYED_WINDOW);
        let keyed = Keyed {
            max_keys: self.word(MAX_KEYS),
            when_full: self.when_full(),
        };
        Some(LimiterPolicy {
            algorithm,
            keyed: is_keyed.then_some(keyed),
        })
    }

    /// Writes `policy`; called before the id is published.
    pub fn set_policy(&self, policy: &LimiterPolicy) {
        let is_keyed = u64::from(policy.keyed.is_some());
        let when_full = policy.keyed.map_or(0, |keyed| keyed.when_full as u64);
        let (shape, numbers, pace) = match policy.algorithm {
            Algorithm::TokenBucket {
                rate_per_second,
                rate,
                ..
            } => (
                BUCKET,
                [rate.per_ns, rate.per_unit, rate.full, 0],
                rate_per_second,
            ),
            Algorithm::SlidingWindow {
                window_seconds,
                window: w,
                ..
            } => (
                WINDOW,
                [w.window_ns, w.per_slot, w.limit, w.slots],
                window_seconds,
            ),
        };
        self.set(SHAPE, shape | is_keyed | (when_full << SHAPE_BITS));
        for (at, number) in [PER_NS, PER_UNIT, FULL, SLOTS].into_iter().zip(numbers) {
            self.set(at, number);
        }
        self.set(MAX_KEYS, policy.keyed.map_or(0, |keyed| keyed.max_keys));
        self.set(UNITS, policy.algorithm.units());
        self.set(PACE, pace.to_bits());
    }

    /// Writes word `at`.
    pub fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.words.get(at) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Publishes the entry as `id`.
    pub fn publish(&self, id: u64) {
        if let Some(word) = self.words.first() {
            word.store(id, Ordering::Release);
        }
    }
}
