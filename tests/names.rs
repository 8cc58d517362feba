//! Which names and labels are legal, who they stand for, and what happens when there is no room.

mod common;

#[cfg(unix)]
use common::{Board, TempRegion};
use proptest::prelude::*;
#[cfg(unix)]
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use tidegate::base::error::Kind;
use tidegate::engine::{Counter, Engine};
use tidegate::metrics::{Kind as MetricKind, MetricOptions};
use tidegate::snapshot::{Snapshot, Value};

fn engine() -> Engine {
    Engine::open("").expect("an engine")
}

fn plain() -> MetricOptions {
    MetricOptions::default()
}

fn options(text: &str) -> MetricOptions {
    MetricOptions::parse(text, MetricKind::Counter).expect("options")
}

fn labelled(name: &str, value: &str) -> MetricOptions {
    let labels = serde_json::json!({"labels": {name: value}});
    options(&labels.to_string())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn is_legal(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let inner = |byte: u8| letter(byte) || byte.is_ascii_digit() || b".:/-".contains(&byte);
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 0 { letter(byte) } else { inner(byte) })
}

fn is_legal_label(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .enumerate()
            .all(|(at, byte)| letter(byte) || at > 0 && byte.is_ascii_digit())
        && !name.starts_with("__")
        && name != "le"
        && name != "quantile"
}

#[test]
fn exactly_the_legal_names_open() {
    let engine = Engine::open(r#"{"metrics": {"max_series": 100000}}"#).expect("an engine");
    let name = prop_oneof![
        "[a-zA-Z_][a-zA-Z0-9_.:/-]{0,20}",
        "[ -~]{0,6}",
        "\\PC{0,4}",
        "[a-z.:/0-9 -]{0,5}",
        (250usize..262).prop_map(|length| "n".repeat(length)),
    ];
    proptest!(cases(1500), |(name in name)| {
        match engine.counter(&name, &plain()) {
            Ok(_) => prop_assert!(is_legal(&name), "{:?} opened", name),
            // Two legal names may be one in Prometheus.
            Err(error) if error.kind() == Kind::Conflict => prop_assert!(is_legal(&name)),
            Err(error) => {
                prop_assert_eq!(error.kind(), Kind::Argument);
                prop_assert!(!is_legal(&name), "{:?}: {}", name, error);
            }
        }
        let name = format!("h.{name}");
        match engine.record_metric(name.as_bytes(), 1.0) {
            Ok(()) => prop_assert!(is_legal(&name)),
            Err(error) => prop_assert_eq!(error.kind() == Kind::Conflict, is_legal(&name)),
        }
    });
    assert_eq!(
        engine
            .record_metric(b"\xff\xfe", 1.0)
            .expect_err("bytes")
            .kind(),
        Kind::Argument
    );
    assert_eq!(
        engine.record_metric(b"", 1.0).expect_err("empty").kind(),
        Kind::Argument
    );
}

#[test]
fn exactly_the_legal_labels_open_and_every_value_comes_back() {
    let engine = Engine::open(r#"{"metrics": {"max_series_per_name": 4096}}"#).expect("an engine");
    let name = prop_oneof![
        "[a-zA-Z_][a-zA-Z0-9_]{0,20}",
        "[ -~]{0,4}",
        Just("le".to_owned()),
        Just("quantile".to_owned()),
        "__[a-z]{0,3}",
        (254usize..258).prop_map(|length| "l".repeat(length)),
    ];
    proptest!(cases(400), |(name in name, value in "\\PC{0,12}|[\\x00-\\x1f\"\\\\]{0,4}")| {
        let text = serde_json::json!({"labels": {&name: &value}}).to_string();
        match MetricOptions::parse(&text, MetricKind::Counter) {
            Ok(options) => {
                prop_assert!(is_legal_label(&name), "{:?} was taken", name);
                let opened = engine.counter("c", &options).expect("a series");
                engine.add(opened, 1).expect("added");
                let snapshot = engine.snapshot();
                let wanted = (name, value);
                let found = snapshot.families[0].series.iter().filter(|s| s.labels == [wanted.clone()]);
                prop_assert_eq!(found.count(), 1);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), Kind::Argument);
                prop_assert!(!is_legal_label(&name), "{:?}: {}", name, error);
            }
        }
    });
}

