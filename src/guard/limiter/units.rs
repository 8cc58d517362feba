//! A key's account: units peeked at, reserved, given back, taken away. And the check of a limiter
//! that is not plain, which is a reservation that may not wait.
//!
//! Each function reads the state, then the clock, asks the arithmetic, and swaps the new state in;
//! beaten by another caller, it begins again. A process killed in between has changed nothing, or
//! everything.

use super::check::settle;
use super::entry::{self, Entry};
use super::fixed::Fixed;
use super::keys::{self, Print};
use super::refusal;
use super::registry::resolve;
use super::room::Found;
use super::rules::{self, Standing};
use super::ruling::Ruling;
use super::sliding::{Attempt, EXACT, LAST_TIME};
use super::terms::Terms;
use super::top;
use crate::base::error::Result;
use crate::base::limits;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::guard::{Decision, Verdict};
use crate::region::Region;
use crate::region::handle::{self, IdKind};

/// What `cost` units of limiter `id` would be answered for `key` now; changes nothing.
pub fn peek(
    region: &Region,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
) -> Result<(Verdict, Decision)> {
    let limiter = resolve(region, id)?;
    refusal::of_cost(cost)?;
    let answer = Account::of(region, limiter, key).map(|account| account.peek(cost));
    match answer.map(|answer| (answer.ruling, answer.decision)) {
        Ok((Ruling::Admitted | Ruling::Shadowed, decision)) => Ok((Verdict::Admitted, decision)),
        Ok((Ruling::Denied, decision)) => Ok((Verdict::Denied, decision)),
        Ok((error, _)) | Err(error) => Err(refusal::of(error, region, limiter, cost, key)),
    }
}

/// Takes `cost` units of limiter `id` for `key` as soon as they are there, if that is within
/// `most_wait_ns`: how long it is.
pub fn reserve(
    region: &Region,
    planes: &Planes,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
    most_wait_ns: u64,
) -> Result<(Verdict, u64)> {
    let limiter = resolve(region, id)?;
    refusal::of_change(region, cost)?;
    let answer = match Account::of(region, limiter, key) {
        Ok(account) => account.reserve(cost, most_wait_ns),
        Err(ruling) => Answer::plain(ruling),
    };
    top::record(region, limiter, key, answer.ruling, cost);
    match settle(region, planes, limiter, answer.ruling, cost) {
        Some(verdict) => Ok((verdict, answer.wait_ns)),
        None => Err(refusal::of(answer.ruling, region, limiter, cost, key)),
    }
}

/// Gives `cost` units of limiter `id` back to `key`, as far as it has taken any.
pub fn refund(region: &Region, id: u64, key: Option<&[u8]>, cost: u32) -> Result<()> {
    change(region, id, key, cost, Account::refund)
}

/// Takes `cost` units of limiter `id` from `key`, as far as it has any.
pub fn penalize(region: &Region, id: u64, key: Option<&[u8]>, cost: u32) -> Result<()> {
    change(region, id, key, cost, Account::penalize)
}

fn change<'r>(
    region: &'r Region,
    id: u64,
    key: Option<&[u8]>,
    cost: u32,
    change: impl Fn(&Account<'r>, u32) -> Ruling,
) -> Result<()> {
    let limiter = resolve(region, id)?;
    refusal::of_change(region, cost)?;
    let ruling = match Account::of(region, limiter, key) {
        Ok(account) => change(&account, cost),
        Err(ruling) => ruling,
    };
    match ruling {
        Ruling::Admitted | Ruling::Denied => Ok(()),
        error => Err(refusal::of(error, region, limiter, cost, key)),
    }
}

/// A ruling with all that is known about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub ruling: Ruling,
    pub decision: Decision,
    /// Until the units may be used.
    pub wait_ns: u64,
    /// The state that took the units; None when none were taken.
    pub receipt: Option<u64>,
}

