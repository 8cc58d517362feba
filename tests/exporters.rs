//! Snapshots as text: exact bytes, the schema, other people's parsers, hostile content.
//!
//! `TIDEGATE_BLESS=1 cargo test --test exporters` rewrites the expected text in `tests/golden/`.

#[path = "exporters/exposition.rs"]
mod exposition;
#[path = "exporters/sample.rs"]
mod sample;

use exposition::{Exposition, read};
use jsonschema::Validator;
use proptest::prelude::*;
use sample::{counter, distribution, empty, family, gauge, histogram, rich};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use tidegate::engine::Engine;
use tidegate::export::{Format, render, write};
use tidegate::metrics::Kind;
use tidegate::snapshot::{FamilyReading, SeriesReading, Snapshot, Value};

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Json =
        serde_json::from_str(include_str!("../schema/snapshot.schema.json")).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

fn document(snapshot: &Snapshot) -> Json {
    serde_json::from_str(&render(Format::Json, snapshot)).unwrap()
}

fn text(snapshot: &Snapshot) -> Exposition {
    read(&render(Format::Prometheus, snapshot)).unwrap()
}

fn broken_rules(document: &Json) -> Vec<String> {
    SCHEMA
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect()
}

/// A text no format should trip over.
fn hostile() -> Vec<String> {
    vec![
        String::new(),
        "\"} 1\nfake_total 9\n# EOF".into(),
        "\\".into(),
        "\\n\\\"\\\\".into(),
        "a\0b".into(),
        "line\r\nline\u{2028}\u{85}".into(),
        "\u{202e}right to left עברית".into(),
        "{le=\"1\"} # HELP".into(),
        "\u{7f}\u{1}\t\u{feff}🦀".into(),
        "x".repeat(10_000),
    ]
}

fn with_hostile_labels() -> Snapshot {
    let mut snapshot = empty();
    let mut values = hostile();
    values.sort_unstable();
    let with = |value: Value| {
        values
            .iter()
            .map(|text| SeriesReading {
                labels: vec![("label".into(), text.clone())],
                exemplars: Vec::new(),
                value: value.clone(),
            })
            .collect()
    };
    let fast = distribution(&[0.004, 0.02]);
    snapshot.families = vec![
        FamilyReading {
            series: with(Value::Counter(7)),
            ..family("attacks", Kind::Counter)
        },
        FamilyReading {
            help: hostile().concat(),
            series: with(Value::Gauge(0.5)),
            ..family("level", Kind::Gauge)
        },
        FamilyReading {
            unit: "seconds".into(),
            series: with(Value::Histogram {
                lifetime: fast.clone(),
                window: fast,
            }),
            ..family("wait", Kind::Histogram)
        },
    ];
    snapshot.service = hostile().concat();
    snapshot.limiters[0].name = "a\"b\\c\nd".into();
    snapshot.engine.path = "/dev/shm/\"x\"\n".into();
    snapshot.engine.warnings = hostile();
    snapshot
}

fn check_golden(name: &str, found: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    if let Some((one, other)) = expected
        .lines()
        .zip(found.lines())
        .find(|(one, other)| one != other)
    {
        panic!("{name} differs:\nexpected {one}\nfound    {other}\n(TIDEGATE_BLESS=1 rewrites it)");
    }
    assert_eq!(
        expected.len(),
        found.len(),
        "{name} has more or fewer lines"
    );
}

#[test]
fn the_json_document_is_as_committed() {
    check_golden("snapshot.json", &render(Format::Json, &rich()));
}

#[test]
fn the_prometheus_text_is_as_committed() {
    check_golden("snapshot.prom", &render(Format::Prometheus, &rich()));
}

#[test]
fn one_snapshot_always_gives_the_same_bytes() {
    let (snapshot, again) = (rich(), rich());
    for format in [Format::Json, Format::Prometheus] {
        assert_eq!(render(format, &snapshot), render(format, &snapshot));
        assert_eq!(render(format, &snapshot), render(format, &again));
        let mut appended = b"before".to_vec();
        write(format, &snapshot, &mut appended);
        assert_eq!(&appended[6..], render(format, &snapshot).as_bytes());
    }
}

#[test]
fn documents_follow_the_schema() {
    for snapshot in [
        empty(),
        rich(),
        with_legal_limiter_name(with_hostile_labels()),
    ] {
        assert_eq!(broken_rules(&document(&snapshot)), [""; 0]);
    }
}

fn with_legal_limiter_name(mut snapshot: Snapshot) -> Snapshot {
    snapshot.limiters[0].name = "api".into();
    snapshot
}

