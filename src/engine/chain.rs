//! Chains of guards of an engine.

use super::{Engine, options};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::base::outcome::Outcome;
use crate::guard::chain::{self, Answer, ChainPermit, ChainPolicy, Left, Request};

/// Names a chain of guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guard(pub u64);

impl Engine {
    /// Opens the chain `name` with `policy`; the guards that it names must exist.
    pub fn open_guard(&self, name: &str, policy: &ChainPolicy) -> Result<Guard> {
        self.writer()?;
        self.beat();
        chain::open(&self.region, name, policy).map(Guard)
    }

    /// Opens the chain `name` with the policy that a JSON object describes.
    pub fn open_guard_from(&self, name: &str, config: &str) -> Result<Guard> {
        self.open_guard(name, &options::chain_policy(name, config)?)
    }

    /// The chain `name`, which must exist.
    pub fn find_guard(&self, name: &str) -> Result<Guard> {
        name::check("guard", name)?;
        let found = chain::find(&self.region, name).map(Guard);
        found.ok_or_else(|| Error::not_found(format!("there is no guard {name:?}")))
    }

    /// Asks every guard of a chain for a call.
    #[inline(always)]
    pub fn acquire_guard(&self, guard: Guard, request: Request<'_>) -> Result<Answer> {
        self.writer()?;
        let (region, planes) = (&self.region, &self.planes);
        match chain::acquire_at_once(region, planes, guard.0, request) {
            Ok(permit) => Ok(Answer::Admitted(permit)),
            Err(begun) => chain::acquire(region, planes, guard.0, request, begun),
        }
    }

    /// Tells the guards of a chain how a call went.
    #[inline(always)]
    pub fn report_guard(
        &self,
        guard: Guard,
        permit: ChainPermit,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<()> {
        self.writer()?;
        let (region, planes) = (&self.region, &self.planes);
        let left = match outcome {
            Outcome::Success => chain::report_at_once(region, planes, guard.0, permit, seconds),
            _ => Err(Left::All),
        };
        match left {
            Ok(()) => Ok(()),
            Err(left) => chain::report(region, planes, guard.0, permit, left, outcome, seconds),
        }
    }
}