#[test]
fn too_much_of_anything_is_refused_and_the_most_of_it_is_not() {
    let engine = engine();
    let with = |labels: serde_json::Map<String, serde_json::Value>| {
        MetricOptions::parse(
            &serde_json::json!({"labels": labels}).to_string(),
            MetricKind::Counter,
        )
    };
    let many = |count: usize| {
        (0..count)
            .map(|at| (format!("l{at}"), "v".into()))
            .collect()
    };
    let opened = engine.counter("labels", &with(many(64)).expect("64 labels"));
    assert_eq!(
        engine.counter("labels", &with(many(64)).expect("64 labels")),
        opened
    );
    assert_eq!(
        with(many(65)).expect_err("65 labels").kind(),
        Kind::Argument
    );

    let long = |bytes: usize| {
        with(
            [("l".to_owned(), "v".repeat(bytes).into())]
                .into_iter()
                .collect(),
        )
    };
    engine
        .counter("long", &long(16 * 1024).expect("the longest"))
        .expect("a series");
    assert_eq!(
        long(16 * 1024 + 1).expect_err("longer").kind(),
        Kind::Argument
    );

    let help = |bytes: usize| {
        MetricOptions::parse(
            &serde_json::json!({"help": "h".repeat(bytes)}).to_string(),
            MetricKind::Counter,
        )
    };
    engine
        .counter("help", &help(4096).expect("the longest"))
        .expect("a counter");
    assert_eq!(help(4097).expect_err("longer").kind(), Kind::Config);
    let unit = |bytes: usize| {
        MetricOptions::parse(
            &serde_json::json!({"unit": "u".repeat(bytes)}).to_string(),
            MetricKind::Counter,
        )
    };
    engine
        .counter("unit", &unit(63).expect("the longest"))
        .expect("a counter");
    assert_eq!(unit(64).expect_err("longer").kind(), Kind::Config);
    let snapshot = engine.snapshot();
    let names: Vec<_> = snapshot
        .families
        .iter()
        .map(|family| family.name.as_str())
        .collect();
    assert_eq!(names, ["help", "labels", "long", "unit"]);
    assert_eq!(snapshot.families[1].series[0].labels.len(), 64);
    assert_eq!(snapshot.families[2].series[0].labels[0].1.len(), 16 * 1024);
}

#[test]
fn thousands_of_names_are_found_again() {
    let engine = Engine::open(r#"{"metrics": {"max_series": 5000}}"#).expect("an engine");
    let name = |at: usize| format!("name.{at}");
    let ids: Vec<Counter> = (0..5000)
        .map(|at| engine.counter(&name(at), &plain()).expect("a counter"))
        .collect();
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(engine.counter(&name(at), &plain()), Ok(*id));
        engine.add(*id, at as u64).expect("added");
    }
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 5000);
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(engine.count(*id), Ok(at as u64));
    }
    assert_eq!(engine.snapshot().families.len(), 5000);
}

#[test]
#[cfg(unix)]
fn one_name_opened_by_many_processes_at_once_is_one_id() {
    const PROCESSES: usize = 8;
    const NAMES: usize = 300;
    let _alone = common::alone();
    let region = TempRegion::new("names");
    let engine = region.open("");
    let board = Board::new(NAMES * (PROCESSES + 1));
    let (gates, ids) = board.split_at(NAMES);
    let open = |engine: &Engine, round: usize| match round % 3 {
        0 => {
            engine
                .counter(&format!("c.{round}"), &plain())
                .expect("a counter")
                .0
        }
        1 => {
            engine
                .counter("shared", &labelled("n", &round.to_string()))
                .expect("a counter")
                .0
        }
        _ => {
            engine
                .histogram(&format!("h{round}"), &plain())
                .expect("a histogram")
                .0
        }
    };
    let children = common::fork_many(PROCESSES, |process| {
        let own;
        let engine = if process % 2 == 0 {
            &engine
        } else {
            own = region.open("");
            &own
        };
        for round in 0..NAMES {
            common::meet(&gates[round], PROCESSES as u64);
            let id = open(engine, round);
            ids[round * PROCESSES + process].store(id, Relaxed);
            match round % 3 {
                2 => engine
                    .record(tidegate::engine::HistogramId(id), 1.0)
                    .expect("recorded"),
                _ => engine.add(Counter(id), 1).expect("added"),
            }
        }
    });
    common::join_all(children);
    for round in 0..NAMES {
        let found = &ids[round * PROCESSES..][..PROCESSES];
        let first = found[0].load(Acquire);
        assert!(
            found.iter().all(|id| id.load(Acquire) == first),
            "round {round}"
        );
        assert_eq!(open(&engine, round), first);
    }
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.families.len(), NAMES / 3 * 2 + 1);
    assert_eq!(snapshot.engine.series_used, NAMES as u64);
    for series in snapshot.families.iter().flat_map(|family| &family.series) {
        let count = match &series.value {
            Value::Counter(count) => *count,
            Value::Histogram { lifetime, .. } => lifetime.count,
            _ => unreachable!("nothing else was opened"),
        };
        assert_eq!(count, PROCESSES as u64, "{:?}", series.labels);
    }
}

