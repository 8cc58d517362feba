use super::*;
use crate::region::header;
use crate::region::raw::{Mapping, Words};
use proptest::prelude::*;
use std::collections::VecDeque;

struct Ring {
    memory: Mapping,
    window: Window,
}

impl Ring {
    const STATE: usize = header::MANUAL_NOW + 1;

    fn new(limit: u64, window_ns: u64) -> Self {
        let memory = Mapping::heap(Self::STATE + 1 + EXACT as usize);
        Ring {
            memory,
            window: Window::new(limit, window_ns),
        }
    }

    fn words(&self) -> Words {
        self.memory.words()
    }

    fn slots(&self) -> &[AtomicU64] {
        self.words()
            .slice(Self::STATE + 1, self.window.slots as usize)
            .unwrap()
    }

    fn state(&self) -> u64 {
        self.words().load(Self::STATE)
    }

    fn set_state(&self, state: u64) {
        self.words().store(Self::STATE, state);
    }

    fn clock(&self) -> Clock {
        Clock::of(self.words(), true)
    }

    fn try_take(&self, units: u64) -> Attempt {
        let swap = |new| {
            self.set_state(new);
            true
        };
        let state = self.state();
        self.window.take(
            self.slots(),
            &self.clock(),
            state,
            units,
            true,
            swap,
            || true,
        )
    }

    /// Asks without leaving a trace.
    fn could_take(&self, units: u64) -> bool {
        let before: Vec<u64> = self
            .slots()
            .iter()
            .map(|slot| slot.load(Ordering::Relaxed))
            .collect();
        let state = self.state();
        let taken = self.take(units);
        self.set_state(state);
        for (slot, word) in self.slots().iter().zip(before) {
            slot.store(word, Ordering::Relaxed);
        }
        taken
    }

    fn give_to_new_owner(&self) {
        self.set_state(self.window.renewed(self.state()));
        self.window
            .clear(self.slots(), self.clock().coarse(), || true);
    }

    fn take(&self, units: u64) -> bool {
        matches!(self.try_take(units), Attempt::Admitted { .. })
    }

    fn left(&self) -> u64 {
        self.window
            .units_left(self.slots(), self.state(), self.clock().coarse())
    }
}

/// The log of all admissions.
#[derive(Default)]
struct Log {
    times: VecDeque<u64>,
}

impl Log {
    fn left(&mut self, limit: u64, window_ns: u64, now: u64) -> u64 {
        while self
            .times
            .front()
            .is_some_and(|time| time + window_ns <= now)
        {
            self.times.pop_front();
        }
        limit - self.times.len() as u64
    }

    fn take(&mut self, units: u64, now: u64) {
        self.times.extend((0..units).map(|_| now));
    }
}

#[test]
fn places_are_numbers_of_units() {
    for limit in [
        1,
        2,
        3,
        48,
        63,
        64,
        65,
        66,
        96,
        97,
        1000,
        4097,
        1 << 40,
        1 << 53,
    ] {
        let window = Window::new(limit, 1);
        assert!(window.is_possible(), "{limit}");
        assert!(window.spare() + 1 >= window.per_slot, "{limit}");
        let unit = |place: Place| {
            (place.lap * window.slots + place.slot) as u128 * u128::from(window.per_slot)
                + u128::from(place.offset)
        };
        let mut place = window.place(0);
        let mut expected = 0u128;
        for step in (0..2000u64).map(|step| (step * step * 7919) % limit + 1) {
            place = window.advance(place, step);
            expected += u128::from(step);
            if place.lap < 256 {
                assert_eq!(unit(place), expected, "{limit}");
                assert_eq!(window.place(window.state(place)), place);
            }
        }
    }
}

#[test]
fn time_zero_counts() {
    let ring = Ring::new(2, 10);
    assert!(ring.take(1) && ring.take(1) && !ring.take(1));
    ring.clock().advance(9);
    assert!(!ring.take(1));
    ring.clock().advance(1);
    assert!(ring.take(2) && !ring.take(1));
    ring.give_to_new_owner();
    assert!(ring.take(2) && !ring.take(1));
}

#[test]
fn the_end_of_time_is_no_trouble() {
    let ring = Ring::new(2, u64::MAX / 4);
    ring.clock().advance(u64::MAX);
    assert!(ring.take(2) && !ring.take(1));
}

