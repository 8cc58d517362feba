//! The words of a limiter in the region's table.
//!
//! ```text
//!  0 id, 0 until published   1 hash of the name   2 shape          3 ticks a ns, or window ns
//!  4 ticks or units a unit   5 ticks or units of the whole         6 state   7 groups
//!  8 ring        9 slots    10 map of touched groups              11 name   12 most keys
//! 13 burst or limit         14 rate or window in seconds, as a double
//! 16 table of rules         17 most rules                    18 rule of a limiter without keys
//! 19 when an eviction was last told                          20 sketches of top keys
//! 21 block of a changed policy   22 when denials were last told   23 how many there were then
//! ```
//! The shape is algorithm, keyed or not, what to do when full, and flags for all that a plain
//! limiter has not. Word 3 of a token bucket also holds its reach, above the ticks.
//!
//! What a check needs comes first, so that a token bucket's check reads one cache line. Word 12 to
//! 14 and the shape are the policy that it was made with; the others follow from it, or say where
//! things are. What a changed limiter is held to is in `terms`.

use super::fixed::Fixed;
use super::gcra::{Rate, TICKS_MASK};
use super::keys::Table;
use super::mask::Recorded;
use super::policy::{Algorithm, Keyed, LimiterPolicy, WarmUp, WhenFull};
use super::sliding::Window;
use super::terms::Block;
use super::warm;
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
/// Ticks in a nanosecond, and the reach; or the window in nanoseconds.
pub const PER_NS: usize = 3;
/// Ticks of a unit; or units of a slot; or bits of a fixed window's count.
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

/// What is in force for keys by name: word of the table.
pub const RULES_AT: usize = 16;
/// Keys that the table of rules has room for.
pub const MAX_RULES: usize = 17;
/// The rule of a limiter without keys.
pub const RULE: usize = 18;
/// When an eviction was last put into the ring of events.
pub const EVICTION_TOLD: usize = 19;
/// First word of the sketches of a limiter that records keys.
pub const TOP_AT: usize = 20;
/// The block that says what is in force instead of words 3 to 5, 13 and 14; 0 for none.
pub const BLOCK_AT: usize = 21;
/// When denials were last put into the ring of events.
pub const DENIAL_TOLD: usize = 22;
/// How many denials there had been then.
pub const DENIALS_TOLD: usize = 23;
/// 1 once the lists of the configuration that made the limiter are in force.
pub const LISTED: usize = 24;

/// Shape of a token bucket without keys.
pub const BUCKET: u64 = 0;
/// Shape of a token bucket with keys.
pub const KEYED_BUCKET: u64 = 1;
/// Shape of a sliding window without keys.
pub const WINDOW: u64 = 2;
/// Shape of a sliding window with keys.
pub const KEYED_WINDOW: u64 = 3;
/// Shape of a fixed window without keys.
pub const FIXED: u64 = 4;
/// Shape of a fixed window with keys.
pub const KEYED_FIXED: u64 = 5;

/// The bits of the shape proper.
const SHAPE_MASK: u64 = 7;
/// Set when any of the flags is: plain limiters look at one bit for all of them.
pub const SPECIAL: u64 = 1 << 3;
/// Where the number of what to do when full is.
const WHEN_FULL_SHIFT: u32 = 4;
/// The limiter counts what it would deny, and lets it pass.
pub const SHADOW: u64 = 1 << 8;
/// Some key is blocked, listed or on a plan of its own.
pub const RULES: u64 = 1 << 9;
/// Where the number of what is recorded of keys is; 0 is nothing.
const RECORDED_SHIFT: u32 = 10;
/// The limiter is a token bucket that warms up.
pub const WARM: u64 = 1 << 13;

/// A limiter's words.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    words: &'a [AtomicU64; LIMITER_WORDS],
}

impl<'a> Entry<'a> {
    /// Limiter number `index` of `region`.
    #[inline(always)]
    pub fn at(region: &'a Region, index: usize) -> Option<Self> {
        let words = region.limiter(index)?;
        Some(Entry { words })
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
        self.word(SHAPE) & SHAPE_MASK
    }

    /// The shape, and whether anything about the limiter is special.
    #[inline(always)]
    pub fn mode(&self) -> u64 {
        self.word(SHAPE) & (SHAPE_MASK | SPECIAL)
    }

    /// True when the shape has `flag`.
    #[inline]
    pub fn has(&self, flag: u64) -> bool {
        self.word(SHAPE) & flag != 0
    }

    /// Sets `flag` for good.
    pub fn flag(&self, flag: u64) {
        if let Some(word) = self.words.get(SHAPE) {
            word.fetch_or(flag | SPECIAL, Ordering::Release);
        }
    }

    /// True when the limiter has keys.
    #[inline]
    pub fn is_keyed(&self) -> bool {
        self.shape() & 1 == 1
    }

    /// What to do with a new key when there is no room.
    #[inline(always)]
    pub fn when_full(&self) -> WhenFull {
        WhenFull::from_number(self.word(SHAPE) >> WHEN_FULL_SHIFT & 3)
    }

    /// What is recorded of keys.
    #[inline]
    pub fn recorded(&self) -> Option<Recorded> {
        Recorded::from_number(self.word(SHAPE) >> RECORDED_SHIFT & 7)
    }

