//! One value many times: what another histogram counted.

use super::{BLOCK_WORDS, EDGES, EVER_MAX, EVER_MIN, Histogram, SLOT_MAX, SLOT_MIN};
use super::{damaged, edges, lower, raise};
use crate::base::error::Result;
use crate::base::sync::Ordering;
use crate::cell::buckets;

impl Histogram<'_> {
    /// Records a finite value of at least zero so many times at region time `now`; true when it began
    /// a time slot. As [`Histogram::record_at`] that often, but for the rounding of the sum.
    pub fn record_times(&self, now: u64, value: f64, times: u64) -> Result<bool> {
        if times == 0 {
            return Ok(false);
        }
        // Minus zero is zero.
        let value_bits = value.to_bits() & (u64::MAX >> 1);
        let Some(block) = self.words().slice(self.block, BLOCK_WORDS) else {
            return damaged();
        };
        let begins = now >= block[super::SLOT_END].load(Ordering::Relaxed);
        if begins {
            self.roll(now);
        }
        let (octave, bucket) = buckets::locate(value_bits, self.bits());
        self.count_elsewhere(octave, bucket, times)?;
        let list = block[EDGES].load(Ordering::Relaxed);
        if list != 0 {
            edges::split_times(self.words(), list, value_bits, self.bits(), times);
        }
        self.planes.add_f64(self.series, value * times as f64);
        if value_bits > block[SLOT_MAX].load(Ordering::Relaxed) {
            raise(&block[SLOT_MAX], &block[EVER_MAX], value_bits);
        }
        if value_bits < block[SLOT_MIN].load(Ordering::Relaxed) {
            lower(&block[SLOT_MIN], &block[EVER_MIN], value_bits);
        }
        Ok(begins)
    }
}
