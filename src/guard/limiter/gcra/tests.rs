use super::*;
use proptest::prelude::*;

/// The slow, obvious bucket: in units of (1 / den) units, gains `num` every nanosecond.
struct Model {
    num: u128,
    den: u128,
    lacking: u128,
    burst: u128,
}

impl Model {
    fn new(digits: u128, decimals: u32, burst: u64) -> Self {
        let den = 10u128.pow(decimals) * 1_000_000_000;
        Model {
            num: digits,
            den,
            lacking: 0,
            burst: u128::from(burst) * den,
        }
    }

    fn pass(&mut self, ns: u64) {
        self.lacking = self.lacking.saturating_sub(u128::from(ns) * self.num);
    }

    fn take(&mut self, cost: u32) -> bool {
        let after = self.lacking + u128::from(cost) * self.den;
        if after <= self.burst {
            self.lacking = after;
        }
        after <= self.burst
    }
}

/// The same step by our arithmetic: what is admitted, and what the bucket then lacks.
fn take(rate: &Rate, state: &mut u64, now: u64, need: u64) -> (bool, u64) {
    let coarse = rate.by_coarse(*state, now, 0, need);
    let precise = rate.by_precise(*state, now, 0, need);
    if !matches!(coarse, Answer::Unsure { .. }) {
        assert_eq!(coarse, precise, "at no lag both clocks are the same");
    }
    match precise {
        Answer::Admit {
            state: new,
            lacking,
        } => {
            *state = new;
            (true, lacking)
        }
        Answer::Deny { lacking } | Answer::Unsure { lacking } => (false, lacking),
    }
}

fn is_exact(rate: &Rate, digits: u128, decimals: u32) -> bool {
    let ns = 10u128.pow(decimals) * 1_000_000_000;
    u128::from(rate.per_ns) * ns == u128::from(rate.per_unit) * digits
}

fn rate_of(digits: u128, decimals: u32) -> f64 {
    format!("{digits}e-{decimals}").parse().unwrap()
}

#[test]
fn a_decimal_rate_is_that_fraction() {
    for (per_second, per_ns, per_unit) in [
        (1.0, 1, 1_000_000_000),
        (100.0, 1, 10_000_000),
        (0.1, 1, 10_000_000_000),
        (3.0, 3, 1_000_000_000),
        (1e9, 1, 1),
        (997.0, 997, 1_000_000_000),
        (1e-9, 1, 1_000_000_000_000_000_000),
    ] {
        let rate = Rate::new(per_second, 1).unwrap();
        assert_eq!(
            (rate.per_ns, rate.per_unit),
            (per_ns, per_unit),
            "{per_second}"
        );
    }
}

#[test]
fn impossible_rates_are_refused() {
    for rate in [
        0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        1e-11,
        1.1e9,
        f64::MIN_POSITIVE,
    ] {
        assert_eq!(Rate::new(rate, 1), None, "{rate}");
    }
    assert_eq!(Rate::new(1.0, 1 << 53), None);
    assert!(Rate::new(1.0, 1 << 32).is_some());
}

