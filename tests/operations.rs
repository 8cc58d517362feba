//! Operations against a slow and obvious model, on a clock that the test moves.

use proptest::prelude::*;
use tidegate::base::error::Kind as ErrorKind;
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Details, Engine, OperationId};
use tidegate::export::{Format, render};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{Calls, OperationReading, Value};

const SECOND: u64 = 1_000_000_000;
const SLOT: u64 = 10 * SECOND;

fn engine(config: &str) -> Engine {
    Engine::open(config).expect("an engine")
}

fn manual() -> Engine {
    engine(r#"{"clock": "manual"}"#)
}

fn options(text: &str) -> MetricOptions {
    MetricOptions::parse(text, Kind::Operation).expect("options")
}

fn open(engine: &Engine, name: &str, text: &str) -> OperationId {
    engine
        .operation(name, &options(text))
        .expect("an operation")
}

fn read(engine: &Engine, operation: OperationId) -> OperationReading {
    engine.read_operation(operation, 0.0).expect("a reading")
}

/// One call of a model.
#[derive(Clone, Debug)]
struct Call {
    at: u64,
    seconds: f64,
    outcome: Outcome,
}

fn check(found: &Calls, model: &[&Call], slow_seconds: f64) {
    let count = |wanted: fn(&Call) -> bool| model.iter().filter(|call| wanted(call)).count() as u64;
    let failures = count(|call| call.outcome == Outcome::Failure);
    let successes = count(|call| call.outcome == Outcome::Success);
    assert_eq!(found.count(), model.len() as u64);
    assert_eq!(found.failures, failures);
    assert_eq!(found.successes, successes);
    assert_eq!(
        found.ignored,
        count(|call| call.outcome == Outcome::Ignored)
    );
    let slow = model.iter().filter(|call| call.seconds > slow_seconds);
    assert_eq!(found.slow, slow.count() as u64);
    let judged = (failures + successes) as f64;
    if judged == 0.0 {
        assert!(found.success_ratio().is_nan() && found.error_rate().is_nan());
    } else {
        assert_eq!(found.success_ratio(), successes as f64 / judged);
        assert_eq!(found.error_rate(), failures as f64 / judged);
    }
    let mut seconds: Vec<f64> = model.iter().map(|call| call.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    if let (Some(first), Some(last)) = (seconds.first(), seconds.last()) {
        let rank = ((0.95 * seconds.len() as f64).ceil() as usize).max(1);
        let exact = seconds[rank - 1];
        assert!((found.quantile(0.95) - exact).abs() <= exact * 0.008);
        assert_eq!((found.latency.min, found.latency.max), (*first, *last));
        let sum: f64 = seconds.iter().sum();
        assert!((found.latency.sum - sum).abs() <= sum * 1e-9);
    }
}

fn call() -> impl Strategy<Value = (u64, f64, usize)> {
    (0..15 * SECOND, 1e-6..10.0f64, 0..3usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_and_windows_are_those_of_the_list_of_all_calls(
        calls in prop::collection::vec(call(), 0..150),
        slots in 1..=6u64,
    ) {
        let engine = manual();
        let operation = open(&engine, "db.query", r#"{"slow_seconds": 5}"#);
        let mut now = 0;
        let mut model: Vec<Call> = Vec::new();
        for (wait, seconds, outcome) in calls {
            engine.advance_clock(wait).unwrap();
            now += wait;
            let outcome = Outcome::ALL[outcome];
            engine.record_operation(operation, seconds, outcome, None).unwrap();
            model.push(Call { at: now, seconds, outcome });
        }
        let found = engine.read_operation(operation, (slots * 10) as f64).unwrap();
        let all: Vec<&Call> = model.iter().collect();
        check(&found.lifetime, &all, 5.0);
        let first = (now / SLOT + 1).saturating_sub(slots);
        let last: Vec<&Call> = model.iter().filter(|call| call.at / SLOT >= first).collect();
        check(&found.window, &last, 5.0);
        prop_assert_eq!(found.window.seconds, (now - first * SLOT) as f64 / 1e9);
        prop_assert_eq!(found.lifetime.seconds, now as f64 / 1e9);
    }

    #[test]
    fn codes_are_counted_as_a_map_would(
        calls in prop::collection::vec((0..12usize, 0..5 * SECOND, any::<bool>()), 1..200),
    ) {
        let engine = manual();
        let operation = open(&engine, "db.query", "{}");
        let start = engine.snapshot().taken_wall_ns;
        let mut now = 0;
        let mut model = std::collections::BTreeMap::<String, (u64, u64, u64)>::new();
        for (code, wait, failed) in &calls {
            engine.advance_clock(*wait).unwrap();
            now += wait;
            let outcome = if *failed { Outcome::Failure } else { Outcome::Ignored };
            let code = format!("E{code}");
            engine.record_operation(operation, 0.1, outcome, Some(&code)).unwrap();
            let known = model.entry(code).or_insert((0, now, now));
            (known.0, known.2) = (known.0 + 1, now);
        }
        let errors = read(&engine, operation).errors;
        prop_assert_eq!(errors.len(), model.len());
        prop_assert!(errors.windows(2).all(|two| two[0].count >= two[1].count));
        for error in errors {
            let (count, first, last) = model[&error.code];
            prop_assert_eq!(error.count, count);
            prop_assert_eq!(error.last_wall_ns - error.first_wall_ns, last - first);
            prop_assert!(error.last_wall_ns + now >= start + last);
        }
    }
}

#[test]
fn codes_beyond_the_bound_are_counted_together() {
    let engine = manual();
    let operation = open(&engine, "job", "{}");
    for code in 0..1000 {
        let code = format!("E{code}");
        engine
            .record_operation(operation, 0.1, Outcome::Failure, Some(&code))
            .unwrap();
    }
    engine
        .record_operation(operation, 0.1, Outcome::Failure, Some("other"))
        .unwrap();
    engine
        .record_operation(operation, 0.1, Outcome::Failure, None)
        .unwrap();
    let found = read(&engine, operation);
    assert_eq!(found.errors.len(), 16 + 1);
    let of = |code: &str| {
        let error = found.errors.iter().find(|error| error.code == code);
        error.map_or(0, |error| error.count)
    };
    assert_eq!((of("other"), of("unknown")), (1001 - 16 + 1, 0));
    let total: u64 = found.errors.iter().map(|error| error.count).sum();
    assert_eq!((total, found.lifetime.failures), (1002, 1002));
}

#[test]
fn a_failure_without_a_code_is_counted_as_unknown() {
    let engine = manual();
    let operation = open(&engine, "job", "{}");
    for outcome in Outcome::ALL {
        for code in [None, Some("")] {
            engine
                .record_operation(operation, 0.1, outcome, code)
                .unwrap();
        }
    }
    let errors = read(&engine, operation).errors;
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].code.as_str(), errors[0].count), ("unknown", 2));
}

#[test]
fn the_last_message_is_kept_with_its_code() {
    let engine = manual();
    let operation = open(&engine, "job", "{}");
    let say = |code, message| {
        let details = Details {
            error_code: Some(code),
            message: Some(message),
            ..Details::default()
        };
        engine
            .record_operation_with(operation, 0.1, Outcome::Failure, &details)
            .unwrap();
    };
    say("a", "first");
    say("a", "second \"quoted\"\n");
    say("b", &"é".repeat(1000));
    let errors = read(&engine, operation).errors;
    assert_eq!(errors[0].message, "second \"quoted\"\n");
    assert_eq!(errors[1].message, "é".repeat(96), "cut between characters");
}

#[test]
fn a_call_that_takes_exactly_the_threshold_is_not_slow() {
    let engine = manual();
    let operation = open(&engine, "job", r#"{"slow_seconds": 0.1}"#);
    for seconds in [0.1, 0.1 + f64::EPSILON, 0.0, -0.0, f64::MAX] {
        engine
            .record_operation(operation, seconds, Outcome::Success, None)
            .unwrap();
    }
    let found = read(&engine, operation);
    assert_eq!((found.lifetime.count(), found.lifetime.slow), (5, 2));
    assert_eq!(found.slow_seconds, Some(0.1));
    let never = open(&engine, "other", "{}");
    engine
        .record_operation(never, f64::MAX, Outcome::Success, None)
        .unwrap();
    let found = read(&engine, never);
    assert_eq!((found.slow_seconds, found.lifetime.slow), (None, 0));
}

#[test]
fn begin_and_end_measure_on_the_regions_clock() {
    let engine = manual();
    let operation = open(&engine, "job", "{}");
    let started = engine.begin_operation(operation).unwrap();
    engine.advance_clock(1_500_000_000).unwrap();
    engine
        .end_operation(operation, started, Outcome::Success, None)
        .unwrap();
    assert_eq!(read(&engine, operation).lifetime.latency.max, 1.5);
    let refused = engine.end_operation(operation, 1 << 60, Outcome::Success, None);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(read(&engine, operation).lifetime.count(), 1);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let engine = manual();
    let operation = open(&engine, "job", "{}");
    for seconds in [f64::NAN, f64::INFINITY, -1.0] {
        let refused = engine.record_operation(operation, seconds, Outcome::Failure, Some("x"));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Argument);
    }
    let refused = engine.record_operation(operation, 1.0, Outcome::Success, Some("x"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Argument);
    engine
        .record_operation(operation, 1.0, Outcome::Success, Some(""))
        .unwrap();
    let found = read(&engine, operation);
    assert_eq!((found.lifetime.count(), found.errors.len()), (1, 0));
    let parse = |text: &str| MetricOptions::parse(text, Kind::Operation).unwrap_err();
    for (text, kind, named) in [
        (r#"{"slow_seconds": -1}"#, ErrorKind::Config, "slow_seconds"),
        (
            r#"{"slow_seconds": "1"}"#,
            ErrorKind::Config,
            "slow_seconds",
        ),
        (r#"{"unit": "bytes"}"#, ErrorKind::Config, "unit"),
        (
            r#"{"labels": {"code": "x"}}"#,
            ErrorKind::Argument,
            "labels.code",
        ),
        (
            r#"{"labels": {"outcome": "x"}}"#,
            ErrorKind::Argument,
            "labels.outcome",
        ),
        (r#"{"slow": 1}"#, ErrorKind::Config, "slow: unknown"),
    ] {
        let error = parse(text);
        assert_eq!(error.kind(), kind, "{text}");
        assert!(error.message().starts_with(named), "{}", error.message());
    }
    let open = |text: &str| engine.operation("slow", &options(text)).map(|_| ());
    open(r#"{"slow_seconds": 1}"#).unwrap();
    open("{}").unwrap();
    assert_eq!(
        open(r#"{"slow_seconds": 2}"#).unwrap_err().kind(),
        ErrorKind::Conflict
    );
    let histogram = engine.histogram("job", &MetricOptions::default());
    assert_eq!(histogram.unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn labels_beyond_the_bound_share_one_operation_and_totals_stay_right() {
    let engine = engine(r#"{"clock": "manual", "metrics": {"max_series": 64}}"#);
    let mut last = None;
    for user in 0..500 {
        let operation = open(
            &engine,
            "req",
            &format!(r#"{{"labels": {{"user": "{user}"}}}}"#),
        );
        engine
            .record_operation(operation, 0.25, Outcome::Failure, Some("denied"))
            .unwrap();
        last = Some(operation);
    }
    assert_eq!(
        open(&engine, "req", r#"{"labels": {"user": "499"}}"#),
        last.unwrap()
    );
    let snapshot = engine.snapshot();
    let (mut calls, mut failures, mut series) = (0, 0, 0);
    for reading in &snapshot.families[0].series {
        let Value::Operation(found) = &reading.value else {
            panic!("an operation");
        };
        calls += found.lifetime.count();
        failures += found.errors.iter().map(|error| error.count).sum::<u64>();
        series += 1;
    }
    assert_eq!((calls, failures), (500, 500));
    assert!(series < 64, "{series}");
    assert!(snapshot.engine.overflowed_opens > 400);
    // A name without labels needs a place of its own; there is none.
    let full = engine.operation("another", &MetricOptions::default());
    assert_eq!(full.unwrap_err().kind(), ErrorKind::Capacity);
}

#[test]
fn an_operation_in_prometheus_is_a_histogram_and_counters() {
    let engine = manual();
    let operation = open(
        &engine,
        "db.query",
        r#"{"labels": {"table": "a\"b"}, "help": "Queries", "slow_seconds": 0.5}"#,
    );
    for (seconds, outcome, code) in [
        (0.25, Outcome::Success, None),
        (0.75, Outcome::Failure, Some("time\"out")),
        (0.25, Outcome::Ignored, None),
    ] {
        engine
            .record_operation(operation, seconds, outcome, code)
            .unwrap();
    }
    let text = render(Format::Prometheus, &engine.snapshot());
    for line in [
        "# TYPE db_query_seconds histogram",
        r#"db_query_seconds_count{table="a\"b"} 3"#,
        "# TYPE db_query_outcomes_total counter",
        r#"db_query_outcomes_total{outcome="success",table="a\"b"} 1"#,
        r#"db_query_outcomes_total{outcome="failure",table="a\"b"} 1"#,
        r#"db_query_outcomes_total{outcome="ignored",table="a\"b"} 1"#,
        r#"db_query_errors_total{code="time\"out",table="a\"b"} 1"#,
        r#"db_query_slow_calls_total{table="a\"b"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
