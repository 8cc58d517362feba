//! Beyond the plain check: units taken ahead of time, given back, or taken whether or not they are
//! there.

use super::{FEW_TICKS, MOST_FULL, Rate, SMALL_FULL};

/// Units taken, if the state can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The state to put in place.
    pub state: u64,
    /// What the bucket lacks afterwards: more than a burst when there is a wait.
    pub lacking: u64,
    /// Nanoseconds until the units are there.
    pub wait_ns: u64,
}

impl Rate {
    /// Takes `need` ticks, at most `full`, as soon as they are there, but not later than in
    /// `most_wait_ns`; or says what the bucket lacks. `now_ns` was read after `state`.
    pub fn reserve(
        &self,
        state: u64,
        now_ns: u64,
        lag_ns: u64,
        need: u64,
        most_wait_ns: u64,
    ) -> Result<Reserved, u64> {
        let held = self.lacking(state, now_ns, lag_ns);
        let lacking = held.saturating_add(need);
        let wait_ns = self.ns(lacking.saturating_sub(self.full));
        if wait_ns > most_wait_ns || (wait_ns > 0 && lacking > self.most_reach()) {
            return Err(held);
        }
        let now = now_ns.wrapping_mul(self.per_ns);
        Ok(Reserved {
            state: now.wrapping_add(lacking),
            lacking,
            wait_ns,
        })
    }

    /// The state when `ticks` were given back; None when the bucket is full already.
    pub fn refunded(&self, state: u64, now_ns: u64, lag_ns: u64, ticks: u64) -> Option<u64> {
        let lacking = self.lacking(state, now_ns, lag_ns);
        let now = now_ns.wrapping_mul(self.per_ns);
        (lacking > 0).then(|| now.wrapping_add(lacking.saturating_sub(ticks)))
    }

    /// The state when `ticks` were taken away, as far as there are any.
    pub fn penalized(&self, state: u64, now_ns: u64, lag_ns: u64, ticks: u64) -> u64 {
        let held = self.lacking(state, now_ns, lag_ns);
        let lacking = held.saturating_add(ticks).min(self.full.max(held));
        now_ns.wrapping_mul(self.per_ns).wrapping_add(lacking)
    }

    /// How far a state may be ahead without being taken for the past too often.
    fn most_reach(&self) -> u64 {
        let most = if u128::from(self.per_ns) <= FEW_TICKS {
            MOST_FULL
        } else {
            SMALL_FULL
        };
        most as u64
    }
}
