//! Units ahead of time, given back and taken away, and several limits as one decision: against slow
//! and obvious models, on the manual clock.

use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::engine::{Engine, Limiter};
use tidegate::guard::limiter::rules::List;
use tidegate::guard::limiter::together::{Request, Together};
use tidegate::guard::{Decision, Verdict};

const SECOND: u64 = 1_000_000_000;

fn engine() -> Engine {
    Engine::open(
        r#"{"clock":"manual","region":{"size_bytes":8388608},"metrics":{"max_series":64}}"#,
    )
    .unwrap()
}

fn open(engine: &Engine, name: &str, config: &str) -> Limiter {
    engine.open_limiter_from(name, config).unwrap()
}

fn check(engine: &Engine, limiter: Limiter, cost: u32) -> (bool, Decision) {
    let mut decision = Decision::default();
    let verdict = engine
        .check(limiter, None, cost, Some(&mut decision))
        .unwrap();
    (verdict == Verdict::Admitted, decision)
}

fn left(engine: &Engine, limiter: Limiter) -> u64 {
    engine.peek(limiter, None, 1).unwrap().1.remaining
}

#[derive(Clone, Debug)]
enum Step {
    Take(u32),
    Peek(u32),
    Reserve(u32, u64),
    Refund(u32),
    Penalize(u32),
    Advance(u64),
}

fn steps(reserving: bool) -> impl Strategy<Value = Vec<Step>> {
    let cost = 1..6_u32;
    let reserve = (cost.clone(), 0..3 * SECOND)
        .prop_map(move |(cost, wait)| Step::Reserve(cost, if reserving { wait } else { 0 }));
    let step = prop_oneof![
        4 => cost.clone().prop_map(Step::Take),
        2 => cost.clone().prop_map(Step::Peek),
        3 => reserve,
        2 => cost.clone().prop_map(Step::Refund),
        1 => cost.prop_map(Step::Penalize),
        4 => (0..SECOND).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..120)
}

/// A bucket of 5 that gains 10 a second: when it is full again.
struct Bucket {
    now: u64,
    full_at: u64,
}

const UNIT: u64 = SECOND / 10;
const BURST: u64 = 5;

impl Bucket {
    fn lacking(&self) -> u64 {
        self.full_at.saturating_sub(self.now)
    }

    fn wait(&self, cost: u32) -> u64 {
        (self.lacking() + u64::from(cost) * UNIT).saturating_sub(BURST * UNIT)
    }

    fn remaining(&self) -> u64 {
        (BURST * UNIT).saturating_sub(self.lacking()) / UNIT
    }

    fn take(&mut self, cost: u32) {
        self.full_at = self.now + self.lacking() + u64::from(cost) * UNIT;
    }
}

/// A window of 5 in a second: when each unit was taken, in order; None for one given back.
struct Log {
    now: u64,
    taken: Vec<Option<u64>>,
}

impl Log {
    /// The numbers of the last five units.
    fn recent(&self) -> std::ops::Range<usize> {
        self.taken.len().saturating_sub(BURST as usize)..self.taken.len()
    }

    fn expires(&self, unit: usize) -> u64 {
        self.taken[unit].map_or(0, |time| time + SECOND)
    }

    fn live(&self) -> Vec<usize> {
        let all = self.recent();
        all.filter(|unit| self.expires(*unit) > self.now).collect()
    }

    fn wait(&self, cost: u32) -> u64 {
        let last = (self.taken.len() + cost as usize).checked_sub(1 + BURST as usize);
        let ready = last.map_or(0, |last| {
            (0..=last).map(|unit| self.expires(unit)).max().unwrap_or(0)
        });
        ready.saturating_sub(self.now)
    }

    fn remaining(&self) -> u64 {
        BURST - self.live().len() as u64
    }

