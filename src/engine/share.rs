//! Gauges of which each process has a share.

use super::Engine;
use crate::base::error::{Error, Result};
use crate::cell::shares::Shares;
use crate::metrics::Registry;
use crate::region::workers;
use std::sync::atomic::Ordering;

impl Engine {
    /// Applies `change` to this process's share of the gauge whose block begins at word `block`.
    pub(super) fn change_share(
        &self,
        block: usize,
        change: impl FnOnce(&Shares<'_>, usize, u64),
    ) -> Result<()> {
        let place = self
            .worker
            .load(Ordering::Relaxed)
            .checked_sub(1)
            .ok_or_else(no_place)?;
        let owner = workers::owner(&self.region, place);
        change(&Shares::at(&self.region, block), place, owner);
        Ok(())
    }

    /// The value of the gauge `series`, whose block begins at word `block`: of all living processes.
    pub(super) fn joined(&self, series: usize, block: usize) -> f64 {
        let found = workers::list(self.region.words(), self.region.layout().workers);
        let shares = Shares::at(&self.region, block);
        Registry::of(&self.region).mode(series).join(
            found
                .iter()
                .filter(|worker| worker.alive)
                .filter_map(|worker| shares.of(worker.index, worker.owner)),
        )
    }
}

#[cold]
fn no_place() -> Error {
    Error::capacity("this process has no share: all places for processes are taken")
}
