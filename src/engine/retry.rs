//! Retries of an engine.

use super::{Engine, options};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::guard::retry::{self, Attempt, RetryNumbers, RetryPolicy};

/// Names a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retry(pub u64);

impl Engine {
    /// Opens the retry `name` with `policy`.
    pub fn open_retry(&self, name: &str, policy: &RetryPolicy) -> Result<Retry> {
        self.writer()?;
        self.beat();
        retry::open(&self.region, name, policy).map(Retry)
    }

    /// Opens the retry `name` with the policy that a JSON object describes.
    pub fn open_retry_from(&self, name: &str, config: &str) -> Result<Retry> {
        self.open_retry(name, &options::retry_policy(name, config)?)
    }

    /// The retry `name`, which must exist.
    pub fn find_retry(&self, name: &str) -> Result<Retry> {
        name::check("retry", name)?;
        let found = retry::find(&self.region, name).map(Retry);
        found.ok_or_else(|| Error::not_found(format!("there is no retry {name:?}")))
    }

    /// The wait before an attempt in nanoseconds; None: give up.
    pub fn next_attempt(&self, retry: Retry, attempt: Attempt) -> Result<Option<u64>> {
        self.writer()?;
        retry::next(&self.region, &self.planes, retry.0, attempt)
    }

    /// A retry's numbers now.
    pub fn read_retry(&self, retry: Retry) -> Result<RetryNumbers> {
        retry::read(&self.region, &self.planes, retry.0)
    }
}
