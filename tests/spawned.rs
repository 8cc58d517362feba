//! Processes that share nothing but a path: this program, started several times. The same on every
//! system, also where there is no fork.

mod common;

use common::TempRegion;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tidegate::engine::{Engine, Limiter};
use tidegate::guard::Verdict;
use tidegate::metrics::MetricOptions;

const PROCESSES: u64 = 4;
const ADDED: u64 = 10_000;
const BURST: u64 = 300;
/// Says to a child which configuration to open, and what to do then.
const CONFIG: &str = "TIDEGATE_TEST_CONFIG";
const TASK: &str = "TIDEGATE_TEST_TASK";

fn plain() -> MetricOptions {
    MetricOptions::default()
}

fn limiter(engine: &Engine) -> Limiter {
    let config =
        format!(r#"{{"algorithm": "token_bucket", "rate_per_second": 0.001, "burst": {BURST}}}"#);
    engine
        .open_limiter_from("limit", &config)
        .expect("a limiter")
}

/// Takes until the limit is reached; how many there were.
fn take_all(engine: &Engine) -> u64 {
    let limiter = limiter(engine);
    let asked = (0..BURST).map(|_| engine.check(limiter, None, 1, None).expect("checked"));
    asked
        .filter(|verdict| *verdict == Verdict::Admitted)
        .count() as u64
}

/// Kills what still runs when a test fails.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(config: &str, task: &str) -> Started {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "what_a_started_process_does", "--nocapture"])
        .env(CONFIG, config)
        .env(TASK, task)
        .stdout(Stdio::null());
    Started(command.spawn().expect("started"))
}

#[test]
fn what_a_started_process_does() {
    let (Ok(config), Ok(task)) = (std::env::var(CONFIG), std::env::var(TASK)) else {
        return;
    };
    let engine = Engine::open(&config).expect("the region opens");
    let counter = |name: &str| engine.counter(name, &plain()).expect("a counter");
    match task.as_str() {
        "count" => {
            let requests = counter("requests");
            for _ in 0..ADDED {
                engine.add(requests, 1).expect("added");
            }
            let admitted = take_all(&engine);
            engine.add(counter("admitted"), admitted).expect("added");
        }
        _ => {
            let config = r#"{"max_concurrent": 1}"#;
            let inside = engine.open_bulkhead_from("inside", config);
            let inside = inside.expect("a bulkhead");
            let permit = engine.enter_bulkhead(inside, None).expect("asked");
            assert!(permit.is_some());
            engine.add(counter("entered"), 1).expect("added");
            loop {
                std::thread::park();
            }
        }
    }
}

#[test]
fn one_path_is_one_region_with_one_limit_and_one_count() {
    let region = TempRegion::new("spawned");
    let config = region.config("");
    let children: Vec<Started> = (0..PROCESSES).map(|_| start(&config, "count")).collect();
    let folder = region.path().parent().unwrap_or(Path::new("."));
    for mut child in children {
        let ended = child.0.wait().expect("it ends");
        assert!(ended.success(), "{ended}");
        let left = format!(".tidegate-{}-", child.0.id());
        let mut files = std::fs::read_dir(folder).expect("listed").flatten();
        let is_left = |name: std::ffi::OsString| name.to_string_lossy().starts_with(&left);
        assert!(!files.any(|file| is_left(file.file_name())), "{left}");
    }
    let engine = region.open("");
    let count = |name: &str| engine.count(engine.counter(name, &plain()).expect("a counter"));
    assert_eq!(count("requests"), Ok(PROCESSES * ADDED));
    assert_eq!(count("admitted"), Ok(BURST));
    assert_eq!(take_all(&engine), 0);
    let observer = Engine::attach(region.path()).expect("an observer");
    let seen = observer.snapshot();
    let alive: Vec<u32> = seen
        .engine
        .workers
        .iter()
        .map(|worker| worker.pid)
        .collect();
    assert_eq!(alive, [std::process::id()], "the others closed");
    assert!(observer.counter("new", &plain()).is_err());
}

#[test]
fn what_a_killed_process_held_comes_back_and_what_it_counted_stays() {
    let region = TempRegion::new("killed");
    let engine = region.open("");
    let entered = engine.counter("entered", &plain()).expect("a counter");
    let inside = engine
        .open_bulkhead_from("inside", r#"{"max_concurrent": 1}"#)
        .expect("a bulkhead");
    for round in 1..=3 {
        let mut child = start(&region.config(""), "hold");
        common::wait_until("a child inside", || engine.count(entered) == Ok(round));
        assert_eq!(engine.enter_bulkhead(inside, None), Ok(None));
        child.0.kill().expect("killed");
        child.0.wait().expect("gone");
        let permit = engine.enter_bulkhead(inside, None).expect("asked");
        let permit = permit.expect("the dead give their place back");
        engine.leave_bulkhead(inside, permit).expect("left");
    }
    assert_eq!(engine.count(entered), Ok(3));
}

#[test]
fn a_region_that_nobody_uses_is_kept_and_opened_again() {
    let region = TempRegion::new("kept");
    for round in 1..=3 {
        let engine = region.open("");
        let requests = engine.counter("requests", &plain()).expect("a counter");
        engine.add(requests, 1).expect("added");
        assert_eq!(engine.count(requests), Ok(round));
    }
    std::fs::remove_file(region.path()).expect("nobody holds it");
    let engine = region.open("");
    let requests = engine.counter("requests", &plain()).expect("a counter");
    assert_eq!(engine.count(requests), Ok(0));
}
