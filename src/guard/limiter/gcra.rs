//! The token bucket's arithmetic: a bucket is one number, the time at which it is full again.
//!
//! **Ticks.** A rate is an exact fraction: `p` units in `q` nanoseconds. Time is counted in ticks
//! of 1/p ns, in which one unit costs exactly `q`. So nothing is ever rounded, and the n-th unit
//! comes back at exactly the nanosecond it should. (The generic cell rate algorithm, GCRA, calls
//! the number the theoretical arrival time.)
//!
//! **Modular time.** The number is kept modulo 2^64 and read relative to now: `state - now` up to
//! `reach` ahead is what the bucket lacks; anything else lies in the past, and the bucket is full.
//! The reach is the most that any state was ever ahead: a burst, or more once units were reserved
//! ahead of time, or a burst was made smaller.
//! Hence nothing ends or saturates however large now is, and a damaged word heals by itself. Two
//! things could be mistaken:
//! - *Ahead of a stale now.* A caller whose now is older than the state that it reads could take a
//!   number far ahead for the past. So callers read the state first and the clock second, and the
//!   compare-and-swap makes sure that the state was still the same.
//! - *So old that it comes round.* After 2^64 ticks (584 years / p) of rest a number seems to be
//!   ahead again, if it hits the `reach / 2^64` of the circle that is ahead. Such a bucket seems
//!   emptier than it is, never fuller, and [`Rate::new`] bounds p so that this is rare: under
//!   1 in 16,000 after at least 21 days of rest, or impossible for three years.
//!
//! **Coarse time that stays strict.** With `c` a coarse reading, real now is in `[c, c + lag]`.
//! - `state >= c + lag` and `state + cost <= c + full`: for every now in the interval,
//!   `max(state, now) = state`, and `state + cost <= now + full`. The precise clock would admit and
//!   leave `state + cost`: the same answer and the same update.
//! - `state + cost > c + lag + full`: the precise clock would deny, at every now in the interval.
//! - Otherwise the answer depends on now, and the precise clock is read.
//!
//! So the coarse clock never changes an answer as long as it lags by less than
//! [`COARSE_LAG_NS`](crate::base::limits::COARSE_LAG_NS), many times its tick. Where a host steals
//! the CPU that updates it for longer, a busy bucket can gain at most the rate times the excess.

use std::cmp::Ordering;

/// Most ticks a nanosecond has where a full bucket is a small part of the circle.
const MOST_TICKS: u128 = 10_000;
/// Most ticks otherwise: the circle is then at least four years.
pub(super) const FEW_TICKS: u128 = 146;
/// What counts as a small part of the circle: 1 in 16,384.
pub(super) const SMALL_FULL: u128 = 1 << 50;
/// Largest bucket in ticks: a quarter of the circle.
pub(super) const MOST_FULL: u128 = 1 << 62;

/// The bits of a word that hold the ticks of a nanosecond; above them is the reach.
pub(super) const TICKS_MASK: u64 = (1 << 14) - 1;

/// Slowest rate: one unit in three centuries.
pub const MIN_RATE: f64 = 1e-10;
/// Fastest rate: one unit a nanosecond.
pub const MAX_RATE: f64 = 1e9;

/// A rate and a burst in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Ticks in a nanosecond: p.
    pub per_ns: u64,
    /// Ticks that a unit costs: q.
    pub per_unit: u64,
    /// Ticks of a whole burst.
    pub full: u64,
    /// The most that a state was ever ahead of now: at least `full`.
    pub reach: u64,
}

/// What [`Rate::by_coarse`] and [`Rate::by_precise`] find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Admitted if the state can be changed to this; the bucket then lacks `lacking` ticks.
    Admit {
        /// The state to put in place.
        state: u64,
        /// What the bucket lacks afterwards.
        lacking: u64,
    },
    /// Denied: the bucket lacks `lacking` ticks.
    Deny {
        /// What the bucket lacks.
        lacking: u64,
    },
    /// The precise clock must be read; by the coarse one the bucket lacks `lacking` ticks.
    Unsure {
        /// What the bucket lacks at most.
        lacking: u64,
    },
}

impl Rate {
    /// The rate of `per_second` units and a bucket of `burst` of them; None when out of range, or so
    /// slow that a whole bucket is more than a quarter of the circle: 146 years / p.
    ///
    /// The fraction is that of the shortest decimal that reads as `per_second`, so 0.1 is a tenth.
    /// A fraction of more than `MOST_TICKS` is replaced by the nearest slower one.
    pub fn new(per_second: f64, burst: u64) -> Option<Self> {
        if !(MIN_RATE..=MAX_RATE).contains(&per_second) {
            return None;
        }
        let (digits, exponent) = decimal(per_second);
        let power = 10u128.checked_pow(exponent.unsigned_abs())?;
        let (units, ns) = if exponent >= 0 {
            (digits.checked_mul(power)?, 1_000_000_000)
        } else {
            (digits, power.checked_mul(1_000_000_000)?)
        };
        let divisor = gcd(units, ns);
        let (p, q) = (units / divisor, ns / divisor);
        [MOST_TICKS, FEW_TICKS].into_iter().find_map(|most| {
            let (p, q) = if p <= most {
                (p, q)
            } else {
                nearest_slower(p, q, most)
            };
            let full = q.checked_mul(burst.into())?;
            let allowed = if p <= FEW_TICKS {
                MOST_FULL
            } else {
                SMALL_FULL
            };
            (full <= allowed).then_some(Rate {
                per_ns: p as u64,
                per_unit: q as u64,
                full: full as u64,
                reach: full as u64 | TICKS_MASK,
            })
        })
    }

