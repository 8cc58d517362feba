//! Token buckets that warm up: against a slow and obvious model.

mod common;

use proptest::prelude::*;
use tidegate::base::error::Kind;
use tidegate::engine::{Engine, Limiter};
use tidegate::guard::{Decision, Verdict};

const SECOND: u64 = 1_000_000_000;

fn engine() -> Engine {
    Engine::open(
        r#"{"clock":"manual","region":{"size_bytes":8388608},"metrics":{"max_series":64}}"#,
    )
    .unwrap()
}

fn config(rate: f64, burst: u64, warm_up: f64, more: &str) -> String {
    format!(
        r#"{{"algorithm":"token_bucket","rate_per_second":{rate},"burst":{burst},"warm_up_seconds":{warm_up}{more}}}"#
    )
}

fn takes(engine: &Engine, limiter: Limiter, key: Option<&[u8]>, cost: u32) -> (bool, Decision) {
    let mut decision = Decision::default();
    let verdict = engine
        .check(limiter, key, cost, Some(&mut decision))
        .unwrap();
    (verdict == Verdict::Admitted, decision)
}

/// How many calls for one unit pass now.
fn all(engine: &Engine, limiter: Limiter, key: Option<&[u8]>) -> u64 {
    (0..100_000)
        .take_while(|_| takes(engine, limiter, key, 1).0)
        .count() as u64
}

/// Steps of time of a unit.
const UNIT: u64 = 1024;

/// A bucket that goes through time step by step.
struct Model {
    rate: u64,
    full: u64,
    warm_up: u64,
    now_ns: u64,
    lacking: u64,
    heat: u64,
}

impl Model {
    fn steps(&self) -> (u128, bool) {
        let of_time = u128::from(self.now_ns) * u128::from(self.rate * UNIT);
        let second = u128::from(SECOND);
        (of_time / second, !of_time.is_multiple_of(second))
    }

    fn advance(&mut self, ns: u64) {
        let (before, _) = self.steps();
        self.now_ns += ns;
        for _ in before..self.steps().0 {
            if self.lacking > 0 {
                self.lacking -= 1;
                self.heat = (self.heat + 1).min(self.warm_up);
            } else {
                self.heat = self.heat.saturating_sub(1);
            }
        }
    }

