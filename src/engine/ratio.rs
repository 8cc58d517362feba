//! Ratios: hits and misses.

use super::{Engine, RatioId};
use crate::base::error::{Error, Result};
use crate::base::limits::WINDOW_SLOTS;
use crate::cell::ratio::{Hits, Ratio};
use crate::metrics::{Kind, MetricOptions, Registry};
use crate::region::handle::IdKind;

impl Engine {
    /// Opens a ratio: how often something is there, as in a cache.
    pub fn ratio(&self, name: &str, options: &MetricOptions) -> Result<RatioId> {
        self.open_series(Kind::Ratio, name, options).map(RatioId)
    }

    #[inline(always)]
    fn ratio_of(&self, id: RatioId) -> Result<Ratio<'_>> {
        let series = self.resolve(id.0, IdKind::Ratio)?;
        Registry::of(&self.region)
            .operation(series)
            .and_then(|cells| Ratio::at(&self.region, &self.planes, cells.block, cells.index))
            .ok_or_else(damaged)
    }

    /// Counts hits and misses.
    #[inline(always)]
    pub fn record_ratio(&self, ratio: RatioId, found: Hits) -> Result<()> {
        self.writer()?;
        self.ratio_of(ratio)?
            .add(self.region.clock().coarse(), found);
        Ok(())
    }

    /// Hits and misses of the last `window_seconds`, or since it was made for 0.
    pub fn read_ratio(&self, ratio: RatioId, window_seconds: f64) -> Result<Hits> {
        let cells = self.ratio_of(ratio)?;
        if window_seconds == 0.0 {
            return Ok(cells.lifetime());
        }
        let slots = self.slots(window_seconds)?.min(WINDOW_SLOTS);
        Ok(cells.window(self.region.clock().coarse(), slots))
    }
}

#[cold]
fn damaged() -> Error {
    Error::format("the ratio's memory is damaged")
}