    /// Ticks that `cost` units cost; None when that is more than a burst.
    #[inline(always)]
    pub fn cost(&self, cost: u32) -> Option<u64> {
        let ticks = self.per_unit.checked_mul(cost.into())?;
        (ticks <= self.full).then_some(ticks)
    }

    /// Decides about `need` ticks, at most `full`, when the coarse clock, read after `state`,
    /// says `now_ns` and may be behind by `lag_ns`.
    #[inline(always)]
    pub fn by_coarse(&self, state: u64, now_ns: u64, lag_ns: u64, need: u64) -> Answer {
        let lag = lag_ns.wrapping_mul(self.per_ns);
        let ahead = state.wrapping_sub(now_ns.wrapping_mul(self.per_ns));
        let room = self.full.wrapping_sub(need);
        if ahead >= lag && ahead <= room {
            Answer::Admit {
                state: state.wrapping_add(need),
                lacking: ahead.wrapping_add(need),
            }
        } else if ahead > room.saturating_add(lag) && ahead <= self.reach.saturating_add(lag) {
            Answer::Deny { lacking: ahead }
        } else {
            Answer::Unsure { lacking: ahead }
        }
    }

    /// Decides about `need` ticks, at most `full`, at `now_ns`, read after `state`. Other callers'
    /// clocks may be ahead of ours by `lag_ns`.
    #[inline]
    pub fn by_precise(&self, state: u64, now_ns: u64, lag_ns: u64, need: u64) -> Answer {
        let now = now_ns.wrapping_mul(self.per_ns);
        let lacking = self.lacking(state, now_ns, lag_ns);
        if lacking <= self.full.wrapping_sub(need) {
            let lacking = lacking.wrapping_add(need);
            Answer::Admit {
                state: now.wrapping_add(lacking),
                lacking,
            }
        } else {
            Answer::Deny { lacking }
        }
    }

    /// Ticks that the bucket of `state` lacks at `now_ns`, which was read after `state`.
    #[inline(always)]
    pub fn lacking(&self, state: u64, now_ns: u64, lag_ns: u64) -> u64 {
        let ahead = state.wrapping_sub(now_ns.wrapping_mul(self.per_ns));
        let most = self.reach.saturating_add(lag_ns.wrapping_mul(self.per_ns));
        if ahead <= most { ahead } else { 0 }
    }

    /// True when the bucket of `state` has been full since before `now_ns`, so that its number
    /// says nothing that a new bucket's would not.
    pub fn is_idle(&self, state: u64, now_ns: u64, lag_ns: u64) -> bool {
        let ahead = state.wrapping_sub(now_ns.wrapping_mul(self.per_ns));
        ahead > self.reach.saturating_add(lag_ns.wrapping_mul(self.per_ns))
    }

    /// A state in the recent past of `now_ns`, that is of a full bucket, other than `old`.
    ///
    /// Two states that are given to one entry in turn differ, so that a compare-and-swap that was
    /// prepared for the first fails on the second.
    pub fn fresh(&self, old: u64, now_ns: u64) -> u64 {
        let now = now_ns.wrapping_mul(self.per_ns);
        let recent = 1..=1 << 20;
        if recent.contains(&now.wrapping_sub(old)) {
            old.wrapping_sub(1)
        } else {
            now.wrapping_sub(1)
        }
    }

    /// Whole units in a bucket that lacks `lacking` ticks.
    #[inline]
    pub fn units_left(&self, lacking: u64) -> u64 {
        quotient(self.full.saturating_sub(lacking), self.per_unit).0
    }

    /// Nanoseconds until a bucket that lacks `lacking` ticks has room for `need`.
    #[inline]
    pub fn wait_for(&self, lacking: u64, need: u64) -> u64 {
        self.ns(lacking.saturating_sub(self.full.wrapping_sub(need)))
    }

    /// Nanoseconds in which `ticks` pass, rounded up.
    #[inline]
    pub fn ns(&self, ticks: u64) -> u64 {
        let (whole, rest) = quotient(ticks, self.per_ns.max(1));
        whole + u64::from(rest > 0)
    }
}

/// Quotient and rest; 0 for none. Numbers of 32 bits are divided as such, which many processors do
/// several times as fast, and the compiler only looks for when it does not compile for size.
#[inline]
fn quotient(dividend: u64, divisor: u64) -> (u64, u64) {
    match (u32::try_from(dividend), u32::try_from(divisor)) {
        (_, Ok(0)) => (0, 0),
        (Ok(dividend), Ok(divisor)) => ((dividend / divisor).into(), (dividend % divisor).into()),
        _ => (dividend / divisor, dividend % divisor),
    }
}

/// The shortest decimal that reads as `value`: digits and a power of ten.
pub(in crate::guard) fn decimal(value: f64) -> (u128, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().unwrap_or(0);
    (
        digits,
        exponent.parse::<i32>().unwrap_or(0) - fraction.len() as i32,
    )
}

pub(super) fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The fraction of at most `most` units that is nearest to `q` ns for `p` units and not faster.
fn nearest_slower(p: u128, q: u128, most: u128) -> (u128, u128) {
    let (whole, rest) = (q / p, q % p);
    // For `units`, the least ns that is not faster is ceil(units * q / p); what it is too much,
    // over `units`, is how much slower the fraction is.
    let candidate = |units: u128| {
        let ns = (rest * units).div_ceil(p);
        (units, whole * units + ns, ns * p - rest * units)
    };
    let best = (1..=most)
        .map(candidate)
        .min_by(|a, b| match (a.2 * b.0).cmp(&(b.2 * a.0)) {
            Ordering::Equal => a.0.cmp(&b.0),
            unequal => unequal,
        });
    best.map_or((1, whole + 1), |(units, ns, _)| (units, ns))
}

mod ahead;

#[cfg(all(test, not(loom)))]
#[path = "gcra/tests.rs"]
mod tests;