#[test]
fn the_order_of_labels_does_not_matter() {
    let engine = engine();
    let one = engine.counter("c", &options(r#"{"labels": {"a": "1", "b": "2"}}"#));
    assert_eq!(
        engine.counter("c", &options(r#"{"labels": {"b": "2", "a": "1"}}"#)),
        one
    );
    assert_ne!(
        engine.counter("c", &options(r#"{"labels": {"a": "2", "b": "1"}}"#)),
        one
    );
    assert_ne!(engine.counter("c", &plain()), one);
    assert_eq!(
        engine.counter("c", &options(r#"{"labels": {}}"#)),
        engine.counter("c", &plain())
    );
}

#[test]
fn a_name_has_one_kind_unit_and_error() {
    let engine = engine();
    let conflict = |error: tidegate::base::error::Error, words: &[&str]| {
        assert_eq!(error.kind(), Kind::Conflict, "{error}");
        for word in words {
            assert!(error.message().contains(word), "{error} says {word}");
        }
    };
    let fine = MetricOptions::parse(
        r#"{"relative_error": 0.004, "unit": "seconds"}"#,
        MetricKind::Histogram,
    )
    .unwrap();
    let coarse =
        MetricOptions::parse(r#"{"relative_error": 0.03}"#, MetricKind::Histogram).unwrap();
    engine.histogram("seconds", &fine).expect("a histogram");
    engine
        .histogram("seconds", &plain())
        .expect("what is not said agrees");
    conflict(
        engine.counter("seconds", &plain()).expect_err("kind"),
        &["histogram", "counter"],
    );
    conflict(
        engine.gauge("seconds", &plain()).expect_err("kind"),
        &["histogram", "gauge"],
    );
    conflict(
        engine.histogram("seconds", &coarse).expect_err("error"),
        &["relative error"],
    );
    let bytes = MetricOptions::parse(r#"{"unit": "bytes"}"#, MetricKind::Histogram).unwrap();
    conflict(
        engine.histogram("seconds", &bytes).expect_err("unit"),
        &["seconds", "bytes"],
    );
    engine.counter("count", &plain()).expect("a counter");
    conflict(
        engine.record_metric(b"count", 1.0).expect_err("by name"),
        &["count"],
    );
}

#[test]
fn names_that_are_one_in_prometheus_are_refused() {
    let engine = engine();
    let first = engine.counter("a.b", &plain());
    for other in ["a_b", "a-b", "a/b"] {
        let error = engine.counter(other, &plain()).expect_err(other);
        assert_eq!(error.kind(), Kind::Conflict, "{other}");
        assert!(
            error.message().contains("a.b") && error.message().contains("a_b"),
            "{error}"
        );
        assert!(
            engine.record_metric(other.as_bytes(), 1.0).is_err(),
            "{other}"
        );
    }
    assert_eq!(engine.counter("a.b", &plain()), first);
    engine
        .counter("a:b", &plain())
        .expect("a colon stays a colon");
}

fn sum_of(snapshot: &Snapshot, name: &str) -> (u64, Option<u64>) {
    let family = snapshot
        .families
        .iter()
        .find(|family| family.name == name)
        .expect("the family");
    let (mut sum, mut overflow) = (0, None);
    for series in &family.series {
        let Value::Counter(count) = series.value else {
            panic!("a counter")
        };
        sum += count;
        if series.labels == [("otel_metric_overflow".to_owned(), "true".to_owned())] {
            overflow = Some(count);
        }
    }
    (sum, overflow)
}

#[test]
fn labels_beyond_the_limit_of_the_region_are_counted_together() {
    let engine = Engine::open(r#"{"metrics": {"max_series": 10}}"#).expect("an engine");
    let ids: Vec<Counter> = (0..25)
        .map(|at| {
            let opened = engine
                .counter("c", &labelled("n", &at.to_string()))
                .expect("a series");
            engine.add(opened, 1).expect("added");
            opened
        })
        .collect();
    assert!(
        ids[10..].iter().all(|id| *id == ids[10]),
        "further ones share one series"
    );
    let snapshot = engine.snapshot();
    assert_eq!(sum_of(&snapshot, "c"), (25, Some(15)));
    assert_eq!(snapshot.engine.overflowed_opens, 15);
    assert_eq!(
        (snapshot.engine.series_used, snapshot.engine.series_limit),
        (11, 10)
    );
    assert_eq!(
        engine.counter("c", &labelled("n", "3")),
        Ok(ids[3]),
        "old ones are found"
    );
}

#[test]
fn one_name_cannot_take_all_series() {
    let config = r#"{"metrics": {"max_series": 100, "max_series_per_name": 4}}"#;
    let engine = Engine::open(config).expect("an engine");
    for name in ["one", "two"] {
        for at in 0..9 {
            let opened = engine
                .counter(name, &labelled("n", &at.to_string()))
                .expect("a series");
            engine.add(opened, 2).expect("added");
        }
        assert_eq!(sum_of(&engine.snapshot(), name), (18, Some(10)));
    }
    engine
        .counter("three", &plain())
        .expect("there is room for others");
}

#[test]
fn a_full_region_refuses_names_and_says_so() {
    let engine = Engine::open(r#"{"metrics": {"max_series": 5}}"#).expect("an engine");
    for at in 0..5 {
        engine
            .counter(&format!("c{at}"), &plain())
            .expect("a counter");
    }
    let error = engine.counter("further", &plain()).expect_err("full");
    assert_eq!(error.kind(), Kind::Capacity);
    assert!(error.message().contains("max_series"), "{error}");
    assert_eq!(
        engine.record_metric(b"more", 1.0).expect_err("full").kind(),
        Kind::Capacity
    );
    assert_eq!(engine.snapshot().engine.dropped_for_lack_of_room, 1);
    // Names whose one series did not fit, too, until there is no room for names either.
    let mut last = None;
    for at in 0..200 {
        last = engine.counter(&format!("n{at}"), &labelled("a", "b")).err();
    }
    assert_eq!(last.expect("full").kind(), Kind::Capacity);
    engine.counter("c3", &plain()).expect("old ones are found");
}

#[test]
#[cfg(unix)]
fn racing_for_the_last_series_loses_no_count() {
    const PROCESSES: usize = 4;
    let _alone = common::alone();
    let engine = Engine::open(r#"{"metrics": {"max_series": 50}}"#).expect("an engine");
    let gate = Board::new(1);
    let children = common::fork_many(PROCESSES, |process| {
        common::meet(&gate[0], PROCESSES as u64);
        for at in 0..100 {
            let label = format!("{}", (at * 7 + process) % 100);
            let opened = engine
                .counter("c", &labelled("n", &label))
                .expect("a series");
            engine.add(opened, 1).expect("added");
        }
    });
    common::join_all(children);
    let (sum, overflow) = sum_of(&engine.snapshot(), "c");
    assert_eq!(sum, 100 * PROCESSES as u64);
    assert!(overflow.is_some_and(|count| count > 0));
    let series = &engine.snapshot().families[0].series;
    let labels: std::collections::HashSet<_> = series.iter().map(|series| &series.labels).collect();
    assert_eq!(labels.len(), series.len(), "no label set is there twice");
    assert!(series.len() <= 51, "{}", series.len());
}
