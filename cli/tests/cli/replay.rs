//! `replay` on a small log whose results were worked out on paper, and on bad input.

use crate::program::{Folder, run, run_with, sentence_of, stdout_of};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A report without what differs from run to run.
fn report(text: &str) -> Value {
    let mut report: Value = serde_json::from_str(text).expect("JSON");
    let fields = report.as_object_mut().expect("an object");
    fields.remove("speed").expect("a speed");
    fields.remove("log").expect("the name of the log");
    report
}

fn replay(log: &Path) -> Value {
    report(&stdout_of(&run([
        "replay",
        "--json",
        "--config",
        &data("small.json"),
        log.to_str().unwrap(),
    ])))
}

fn replay_bytes(log: &[u8]) -> Value {
    report(&stdout_of(&run_with(
        ["replay", "--json", "--config", &data("small.json"), "-"],
        log,
    )))
}

fn line(client: &str, second: u32) -> String {
    format!("{client} - - [17/May/2015:10:05:{second:02} +0000] \"GET / HTTP/1.1\" 200 10\n")
}

#[test]
fn a_small_log_gives_what_was_worked_out_on_paper() {
    let report = replay(Path::new(&data("small.log")));
    assert_eq!(report["lines"], 17);
    assert_eq!(report["requests"], 14);
    assert_eq!(
        report["malformed"],
        json!({"lines": 3, "first": [
            {"line": 9, "why": "there is no time in brackets"},
            {"line": 12, "why": "the line is empty"},
            {"line": 13, "why": "there is no such time as in the brackets"},
        ]})
    );
    assert_eq!(report["cut_short"]["lines"], 1);
    assert_eq!(report["cut_short"]["first"][0]["line"], 17);
    assert_eq!(
        report["time"],
        json!({
            "first": "2024-02-29 23:59:50 UTC",
            "last": "2024-03-01 00:00:52 UTC",
            "first_unix": 1_709_251_190,
            "last_unix": 1_709_251_252,
            "span_seconds": 62,
            "steps_back": {"lines": 1, "largest_seconds": 5},
            "behind_clock": {"lines": 1, "largest_seconds": 5},
        })
    );
    let counts = |name: &str| {
        let limiters = report["limiters"].as_array().expect("limiters");
        let found = limiters
            .iter()
            .find(|limiter| limiter["name"] == name)
            .expect("the limiter");
        (
            found["admitted"].as_u64().unwrap(),
            found["denied"].as_u64().unwrap(),
        )
    };
    // 192.0.2.1 asks at seconds 50 to 56, at 51 (judged at 56), 110 and 111. Five a minute: 55, 56
    // and the late one are denied; at 110 the one of 50 is exactly a minute old and so out, at 111
    // the one of 51. The other four clients' requests all pass.
    assert_eq!(counts("five_a_minute"), (11, 3));
    // The bucket of three gets half a unit a second: after 50 it has 2, 51: 1.5, 52: 1, 53: 0.5,
    // 54 takes the one it then has: 0, 55: denied with a half, 56: 0, the late one is denied.
    assert_eq!(counts("bucket"), (12, 2));
    // One for all: the first ten of fourteen within the hour.
    assert_eq!(counts("all_together"), (10, 4));
    assert_eq!(
        report["responses"],
        json!({"1xx": 0, "2xx": 9, "3xx": 1, "4xx": 2, "5xx": 2})
    );
    assert_eq!(report["sizes"]["count"], 12);
    assert_eq!(report["sizes"]["without"], 2);
    assert_eq!(report["sizes"]["sum"], 2800.0 + 1000.0 + 0.0 + 100.0 + 7.0);
    assert_eq!(report["sizes"]["max"], 1000.0);
    assert_eq!(report["clients"]["known"], 4);
    assert_eq!(
        report["clients"]["requests_per_client"],
        json!({"mean": 3.5, "p50": 1, "p95": 10, "p99": 10, "max": 10})
    );
    assert_eq!(
        report["clients"]["top_denied"],
        json!([
            {"client": "192.0.2.1", "denied": 5, "requests": 10},
            {"client": "192.0.2.9", "denied": 1, "requests": 2},
            {"client": "\u{fffd}\u{fffd}", "denied": 1, "requests": 1},
        ])
    );
    assert_eq!(
        (&report["denied_by_any"], &report["admitted_by_all"]),
        (&json!(7), &json!(7))
    );
}

#[test]
fn gzip_pipes_and_carriage_returns_change_nothing() {
    let folder = Folder::new();
    let plain = std::fs::read(data("small.log")).unwrap();
    let expected = replay(Path::new(&data("small.log")));
    assert_eq!(replay_bytes(&plain), expected);
    assert_eq!(replay_bytes(&gzip(&plain)), expected);
    assert_eq!(replay(&folder.file("no-suffix", &gzip(&plain))), expected);
    // Rotated logs are concatenated: the second stream begins in the middle of a line.
    let (first, second) = plain.split_at(plain.len() / 2);
    assert_eq!(
        replay_bytes(&[gzip(first), gzip(second)].concat()),
        expected
    );
    let dos: Vec<u8> = plain
        .iter()
        .flat_map(|byte| match byte {
            b'\n' => vec![b'\r', b'\n'],
            other => vec![*other],
        })
        .collect();
    assert_eq!(replay_bytes(&dos), expected);
    // Without the last line end.
    assert_eq!(replay_bytes(&plain[..plain.len() - 1]), expected);
}

