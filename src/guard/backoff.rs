//! How long to wait before an attempt: pure arithmetic.

/// How the wait grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Each wait is the one before it times the multiplier.
    Exponential,
    /// All waits are alike.
    Constant,
    /// Each wait is drawn from the base to three times the one before it.
    Decorrelated,
}

/// How much of a wait is left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// All of it: from 0 to the whole wait.
    Full,
    /// Half of it: from half of the wait to all of it.
    Equal,
    /// Nothing.
    None,
}

/// The waits of a retry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waits {
    /// How they grow.
    pub backoff: Backoff,
    /// How much is left to chance; nothing more where the wait is drawn already.
    pub jitter: Jitter,
    /// The wait before attempt 2.
    pub base_ns: f64,
    /// What each further one is multiplied by.
    pub multiplier: f64,
    /// The longest.
    pub max_ns: f64,
}

/// Attempts from which on a wait has long reached its maximum, or never will.
const MOST_STEPS: u32 = 4096;

impl Waits {
    /// The wait before `attempt`, which counts from 1, in nanoseconds. `random` decides the rest.
    pub fn before(&self, attempt: u32, random: u64) -> u64 {
        if attempt < 2 {
            return 0;
        }
        let steps = (attempt - 2).min(MOST_STEPS);
        let mut draws = Draws(random);
        let whole = match self.backoff {
            Backoff::Constant => self.base_ns,
            Backoff::Exponential => self.base_ns * self.multiplier.powi(steps as i32),
            // From the first attempt on, since nobody kept what was drawn then.
            Backoff::Decorrelated => (0..=steps).fold(self.base_ns, |before, _| {
                let most = (before * 3.0).min(self.max_ns).max(self.base_ns);
                self.base_ns + draws.next() * (most - self.base_ns)
            }),
        };
        // Also of a product of 0 and infinity, which only a damaged region has.
        let whole = if whole.is_nan() { 0.0 } else { whole };
        let whole = whole.min(self.max_ns);
        let wait = match self.jitter {
            _ if self.backoff == Backoff::Decorrelated => whole,
            Jitter::None => whole,
            Jitter::Equal => whole * (0.5 + 0.5 * draws.next()),
            Jitter::Full => whole * draws.next(),
        };
        wait.round() as u64
    }
}

/// Number `index` of the sequence of `seed`, by a bijection of 64 bits that leaves no pattern.
pub(super) fn random(seed: u64, index: u64) -> u64 {
    let mut word = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// Draws from 0 to below 1.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = random(self.0, 1);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waits(backoff: Backoff, jitter: Jitter) -> Waits {
        Waits {
            backoff,
            jitter,
            base_ns: 100e6,
            multiplier: 2.0,
            max_ns: 1e9,
        }
    }

    #[test]
    fn exponential_waits_double_up_to_the_longest() {
        let waits = waits(Backoff::Exponential, Jitter::None);
        let all: Vec<u64> = (1..=8).map(|attempt| waits.before(attempt, 7)).collect();
        assert_eq!(
            all,
            [0, 100, 200, 400, 800, 1000, 1000, 1000].map(|ms| ms * 1_000_000)
        );
        assert_eq!(waits.before(u32::MAX, 7), 1_000_000_000);
    }

    #[test]
    fn constant_waits_are_alike() {
        let waits = waits(Backoff::Constant, Jitter::None);
        assert!((2..100).all(|attempt| waits.before(attempt, 7) == 100_000_000));
    }

    #[test]
    fn the_mean_of_jitter_is_where_it_should_be() {
        let mean = |backoff, jitter, attempt| {
            let waits = waits(backoff, jitter);
            let all = (0..20_000).map(|index| waits.before(attempt, random(1, index)));
            all.sum::<u64>() as f64 / 20_000.0 / 1e6
        };
        let near = |found: f64, wanted: f64| (found - wanted).abs() < wanted * 0.03;
        assert!(near(mean(Backoff::Exponential, Jitter::Full, 4), 200.0));
        assert!(near(mean(Backoff::Exponential, Jitter::Equal, 4), 300.0));
        // From the base to three times it; then the mean of that times three, and the base.
        assert!(near(mean(Backoff::Decorrelated, Jitter::Full, 2), 200.0));
        assert!(near(mean(Backoff::Decorrelated, Jitter::Full, 3), 350.0));
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(
            backoff in prop_oneof![
                Just(Backoff::Exponential), Just(Backoff::Constant), Just(Backoff::Decorrelated)],
            jitter in prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)],
            base_ns in 0.0..1e15, multiplier in 1.0..100.0, max_ns in 0.0..1e15,
            attempt: u32, random: u64,
        ) {
            let waits = Waits { backoff, jitter, base_ns, multiplier, max_ns };
            let wait = waits.before(attempt, random);
            prop_assert!(wait as f64 <= max_ns.round());
            prop_assert_eq!(wait, waits.before(attempt, random));
        }

        #[test]
        fn any_word_gives_a_wait(words: [u64; 3], attempt: u32, random: u64) {
            let [base_ns, multiplier, max_ns] = words.map(f64::from_bits);
            for backoff in [Backoff::Exponential, Backoff::Constant, Backoff::Decorrelated] {
                let waits = Waits { backoff, jitter: Jitter::Equal, base_ns, multiplier, max_ns };
                waits.before(attempt, random);
            }
        }
    }
}
