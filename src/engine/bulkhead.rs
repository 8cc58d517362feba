//! Bulkheads of an engine.

use super::{Engine, options};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::base::outcome::Outcome;
use crate::guard::bulkhead::{self, BulkheadNumbers, BulkheadPolicy};

/// Names a bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bulkhead(pub u64);

impl Engine {
    /// Opens the bulkhead `name` with `policy`.
    pub fn open_bulkhead(&self, name: &str, policy: &BulkheadPolicy) -> Result<Bulkhead> {
        self.writer()?;
        self.beat();
        bulkhead::open(&self.region, name, policy).map(Bulkhead)
    }

    /// Opens the bulkhead `name` with the policy that a JSON object describes.
    pub fn open_bulkhead_from(&self, name: &str, config: &str) -> Result<Bulkhead> {
        self.open_bulkhead(name, &options::bulkhead_policy(name, config)?)
    }

    /// The bulkhead `name`, which must exist.
    pub fn find_bulkhead(&self, name: &str) -> Result<Bulkhead> {
        name::check("bulkhead", name)?;
        let found = bulkhead::find(&self.region, name).map(Bulkhead);
        found.ok_or_else(|| Error::not_found(format!("there is no bulkhead {name:?}")))
    }

    /// Goes in, if there is room: the permit, which is given back when leaving. None when there is
    /// no room. A bulkhead with keys wants one, even if empty; one without wants none.
    #[inline]
    pub fn enter_bulkhead(&self, bulkhead: Bulkhead, key: Option<&[u8]>) -> Result<Option<u64>> {
        self.writer()?;
        bulkhead::enter(&self.region, &self.planes, bulkhead.0, key)
    }

    /// [`Engine::enter_bulkhead`] without a key, where nothing stands in its way; else does nothing.
    /// Calls nothing, so that a caller who only calls this needs no frame.
    #[inline(always)]
    pub fn enter_bulkhead_at_once(&self, bulkhead: Bulkhead) -> Option<u64> {
        if !self.is_writer() {
            return None;
        }
        bulkhead::enter_at_once(&self.region, &self.planes, bulkhead.0)
    }

    /// [`Engine::leave_bulkhead`], where nothing stands in its way; else does nothing and returns
    /// false. Calls nothing, as [`Engine::enter_bulkhead_at_once`].
    #[inline(always)]
    pub fn leave_bulkhead_at_once(&self, bulkhead: Bulkhead, permit: u64) -> bool {
        self.is_writer() && bulkhead::leave_at_once(&self.region, bulkhead.0, permit, 0)
    }

    /// Leaves with the permit that entering gave.
    #[inline]
    pub fn leave_bulkhead(&self, bulkhead: Bulkhead, permit: u64) -> Result<()> {
        self.writer()?;
        bulkhead::leave(&self.region, bulkhead.0, permit)
    }

    /// Leaves, and tells how the call went: a measured limit learns from it.
    pub fn leave_bulkhead_with(
        &self,
        bulkhead: Bulkhead,
        permit: u64,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<()> {
        self.writer()?;
        let (region, planes) = (&self.region, &self.planes);
        bulkhead::leave_with(region, planes, bulkhead.0, permit, outcome, seconds)
    }

    /// A bulkhead's numbers now.
    pub fn read_bulkhead(&self, bulkhead: Bulkhead) -> Result<BulkheadNumbers> {
        bulkhead::read(&self.region, &self.planes, bulkhead.0)
    }
}