impl Answer {
    fn plain(ruling: Ruling) -> Self {
        Answer {
            ruling,
            decision: Decision::default(),
            wait_ns: 0,
            receipt: None,
        }
    }

    pub fn is_verdict(&self) -> bool {
        matches!(
            self.ruling,
            Ruling::Admitted | Ruling::Denied | Ruling::Shadowed
        )
    }
}

/// Where a key's state is, and what it was.
enum Seat<'r> {
    Word { word: &'r AtomicU64, seen: u64 },
    Key(keys::Entry<'r>),
}

impl Seat<'_> {
    fn state(&self) -> u64 {
        match self {
            Seat::Word { seen, .. } => *seen,
            Seat::Key(entry) => entry.state,
        }
    }

    fn index(&self) -> usize {
        match self {
            Seat::Word { .. } => 0,
            Seat::Key(entry) => entry.index,
        }
    }

    fn swap(&self, state: u64) -> bool {
        match self {
            Seat::Word { word, seen } => word
                .compare_exchange(*seen, state, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok(),
            Seat::Key(entry) => entry.swap(state),
        }
    }

    fn is_same(&self) -> bool {
        match self {
            Seat::Word { word, seen } => word.load(Ordering::Acquire) == *seen,
            Seat::Key(entry) => entry.is_same(),
        }
    }
}

enum Sought<'r> {
    At(Seat<'r>),
    /// The key has no entry: nothing of it is taken.
    Absent,
    Nothing(Ruling, Decision),
}

/// A limiter for one key.
pub(super) struct Account<'r> {
    region: &'r Region,
    limiter: Entry<'r>,
    print: Option<Print>,
    standing: Standing,
}

impl<'r> Account<'r> {
    /// The account of `key`; a ruling when the limiter has none for it.
    pub fn of(
        region: &'r Region,
        limiter: Entry<'r>,
        key: Option<&[u8]>,
    ) -> std::result::Result<Self, Ruling> {
        if limiter.is_keyed() != key.is_some() {
            return Err(Ruling::WrongKey);
        }
        if key.is_some_and(|key| key.len() > limits::MAX_KEY_BYTES) {
            return Err(Ruling::LongKey);
        }
        if Terms::of(&limiter, region.words()).is_none() {
            return Err(Ruling::Damaged);
        }
        let standing = if limiter.has(entry::RULES) {
            rules::standing(region, limiter, key)
        } else {
            Standing::Usual
        };
        if let Standing::OnPlan { index } = standing
            && let Some(plan) = Entry::at(region, index)
        {
            // A damaged rule could lead in a circle: rules of plans are not asked.
            let is_plan = handle::is(plan.id(), IdKind::Limiter) && !plan.has(entry::RULES);
            if is_plan {
                return Self::of(region, plan, key);
            }
        }
        let groups = limiter.table(region.words()).groups;
        Ok(Account {
            region,
            limiter,
            print: key.map(|key| Print::of(region.keys(), key, groups)),
            standing,
        })
    }

    /// What is in force now; read after the state and the clock.
    #[inline(always)]
    fn terms(&self) -> Terms {
        let words = self.region.words();
        Terms::of(&self.limiter, words).unwrap_or(Terms::Fixed(Fixed::new(0, 1)))
    }

    /// Now, as a state can hold it.
    #[inline]
    fn now(&self) -> u64 {
        let now = self.region.clock().precise();
        match self.limiter.shape() & !1 {
            entry::WINDOW => now.min(LAST_TIME),
            _ => now,
        }
    }

