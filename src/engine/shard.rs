//! Shards: cells that one foreign thread writes alone.

use super::{Counter, Engine, HistogramId, ShardId};
use crate::base::error::Result;
use crate::cell::shard::{self, Numbers};
use crate::region::handle::IdKind;

/// Where a shard's owner counts one histogram: word numbers of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardHistogram {
    /// The sum, a double.
    pub sum: usize,
    /// Smallest and largest value, doubles, in two words.
    pub extremes: usize,
    /// First of `octaves << bits` counts.
    pub counts: usize,
    /// Fraction bits of a bucket.
    pub bits: u32,
}

impl Engine {
    /// The word of the region where foreign threads may add to a counter with an atomic add.
    pub fn counter_cell(&self, counter: Counter) -> Result<usize> {
        self.writer()?;
        let series = self.resolve(counter.0, IdKind::Counter)?;
        Ok(self.region.layout().planes.at + series)
    }

    /// Takes a shard for the calling thread.
    pub fn open_shard(&self, numbers: Numbers) -> Result<ShardId> {
        self.writer()?;
        self.beat();
        shard::open(&self.region, numbers).map(ShardId)
    }

    /// Gives a shard back; its numbers stay in the totals.
    pub fn close_shard(&self, shard: ShardId) -> Result<()> {
        self.writer()?;
        shard::close(&self.region, shard.0)
    }

    /// The word where the owner of `shard` counts `counter`.
    pub fn shard_counter(&self, shard: ShardId, counter: Counter) -> Result<usize> {
        self.writer()?;
        let series = self.resolve(counter.0, IdKind::Counter)?;
        shard::cell(&self.region, shard.0, series)
    }

    /// Where the owner of `shard` counts `histogram`.
    pub fn shard_histogram(
        &self,
        shard: ShardId,
        histogram: HistogramId,
    ) -> Result<ShardHistogram> {
        self.writer()?;
        let series = self.resolve(histogram.0, IdKind::Histogram)?;
        self.shard_distribution(shard, series)
    }

    /// Where the owner of `shard` counts the histogram, or the latencies of the operation, `series`.
    pub(super) fn shard_distribution(
        &self,
        shard: ShardId,
        series: usize,
    ) -> Result<ShardHistogram> {
        let bits = self.histogram_of(series).bits();
        let dense = shard::histogram(&self.region, shard.0, series, bits)?;
        Ok(ShardHistogram {
            sum: shard::cell(&self.region, shard.0, series)?,
            extremes: dense + shard::DENSE_MIN,
            counts: dense + shard::DENSE_HEADER,
            bits,
        })
    }
}
