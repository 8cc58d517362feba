//! Whatever a word of a region's file is changed to, guards, operations, events, logs, health and
//! objectives give an answer or an error: nobody panics, crashes or hangs.

#![cfg(unix)]

mod common;

use common::{Random, TempRegion, damage};
use std::path::Path;
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Details, Engine, Probe};
use tidegate::export::{self, Format};
use tidegate::guard::BreakerPhase as Phase;
use tidegate::guard::chain::{Answer, Request};
use tidegate::guard::retry::Attempt;
use tidegate::health::Status;
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::region::Region;
use tidegate::region::header;
use tidegate::region::layout::Limits;
use tidegate::snapshot::Hits;

/// Words that are tried in one run, spread over all that are used.
const CASES: usize = 1500;

fn config(path: &Path) -> String {
    format!(
        r#"{{"region": {{"path": "{}"}},
            "objectives": [{{"name": "good", "operation": "query", "success_ratio": 0.99}}],
            "health": {{"checks": [
                {{"breaker": "breaker", "state": {{"fail": "open"}}}},
                {{"bulkhead": "bulkhead", "saturation": {{"fail": 1}}}},
                {{"operation": "query", "p95_seconds": {{"fail": 1}}, "error_rate": {{"fail": 0.5}}}},
                {{"objective": "good", "budget_left": {{"fail": 0}}}},
                {{"ratio": "cache", "preset": "cache"}},
                {{"reported": "disk"}}]}}}}"#,
        path.display()
    )
}

/// Makes a small region in which everything is used; its words, and how many are in use.
fn make(path: &Path) -> (Vec<u64>, usize) {
    let limits = Limits {
        total_words: 60_000,
        max_series: 24,
        max_series_per_name: 4,
        max_limiters: 4,
        max_guards: 10,
        max_operations: 4,
        max_events: 64,
        max_workers: 4,
        max_shards: 2,
        stripes: 2,
        slot_ns: 1_000_000_000,
        manual_clock: true.into(),
    };
    drop(Region::open(path, limits, "damaged").expect("a region"));
    let engine = Engine::open(&config(path)).expect("a whole region opens");
    for _ in 0..3 {
        use_everything(&engine);
    }
    let used = engine.region().words().load(header::HEAP_NEXT) as usize;
    std::mem::forget(engine);
    (damage::words_of(path), used)
}

/// Everything that can be done; answers do not matter, only that there are answers.
fn use_everything(engine: &Engine) {
    for round in 0..2u32 {
        breakers(engine, round);
        bulkheads(engine);
        others(engine, round);
        records(engine, round);
        let _ = engine.advance_clock(1_300_000_000);
        let _ = engine.tick();
    }
    look(engine);
}

fn outcome(number: u32) -> Outcome {
    [Outcome::Success, Outcome::Failure, Outcome::Ignored][number as usize % 3]
}

fn breakers(engine: &Engine, round: u32) {
    for (name, config) in [
        (
            "breaker",
            r#"{"minimum_calls": 4, "slow_call_seconds": 1, "open_seconds": 1, "ramp_seconds": 2}"#,
        ),
        (
            "last_calls",
            r#"{"minimum_calls": 4, "window": {"calls": 9}, "consecutive_failures": 3}"#,
        ),
    ] {
        let opened = engine.open_breaker_from(name, config);
        let Ok(breaker) = opened.or_else(|_| engine.find_breaker(name)) else {
            continue;
        };
        for number in 0..12 {
            if let Ok(Some(permit)) = engine.acquire(breaker) {
                let _ = engine.report(
                    breaker,
                    permit,
                    outcome(number % 2),
                    f64::from(number) / 5.0,
                );
                let _ = engine.report(breaker, permit, outcome(number), 0.0);
            }
        }
        let _ = engine.report(breaker, u64::MAX - u64::from(round), Outcome::Failure, 1.0);
        let _ = engine.breaker_phase(breaker);
        let _ = engine.set_breaker(
            breaker,
            [Phase::HalfOpen, Phase::Closed][round as usize % 2],
        );
        let _ = engine.acquire(breaker);
        let _ = engine.read_breaker(breaker);
    }
}

