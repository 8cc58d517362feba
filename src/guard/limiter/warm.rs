//! A token bucket that warms up: units cost more the longer it was not used. Pure arithmetic.
//!
//! A bucket has a *heat*, a time from 0 to the whole warm-up. It goes up while the bucket lacks
//! anything, which is while it is in use, and down at the same speed while it is full. Cold, a unit
//! costs [`COLD`] times its ticks; hot, once; in between in proportion. What is asked of the bucket
//! before is what a unit costs hot, so a call passes when it would without a warm-up, and those after
//! it wait for what it cost: a cold bucket gives a third of its rate, and a third of its burst at once.
//!
//! ```text
//! state   | time at which the bucket is full, modulo (38) | heat at that time (26) |
//! ```
//! Both are in ticks, of which a unit has 16 to 1,024, as many as let a whole warm-up and four bursts
//! fit twice. The heat at that time is what the heat is now and the time until then; so it says what
//! heat was reached when units are used that were reserved, and it does not change while time passes.
//! At rest for `TIME` a state comes round, and may seem to lack something, as a bucket's can
//! ([`gcra`](super::gcra)): at most once in 10,000 times.

use super::gcra::Rate;
use super::pace::Pace;

/// What a unit of a cold bucket costs, in units of a hot one.
pub const COLD: u64 = 3;

const HEAT_BITS: u32 = 26;
const MOST_HEAT: u64 = (1 << HEAT_BITS) - 1;
/// The circle of time.
const TIME: u64 = u64::MAX >> HEAT_BITS;
/// Ticks of a unit, as powers of two.
const FINEST: u32 = 10;
const COARSEST: u32 = 4;
/// Units of a warm-up and four bursts: the most that can be counted.
pub const MOST_UNITS: u64 = (MOST_HEAT / 2) >> COARSEST;

/// A bucket with a warm-up, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Ticks of a unit.
    pub per_unit: u64,
    /// Ticks of a burst.
    pub full: u64,
    /// Ticks of the whole warm-up.
    pub span: u64,
    /// How fast they pass.
    pub pace: Pace,
}

impl Scale {
    /// The finest scale of `rate`, a burst of `units` and a warm-up of `span_ns`; None when there is
    /// none.
    pub fn of(rate: &Rate, units: u64, span_ns: u64) -> Option<Self> {
        (COARSEST..=FINEST).rev().find_map(|bits| {
            let per_unit = 1 << bits;
            let full = units.checked_mul(per_unit)?;
            let pace = Pace::default().changed(per_unit, full, rate, 0)?;
            let span = pace.ticks_in(span_ns);
            fits(span, full).then_some(Scale {
                per_unit,
                full,
                span,
                pace,
            })
        })
    }
}

/// Whether a warm-up of `span` ticks and bursts of `full` can be counted.
pub fn fits(span: u64, full: u64) -> bool {
    span.saturating_add(full.saturating_mul(4)) <= MOST_HEAT / 2
}

/// The most that a bucket of `full` lacks while nobody reserves.
pub fn reach(full: u64) -> u64 {
    full.saturating_mul(COLD)
}

/// What a state says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// What the bucket lacks.
    pub lacking: u64,
    /// Its heat.
    pub heat: u64,
}

/// A warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warm {
    /// Ticks of the whole of it; 0 is always hot.
    pub span: u64,
}

impl Warm {
    /// What `state` says at `now`; a state is at most `ahead` ahead.
    pub fn level(&self, state: u64, now: u64, ahead: u64) -> Level {
        let (full_at, heat) = (state >> HEAT_BITS, state & MOST_HEAT);
        let lacking = full_at.wrapping_sub(now) & TIME;
        if lacking <= ahead.min(TIME / 2) {
            return Level {
                lacking,
                heat: heat.saturating_sub(lacking).min(self.span),
            };
        }
        let rest = now.wrapping_sub(full_at) & TIME;
        Level {
            lacking: 0,
            heat: heat.min(self.span).saturating_sub(rest),
        }
    }

    /// The state that says `level` at `now`.
    pub fn state(&self, now: u64, level: Level) -> u64 {
        let heat = level.heat.saturating_add(level.lacking).min(MOST_HEAT);
        now.wrapping_add(level.lacking) << HEAT_BITS | heat
    }

    /// What `need` ticks cost at `heat`, rounded up.
    pub fn cost(&self, need: u64, heat: u64) -> u64 {
        let cold = u128::from(self.span.saturating_sub(heat)) * u128::from(COLD - 1);
        let more = u128::from(need)
            .saturating_mul(cold)
            .div_ceil(u128::from(self.span).max(1));
        need.saturating_add(u64::try_from(more).unwrap_or(u64::MAX))
    }