proptest! {
    /// Up to 64 units, every answer and every number is that of the log.
    #[test]
    fn small_limits_equal_the_log(
        limit in 1u64..=EXACT,
        calls in prop::collection::vec((0u64..300, 1u64..10), 1..400),
    ) {
        let ring = Ring::new(limit, 1000);
        let mut log = Log::default();
        let mut now = 0;
        for (ns, units) in calls {
            ring.clock().advance(ns);
            now += ns;
            let units = units.min(limit);
            let left = log.left(limit, 1000, now);
            prop_assert_eq!(ring.left(), left);
            match ring.try_take(units) {
                Attempt::Admitted { .. } => {
                    prop_assert!(units <= left);
                    log.take(units, now);
                }
                Attempt::Denied { until_ns, .. } => {
                    prop_assert!(units > left);
                    let index = (log.times.len() as u64 + units - limit - 1) as usize;
                    prop_assert_eq!(until_ns, log.times[index] + 1000);
                }
                other => prop_assert!(false, "{other:?}"),
            }
            let idle_from = ring.window.idle_from(ring.slots(), ring.state());
            prop_assert_eq!(idle_from, log.times.back().map_or(0, |last| last + 1000));
        }
    }

    /// Above 64 units: never more than the limit in any window, at least 95 % of what the log
    /// admits, `units_left` is the largest cost that passes, and a denial ends within the window.
    #[test]
    fn large_limits_are_strict_and_close(
        limit in 65u64..3000,
        pattern in 0usize..4,
        seed in any::<u64>(),
    ) {
        let ring = Ring::new(limit, 1_000_000);
        let (mut own, mut log) = (Log::default(), Log::default());
        let (mut admitted, mut ideal) = (0u64, 0u64);
        let mut random = seed | 1;
        let mut now = 0;
        for call in 0..20 * limit {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let even = 1_000_000 / limit;
            let ns = match pattern {
                0 => random % (2 * even),
                1 => if random % 500 == 0 { random % 2_000_000 } else { random % 50 },
                // A group but one at once, the last much later.
                2 => if call % (limit / 48 + 1) == 0 { 2 * 1_000_000 / 48 } else { 0 },
                _ => if call % limit == 0 { 1_000_000 } else { even / 2 },
            };
            ring.clock().advance(ns);
            now += ns;
            if log.left(limit, 1_000_000, now) > 0 {
                log.take(1, now);
                ideal += 1;
            }
            let left = own.left(limit, 1_000_000, now);
            if call % 97 == 0 {
                let ours = ring.left();
                prop_assert!(ours <= left);
                prop_assert_eq!(ours == 0, !ring.could_take(1));
                if ours > 0 {
                    prop_assert!(ring.could_take(ours));
                }
                if ours < limit {
                    prop_assert!(!ring.could_take(ours + 1));
                }
            }
            match ring.try_take(1) {
                Attempt::Admitted { .. } => {
                    prop_assert!(left > 0);
                    own.take(1, now);
                    admitted += 1;
                }
                Attempt::Denied { until_ns, now_ns } => {
                    prop_assert!(until_ns > now_ns && until_ns - now_ns <= 1_000_000);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(admitted * 100 >= ideal * 95, "{admitted} of {ideal}");
    }

    /// A new owner of any ring has its whole limit at once, and no more.
    #[test]
    fn a_new_owner_has_the_whole_limit(
        limit in 1u64..300,
        before in prop::collection::vec((0u64..30, 1u64..100), 0..100),
    ) {
        let ring = Ring::new(limit, 1000);
        for (ns, units) in before {
            ring.clock().advance(ns);
            ring.take(units.min(limit));
            if units % 10 == 0 {
                ring.give_to_new_owner();
                prop_assert_eq!(ring.left(), limit);
                prop_assert!(ring.window.idle_from(ring.slots(), ring.state()) <= ring.clock().coarse());
                let mut taken = 0;
                while ring.take(1) {
                    taken += 1;
                }
                prop_assert_eq!(taken, limit);
                prop_assert_eq!(ring.left(), 0);
            }
        }
    }

    /// Words that no library wrote: no answer matters, but none may panic or go on for ever.
    #[test]
    fn damaged_words_do_not_panic(
        numbers in any::<[u64; 5]>(),
        small in any::<[u8; 3]>(),
        slots in prop::collection::vec(any::<u64>(), 64),
    ) {
        let [mut limit, window_ns, mut per_slot, mut slot_count, state] = numbers;
        // Half of the time plausible, so that more than the first check is reached.
        if small[0] % 2 == 0 {
            slot_count = u64::from(small[1] % 66);
            per_slot = u64::from(small[2]);
            limit %= 70_000;
        }
        let window = Window { limit, window_ns, slots: slot_count, per_slot };
        let ring = Ring { window, ..Ring::new(1, 1) };
        for (at, word) in slots.iter().enumerate() {
            ring.words().store(Ring::STATE + 1 + at, *word);
        }
        ring.set_state(state);
        ring.clock().advance(small[0].into());
        let length = (slot_count as usize).min(64);
        let slots = ring.words().slice(Ring::STATE + 1, length).unwrap();
        let units = (limit / 2).max(1);
        // Callers ask this first.
        if !window.is_possible() || limit == 0 {
            return Ok(());
        }
        window.take(slots, &ring.clock(), state, units, true, |_| true, || true);
        window.units_left(slots, state, 5);
        window.idle_from(slots, state);
        window.renewed(state);
    }
}
