//! Limiters: the check, several at once, units ahead of time and back, keys apart.

use super::{Engine, Limiter, options};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::guard::limiter::reconfigure;
use crate::guard::limiter::rules::{self, List};
use crate::guard::limiter::texts::{self, Style};
use crate::guard::limiter::together::{self, Request, Together};
use crate::guard::limiter::top::{self, By};
use crate::guard::limiter::units;
use crate::guard::limiter::{check, registry};
use crate::guard::{Decision, Exceptions, LimiterPolicy, TopKey, Verdict};

impl Engine {
    /// Opens the limiter `name` with `policy`.
    pub fn open_limiter(&self, name: &str, policy: &LimiterPolicy) -> Result<Limiter> {
        self.writer()?;
        self.beat();
        registry::open(&self.region, name, policy).map(Limiter)
    }

    /// Opens the limiter `name` with the policy that a JSON object describes.
    pub fn open_limiter_from(&self, name: &str, config: &str) -> Result<Limiter> {
        let (policy, exceptions) = options::limiter_policy(name, config)?;
        self.open_limiter_with(name, &policy, &exceptions)
    }

    /// The limiter `name`, which must exist.
    pub fn find_limiter(&self, name: &str) -> Result<Limiter> {
        name::check("limiter", name)?;
        registry::find(&self.region, name.as_bytes())
            .map(Limiter)
            .ok_or_else(|| no_limiter(name))
    }

    /// [`Engine::check`] without its numbers, where nothing stands in the way; else does nothing.
    #[inline(always)]
    pub fn check_at_once(
        &self,
        limiter: Limiter,
        key: Option<&[u8]>,
        cost: u32,
    ) -> Option<Verdict> {
        if !self.is_writer() {
            return None;
        }
        check::check_at_once(&self.region, &self.planes, limiter.0, key, cost)
    }

    /// Takes `cost` units for `key`, or none.
    #[inline(always)]
    pub fn check(
        &self,
        limiter: Limiter,
        key: Option<&[u8]>,
        cost: u32,
        decision: Option<&mut Decision>,
    ) -> Result<Verdict> {
        self.writer()?;
        check::check(&self.region, &self.planes, limiter.0, key, cost, decision)
    }

    /// Takes one unit of the limiter `name` for `key`, or none.
    #[inline]
    pub fn allow_request(&self, limiter: &[u8], key: Option<&[u8]>) -> Result<Verdict> {
        self.writer()?;
        match registry::find(&self.region, limiter) {
            Some(id) => check::check(&self.region, &self.planes, id, key, 1, None),
            None => Err(no_limiter(&String::from_utf8_lossy(limiter))),
        }
    }

