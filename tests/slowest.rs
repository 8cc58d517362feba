//! The slowest calls, the slowest operations and the log of distinct errors, against plain lists.

use proptest::prelude::*;
use std::collections::BTreeMap;
use tidegate::base::error::Kind as ErrorKind;
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Details, Engine, OperationId};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{Over, SlowBy, SlowCall, Snapshot};

const SECOND: u64 = 1_000_000_000;
const SLOT: u64 = 10 * SECOND;
const KEPT: usize = 16;

fn manual() -> Engine {
    Engine::open(r#"{"clock": "manual"}"#).expect("an engine")
}

fn open(engine: &Engine, name: &str) -> OperationId {
    let options = MetricOptions::parse("{}", Kind::Operation).expect("options");
    engine.operation(name, &options).expect("an operation")
}

fn seconds(calls: &[SlowCall]) -> Vec<f64> {
    calls.iter().map(|call| call.seconds).collect()
}

/// The longest of all, the longest first.
fn longest(calls: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = calls.collect();
    all.sort_by(|one, other| other.total_cmp(one));
    all.truncate(KEPT);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_slowest_calls_are_those_of_the_sorted_list(
        calls in prop::collection::vec((0..4 * SECOND, 0.001..100.0f64), 1..300),
    ) {
        let engine = manual();
        let operation = open(&engine, "job");
        let mut now = 0;
        let mut model = Vec::new();
        for (wait, seconds) in calls {
            engine.advance_clock(wait).unwrap();
            now += wait;
            engine.record_operation(operation, seconds, Outcome::Success, None).unwrap();
            model.push((now, seconds));
        }
        let found = engine.snapshot().slowest;
        prop_assert_eq!(seconds(&found.lifetime), longest(model.iter().map(|call| call.1)));
        let first = (now / SLOT + 1).saturating_sub(6);
        let window = model.iter().filter(|call| call.0 / SLOT >= first).map(|call| call.1);
        prop_assert_eq!(seconds(&found.window), longest(window));
    }

    #[test]
    fn the_log_counts_distinct_errors_as_a_map_would(
        reports in prop::collection::vec((0..6usize, 0..4usize, 0..3 * SECOND), 1..200),
    ) {
        let engine = manual();
        let mut now = 0;
        let mut model = BTreeMap::<(String, String), (u64, u64, u64)>::new();
        for (code, text, wait) in reports {
            engine.advance_clock(wait).unwrap();
            now += wait;
            let (code, text) = (format!("E{code}"), "x".repeat(text));
            engine.report_error(&code, &text).unwrap();
            let known = model.entry((code, text)).or_insert((0, now, now));
            (known.0, known.2) = (known.0 + 1, now);
        }
        let log = engine.snapshot().errors;
        prop_assert_eq!((log.errors.len(), log.beyond), (model.len(), 0));
        prop_assert!(log.errors.windows(2).all(|two| two[0].last_wall_ns >= two[1].last_wall_ns));
        for error in log.errors {
            let (count, first, last) = model[&(error.code, error.text)];
            prop_assert_eq!(error.count, count);
            prop_assert_eq!(error.last_wall_ns - error.first_wall_ns, last - first);
            prop_assert_eq!(error.pid, std::process::id());
        }
    }
}

#[test]
fn a_slow_call_is_kept_with_what_is_known_of_it() {
    let engine = manual();
    let options = MetricOptions::parse(r#"{"labels": {"table": "a"}}"#, Kind::Operation).unwrap();
    let operation = engine.operation("db.query", &options).unwrap();
    engine.advance_clock(3 * SECOND).unwrap();
    let details = Details {
        error_code: Some("timeout"),
        message: Some("no answer"),
        detail: Some("select \"é\"\n\u{202e}"),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
    };
    engine
        .record_operation_with(operation, 1.5, Outcome::Failure, &details)
        .unwrap();
    let long = "é".repeat(1000);
    let details = Details {
        detail: Some(&long),
        trace_id: Some(&long),
        ..Details::default()
    };
    engine
        .record_operation_with(operation, 0.5, Outcome::Success, &details)
        .unwrap();
    let snapshot = engine.snapshot();
    let [slow, fast] = &snapshot.slowest.window[..] else {
        panic!("two calls");
    };
    assert_eq!(slow.operation, "db.query");
    assert_eq!(slow.labels, [("table".to_owned(), "a".to_owned())]);
    assert_eq!((slow.seconds, slow.outcome), (1.5, Outcome::Failure));
    assert_eq!(slow.detail, "select \"é\"\n\u{202e}");
    assert_eq!(slow.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(slow.wall_ns, snapshot.taken_wall_ns);
    assert_eq!(slow.pid, std::process::id());
    assert_eq!((fast.detail.len(), fast.trace_id.len()), (128, 64));
    assert_eq!(snapshot.slowest.lifetime, snapshot.slowest.window);
    let exemplars = &snapshot.families[0].series[0].exemplars;
    assert_eq!(exemplars.len(), 2);
    assert_eq!(exemplars[1].trace_id, slow.trace_id);
}

#[test]
fn threads_that_race_for_the_list_leave_the_slowest_in_it() {
    let engine = manual();
    let operation = open(&engine, "job");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                for call in 0..5000 {
                    let seconds = f64::from(call * 4 + thread + 1) / 1e3;
                    engine
                        .record_operation(operation, seconds, Outcome::Success, None)
                        .unwrap();
                }
            });
        }
    });
    // A call can be lost only to somebody who is writing a longer one at the same place.
    let found = engine.snapshot().slowest;
    assert_eq!(found.lifetime.len(), KEPT);
    for calls in [&found.window, &found.lifetime] {
        assert!(calls[0].seconds > 19.9, "{:?}", seconds(calls));
        let mut distinct = seconds(calls);
        distinct.dedup();
        assert_eq!(distinct.len(), calls.len(), "no call is there twice");
    }
}

