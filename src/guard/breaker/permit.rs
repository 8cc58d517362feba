//! A permit in one word.
//!
//! ```text
//! 63..54 guard   53..34 generation   33..23 source   22..0 number
//! ```
//! A permit of a closed breaker has the next number of its CPU, which is its source; acquiring it
//! writes that one word. Reporting writes the whole permit into one of the [`MARKS`] places of its
//! source, where a second report finds it. So a second report is noticed until as many others of
//! that CPU came in between. Two threads that report one permit at the same instant may both be
//! counted, as the two calls that it then seems to be. A probe's second report finds that its lease
//! has ended.
//!
//! A probe's number names its lease (11 bits) and how often that was given out (12 bits).

use crate::guard::breaker::machine;

const NUMBER_BITS: u32 = 23;
const SOURCE_BITS: u32 = 11;
const GENERATION_BITS: u32 = 20;
const SOURCE_SHIFT: u32 = NUMBER_BITS;
const GENERATION_SHIFT: u32 = SOURCE_SHIFT + SOURCE_BITS;
const GUARD_SHIFT: u32 = GENERATION_SHIFT + GENERATION_BITS;
const GUARD_MASK: u64 = (1 << (64 - GUARD_SHIFT)) - 1;
const PROBE: u64 = (1 << SOURCE_BITS) - 1;
const TURN_BITS: u32 = 12;

/// Places where a source remembers what was reported.
pub const MARKS: usize = 64;

/// A permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit(pub u64);

/// Where a permit is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A row of numbers: 0 for everybody's, 1 + c for CPU c's.
    Row(usize),
    /// A lease of a half-open breaker, and its turn.
    Probe(usize, u64),
}

impl Permit {
    #[inline(always)]
    fn pack(guard: usize, generation: u64, source: u64, number: u64) -> Self {
        Permit(
            (guard as u64 & GUARD_MASK) << GUARD_SHIFT
                | (generation & ((1 << GENERATION_BITS) - 1)) << GENERATION_SHIFT
                | source << SOURCE_SHIFT
                | number & ((1 << NUMBER_BITS) - 1),
        )
    }

    /// The permit with the `number` of `cpu`, or of everybody.
    #[inline(always)]
    pub fn of_cpu(guard: usize, generation: u64, cpu: Option<u32>, number: u64) -> Self {
        let source = cpu.map_or(1, |cpu| u64::from(cpu) + 2);
        Self::pack(guard, generation, source & PROBE, number)
    }

    /// The permit of a lease in its `turn`.
    pub fn of_probe(guard: usize, generation: u64, lease: usize, turn: u64) -> Self {
        let number = (lease as u64) << TURN_BITS | turn & ((1 << TURN_BITS) - 1);
        Self::pack(guard, generation, PROBE, number)
    }

    /// True for a permit of guard number `guard`.
    #[inline(always)]
    pub fn is_of(self, guard: usize) -> bool {
        self.0 >> GUARD_SHIFT == guard as u64 & GUARD_MASK
    }

    /// Changes of state since it was given out, seen from generation `now`; None for a permit of a
    /// generation that has not been.
    #[inline(always)]
    pub fn age(self, now: u64) -> Option<u64> {
        let mask = (1 << GENERATION_BITS) - 1;
        let age = now.wrapping_sub(self.0 >> GENERATION_SHIFT) & mask;
        (age <= mask / 2 && age < now).then_some(age)
    }

    /// Where it is from; None for no permit at all.
    #[inline(always)]
    pub fn source(self) -> Option<Source> {
        match self.0 >> SOURCE_SHIFT & PROBE {
            0 => None,
            PROBE => {
                let number = self.number();
                let lease = (number >> TURN_BITS) as usize;
                Some(Source::Probe(lease, number & ((1 << TURN_BITS) - 1)))
            }
            row => Some(Source::Row(row as usize - 1)),
        }
    }

    /// True for a permit of guard number `guard` in just this generation.
    #[inline(always)]
    pub fn is_fresh(self, guard: usize, generation: u64) -> bool {
        let expected = Self::pack(guard, generation, 0, 0).0;
        generation != 0 && self.0 >> GENERATION_SHIFT == expected >> GENERATION_SHIFT
    }

    /// The row that it is from, which does not exist unless [`Permit::source`] is one.
    #[inline(always)]
    pub fn row(self) -> usize {
        ((self.0 >> SOURCE_SHIFT & PROBE) as usize).wrapping_sub(1)
    }

    /// Its number.
    #[inline(always)]
    pub fn number(self) -> u64 {
        self.0 & ((1 << NUMBER_BITS) - 1)
    }

    /// True when a source that gave out `last` numbers gave out this one.
    #[inline(always)]
    pub fn is_within(self, last: u64) -> bool {
        let back = last.wrapping_sub(self.number()) & ((1 << NUMBER_BITS) - 1);
        back < last && back <= 1 << (NUMBER_BITS - 1)
    }

    /// True when the low bits of a lease's turn are those of `turn`.
    pub fn is_turn(turn: u64, whole: u64) -> bool {
        (turn ^ whole) & ((1 << TURN_BITS) - 1) == 0
    }
}

const _: () = assert!(machine::GENERATION_BITS >= 16);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_permit_says_where_it_is_from() {
        for (cpu, row) in [(None, 0), (Some(0), 1), (Some(1023), 1024)] {
            let permit = Permit::of_cpu(9, 77, cpu, 123);
            assert_eq!(permit.source(), Some(Source::Row(row)));
            assert!(permit.is_of(9) && !permit.is_of(8));
            assert_eq!(permit.age(80), Some(3));
            assert_eq!(permit.age(76), None);
            assert!(permit.is_within(123) && permit.is_within(200) && !permit.is_within(122));
        }
        let probe = Permit::of_probe(1, 5, 999, 4097);
        assert_eq!(probe.source(), Some(Source::Probe(999, 1)));
        assert_eq!(Permit(0).source(), None);
        assert!(Permit(0).row() > 1 << 11 && probe.row() == (1 << 11) - 2);
    }

    #[test]
    fn a_fresh_permit_is_of_this_guard_and_generation() {
        let permit = Permit::of_cpu(9, 77, Some(3), 123);
        assert!(permit.is_fresh(9, 77) && permit.row() == 4);
        assert!(!permit.is_fresh(8, 77) && !permit.is_fresh(9, 76) && !permit.is_fresh(9, 78));
        assert!(!Permit::of_cpu(9, 0, None, 1).is_fresh(9, 0));
    }

    #[test]
    fn numbers_and_generations_come_round() {
        let permit = Permit::of_cpu(0, (1 << 20) + 4, None, (1 << 23) + 5);
        assert_eq!(permit.age((1 << 20) + 6), Some(2));
        assert!(permit.is_within((1 << 23) + 5) && !permit.is_within((1 << 23) + 4));
        assert!(!Permit::of_cpu(0, 1, None, 0).is_within(0));
    }
}