    /// Takes the units of all `requests`, or none.
    pub fn check_all(&self, requests: &[Request<'_>]) -> Result<Together> {
        self.writer()?;
        together::check_all(&self.region, &self.planes, requests)
    }

    /// What a check would be answered now; changes nothing. Observers may ask too.
    pub fn peek(
        &self,
        limiter: Limiter,
        key: Option<&[u8]>,
        cost: u32,
    ) -> Result<(Verdict, Decision)> {
        units::peek(&self.region, limiter.0, key, cost)
    }

    /// Takes `cost` units for `key` as soon as they are there, if that is within `most_wait_ns`:
    /// how long it is. They are the caller's after that wait.
    pub fn reserve(
        &self,
        limiter: Limiter,
        key: Option<&[u8]>,
        cost: u32,
        most_wait_ns: u64,
    ) -> Result<(Verdict, u64)> {
        self.writer()?;
        let planes = &self.planes;
        units::reserve(&self.region, planes, limiter.0, key, cost, most_wait_ns)
    }

    /// Gives units back.
    pub fn refund(&self, limiter: Limiter, key: Option<&[u8]>, cost: u32) -> Result<()> {
        self.writer()?;
        units::refund(&self.region, limiter.0, key, cost)
    }

    /// Takes units away, as far as there are any.
    pub fn penalize(&self, limiter: Limiter, key: Option<&[u8]>, cost: u32) -> Result<()> {
        self.writer()?;
        units::penalize(&self.region, limiter.0, key, cost)
    }

    /// Denies everything to `key` for `for_ns`; 0 ends it.
    pub fn block(&self, limiter: Limiter, key: Option<&[u8]>, for_ns: u64) -> Result<()> {
        self.writer()?;
        rules::block(&self.region, limiter.0, key, for_ns)
    }

    /// Puts `key` on a list, or on none.
    pub fn set_list(&self, limiter: Limiter, key: Option<&[u8]>, list: List) -> Result<()> {
        self.writer()?;
        rules::set_list(&self.region, limiter.0, key, list)
    }

    /// Puts `key` on one of the limiter's plans, or on none.
    pub fn set_plan(&self, limiter: Limiter, key: Option<&[u8]>, plan: Option<&str>) -> Result<()> {
        self.writer()?;
        rules::set_plan(&self.region, limiter.0, key, plan)
    }

    /// Opens the limiter `name` with `policy`, and with keys that it treats apart. The lists are
    /// applied by whoever makes the limiter; one killed at it leaves that to the next who opens it.
    pub fn open_limiter_with(
        &self,
        name: &str,
        policy: &LimiterPolicy,
        exceptions: &Exceptions,
    ) -> Result<Limiter> {
        let limiter = self.open_limiter(name, policy)?;
        for (plan, policy) in &exceptions.plans {
            self.open_limiter(&rules::plan_name(name, plan), policy)?;
        }
        if !rules::is_listed(&self.region, limiter.0)? {
            self.set_lists(limiter, exceptions)?;
            rules::set_listed(&self.region, limiter.0)?;
        }
        Ok(limiter)
    }

    fn set_lists(&self, limiter: Limiter, exceptions: &Exceptions) -> Result<()> {
        for (keys, list) in [
            (&exceptions.allow, List::Allow),
            (&exceptions.deny, List::Deny),
        ] {
            for key in keys {
                self.set_list(limiter, Some(key.as_bytes()), list)?;
            }
        }
        Ok(())
    }

    /// At most `count` keys of a limiter that records them, those with most first.
    pub fn top_keys(&self, limiter: Limiter, by: By, count: usize) -> Result<Vec<TopKey>> {
        top::list(&self.region, limiter.0, by, count)
    }

    /// Holds `limiter`, and the plans that `config` names, to `config` from now on: all of it, or
    /// nothing if some of it cannot be changed. Each of them changes at one moment, plans first.
    pub fn reconfigure_limiter(&self, limiter: Limiter, config: &str) -> Result<()> {
        self.writer()?;
        let name = registry::name(&self.region, limiter.0)?;
        let (policy, exceptions) = options::limiter_policy(&name, config)?;
        reconfigure::possible(&self.region, limiter.0, &policy)?;
        let mut plans = Vec::new();
        for (plan, policy) in &exceptions.plans {
            let plan = rules::plan_name(&name, plan);
            let found = registry::find(&self.region, plan.as_bytes());
            if let Some(id) = found {
                reconfigure::possible(&self.region, id, policy)?;
            }
            plans.push((plan, policy, found));
        }
        for (plan, policy, _) in plans.iter().filter(|(.., found)| found.is_none()) {
            self.open_limiter(plan, policy)?;
        }
        for (_, policy, found) in plans {
            if let Some(id) = found {
                reconfigure::reconfigure(&self.region, id, policy)?;
            }
        }
        reconfigure::reconfigure(&self.region, limiter.0, &policy)?;
        self.set_lists(limiter, &exceptions)
    }

    /// The HTTP fields of a decision.
    pub fn rate_limit_fields(
        &self,
        limiter: Limiter,
        decision: &Decision,
        verdict: Verdict,
        style: Style,
    ) -> Result<String> {
        texts::fields(&self.region, limiter.0, decision, verdict, style)
    }

    /// The problem details of a denial.
    pub fn rate_limit_problem(&self, limiter: Limiter, decision: &Decision) -> Result<String> {
        texts::problem(&self.region, limiter.0, decision)
    }
}

#[cold]
fn no_limiter(name: &str) -> Error {
    Error::not_found(format!(
        "there is no limiter {name:?}: open it, or name it in the configuration"
    ))
}