    fn ring(&self, seat: &Seat<'_>) -> Option<&'r [AtomicU64]> {
        self.limiter.ring(self.region.words(), seat.index())
    }

    /// The state, entered for a key that has none if `cost` units are to be taken.
    fn seek(&self, enter: Option<u32>) -> Sought<'r> {
        let words = self.region.words();
        let Some(print) = self.print else {
            return match self.limiter.state(words) {
                Some(word) => Sought::At(Seat::Word {
                    word,
                    seen: word.load(Ordering::Acquire),
                }),
                None => Sought::Nothing(Ruling::Damaged, Decision::default()),
            };
        };
        if let Some(entry) = self.limiter.table(words).find(print) {
            return Sought::At(Seat::Key(entry));
        }
        let Some(cost) = enter else {
            return Sought::Absent;
        };
        let found = Found::enter_new(self.region, self.limiter, cost, print);
        match found {
            Found::At(entry) => Sought::At(Seat::Key(entry)),
            Found::Nothing(ruling, decision) => Sought::Nothing(ruling, decision),
        }
    }

    /// The answer that stands whatever was taken; None when units decide.
    #[inline]
    fn settled(&self) -> Option<Answer> {
        let limit = self.terms().units();
        match self.standing {
            Standing::Usual | Standing::OnPlan { .. } => None,
            Standing::Allowed => Some(Answer {
                decision: Decision {
                    limit,
                    remaining: limit,
                    ..Decision::default()
                },
                ..Answer::plain(Ruling::Admitted)
            }),
            Standing::Denied { for_ns } => Some(Answer {
                decision: Decision {
                    limit,
                    remaining: 0,
                    retry_after_ns: for_ns,
                    reset_after_ns: for_ns,
                },
                wait_ns: for_ns,
                ..Answer::plain(Ruling::Denied)
            }),
        }
    }

    /// What a denial is in shadow mode.
    fn shadowed(&self, mut answer: Answer) -> Answer {
        if answer.ruling == Ruling::Denied && self.limiter.has(entry::SHADOW) {
            answer.ruling = Ruling::Shadowed;
            answer.decision.retry_after_ns = 0;
            answer.wait_ns = 0;
        }
        answer
    }

    /// Takes `cost` units as soon as they are there, if that is within `most_wait_ns`.
    pub fn reserve(&self, cost: u32, most_wait_ns: u64) -> Answer {
        if !self.terms().holds(cost) {
            return Answer::plain(Ruling::Never);
        }
        if let Some(answer) = self.settled() {
            return self.shadowed(answer);
        }
        loop {
            let seat = match self.seek(Some(cost)) {
                Sought::At(seat) => seat,
                Sought::Nothing(ruling, decision) => {
                    let wait_ns = decision.retry_after_ns;
                    return self.shadowed(Answer {
                        decision,
                        wait_ns,
                        ..Answer::plain(ruling)
                    });
                }
                Sought::Absent => return Answer::plain(Ruling::Damaged),
            };
            if let Some(answer) = self.attempt(&seat, cost, most_wait_ns) {
                return self.shadowed(answer);
            }
        }
    }

    /// One attempt to take units; None when somebody else changed the state.
    fn attempt(&self, seat: &Seat<'_>, cost: u32, most_wait_ns: u64) -> Option<Answer> {
        let state = seat.state();
        let now = self.now();
        let terms = self.terms();
        if !terms.holds(cost) {
            return Some(Answer::plain(Ruling::Never));
        }
        let taken = match terms {
            Terms::Bucket(bucket) => {
                let bucket = bucket.at(now, self.region.clock().lag());
                let need = bucket.rate.cost(cost)?;
                let reserved = bucket.reserve(state, need, most_wait_ns);
                reserved.map(|(new, lacking, wait_ns)| {
                    if wait_ns > 0 {
                        self.limiter.raise_reach(lacking);
                    }
                    (new, wait_ns)
                })
            }
            Terms::Fixed(window) => window.reserve(state, now, cost.into(), most_wait_ns).ok(),
            Terms::Window(window) => {
                let Some(ring) = self.ring(seat) else {
                    return Some(Answer::plain(Ruling::Damaged));
                };
                let ready = window.ready_at(ring, state, cost.into(), now)?;
                if ready > LAST_TIME || ready.saturating_sub(now) > most_wait_ns {
                    None
                } else {
                    match window.take_at(
                        ring,
                        state,
                        cost.into(),
                        ready,
                        |new| seat.swap(new),
                        || seat.is_same(),
                    ) {
                        Attempt::Admitted { state, .. } => {
                            return Some(self.admitted(seat, state, now, ready - now));
                        }
                        Attempt::Damaged => return Some(Answer::plain(Ruling::Damaged)),
                        _ => return None,
                    }
                }
            }
        };
        match taken {
            Some((new, wait_ns)) => seat
                .swap(new)
                .then(|| self.admitted(seat, new, now, wait_ns)),
            None => {
                let decision = self.numbers(Some((seat, state)), now, cost);
                seat.is_same().then_some(Answer {
                    decision,
                    wait_ns: decision.retry_after_ns,
                    ..Answer::plain(Ruling::Denied)
                })
            }
        }
    }

