use super::*;
use serde_json::json;

fn plan(checks: Value) -> Result<Plan> {
    Plan::parse(&json!({ "checks": [checks] }))
}

#[test]
fn the_document_of_the_contract_is_read() {
    let found = plan(json!({
        "operation": "db.query",
        "p95_seconds": {"warn": 0.1, "fail": 0.5},
        "error_rate": {"warn": 0.01, "fail": 0.05}
    }))
    .unwrap();
    let check = &found.checks[0];
    assert_eq!(check.name, "db.query");
    assert_eq!(check.subject, Subject::Operation("db.query".into(), None));
    assert_eq!(
        check.measures,
        [
            (
                Measure::Quantile(0.95),
                Threshold {
                    warn: Some(0.1),
                    fail: Some(0.5),
                    below: false,
                    minimum_samples: Some(10)
                }
            ),
            (
                Measure::ErrorRate,
                Threshold {
                    warn: Some(0.01),
                    fail: Some(0.05),
                    below: false,
                    minimum_samples: Some(10)
                }
            ),
        ]
    );
}

#[test]
fn what_is_read_can_be_published_and_read_again() {
    let found = plan(json!({"workers": true, "died": {"warn": 0}})).unwrap();
    assert_eq!(Plan::parse_text(&found.text).unwrap(), found);
}

#[test]
fn the_direction_follows_the_measurement_or_the_order() {
    for (check, below) in [
        (
            json!({"operation": "x", "success_ratio": {"warn": 0.9}}),
            true,
        ),
        (
            json!({"operation": "x", "error_rate": {"warn": 0.9}}),
            false,
        ),
        (json!({"gauge": "x", "value": {"warn": 0.9}}), false),
        (json!({"gauge": "x", "value": {"warn": 9, "fail": 3}}), true),
        (
            json!({"gauge": "x", "value": {"warn": 3, "fail": 9}}),
            false,
        ),
        (
            json!({"gauge": "x", "value": {"warn": 9, "when": "below"}}),
            true,
        ),
        (json!({"ratio": "x", "preset": "cache"}), true),
    ] {
        assert_eq!(
            plan(check.clone()).unwrap().checks[0].measures[0].1.below,
            below,
            "{check}"
        );
    }
}

#[test]
fn http_statuses_have_presets() {
    let http = |value: Value| Plan::parse(&json!({ "http_status": value })).map(|plan| plan.http);
    assert_eq!(http(json!("default")).unwrap(), [200, 200, 503]);
    assert_eq!(http(json!("strict")).unwrap(), [200, 503, 500]);
    assert_eq!(http(json!({"degraded": 429})).unwrap(), [200, 429, 503]);
    assert!(http(json!({"degraded": 99})).is_err());
    assert!(http(json!({"degraded": 600})).is_err());
    assert!(http(json!("lenient")).is_err());
}

#[test]
fn what_is_wrong_is_named() {
    for (check, sentence) in [
        (json!(3), "health.checks[0]: expected an object, found 3"),
        (
            json!({"value": {}}),
            "health.checks[0]: exactly one of operation, histogram",
        ),
        (
            json!({"gauge": "x", "limiter": "y", "value": {"warn": 1}}),
            "health.checks[0]: exactly one of",
        ),
        (
            json!({"gauge": "x"}),
            "health.checks[0]: nothing is measured",
        ),
        (
            json!({"gauge": "9"}),
            "health.checks[0].gauge: the check's name",
        ),
        (
            json!({"gauge": "x", "p95": {"warn": 1}}),
            "health.checks[0].p95: unknown field; known: name, labels, preset, value",
        ),
        (
            json!({"gauge": "x", "value": {}}),
            "health.checks[0].value: neither warn nor fail is given",
        ),
        (
            json!({"gauge": "x", "value": {"warn": "1"}}),
            "health.checks[0].value.warn: expected a number, found \"1\"",
        ),
        (
            json!({"operation": "x", "p95": {"warn": 2, "fail": 1}}),
            "health.checks[0].p95: what is above is bad here, so fail must be at least warn",
        ),
        (
            json!({"operation": "x", "success_ratio": {"warn": 0.9, "fail": 0.95}}),
            "health.checks[0].success_ratio: what is below is bad here, so fail must be at most warn",
        ),
        (
            json!({"operation": "x", "preset": "cache"}),
            "health.checks[0].preset: hit_rate cannot be measured here",
        ),
        (
            json!({"operation": "x", "preset": "fast"}),
            "health.checks[0].preset: expected one of query",
        ),
        (
            json!({"workers": 1, "died": {"warn": 1}}),
            "health.checks[0].workers: expected true, found 1",
        ),
        (
            json!({"limiter": "x", "labels": {}, "saturation": {"warn": 1}}),
            "health.checks[0].labels: a limiter has none",
        ),
        (
            json!({"gauge": "x", "labels": {"a": 1}, "value": {"warn": 1}}),
            "health.checks[0].labels.a: expected a string, found 1",
        ),
        (
            json!({"gauge": "x", "when_stale": "fail", "value": {"warn": 1}}),
            "health.checks[0].when_stale: expected nothing",
        ),
        (
            json!({"reported": "x", "when_stale": "pass"}),
            "health.checks[0].when_stale: expected \"unknown\"",
        ),
        (
            json!({"breaker": "x", "state": {"fail": "closed"}}),
            "health.checks[0].state.fail: expected \"half_open\" or \"open\"",
        ),
        (
            json!({"gauge": "x", "value": {"warn": 1, "minimum_samples": -1}}),
            "health.checks[0].value.minimum_samples: expected a whole number, found -1",
        ),
    ] {
        let error = plan(check.clone()).unwrap_err();
        assert!(error.message().starts_with(sentence), "{check}: {error}");
    }
    let error = Plan::parse(&json!({"checks": {}})).unwrap_err();
    assert!(
        error
            .message()
            .starts_with("health.checks: expected a list")
    );
    let error = Plan::parse(&json!({"heartbeat_seconds": 0})).unwrap_err();
    assert!(
        error
            .message()
            .starts_with("health.heartbeat_seconds: expected a number above 0")
    );
}
