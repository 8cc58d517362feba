//! Objectives: opened with the engine, kept up by whoever records, reads or ticks.

use super::Engine;
use crate::base::error::Result;
use crate::objective::{ObjectivePolicy, track};

impl Engine {
    pub(super) fn open_objectives(&mut self, objectives: &[ObjectivePolicy]) -> Result<()> {
        for policy in objectives {
            track::open(&self.region, &self.planes, policy)?;
        }
        self.own_objectives = objectives.to_vec();
        Ok(())
    }

    /// Takes the checkpoints of objectives that are due.
    pub(super) fn keep_objectives(&self) {
        if self.region.is_writable() && track::exist(&self.region) {
            track::tick(&self.region, &self.planes, self.region.clock().coarse());
        }
    }

    /// What a recorder does that begins a time slot, beside taking its histogram's checkpoint.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_slot(&self) {
        self.keep_objectives();
    }
}