    fn admitted(&self, seat: &Seat<'_>, state: u64, now: u64, wait_ns: u64) -> Answer {
        let decision = Decision {
            retry_after_ns: 0,
            ..self.numbers(Some((seat, state)), now, 0)
        };
        Answer {
            ruling: Ruling::Admitted,
            decision,
            wait_ns,
            receipt: Some(state),
        }
    }

    /// The numbers of a state; of a key without any for None. The wait is that of `cost` units, 0
    /// for none.
    fn numbers(&self, seat: Option<(&Seat<'_>, u64)>, now: u64, cost: u32) -> Decision {
        let terms = self.terms();
        let limit = terms.units();
        let Some((seat, state)) = seat else {
            return Decision {
                limit,
                remaining: limit,
                ..Decision::default()
            };
        };
        let lag = self.region.clock().lag();
        let (remaining, retry_after_ns, reset_after_ns) = match terms {
            Terms::Bucket(bucket) => {
                let bucket = bucket.at(now, lag);
                let lacking = bucket.lacking(state);
                let need = bucket.rate.cost(cost).unwrap_or(0);
                (
                    bucket.units_left(state),
                    bucket.wait_for(lacking, need),
                    bucket.ns(lacking),
                )
            }
            Terms::Fixed(window) => (
                window.units_left(state, now),
                match cost {
                    0 => 0,
                    cost => window
                        .reserve(state, now, cost.into(), 0)
                        .err()
                        .unwrap_or(0),
                },
                window.full_in(state, now),
            ),
            Terms::Window(window) => {
                let ring = self.ring(seat).unwrap_or_default();
                // A stamp of coarse time may be ahead of now by the lag.
                let wait = |until: u64| match until.saturating_sub(now) {
                    wait if wait <= window.window_ns.saturating_add(lag) => {
                        wait.min(window.window_ns)
                    }
                    reserved => reserved,
                };
                let ready = match cost {
                    0 => now,
                    cost => window
                        .ready_at(ring, state, cost.into(), now)
                        .unwrap_or(now),
                };
                (
                    window.units_left(ring, state, now),
                    wait(ready),
                    wait(window.idle_from(ring, state)),
                )
            }
        };
        Decision {
            limit,
            remaining,
            retry_after_ns,
            reset_after_ns,
        }
    }

    /// What `cost` units would be answered now.
    pub fn peek(&self, cost: u32) -> Answer {
        if !self.terms().holds(cost) {
            return Answer::plain(Ruling::Never);
        }
        if let Some(answer) = self.settled() {
            return self.shadowed(answer);
        }
        loop {
            let (decision, is_same) = match self.seek(None) {
                Sought::At(seat) => {
                    let now = self.now();
                    let decision = self.numbers(Some((&seat, seat.state())), now, cost);
                    (decision, seat.is_same())
                }
                Sought::Absent => (self.numbers(None, 0, cost), true),
                Sought::Nothing(ruling, _) => return Answer::plain(ruling),
            };
            if is_same {
                let ruling = if decision.retry_after_ns == 0 {
                    Ruling::Admitted
                } else {
                    Ruling::Denied
                };
                return self.shadowed(Answer {
                    decision,
                    wait_ns: decision.retry_after_ns,
                    ..Answer::plain(ruling)
                });
            }
        }
    }

    /// Gives `cost` units back, as far as any are taken.
    pub fn refund(&self, cost: u32) -> Ruling {
        let clock = self.region.clock();
        let mut left = u64::from(cost);
        loop {
            let seat = match self.seek(None) {
                Sought::At(seat) => seat,
                Sought::Absent => return Ruling::Admitted,
                Sought::Nothing(ruling, _) => return ruling,
            };
            let (state, now) = (seat.state(), self.now());
            let new = match self.terms() {
                Terms::Bucket(bucket) => {
                    let ticks = bucket.rate.per_unit.saturating_mul(left);
                    bucket.at(now, clock.lag()).refunded(state, ticks)
                }
                Terms::Fixed(window) => window.refunded(state, now, left),
                Terms::Window(window) => {
                    let Some(ring) = self.ring(&seat) else {
                        return Ruling::Damaged;
                    };
                    if window.per_slot == 1 && window.slots <= EXACT {
                        left = window.release(ring, state, left, now, || seat.is_same());
                        if left == 0 {
                            return Ruling::Admitted;
                        }
                        continue;
                    }
                    let used = window
                        .limit
                        .saturating_sub(window.units_left(ring, state, now));
                    let units = left.min(used);
                    (units > 0).then(|| window.unclaimed(state, units))
                }
            };
            match new {
                None if seat.is_same() => return Ruling::Admitted,
                Some(new) if seat.swap(new) => return Ruling::Admitted,
                _ => {}
            }
        }
    }

    /// Gives back what an attempt of this call took, of which `receipt` is the state. Exact when
    /// nobody took units meanwhile, and always for a token bucket.
    pub fn undo(&self, receipt: u64, cost: u32) {
        let Sought::At(seat) = self.seek(None) else {
            return;
        };
        match self.terms() {
            Terms::Window(window)
                if seat.state() == receipt && seat.swap(window.unclaimed(receipt, cost.into())) => {
            }
            Terms::Fixed(window) if !window.is_same_window(seat.state(), receipt) => {}
            _ => {
                self.refund(cost);
            }
        }
    }

    /// Takes `cost` units away, as far as there are any.
    pub fn penalize(&self, cost: u32) -> Ruling {
        let clock = self.region.clock();
        loop {
            let seat = match self.seek(Some(cost)) {
                Sought::At(seat) => seat,
                Sought::Absent => return Ruling::Damaged,
                Sought::Nothing(ruling, _) => return ruling,
            };
            let (state, now) = (seat.state(), self.now());
            let new = match self.terms() {
                Terms::Bucket(bucket) => {
                    let ticks = bucket.rate.per_unit.saturating_mul(cost.into());
                    bucket.at(now, clock.lag()).penalized(state, ticks)
                }
                Terms::Fixed(window) => window.penalized(state, now, cost.into()),
                Terms::Window(window) => {
                    let Some(ring) = self.ring(&seat) else {
                        return Ruling::Damaged;
                    };
                    let units = window.units_left(ring, state, now).min(cost.into());
                    let is_done = match units {
                        0 => seat.is_same(),
                        units => matches!(
                            window.take_at(
                                ring,
                                state,
                                units,
                                now,
                                |new| seat.swap(new),
                                || seat.is_same()
                            ),
                            Attempt::Admitted { .. } | Attempt::Damaged
                        ),
                    };
                    if is_done {
                        return Ruling::Admitted;
                    }
                    continue;
                }
            };
            if seat.swap(new) {
                return Ruling::Admitted;
            }
        }
    }
}