#[test]
fn the_schema_is_strict() {
    let good = document(&rich());
    let places = [
        "",
        "/counters/0",
        "/gauges/0",
        "/histograms/0",
        "/histograms/0/lifetime",
        "/histograms/0/window",
        "/histograms/0/window/quantiles",
        "/operations/0",
        "/operations/0/window",
        "/operations/0/errors/0",
        "/ratios/0",
        "/ratios/0/window",
        "/infos/0",
        "/enums/0",
        "/slowest",
        "/slowest/by_average/0",
        "/slowest/calls_window/0",
        "/errors",
        "/errors/distinct/0",
        "/limiters/0",
        "/limiters/1",
        "/limiters/1/top_keys",
        "/limiters/1/top_keys/used/0",
        "/breakers/0",
        "/breakers/0/window",
        "/breakers/0/tripped",
        "/breakers/1",
        "/throttles/0",
        "/throttles/0/window",
        "/bulkheads/0",
        "/retries/0",
        "/retries/0/budget",
        "/retries/1",
        "/guards/0",
        "/guards/0/refused",
        "/host",
        "/host/disks/0",
        "/engine/workers/0/usage",
        "/engine",
        "/engine/workers/0",
    ];
    for place in places {
        let mut extra = good.clone();
        extra.pointer_mut(place).unwrap()["surprise"] = json!(1);
        assert!(!SCHEMA.is_valid(&extra), "{place} takes unknown fields");
        for (field, value) in good.pointer(place).unwrap().as_object().unwrap() {
            let optional = [
                "help",
                "unit",
                "workers",
                "exemplars",
                "message",
                "detail",
                "trace_id",
                "top_keys",
            ];
            if !place.starts_with("/engine") && optional.contains(&field.as_str()) {
                continue;
            }
            let mut changed = good.clone();
            changed
                .pointer_mut(place)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .shift_remove(field);
            assert!(!SCHEMA.is_valid(&changed), "{place}/{field} can be missing");
            let mut changed = good.clone();
            let wrong = if value.is_string() {
                json!([])
            } else {
                json!("text")
            };
            changed.pointer_mut(place).unwrap()[field] = wrong;
            assert!(
                !SCHEMA.is_valid(&changed),
                "{place}/{field} can have any type"
            );
        }
    }
}

#[test]
fn every_property_of_the_schema_is_described() {
    fn check(place: &str, schema: &Json) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}/{name}");
            let described = property.get("description").is_some() || property.get("$ref").is_some();
            assert!(described, "{place} has no description");
            check(&place, property);
        }
    }
    let schema: Json =
        serde_json::from_str(include_str!("../schema/snapshot.schema.json")).unwrap();
    check("", &schema);
    for (name, part) in schema["$defs"].as_object().unwrap() {
        check(name, part);
    }
}

#[test]
fn a_real_engine_follows_the_schema_and_the_format() {
    let engine = Engine::open(
        r#"{"service": "shop", "limiters": {
            "login": {"preset": "auth", "keyed": true, "max_keys": 100},
            "api": {"algorithm": "token_bucket", "rate_per_second": 0.5, "burst": 3}}}"#,
    )
    .unwrap();
    let requests = engine.counter("requests", &Default::default()).unwrap();
    engine.add(requests, 3).unwrap();
    let level = engine.gauge("level", &Default::default()).unwrap();
    engine.set(level, -2.5).unwrap();
    engine.record_metric(b"request_seconds", 0.03).unwrap();
    for _ in 0..4 {
        engine.allow_request(b"api", None).unwrap();
        engine.allow_request(b"login", Some(b"alice")).unwrap();
    }
    let snapshot = engine.snapshot();
    let found = document(&snapshot);
    assert_eq!(broken_rules(&found), [""; 0]);
    assert_eq!(found["counters"][0]["value"], 3);
    assert_eq!(found["limiters"][0]["name"], "api");
    assert_eq!(found["limiters"][0]["denied"], 1);
    assert_eq!(found["engine"]["workers_alive"], 1);

    let text = text(&snapshot);
    assert_eq!(text.value("requests_total", &[]), 3.0);
    assert_eq!(text.value("request_seconds_bucket", &[("le", "0.05")]), 1.0);
    let denied = [("decision", "denied"), ("limiter", "api")];
    assert_eq!(text.value("tidegate_limiter_requests_total", &denied), 1.0);
    assert_eq!(
        text.value("tidegate_limiter_keys", &[("limiter", "login")]),
        1.0
    );
}

