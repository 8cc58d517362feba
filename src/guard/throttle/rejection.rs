//! Which part of calls to reject, as Envoy's admission control has it: pure arithmetic.
//!
//! With n calls in the window of which s succeeded, and a threshold t for the part that should: were
//! all well, n would be at most s / t. The calls beyond that are the excess, and their part of n + 1
//! is rejected: max(0, (n - s / t) / (n + 1)), to the power of 1 / aggression, and never more than a
//! largest part, so that some calls always find out whether things are better.

/// The part, from 0 to `most`.
pub fn part(calls: u64, succeeded: u64, threshold: f64, aggression: f64, most: f64) -> f64 {
    let (calls, succeeded) = (calls as f64, succeeded as f64);
    let excess = (calls - succeeded / threshold) / (calls + 1.0);
    // Numbers of a damaged region may give no number: then nothing is rejected.
    if excess > 0.0 {
        let part = excess.powf(1.0 / aggression).min(most);
        if part.is_nan() { 0.0 } else { part }
    } else {
        0.0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::part;
    use proptest::prelude::*;

    #[test]
    fn the_part_is_as_published() {
        assert_eq!(part(0, 0, 0.95, 1.0, 0.8), 0.0);
        assert_eq!(part(100, 95, 0.95, 1.0, 0.8), 0.0);
        assert_eq!(part(100, 0, 0.95, 1.0, 0.8), 0.8);
        assert_eq!(part(99, 0, 0.5, 1.0, 1.0), 0.99);
        assert_eq!(part(99, 37, 0.5, 1.0, 1.0), 0.25);
        assert_eq!(part(99, 37, 0.5, 2.0, 1.0), 0.5);
        assert_eq!(part(99, 37, 0.5, 2.0, 0.4), 0.4);
    }

    proptest! {
        #[test]
        fn it_is_a_part_and_never_rises_with_successes(
            calls in 0u64..1_000_000,
            succeeded in 0u64..1_000_000,
            threshold in 0.01f64..=1.0,
            aggression in 1.0f64..10.0,
            most in 0.0f64..=1.0,
        ) {
            let found = part(calls, succeeded, threshold, aggression, most);
            prop_assert!((0.0..=most).contains(&found));
            let better = part(calls, succeeded + 1, threshold, aggression, most);
            prop_assert!(better <= found);
        }
    }
}
