//! Circuit breakers.

use super::{Engine, ShardId, options};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::base::outcome::Outcome;
use crate::cell::shard;
use crate::guard::breaker::view::View as BreakerView;
use crate::guard::breaker::{self, BreakerPolicy};
use crate::guard::{BreakerPhase, BreakerReading};

/// Names a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Breaker(pub u64);

impl Engine {
    /// Opens the breaker `name` with `policy`.
    pub fn open_breaker(&self, name: &str, policy: &BreakerPolicy) -> Result<Breaker> {
        self.writer()?;
        self.beat();
        breaker::open(&self.region, &self.planes, name, policy).map(Breaker)
    }

    /// Opens the breaker `name` with the policy that a JSON object describes.
    pub fn open_breaker_from(&self, name: &str, config: &str) -> Result<Breaker> {
        self.open_breaker(name, &options::breaker_policy(name, config)?)
    }

    /// The breaker `name`, which must exist.
    pub fn find_breaker(&self, name: &str) -> Result<Breaker> {
        name::check("breaker", name)?;
        breaker::find(&self.region, name)
            .map(Breaker)
            .ok_or_else(|| no_breaker(name))
    }

    /// A permit for one call, or none: the breaker is open, or has no probe left.
    #[inline(always)]
    pub fn acquire(&self, breaker: Breaker) -> Result<Option<u64>> {
        self.writer()?;
        breaker::acquire(&self.region, &self.planes, breaker.0)
    }

    /// [`Engine::acquire`] of a breaker that is closed, where nothing stands in its way; else does
    /// nothing. Calls nothing, so that a caller who only calls this needs no frame.
    #[inline(always)]
    pub fn acquire_at_once(&self, breaker: Breaker) -> Option<u64> {
        if !self.is_writer() {
            return None;
        }
        breaker::acquire_at_once(&self.region, &self.planes, breaker.0)
    }

    /// [`Engine::acquire`] of a breaker that is open, where nothing stands in its way; else does
    /// nothing and returns false.
    #[inline(always)]
    pub fn deny_at_once(&self, breaker: Breaker) -> bool {
        self.is_writer() && breaker::deny_at_once(&self.region, &self.planes, breaker.0)
    }

    /// [`Engine::report`] of a success, where nothing stands in its way; else does nothing and
    /// returns false.
    #[inline(always)]
    pub fn report_at_once(&self, breaker: Breaker, permit: u64, seconds: f64) -> bool {
        let (region, planes) = (&self.region, &self.planes);
        self.is_writer() && breaker::report_at_once(region, planes, breaker.0, permit, seconds)
    }

    /// Gives a permit back: the call ended with `outcome` after `seconds`.
    #[inline(always)]
    pub fn report(
        &self,
        breaker: Breaker,
        permit: u64,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<()> {
        self.writer()?;
        breaker::report(
            &self.region,
            &self.planes,
            breaker.0,
            permit,
            outcome,
            seconds,
        )
    }

    /// Gives back a call that passed in state `passed` without asking: it ended with `outcome` after
    /// `seconds`.
    pub fn report_passed(
        &self,
        breaker: Breaker,
        passed: u64,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<()> {
        self.writer()?;
        let (region, planes) = (&self.region, &self.planes);
        breaker::view::report(region, planes, breaker.0, passed, outcome, seconds)
    }

    /// Where the owner of `shard` reads whether calls of `breaker` pass, and counts those that did.
    pub fn shard_breaker(&self, shard: ShardId, breaker: Breaker) -> Result<BreakerView> {
        self.writer()?;
        let (number, numbers) = shard::place(&self.region, shard.0)?;
        breaker::view::open(&self.region, &self.planes, breaker.0, number, numbers)
    }

    /// Where a breaker is.
    pub fn breaker_phase(&self, breaker: Breaker) -> Result<BreakerPhase> {
        breaker::phase(&self.region, &self.planes, breaker.0)
    }

    /// Puts a breaker where somebody wants it.
    pub fn set_breaker(&self, breaker: Breaker, phase: BreakerPhase) -> Result<()> {
        self.writer()?;
        breaker::put(&self.region, &self.planes, breaker.0, phase)
    }

    /// What a breaker is, sees and did; the name is left empty.
    pub fn read_breaker(&self, breaker: Breaker) -> Result<BreakerReading> {
        breaker::registry::read(&self.region, &self.planes, breaker.0)
    }
}

#[cold]
fn no_breaker(name: &str) -> Error {
    Error::not_found(format!(
        "there is no breaker {name:?}: open it, or name it in the configuration"
    ))
}
