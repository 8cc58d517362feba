//! Keys that are treated apart: blocked for a while, always admitted, always denied.
//!
//! A limiter that has any has a second table of fingerprints, made when it is first needed, and a
//! flag in its shape; without the flag nobody looks. An entry's state is the rule itself:
//!
//! ```text
//! rule    | blocked until, in 64 ns (53 bits) | plan (9 bits) | list (2 bits) |
//! ```
//! A plan is a limiter of its own, called `limiter/plan`, with keys of its own; its number is that of
//! the limiter's entry, plus one. So whoever is put on a plan begins with its whole limit.
//!
//! A rule that says nothing any more is idle, and its entry goes to another key. A limiter without
//! keys has one rule, in a word of its own.

use super::entry::{self, Entry};
use super::keys::{Displaced, Life, Place, Print, Table};
use super::policy::WhenFull;
use super::refusal;
use super::registry::resolve;
use super::registry::{self, name_of};
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::sync::Ordering;
use crate::region::Region;
use crate::region::events::{self, Cause, Event, Kind};
use crate::region::handle;

const LIST_BITS: u32 = 2;
const PLAN_BITS: u32 = 9;
const UNTIL_SHIFT: u32 = LIST_BITS + PLAN_BITS;
/// Nanoseconds of a step of the time until which a key is blocked.
const STEP_NS: u64 = 64;
/// Latest step: some 18 years of region time.
const LAST_STEP: u64 = u64::MAX >> UNTIL_SHIFT;

/// Which list a key is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum List {
    /// None.
    #[default]
    None,
    /// Admitted without being counted.
    Allow,
    /// Denied.
    Deny,
}

/// What is in force for one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rule {
    list: List,
    plan: u64,
    /// Steps.
    until: u64,
}

/// How a key stands, whatever it has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its units decide.
    Usual,
    /// Its units of this limiter, an entry of the table, decide.
    OnPlan { index: usize },
    /// Admitted.
    Allowed,
    /// Denied for so long; for ever is `u64::MAX`.
    Denied { for_ns: u64 },
}

impl Rule {
    fn read(word: u64) -> Self {
        Rule {
            list: match word & ((1 << LIST_BITS) - 1) {
                1 => List::Allow,
                2 => List::Deny,
                _ => List::None,
            },
            plan: word >> LIST_BITS & ((1 << PLAN_BITS) - 1),
            until: word >> UNTIL_SHIFT,
        }
    }

    fn word(self) -> u64 {
        self.list as u64 | self.plan << LIST_BITS | self.until << UNTIL_SHIFT
    }

    fn blocked_for(self, now_ns: u64) -> u64 {
        if self.until == LAST_STEP {
            return u64::MAX;
        }
        self.until.saturating_mul(STEP_NS).saturating_sub(now_ns)
    }

    fn is_idle(self, now_ns: u64) -> bool {
        self.list == List::None && self.plan == 0 && self.blocked_for(now_ns) == 0
    }
}

/// A rule that says nothing is idle.
struct RuleLife {
    now_ns: u64,
}

impl Life for RuleLife {
    fn is_idle(&self, _index: usize, state: u64) -> bool {
        Rule::read(state).is_idle(self.now_ns)
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        let now = self.now_ns / STEP_NS;
        let old = Rule::read(state);
        let is_recent = old.is_idle(self.now_ns) && old.until > 0;
        let until = if is_recent { old.until - 1 } else { now };
        Rule {
            until: until.min(LAST_STEP - 1),
            ..Rule::default()
        }
        .word()
    }

    fn prepare(&self, _index: usize, _is_new: impl Fn() -> bool) {}

    fn idle_in(&self, _index: usize, state: u64) -> u64 {
        Rule::read(state).blocked_for(self.now_ns)
    }
}

/// Denies everything to `key` for `for_ns`; 0 ends it.
pub fn block(region: &Region, id: u64, key: Option<&[u8]>, for_ns: u64) -> Result<()> {
    let now = region.clock().precise();
    let until = match for_ns {
        0 => now / STEP_NS,
        u64::MAX => LAST_STEP,
        for_ns => now.saturating_add(for_ns).div_ceil(STEP_NS).min(LAST_STEP),
    };
    change(region, id, key, for_ns > 0, |rule| Rule { until, ..rule })?;
    tell(region, id, Kind::Block, for_ns);
    Ok(())
}

/// Puts `key` on a list, or on none.
pub fn set_list(region: &Region, id: u64, key: Option<&[u8]>, list: List) -> Result<()> {
    change(region, id, key, list != List::None, |rule| Rule {
        list,
        ..rule
    })?;
    tell(region, id, Kind::Forced, list as u64);
    Ok(())
}

/// Puts `key` on the plan called `plan`, or on none.
pub fn set_plan(region: &Region, id: u64, key: Option<&[u8]>, plan: Option<&str>) -> Result<()> {
    let limiter = resolve(region, id)?;
    let name = name_of(region.words(), &limiter);
    let number = match plan {
        None => 0,
        Some(plan) => registry::find(region, plan_name(&name, plan).as_bytes())
            .map(|found| handle::entry(found) as u64 + 1)
            .ok_or_else(|| Error::not_found(format!("limiter {name:?} has no plan {plan:?}")))?,
    };
    change(region, id, key, plan.is_some(), |rule| Rule {
        plan: number,
        ..rule
    })?;
    tell(region, id, Kind::Forced, number);
    Ok(())
}

/// The name of the limiter that a plan is.
pub fn plan_name(limiter: &str, plan: &str) -> String {
    format!("{limiter}/{plan}")
}