#[test]
fn the_slowest_operations_are_ordered_by_average_and_by_p95() {
    let engine = manual();
    for (name, calls) in [
        ("steady", &[0.5; 20][..]),
        ("spiky", &[0.01, 0.01, 0.01, 0.01, 1.9]),
        ("fast", &[0.001; 3]),
        ("idle", &[]),
    ] {
        let operation = open(&engine, name);
        for seconds in calls {
            engine
                .record_operation(operation, *seconds, Outcome::Success, None)
                .unwrap();
        }
    }
    let snapshot = engine.snapshot();
    fn names(snapshot: &Snapshot, by: SlowBy, over: Over, most: usize) -> Vec<&str> {
        let found = snapshot.slowest_operations(by, over, most).into_iter();
        found.map(|(family, _, _)| family.name.as_str()).collect()
    }
    for over in [Over::Window, Over::Lifetime] {
        let found = |by, most| names(&snapshot, by, over, most);
        assert_eq!(found(SlowBy::Average, 10), ["steady", "spiky", "fast"]);
        assert_eq!(found(SlowBy::P95, 10), ["spiky", "steady", "fast"]);
        assert_eq!(found(SlowBy::P95, 1), ["spiky"]);
    }
    engine.advance_clock(7 * SLOT).unwrap();
    let fast = engine.operation("fast", &Default::default()).unwrap();
    engine
        .record_operation(fast, 0.002, Outcome::Success, None)
        .unwrap();
    let later = engine.snapshot();
    assert_eq!(names(&later, SlowBy::P95, Over::Window, 10), ["fast"]);
    let ever = names(&later, SlowBy::P95, Over::Lifetime, 10);
    assert_eq!(ever, ["spiky", "steady", "fast"]);
    engine.advance_clock(7 * SLOT).unwrap();
    let later = engine.snapshot();
    assert!(names(&later, SlowBy::P95, Over::Window, 10).is_empty());
    assert!(later.slowest.window.is_empty());
    assert_eq!(later.slowest.lifetime.len(), KEPT);
}

#[test]
fn errors_beyond_the_bound_are_counted() {
    let engine = manual();
    for number in 0..1000 {
        engine
            .report_error("E", &format!("request {number}"))
            .unwrap();
    }
    let hostile = "\"} 1\n\\ \u{202e}".repeat(100);
    engine.report_error(&hostile, &hostile).unwrap();
    let log = engine.snapshot().errors;
    assert_eq!(log.errors.len(), 128);
    let known: u64 = log.errors.iter().map(|error| error.count).sum();
    assert_eq!(known + log.beyond, 1001);
    let refused = engine.report_error("", "x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Argument);
}
