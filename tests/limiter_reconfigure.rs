//! Limits that change while they are used: against a slow and obvious model, and while threads check.

mod common;

#[cfg(unix)]
use common::{Board, TempRegion};
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tidegate::engine::{Engine, Limiter};
use tidegate::guard::Verdict;

const SECOND: u128 = 1_000_000_000;

fn engine(clock: &str) -> Engine {
    Engine::open(&format!(
        r#"{{"clock":"{clock}","region":{{"size_bytes":8388608}},"metrics":{{"max_series":64}}}}"#
    ))
    .unwrap()
}

fn bucket(rate: u64, burst: u64) -> String {
    format!(r#"{{"algorithm":"token_bucket","rate_per_second":{rate},"burst":{burst}}}"#)
}

fn takes(engine: &Engine, limiter: Limiter, cost: u32) -> bool {
    engine.check(limiter, None, cost, None).unwrap() == Verdict::Admitted
}

/// What is lacking, in units times 10^9.
struct Model {
    rate: u64,
    burst: u64,
    lacking: u128,
}

impl Model {
    fn advance(&mut self, ns: u64) {
        let back = u128::from(ns) * u128::from(self.rate);
        self.lacking = self.lacking.saturating_sub(back);
    }

    fn take(&mut self, cost: u32) -> bool {
        let lacking = self.lacking + u128::from(cost) * SECOND;
        let is_admitted = lacking <= u128::from(self.burst) * SECOND;
        if is_admitted {
            self.lacking = lacking;
        }
        is_admitted
    }

    /// The model where `slack` units times 10^9 more are lacking.
    fn take_with(&self, cost: u32, slack: u128) -> bool {
        let lacking = self.lacking + slack + u128::from(cost) * SECOND;
        lacking <= u128::from(self.burst) * SECOND
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(u32),
    Advance(u64),
    Change(u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..6_u32).prop_map(Step::Take),
        4 => (0..2_000_000_000_u64).prop_map(Step::Advance),
        2 => (1..500_u64, 5..40_u64).prop_map(|(rate, burst)| Step::Change(rate, burst)),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Never a unit more than the model; and none less than it, were it short by as much as the
    /// rounding can take: a tick for each step.
    #[test]
    fn units_that_were_taken_stay_taken(steps in steps()) {
        let engine = engine("manual");
        let (rate, burst) = (10, 10);
        let limiter = engine.open_limiter_from("it", &bucket(rate, burst)).unwrap();
        let mut model = Model { rate, burst, lacking: 0 };
        // A tick is 10^-8 of a unit.
        let mut slack = 0;
        for step in steps {
            slack += 30;
            match step {
                Step::Take(cost) => {
                    let is_sure = model.take_with(cost, slack);
                    let is_admitted = takes(&engine, limiter, cost);
                    if is_admitted {
                        prop_assert!(model.take(cost), "one too many");
                    } else {
                        prop_assert!(!is_sure, "denied for nothing");
                    }
                }
                Step::Advance(ns) => {
                    engine.advance_clock(ns).unwrap();
                    model.advance(ns);
                }
                Step::Change(rate, burst) => {
                    engine.reconfigure_limiter(limiter, &bucket(rate, burst)).unwrap();
                    (model.rate, model.burst) = (rate, burst);
                }
            }
            let left = (u128::from(model.burst) * SECOND).saturating_sub(model.lacking) / SECOND;
            let found = u128::from(engine.peek(limiter, None, 1).unwrap().1.remaining);
            prop_assert!(found <= left && found + 1 >= left);
        }
    }
}

/// Threads check while another changes the limit to and fro: what passes is never more than the
/// larger of both allows.
#[test]
fn a_change_gives_nobody_more_than_the_larger_policy() {
    let policies = [bucket(100, 50), bucket(2_000, 20)];
    let engine = engine("real");
    let limiter = engine.open_limiter_from("it", &policies[0]).unwrap();
    let (admitted, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    if takes(&engine, limiter, 1) {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for round in 0..2_000 {
            let policy = &policies[(round + 1) % 2];
            engine.reconfigure_limiter(limiter, policy).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let elapsed = begun.elapsed().as_nanos() as u64;
    let most = 50 + elapsed * 2_000 / SECOND as u64;
    let admitted = admitted.into_inner();
    assert!((50..=most + 1).contains(&admitted), "{admitted} of {most}");
}

/// The same for a window, whose limit is never exceeded: the manual clock stands still.
#[test]
fn a_window_that_shrinks_and_grows_never_holds_more_than_its_ring() {
    for algorithm in ["sliding_window", "fixed_window"] {
        let config = |limit: u64| {
            format!(r#"{{"algorithm":"{algorithm}","limit":{limit},"window_seconds":60}}"#)
        };
        let engine = engine("manual");
        let limiter = engine.open_limiter_from("it", &config(60)).unwrap();
        let admitted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        if takes(&engine, limiter, 1) {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            for limit in (0..500).map(|round| if round % 2 == 0 { 40 } else { 60 }) {
                engine.reconfigure_limiter(limiter, &config(limit)).unwrap();
            }
        });
        while takes(&engine, limiter, 1) {
            admitted.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(admitted.into_inner(), 60);
    }
}

/// What cannot change is refused, with the field's name; and then nothing has changed.
#[test]
fn what_must_stay_is_named() {
    let engine = engine("manual");
    let config = |more: &str| {
        format!(
            r#"{{"algorithm":"token_bucket","rate_per_second":1,"burst":5,"keyed":true{more}}}"#
        )
    };
    let limiter = engine
        .open_limiter_from("it", &config(r#","record_keys":"hash""#))
        .unwrap();
    for (more, field) in [
        ("", "record_keys"),
        (r#","record_keys":"plain""#, "record_keys"),
        (r#","record_keys":"hash","shadow":true"#, "shadow"),
        (r#","record_keys":"hash","max_keys":7"#, "max_keys"),
        (r#","record_keys":"hash","when_full":"allow""#, "when_full"),
    ] {
        let refused = engine
            .reconfigure_limiter(limiter, &config(more))
            .unwrap_err();
        assert_eq!(refused.kind(), tidegate::base::error::Kind::State);
        assert!(refused.message().contains(field), "{}", refused.message());
    }
    engine
        .open_limiter_from("it", &config(r#","record_keys":"hash""#))
        .unwrap();
}

/// Keys that are recorded stay so, and a plan of which one cannot be changed changes nothing.
#[test]
fn plans_change_all_or_none() {
    let engine = engine("manual");
    let config = |burst: u64, pro: u64, max: &str| {
        let plan = |burst: u64| {
            format!(r#"{{"algorithm":"sliding_window","limit":{burst},"window_seconds":60}}"#)
        };
        let (pro, max) = (plan(pro), max.to_owned());
        format!(
            r#"{{"algorithm":"token_bucket","rate_per_second":1,"burst":{burst},"keyed":true,
                "record_keys":"plain","max_keys":100,"plans":{{"pro":{pro}{max}}}}}"#
        )
    };
    let limiter = engine.open_limiter_from("it", &config(2, 10, "")).unwrap();
    engine.set_plan(limiter, Some(b"ann"), Some("pro")).unwrap();
    let all = |key: &[u8]| {
        (0..100)
            .take_while(|_| engine.check(limiter, Some(key), 1, None).unwrap() == Verdict::Admitted)
            .count()
    };
    assert_eq!((all(b"ann"), all(b"bob")), (10, 2));
    // A window of 10 has no times for an eleventh unit.
    let refused = engine.reconfigure_limiter(limiter, &config(9, 11, ""));
    assert!(refused.is_err());
    assert_eq!((all(b"ann"), all(b"bob")), (0, 0));
    let more = r#","max":{"algorithm":"token_bucket","rate_per_second":1,"burst":3}"#;
    engine
        .reconfigure_limiter(limiter, &config(3, 4, more))
        .unwrap();
    engine
        .set_plan(limiter, Some(b"carl"), Some("max"))
        .unwrap();
    assert_eq!((all(b"ann"), all(b"bob"), all(b"carl")), (0, 1, 3));
    engine.advance_clock(60_000_000_000).unwrap();
    assert_eq!((all(b"ann"), all(b"bob"), all(b"carl")), (4, 3, 3));
    let top = engine
        .top_keys(limiter, tidegate::guard::limiter::top::By::Used, 3)
        .unwrap();
    assert_eq!((top[0].key.as_str(), top[0].used), ("ann", 14));
}

/// Four processes of two threads each check, a fifth changes the limits, keyed and not: nobody gets
/// more than the larger policy allows.
#[test]
#[cfg(unix)]
fn processes_under_a_changing_limit_never_take_too_much() {
    const KEYS: usize = 3;
    let _alone = common::alone();
    let region = TempRegion::new("changing");
    let path = region.path().display().to_string();
    let document = format!(r#"{{"region": {{"path": "{path}", "size_bytes": 8388608}}}}"#);
    let configs = |keyed: bool| {
        [(50, 300), (4_000, 20)].map(|(rate, burst)| {
            format!(
                r#"{{"algorithm":"token_bucket","rate_per_second":{rate},"burst":{burst},"keyed":{keyed}}}"#
            )
        })
    };
    let engine = Engine::open(&document).unwrap();
    let one = engine.open_limiter_from("one", &configs(false)[0]).unwrap();
    let many = engine.open_limiter_from("many", &configs(true)[0]).unwrap();
    let (board, begun) = (Board::new(KEYS + 2), Instant::now());
    let (admitted, is_over) = (&board[..KEYS + 1], &board[KEYS + 1]);
    let children = common::fork_many(4, |number| {
        let engine = Engine::open(&document).unwrap();
        let work = |turn: usize| {
            for round in turn.. {
                if is_over.load(Ordering::Acquire) == 1 {
                    return;
                }
                let key = round % KEYS;
                let taken = if round % 2 == 0 {
                    engine.check(one, None, 1, None).unwrap() == Verdict::Admitted
                } else {
                    engine.check(many, Some(&[key as u8]), 1, None).unwrap() == Verdict::Admitted
                };
                if taken {
                    let at = if round % 2 == 0 { KEYS } else { key };
                    admitted[at].fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| work(number));
            work(number + 1);
        });
    });
    for round in 1..=1_500 {
        engine
            .reconfigure_limiter(one, &configs(false)[round % 2])
            .unwrap();
        engine
            .reconfigure_limiter(many, &configs(true)[round % 2])
            .unwrap();
    }
    is_over.store(1, Ordering::Release);
    common::join_all(children);
    let elapsed = begun.elapsed().as_nanos() as u64;
    let most = 300 + elapsed * 4_000 / SECOND as u64 + 1;
    for count in admitted {
        let count = count.load(Ordering::Relaxed);
        assert!((20..=most).contains(&count), "{count} of {most}");
    }
}