/// Puts a change into the ring of events.
fn tell(region: &Region, id: u64, kind: Kind, number: u64) {
    events::write(
        region,
        Event {
            time_ns: region.clock().coarse(),
            kind,
            cause: Cause::Forced,
            guard: id,
            pid: 0,
            numbers: match kind {
                Kind::Block => [number, 0],
                _ => [0, number],
            },
        },
    );
}

/// How `key` stands.
pub(super) fn standing(region: &Region, limiter: Entry<'_>, key: Option<&[u8]>) -> Standing {
    let rule = match (key, table(region, limiter)) {
        (None, _) => Rule::read(limiter.word(entry::RULE)),
        (Some(_), None) => Rule::default(),
        (Some(key), Some(table)) => {
            let print = Print::of(region.keys(), key, table.groups);
            let found = table.find(print);
            found.map_or(Rule::default(), |entry| Rule::read(entry.state))
        }
    };
    let for_ns = match rule.until {
        0 => 0,
        _ => rule.blocked_for(region.clock().precise()),
    };
    match rule.list {
        List::Allow => Standing::Allowed,
        List::Deny => Standing::Denied { for_ns: u64::MAX },
        List::None if for_ns > 0 => Standing::Denied { for_ns },
        List::None => match (rule.plan as usize).checked_sub(1) {
            Some(index) => Standing::OnPlan { index },
            None => Standing::Usual,
        },
    }
}

fn table(region: &Region, limiter: Entry<'_>) -> Option<Table> {
    let at = limiter.word(entry::RULES_AT) as usize;
    let groups = Table::groups_for(limiter.word(entry::MAX_RULES));
    (at != 0).then(|| Table {
        words: region.words(),
        at,
        groups,
        touched_at: at.wrapping_add((groups as usize).wrapping_mul(16)),
    })
}

/// The table, made now if there is none. When two make one, one of them stays unused.
fn make(region: &Region, limiter: Entry<'_>) -> Result<Table> {
    if let Some(table) = table(region, limiter) {
        return Ok(table);
    }
    let groups = Table::groups_for(limiter.word(entry::MAX_RULES));
    let count = groups
        .saturating_mul(16)
        .saturating_add(Table::map_words(groups))
        .saturating_add(8);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let at = region.allocate(count.min(region.words().len().saturating_add(1)))?;
    limiter.set_if_zero(entry::RULES_AT, at.next_multiple_of(16) as u64);
    table(region, limiter).ok_or_else(|| Error::format("the region's table of limiters is damaged"))
}

/// True once the lists that limiter `id` was made with are in force.
pub fn is_listed(region: &Region, id: u64) -> Result<bool> {
    let limiter = resolve(region, id)?;
    Ok(limiter
        .get(entry::LISTED)
        .is_some_and(|word| word.load(Ordering::Acquire) != 0))
}

/// Keeps that they are, so that no later opening undoes what was changed since.
pub fn set_listed(region: &Region, id: u64) -> Result<()> {
    resolve(region, id)?.set_if_zero(entry::LISTED, 1);
    Ok(())
}

/// Changes the rule of `key`; `is_made` when it needs an entry for that.
fn change(
    region: &Region,
    id: u64,
    key: Option<&[u8]>,
    is_made: bool,
    change: impl Fn(Rule) -> Rule,
) -> Result<()> {
    let limiter = resolve(region, id)?;
    refusal::of_change(region, 1)?;
    let name = || name_of(region.words(), &limiter);
    match key {
        Some(_) if !limiter.is_keyed() => {
            return Err(Error::argument(format!(
                "limiter {:?} has no keys, but one was given",
                name()
            )));
        }
        None if limiter.is_keyed() => {
            return Err(Error::argument(format!(
                "limiter {:?} is keyed, but no key was given",
                name()
            )));
        }
        Some(key) if key.len() > limits::MAX_KEY_BYTES => {
            return Err(Error::argument(format!(
                "a key of {} bytes for limiter {:?}: at most {} are allowed",
                key.len(),
                name(),
                limits::MAX_KEY_BYTES
            )));
        }
        None => {
            if let Some(word) = limiter.get(entry::RULE) {
                let changed = |word| Some(change(Rule::read(word)).word());
                let _ = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, changed);
            }
        }
        Some(key) if is_made || limiter.has(entry::RULES) => {
            change_of_key(region, limiter, key, is_made, &change)?;
        }
        Some(_) => return Ok(()),
    }
    if is_made {
        limiter.flag(entry::RULES);
    }
    Ok(())
}

fn change_of_key(
    region: &Region,
    limiter: Entry<'_>,
    key: &[u8],
    is_made: bool,
    change: &impl Fn(Rule) -> Rule,
) -> Result<()> {
    let table = make(region, limiter)?;
    let print = Print::of(region.keys(), key, table.groups);
    loop {
        let found = match table.find(print) {
            Some(entry) => entry,
            None if !is_made => return Ok(()),
            None => {
                let life = RuleLife {
                    now_ns: region.clock().precise(),
                };
                let mut displaced = Displaced::default();
                match table.enter(print, &life, WhenFull::Deny, &mut displaced) {
                    Place::At(entry) => entry,
                    Place::Full(_) => {
                        return Err(Error::capacity(format!(
                            "limiter {:?} has rules for {} keys and no room for another",
                            name_of(region.words(), &limiter),
                            limiter.word(entry::MAX_RULES)
                        )));
                    }
                    Place::Damaged => {
                        return Err(Error::format("the region's table of rules is damaged"));
                    }
                }
            }
        };
        if found.swap(change(Rule::read(found.state)).word()) {
            return Ok(());
        }
    }
}