    /// The rate of a token bucket.
    #[inline(always)]
    pub fn rate(&self) -> Rate {
        let ticks = self.word(PER_NS);
        Rate {
            per_ns: ticks & TICKS_MASK,
            per_unit: self.word(PER_UNIT),
            full: self.word(FULL),
            reach: ticks | TICKS_MASK,
        }
    }

    /// Makes the reach of a token bucket at least `ahead`, before any state is that far ahead:
    /// states are read before the rate, so whoever sees such a state sees the reach.
    pub fn raise_reach(&self, ahead: u64) {
        if let Some(word) = self.words.get(PER_NS) {
            let raised = |ticks: u64| {
                ((ticks | TICKS_MASK) < ahead).then_some(ahead & !TICKS_MASK | ticks & TICKS_MASK)
            };
            let _ = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, raised);
        }
    }

    /// The counts of a fixed window.
    #[inline]
    pub fn fixed(&self) -> Fixed {
        Fixed {
            limit: self.word(FULL),
            window_ns: self.word(PER_NS),
            bits: self.word(PER_UNIT),
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

    /// Where the block of a changed policy is, and all that was written before it; 0 for none.
    pub fn block_at(&self) -> u64 {
        self.words.get(BLOCK_AT).map_or(0, load_acquire)
    }

    /// The block of a changed policy.
    #[inline]
    pub(super) fn block(&self, words: Words) -> Option<Block> {
        // The whole is 0 only after the block is there.
        let _ = self.words.get(FULL).map_or(0, load_acquire);
        match self.block_at() {
            0 => None,
            at => Some(Block::read(words, at)),
        }
    }

    /// Makes sure that nobody goes by the words that the limiter was made with: no check passes a
    /// whole of 0.
    pub fn supersede(&self) {
        if let Some(word) = self.words.get(FULL) {
            word.store(0, Ordering::Release);
        }
        self.flag(SPECIAL);
    }

    /// The policy; None when the words are not those of any.
    pub fn policy(&self, words: Words) -> Option<LimiterPolicy> {
        let (units, pace) = match self.block(words) {
            None => (self.word(UNITS), self.word(PACE)),
            Some(block) => (block.units, block.pace),
        };
        let pace = f64::from_bits(pace);
        let warm_up_seconds = match self.has(WARM) {
            false => None,
            true => Some(f64::from_bits(self.block(words)?.window_ns)),
        };
        let algorithm = match self.shape() & !1 {
            BUCKET => Algorithm::token_bucket(pace, units, warm_up_seconds)?,
            WINDOW => Algorithm::sliding_window(units, pace)?,
            FIXED => Algorithm::fixed_window(units, pace)?,
            _ => return None,
        };
        let keyed = Keyed {
            max_keys: self.word(MAX_KEYS),
            when_full: self.when_full(),
        };
        Some(LimiterPolicy {
            algorithm,
            keyed: self.is_keyed().then_some(keyed),
            shadow: self.has(SHADOW),
            recorded: self.recorded(),
        })
    }

    /// Writes `policy`; called before the id is published.
    pub fn set_policy(&self, policy: &LimiterPolicy) {
        let is_keyed = u64::from(policy.keyed.is_some());
        let when_full = policy.keyed.map_or(0, |keyed| keyed.when_full as u64);
        let (shape, numbers, pace) = match policy.algorithm {
            Algorithm::TokenBucket {
                warm_up: Some(WarmUp { scale, .. }),
                rate_per_second,
                ..
            } => (
                BUCKET,
                [
                    warm::reach(scale.full) & !TICKS_MASK | 1,
                    scale.per_unit,
                    0,
                    0,
                ],
                rate_per_second,
            ),
            Algorithm::TokenBucket {
                rate_per_second,
                rate,
                ..
            } => (
                BUCKET,
                [
                    rate.reach & !TICKS_MASK | rate.per_ns,
                    rate.per_unit,
                    rate.full,
                    0,
                ],
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
            Algorithm::FixedWindow {
                window_seconds,
                window: w,
                ..
            } => (FIXED, [w.window_ns, w.bits, w.limit, 0], window_seconds),
        };
        let shadow = if policy.shadow { SHADOW } else { 0 };
        let recorded = policy.recorded.map_or(0, Recorded::number) << RECORDED_SHIFT;
        let warm = match policy.algorithm {
            Algorithm::TokenBucket {
                warm_up: Some(_), ..
            } => WARM,
            _ => 0,
        };
        let special = match shadow | recorded | warm {
            0 => 0,
            flags => flags | SPECIAL,
        };
        self.set(
            SHAPE,
            shape | is_keyed | (when_full << WHEN_FULL_SHIFT) | special,
        );
        for (at, number) in [PER_NS, PER_UNIT, FULL, SLOTS].into_iter().zip(numbers) {
            self.set(at, number);
        }
        self.set(MAX_KEYS, policy.keyed.map_or(0, |keyed| keyed.max_keys));
        self.set(UNITS, policy.algorithm.units());
        self.set(PACE, pace.to_bits());
    }

    /// Word `at` itself.
    pub fn get(&self, at: usize) -> Option<&'a AtomicU64> {
        self.words.get(at)
    }

    /// Writes word `at` if nobody has yet.
    pub fn set_if_zero(&self, at: usize, value: u64) {
        if let Some(word) = self.words.get(at) {
            let _ = word.compare_exchange(0, value, Ordering::AcqRel, Ordering::Relaxed);
        }
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