#[test]
fn time_never_goes_back() {
    let mut log = String::new();
    for second in [30, 30, 30, 10, 59, 0, 58, 57] {
        log += &line("192.0.2.1", second);
    }
    let report = replay_bytes(log.as_bytes());
    assert_eq!(
        report["time"]["steps_back"],
        json!({"lines": 3, "largest_seconds": 59})
    );
    assert_eq!(
        report["time"]["behind_clock"],
        json!({"lines": 4, "largest_seconds": 59})
    );
    assert_eq!(report["time"]["span_seconds"], 59);
    let bucket = &report["limiters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|limiter| limiter["name"] == "bucket")
        .unwrap();
    // 3 at 30, none at 10; 29 s later full again: 3 of the last four.
    assert_eq!(
        (&bucket["admitted"], &bucket["denied"]),
        (&json!(6), &json!(2))
    );
}

#[test]
fn times_at_the_ends_of_the_calendar_are_survived() {
    let log = [
        line("192.0.2.1", 1),
        line("192.0.2.1", 2).replace("2015", "9999"),
        line("192.0.2.1", 3).replace("2015", "0000"),
    ]
    .concat();
    let report = replay_bytes(log.as_bytes());
    assert_eq!(report["requests"], 3);
    assert_eq!(report["time"]["steps_back"]["lines"], 1);
    assert_eq!(report["time"]["last"], "9999-05-17 10:05:02 UTC");
}

#[test]
fn a_line_without_end_is_one_malformed_line() {
    let mut log = line("192.0.2.1", 1).into_bytes();
    log.extend(vec![b'a'; 1 << 20]);
    log.extend(b"\n");
    log.extend(line("192.0.2.1", 2).bytes());
    let report = replay_bytes(&log);
    assert_eq!(
        (&report["lines"], &report["requests"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        report["malformed"]["first"],
        json!([{"line": 2, "why": "the line has more than 65536 bytes"}])
    );
}

#[test]
fn a_log_of_another_kind_is_a_failure_and_an_empty_one_is_not() {
    let output = run_with(["replay", "-"], b"one\ntwo\n");
    assert!(sentence_of(&output, 1).contains("no line is in Common or Combined Log Format"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("line 1: there is only one field"), "{text}");
    assert_eq!(replay_bytes(b"")["requests"], 0);
    assert!(
        sentence_of(&run(["replay", "/nowhere/access.log"]), 1).contains("/nowhere/access.log")
    );
    assert!(sentence_of(&run(["replay", "/"]), 1).contains("directory"));
}

#[test]
fn a_gzip_stream_that_breaks_off_reports_what_was_read() {
    let mut log = String::new();
    for request in 0..20_000 {
        log += &line(&format!("192.0.2.{}", request % 251), request % 60);
    }
    let packed = gzip(log.as_bytes());
    let output = run_with(["replay", "--json", "-"], &packed[..packed.len() / 2]);
    assert!(sentence_of(&output, 1).contains("cannot read on after line"));
    let report = report(std::str::from_utf8(&output.stdout).unwrap());
    let requests = report["requests"].as_u64().unwrap();
    assert!(requests > 1000 && requests < 20_000, "{requests}");
    assert!(
        report["stopped"]
            .as_str()
            .unwrap()
            .contains("cannot read on")
    );
}

#[test]
fn progress_is_told_when_asked_for() {
    let log: String = (0..10).map(|second| line("192.0.2.1", second)).collect();
    let output = run_with(["replay", "--progress", "4", "-"], log.as_bytes());
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(
        told.starts_with("4 lines, at 2015-05-17 10:05:03 UTC"),
        "{told}"
    );
    assert!(stdout_of(&output).contains("10 requests, 0 malformed"));
}

#[test]
fn the_service_s_own_region_and_series_limits_are_left_alone() {
    let folder = Folder::new();
    let region = folder.path("region");
    let config = json!({
        "clock": "real",
        "region": {"path": region.to_str(), "size_bytes": 4 << 20},
        "metrics": {"max_series": 1, "max_series_per_name": 1},
        "limiters": {"one": {"preset": "auth"}},
    });
    let config = folder.file("config.json", config.to_string().as_bytes());
    let arguments = [
        "replay",
        "--json",
        "--config",
        config.to_str().unwrap(),
        &data("small.log"),
    ];
    let report = report(&stdout_of(&run(arguments)));
    assert_eq!(report["responses"]["2xx"], 9);
    assert_eq!(report["limiters"][0]["admitted"], 5);
    assert!(!region.exists());
}

#[test]
fn a_wrong_configuration_names_the_file_and_the_field() {
    let folder = Folder::new();
    let config = folder.file("c.json", br#"{"limiters": {"a": {"preset": "none"}}}"#);
    let output = run([
        "replay",
        &data("small.log"),
        "--config",
        config.to_str().unwrap(),
    ]);
    let sentence = sentence_of(&output, 1);
    assert!(
        sentence.contains("c.json") && sentence.contains("limiters.a.preset"),
        "{sentence}"
    );
}