proptest! {
    /// Every rate is either exact or a little slower, never faster.
    #[test]
    fn a_rate_is_never_faster_than_asked(digits in 1u128..10_000_000_000, decimals in 0u32..8) {
        let wanted = rate_of(digits, decimals);
        prop_assume!(wanted <= MAX_RATE);
        let rate = Rate::new(wanted, 10).unwrap();
        let ours = u128::from(rate.per_ns) * 10u128.pow(decimals) * 1_000_000_000;
        let exact = u128::from(rate.per_unit) * digits;
        prop_assert!(ours <= exact);
        prop_assert!((exact - ours) as f64 / exact as f64 <= 1e-4);
        let (shown, exponent) = decimal(wanted);
        prop_assert_eq!(format!("{shown}e{exponent}").parse::<f64>().unwrap(), wanted);
    }

    /// Random calls get exactly the model's answers, and the exact time until the next one.
    #[test]
    fn answers_are_those_of_the_exact_model(
        digits in 1u128..2000,
        decimals in 0u32..3,
        burst in 1u64..500,
        start in prop_oneof![Just(0u64), 0..u64::MAX / 2],
        calls in prop::collection::vec((0u64..4_000_000_000, 1u32..20, any::<bool>()), 1..200),
    ) {
        let rate = Rate::new(rate_of(digits, decimals), burst).unwrap();
        prop_assert!(is_exact(&rate, digits, decimals));
        let mut model = Model::new(digits, decimals, burst);
        let mut now = start;
        let mut state = rate.fresh(0, now);
        for (ns, cost, wait_out) in calls {
            let Some(need) = rate.cost(cost) else { continue };
            now += ns;
            model.pass(ns);
            let (admitted, lacking) = take(&rate, &mut state, now, need);
            prop_assert_eq!(admitted, model.take(cost));
            prop_assert_eq!(
                u128::from(rate.units_left(lacking)),
                (model.burst - model.lacking) / model.den
            );
            prop_assert_eq!(u128::from(rate.ns(lacking)), model.lacking.div_ceil(model.num));
            if !admitted && wait_out {
                let wait = rate.wait_for(lacking, need);
                prop_assert!(wait > 0);
                let early = rate.by_precise(state, now + wait - 1, 0, need);
                assert!(matches!(early, Answer::Deny { .. }));
                now += wait;
                model.pass(wait);
                prop_assert!(take(&rate, &mut state, now, need).0);
                prop_assert!(model.take(cost));
            }
        }
    }

    /// Wherever real now is in the coarse clock's uncertainty, the coarse answer is the precise
    /// one: the same verdict, and the same new state.
    #[test]
    fn the_coarse_clock_changes_no_answer(
        coarse in 0u64..1 << 60,
        lag in 0u64..100_000_000,
        behind in 0.0f64..=1.0,
        ahead in 0u64..3_000_000_000,
        need in 1u32..=10,
    ) {
        let rate = Rate::new(7.0, 10).unwrap();
        let need = rate.cost(need).unwrap();
        let state = coarse.wrapping_mul(rate.per_ns).wrapping_add(ahead * 5);
        let now = coarse + (lag as f64 * behind) as u64;
        let precise = rate.by_precise(state, now, lag, need);
        match (rate.by_coarse(state, coarse, lag, need), precise) {
            (Answer::Unsure { .. }, _) => {}
            (Answer::Admit { state: a, .. }, Answer::Admit { state: b, .. }) => {
                prop_assert_eq!(a, b)
            }
            (Answer::Deny { .. }, Answer::Deny { .. }) => {}
            (coarse, precise) => prop_assert!(false, "{coarse:?} but {precise:?}"),
        }
    }

    /// In any interval of length t, at most burst + rate * t units are admitted.
    #[test]
    fn no_interval_holds_too_many(
        digits in 1u128..100_000,
        burst in 1u64..50,
        gaps in prop::collection::vec(0u64..100_000_000, 1..300),
    ) {
        let rate = Rate::new(rate_of(digits, 2), burst).unwrap();
        let (mut state, mut now, mut admitted) = (rate.fresh(0, 0), 0, Vec::new());
        for gap in gaps {
            now += gap;
            while take(&rate, &mut state, now, rate.per_unit).0 {
                admitted.push(now);
            }
        }
        // For all pairs at once: the n-th unit at t has n * unit - t * rate; the least so far is the
        // worst beginning of an interval that ends here.
        let (unit, mut least) = (100_000_000_000i128, i128::MAX);
        for (index, time) in admitted.iter().enumerate() {
            let here = index as i128 * unit - i128::from(*time) * digits as i128;
            least = least.min(here);
            prop_assert!(here - least + unit <= i128::from(burst) * unit);
        }
    }

    /// Whatever a damaged word says, no check panics, and the bucket is right again soon.
    #[test]
    fn a_damaged_state_heals(state in any::<u64>(), now in 0u64..u64::MAX / 4) {
        let rate = Rate::new(50.0, 100).unwrap();
        let mut state = state;
        take(&rate, &mut state, now, rate.per_unit);
        let later = now + rate.ns(rate.full);
        prop_assert_eq!(rate.lacking(state, later, 0), 0);
        prop_assert!(take(&rate, &mut state, later, rate.full).0);
    }

    #[test]
    fn fresh_states_are_full_and_differ(old in any::<u64>(), now in 0u64..u64::MAX / 2) {
        let rate = Rate::new(333.0, 7).unwrap();
        let mut state = old;
        for _ in 0..5 {
            let fresh = rate.fresh(state, now);
            prop_assert!(rate.is_idle(fresh, now, 0));
            prop_assert_ne!(fresh, state);
            state = fresh;
        }
    }

    /// Numbers that no library wrote: no answer matters, but none may panic.
    #[test]
    fn damaged_rates_do_not_panic(words in any::<[u64; 6]>(), cost in any::<u32>()) {
        let [per_ns, per_unit, full, state, now, lag] = words;
        let rate = Rate { per_ns, per_unit, full, reach: full };
        let need = rate.cost(cost).unwrap_or(0);
        rate.by_coarse(state, now, lag, need);
        rate.by_precise(state, now, lag, need);
        rate.is_idle(state, now, lag);
        rate.fresh(state, now);
        rate.units_left(state);
        rate.wait_for(state, need);
        rate.ns(state);
    }
}
