//! Counts in as few bytes each as the largest of them needs: a snapshot of a thousand histograms is
//! mostly counts, and memory that is fresh costs more than what is written into it.

/// The counts of all buckets of some octaves.
#[derive(Clone, Debug)]
pub(super) enum Packed {
    Bytes(Box<[u8]>),
    Shorts(Box<[u16]>),
    Words(Box<[u32]>),
    Longs(Box<[u64]>),
}

/// Equal when the counts are, however they are kept.
impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The same expression for whichever width there is.
macro_rules! each_width {
    ($packed:expr, $counts:ident => $work:expr) => {
        match $packed {
            Packed::Bytes($counts) => $work,
            Packed::Shorts($counts) => $work,
            Packed::Words($counts) => $work,
            Packed::Longs($counts) => $work,
        }
    };
}

/// A loop that the compiler makes wide, unlike that of an iterator which is collected.
#[inline(always)]
fn narrow<T: Copy + Default>(counts: &[u64], narrow: impl Fn(u64) -> T) -> Box<[T]> {
    let mut narrowed = vec![T::default(); counts.len()];
    for (place, count) in narrowed.iter_mut().zip(counts) {
        *place = narrow(*count);
    }
    narrowed.into_boxed_slice()
}

impl Packed {
    /// `counts`, packed.
    pub(super) fn of(counts: &[u64]) -> Self {
        let all = counts.iter().fold(0, |all, count| all | count);
        match all {
            0..=0xff => Packed::Bytes(narrow(counts, |count| count as u8)),
            0x100..=0xffff => Packed::Shorts(narrow(counts, |count| count as u16)),
            0x1_0000..=0xffff_ffff => Packed::Words(narrow(counts, |count| count as u32)),
            _ => Packed::Longs(counts.into()),
        }
    }

    /// All of them.
    pub(super) fn unpack(&self) -> Vec<u64> {
        self.iter().collect()
    }

    /// All of them, one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let length = each_width!(self, counts => counts.len());
        (0..length).map(|at| self.get(at))
    }

    fn get(&self, at: usize) -> u64 {
        #[allow(clippy::useless_conversion, reason = "for one of the widths it is one")]
        {
            each_width!(self, counts => counts.get(at).map_or(0, |count| u64::from(*count)))
        }
    }

    /// The first and the last place with a count.
    pub(super) fn ends(&self) -> Option<(usize, usize)> {
        each_width!(self, counts => {
            let first = counts.iter().position(|count| *count != 0)?;
            let last = counts.iter().rposition(|count| *count != 0)?;
            Some((first, last))
        })
    }

    /// The counts of the places from `from` to before `to`, added up.
    pub(super) fn sum(&self, from: usize, to: usize) -> u64 {
        #[allow(clippy::useless_conversion, reason = "for one of the widths it is one")]
        {
            each_width!(self, counts => {
                let some = counts.get(from..to).unwrap_or_default();
                some.iter().fold(0u64, |sum, count| sum.wrapping_add(u64::from(*count)))
            })
        }
    }

    /// The first of `width` places from `from` on up to which the counts reach `rank`; the last one
    /// when a damaged region made sums that wrap.
    pub(super) fn reach(&self, from: usize, width: usize, rank: u64) -> usize {
        if let Packed::Longs(counts) = self
            && let Some(some) = counts.get(from..from + width)
        {
            return super::reach(some, rank).0;
        }
        let mut before = 0u64;
        for at in 0..width.saturating_sub(1) {
            let count = self.get(from + at);
            if rank.saturating_sub(before) <= count {
                return at;
            }
            before = before.saturating_add(count);
        }
        width.saturating_sub(1)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_is_what_was(
            counts in prop::collection::vec(prop_oneof![Just(0), any::<u64>()], 0..80),
            shift in 0u32..64,
            rank: u64,
        ) {
            let counts: Vec<u64> = counts.iter().map(|count| count >> shift).collect();
            let packed = Packed::of(&counts);
            prop_assert_eq!(packed.unpack(), counts.clone());
            let first = counts.iter().position(|count| *count != 0);
            let last = counts.iter().rposition(|count| *count != 0);
            prop_assert_eq!(packed.ends(), first.zip(last));
            let half = counts.len() / 2;
            let sum = |some: &[u64]| some.iter().fold(0u64, |sum, count| sum.wrapping_add(*count));
            prop_assert_eq!(packed.sum(half, counts.len()), sum(&counts[half..]));
            if !counts.is_empty() {
                let rank = rank >> shift;
                let at = packed.reach(0, counts.len(), rank);
                let reached = |to: usize| counts[..=to].iter().fold(0u64, |sum, n| sum.saturating_add(*n)) >= rank;
                prop_assert!(at == counts.len() - 1 || reached(at));
                prop_assert!(at == 0 || !reached(at - 1));
            }
        }
    }
}