    fn take(&mut self, cost: u32) -> bool {
        let need = u64::from(cost) * UNIT;
        if self.lacking + need > self.full {
            return false;
        }
        let more = (2 * need * (self.warm_up - self.heat)).div_ceil(self.warm_up.max(1));
        let begun = u64::from(self.lacking == 0 && self.steps().1);
        self.lacking += need + more + begun;
        true
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(u32),
    /// Wait for as long as the last denial said.
    Wait,
    Advance(u64),
    Change(u64, u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..5_u32).prop_map(Step::Take),
        3 => Just(Step::Wait),
        2 => (0..SECOND).prop_map(Step::Advance),
        1 => (0..9 * SECOND).prop_map(Step::Advance),
        1 => (1..80_u64, 4..40_u64, 0..9_u64).prop_map(|(r, b, w)| Step::Change(r, b, w)),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_bucket_warms_up_as_the_model_does(
        (rate, burst, warm_up) in (1..90_u64, 4..40_u64, 0..9_u64),
        steps in steps(),
    ) {
        let engine = engine();
        let limiter = engine
            .open_limiter_from("it", &config(rate as f64, burst, warm_up as f64, ""))
            .unwrap();
        let mut model = Model {
            rate,
            full: burst * UNIT,
            warm_up: warm_up * rate * UNIT,
            now_ns: engine.region().clock().precise(),
            lacking: 0,
            heat: 0,
        };
        let mut wait = 0;
        for step in steps {
            let ns = match step {
                Step::Take(cost) => {
                    let (is_admitted, decision) = takes(&engine, limiter, None, cost);
                    prop_assert_eq!(is_admitted, model.take(cost));
                    if is_admitted {
                        prop_assert_eq!(decision.retry_after_ns, 0);
                        continue;
                    }
                    wait = decision.retry_after_ns;
                    let again = engine.peek(limiter, None, cost).unwrap();
                    prop_assert_eq!(again, (Verdict::Denied, decision));
                    // To the nanosecond.
                    engine.advance_clock(wait - 1).unwrap();
                    prop_assert_eq!(engine.peek(limiter, None, cost).unwrap().0, Verdict::Denied);
                    engine.advance_clock(1).unwrap();
                    prop_assert_eq!(engine.peek(limiter, None, cost).unwrap().0, Verdict::Admitted);
                    model.advance(wait);
                    continue;
                }
                Step::Wait => wait,
                Step::Advance(ns) => ns,
                Step::Change(..) => continue,
            };
            engine.advance_clock(ns).unwrap();
            model.advance(ns);
        }
    }

    /// Whatever changes, units are never cheaper than hot ones nor dearer than cold ones.
    #[test]
    fn a_changing_bucket_is_between_hot_and_cold(steps in steps()) {
        let engine = engine();
        let (mut rate, mut burst) = (20, 12);
        let limiter = engine.open_limiter_from("it", &config(20.0, 12, 5.0, "")).unwrap();
        // Units that a hot and a cold bucket lack.
        let (mut hot, mut cold, mut slack) = (0.0_f64, 0.0_f64, 0.0);
        for step in steps {
            slack += 0.01;
            let ns = match step {
                Step::Take(cost) => {
                    let units = f64::from(cost);
                    if takes(&engine, limiter, None, cost).0 {
                        prop_assert!(hot + units <= burst as f64 + slack, "one too many");
                        (hot, cold) = (hot + units, cold + 3.0 * units);
                    } else {
                        prop_assert!(cold + units > burst as f64 - slack, "denied for nothing");
                    }
                    continue;
                }
                Step::Wait => SECOND / rate,
                Step::Advance(ns) => ns,
                Step::Change(to_rate, to_burst, warm_up) => {
                    (rate, burst) = (to_rate, to_burst);
                    let config = config(rate as f64, burst, warm_up as f64, "");
                    engine.reconfigure_limiter(limiter, &config).unwrap();
                    continue;
                }
            };
            engine.advance_clock(ns).unwrap();
            let back = ns as f64 / 1e9 * rate as f64;
            (hot, cold) = ((hot - back).max(0.0), (cold - back).max(0.0));
        }
    }
}

#[test]
fn a_cold_bucket_gives_a_third_and_a_hot_one_all() {
    let engine = engine();
    let limiter = engine
        .open_limiter_from("it", &config(90.0, 30, 10.0, ""))
        .unwrap();
    assert_eq!(all(&engine, limiter, None), 10);
    let mut seconds = Vec::new();
    for _ in 0..14 {
        let mut passed = 0;
        for _ in 0..1000 {
            engine.advance_clock(SECOND / 1000).unwrap();
            passed += all(&engine, limiter, None);
        }
        seconds.push(passed);
    }
    // The rate over (3 - 2 heat), in the middle of each second.
    let expected = |second: usize| 90.0 / (3.0 - 2.0 * ((second as f64 + 0.5) / 10.0).min(1.0));
    for (second, passed) in seconds.into_iter().enumerate() {
        let expected = expected(second);
        assert!(
            (passed as f64 - expected).abs() <= 2.0,
            "{second}: {passed}"
        );
    }
    // Full, and hot but for a few milliseconds; and cold again.
    engine.advance_clock(SECOND / 3).unwrap();
    assert!((29..=30).contains(&all(&engine, limiter, None)));
    engine.advance_clock(11 * SECOND).unwrap();
    assert_eq!(all(&engine, limiter, None), 10);
}

#[test]
fn each_key_warms_up_for_itself_and_is_forgotten_when_cold() {
    let engine = engine();
    let limiter = engine
        .open_limiter_from("it", &config(10.0, 6, 2.0, r#","keyed":true,"max_keys":8"#))
        .unwrap();
    assert_eq!(all(&engine, limiter, Some(b"ann")), 2);
    for _ in 0..200 {
        engine.advance_clock(SECOND / 50).unwrap();
        all(&engine, limiter, Some(b"ann"));
    }
    engine.advance_clock(SECOND * 6 / 10).unwrap();
    assert!((5..=6).contains(&all(&engine, limiter, Some(b"ann"))));
    assert_eq!(all(&engine, limiter, Some(b"bob")), 2);
    // More keys than there is room for, one after the other, once the ones before are cold.
    for round in 0..200_u32 {
        engine.advance_clock(4 * SECOND).unwrap();
        assert_eq!(
            all(&engine, limiter, Some(&round.to_le_bytes())),
            2,
            "{round}"
        );
    }
}

#[test]
fn units_are_reserved_refunded_and_penalized() {
    let engine = engine();
    let limiter = engine
        .open_limiter_from("it", &config(10.0, 1, 1.0, ""))
        .unwrap();
    // Calls in a row, each waiting for what the one before took: a third of the rate, then more.
    let mut waits = Vec::new();
    for _ in 0..12 {
        let (verdict, wait) = engine.reserve(limiter, None, 1, u64::MAX).unwrap();
        assert_eq!(verdict, Verdict::Admitted);
        waits.push(wait / 1_000_000);
    }
    assert_eq!(waits[..3], [0, 300, 540]);
    assert!(waits.windows(2).all(|two| two[0] < two[1]));
    let last = waits[11] - waits[10];
    assert!((100..=101).contains(&last), "{waits:?}");
    let refused = engine.reserve(limiter, None, 1, SECOND / 10).unwrap();
    assert_eq!(refused.0, Verdict::Denied);

    let limiter = engine
        .open_limiter_from("back", &config(10.0, 9, 100.0, ""))
        .unwrap();
    assert_eq!(all(&engine, limiter, None), 3);
    engine.refund(limiter, None, 3).unwrap();
    assert_eq!(all(&engine, limiter, None), 3);
    engine.refund(limiter, None, 2).unwrap();
    engine.penalize(limiter, None, 1).unwrap();
    assert_eq!(all(&engine, limiter, None), 1);
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    let engine = engine();
    let refused = |config: &str, kind: Kind, part: &str| {
        let error = engine.open_limiter_from("wrong", config).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains(part), "{}", error.message());
    };
    for (value, found) in [
        ("-1", "-1"),
        ("3601", "3601"),
        ("\"10\"", "\"10\""),
        ("null", "null"),
    ] {
        let config = format!(
            r#"{{"algorithm":"token_bucket","rate_per_second":1,"burst":1,"warm_up_seconds":{value}}}"#
        );
        let said = format!(
            "limiters.wrong.warm_up_seconds: expected a number from 0 to 3600, found {found}"
        );
        refused(&config, Kind::Config, &said);
    }
    let many = "warm_up_seconds: expected a warm-up that, with four bursts of 1, is of at most";
    refused(&config(1e6, 1, 10.0, ""), Kind::Config, many);
    for algorithm in ["sliding_window", "fixed_window"] {
        let config = format!(
            r#"{{"algorithm":"{algorithm}","limit":1,"window_seconds":1,"warm_up_seconds":1}}"#
        );
        refused(&config, Kind::Config, "warm_up_seconds: unknown field");
    }
    refused(
        r#"{"preset":"auth","warm_up_seconds":1}"#,
        Kind::Config,
        "warm_up_seconds: unknown field",
    );
    let plain = r#"{"algorithm":"token_bucket","rate_per_second":1,"burst":1}"#;
    let cold = engine.open_limiter_from("cold", plain).unwrap();
    let warm = engine
        .open_limiter_from("warm", &config(1.0, 1, 0.0, ""))
        .unwrap();
    let clash = engine
        .open_limiter_from("warm", &config(1.0, 1, 2.0, ""))
        .unwrap_err();
    assert!(
        clash.message().ends_with("with warm_up_seconds 0, not 2"),
        "{}",
        clash.message()
    );
    for (limiter, config) in [(cold, config(1.0, 1, 1.0, "")), (warm, plain.to_owned())] {
        let error = engine.reconfigure_limiter(limiter, &config).unwrap_err();
        assert_eq!(error.kind(), Kind::State);
        assert!(error.message().contains("warm_up_seconds"));
    }
    let too_many = engine.reconfigure_limiter(warm, &config(1e5, 9, 3600.0, ""));
    assert!(too_many.unwrap_err().message().contains("warm_up_seconds"));
    engine
        .reconfigure_limiter(warm, &config(5.0, 3, 60.0, ""))
        .unwrap();
    assert_eq!(all(&engine, warm, None), 1);
}

/// Workers share the heat, and no more than the rate passes however many there are.
#[test]
#[cfg(unix)]
fn processes_share_one_warm_up() {
    let _alone = common::alone();
    let region = common::TempRegion::new("warm");
    let clock = r#""clock": "manual""#;
    let engine = region.open(clock);
    let limiter = engine
        .open_limiter_from("it", &config(1000.0, 300, 60.0, ""))
        .unwrap();
    let board = common::Board::new(1);
    let children = common::fork_many(4, |_| {
        let engine = region.open(clock);
        let passed = all(&engine, limiter, None);
        board[0].fetch_add(passed, std::sync::atomic::Ordering::Relaxed);
    });
    common::join_all(children);
    assert_eq!(board[0].load(std::sync::atomic::Ordering::Relaxed), 100);
    assert_eq!(all(&engine, limiter, None), 0);
}
