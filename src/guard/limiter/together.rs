//! Several limits as one decision: user, tenant and address admit a call together, or not at all.
//!
//! 1. Every request is looked at, and nothing is changed. The first limit that would deny decides,
//!    and no other has lost anything: this is how nearly every denial ends.
//! 2. All would admit: the units are taken, in order. Each take is a whole decision of its limit,
//!    by one compare-and-swap, so no limit ever admits one too many.
//! 3. Where another caller was quicker and a later limit denies now, what the earlier ones gave is
//!    given back, exactly: a token bucket's state goes back by what it went forward, which is right
//!    whatever others did in between; a window's newest units are taken out as long as they are the
//!    newest. If others took units of a window in that moment, its oldest units go instead of the
//!    newest (above 64 units the newest, of the same number): the limit has the same units left, and
//!    they come back later by at most the time between step 2 and 3.
//!
//! Between 2 and 3 another caller may be denied units that are then given back; it is told to come
//! again, as if that call had been admitted and had cancelled itself. A process killed between 2
//! and 3 leaves what it had taken so far, as one that is killed right after it was admitted: the
//! units of one call, which come back as all units do. Nothing is held in between, so there is
//! nothing that others would have to release.

use super::check::settle;
use super::refusal;
use super::registry::resolve;
use super::ruling::Ruling;
use super::top;
use super::units::{Account, Answer};
use crate::base::error::{Error, Result};
use crate::cell::planes::Planes;
use crate::guard::Decision;
use crate::region::Region;

/// Most limits of one decision.
pub const MAX_TOGETHER: usize = 16;

/// One limit of several.
#[derive(Clone, Copy, Debug)]
pub struct Request<'k> {
    /// The limiter's id.
    pub limiter: u64,
    /// Who is asking.
    pub key: Option<&'k [u8]>,
    /// Units to take.
    pub cost: u32,
}

/// What several limits answered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// All admitted; the numbers are those of the limit with the smallest part left.
    Admitted(Decision),
    /// Limit number `by` denied; nothing is taken.
    Denied {
        /// The number of the request, from 0.
        by: usize,
        /// Its numbers.
        decision: Decision,
    },
}

/// Takes all of `requests`, or none.
pub fn check_all(region: &Region, planes: &Planes, requests: &[Request<'_>]) -> Result<Together> {
    if requests.is_empty() || requests.len() > MAX_TOGETHER {
        return Err(Error::argument(format!(
            "count is {}, not from 1 to {MAX_TOGETHER}",
            requests.len()
        )));
    }
    let mut accounts: [Option<Account<'_>>; MAX_TOGETHER] = [const { None }; MAX_TOGETHER];
    for (request, account) in requests.iter().zip(&mut accounts) {
        let limiter = resolve(region, request.limiter)?;
        refusal::of_change(region, request.cost)?;
        let found = Account::of(region, limiter, request.key);
        *account = Some(found.map_err(|ruling| refuse(region, request, ruling))?);
    }
    let mut denied = None;
    for (number, (request, account)) in requests.iter().zip(&accounts).enumerate() {
        let Some(account) = account else { continue };
        let answer = account.peek(request.cost);
        match answer.ruling {
            Ruling::Admitted | Ruling::Shadowed => {}
            Ruling::Denied => {
                denied.get_or_insert((number, answer.decision));
            }
            ruling => return Err(refuse(region, request, ruling)),
        }
    }
    let mut taken: [Option<Answer>; MAX_TOGETHER] = [None; MAX_TOGETHER];
    if denied.is_none() {
        for (number, (request, account)) in requests.iter().zip(&accounts).enumerate() {
            let Some(account) = account else { continue };
            let answer = account.reserve(request.cost, 0);
            match answer.ruling {
                Ruling::Admitted | Ruling::Shadowed => taken[number] = Some(answer),
                Ruling::Denied => {
                    denied = Some((number, answer.decision));
                    break;
                }
                ruling => {
                    give_back(requests, &accounts, &taken);
                    return Err(refuse(region, request, ruling));
                }
            }
        }
    }
    if let Some((by, decision)) = denied {
        give_back(requests, &accounts, &taken);
        if let Some(request) = requests.get(by) {
            let limiter = resolve(region, request.limiter)?;
            settle(region, planes, limiter, Ruling::Denied, request.cost);
            top::record(region, limiter, request.key, Ruling::Denied, request.cost);
        }
        return Ok(Together::Denied { by, decision });
    }
    let mut tightest: Option<Decision> = None;
    for (request, answer) in requests.iter().zip(taken) {
        let Some(answer) = answer else { continue };
        let limiter = resolve(region, request.limiter)?;
        settle(region, planes, limiter, answer.ruling, request.cost);
        top::record(region, limiter, request.key, answer.ruling, request.cost);
        let found = answer.decision;
        if tightest.is_none_or(|tightest| is_tighter(&found, &tightest)) {
            tightest = Some(found);
        }
    }
    Ok(Together::Admitted(tightest.unwrap_or_default()))
}

fn give_back(requests: &[Request<'_>], accounts: &[Option<Account<'_>>], taken: &[Option<Answer>]) {
    let all = requests.iter().zip(accounts).zip(taken).rev();
    for ((request, account), answer) in all {
        if let (Some(account), Some(Some(receipt))) = (account, answer.map(|answer| answer.receipt))
        {
            account.undo(receipt, request.cost);
        }
    }
}

/// Whether a smaller part of the limit is left.
fn is_tighter(one: &Decision, other: &Decision) -> bool {
    let part = |of: &Decision, limit: u64| u128::from(of.remaining) * u128::from(limit.max(1));
    part(one, other.limit) < part(other, one.limit)
}

fn refuse(region: &Region, request: &Request<'_>, ruling: Ruling) -> Error {
    match resolve(region, request.limiter) {
        Ok(limiter) => refusal::of(ruling, region, limiter, request.cost, request.key),
        Err(error) => error,
    }
}
