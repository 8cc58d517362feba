//! Where a unit is in the ring: its lap, its slot, its number in the group; and that as a state.

use super::Window;

const SLOT_BITS: u32 = 6;

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub lap: u64,
    pub slot: u64,
    pub offset: u64,
}

impl Window {
    /// Units by which the ring is longer than the limit.
    #[inline(always)]
    pub(super) fn spare(&self) -> u64 {
        self.slots
            .wrapping_mul(self.per_slot)
            .wrapping_sub(self.limit)
    }

    #[inline(always)]
    pub(super) fn offset_bits(&self) -> u32 {
        64 - self.per_slot.saturating_sub(1).leading_zeros()
    }

    #[inline(always)]
    pub(super) fn place(&self, state: u64) -> Place {
        let bits = self.offset_bits();
        let offset = state & !(u64::MAX << bits);
        let above = state >> bits;
        let slot = above & ((1 << SLOT_BITS) - 1);
        self.wrap(Place {
            lap: above >> SLOT_BITS,
            slot,
            offset,
        })
    }

    #[inline(always)]
    pub(super) fn state(&self, place: Place) -> u64 {
        (((place.lap << SLOT_BITS) | place.slot) << self.offset_bits()) | place.offset
    }

    /// The place `units` further; at most a lap's units.
    #[inline(always)]
    pub(super) fn advance(&self, place: Place, units: u64) -> Place {
        let mut offset = place.offset.wrapping_add(units);
        let mut slots = 0;
        if self.per_slot == 1 {
            (slots, offset) = (offset, 0);
        } else if offset >= self.per_slot {
            (slots, offset) = (1, offset - self.per_slot);
            if offset >= self.per_slot {
                let per_slot = self.per_slot.max(1);
                (slots, offset) = (1 + offset / per_slot, offset % per_slot);
            }
        }
        self.wrap(Place {
            lap: place.lap,
            slot: place.slot.wrapping_add(slots),
            offset,
        })
    }

    /// A place whose slot may have gone beyond the ring, in its lap.
    #[inline(always)]
    pub(super) fn wrap(&self, mut place: Place) -> Place {
        if place.slot >= self.slots {
            place.slot -= self.slots;
            place.lap = place.lap.wrapping_add(1);
            if place.slot >= self.slots {
                // Only a damaged state gets here.
                place.lap = place.lap.wrapping_add(1);
                place.slot %= self.slots.max(1);
            }
        }
        place
    }

    /// The beginning of the next group.
    #[inline(always)]
    pub(super) fn next_slot(&self, place: Place) -> Place {
        self.wrap(Place {
            lap: place.lap,
            slot: place.slot + 1,
            offset: 0,
        })
    }
}