    /// Takes `need` ticks, at most `full`, from what `level` says at `now`, as soon as they are there,
    /// if that is within `most_wait` ticks: the state, what is lacking from now on, and the wait.
    /// `part` is what counts too little for now.
    pub fn reserve(
        &self,
        level: Level,
        now: u64,
        part: u64,
        [need, full, most_wait]: [u64; 3],
    ) -> Option<(u64, u64, u64)> {
        let wait = level.lacking.saturating_add(need).saturating_sub(full);
        if wait > most_wait || level.lacking > TIME / 8 {
            return None;
        }
        // Then, if nobody calls before: a bucket that is waited for is in use.
        let heat = level.heat.saturating_add(wait).min(self.span);
        let begun = if level.lacking == 0 { part } else { 0 };
        let then = Level {
            lacking: level
                .lacking
                .saturating_sub(wait)
                .saturating_add(self.cost(need, heat))
                .saturating_add(begun),
            heat,
        };
        let state = self.state(now.wrapping_add(wait), then);
        Some((state, wait.saturating_add(then.lacking), wait))
    }

    /// Whole units that calls for one each could take at once.
    pub fn units_left(&self, level: Level, per_unit: u64, full: u64) -> u64 {
        match full
            .saturating_sub(level.lacking)
            .checked_sub(per_unit.max(1))
        {
            None => 0,
            Some(room) => 1 + room / self.cost(per_unit.max(1), level.heat).max(1),
        }
    }

    /// A state of a cold, full bucket at `now`, other than `old`.
    pub fn fresh(&self, old: u64, now: u64) -> u64 {
        let rest = now.wrapping_sub(old >> HEAT_BITS) & TIME;
        let is_recent = old & MOST_HEAT == 0 && (1..=1 << 20).contains(&rest);
        let from = if is_recent { old >> HEAT_BITS } else { now };
        from.wrapping_sub(1) << HEAT_BITS
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn scale() -> Scale {
        Scale::of(&Rate::new(10.0, 4).unwrap(), 4, 1_000_000_000).unwrap()
    }

    #[test]
    fn the_finest_scale_that_fits_is_taken() {
        assert_eq!(scale().per_unit, 1024);
        assert_eq!((scale().full, scale().span), (4 * 1024, 10 * 1024));
        let of = |rate: f64, units: u64, seconds: u64| {
            let rate = Rate::new(rate, units).unwrap();
            Scale::of(&rate, units, seconds * 1_000_000_000)
        };
        let coarse = of(20_000.0, 20_000, 100).unwrap();
        assert_eq!(coarse.per_unit, 16);
        assert_eq!(of(20_000.0, 30_000, 100), None);
        assert_eq!(of(1.0, MOST_UNITS / 4, 0).unwrap().per_unit, 16);
        assert_eq!(of(1.0, MOST_UNITS / 4 + 1, 0), None);
    }

    #[test]
    fn cold_units_cost_three_and_hot_ones_one() {
        let Scale {
            per_unit,
            full,
            span,
            ..
        } = scale();
        let warm = Warm { span };
        let at = |heat: u64| warm.cost(per_unit, heat);
        assert_eq!(
            [at(0), at(span / 2), at(span)],
            [3 * per_unit, 2 * per_unit, per_unit]
        );
        let cold = Level {
            lacking: 0,
            heat: 0,
        };
        assert_eq!(warm.units_left(cold, per_unit, full), 2);
        assert_eq!(Warm { span: 0 }.cost(per_unit, 0), per_unit);
        let (state, lacking, wait) = warm.reserve(cold, 77, 0, [4 * per_unit, full, 0]).unwrap();
        assert_eq!((lacking, wait), (12 * per_unit, 0));
        let level = warm.level(state, 77, 3 * full);
        assert_eq!(level, Level { lacking, heat: 0 });
        let later = warm.level(state, 77 + lacking + 5, 3 * full);
        assert_eq!((later.lacking, later.heat), (0, span - 5));
    }

    #[test]
    fn a_state_says_what_went_into_it() {
        let warm = Warm { span: 10_000 };
        for now in [0, 1, 12_345, TIME - 3, TIME, u64::MAX - 20, 1 << 40] {
            for (lacking, heat) in [(0, 0), (1, 0), (900, 500), (30_000, 10_000)] {
                let level = Level { lacking, heat };
                let state = warm.state(now, level);
                assert_eq!(warm.level(state, now, 30_000), level);
                let rested = warm.level(state, now.wrapping_add(lacking + 400), 30_000);
                let then = (heat + lacking).min(10_000).saturating_sub(400);
                assert_eq!((rested.lacking, rested.heat), (0, then));
            }
            let first = warm.fresh(0, now);
            let second = warm.fresh(first, now);
            assert_ne!(first, second);
            for state in [first, second] {
                let level = warm.level(state, now, 30_000);
                assert_eq!((level.lacking, level.heat), (0, 0));
            }
        }
    }

    #[test]
    fn any_word_is_a_state() {
        let mut state = 1_u64;
        for round in 0..10_000_u64 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(round);
            for span in [0, 1, state, 77] {
                let (warm, now) = (Warm { span }, state.rotate_left(17));
                let level = warm.level(state, now, state.rotate_left(33));
                let _ = warm.reserve(level, now, 1, [state >> 3, state >> 7, state]);
                let _ = warm.units_left(level, state >> 50, state >> 9);
                let _ = (warm.cost(state, level.heat), warm.fresh(state, now));
            }
        }
    }
}