    fn take(&mut self, cost: u32) {
        let at = self.now + self.wait(cost);
        self.taken.extend((0..cost).map(|_| Some(at)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_bucket_does_what_its_full_time_says(steps in steps(true)) {
        let engine = engine();
        let config = r#"{"algorithm":"token_bucket","rate_per_second":10,"burst":5}"#;
        let limiter = open(&engine, "bucket", config);
        let mut model = Bucket { now: 0, full_at: 0 };
        for step in steps {
            match step {
                Step::Take(cost) => {
                    let (admitted, decision) = check(&engine, limiter, cost);
                    prop_assert_eq!(admitted, model.wait(cost) == 0);
                    prop_assert_eq!(decision.retry_after_ns, model.wait(cost));
                    if admitted { model.take(cost); }
                    prop_assert_eq!(decision.remaining, model.remaining());
                    prop_assert_eq!(decision.reset_after_ns, model.lacking());
                }
                Step::Peek(cost) => {
                    let (verdict, decision) = engine.peek(limiter, None, cost).unwrap();
                    prop_assert_eq!(verdict == Verdict::Admitted, model.wait(cost) == 0);
                    prop_assert_eq!(decision.retry_after_ns, model.wait(cost));
                    prop_assert_eq!(decision.remaining, model.remaining());
                }
                Step::Reserve(cost, most) => {
                    let (verdict, wait) = engine.reserve(limiter, None, cost, most).unwrap();
                    prop_assert_eq!(wait, model.wait(cost));
                    prop_assert_eq!(verdict == Verdict::Admitted, wait <= most);
                    if wait <= most { model.take(cost); }
                }
                Step::Refund(cost) => {
                    engine.refund(limiter, None, cost).unwrap();
                    let lacking = model.lacking().saturating_sub(u64::from(cost) * UNIT);
                    model.full_at = model.now + lacking;
                }
                Step::Penalize(cost) => {
                    engine.penalize(limiter, None, cost).unwrap();
                    let held = model.lacking();
                    let lacking = (held + u64::from(cost) * UNIT).min(held.max(BURST * UNIT));
                    model.full_at = model.now + lacking;
                }
                Step::Advance(by) => {
                    engine.advance_clock(by).unwrap();
                    model.now += by;
                }
            }
        }
    }

    #[test]
    fn a_window_does_what_its_log_says(steps in steps(false)) {
        let engine = engine();
        let config = r#"{"algorithm":"sliding_window","limit":5,"window_seconds":1}"#;
        let limiter = open(&engine, "window", config);
        let mut model = Log { now: 0, taken: Vec::new() };
        for step in steps {
            match step {
                Step::Take(cost) | Step::Peek(cost) => {
                    let is_take = matches!(step, Step::Take(_));
                    let (admitted, decision) = if is_take {
                        check(&engine, limiter, cost)
                    } else {
                        let (verdict, decision) = engine.peek(limiter, None, cost).unwrap();
                        (verdict == Verdict::Admitted, decision)
                    };
                    prop_assert_eq!(admitted, model.wait(cost) == 0);
                    prop_assert_eq!(decision.retry_after_ns, model.wait(cost));
                    if admitted && is_take { model.take(cost); }
                    prop_assert_eq!(decision.remaining, model.remaining());
                }
                Step::Reserve(cost, most) => {
                    let (verdict, wait) = engine.reserve(limiter, None, cost, most).unwrap();
                    prop_assert_eq!(wait, model.wait(cost));
                    prop_assert_eq!(verdict == Verdict::Admitted, wait <= most);
                    if wait <= most { model.take(cost); }
                }
                Step::Refund(cost) => {
                    engine.refund(limiter, None, cost).unwrap();
                    for unit in model.live().into_iter().take(cost as usize) {
                        model.taken[unit] = None;
                    }
                }
                Step::Penalize(cost) => {
                    engine.penalize(limiter, None, cost).unwrap();
                    let units = model.remaining().min(cost.into());
                    model.taken.extend((0..units).map(|_| Some(model.now)));
                }
                Step::Advance(by) => {
                    engine.advance_clock(by).unwrap();
                    model.now += by;
                }
            }
        }
    }

    #[test]
    fn reserved_units_of_a_window_come_when_the_log_says(
        steps in prop::collection::vec((1..6_u32, 0..3 * SECOND, 0..SECOND), 1..60)
    ) {
        let engine = engine();
        let config = r#"{"algorithm":"sliding_window","limit":5,"window_seconds":1}"#;
        let limiter = open(&engine, "window", config);
        let mut model = Log { now: 0, taken: Vec::new() };
        for (cost, most, by) in steps {
            let (verdict, wait) = engine.reserve(limiter, None, cost, most).unwrap();
            prop_assert_eq!(wait, model.wait(cost));
            prop_assert_eq!(verdict == Verdict::Admitted, wait <= most);
            if wait <= most { model.take(cost); }
            engine.advance_clock(by).unwrap();
            model.now += by;
        }
        // Never more than the limit in any window, also of those that are yet to come.
        for (first, time) in model.taken.iter().enumerate() {
            let end = time.unwrap() + SECOND;
            let within = model.taken[first..].iter().filter(|other| other.unwrap() < end);
            prop_assert!(within.count() as u64 <= BURST);
        }
    }

    #[test]
    fn a_refund_gives_large_windows_what_was_taken(
        limit in 65..2_000_u32, taken in prop::collection::vec(1..200_u32, 1..20), back in 1..300_u32
    ) {
        let engine = engine();
        let config = format!(r#"{{"algorithm":"sliding_window","limit":{limit},"window_seconds":60}}"#);
        let limiter = open(&engine, "large", &config);
        for cost in taken {
            if cost <= limit { check(&engine, limiter, cost); }
            engine.advance_clock(SECOND).unwrap();
        }
        let before = left(&engine, limiter);
        engine.refund(limiter, None, back).unwrap();
        let after = left(&engine, limiter);
        prop_assert_eq!(after, (before + u64::from(back)).min(limit.into()));
        if after > 0 {
            prop_assert!(check(&engine, limiter, after as u32).0);
        }
        prop_assert!(!check(&engine, limiter, 1).0);
    }
}

#[test]
fn several_limits_admit_together_or_not_at_all() {
    let engine = engine();
    let keyed = r#"{"algorithm":"sliding_window","limit":3,"window_seconds":60,"keyed":true}"#;
    let user = open(&engine, "user", keyed);
    let tenant = open(
        &engine,
        "tenant",
        r#"{"algorithm":"token_bucket","rate_per_second":1,"burst":4}"#,
    );
    let address = open(
        &engine,
        "address",
        r#"{"algorithm":"fixed_window","limit":9,"window_seconds":60}"#,
    );
    let ask = |name: &[u8]| {
        let of = |limiter: Limiter, key, cost| Request {
            limiter: limiter.0,
            key,
            cost,
        };
        let requests = [
            of(address, None, 2),
            of(user, Some(name), 1),
            of(tenant, None, 1),
        ];
        engine.check_all(&requests).unwrap()
    };
    for _ in 0..3 {
        assert!(matches!(ask(b"ann"), Together::Admitted(_)));
    }
    assert!(matches!(ask(b"ann"), Together::Denied { by: 1, .. }));
    assert_eq!((left(&engine, address), left(&engine, tenant)), (3, 1));
    assert!(matches!(ask(b"bob"), Together::Admitted(_)));
    assert!(matches!(ask(b"cid"), Together::Denied { by: 0, .. }));
    assert_eq!(engine.peek(user, Some(b"cid"), 3).unwrap().1.remaining, 3);
    assert!(engine.check_all(&[]).is_err());
}

#[test]
fn whoever_races_no_limit_admits_too_many_and_none_loses_a_unit() {
    let engine = engine();
    let limits = [
        r#"{"algorithm":"token_bucket","rate_per_second":0.001,"burst":5000}"#,
        r#"{"algorithm":"sliding_window","limit":4000,"window_seconds":3600}"#,
        r#"{"algorithm":"fixed_window","limit":3000,"window_seconds":3600}"#,
    ];
    let limiters: Vec<_> = limits
        .iter()
        .enumerate()
        .map(|(number, config)| open(&engine, &format!("limit-{number}"), config))
        .collect();
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, limiters, admitted) = (&engine, &limiters, &admitted);
            scope.spawn(move || {
                for call in 0..3_000 {
                    let mut requests: Vec<_> = limiters
                        .iter()
                        .map(|limiter| Request {
                            limiter: limiter.0,
                            key: None,
                            cost: 1,
                        })
                        .collect();
                    requests.rotate_left((thread + call) % 3);
                    if let Together::Admitted(_) = engine.check_all(&requests).unwrap() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 3_000);
    let left: Vec<_> = limiters
        .iter()
        .map(|limiter| left(&engine, *limiter))
        .collect();
    assert_eq!(left, [2_000, 1_000, 0]);
}

#[test]
fn units_that_are_taken_and_given_back_by_many_are_all_there_in_the_end() {
    let engine = engine();
    let configs = [
        (
            r#"{"algorithm":"token_bucket","rate_per_second":0.001,"burst":50}"#,
            50,
        ),
        (
            r#"{"algorithm":"sliding_window","limit":50,"window_seconds":3600}"#,
            50,
        ),
        (
            r#"{"algorithm":"sliding_window","limit":500,"window_seconds":3600}"#,
            500,
        ),
        (
            r#"{"algorithm":"fixed_window","limit":50,"window_seconds":3600}"#,
            50,
        ),
    ];
    for (number, (config, limit)) in configs.into_iter().enumerate() {
        let limiter = open(&engine, &format!("limit-{number}"), config);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        if engine.check(limiter, None, 7, None).unwrap() == Verdict::Admitted {
                            engine.refund(limiter, None, 7).unwrap();
                        }
                    }
                });
            }
        });
        assert_eq!(left(&engine, limiter), limit, "{config}");
    }
}

