use super::*;
use proptest::prelude::*;

const AIMD: Adaptive = Adaptive {
    algorithm: Algorithm::Aimd {
        backoff_ratio: 0.9,
        timeout_seconds: 5.0,
    },
    min: 20.0,
    max: 200.0,
};
const GRADIENT: Adaptive = Adaptive {
    algorithm: Algorithm::Gradient {
        smoothing: 0.2,
        queue_size: 4.0,
        long_window: 600.0,
        tolerance: 1.5,
    },
    min: 20.0,
    max: 200.0,
};
const VEGAS: Adaptive = Adaptive {
    algorithm: Algorithm::Vegas {
        smoothing: 1.0,
        probe_multiplier: 30.0,
    },
    min: 1.0,
    max: 1000.0,
};

fn good(ms: f64, in_flight: f64) -> Sample {
    Sample {
        latency_ns: ms * 1e6,
        in_flight,
        dropped: false,
    }
}

fn dropped(in_flight: f64) -> Sample {
    Sample {
        dropped: true,
        ..good(10.0, in_flight)
    }
}

/// The limits after each sample, from one of 20.
fn limits(adaptive: Adaptive, samples: &[Sample]) -> Vec<f64> {
    let mut known = Knowledge {
        limit: 20.0,
        ..Knowledge::default()
    };
    let all = samples.iter().map(|sample| {
        known = adaptive.next(known, *sample, 1.0);
        known.limit
    });
    all.collect()
}

#[test]
fn aimd_adds_one_at_high_use_and_backs_off_by_a_tenth() {
    let found = limits(
        AIMD,
        &[
            good(10.0, 10.0),
            good(10.0, 10.0),
            good(10.0, 11.0),
            good(10.0, 20.0),
            good(5000.0, 20.0),
            good(5001.0, 20.0),
            dropped(1.0),
            dropped(1.0),
        ],
    );
    assert_eq!(found, [21.0, 21.0, 22.0, 23.0, 24.0, 21.0, 20.0, 20.0]);
}

#[test]
fn a_gradient_grows_by_a_queue_while_latency_holds() {
    let found = limits(GRADIENT, &[good(10.0, 20.0), good(10.0, 20.0)]);
    // 0.8 of the old limit, and 0.2 of it with a queue of four.
    assert!((found[0] - 20.8).abs() < 1e-9);
    assert!((found[1] - 21.6).abs() < 1e-9);
}

#[test]
fn a_gradient_shrinks_when_latency_trebles_and_rests_when_little_is_used() {
    let mut samples = vec![good(10.0, 200.0); 1000];
    let before = *limits(GRADIENT, &samples).last().unwrap();
    assert_eq!(before, 200.0);
    samples.push(good(30.0, 200.0));
    let after = *limits(GRADIENT, &samples).last().unwrap();
    // The gradient is 1.5 * 10.07 / 30, just above a half.
    assert!((180.0..=181.5).contains(&after), "{after}");
    samples.push(good(30.0, 10.0));
    assert_eq!(*limits(GRADIENT, &samples).last().unwrap(), after);
}

#[test]
fn vegas_grows_fast_without_a_queue_and_holds_with_a_short_one() {
    let found = limits(
        VEGAS,
        &[
            good(10.0, 20.0), // the latency without load
            good(10.0, 20.0), // no queue: by beta
            good(10.0, 5.0),  // little used: as it is
            good(11.0, 26.0), // a queue of 3: between alpha and beta
            good(15.0, 26.0), // one of 9: above beta
            dropped(25.0),
        ],
    );
    assert_eq!(found, [20.0, 26.0, 26.0, 26.0, 25.0, 24.0]);
}

#[test]
fn vegas_measures_latency_without_load_anew() {
    let mut known = Knowledge {
        limit: 20.0,
        ..Knowledge::default()
    };
    for _ in 0..599 {
        known = VEGAS.next(known, good(10.0, 1.0), 1.0);
    }
    assert_eq!((known.latency_ns, known.samples), (10e6, 599.0));
    known = VEGAS.next(known, good(50.0, 1.0), 1.0);
    assert_eq!((known.latency_ns, known.samples), (50e6, 0.0));
}

fn any_real() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits)
}

proptest! {
    #[test]
    fn a_limit_stays_within_its_bounds_whatever_is_known(
        limit in any_real(), latency_ns in any_real(), samples in any_real(),
        seen_ns in 0.0..1e15, in_flight in 0.0..2000.0, dropped: bool, random in 0.0..1.0,
    ) {
        let known = Knowledge { limit, latency_ns, samples };
        let sample = Sample { latency_ns: seen_ns, in_flight, dropped };
        for adaptive in [AIMD, GRADIENT, VEGAS] {
            let next = adaptive.next(known, sample, random);
            prop_assert!((adaptive.min..=adaptive.max).contains(&next.limit));
        }
    }
}
