//! Guards in shadow mode: every kind of them lets everything pass, and counts what it would have denied.

use serde_json::{Value, json};
use tidegate::base::outcome::Outcome;
use tidegate::engine::Engine;
use tidegate::export::{Format, render};
use tidegate::guard::chain::{Answer, Request};
use tidegate::guard::retry::Attempt;
use tidegate::guard::{BreakerPhase, Verdict};

const CALLS: u64 = 50;

/// An engine with the guard `g` of `section`, which is in shadow mode.
fn engine(section: &str, mut config: Value) -> Engine {
    config["shadow"] = json!(true);
    let document = json!({"clock": "manual", section: {"g": config}});
    Engine::open(&document.to_string()).expect("an engine")
}

/// Field `field` of the only guard of `section` in a snapshot.
fn told(engine: &Engine, section: &str, field: &str) -> u64 {
    let text = render(Format::Json, &engine.snapshot());
    let document: Value = serde_json::from_str(&text).expect("a document");
    let value = &document[section][0][field];
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{section}: {field} is {value}"))
}

#[test]
fn limiters_of_every_shape_let_all_pass() {
    for (config, limit) in [
        (
            json!({"algorithm": "token_bucket", "rate_per_second": 1, "burst": 7}),
            7,
        ),
        (
            json!({"algorithm": "sliding_window", "limit": 7, "window_seconds": 60}),
            7,
        ),
        (
            json!({"algorithm": "fixed_window", "limit": 7, "window_seconds": 60}),
            7,
        ),
        (
            json!({"algorithm": "token_bucket", "rate_per_second": 0.1, "burst": 12, "warm_up_seconds": 60}),
            4,
        ),
    ] {
        for is_keyed in [false, true] {
            let mut config = config.clone();
            config["keyed"] = json!(is_keyed);
            let engine = engine("limiters", config);
            let limiter = engine.find_limiter("g").expect("a limiter");
            let key = is_keyed.then_some(&b"k"[..]);
            for _ in 0..CALLS {
                assert_eq!(engine.check(limiter, key, 1, None), Ok(Verdict::Admitted));
            }
            let admitted = told(&engine, "limiters", "admitted");
            let would = told(&engine, "limiters", "shadow_denied");
            assert_eq!((admitted, would), (limit, CALLS - limit));
            assert_eq!(told(&engine, "limiters", "denied"), 0);
        }
    }
}

#[test]
fn a_full_table_of_keys_lets_all_pass() {
    let engine = engine(
        "limiters",
        json!({"preset": "strict", "keyed": true, "max_keys": 1, "when_full": "deny"}),
    );
    let limiter = engine.find_limiter("g").expect("a limiter");
    for number in 0..CALLS {
        let key = number.to_le_bytes();
        assert_eq!(
            engine.check(limiter, Some(&key), 1, None),
            Ok(Verdict::Admitted)
        );
    }
    let would = told(&engine, "limiters", "shadow_denied");
    assert!(would > 0 && would + told(&engine, "limiters", "admitted") == CALLS);
}

#[test]
fn bulkheads_let_all_in() {
    for (config, key) in [
        (json!({"max_concurrent": 7}), None),
        (json!({"max_concurrent": 7, "keyed": true}), Some(&b"k"[..])),
        (
            json!({"adaptive": {"algorithm": "vegas", "initial": 7, "max": 7}}),
            None,
        ),
    ] {
        let engine = engine("bulkheads", config);
        let bulkhead = engine.find_bulkhead("g").expect("a bulkhead");
        let permits: Vec<u64> = (0..CALLS)
            .map(|_| {
                engine
                    .enter_bulkhead(bulkhead, key)
                    .expect("asked")
                    .expect("inside")
            })
            .collect();
        for permit in permits {
            let success = Outcome::Success;
            engine
                .leave_bulkhead_with(bulkhead, permit, success, 0.1)
                .expect("left");
        }
        assert_eq!(told(&engine, "bulkheads", "entered"), CALLS);
        assert_eq!(told(&engine, "bulkheads", "shadowed"), CALLS - 7);
        assert_eq!(told(&engine, "bulkheads", "denied"), 0);
        assert_eq!(told(&engine, "bulkheads", "in_use"), 0);
        let (events, _) = engine.events(0, 100);
        assert_eq!(events.len(), 1, "it is told as a denial that passed");
    }
}

