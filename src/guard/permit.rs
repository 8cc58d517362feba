//! A place in a bulkhead, and the permit that whoever has it holds.
//!
//! ```text
//! place    63..47 generation | 46 unsettled | 45..0 holder, 0 when free
//! permit   63..47 generation | 46..27 place | 26..17 guard | 16..0 seal
//! ```
//! A place is taken and left by one compare-and-swap of one word: there is no moment at which a
//! killed process has it without being its holder. Taking it raises the generation, so a permit that
//! was left, or whose place was taken back, names no place any more. The seal is a keyed sum of the
//! rest: a number that somebody made up has the right one once in 131,072 times, and then it would
//! have to name a generation that is inside.

use super::holder::{self, Holder};

const GENERATION_SHIFT: u32 = 47;
const UNSETTLED: u64 = 1 << holder::BITS;
const HOLDER_MASK: u64 = UNSETTLED - 1;

/// Places that a permit can name; the last number stands for none.
pub(super) const MAX_PLACES: u64 = (1 << PLACE_BITS) - 1;

const PLACE_BITS: u32 = 20;
const PLACE_SHIFT: u32 = 27;
const GUARD_BITS: u32 = 10;
const GUARD_SHIFT: u32 = 17;
const SEAL_MASK: u64 = (1 << GUARD_SHIFT) - 1;

/// The word of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(pub u64);

impl Place {
    /// Nobody has it.
    #[inline(always)]
    pub fn is_free(self) -> bool {
        self.0 & HOLDER_MASK == 0
    }

    /// Its holder has not looked yet whether it may stay.
    pub fn is_unsettled(self) -> bool {
        self.0 & UNSETTLED != 0
    }

    /// Who has it.
    pub fn holder(self) -> Holder {
        Holder(self.0 & HOLDER_MASK)
    }

    /// How often it was taken, and never 0 once it was.
    #[inline(always)]
    pub fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT
    }

    /// The word after `holder` has taken it.
    #[inline(always)]
    pub fn taken(self, holder: Holder) -> Place {
        let next = (self.0 | ((1 << GENERATION_SHIFT) - 1)).wrapping_add(1);
        let next = if next == 0 {
            1 << GENERATION_SHIFT
        } else {
            next
        };
        Place(next | holder.0 & HOLDER_MASK)
    }

    /// The same, before the holder knows that it may stay.
    pub fn unsettled(self) -> Place {
        Place(self.0 | UNSETTLED)
    }

    /// The word after that.
    pub fn settled(self) -> Place {
        Place(self.0 & !UNSETTLED)
    }

    /// The word after it was left.
    #[inline(always)]
    pub fn left(self) -> Place {
        Place(self.0 & !(UNSETTLED | HOLDER_MASK))
    }
}

/// What a caller holds while it is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permit {
    pub generation: u64,
    /// None for a caller that a bulkhead in shadow mode let pass although it was full.
    pub place: Option<usize>,
}

impl Permit {
    /// The number that the caller gets; never 0.
    #[inline(always)]
    pub fn to_number(self, guard: usize, seed: &[u64; 4]) -> u64 {
        let place = self.place.map_or(MAX_PLACES, |place| place as u64);
        let body = self.generation << GENERATION_SHIFT
            | (place & MAX_PLACES) << PLACE_SHIFT
            | (guard as u64 & ((1 << GUARD_BITS) - 1)) << GUARD_SHIFT;
        body | seal(body, seed)
    }

    /// The permit of a number; None when it is none of guard `guard`.
    #[inline(always)]
    pub fn from_number(number: u64, guard: usize, seed: &[u64; 4]) -> Option<Self> {
        let body = number & !SEAL_MASK;
        let found = number >> GUARD_SHIFT & ((1 << GUARD_BITS) - 1);
        let generation = number >> GENERATION_SHIFT;
        if number & SEAL_MASK != seal(body, seed) || found != guard as u64 || generation == 0 {
            return None;
        }
        let place = number >> PLACE_SHIFT & MAX_PLACES;
        Some(Permit {
            generation,
            place: (place != MAX_PLACES).then_some(place as usize),
        })
    }
}

#[inline(always)]
fn seal(body: u64, seed: &[u64; 4]) -> u64 {
    let product = u128::from(body ^ seed[0]) * u128::from(seed[1] | 1);
    (product >> 64 ^ product) as u64 & SEAL_MASK
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SEED: [u64; 4] = [0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321, 3, 4];

    #[test]
    fn permits_come_back_and_no_bit_of_them_can_be_changed() {
        for place in [Some(0), Some(1), Some(999_999), None] {
            for generation in [1, 77, (1 << 17) - 1] {
                let permit = Permit { generation, place };
                let number = permit.to_number(1023, &SEED);
                assert_ne!(number, 0);
                assert_eq!(Permit::from_number(number, 1023, &SEED), Some(permit));
                assert_eq!(Permit::from_number(number, 1022, &SEED), None);
                for bit in 0..64 {
                    let changed = number ^ 1 << bit;
                    assert_eq!(Permit::from_number(changed, 1023, &SEED), None, "bit {bit}");
                }
            }
        }
        assert_eq!(Permit::from_number(0, 0, &SEED), None);
    }

    #[test]
    fn a_place_goes_round_its_generations_and_skips_the_first() {
        let me = Holder(5);
        let mut place = Place(0);
        for _ in 0..1 << 17 {
            let taken = place.taken(me);
            assert!(!taken.is_free() && !taken.is_unsettled());
            assert_eq!(taken.holder(), me);
            assert_ne!(taken.generation(), 0);
            assert_ne!(taken.generation(), place.generation());
            assert_eq!(taken.unsettled().settled(), taken);
            place = taken.left();
            assert!(place.is_free());
            assert_eq!(place.generation(), taken.generation());
        }
        assert_eq!(place.generation(), 1);
    }
}
