//! How fast a bucket fills once its rate was changed.
//!
//! A state counts ticks, and a unit costs the ticks that it always did: so a state means the same units
//! before and after. What changes is how many ticks pass in a nanosecond: a fraction, from the moment
//! of the change on, and ticks go on from where they were. Ticks are rounded down and a full bucket's
//! begin up, so that rounding gives nobody a unit, and takes less than a tick.

use super::gcra::{FEW_TICKS, MOST_FULL, Rate, SMALL_FULL};
use super::warm::{Level, Warm};

/// Most ticks that may pass in a nanosecond where a bucket is a small part of the circle: it is then
/// five hours long.
const MOST_PACE: u128 = 1_000_000;
/// How long, in nanoseconds, a change may take from its clock to its publication without the reach
/// being exceeded for a moment.
pub(super) const UNDER_WAY_NS: u64 = 1_000_000_000;

/// Ticks as a function of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// When it began.
    pub since_ns: u64,
    /// The ticks then, modulo 2^64.
    pub since_ticks: u64,
    /// So many ticks pass…
    pub ticks: u64,
    /// …in so many nanoseconds.
    pub ns: u64,
}

impl Pace {
    /// The pace of a rate that was never changed.
    pub fn of(rate: &Rate) -> Self {
        Pace {
            since_ns: 0,
            since_ticks: 0,
            ticks: rate.per_ns,
            ns: 1,
        }
    }

    /// The pace from `now_ns` on, at which units of `per_unit` ticks come back as `wanted` says, or
    /// slower by less than one part in 2^50; None when ticks would pass so fast, or a bucket be so
    /// large, that old states were taken for new ones too often.
    pub fn changed(&self, per_unit: u64, reach: u64, wanted: &Rate, now_ns: u64) -> Option<Self> {
        let (mut ticks, mut ns) = (
            u128::from(wanted.per_ns).checked_mul(per_unit.into())?,
            u128::from(wanted.per_unit),
        );
        let divisor = super::gcra::gcd(ticks, ns).max(1);
        (ticks, ns) = (ticks / divisor, ns / divisor);
        while ticks.max(ns) > u64::MAX.into() {
            (ticks, ns) = (ticks >> 1, (ns + 1) >> 1);
        }
        let most = if u128::from(reach) <= SMALL_FULL {
            MOST_PACE
        } else {
            FEW_TICKS
        };
        let is_possible = ticks > 0 && ticks <= most * ns && u128::from(reach) <= MOST_FULL;
        is_possible.then(|| Pace {
            since_ns: now_ns,
            since_ticks: self.ticks_at(now_ns),
            ticks: ticks as u64,
            ns: ns as u64,
        })
    }

    fn passed(&self, now_ns: u64) -> u128 {
        u128::from(now_ns.saturating_sub(self.since_ns)) * u128::from(self.ticks)
    }

    fn per(&self) -> u128 {
        self.ns.max(1).into()
    }

    /// The ticks at `now_ns`.
    pub fn ticks_at(&self, now_ns: u64) -> u64 {
        self.since_ticks
            .wrapping_add((self.passed(now_ns) / self.per()) as u64)
    }

    /// 1 when a part of a tick more has passed, else 0.
    pub fn part_at(&self, now_ns: u64) -> u64 {
        u64::from(!self.passed(now_ns).is_multiple_of(self.per()))
    }

    /// Ticks that pass in `span_ns`, rounded up.
    pub fn ticks_in(&self, span_ns: u64) -> u64 {
        let ticks = (u128::from(span_ns) * u128::from(self.ticks)).div_ceil(self.per());
        ticks.try_into().unwrap_or(u64::MAX)
    }

    /// Nanoseconds from `now_ns` until `ticks` more have passed.
    pub fn ns_until(&self, now_ns: u64, ticks: u64) -> u64 {
        if ticks == 0 {
            return 0;
        }
        let wanted = self.passed(now_ns) / self.per() + u128::from(ticks);
        let elapsed = wanted
            .saturating_mul(self.per())
            .div_ceil(self.ticks.max(1).into());
        let at = elapsed.saturating_add(self.since_ns.into());
        at.saturating_sub(now_ns.into())
            .try_into()
            .unwrap_or(u64::MAX)
    }
}

/// A token bucket, at the rate that it was made with or at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Units of the whole.
    pub units: u64,
    /// Costs, whole and reach in ticks.
    pub rate: Rate,
    /// None while the rate is that which the limiter was made with.
    pub pace: Option<Pace>,
    /// The warm-up of a bucket that has one, and then a pace.
    pub warm: Option<Warm>,
}

impl Bucket {
    /// The pace, whether changed or not.
    pub fn pace(&self) -> Pace {
        self.pace.unwrap_or(Pace::of(&self.rate))
    }

    /// The bucket at `now_ns`; clocks of others may be ahead by `lag_ns`.
    pub fn at(&self, now_ns: u64, lag_ns: u64) -> Moment {
        match self.pace {
            None => Moment {
                rate: self.rate,
                now: now_ns,
                lag: lag_ns,
                part: 0,
                clock: None,
                warm: None,
            },
            Some(pace) => Moment {
                rate: Rate {
                    per_ns: 1,
                    ..self.rate
                },
                now: pace.ticks_at(now_ns),
                lag: pace.ticks_in(lag_ns),
                part: pace.part_at(now_ns),
                clock: Some((pace, now_ns)),
                warm: self.warm,
            },
        }
    }

    /// How far ahead a state may be seen while the pace changes.
    pub fn reach_of_change(&self, full: u64) -> u64 {
        let moving = self.pace().ticks_in(UNDER_WAY_NS);
        let most = self.rate.full.max(full).saturating_add(moving);
        most.min(MOST_FULL as u64)
    }
}

