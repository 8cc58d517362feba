//! The fixed window's arithmetic: a count, and the number of the window that it belongs to.
//!
//! Windows begin at multiples of their length in region time. One word holds both:
//!
//! ```text
//! state   | number of the window, modulo | units taken (`bits` bits) |
//! ```
//! A number up to a quarter of the circle ahead of the present window is one that units were
//! reserved in: then the present window, and all before that one, are used up. Every other number
//! lies in the past, and nothing is taken. A state that has not been written for so long that its
//! number comes round reads as used, never as free; at 2^24 windows or more that takes half a year
//! of one-second windows without a single call.
//!
//! The two largest counts are never reached: states that begin a key's new life have them, in the
//! window before the present one, so that no swap prepared in an earlier life succeeds.

/// Largest limit: 24 bits are left for the window's number.
pub const MAX_LIMIT: u64 = (1 << 40) - 3;

/// Fewest bits of a count: so many more than small limits need, so that they can be raised later.
const LEAST_BITS: u32 = 24;

/// A limit and its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Units in a window.
    pub limit: u64,
    /// Length of the window.
    pub window_ns: u64,
    /// Bits of the count.
    pub bits: u64,
}

/// Units taken: in the window that is `ahead` of the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    ahead: u64,
    count: u64,
}

impl Fixed {
    /// Counts at most `limit` units, up to [`MAX_LIMIT`], in `window_ns`.
    pub fn new(limit: u64, window_ns: u64) -> Self {
        let bits = (64 - limit.saturating_add(2).leading_zeros()).max(LEAST_BITS);
        Fixed {
            limit,
            window_ns: window_ns.max(1),
            bits: bits.into(),
        }
    }

    fn bits(&self) -> u32 {
        (self.bits as u32).clamp(1, 40)
    }

    fn number(&self, now_ns: u64) -> u64 {
        now_ns / self.window_ns.max(1)
    }

    #[inline]
    fn taken(&self, state: u64, now_ns: u64) -> Taken {
        let bits = self.bits();
        let circle = u64::MAX >> bits;
        let ahead = (state >> bits).wrapping_sub(self.number(now_ns)) & circle;
        let count = state & !(u64::MAX << bits);
        let begun_anew = !(u64::MAX << bits) - 1;
        if ahead <= circle / 4 && count < begun_anew {
            Taken { ahead, count }
        } else {
            Taken { ahead: 0, count: 0 }
        }
    }

    fn state(&self, taken: Taken, now_ns: u64) -> u64 {
        let number = self.number(now_ns).wrapping_add(taken.ahead);
        (number << self.bits()) | taken.count
    }

    /// Takes `cost` units, at most `limit`, in the first window that has them and begins within
    /// `most_wait_ns`: the state to put in place, and the wait; or how long the wait would be.
    #[inline]
    pub fn reserve(
        &self,
        state: u64,
        now_ns: u64,
        cost: u64,
        most_wait_ns: u64,
    ) -> Result<(u64, u64), u64> {
        let mut taken = self.taken(state, now_ns);
        let count = taken.count.saturating_add(cost);
        taken = if count <= self.limit {
            Taken { count, ..taken }
        } else {
            Taken {
                ahead: taken.ahead + 1,
                count: cost,
            }
        };
        let wait = match taken.ahead {
            0 => 0,
            ahead => self.begins_in(ahead, now_ns),
        };
        if wait > most_wait_ns || taken.ahead > u64::MAX >> self.bits() >> 3 {
            return Err(wait);
        }
        Ok((self.state(taken, now_ns), wait))
    }

    /// Nanoseconds until the window that is `ahead` of the present one begins.
    fn begins_in(&self, ahead: u64, now_ns: u64) -> u64 {
        let number = self.number(now_ns).saturating_add(ahead);
        number.saturating_mul(self.window_ns).saturating_sub(now_ns)
    }

    /// The state when `cost` units were given back; None when there is nothing to give back.
    pub fn refunded(&self, state: u64, now_ns: u64, cost: u64) -> Option<u64> {
        let taken = self.taken(state, now_ns);
        let left = match (taken.count.checked_sub(cost), taken.ahead.checked_sub(1)) {
            _ if taken.ahead == 0 && taken.count == 0 => return None,
            (Some(count), _) => Taken { count, ..taken },
            // The window before is left used up: how much of it was is not known any more.
            (None, Some(ahead)) => Taken {
                ahead,
                count: self.limit,
            },
            (None, None) => Taken { count: 0, ..taken },
        };
        Some(self.state(left, now_ns))
    }

