use super::*;
use serde_json::json;

fn parse(policy: Value) -> Result<LimiterPolicy> {
    LimiterPolicy::parse("limiters.api", &policy)
}

#[test]
fn presets_are_strict_sliding_windows() {
    for (name, limit, seconds) in PRESETS {
        let policy = parse(json!({"preset": name, "keyed": true, "max_keys": 7})).unwrap();
        assert_eq!(
            policy.algorithm,
            Algorithm::sliding_window(limit, seconds).unwrap()
        );
        let keyed = Keyed {
            max_keys: 7,
            when_full: WhenFull::Deny,
        };
        assert_eq!(policy.keyed, Some(keyed));
    }
}

#[test]
fn defaults_are_those_of_the_algorithm() {
    let bucket = json!({"algorithm": "token_bucket", "rate_per_second": 100, "burst": 200.0,
                        "keyed": true, "when_full": "evict"});
    let keyed = Keyed {
        max_keys: 100_000,
        when_full: WhenFull::Evict,
    };
    let policy = parse(bucket).unwrap();
    assert_eq!((policy.keyed, policy.algorithm.units()), (Some(keyed), 200));
    let window = json!({"algorithm": "sliding_window", "limit": 60, "window_seconds": 0.1,
                        "keyed": true});
    let policy = parse(window).unwrap();
    assert_eq!(policy.keyed.map(|keyed| keyed.max_keys), Some(10_000));
    let Algorithm::SlidingWindow { window, .. } = policy.algorithm else {
        panic!("a window")
    };
    assert_eq!(window.window_ns, 100_000_000);
    assert_eq!(
        parse(json!({"preset": "auth", "keyed": false}))
            .unwrap()
            .keyed,
        None
    );
}

#[test]
fn every_mistake_names_the_field_and_what_was_expected() {
    let bucket = |name: &str, value: Value| {
        let mut policy = json!({"algorithm": "token_bucket", "rate_per_second": 1, "burst": 1});
        policy[name] = value;
        policy
    };
    let window = |name: &str, value: Value| {
        let mut policy = json!({"algorithm": "sliding_window", "limit": 1, "window_seconds": 1});
        policy[name] = value;
        policy
    };
    for (policy, wanted) in [
        (json!(3), "limiters.api: expected an object, found 3"),
        (
            json!({}),
            "limiters.api.algorithm: expected \"token_bucket\",",
        ),
        (json!({"algorithm": "leaky"}), "found \"leaky\""),
        (
            json!({"preset": "none"}),
            "limiters.api.preset: expected one of \"strict\",",
        ),
        (
            json!({"preset": "api", "burst": 3}),
            "limiters.api.burst: unknown field; expected one",
        ),
        (
            json!({"preset": "api", "algorithm": "token_bucket"}),
            "limiters.api.algorithm: unknown",
        ),
        (
            bucket("limit", json!(3)),
            "limiters.api.limit: unknown field",
        ),
        (
            bucket("burst", json!(-3)),
            "limiters.api.burst: expected a whole number from 1 to 9007199254740992, found -3",
        ),
        (bucket("burst", json!(0)), "found 0"),
        (bucket("burst", json!(1.5)), "found 1.5"),
        (bucket("burst", json!("9")), "found \"9\""),
        (bucket("burst", Value::Null), "found null"),
        (
            bucket("burst", json!(1u64 << 63)),
            "found 9223372036854775808",
        ),
        (
            bucket("burst", json!(1u64 << 53)),
            "limiters.api.rate_per_second: expected a rate that",
        ),
        (
            bucket("rate_per_second", json!(0)),
            "expected a number from 0.0000000001 to 1000000000, found 0",
        ),
        (bucket("rate_per_second", json!("fast")), "found \"fast\""),
        (
            bucket("keyed", json!(1)),
            "limiters.api.keyed: expected true or false, found 1",
        ),
        (
            bucket("max_keys", json!(5)),
            "limiters.api.max_keys: expected only together with",
        ),
        (
            window("limit", json!(0)),
            "limiters.api.limit: expected a whole number from 1",
        ),
        (
            window("window_seconds", json!(0)),
            "limiters.api.window_seconds: expected a number",
        ),
        (window("window_seconds", json!(1e99)), "found 1e"),
        (
            window("windows", json!(1)),
            "limiters.api.windows: unknown field",
        ),
        (
            json!({"preset": "api", "keyed": true, "max_keys": 0}),
            "limiters.api.max_keys: expected a whole number from 1 to 4294967296, found 0",
        ),
        (
            json!({"preset": "api", "keyed": true, "when_full": "panic"}),
            "limiters.api.when_full: expected one of \"deny\", \"allow\", \"evict\", found \"panic\"",
        ),
        (json!({"preset": "x".repeat(500)}), "xxx..."),
    ] {
        let error = parse(policy.clone()).unwrap_err();
        assert!(error.message().contains(wanted), "{policy}: {error}");
        assert_eq!(error.kind(), crate::base::error::Kind::Config);
    }
}
