//! Configurations of guards: whatever is wrong with a field, the error names it. Tables that are full
//! say so, and what is in them goes on.

use serde_json::{Value, json};
use tidegate::base::error::{Error, Kind};
use tidegate::engine::Engine;
use tidegate::guard::Verdict;

/// Section, a guard that is possible, and what else its document may have.
fn kinds() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let shared = [
        "keyed",
        "max_keys",
        "when_full",
        "shadow",
        "allow",
        "deny",
        "plans",
        "record_keys",
    ];
    let limiter = |own: &[&'static str]| [own, &shared].concat();
    vec![
        (
            "limiters",
            json!({"algorithm": "token_bucket", "rate_per_second": 1, "burst": 1, "keyed": true}),
            limiter(&["algorithm", "rate_per_second", "burst", "warm_up_seconds"]),
        ),
        (
            "limiters",
            json!({"algorithm": "sliding_window", "limit": 1, "window_seconds": 1, "keyed": true}),
            limiter(&["algorithm", "limit", "window_seconds"]),
        ),
        (
            "limiters",
            json!({"algorithm": "fixed_window", "limit": 1, "window_seconds": 1, "keyed": true}),
            limiter(&["limit", "window_seconds"]),
        ),
        (
            "limiters",
            json!({"preset": "auth", "keyed": true}),
            limiter(&["preset"]),
        ),
        (
            "breakers",
            json!({"slow_call_seconds": 1}),
            vec![
                "failure_rate",
                "slow_call_seconds",
                "slow_call_rate",
                "consecutive_failures",
                "minimum_calls",
                "window",
                "open_seconds",
                "open_growth",
                "open_max_seconds",
                "open_jitter",
                "half_open_calls",
                "half_open_successes",
                "permit_timeout_seconds",
                "ramp_seconds",
                "initial",
                "shadow",
            ],
        ),
        (
            "bulkheads",
            json!({"max_concurrent": 2, "keyed": true}),
            vec![
                "max_concurrent",
                "adaptive",
                "keyed",
                "max_keys",
                "permit_timeout_seconds",
                "shadow",
            ],
        ),
        (
            "retries",
            json!({"budget_ratio": 0.2}),
            vec![
                "max_attempts",
                "backoff",
                "base_seconds",
                "multiplier",
                "max_seconds",
                "jitter",
                "deadline_seconds",
                "budget_ratio",
                "budget_minimum",
                "seed",
                "shadow",
            ],
        ),
        (
            "throttles",
            json!({}),
            vec![
                "window_seconds",
                "success_threshold",
                "aggression",
                "minimum_rps",
                "max_rejection",
                "seed",
                "shadow",
            ],
        ),
        (
            "guards",
            json!({"breaker": "b"}),
            vec![
                "retry", "bulkhead", "breaker", "throttle", "limiter", "shadow",
            ],
        ),
    ]
}

fn open(section: &str, guard: &Value) -> Result<Engine, Error> {
    Engine::open(&json!({"breakers": {"b": {}}, section: {"g": guard}}).to_string())
}

#[test]
fn whatever_is_wrong_with_a_field_the_error_names_it() {
    let wrong = [
        json!(null),
        json!("wrong"),
        json!([]),
        json!([1]),
        json!({"wrong": 1}),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(true),
    ];
    for (section, good, fields) in kinds() {
        let opened = open(section, &good);
        assert!(
            opened.is_ok() || section == "breakers",
            "{section} {good}: {:?}",
            opened.err()
        );
        for field in fields {
            let mut refused = 0;
            for value in &wrong {
                let mut guard = good.clone();
                guard[field] = value.clone();
                let Err(error) = open(section, &guard) else {
                    continue;
                };
                refused += 1;
                // A name of another guard is well-formed, but there is none.
                assert!(
                    matches!(error.kind(), Kind::Config | Kind::NotFound),
                    "{error}"
                );
                let place = format!("{section}.g.{field}");
                let other = format!("{section}.g.");
                let is_named = error.message().starts_with(&place)
                    // Not possible together: the other field is named, and this one in the sentence.
                    || error.message().starts_with(&other) && error.message().contains(field);
                assert!(is_named, "{place} = {value}: {error}");
                assert!(
                    error.message().contains("expected") || error.kind() == Kind::NotFound,
                    "{error}"
                );
            }
            assert!(refused > 3, "{section}.{field}: only {refused} are refused");
        }
        let mut guard = good.clone();
        guard["colour"] = json!("red");
        let error = open(section, &guard).expect_err("unknown");
        let unknown = format!("{section}.g.colour: unknown field; expected one of ");
        assert!(error.message().starts_with(&unknown), "{error}");
        let error = open(section, &json!(3)).expect_err("no object");
        let mistyped = format!("{section}.g: expected an object, found 3");
        assert_eq!(error.message(), mistyped);
    }
}

#[test]
fn full_tables_say_so_and_what_is_in_them_goes_on() {
    let engine = Engine::open(r#"{"clock": "manual"}"#).expect("an engine");
    let (mut retries, mut last) = (0, None);
    while last.is_none() && retries < 1000 {
        last = engine.open_retry_from(&format!("r{retries}"), "{}").err();
        retries += 1;
    }
    let full = |error: Error, what: &str| {
        assert_eq!(error.kind(), Kind::Capacity, "{error}");
        assert!(error.message().contains(what), "{error}");
    };
    full(last.expect("full"), "all 256");
    full(
        engine.open_breaker_from("b", "{}").expect_err("full"),
        "all 256",
    );
    let bulkhead = engine.open_bulkhead_from("b", r#"{"max_concurrent": 1}"#);
    full(bulkhead.expect_err("full"), "all 256");
    full(
        engine.open_throttle_from("t", "{}").expect_err("full"),
        "all 256",
    );
    let chain = engine.open_guard_from("g", r#"{"retry": "r0"}"#);
    full(chain.expect_err("full"), "all 256");
    assert!(engine.find_breaker("b").is_err());
    let retry = engine.open_retry_from("r0", "{}").expect("it is there");
    assert!(engine.read_retry(retry).is_ok());

    let preset = r#"{"preset": "auth", "keyed": true, "max_keys": 1}"#;
    for number in 0..255 {
        engine
            .open_limiter_from(&format!("l{number}"), preset)
            .expect("room");
    }
    // The limiter fits, its plan does not.
    let planned = r#"{"preset": "auth", "keyed": true, "plans": {"pro": {"preset": "api"}}}"#;
    full(
        engine
            .open_limiter_from("planned", planned)
            .expect_err("full"),
        "256",
    );
    let first = engine.find_limiter("l0").expect("it is there");
    assert_eq!(
        engine.check(first, Some(b"k"), 1, None),
        Ok(Verdict::Admitted)
    );
}
