//! Beyond the plain check: units taken ahead of time, given back, or only looked at.
//!
//! **Ahead of time.** Units that are reserved are stamped with the time at which they may be used;
//! so they expire a window after that. A slot's time still never goes down, and a later unit is
//! never earlier: it waits for a group that is not older. A caller killed or beaten between its
//! stamps and its claim leaves stamps ahead of time: others may be denied early, nobody late.
//!
//! **Giving back the newest units** ([`Window::unclaimed`]) moves the state back. The lap goes on by
//! four, which slots cannot tell apart, so no state ever comes twice, and no swap that was prepared
//! before succeeds after.
//!
//! **Giving back the oldest units** ([`Window::release`]) takes them out of their slots, oldest
//! first, each by a compare-and-swap from the stamp that was seen, after which the owner was looked
//! at again. What is left are the newer stamps, and so at least as late as those of the units that
//! are really left, whichever of them were given back: others may be denied early, nobody late.
//!
//! Who gives back what it took finds it, however many do so at once:
//! 1. A slot keeps the lap and the time of what was given back. Whoever is about to stamp an empty
//!    slot looks at the state again after it read the slot. If the state had gone on, that shows; if
//!    it goes on later, the unit is stamped by who claims it, and the word never is what it was: so
//!    the compare-and-swap of the late one fails. No unit that was given back is stamped again but by
//!    who may claim it, and the slots with a unit are those that were claimed and not given back.
//! 2. Looking through all slots at one state, each claimed unit is seen until somebody gives it back
//!    for one of its own. So as many as are still owed are seen; who finds fewer, and the state
//!    another, looks again.
//!
//! There are two exceptions, in which a unit comes back a window later. A caller slept for a window
//! between reading the state and the slot. Or it slept between looking at the state again and its
//! stamp while four laps were claimed and given back at one reading of the clock, after which a slot
//! holds the same lap again: its stamp is then one of the next unit, which is no harm, unless besides
//! the state was moved back meanwhile by [`Window::unclaimed`] or got a new owner.

use super::{Attempt, Now, Place, TAKEN, Window, is_vacant, time};
use crate::base::sync::{AtomicU64, Ordering};

impl Window {
    /// When `units`, at most `limit`, could be taken: `now_ns`, which was read after `state`, or
    /// later. None when the region holds something impossible.
    pub fn ready_at(&self, ring: &[AtomicU64], state: u64, units: u64, now_ns: u64) -> Option<u64> {
        let mut place = self.place(state);
        let last = self.advance(place, units.saturating_sub(1));
        let free_from = |place: Place| {
            let seen = ring.get(place.slot as usize)?.load(Ordering::Acquire);
            Some(if self.is_free(seen, place.lap, now_ns) {
                now_ns
            } else {
                time(seen).saturating_add(self.window_ns)
            })
        };
        let mut ready = free_from(self.advance(last, self.spare()))?;
        for _ in 0..=self.slots {
            ready = ready.max(free_from(place)?);
            if place.slot == last.slot {
                break;
            }
            place = self.next_slot(place);
        }
        Some(ready)
    }

    /// Takes `units`, at most `limit`, for `at_ns`, when they are ready. One attempt.
    pub fn take_at(
        &self,
        ring: &[AtomicU64],
        state: u64,
        units: u64,
        at_ns: u64,
        swap: impl FnOnce(u64) -> bool,
        same: impl Fn() -> bool,
    ) -> Attempt {
        let mut place = self.place(state);
        let last = self.advance(place, units.saturating_sub(1));
        let now = Now {
            least: at_ns,
            most: at_ns,
        };
        for _ in 0..=self.slots {
            let Some(slot) = ring.get(place.slot as usize) else {
                return Attempt::Damaged;
            };
            let seen = slot.load(Ordering::Acquire);
            if is_vacant(seen) && !same() {
                return Attempt::Lost;
            }
            let Ok(stamped) = self.stamp(seen, place.lap, now) else {
                return Attempt::Lost;
            };
            if stamped != seen
                && slot
                    .compare_exchange(seen, stamped, Ordering::AcqRel, Ordering::Relaxed)
                    .is_err()
            {
                return Attempt::Lost;
            }
            if place.slot == last.slot {
                break;
            }
            place = self.next_slot(place);
        }
        let state = self.state(self.advance(last, 1));
        if swap(state) {
            Attempt::Admitted {
                state,
                now_ns: at_ns,
            }
        } else {
            Attempt::Lost
        }
    }

    /// The state before the newest `units`, at most `limit`, were taken.
    pub fn unclaimed(&self, state: u64, units: u64) -> u64 {
        let per_slot = self.per_slot.max(1);
        let place = self.place(state);
        let at = place.slot.wrapping_mul(per_slot).wrapping_add(place.offset);
        let (at, lap) = match at.checked_sub(units) {
            Some(at) => (at, place.lap),
            None => (
                at.wrapping_add(self.slots.wrapping_mul(per_slot))
                    .wrapping_sub(units),
                place.lap.wrapping_sub(1),
            ),
        };
        self.state(Place {
            lap: lap.wrapping_add(4),
            slot: at / per_slot % self.slots.max(1),
            offset: at % per_slot,
        })
    }

    /// Takes the oldest `units`, as far as there are any, out of a ring in which each has its own
    /// slot; how many are still to be taken out, because others changed the ring meanwhile. `same`
    /// tells whether the owner and the state are still those of `state`.
    pub fn release(
        &self,
        ring: &[AtomicU64],
        state: u64,
        units: u64,
        now_ns: u64,
        same: impl Fn() -> bool,
    ) -> u64 {
        let first = self.place(state);
        let mut left = units;
        for further in 0..self.slots {
            if left == 0 {
                return 0;
            }
            let place = self.wrap(Place {
                slot: first.slot.wrapping_add(further),
                ..first
            });
            let Some(slot) = ring.get(place.slot as usize) else {
                return 0;
            };
            let seen = slot.load(Ordering::Acquire);
            if self.is_free(seen, place.lap, now_ns) {
                continue;
            }
            let freed = same()
                && slot
                    .compare_exchange(seen, seen & !TAKEN, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok();
            if !freed {
                return left;
            }
            left -= 1;
        }
        if same() { 0 } else { left }
    }
}
