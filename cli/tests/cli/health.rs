//! `health` and `events` on regions that this process writes.

use crate::program::{Folder, run, sentence_of, stdout_of, tidegate};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use tidegate::engine::Engine;

fn engine(path: &Path, rest: &str) -> Engine {
    let config = format!(r#"{{"region": {{"path": {path:?}}}, {rest}}}"#);
    Engine::open(&config).expect("an engine")
}

fn arguments<'a>(verb: &'a str, path: &'a Path, flags: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![verb, path.to_str().expect("UTF-8")];
    all.extend(flags);
    all
}

#[test]
fn health_is_a_word_and_an_exit_code() {
    let folder = Folder::new();
    let path = folder.path("region");
    let checks = r#""health": {"minimum_samples": 1, "checks": [
        {"histogram": "seconds", "p95": {"warn": 1, "fail": 10}}]}"#;
    let engine = engine(&path, checks);
    let said = |flags: &[&str]| run(arguments("health", &path, flags));
    engine.record_metric(b"seconds", 0.5).expect("recorded");
    assert_eq!(stdout_of(&said(&[])), "healthy\n");
    for _ in 0..9 {
        engine.record_metric(b"seconds", 5.0).expect("recorded");
    }
    assert_eq!(stdout_of(&said(&[])), "degraded\n");
    for _ in 0..99 {
        engine.record_metric(b"seconds", 50.0).expect("recorded");
    }
    let failed = said(&[]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(failed.stdout, b"unhealthy\n");
    assert_eq!(failed.stderr, b"");
    // Others' slowness is no reason to restart this one.
    assert_eq!(stdout_of(&said(&["--probe", "liveness"])), "healthy\n");
    let document: serde_json::Value =
        serde_json::from_slice(&said(&["--json"]).stdout).expect("JSON");
    assert_eq!(document["status"], "fail");
}

#[test]
fn events_are_lines_of_json_and_can_be_followed() {
    let folder = Folder::new();
    let path = folder.path("region");
    let engine = engine(&path, r#""bulkheads": {"db": {"max_concurrent": 1}}"#);
    assert_eq!(stdout_of(&run(arguments("events", &path, &[]))), "");
    let mut follower = tidegate(arguments("events", &path, &["--follow"]))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(follower.stdout.take().expect("piped"));
    let db = engine.find_bulkhead("db").expect("there");
    engine
        .enter_bulkhead(db, None)
        .expect("asked")
        .expect("admitted");
    assert_eq!(engine.enter_bulkhead(db, None).expect("asked"), None);
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    follower.kill().expect("killed");
    follower.wait().expect("gone");
    let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(event["event"], "denial");
    assert_eq!(event["name"], "db");
    assert_eq!(stdout_of(&run(arguments("events", &path, &[]))), line);
}

#[test]
fn a_region_that_is_not_there_is_told() {
    let folder = Folder::new();
    let path = folder.path("nothing");
    for verb in ["health", "events"] {
        let sentence = sentence_of(&run(arguments(verb, &path, &[])), 1);
        assert!(sentence.contains("no region"), "{sentence}");
    }
}
