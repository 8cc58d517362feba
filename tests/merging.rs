//! Differences and merged snapshots, by their laws: what was there and what was added are all; parts
//! in any order are the whole; a document reads back as what was written.

#[path = "common/mod.rs"]
mod common;

use common::manual_engine;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::sync::LazyLock;
use tidegate::base::error::Kind as ErrorKind;
use tidegate::base::outcome::Outcome;
use tidegate::engine::Engine;
use tidegate::export::json::read::parse;
use tidegate::export::{Format, Selection, bytes, check, render, render_selected};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{Hits, Snapshot, Value};

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../schema/snapshot.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

/// With all that can be read back.
fn written(snapshot: &Snapshot) -> String {
    let selection = Selection::parse(r#"{"buckets": true}"#).unwrap();
    let text = render_selected(Format::Json, snapshot, &selection).unwrap();
    let document: Json = serde_json::from_str(&text).unwrap();
    let broken: Vec<String> = SCHEMA
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert_eq!(broken, [""; 0]);
    text
}

fn read(text: &str) -> Snapshot {
    parse(text.as_bytes()).unwrap()
}

/// What was done to an engine.
#[derive(Clone, Debug)]
enum Act {
    Count(u8, u64),
    Level(u8, f64),
    Record(u8, f64),
    Call(u8, f64, usize, u8),
    Look(u64, u64),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    // Quarters add up without rounding, so that sums can be compared.
    let value = || (0u32..1 << 16).prop_map(|value| f64::from(value) / 4.0);
    prop_oneof![
        (0u8..3, 0u64..1 << 40).prop_map(|(at, n)| Act::Count(at, n)),
        (0u8..2, value()).prop_map(|(at, level)| Act::Level(at, level)),
        (0u8..3, value()).prop_map(|(at, value)| Act::Record(at, value)),
        (0u8..2, value(), 0usize..3, 0u8..3).prop_map(|(at, s, o, c)| Act::Call(at, s, o, c)),
        (0u64..9, 0u64..9).prop_map(|(hits, misses)| Act::Look(hits, misses)),
        (0u64..20_000_000_000).prop_map(Act::Wait),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 0..40)
}

fn options(kind: Kind, text: &str) -> MetricOptions {
    MetricOptions::parse(text, kind).unwrap()
}

fn perform(engine: &Engine, acts: &[Act]) {
    for act in acts {
        match act {
            Act::Count(at, amount) => {
                let options = options(
                    Kind::Counter,
                    &json!({"labels": {"at": format!("{at}\"\n")}}).to_string(),
                );
                let id = engine.counter("http.requests", &options).unwrap();
                engine.add(id, *amount).unwrap();
            }
            Act::Level(at, level) => {
                let id = engine.gauge(&format!("level{at}"), &Default::default());
                engine.set(id.unwrap(), *level).unwrap();
            }
            Act::Record(at, value) => {
                let options = options(Kind::Histogram, r#"{"edges": [1.0], "unit": "seconds"}"#);
                let id = engine.histogram(&format!("wait{at}"), &options).unwrap();
                engine.record(id, *value).unwrap();
            }
            Act::Call(at, seconds, outcome, code) => {
                let options = options(Kind::Operation, r#"{"slow_seconds": 100}"#);
                let id = engine.operation(&format!("call{at}"), &options).unwrap();
                let outcome = Outcome::ALL[*outcome];
                let code = format!("E{code}");
                let code = (outcome != Outcome::Success).then_some(code.as_str());
                engine
                    .record_operation(id, *seconds, outcome, code)
                    .unwrap();
            }
            Act::Look(hits, misses) => {
                let id = engine.ratio("cache", &Default::default()).unwrap();
                let (hits, misses) = (*hits, *misses);
                engine.record_ratio(id, Hits { hits, misses }).unwrap();
            }
            Act::Wait(ns) => engine.advance_clock(*ns).unwrap(),
        }
    }
}

/// All totals, as a document has them, by name and labels.
fn totals(snapshot: &Snapshot) -> Json {
    let document: Json = serde_json::from_str(&written(snapshot)).unwrap();
    let mut totals = serde_json::Map::new();
    let field = if document.get("since").is_some() {
        "interval"
    } else {
        "lifetime"
    };
    for section in ["counters", "histograms", "operations", "ratios"] {
        for metric in document[section].as_array().unwrap() {
            let key = format!("{} {}", metric["name"], metric["labels"]);
            let mut value = match section {
                "counters" => metric["value"].clone(),
                _ => metric[field].clone(),
            };
            if let Some(value) = value.as_object_mut() {
                for over_time in ["seconds", "rate_per_second", "ratio"] {
                    value.shift_remove(over_time);
                }
                if value.get("count") == Some(&json!(0)) {
                    value.shift_remove("edges");
                }
            }
            let codes: Vec<(String, u64)> = metric["errors"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|error| (error["code"].to_string(), error["count"].as_u64().unwrap()))
                .collect();
            totals.insert(key, json!([value, codes]));
        }
    }
    totals.sort_keys();
    Json::Object(totals)
}

fn without_extremes(mut totals: Json) -> Json {
    for total in totals.as_object_mut().unwrap().values_mut() {
        if let Some(total) = total[0].as_object_mut() {
            for extreme in ["min", "max", "quantiles"] {
                total.shift_remove(extreme);
            }
        }
    }
    totals
}

/// A difference as if it had been taken of a region of its own.
fn as_total(mut difference: Snapshot, region: u64) -> Snapshot {
    difference.derived.as_mut().unwrap().since = None;
    difference.sources[0].region = region;
    difference
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn earlier_and_difference_are_later(before in acts(), between in acts(), more in acts()) {
        let engine = manual_engine();
        perform(&engine, &before);
        let first = engine.snapshot();
        perform(&engine, &between);
        let second = engine.snapshot();
        perform(&engine, &more);
        let third = engine.snapshot();
        let one = second.since_snapshot(&first).unwrap();
        // The cursor may have been a document.
        let two = third.since_snapshot(&read(&written(&second))).unwrap();
        prop_assert_eq!(two.since().unwrap().wall_ns, second.taken_wall_ns);
        let both = as_total(one, 1).merge(&as_total(two, 2)).unwrap();
        let all = as_total(first.clone().merge(&both).unwrap(), 3);
        prop_assert_eq!(totals(&all), totals(&third));
        // Extremes that did not move are known as well as their buckets.
        let direct = totals(&third.since_snapshot(&first).unwrap());
        prop_assert_eq!(without_extremes(direct), without_extremes(totals(&as_total(both, 4))));
        // Nothing happened since.
        let none = third.since_snapshot(&third).unwrap();
        let is_nothing = none.families.iter().flat_map(|family| &family.series).all(|series| {
            match &series.value {
                Value::Counter(total) => *total == 0,
                Value::Histogram { lifetime, .. } => lifetime.count == 0,
                Value::Operation(calls) => calls.lifetime.count() == 0 && calls.errors.is_empty(),
                Value::Ratio { lifetime, .. } => lifetime.hits + lifetime.misses == 0,
                _ => true,
            }
        });
        prop_assert!(is_nothing);
    }

    #[test]
    fn parts_in_any_order_are_what_one_region_would_hold(one in acts(), two in acts(), three in acts()) {
        let hosts = [&one, &two, &three].map(|acts| {
            let engine = manual_engine();
            perform(&engine, acts);
            engine.snapshot()
        });
        let [a, b, c] = &hosts;
        let left = a.merge(b).unwrap().merge(c).unwrap();
        let right = c.merge(a).unwrap().merge(b).unwrap();
        prop_assert_eq!(written(&left), written(&right));
        prop_assert_eq!(written(&a.merge(&b.merge(c).unwrap()).unwrap()), written(&left));
        let together = manual_engine();
        for acts in [&one, &two, &three] {
            perform(&together, acts);
        }
        prop_assert_eq!(totals(&left), totals(&together.snapshot()));
        // A merged document reads back as itself, and has every host's levels.
        prop_assert_eq!(written(&read(&written(&left))), written(&left));
        let levels = |snapshot: &Snapshot| -> usize {
            let families = snapshot.families.iter();
            families
                .filter(|family| family.kind == Kind::Gauge)
                .map(|family| family.series.len())
                .sum()
        };
        prop_assert_eq!(levels(&left), hosts.iter().map(levels).sum::<usize>());
        render(Format::Prometheus, &left);
    }

    #[test]
    fn a_document_reads_back(acts in acts()) {
        let engine = manual_engine();
        perform(&engine, &acts);
        let text = written(&engine.snapshot());
        let again = read(&text);
        prop_assert_eq!(written(&read(&written(&again))), written(&again));
        prop_assert_eq!(totals(&again), totals(&engine.snapshot()));
    }
}

fn refused<T>(result: tidegate::base::error::Result<T>) -> (ErrorKind, String) {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => (error.kind(), error.message().to_owned()),
    }
}

#[test]
fn what_does_not_fit_together_is_named() {
    let (one, other) = (manual_engine(), manual_engine());
    one.counter("jobs", &Default::default()).unwrap();
    other.gauge("jobs", &Default::default()).unwrap();
    let (kind, said) = refused(one.snapshot().merge(&other.snapshot()));
    assert_eq!(kind, ErrorKind::Conflict);
    assert_eq!(
        said,
        "\"jobs\" is a counter in one and a gauge in the other"
    );

    let (kind, said) = refused(one.snapshot().merge(&one.snapshot()));
    assert_eq!(kind, ErrorKind::Conflict);
    assert!(said.contains("counts would be there twice"), "{said}");

    let long = Engine::open(r#"{"clock": "manual", "window_seconds": 120}"#).unwrap();
    let (_, said) = refused(one.snapshot().merge(&long.snapshot()));
    assert_eq!(
        said,
        "window_seconds: windows of 6 s and of 120 s cannot be merged"
    );

    let earlier = one.snapshot();
    one.advance_clock(5).unwrap();
    let later = one.snapshot();
    let (kind, said) = refused(earlier.since_snapshot(&later));
    assert_eq!(kind, ErrorKind::Argument);
    assert!(said.contains("is the later one"), "{said}");
    let difference = later.since_snapshot(&earlier).unwrap();
    assert!(later.since_snapshot(&difference).is_err());
    assert!(difference.since_snapshot(&earlier).is_err());
    assert!(difference.merge(&long.snapshot()).is_err());
    for format in [Format::Prometheus, Format::OpenMetrics, Format::HealthJson] {
        assert!(check(format, &difference).is_err());
        assert!(bytes(format, &difference, &Selection::default()).is_err());
    }
    let both = one.snapshot().merge(&manual_engine().snapshot()).unwrap();
    assert!(one.snapshot().since_snapshot(&both).is_err());
    assert!(check(Format::HealthSimple, &both).is_err());
    assert!(check(Format::Prometheus, &both).is_ok());
}

#[test]
fn a_region_made_anew_is_told_and_counts_from_zero() {
    let before = manual_engine();
    perform(&before, &[Act::Count(0, 100), Act::Record(0, 1.0)]);
    let earlier = before.snapshot();
    let after = manual_engine();
    perform(&after, &[Act::Count(0, 7)]);
    let difference = after.snapshot().since_snapshot(&earlier).unwrap();
    assert!(difference.since().unwrap().is_reset);
    assert_eq!(
        difference.since().unwrap().wall_ns,
        after.snapshot().engine.created_wall_ns
    );
    assert_eq!(totals(&difference), totals(&after.snapshot()));
}

#[test]
fn a_total_that_went_back_is_counted_whole() {
    let engine = manual_engine();
    perform(&engine, &[Act::Count(0, 100), Act::Count(1, 5)]);
    let mut earlier = engine.snapshot();
    earlier.families[0].series[0].value = Value::Counter(101);
    let difference = engine.snapshot().since_snapshot(&earlier).unwrap();
    assert_eq!(difference.since().unwrap().resets, 1);
    let found: Vec<u64> = difference.families[0]
        .series
        .iter()
        .map(|series| match series.value {
            Value::Counter(total) => total,
            _ => panic!("a counter"),
        })
        .collect();
    assert_eq!(found, [100, 0]);
}

#[test]
fn a_cursor_of_some_names_limits_the_difference_to_them() {
    let engine = manual_engine();
    perform(
        &engine,
        &[Act::Count(0, 1), Act::Record(0, 1.0), Act::Record(1, 1.0)],
    );
    let some = Selection::parse(r#"{"names": ["wait*"], "buckets": true}"#).unwrap();
    let text = render_selected(Format::Json, &engine.snapshot(), &some).unwrap();
    perform(
        &engine,
        &[Act::Count(0, 1), Act::Record(1, 2.0), Act::Record(2, 2.0)],
    );
    let since = Selection::parse(&format!("{{\"buckets\": true, \"since\": {text}}}")).unwrap();
    let found = render_selected(Format::Json, &engine.snapshot(), &since).unwrap();
    let found: Json = serde_json::from_str(&found).unwrap();
    assert_eq!(broken(&found), [""; 0]);
    assert_eq!(found["names"], json!(["wait*"]));
    assert_eq!(found["counters"], json!([]));
    let counts: Vec<&Json> = found["histograms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| &found["interval"]["count"])
        .collect();
    assert_eq!(counts, [0, 1, 1]);
}

fn broken(document: &Json) -> Vec<String> {
    SCHEMA
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect()
}

#[test]
fn statsd_sends_a_difference_as_counters() {
    let engine = manual_engine();
    perform(&engine, &[Act::Count(0, 100), Act::Record(0, 1.0)]);
    let earlier = engine.snapshot();
    perform(
        &engine,
        &[Act::Count(0, 7), Act::Record(0, 2.0), Act::Record(0, 2.0)],
    );
    let difference = engine.snapshot().since_snapshot(&earlier).unwrap();
    let text = render(Format::Statsd, &difference);
    assert!(text.contains("http.requests:7|c"), "{text}");
    assert!(text.contains("wait0.count:2|c\n"), "{text}");
    assert!(text.contains("wait0.max:2|g\n"), "{text}");
}

/// What each edit of a good document must be answered with.
#[test]
fn hostile_documents_are_refused_and_named() {
    let engine = manual_engine();
    perform(
        &engine,
        &[
            Act::Count(0, 1),
            Act::Record(0, 1.0),
            Act::Call(0, 1.0, 1, 0),
            Act::Level(0, 1.0),
            Act::Look(1, 1),
        ],
    );
    let good: Json = serde_json::from_str(&written(&engine.snapshot())).unwrap();
    let edits = [
        ("/schema", json!("tidegate.snapshot/2"), "schema: expected"),
        (
            "/sources",
            json!([]),
            "sources: expected one region or more",
        ),
        (
            "/sources/0/region",
            json!("x"),
            "sources[0].region: expected 16",
        ),
        (
            "/window_seconds",
            json!(0),
            "window_seconds: expected a number above 0",
        ),
        ("/counters", json!({}), "counters: expected a list"),
        (
            "/counters/0/value",
            json!(-1),
            "counters[0].value: expected a whole",
        ),
        (
            "/counters/0/value",
            json!(1.5),
            "counters[0].value: expected a whole",
        ),
        (
            "/counters/0/name",
            json!("a b"),
            "counters[0].name: expected the name",
        ),
        (
            "/counters/0/labels",
            json!({"a\"b": "x"}),
            "counters[0].labels: expected names",
        ),
        (
            "/histograms/0/lifetime/bits",
            json!(60),
            "histograms[0].lifetime.bits: expected 5 to 8",
        ),
        (
            "/histograms/0/lifetime/buckets",
            json!([[1, 1], [1, 1]]),
            "histograms[0].lifetime.buckets[1]: expected buckets that exist",
        ),
        (
            "/histograms/0/lifetime/buckets",
            json!([[u64::MAX, 1]]),
            "histograms[0].lifetime.buckets[0]: expected buckets that exist",
        ),
        (
            "/histograms/0/lifetime/buckets/0",
            json!([1]),
            "histograms[0].lifetime.buckets[0]: expected two numbers",
        ),
        (
            "/operations/0/errors/0/first_at",
            json!("now"),
            "operations[0].errors[0].first_at: expected a time",
        ),
        ("/errors", json!(null), "errors: expected an object"),
    ];
    for (place, value, sentence) in edits {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        let (kind, said) = refused(parse(bad.to_string().as_bytes()));
        assert_eq!(kind, ErrorKind::Format);
        assert!(said.starts_with(sentence), "{place}: {said}");
    }
    let mut twice = good.clone();
    let counter = twice["counters"][0].clone();
    twice["counters"].as_array_mut().unwrap().push(counter);
    assert!(
        refused(parse(twice.to_string().as_bytes()))
            .1
            .contains("twice")
    );
    let plain = render(Format::Json, &engine.snapshot());
    assert!(
        refused(parse(plain.as_bytes()))
            .1
            .contains("no buckets; write the document with")
    );
    for text in ["", "[]", "{}", "\"x\"", "{\"schema\":", "\u{0}"] {
        refused(parse(text.as_bytes()));
    }
    // Deeply nested, and very many octaves of very few bytes.
    refused(parse("[".repeat(1 << 20).as_bytes()));
    let many: Vec<Json> = (0..2047u64).map(|octave| json!([octave << 8, 1])).collect();
    let mut large = good.clone();
    large["histograms"][0]["lifetime"]["bits"] = json!(8);
    large["histograms"][0]["lifetime"]["buckets"] = json!(many);
    let one = large["histograms"][0].clone();
    for at in 0..40 {
        let mut next = one.clone();
        next["labels"] = json!({"at": at.to_string()});
        large["histograms"].as_array_mut().unwrap().push(next);
    }
    let (_, said) = refused(parse(large.to_string().as_bytes()));
    assert!(said.contains("expected fewer buckets in all"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No document makes us panic, whatever single value of it was replaced; what is taken can be
    /// written in every format, merged and subtracted.
    #[test]
    fn a_damaged_document_is_refused_or_harmless(at in any::<prop::sample::Index>(), choice in 0usize..9) {
        static GOOD: LazyLock<Json> = LazyLock::new(|| {
            let engine = manual_engine();
            perform(&engine, &[
                Act::Count(0, 1), Act::Record(0, 1.0), Act::Record(0, 9.0), Act::Call(0, 1.0, 1, 0),
                Act::Level(0, 1.0), Act::Look(1, 1),
            ]);
            serde_json::from_str(&written(&engine.snapshot())).unwrap()
        });
        let mut bad = GOOD.clone();
        let mut places = Vec::new();
        leaves(&bad, String::new(), &mut places);
        let values = [
            json!(null), json!(0), json!(u64::MAX), json!(-1), json!(1e308), json!(""), json!([]),
            json!({}), json!(true),
        ];
        *bad.pointer_mut(at.get::<String>(&places)).unwrap() = values[choice].clone();
        let Ok(found) = parse(bad.to_string().as_bytes()) else { return Ok(()) };
        for format in [Format::Json, Format::Prometheus, Format::OpenMetrics, Format::Statsd, Format::HdrLog] {
            if check(format, &found).is_ok() {
                render(format, &found);
            }
        }
        let other = manual_engine();
        perform(&other, &[Act::Count(0, u64::MAX >> 24), Act::Record(0, 3.0)]);
        let _ = found.merge(&other.snapshot());
        let good = read(&GOOD.to_string());
        let _ = good.since_snapshot(&found);
        let _ = found.since_snapshot(&good);
    }
}

fn leaves(value: &Json, path: String, places: &mut Vec<String>) {
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                leaves(value, format!("{path}/{name}"), places);
            }
        }
        Json::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                leaves(value, format!("{path}/{at}"), places);
            }
        }
        _ => {}
    }
    if !path.is_empty() {
        places.push(path);
    }
}