#[test]
fn a_breaker_lets_all_through() {
    let engine = engine(
        "breakers",
        json!({"minimum_calls": 4, "half_open_calls": 1}),
    );
    let breaker = engine.find_breaker("g").expect("a breaker");
    let call = || engine.acquire(breaker).expect("asked").expect("it passes");
    for _ in 0..4 {
        engine
            .report(breaker, call(), Outcome::Failure, 0.1)
            .expect("reported");
    }
    assert_eq!(engine.breaker_phase(breaker), Ok(BreakerPhase::Open));
    for _ in 0..CALLS {
        engine
            .report(breaker, call(), Outcome::Success, 0.1)
            .expect("reported");
    }
    assert_eq!(engine.breaker_phase(breaker), Ok(BreakerPhase::Open));
    engine
        .set_breaker(breaker, BreakerPhase::ForcedOpen)
        .expect("forced");
    call();
    let reading = engine.read_breaker(breaker).expect("read");
    assert_eq!(
        (reading.totals.shadowed, reading.totals.not_permitted),
        (CALLS + 1, 0)
    );
}

#[test]
fn a_throttle_sheds_nothing() {
    let engine = engine("throttles", json!({"seed": 1}));
    let throttle = engine.find_throttle("g").expect("a throttle");
    for _ in 0..CALLS {
        assert_eq!(engine.acquire_throttle(throttle), Ok(Verdict::Admitted));
        let failure = Outcome::Failure;
        engine.report_throttle(throttle, failure).expect("reported");
    }
    assert!(told(&engine, "throttles", "shadowed") > CALLS / 2);
    assert_eq!(told(&engine, "throttles", "admitted"), CALLS);
    assert_eq!(told(&engine, "throttles", "denied"), 0);
}

#[test]
fn a_retry_gives_up_nothing() {
    let config =
        json!({"max_attempts": 2, "budget_ratio": 0.1, "budget_minimum": 3, "deadline_seconds": 9});
    let engine = engine("retries", config);
    let retry = engine.find_retry("g").expect("a retry");
    for _ in 0..CALLS {
        // Over the budget from the fourth on; then too late; then too often.
        for (number, elapsed_ns) in [(2, 0), (2, u64::MAX), (3, 0)] {
            let attempt = Attempt {
                number,
                elapsed_ns,
                ..Attempt::default()
            };
            let wait = engine.next_attempt(retry, attempt).expect("asked");
            assert!(wait.is_some());
        }
    }
    assert_eq!(told(&engine, "retries", "retries"), 3 * CALLS);
    assert_eq!(told(&engine, "retries", "shadowed"), 3 * CALLS - 3);
    for field in ["over_budget", "too_late", "exhausted"] {
        assert_eq!(told(&engine, "retries", field), 0);
    }
}

#[test]
fn a_chain_refuses_nothing_whoever_would() {
    let document = json!({"clock": "manual",
        "retries": {"r": {"max_attempts": 1}},
        "bulkheads": {"b": {"max_concurrent": 1}},
        "limiters": {"l": {"preset": "auth"}},
        "guards": {"g": {"retry": "r", "bulkhead": "b", "limiter": "l", "shadow": true}}});
    let engine = Engine::open(&document.to_string()).expect("an engine");
    let guard = engine.find_guard("g").expect("a chain");
    let ask = |attempt| {
        let request = Request {
            key: None,
            cost: 1,
            attempt,
        };
        engine.acquire_guard(guard, request).expect("asked")
    };
    let (mut all, mut by) = (Vec::new(), Vec::new());
    for attempt in [1, 2, 1, 1, 1, 1, 1] {
        match ask(attempt) {
            Answer::Admitted(permit) => all.push(permit),
            Answer::Shadowed {
                permit, by: part, ..
            } => {
                all.push(permit);
                by.push(part.name());
            }
            Answer::Refused { .. } => panic!("refused"),
        }
        // All but the first two leave at once.
        if all.len() > 2 {
            let last = all.pop().expect("just pushed");
            engine
                .report_guard(guard, last, Outcome::Success, 0.1)
                .expect("reported");
        }
    }
    assert_eq!(
        by,
        [
            "retry", "bulkhead", "bulkhead", "bulkhead", "bulkhead", "bulkhead"
        ]
    );
    for permit in all {
        engine
            .report_guard(guard, permit, Outcome::Failure, 0.1)
            .expect("reported");
    }
    assert!(matches!(ask(1), Answer::Shadowed { by, .. } if by.name() == "limiter"));
    let chain = &engine.snapshot().guards[0];
    assert_eq!((chain.admitted, chain.refused), (8, [0; 5]));
    assert_eq!(chain.shadowed, [1, 5, 0, 0, 1]);
}