fn bulkheads(engine: &Engine) {
    for (name, config) in [
        ("bulkhead", r#"{"max_concurrent": 3}"#),
        (
            "keyed",
            r#"{"max_concurrent": 2, "keyed": true, "max_keys": 8}"#,
        ),
        (
            "measured",
            r#"{"adaptive": {"algorithm": "aimd", "initial": 4, "min": 1, "max": 8}}"#,
        ),
    ] {
        let opened = engine.open_bulkhead_from(name, config);
        let Ok(bulkhead) = opened.or_else(|_| engine.find_bulkhead(name)) else {
            continue;
        };
        for key in 0..5u8 {
            let key = [key % 3];
            let key = (name == "keyed").then_some(key.as_slice());
            if let Ok(Some(permit)) = engine.enter_bulkhead(bulkhead, key) {
                let _ = engine.leave_bulkhead_with(bulkhead, permit, Outcome::Success, 0.1);
                let _ = engine.enter_bulkhead(bulkhead, key);
            }
        }
        let _ = engine.leave_bulkhead(bulkhead, 7);
        let _ = engine.read_bulkhead(bulkhead);
    }
}

fn others(engine: &Engine, round: u32) {
    let opened = engine.open_retry_from("retry", r#"{"max_attempts": 4}"#);
    if let Ok(retry) = opened.or_else(|_| engine.find_retry("retry")) {
        for number in 1..5 {
            let attempt = Attempt {
                number,
                elapsed_ns: u64::from(round),
                server_retry_after_ns: 0,
            };
            let _ = engine.next_attempt(retry, attempt);
        }
        let _ = engine.read_retry(retry);
    }
    let opened = engine.open_throttle_from("throttle", "{}");
    if let Ok(throttle) = opened.or_else(|_| engine.find_throttle("throttle")) {
        for number in 0..20 {
            let _ = engine.acquire_throttle(throttle);
            let _ = engine.report_throttle(throttle, outcome(number));
        }
    }
    let limit = r#"{"algorithm": "token_bucket", "rate_per_second": 5, "burst": 3}"#;
    let _ = engine.open_limiter_from("limiter", limit);
    let chain =
        r#"{"retry": "retry", "bulkhead": "bulkhead", "breaker": "breaker", "limiter": "limiter"}"#;
    let opened = engine.open_guard_from("chain", chain);
    if let Ok(guard) = opened.or_else(|_| engine.find_guard("chain")) {
        for attempt in 1..6 {
            let request = Request {
                key: None,
                cost: 1,
                attempt,
            };
            if let Ok(Answer::Admitted(permit)) = engine.acquire_guard(guard, request) {
                let _ = engine.report_guard(guard, permit, outcome(attempt), 0.2);
            }
        }
    }
    let _ = engine.events(0, 50);
    let _ = engine.events(u64::MAX - 3, 50);
}

fn records(engine: &Engine, round: u32) {
    if let Ok(operation) = engine.operation("query", &MetricOptions::default()) {
        for number in 0..9 {
            let details = Details {
                error_code: (number % 3 == 1).then_some("E17"),
                message: Some("the disk is full"),
                detail: Some("select 1"),
                trace_id: Some("4bf92f3577b34da6"),
            };
            let seconds = f64::from(number * (round + 1)) / 3.0;
            let _ = engine.record_operation_with(operation, seconds, outcome(number), &details);
        }
        let _ = engine.read_operation(operation, 3.0);
    }
    if let Ok(ratio) = engine.ratio("cache", &MetricOptions::default()) {
        let _ = engine.record_ratio(
            ratio,
            Hits {
                hits: 30,
                misses: 9,
            },
        );
        let _ = engine.read_ratio(ratio, 2.0);
    }
    if let Ok(histogram) = engine.histogram("wait", &MetricOptions::default()) {
        let _ = engine.record_exemplar(histogram, 0.3, "trace");
    }
    let options = MetricOptions::parse(r#"{"states": ["red", "green"]}"#, Kind::Enum);
    if let Ok(light) = options.and_then(|options| engine.enumeration("light", &options)) {
        let _ = engine.set_state(light, "green");
    }
    let _ = engine.set_info("build", r#"{"version": "1"}"#);
    let _ = engine.report_error("E1", "something");
    let _ = engine.report_health("disk", Status::Degraded, 0.9, "nearly full", 5_000_000_000);
    let _ = engine.heartbeat();
    let _ = engine.startup_done();
}

fn look(engine: &Engine) {
    for probe in [Probe::Liveness, Probe::Readiness, Probe::Startup] {
        let _ = engine.health(probe);
    }
    let snapshot = engine.snapshot();
    for format in [
        Format::Json,
        Format::Prometheus,
        Format::OpenMetrics,
        Format::HealthJson,
        Format::HealthSimple,
        Format::HdrLog,
    ] {
        let _ = export::render(format, &snapshot);
    }
}

fn attempt(path: &Path) {
    if let Ok(observer) = Engine::attach(path) {
        look(&observer);
    }
    if let Ok(engine) = Engine::open(&config(path)) {
        use_everything(&engine);
    }
}

/// A word's number, and what it becomes.
fn cases(whole: &[u64], used: usize) -> Vec<(usize, u64)> {
    let filled: Vec<usize> = (0..used).filter(|at| whole[*at] != 0).collect();
    let empty: Vec<usize> = (0..used).filter(|at| whole[*at] == 0).collect();
    let mut random = Random(0x7157_ab1e);
    let mut all = Vec::with_capacity(CASES);
    let step = empty.len().div_ceil(CASES / 4).max(1);
    all.extend(empty.iter().step_by(step).map(|at| (*at, random.next())));
    let step = (4 * filled.len()).div_ceil(CASES - all.len()).max(1);
    let changes = filled
        .iter()
        .flat_map(|at| (0..4).map(move |change| (*at, change)));
    all.extend(changes.step_by(step).map(|(at, change)| {
        let word = whole[at];
        (
            at,
            [!word, u64::MAX, 0, word ^ 1 << random.below(64)][change],
        )
    }));
    all
}

#[test]
fn guards_and_records_answer_whatever_a_word_is() {
    let _alone = common::alone();
    let region = TempRegion::new("whole");
    let (whole, used) = make(region.path());
    damage::try_all(
        &cases(&whole, used),
        |(at, word)| {
            let mut words = whole.clone();
            words[*at] = *word;
            words
        },
        |(at, word)| format!("word {at} (was {:#x}): {word:#x}", whole[*at]),
        attempt,
    );
}