#[test]
fn counts_keep_all_their_digits() {
    let mut snapshot = empty();
    snapshot.families = vec![counter("c", u64::MAX)];
    assert_eq!(
        document(&snapshot)["counters"][0]["value"].as_u64(),
        Some(u64::MAX)
    );
    let text = render(Format::Prometheus, &snapshot);
    assert!(text.contains("\nc_total 18446744073709551615\n"));
}

#[test]
fn what_is_not_finite_is_null_in_json_and_spelled_out_in_prometheus() {
    let mut snapshot = empty();
    let none = distribution(&[]);
    snapshot.families = vec![
        gauge("a", f64::NAN),
        gauge("b", f64::INFINITY),
        gauge("c", f64::NEG_INFINITY),
        histogram("d", none.clone(), none),
    ];
    let found = document(&snapshot);
    assert_eq!(broken_rules(&found), [""; 0]);
    assert!((0..3).all(|at| found["gauges"][at]["value"].is_null()));
    let idle = &found["histograms"][0]["window"];
    assert_eq!((&idle["count"], &idle["sum"]), (&json!(0), &json!(0.0)));
    assert!(idle["quantiles"]["0.99"].is_null() && idle["mean"].is_null() && idle["max"].is_null());
    let text = render(Format::Prometheus, &snapshot);
    for line in [
        "\na NaN\n",
        "\nb +Inf\n",
        "\nc -Inf\n",
        "\nd_bucket{le=\"+Inf\"} 0\n",
        "\nd_sum 0\n",
    ] {
        assert!(text.contains(line), "{line:?} is missing");
    }
}

#[test]
fn quantiles_and_rates_are_those_of_the_data() {
    let mut snapshot = empty();
    let values: Vec<f64> = (1..=1000).map(f64::from).collect();
    let all = distribution(&values);
    snapshot.families = vec![histogram("d", all.clone(), all)];
    // Ten seconds old, of a window of sixty.
    snapshot.age_ns = 10_000_000_000;
    let found = document(&snapshot);
    let found = &found["histograms"][0];
    for (name, exact) in [
        ("0.5", 500.0),
        ("0.9", 900.0),
        ("0.99", 990.0),
        ("0.999", 999.0),
    ] {
        let read = found["lifetime"]["quantiles"][name].as_f64().unwrap();
        assert!(
            (read / exact - 1.0).abs() <= found["relative_error"].as_f64().unwrap(),
            "{name}"
        );
    }
    assert_eq!(found["lifetime"]["mean"], 500.5);
    assert_eq!(
        (&found["lifetime"]["min"], &found["lifetime"]["max"]),
        (&json!(1.0), &json!(1000.0))
    );
    assert_eq!(found["window"]["rate_per_second"], 100.0);
}

#[test]
fn a_rate_is_over_the_time_that_the_window_reaches_back() {
    let mut snapshot = empty();
    let ten = distribution(&[1.0; 55]);
    snapshot.families = vec![histogram("d", ten.clone(), ten)];
    // In the middle of a slot of ten seconds: five whole ones and a half.
    snapshot.age_ns = 1_005_000_000_000;
    assert_eq!(
        document(&snapshot)["histograms"][0]["window"]["rate_per_second"],
        1.0
    );
    snapshot.age_ns = 0;
    assert!(document(&snapshot)["histograms"][0]["window"]["rate_per_second"].is_null());
}

#[test]
fn a_bound_counts_every_value_up_to_it_and_none_far_above() {
    let bounds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    let values: Vec<f64> = bounds
        .iter()
        .flat_map(|bound| [*bound, bound * 1.02])
        .collect();
    let all = distribution(&values);
    let mut snapshot = empty();
    snapshot.families = vec![histogram("wait_seconds", all.clone(), all)];
    let text = text(&snapshot);
    for (at, bound) in bounds.iter().enumerate() {
        let spelled = format!("{bound:?}");
        let found = text.value("wait_seconds_bucket", &[("le", &spelled)]);
        assert_eq!(found, 2.0 * at as f64 + 1.0, "le={spelled}");
    }
}

#[test]
fn hostile_labels_read_back_in_both_formats() {
    let snapshot = with_hostile_labels();
    let found = document(&snapshot);
    let text = text(&snapshot);
    for value in hostile() {
        for field in ["counters", "gauges", "histograms"] {
            let all = found[field].as_array().unwrap();
            assert!(
                all.iter().any(|series| series["labels"]["label"] == *value),
                "{value:?}"
            );
        }
        assert_eq!(text.value("attacks_total", &[("label", &value)]), 7.0);
        assert_eq!(text.value("wait_seconds_count", &[("label", &value)]), 2.0);
        assert_eq!(
            text.value("wait_seconds_bucket", &[("label", &value), ("le", "0.01")]),
            1.0
        );
    }
    assert!(!text.has("fake_total"));
}

