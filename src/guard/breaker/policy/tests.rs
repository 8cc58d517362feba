use super::*;

fn parse(text: &str) -> Result<BreakerPolicy> {
    let value = serde_json::from_str(text).expect("JSON");
    BreakerPolicy::parse("breakers.it", &value)
}

#[test]
fn a_policy_spelled_out_reads_as_the_same() {
    for text in [
        "{}",
        r#"{"consecutive_failures": 5}"#,
        r#"{"consecutive_failures": 5, "failure_rate": 0.07}"#,
        r#"{"slow_call_seconds": 2, "slow_call_rate": 0.8, "window": {"calls": 100}}"#,
        r#"{"window": {"seconds": 0.35}, "open_seconds": 0.1, "open_growth": 1.5}"#,
        r#"{"open_seconds": 400, "open_jitter": 0.1, "ramp_seconds": 7.25}"#,
        r#"{"half_open_calls": 9, "half_open_successes": 4, "initial": "disabled"}"#,
        r#"{"permit_timeout_seconds": 0.000001, "shadow": true, "minimum_calls": 1}"#,
    ] {
        let policy = parse(text).expect(text);
        let again = BreakerPolicy::parse("breakers.it", &policy.to_document());
        assert_eq!(again, Ok(policy), "{text}");
    }
}

#[test]
fn defaults_are_as_documented() {
    let policy = parse("{}").expect("defaults");
    assert_eq!(policy.failure_rate, Some(0.5));
    assert_eq!(policy.minimum_calls, 20);
    assert_eq!(policy.window, BreakerWindow::Time(10_000_000_000));
    assert_eq!(policy.times.open_ns, 30_000_000_000);
    assert_eq!((policy.times.growth, policy.times.jitter), (1.0, 0.0));
    assert_eq!((policy.half_open_calls, policy.half_open_successes), (3, 3));
    assert_eq!(policy.permit_timeout_ns, 60_000_000_000);
    assert_eq!(
        parse(r#"{"window":{"calls":7}}"#)
            .expect("calls")
            .minimum_calls,
        7
    );
    assert_eq!(
        parse(r#"{"consecutive_failures":7}"#)
            .expect("a row")
            .failure_rate,
        None
    );
}

#[test]
fn rates_are_those_of_their_decimals() {
    for (text, exactly) in [
        ("0.07", 70_000_000),
        ("0.29", 290_000_000),
        ("0.5", 500_000_000),
        ("1", 1_000_000_000),
        ("1e-9", 1),
        ("0.3333333333333333", 333_333_333),
    ] {
        let policy = parse(&format!(r#"{{"failure_rate": {text}}}"#)).expect(text);
        assert_eq!(policy.thresholds().failure_parts, exactly, "{text}");
    }
}
