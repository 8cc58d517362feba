//! Adaptive throttles.

use super::{Engine, options};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::base::outcome::Outcome;
use crate::guard::Verdict;
use crate::guard::throttle::{self, ThrottlePolicy};

/// Names a throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Throttle(pub u64);

impl Engine {
    /// Opens the throttle `name` with `policy`.
    pub fn open_throttle(&self, name: &str, policy: &ThrottlePolicy) -> Result<Throttle> {
        self.writer()?;
        self.beat();
        throttle::open(&self.region, name, policy).map(Throttle)
    }

    /// Opens the throttle `name` with the policy that a JSON object describes.
    pub fn open_throttle_from(&self, name: &str, config: &str) -> Result<Throttle> {
        self.open_throttle(name, &options::throttle_policy(name, config)?)
    }

    /// The throttle `name`, which must exist.
    pub fn find_throttle(&self, name: &str) -> Result<Throttle> {
        name::check("throttle", name)?;
        throttle::find(&self.region, name)
            .map(Throttle)
            .ok_or_else(|| no_throttle(name))
    }

    /// Asks whether a call may go on.
    pub fn acquire_throttle(&self, throttle: Throttle) -> Result<Verdict> {
        self.writer()?;
        throttle::acquire(&self.region, &self.planes, throttle.0)
    }

    /// Tells how a call ended.
    pub fn report_throttle(&self, throttle: Throttle, outcome: Outcome) -> Result<()> {
        self.writer()?;
        throttle::report(&self.region, &self.planes, throttle.0, outcome)
    }
}

#[cold]
fn no_throttle(name: &str) -> Error {
    Error::not_found(format!(
        "there is no throttle {name:?}: open it, or name it in the configuration"
    ))
}
