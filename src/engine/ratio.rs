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
    fn cells_of_ratio(&self, id: RatioId) -> Option<Ratio<'_>> {
        let registry = Registry::of(&self.region);
        let cells = registry.operation(registry.resolve(id.0, IdKind::Ratio)?)?;
        Ratio::at(&self.region, &self.planes, cells.block, cells.index)
    }

    #[cold]
    #[inline(never)]
    fn no_ratio(&self, id: RatioId) -> Error {
        match self.resolve(id.0, IdKind::Ratio) {
            Ok(_) => Error::format("the ratio's memory is damaged"),
            Err(stale) => stale,
        }
    }

    /// Counts hits and misses.
    #[inline(always)]
    pub fn record_ratio(&self, ratio: RatioId, found: Hits) -> Result<()> {
        self.writer()?;
        let Some(cells) = self.cells_of_ratio(ratio) else {
            return Err(self.no_ratio(ratio));
        };
        cells.add(self.region.clock().coarse(), found);
        Ok(())
    }

    /// Hits and misses of the last `window_seconds`, or since it was made for 0.
    pub fn read_ratio(&self, ratio: RatioId, window_seconds: f64) -> Result<Hits> {
        let Some(cells) = self.cells_of_ratio(ratio) else {
            return Err(self.no_ratio(ratio));
        };
        if window_seconds == 0.0 {
            return Ok(cells.lifetime());
        }
        let slots = self.slots(window_seconds)?.min(WINDOW_SLOTS);
        Ok(cells.window(self.region.clock().coarse(), slots))
    }
}
