//! Sorting with one copy of the sort: the standard one is compiled anew for each type and each
//! order, a tenth of the library's size. Places are sorted here, then the values are put there.

use std::cmp::Ordering;

/// Sorts slices; equal values stay in their order.
pub trait Order<T> {
    /// By `compare`.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// By their own order.
    fn order(&mut self)
    where
        T: Ord;
}

impl<T> Order<T> for [T] {
    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut places: Vec<usize> = (0..self.len()).collect();
        sort(&mut places, &mut |one, other| {
            compare(&self[one], &self[other])
        });
        follow(&mut places, &mut |one, other| self.swap(one, other));
    }

    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }
}

#[inline(never)]
fn sort(places: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    places.sort_by(|one, other| compare(*one, *other));
}

/// Moves to each place what belongs there: what was at `places[place]`. Every cycle of moves once.
#[inline(never)]
fn follow(places: &mut [usize], swap: &mut dyn FnMut(usize, usize)) {
    for first in 0..places.len() {
        let mut at = first;
        while places[at] != first {
            let next = places[at];
            places[at] = at;
            swap(at, next);
            at = next;
        }
        places[at] = at;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_stable_sort(values in prop::collection::vec((0u8..9, any::<u16>()), 0..200)) {
            let mut expected = values.clone();
            expected.sort_by_key(|value| value.0);
            let mut found = values.clone();
            found.order_by(|one, other| one.0.cmp(&other.0));
            prop_assert_eq!(&found, &expected);
            expected.sort();
            found.order();
            prop_assert_eq!(found, expected);
        }
    }
}