#[test]
fn names_that_clash_are_left_out_and_counted() {
    let some = distribution(&[1.0]);
    let mut snapshot = empty();
    snapshot.families = vec![
        counter("a", 1),
        gauge("a_total", 2.0),
        histogram("b", some.clone(), some.clone()),
        gauge("b_count", 3.0),
        gauge("c_bucket", 4.0),
        histogram("c", some.clone(), some),
        gauge("tidegate_series", 5.0),
        gauge("évil\n# TYPE x gauge", 6.0),
    ];
    let written = render(Format::Prometheus, &snapshot);
    let text = read(&written).unwrap();
    assert_eq!(text.value("a_total", &[]), 1.0);
    assert_eq!(text.value("b_count", &[]), 1.0);
    assert_eq!(text.value("c_bucket", &[]), 4.0);
    assert!(!text.has("c_count") && !text.has("x"));
    assert_eq!(text.value("tidegate_skipped_series", &[]), 5.0);
    let line = "# tidegate left out 1 series of the gauge \"a_total\": its name is taken\n";
    assert!(written.contains(line));
    // JSON has the names as given, and all of them.
    let found = document(&snapshot);
    let count = |field: &str| found[field].as_array().unwrap().len();
    assert_eq!(
        (count("counters"), count("gauges"), count("histograms")),
        (1, 5, 2)
    );
}

#[test]
fn damaged_labels_are_left_out_and_counted() {
    let series = |names: &[&str]| SeriesReading {
        labels: names
            .iter()
            .map(|name| (name.to_string(), "v".into()))
            .collect(),
        exemplars: Vec::new(),
        value: Value::Counter(1),
    };
    let mut snapshot = empty();
    snapshot.families = vec![FamilyReading {
        series: vec![
            series(&[]),
            series(&["a"]),
            series(&["a"]),
            series(&["a b"]),
            series(&["b", "a"]),
        ],
        ..family("c", Kind::Counter)
    }];
    let text = text(&snapshot);
    assert_eq!(text.value("tidegate_skipped_series", &[]), 3.0);
    assert_eq!(text.value("c_total", &[("a", "v")]), 1.0);
}

#[test]
fn promtool_accepts_what_is_written() {
    let Some(promtool) = promtool(&render(Format::Prometheus, &empty())) else {
        eprintln!("skipped: promtool is not installed (Debian: prometheus)");
        return;
    };
    assert_eq!(
        promtool,
        (Some(0), String::new()),
        "the engine's own families"
    );
    for snapshot in [rich(), with_hostile_labels(), merged(), filtered()] {
        let (code, said) = self::promtool(&render(Format::Prometheus, &snapshot)).unwrap();
        // 3 is advice about the names that a user gave.
        assert!(matches!(code, Some(0 | 3)), "{code:?}: {said}");
    }
}

/// Two hosts' worst as one.
fn merged() -> Snapshot {
    let mut other = sample::with_facts();
    other.families.extend(with_hostile_labels().families);
    other
        .families
        .sort_by(|one, other| one.name.cmp(&other.name));
    let mut one = other.clone();
    one.sources[0].region += 1;
    one.sources[0].host = hostile().concat();
    one.merge(&other).unwrap()
}

/// A difference with an earlier one has no totals; what is left of some names has.
fn filtered() -> Snapshot {
    let mut some = with_hostile_labels();
    some.families.retain(|family| family.name == "wait");
    some
}

#[test]
fn a_merged_exposition_has_every_hosts_facts() {
    let snapshot = merged();
    let text = text(&snapshot);
    let sources: Vec<String> = snapshot
        .sources
        .iter()
        .map(|source| source.label())
        .collect();
    assert_eq!(sources.len(), 2);
    for source in &sources {
        let source = ("tidegate_source", source.as_str());
        let build = [("revision", "a\"\n\0b"), source];
        assert_eq!(text.value("build_info", &build), 1.0);
        assert_eq!(text.value("mode", &[("mode", "on"), source]), 1.0);
        assert_eq!(text.value("pool", &[("pid", "7"), source]), 3.0);
        for value in hostile() {
            assert_eq!(text.value("level", &[("label", &value), source]), 0.5);
        }
    }
    for value in hostile() {
        assert_eq!(text.value("attacks_total", &[("label", &value)]), 14.0);
    }
}

