use super::*;
use serde_json::json;

fn parse(value: Value) -> Result<ObjectivePolicy> {
    ObjectivePolicy::parse("objectives[0]", &value)
}

#[test]
fn the_documents_of_the_contract_are_read() {
    let found = parse(
        json!({"name": "api-availability", "operation": "http.request",
        "success_ratio": 0.995, "period_days": 30}),
    )
    .unwrap();
    assert_eq!(found.goal, Goal::Success);
    assert_eq!(found.target, 0.995);
    assert_eq!(found.period_seconds(), 2_592_000);
    assert_eq!(found.alerts, WORKBOOK);
    assert_eq!(ObjectivePolicy::parse_text(&found.text).unwrap(), found);
    let found = parse(json!({"name": "api-latency", "operation": "http.request",
        "latency_seconds": 0.2, "ratio": 0.95, "period_days": 30}))
    .unwrap();
    assert_eq!((found.goal, found.target), (Goal::Latency(0.2), 0.95));
}

#[test]
fn presets_can_be_changed_in_part() {
    let found = parse(json!({"name": "x", "operation": "list", "preset": "list"})).unwrap();
    assert_eq!((found.goal, found.target), (Goal::Latency(0.2), 0.95));
    let found =
        parse(json!({"name": "x", "operation": "list", "ratio": 0.99, "preset": "list"})).unwrap();
    assert_eq!((found.goal, found.target), (Goal::Latency(0.2), 0.99));
    for name in PRESETS.split(", ") {
        parse(json!({"name": "x", "operation": "y", "preset": name})).unwrap();
    }
}

#[test]
fn an_alert_that_can_never_fire_is_refused() {
    let with = |ratio: f64| parse(json!({"name": "x", "operation": "y", "success_ratio": ratio}));
    assert!(with(0.9306).is_ok());
    let error = with(0.93).unwrap_err();
    assert!(
        error
            .message()
            .contains("a burn rate of 14.4 needs 100.8 % bad events")
            && error.message().contains("must be above 0.9306"),
        "{error}"
    );
    let slow = json!([{"long_seconds": 3600, "short_seconds": 300, "burn_rate": 1.9}]);
    assert!(
        parse(json!({"name": "x", "operation": "y", "success_ratio": 0.5, "alerts": slow})).is_ok()
    );
    assert!(
        parse(json!({"name": "x", "operation": "y", "success_ratio": 0.5, "alerts": []})).is_ok()
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (value, sentence) in [
        (json!([]), "objectives[0]: expected an object"),
        (json!({}), "objectives[0]: name is missing"),
        (
            json!({"name": "x"}),
            "objectives[0]: operation or histogram is missing",
        ),
        (
            json!({"name": "x", "operation": "y"}),
            "objectives[0]: success_ratio or latency_seconds is missing",
        ),
        (
            json!({"name": "x", "operation": "y", "latency_seconds": 1}),
            "objectives[0]: ratio is missing",
        ),
        (
            json!({"name": "x", "operation": "y", "histogram": "z"}),
            "objectives[0]: an objective is of an operation or",
        ),
        (
            json!({"name": "x", "histogram": "y", "success_ratio": 0.99}),
            "objectives[0].histogram: a histogram knows no success",
        ),
        (
            json!({"name": "x", "operation": "y", "success_ratio": 1}),
            "objectives[0].success_ratio: expected a number between 0 and 1",
        ),
        (
            json!({"name": "x", "operation": "y", "success_ratio": 0}),
            "objectives[0].success_ratio: expected",
        ),
        (
            json!({"name": "x", "operation": "y", "success_ratio": 0.9, "ratio": 0.9}),
            "objectives[0].success_ratio: goes without",
        ),
        (
            json!({"name": "x", "operation": "y", "latency_seconds": 0, "ratio": 0.9}),
            "objectives[0].latency_seconds: expected a number above 0",
        ),
        (
            json!({"name": "x", "operation": "y", "preset": "z"}),
            "objectives[0].preset: expected one of list",
        ),
        (
            json!({"name": "x", "operation": "y", "target": 1}),
            "objectives[0].target: unknown field; known: name",
        ),
        (
            json!({"name": "9", "operation": "y"}),
            "objectives[0].name: the objective's name",
        ),
        (
            json!({"name": "x", "operation": "y", "period_days": 0.5}),
            "objectives[0].period_days: expected a number from 1",
        ),
        (
            json!({"name": "x", "operation": "y", "alerts": [1]}),
            "objectives[0].alerts[0]: expected an object",
        ),
        (
            json!({"name": "x", "operation": "y", "alerts": [{}]}),
            "objectives[0].alerts[0]: burn_rate is missing",
        ),
        (
            json!({"name": "x", "operation": "y", "alerts": [{"burn_rate": 2, "long_seconds": 60, "short_seconds": 61}]}),
            "objectives[0].alerts[0]: short_seconds is 61",
        ),
        (
            json!({"name": "x", "operation": "y", "alerts": [{"burn_rate": 2, "long_seconds": 259201}]}),
            "objectives[0].alerts[0].long_seconds: expected a whole number up to 259200",
        ),
    ] {
        let error = parse(value.clone()).unwrap_err();
        assert!(error.message().starts_with(sentence), "{value}: {error}");
    }
    let twice = json!([{"name": "x", "operation": "y", "preset": "list"}, {"name": "x", "operation": "z", "preset": "list"}]);
    let error = ObjectivePolicy::parse_all(&twice).unwrap_err();
    assert!(
        error
            .message()
            .starts_with("objectives[1].name: there are two")
    );
}