#[test]
fn reservations_of_many_threads_are_one_after_the_other() {
    let engine = engine();
    let limiter = open(
        &engine,
        "pace",
        r#"{"algorithm":"token_bucket","rate_per_second":1000,"burst":1}"#,
    );
    let mut waits: Vec<u64> = std::thread::scope(|scope| {
        let pace = || {
            let reserve = |_| engine.reserve(limiter, None, 1, 60 * SECOND).unwrap().1;
            (0..500).map(reserve).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(pace)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    waits.sort_unstable();
    let expected: Vec<u64> = (0..2_000).map(|place| place * SECOND / 1000).collect();
    assert_eq!(waits, expected);
    let (verdict, wait) = engine.reserve(limiter, None, 1, SECOND).unwrap();
    assert_eq!((verdict, wait), (Verdict::Denied, 2 * SECOND));
}

#[test]
fn the_end_of_time_is_no_harm() {
    let engine = engine();
    let configs = [
        r#"{"algorithm":"token_bucket","rate_per_second":10,"burst":5}"#,
        r#"{"algorithm":"sliding_window","limit":5,"window_seconds":1}"#,
        r#"{"algorithm":"sliding_window","limit":500,"window_seconds":1}"#,
        r#"{"algorithm":"fixed_window","limit":5,"window_seconds":1}"#,
    ];
    let limiters: Vec<_> = (configs.iter().enumerate())
        .map(|(number, config)| open(&engine, &format!("limit-{number}"), config))
        .collect();
    for by in [0, u64::MAX / 4, u64::MAX / 8, u64::MAX] {
        engine.advance_clock(by).unwrap();
        for limiter in &limiters {
            for _ in 0..9 {
                let reserved = engine.reserve(*limiter, None, 4, u64::MAX).unwrap();
                assert!(reserved.0 == Verdict::Admitted || by > 0);
            }
            engine.penalize(*limiter, None, 2).unwrap();
            engine.refund(*limiter, None, 3).unwrap();
            assert!(left(&engine, *limiter) <= 500);
        }
    }
}

#[test]
fn blocks_and_lists_hold_for_one_key_and_end() {
    let engine = engine();
    let keyed = r#"{"algorithm":"token_bucket","rate_per_second":1,"burst":2,"keyed":true}"#;
    let limiter = open(&engine, "keyed", keyed);
    let ask = |key: &[u8]| {
        let mut decision = Decision::default();
        let verdict = engine
            .check(limiter, Some(key), 1, Some(&mut decision))
            .unwrap();
        (verdict == Verdict::Admitted, decision.retry_after_ns)
    };
    engine.block(limiter, Some(b"eve"), 640).unwrap();
    assert_eq!(ask(b"eve"), (false, 640));
    assert_eq!(ask(b"ann"), (true, 0));
    engine.advance_clock(639).unwrap();
    assert_eq!(ask(b"eve"), (false, 1));
    engine.advance_clock(1).unwrap();
    assert_eq!(ask(b"eve"), (true, 0));
    engine.block(limiter, Some(b"eve"), u64::MAX).unwrap();
    assert_eq!(ask(b"eve"), (false, u64::MAX));
    engine.block(limiter, Some(b"eve"), 0).unwrap();
    assert_eq!(ask(b"eve"), (true, 0));
    engine.set_list(limiter, Some(b"vip"), List::Allow).unwrap();
    engine.set_list(limiter, Some(b"bot"), List::Deny).unwrap();
    for _ in 0..10 {
        assert_eq!(ask(b"vip"), (true, 0));
        assert_eq!(ask(b"bot"), (false, u64::MAX));
    }
    engine.set_list(limiter, Some(b"bot"), List::None).unwrap();
    assert_eq!(ask(b"bot"), (true, 0));
    let single = open(&engine, "single", r#"{"preset":"auth"}"#);
    engine.block(single, None, SECOND).unwrap();
    assert_eq!(
        engine.check(single, None, 1, None).unwrap(),
        Verdict::Denied
    );
    assert!(engine.block(single, Some(b"x"), 1).is_err());
    assert!(engine.block(limiter, None, 1).is_err());
}

#[test]
fn rules_of_many_keys_end_with_an_error_and_ended_ones_make_room() {
    let engine = engine();
    let keyed =
        r#"{"algorithm":"token_bucket","rate_per_second":1,"burst":2,"keyed":true,"max_keys":20}"#;
    let limiter = open(&engine, "few", keyed);
    let block = |key: u32| engine.block(limiter, Some(&key.to_le_bytes()), SECOND);
    let room = (0..1_000).take_while(|key| block(*key).is_ok()).count();
    assert!((20..100).contains(&room), "{room}");
    engine.advance_clock(2 * SECOND).unwrap();
    assert!(block(5_000).is_ok());
}

#[test]
fn a_shadow_counts_and_lets_pass() {
    let engine = engine();
    for (name, config) in [
        (
            "plain",
            r#"{"algorithm":"token_bucket","rate_per_second":1,"burst":2,"shadow":true}"#,
        ),
        ("keyed", r#"{"preset":"auth","keyed":true,"shadow":true}"#),
    ] {
        let limiter = open(&engine, name, config);
        let key = (name == "keyed").then_some(&b"ann"[..]);
        for _ in 0..9 {
            let mut decision = Decision {
                retry_after_ns: 7,
                ..Decision::default()
            };
            let verdict = engine.check(limiter, key, 1, Some(&mut decision)).unwrap();
            assert_eq!((verdict, decision.retry_after_ns), (Verdict::Admitted, 0));
        }
    }
    let text = tidegate::export::render(tidegate::export::Format::Json, &engine.snapshot());
    assert!(
        text.contains("\"shadow_denied\":4") || text.contains("\"shadow_denied\": 4"),
        "{text}"
    );
    assert!(
        text.contains("\"shadow_denied\":7") || text.contains("\"shadow_denied\": 7"),
        "{text}"
    );
}

/// Denials are told by whoever reads: once a second, with how many there were since.
#[test]
fn denials_are_told_once_a_second_and_counted() {
    let engine = engine();
    let config = r#"{"algorithm":"token_bucket","rate_per_second":1e-9,"burst":1}"#;
    let limiter = engine.open_limiter_from("it", config).unwrap();
    let denied = |count: u64| {
        for _ in 0..count {
            engine.check(limiter, None, 1, None).unwrap();
        }
    };
    let mut next = 0;
    let mut told = || {
        let (events, cursor) = engine.events(next, 100);
        next = cursor.next;
        let denials = events.iter().filter(|event| event.guard == "it");
        denials.map(|event| event.numbers).collect::<Vec<_>>()
    };
    denied(1);
    assert!(told().is_empty());
    denied(7);
    assert_eq!(told(), [[7, 7]]);
    denied(5);
    assert!(told().is_empty());
    engine.advance_clock(1_000_000_000).unwrap();
    denied(3);
    assert_eq!(told(), [[8, 15]]);
    engine.advance_clock(5_000_000_000).unwrap();
    assert!(told().is_empty());
    denied(2);
    let _ = engine.snapshot();
    assert_eq!(told(), [[2, 17]]);
}

#[test]
fn lists_of_a_configuration_count_once() {
    let engine = engine();
    let config =
        r#"{"algorithm":"token_bucket","rate_per_second":1,"burst":1,"keyed":true,"deny":["eve"]}"#;
    let limiter = open(&engine, "l", config);
    let ask = || engine.check(limiter, Some(b"eve"), 1, None).unwrap();
    assert_eq!(ask(), Verdict::Denied);
    engine.set_list(limiter, Some(b"eve"), List::None).unwrap();
    open(&engine, "l", config);
    assert_eq!(ask(), Verdict::Admitted, "opening again undoes nothing");
}
