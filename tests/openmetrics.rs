//! OpenMetrics 1.0: its own rules, and the strict parser of the Python client.
//!
//! The parser is that of `prometheus_client` in the `python3` of the path; without it, its test says
//! that it was skipped.

#[path = "exporters/sample.rs"]
#[expect(dead_code, reason = "this test needs a part of what the samples offer")]
mod sample;

use sample::{counter, distribution, empty, family, gauge, histogram, rich, with_facts};
use std::io::Write;
use std::process::{Command, Stdio};
use tidegate::engine::Engine;
use tidegate::export::{Format, Selection, render, render_selected};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{ExemplarReading, FamilyReading, SeriesReading, Snapshot, Value};

fn created() -> Selection {
    Selection {
        created: true,
        ..Selection::default()
    }
}

fn hostile() -> Snapshot {
    let mut texts: Vec<String> = vec![
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
    ];
    texts.sort_unstable();
    let fast = distribution(&[0.004, 0.02]);
    let with = |value: Value| {
        let series = texts.iter().map(|text| SeriesReading {
            labels: vec![("label".into(), text.clone())],
            exemplars: Vec::new(),
            value: value.clone(),
        });
        series.collect()
    };
    let mut snapshot = empty();
    snapshot.service = texts.concat();
    snapshot.families = vec![
        FamilyReading {
            series: with(Value::Counter(7)),
            ..family("attacks", Kind::Counter)
        },
        FamilyReading {
            help: texts.concat(),
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
    snapshot
}

/// A histogram and an operation of a real engine with exemplars: two in one bucket, one beyond all
/// bounds, and texts that need escapes.
fn with_exemplars() -> Snapshot {
    let engine = Engine::open(r#"{"clock": "manual"}"#).unwrap();
    let options = MetricOptions::parse(r#"{"unit": "seconds"}"#, Kind::Histogram).unwrap();
    let wait = engine.histogram("wait", &options).unwrap();
    for (value, trace) in [
        (0.004, "fast"),
        (0.06, "older"),
        (0.09, "newer"),
        (0.25, "at the bound"),
        (3.0, "\"quoted\" \\ and\nbroken # {a=\"b\"} 1 2"),
        (1000.0, "🦀 beyond all bounds"),
    ] {
        engine.record_exemplar(wait, value, trace).unwrap();
        engine.advance_clock(1_500_000_000).unwrap();
    }
    engine.snapshot()
}

/// The same of two hosts as one.
fn merged(one: Snapshot) -> Snapshot {
    let mut other = one.clone();
    other.sources[0].region += 1;
    other.sources[0].host = "\u{202e}a\"b\\c\nd\0".into();
    one.merge(&other).unwrap()
}

/// Traces that are what they should not be, and which the Python client reads all the same.
const STRANGE: [&str; 6] = [
    "a\0b\r\n",
    "\\",
    "\u{202e}right to left עברית",
    "\u{2028}\u{85}\u{feff}",
    "# 1 2",
    " ",
];

/// More of them: that client looks for the end of an exemplar's labels without regard to quotes.
const MISREAD: [&str; 4] = ["\"} 1\n# EOF\n", "\\n\\\"", "}", "\"}"];

/// Exemplars of such traces, each in a bucket of its own.
fn with_traces(traces: &[&str]) -> Snapshot {
    let engine = Engine::open(r#"{"clock": "manual"}"#).unwrap();
    let options = MetricOptions::parse(r#"{"unit": "seconds"}"#, Kind::Histogram).unwrap();
    let wait = engine.histogram("wait", &options).unwrap();
    for (trace, value) in traces.iter().zip([0.004, 0.02, 0.09, 0.4, 2.0, 7.0]) {
        engine.record_exemplar(wait, value, trace).unwrap();
    }
    engine.snapshot()
}

/// The exemplars in `text`: the bound of their bucket, and what follows ` # `.
fn exemplars(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter(|line| line.contains("_bucket{"));
    lines
        .filter_map(|line| {
            let (sample, exemplar) = line.split_once(" # ")?;
            let (_, bound) = sample.split_once("le=\"")?;
            Some((bound.split_once('"')?.0, exemplar))
        })
        .collect()
}

/// A histogram of a real engine with an edge that no bound has, and values on either side of it.
fn with_edges() -> Snapshot {
    let engine = Engine::open(r#"{"clock": "manual"}"#).unwrap();
    let options = MetricOptions::parse(
        r#"{"unit": "seconds", "edges": [0.2, 0.2004, 2500000]}"#,
        Kind::Histogram,
    )
    .unwrap();
    let wait = engine.histogram("wait", &options).unwrap();
    for value in [0.1, 0.1999, 0.2, 0.2000001, 0.2003, 0.2005, 3.0, 4e6] {
        engine.record(wait, value).unwrap();
    }
    engine.snapshot()
}

#[test]
fn counters_lose_total_in_their_family_and_the_text_ends_with_eof() {
    let text = render(Format::OpenMetrics, &rich());
    assert!(text.ends_with("\n# EOF\n"));
    assert_eq!(text.matches("# EOF").count(), 1);
    assert!(
        text.contains(
            "# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\nsent_bytes_total 1024\n"
        )
    );
    assert!(text.contains("# TYPE tidegate info\n"));
    assert!(text.contains("\ntidegate_info{"));
    assert!(text.contains("# TYPE db_query_seconds histogram\n# UNIT db_query_seconds seconds\n# HELP db_query_seconds How long queries take,\\n\\\\ whatever \\\"they\\\" ask\n"));
    for line in text.lines().filter(|line| line.starts_with('#')) {
        let kinds = ["# TYPE ", "# UNIT ", "# HELP ", "# EOF"];
        assert!(kinds.iter().any(|kind| line.starts_with(kind)), "{line}");
    }
    assert!(!text.contains("\n\n"));
}

#[test]
fn what_clashes_there_is_left_out_and_counted() {
    let mut snapshot = empty();
    snapshot.families = vec![
        counter("x", 1),
        gauge("x_created", 2.0),
        gauge("x_total", 3.0),
        histogram("y", distribution(&[1.0]), distribution(&[1.0])),
        gauge("y_sum", 4.0),
    ];
    let text = render(Format::OpenMetrics, &snapshot);
    assert!(text.contains("tidegate_skipped_series 3\n"), "{text}");
    assert!(!text.contains("x_created"));
    assert!(render(Format::Prometheus, &snapshot).contains("\nx_created 2\n"));
}

#[test]
fn created_is_said_on_request_only() {
    let created = created();
    let text = render_selected(Format::OpenMetrics, &rich(), &created).unwrap();
    assert!(text.contains("\nsent_bytes_created 1763699997.956\n"));
    assert!(text.contains("\nreply_bytes_created 1763699997.956\n"));
    assert!(!render(Format::OpenMetrics, &rich()).contains("bytes_created"));
    assert_eq!(
        render_selected(Format::Prometheus, &rich(), &created).unwrap(),
        render(Format::Prometheus, &rich())
    );
}

#[test]
fn an_edge_is_an_exact_bound() {
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = render(format, &with_edges());
        for (bound, count) in [
            ("0.1", 1),
            ("0.2", 3),
            ("0.2004", 5),
            ("0.25", 6),
            ("5.0", 7),
            ("10.0", 7),
            ("2.5e+06", 7),
            ("+Inf", 8),
        ] {
            let line = format!("\nwait_seconds_bucket{{le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line} is not in {text}");
        }
    }
}

#[test]
fn an_exemplar_stands_on_the_bucket_of_its_value() {
    let snapshot = with_exemplars();
    let text = render(Format::OpenMetrics, &snapshot);
    let found = exemplars(&text);
    let bounds: Vec<&str> = found.iter().map(|(bound, _)| *bound).collect();
    assert_eq!(bounds, ["0.005", "0.1", "0.25", "5.0", "+Inf"], "{text}");
    let kept = &snapshot.families[0].series[0].exemplars;
    let at = |value: f64| {
        let exemplar = kept.iter().find(|exemplar| exemplar.value == value);
        exemplar.unwrap().wall_ns as f64 / 1e9
    };
    for (number, expected) in [
        format!("{{trace_id=\"fast\"}} 0.004 {}", at(0.004)),
        format!("{{trace_id=\"newer\"}} 0.09 {}", at(0.09)),
        format!("{{trace_id=\"at the bound\"}} 0.25 {}", at(0.25)),
        format!(
            "{{trace_id=\"\\\"quoted\\\" \\\\ and\\nbroken # {{a=\\\"b\\\"}} 1 2\"}} 3 {}",
            at(3.0)
        ),
        format!("{{trace_id=\"🦀 beyond all bounds\"}} 1000 {}", at(1000.0)),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(found[number].1, expected);
    }
    assert!(exemplars(&render(Format::Prometheus, &snapshot)).is_empty());
}

#[test]
fn exemplars_that_openmetrics_has_no_place_for_are_left_out() {
    let mut snapshot = empty();
    let mut wait = histogram("wait", distribution(&[1.0]), distribution(&[1.0]));
    let exemplar = |value: f64, characters: usize| ExemplarReading {
        value,
        wall_ns: 1_763_700_100_500_000_000,
        trace_id: "ß".repeat(characters),
    };
    wait.series[0].exemplars = vec![
        exemplar(f64::NAN, 3),
        exemplar(f64::INFINITY, 3),
        exemplar(0.7, 0),
        exemplar(0.9, 121),
        exemplar(1.5, 120),
    ];
    snapshot.families = vec![wait];
    let text = render(Format::OpenMetrics, &snapshot);
    let longest = format!("{{trace_id=\"{}\"}} 1.5 1763700100.5", "ß".repeat(120));
    assert_eq!(exemplars(&text), [("2.5", longest.as_str())]);
}

#[test]
fn only_chosen_names_are_written() {
    let selection = Selection::parse(r#"{"names": ["db.*", "sent"]}"#).unwrap();
    for format in [Format::Prometheus, Format::OpenMetrics, Format::Json] {
        let text = render_selected(format, &rich(), &selection).unwrap();
        assert!(text.contains("db") && text.contains("sent"));
        assert!(!text.contains("queries_"), "{text}");
        assert!(!text.contains("login"), "{text}");
    }
    assert_eq!(
        render_selected(Format::HealthJson, &rich(), &selection).unwrap(),
        render(Format::HealthJson, &rich())
    );
}

#[test]
fn a_trace_of_whatever_text_stands_in_its_line() {
    let long = "x".repeat(10_000);
    for traces in [&STRANGE[..], &MISREAD, &[&long]] {
        let snapshot = with_traces(traces);
        let text = render(Format::OpenMetrics, &snapshot);
        let lines = text.lines();
        let buckets = lines.filter(|line| line.starts_with("wait_seconds_bucket{"));
        assert_eq!(buckets.count(), 12, "{text}");
        let kept = &snapshot.families[0].series[0].exemplars;
        assert_eq!(kept.len(), traces.len());
        let shown = exemplars(&text);
        for (exemplar, (_, shown)) in kept.iter().zip(shown) {
            let escaped = exemplar.trace_id.replace('\\', "\\\\");
            let escaped = escaped.replace('"', "\\\"").replace('\n', "\\n");
            let expected = format!("{{trace_id=\"{escaped}\"}} {} ", exemplar.value);
            assert!(shown.starts_with(&expected), "{shown}");
        }
    }
}

#[test]
fn the_strict_parser_reads_what_is_written() {
    const PROGRAM: &str = "
import sys
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    sys.exit(77)
text = sys.stdin.buffer.read().decode('utf-8')
samples = [s for f in text_string_to_metric_families(text) for s in f.samples]
with_exemplar = [s for s in samples if s.exemplar]
for s in with_exemplar:
    assert s.name.endswith('_bucket'), s
    assert s.exemplar.value <= float(s.labels['le']) and s.exemplar.timestamp, s
    assert s.exemplar.labels['trace_id'], s
print(len(samples), len(with_exemplar))
";
    let snapshots = [
        empty(),
        rich(),
        hostile(),
        with_edges(),
        with_exemplars(),
        with_facts(),
        merged(hostile()),
        merged(with_facts()),
        merged(with_exemplars()),
        with_traces(&STRANGE),
    ];
    for snapshot in snapshots {
        for selection in [Selection::default(), created()] {
            let text = render_selected(Format::OpenMetrics, &snapshot, &selection).unwrap();
            let started = Command::new("python3")
                .args(["-c", PROGRAM])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let Ok(mut python) = started else {
                return eprintln!("skipped: python3 is not installed");
            };
            let _ = python.stdin.take().unwrap().write_all(text.as_bytes());
            let output = python.wait_with_output().unwrap();
            if output.status.code() == Some(77) {
                return eprintln!("skipped: Python has no prometheus_client");
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}\n{text}");
            let samples = text.lines().filter(|line| !line.starts_with('#')).count();
            let found = String::from_utf8_lossy(&output.stdout).into_owned();
            let shown = exemplars(&text).len();
            assert_eq!(found.trim(), format!("{samples} {shown}"));
        }
    }
}