fn promtool(exposition: &str) -> Option<(Option<i32>, String)> {
    run(
        Command::new("promtool").args(["check", "metrics"]),
        exposition,
    )
}

/// Exit code and output of a program that is given `input`; None when there is no such program.
fn run(command: &mut Command, input: &str) -> Option<(Option<i32>, String)> {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().ok()?;
    // A program that fails early closes its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

#[test]
fn the_python_client_reads_what_is_written() {
    const PROGRAM: &str = "
import json, sys
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    sys.exit(77)
text = sys.stdin.buffer.read().decode('utf-8')
print(json.dumps([[s.name, s.labels, repr(s.value)]
                  for f in text_string_to_metric_families(text) for s in f.samples]))
";
    for snapshot in [rich(), with_hostile_labels(), merged(), filtered()] {
        let written = render(Format::Prometheus, &snapshot);
        let (code, said) = match run(Command::new("python3").args(["-c", PROGRAM]), &written) {
            None => return eprintln!("skipped: python3 is not installed"),
            Some((Some(77), _)) => {
                return eprintln!("skipped: Python has no prometheus_client");
            }
            Some(found) => found,
        };
        assert_eq!(code, Some(0), "{said}");
        let found: Vec<(String, serde_json::Map<String, Json>, String)> =
            serde_json::from_str(&said).map(rows).unwrap();
        let expected = read(&written).unwrap();
        assert_eq!(found.len(), expected.len());
        for (name, labels, _) in found {
            let labels: Vec<(&str, &str)> = labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            expected.value(&name, &labels);
        }
    }
}

fn rows(json: Json) -> Vec<(String, serde_json::Map<String, Json>, String)> {
    let rows = json.as_array().unwrap().iter();
    rows.map(|row| {
        let text = |at: usize| row[at].as_str().unwrap().to_owned();
        (text(0), row[1].as_object().unwrap().clone(), text(2))
    })
    .collect()
}

fn any_family() -> impl Strategy<Value = FamilyReading> {
    let name = prop_oneof![
        6 => "[ab]([._](total|count|sum|bucket|seconds))?",
        2 => "[a-zA-Z_][a-zA-Z0-9_.:/-]{0,8}",
        1 => Just("tidegate_series".to_owned()),
        1 => any::<String>(),
    ];
    let unit = prop_oneof![
        Just(""),
        Just("seconds"),
        Just("bytes"),
        Just("ratio"),
        Just("1")
    ];
    let label = (
        prop_oneof![4 => "[a-c]", 1 => any::<String>()],
        any::<String>(),
    );
    let labels = prop::collection::vec(label, 0..3);
    let series = prop::collection::vec((labels, any::<u64>(), any::<f64>(), 0usize..20), 1..4);
    (name, unit, any::<String>(), 0..Kind::ALL.len(), series).prop_map(
        |(name, unit, help, kind, series)| {
            let kind = Kind::ALL[kind];
            let series = series.into_iter().map(|(labels, whole, real, at)| {
                let (lifetime, window) = (sample::any(at), sample::any(at / 2));
                let value = match kind {
                    Kind::Counter => Value::Counter(whole),
                    Kind::Gauge => Value::Gauge(real),
                    Kind::Histogram => Value::Histogram { lifetime, window },
                    Kind::Operation => sample::operation_of(lifetime, window, whole),
                    Kind::Ratio => sample::ratio_of(whole, at as u64),
                    Kind::Info => Value::Info(labels.clone()),
                    Kind::Enum => Value::Enum {
                        states: labels.iter().map(|(_, value)| value.clone()).collect(),
                        current: at,
                    },
                };
                SeriesReading {
                    labels,
                    exemplars: sample::exemplars(),
                    value,
                }
            });
            FamilyReading {
                name,
                kind,
                help,
                unit: unit.into(),
                series: series.collect(),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// `read` checks the grammar, that families are whole, that nothing is doubled, and buckets.
    #[test]
    fn whatever_a_region_held_gives_a_valid_exposition_and_document(
        families in prop::collection::vec(any_family(), 0..6),
    ) {
        let series: usize = families.iter().map(|family| family.series.len()).sum();
        let mut snapshot = empty();
        snapshot.families = families;
        let found = document(&snapshot);
        let count = |field: &str| found[field].as_array().unwrap().len();
        prop_assert_eq!(count("counters") + count("gauges") + count("histograms")
            + count("operations") + count("ratios") + count("infos") + count("enums"), series);
        let text = read(&render(Format::Prometheus, &snapshot));
        prop_assert!(text.is_ok(), "{}", text.err().unwrap_or_default());
    }
}