/// A bucket at one moment. `now` and `lag` are what the functions of `rate` want for now and the lag:
/// nanoseconds, or ticks where the pace was changed.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The rate.
    pub rate: Rate,
    /// Now.
    pub now: u64,
    /// How far the clocks of others may be ahead.
    pub lag: u64,
    part: u64,
    clock: Option<(Pace, u64)>,
    warm: Option<Warm>,
}

impl Moment {
    /// Ticks that the bucket of `state` lacks.
    pub fn lacking(&self, state: u64) -> u64 {
        match self.warm {
            None => self.rate.lacking(state, self.now, self.lag),
            Some(warm) => self.level(warm, state).lacking,
        }
    }

    fn level(&self, warm: Warm, state: u64) -> Level {
        let ahead = self.rate.reach.saturating_add(self.lag);
        warm.level(state, self.now, ahead)
    }

    /// Whole units that are left.
    pub fn units_left(&self, state: u64) -> u64 {
        match self.warm {
            None => self.rate.units_left(self.lacking(state)),
            Some(warm) => {
                let level = self.level(warm, state);
                warm.units_left(level, self.rate.per_unit, self.rate.full)
            }
        }
    }

    /// [`Rate::is_idle`]; a bucket that is still warm says something.
    pub fn is_idle(&self, state: u64) -> bool {
        match self.warm {
            None => self.rate.is_idle(state, self.now, self.lag),
            Some(warm) => {
                let level = self.level(warm, state);
                level.lacking == 0 && level.heat == 0
            }
        }
    }

    /// Nanoseconds until it is idle.
    pub fn idle_in(&self, state: u64) -> u64 {
        let rest = match self.warm {
            None => self.lacking(state),
            Some(warm) => {
                let level = self.level(warm, state);
                // It goes on warming while it lacks anything.
                let heat = level.heat.saturating_add(level.lacking).min(warm.span);
                level.lacking.saturating_add(heat)
            }
        };
        self.ns(rest).saturating_add(1)
    }

    /// [`Rate::fresh`].
    pub fn fresh(&self, old: u64) -> u64 {
        match self.warm {
            None => self.rate.fresh(old, self.now),
            Some(warm) => warm.fresh(old, self.now),
        }
    }

    /// Nanoseconds until `ticks` have passed.
    pub fn ns(&self, ticks: u64) -> u64 {
        match self.clock {
            None => self.rate.ns(ticks),
            Some((pace, now_ns)) => pace.ns_until(now_ns, ticks),
        }
    }

    /// Nanoseconds until a bucket that lacks `lacking` ticks has room for `need`.
    pub fn wait_for(&self, lacking: u64, need: u64) -> u64 {
        self.ns(lacking.saturating_sub(self.rate.full.wrapping_sub(need)))
    }

    /// [`Rate::reserve`]: the state, what is lacking then, and the wait in nanoseconds.
    pub fn reserve(&self, state: u64, need: u64, most_wait_ns: u64) -> Option<(u64, u64, u64)> {
        let most_wait = match self.clock {
            None => most_wait_ns,
            Some((pace, now_ns)) => {
                let then = now_ns.saturating_add(most_wait_ns);
                let wait = (pace.passed(then) / pace.per()) - (pace.passed(now_ns) / pace.per());
                let is_slow = u128::from(pace.ticks) <= FEW_TICKS * pace.per();
                let most = if is_slow { MOST_FULL } else { SMALL_FULL };
                wait.min(most.saturating_sub(self.rate.full.into())) as u64
            }
        };
        let (rate, now, lag) = (&self.rate, self.now, self.lag);
        if let Some(warm) = self.warm {
            let level = self.level(warm, state);
            let ticks = [need, rate.full, most_wait];
            let (new, lacking, wait) = warm.reserve(level, now, self.part, ticks)?;
            return Some((new, lacking, self.ns(wait)));
        }
        let reserved = rate.reserve(state, now, lag, need, most_wait).ok()?;
        let wait_ns = match self.clock {
            None => reserved.wait_ns,
            Some(_) => self.ns(reserved.wait_ns),
        };
        let new = self.begun(state, reserved.state);
        Some((new, reserved.lacking, wait_ns))
    }

    /// [`Rate::penalized`].
    pub fn penalized(&self, state: u64, ticks: u64) -> u64 {
        if let Some(warm) = self.warm {
            let level = self.level(warm, state);
            let cost = warm.cost(ticks, level.heat).saturating_add(self.part);
            let most = self.rate.full.max(level.lacking);
            let lacking = level.lacking.saturating_add(cost).min(most);
            return warm.state(self.now, Level { lacking, ..level });
        }
        let new = self.rate.penalized(state, self.now, self.lag, ticks);
        self.begun(state, new)
    }

    /// [`Rate::refunded`].
    pub fn refunded(&self, state: u64, ticks: u64) -> Option<u64> {
        if let Some(warm) = self.warm {
            let level = self.level(warm, state);
            // Not less heat than when they were taken, so not more than they cost.
            let cost = warm.cost(ticks, level.heat);
            let lacking = level.lacking.saturating_sub(cost);
            let given = Level { lacking, ..level };
            return (level.lacking > 0).then(|| warm.state(self.now, given));
        }
        self.rate.refunded(state, self.now, self.lag, ticks)
    }

    /// What was taken from a full bucket counts from now, not from the last whole tick.
    fn begun(&self, state: u64, new: u64) -> u64 {
        match self.lacking(state) {
            0 => new.wrapping_add(self.part),
            _ => new,
        }
    }
}