    /// The state when `cost` units were taken away, as far as there are any.
    pub fn penalized(&self, state: u64, now_ns: u64, cost: u64) -> u64 {
        let taken = self.taken(state, now_ns);
        let count = taken
            .count
            .saturating_add(cost)
            .min(self.limit.max(taken.count));
        self.state(Taken { count, ..taken }, now_ns)
    }

    /// True when both states count in the same window.
    pub fn is_same_window(&self, one: u64, other: u64) -> bool {
        one >> self.bits() == other >> self.bits()
    }

    /// Units left in the present window.
    pub fn units_left(&self, state: u64, now_ns: u64) -> u64 {
        match self.taken(state, now_ns) {
            Taken { ahead: 0, count } => self.limit.saturating_sub(count),
            _ => 0,
        }
    }

    /// Nanoseconds until nothing is taken any more.
    #[inline]
    pub fn full_in(&self, state: u64, now_ns: u64) -> u64 {
        match self.taken(state, now_ns) {
            Taken { ahead: 0, count: 0 } => 0,
            Taken { ahead, .. } => self.begins_in(ahead + 1, now_ns),
        }
    }

    /// A state in which nothing is taken, other than `old`.
    pub fn fresh(&self, old: u64, now_ns: u64) -> u64 {
        let bits = self.bits();
        let count = !(u64::MAX << bits);
        let state = self.number(now_ns).wrapping_sub(1) << bits | count;
        if state == old { state - 1 } else { state }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_limit_and_the_next_one_begins_empty() {
        let window = Fixed::new(3, 100);
        let mut state = 0;
        for left in [2, 1, 0] {
            (state, _) = window.reserve(state, 250, 1, 0).unwrap();
            assert_eq!(window.units_left(state, 250), left);
        }
        assert_eq!(window.reserve(state, 250, 1, 0), Err(50));
        assert_eq!(window.full_in(state, 250), 50);
        assert_eq!(window.units_left(state, 300), 3);
        assert_eq!(window.full_in(state, 300), 0);
        assert_eq!(window.reserve(state, 299, 2, 1).unwrap().1, 1);
    }

    #[test]
    fn reservations_fill_one_window_after_the_other() {
        let window = Fixed::new(2, 100);
        let mut state = window.fresh(0, 0);
        let mut waits = Vec::new();
        for _ in 0..7 {
            let (next, wait) = window.reserve(state, 10, 1, 290).unwrap();
            (state, waits) = (next, [waits, vec![wait]].concat());
        }
        assert_eq!(waits, [0, 0, 90, 90, 190, 190, 290]);
        assert_eq!(window.reserve(state, 110, 2, 0), Err(290));
        assert_eq!(window.units_left(state, 110), 0);
        assert_eq!(window.units_left(state, 310), 1);
        let state = window.refunded(state, 310, 1).unwrap();
        assert_eq!(window.units_left(state, 310), 2);
        assert_eq!(window.full_in(state, 310), 0);
    }

    #[test]
    fn new_lives_begin_free_and_with_another_state() {
        for limit in [1, 2, 63, 64, 1000, MAX_LIMIT] {
            let window = Fixed::new(limit, 1_000);
            for now in [0, 1, 999, 1_000, 123_456_789, u64::MAX / 2] {
                let first = window.fresh(7, now);
                let second = window.fresh(first, now);
                assert_ne!(first, second);
                for state in [first, second] {
                    assert_eq!(window.units_left(state, now), limit);
                    assert_eq!(window.full_in(state, now), 0);
                }
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
            let hostile = Fixed {
                limit: state >> 7,
                window_ns: state & 0xff,
                bits: state,
            };
            for window in [Fixed::new(5, 100), Fixed::new(MAX_LIMIT, 1), hostile] {
                let now = state.rotate_left(17) >> (round % 60);
                let _ = window.reserve(state, now, 3, state);
                let _ = window.refunded(state, now, 3);
                let _ = window.penalized(state, now, 3);
                let _ = (window.units_left(state, now), window.full_in(state, now));
                let _ = window.fresh(state, now);
            }
        }
    }
}
