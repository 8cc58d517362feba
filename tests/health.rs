//! Health: each check from both sides, well and not well, on engines and on snapshots.

use serde_json::{Value as Json, json};
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Engine, Probe};
use tidegate::guard::BreakerPhase as Phase;
use tidegate::health::{Finding, Health, Status, judge};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{DiskUsage, Hits, ProcessUsage, Snapshot, WorkerReading};

use Status::{Degraded, Healthy, Unhealthy, Unknown};

const SECOND: u64 = 1_000_000_000;

fn engine(check: Json) -> Engine {
    let config = json!({"clock": "manual", "health": {"checks": [check]}});
    Engine::open(&config.to_string()).expect("an engine")
}

fn found(engine: &Engine) -> Finding {
    let health = judge(&engine.snapshot());
    let http = if health.status == Unhealthy { 503 } else { 200 };
    assert_eq!(health.http_status, http);
    assert_eq!(
        engine.health(Probe::Readiness).expect("a judgement"),
        (health.status, http)
    );
    health.findings.into_iter().next().expect("a finding")
}

fn status(engine: &Engine) -> Status {
    found(engine).status
}

/// The findings of `check` in a snapshot that `change` was done to.
fn judged(check: Json, change: impl FnOnce(&mut Snapshot)) -> Vec<Finding> {
    let engine = engine(check);
    let mut snapshot = engine.snapshot();
    change(&mut snapshot);
    let Health { findings, .. } = judge(&snapshot);
    findings
}

fn only(check: Json, change: impl FnOnce(&mut Snapshot)) -> (Status, Option<f64>) {
    let findings = judged(check, change);
    assert_eq!(findings.len(), 1);
    (findings[0].status, findings[0].observed)
}

#[test]
fn a_breaker_is_as_well_as_its_state() {
    let engine =
        engine(json!({"breaker": "payments", "state": {"warn": "half_open", "fail": "open"}}));
    assert_eq!(status(&engine), Unknown, "nobody opened it yet");
    let config =
        r#"{"minimum_calls": 4, "open_seconds": 5, "open_jitter": 0, "half_open_calls": 1}"#;
    let breaker = engine.open_breaker_from("payments", config).unwrap();
    assert_eq!(status(&engine), Healthy);
    for _ in 0..4 {
        let permit = engine.acquire(breaker).unwrap().expect("closed");
        engine
            .report(breaker, permit, Outcome::Failure, 0.1)
            .unwrap();
    }
    let open = found(&engine);
    assert_eq!((open.status, open.observed), (Unhealthy, Some(2.0)));
    assert_eq!(open.reason, "it is open");
    // It stays open for health until a call asks it.
    engine.advance_clock(5 * SECOND).unwrap();
    let permit = engine.acquire(breaker).unwrap().expect("a probe");
    assert_eq!(status(&engine), Degraded);
    engine
        .report(breaker, permit, Outcome::Success, 0.1)
        .unwrap();
    assert_eq!(status(&engine), Healthy);
    for (phase, expected) in [
        (Phase::ForcedOpen, Unhealthy),
        (Phase::Disabled, Healthy),
        (Phase::Open, Unhealthy),
        (Phase::Closed, Healthy),
    ] {
        engine.set_breaker(breaker, phase).unwrap();
        assert_eq!(status(&engine), expected, "{phase:?}");
    }
}

#[test]
fn an_open_breaker_can_be_a_warning_alone() {
    let engine = engine(json!({"breaker": "payments", "state": {"warn": "open"}}));
    let breaker = engine.open_breaker_from("payments", "{}").unwrap();
    engine.set_breaker(breaker, Phase::HalfOpen).unwrap();
    assert_eq!(status(&engine), Healthy);
    engine.set_breaker(breaker, Phase::Open).unwrap();
    assert_eq!(status(&engine), Degraded);
}

#[test]
fn a_bulkhead_is_full_at_its_limit() {
    let engine = engine(json!({"bulkhead": "db", "saturation": {"warn": 0.5, "fail": 1}}));
    assert_eq!(status(&engine), Unknown);
    let bulkhead = engine
        .open_bulkhead_from("db", r#"{"max_concurrent": 4}"#)
        .unwrap();
    let mut permits = Vec::new();
    for expected in [Healthy, Healthy, Healthy, Degraded, Unhealthy] {
        assert_eq!(status(&engine), expected, "{} inside", permits.len());
        permits.extend(engine.enter_bulkhead(bulkhead, None).unwrap());
    }
    for permit in permits {
        engine.leave_bulkhead(bulkhead, permit).unwrap();
    }
    assert_eq!(status(&engine), Healthy);
}

#[test]
fn a_bulkhead_with_keys_is_as_full_as_its_fullest_key() {
    let engine = engine(json!({"bulkhead": "db", "saturation": {"warn": 0.5, "fail": 1}}));
    let bulkhead = engine
        .open_bulkhead_from(
            "db",
            r#"{"max_concurrent": 4, "keyed": true, "max_keys": 10}"#,
        )
        .unwrap();
    // One call of each of eight keys: a quarter of what each may have.
    for key in b"abcdefgh" {
        engine.enter_bulkhead(bulkhead, Some(&[*key])).unwrap();
    }
    let numbers = |engine: &Engine| engine.snapshot().bulkheads[0].numbers;
    assert_eq!((numbers(&engine).in_use, numbers(&engine).fullest), (8, 1));
    assert_eq!(status(&engine), Healthy);
    let mut held = Vec::new();
    for expected in [Healthy, Degraded, Unhealthy] {
        held.extend(engine.enter_bulkhead(bulkhead, Some(b"c")).unwrap());
        assert_eq!(status(&engine), expected, "{} of one key", held.len() + 1);
    }
    assert_eq!(numbers(&engine).fullest, 4);
    for permit in held {
        engine.leave_bulkhead(bulkhead, permit).unwrap();
    }
    assert_eq!(status(&engine), Healthy);
}

#[test]
fn a_bulkhead_without_places_is_full_as_soon_as_somebody_is_in_it() {
    let check = || json!({"bulkhead": "db", "saturation": {"fail": 1}});
    let engine = engine(check());
    engine
        .open_bulkhead_from("db", r#"{"max_concurrent": 4}"#)
        .unwrap();
    let mut snapshot = engine.snapshot();
    snapshot.bulkheads[0].numbers.limit = 0;
    snapshot.bulkheads[0].numbers.fullest = 3;
    assert_eq!(judge(&snapshot).status, Unhealthy);
}

#[test]
fn a_hit_rate_is_bad_when_it_is_low() {
    let engine = engine(json!({"ratio": "cache", "preset": "cache"}));
    assert_eq!(status(&engine), Unknown);
    let ratio = engine.ratio("cache", &MetricOptions::default()).unwrap();
    let look = |hits, misses| engine.record_ratio(ratio, Hits { hits, misses }).unwrap();
    look(0, 9);
    assert_eq!(status(&engine), Unknown, "nine lookups are too few");
    look(21, 0);
    let exactly = found(&engine);
    assert_eq!((exactly.status, exactly.observed), (Healthy, Some(0.7)));
    look(0, 1);
    assert_eq!(status(&engine), Degraded);
    look(0, 9);
    assert_eq!(status(&engine), Unhealthy);
    engine.advance_clock(61 * SECOND).unwrap();
    assert_eq!(status(&engine), Unknown, "only the window counts");
    look(10, 0);
    assert_eq!(status(&engine), Healthy);
}

#[test]
fn nothing_but_misses_is_at_the_lowest_bound() {
    let engine = engine(json!({"ratio": "cache", "hit_rate": {"fail": 0}}));
    let ratio = engine.ratio("cache", &MetricOptions::default()).unwrap();
    engine
        .record_ratio(
            ratio,
            Hits {
                hits: 1,
                misses: 99,
            },
        )
        .unwrap();
    assert_eq!(status(&engine), Healthy);
    engine.advance_clock(61 * SECOND).unwrap();
    engine
        .record_ratio(
            ratio,
            Hits {
                hits: 0,
                misses: 99,
            },
        )
        .unwrap();
    assert_eq!(status(&engine), Unhealthy);
}

#[test]
fn one_series_of_a_ratio_can_be_looked_at() {
    let engine = engine(json!({"ratio": "cache", "labels": {"of": "users"}, "preset": "cache"}));
    for (of, hits, misses) in [("users", 1, 19), ("orders", 1000, 0)] {
        let text = json!({"labels": {"of": of}}).to_string();
        let options = MetricOptions::parse(&text, Kind::Ratio).unwrap();
        let ratio = engine.ratio("cache", &options).unwrap();
        engine.record_ratio(ratio, Hits { hits, misses }).unwrap();
    }
    let users = found(&engine);
    assert_eq!((users.status, users.observed), (Unhealthy, Some(0.05)));
}

#[test]
fn an_operation_is_judged_by_its_errors_and_its_latency() {
    let engine = engine(json!({"operation": "query", "error_rate": {"warn": 0.1, "fail": 0.5}}));
    let operation = engine
        .operation("query", &MetricOptions::default())
        .unwrap();
    let call = |count, outcome| {
        for _ in 0..count {
            engine
                .record_operation(operation, 0.1, outcome, None)
                .unwrap();
        }
    };
    call(9, Outcome::Failure);
    assert_eq!(status(&engine), Unknown, "too few");
    call(81, Outcome::Success);
    assert_eq!(status(&engine), Healthy, "a tenth is not above a tenth");
    call(1, Outcome::Failure);
    assert_eq!(status(&engine), Degraded);
    call(100, Outcome::Failure);
    assert_eq!(status(&engine), Unhealthy);
}

#[test]
fn a_limiter_is_judged_by_denials_and_by_its_keys() {
    let denied = engine(json!({"limiter": "api", "denied_ratio": {"warn": 0.5, "fail": 0.8}}));
    let config = r#"{"algorithm": "fixed_window", "limit": 10, "window_seconds": 60}"#;
    let limiter = denied.open_limiter_from("api", config).unwrap();
    for (calls, expected) in [(9, Unknown), (11, Healthy), (1, Degraded), (40, Unhealthy)] {
        for _ in 0..calls {
            denied.check(limiter, None, 1, None).unwrap();
        }
        assert_eq!(status(&denied), expected);
    }
    let full = engine(json!({"limiter": "users", "saturation": {"warn": 0.5, "fail": 1}}));
    let config = r#"{"algorithm": "fixed_window", "limit": 10, "window_seconds": 60, "keyed": true,
        "max_keys": 8, "when_full": "deny"}"#;
    let limiter = full.open_limiter_from("users", config).unwrap();
    let mut seen = Vec::new();
    for key in 0..40u8 {
        seen.push(status(&full));
        full.check(limiter, Some(&[key]), 1, None).unwrap();
    }
    assert_eq!(seen[0], Healthy);
    assert!(seen.contains(&Degraded));
    assert_eq!(status(&full), Unhealthy, "{:?}", found(&full));
}

#[test]
fn a_gauge_is_bad_on_the_side_that_was_said() {
    for (check, values) in [
        (
            json!({"gauge": "queue", "value": {"warn": 5, "fail": 10}}),
            [
                (5.0, Healthy),
                (6.0, Degraded),
                (11.0, Unhealthy),
                (f64::INFINITY, Unhealthy),
            ],
        ),
        (
            json!({"gauge": "queue", "value": {"warn": 4, "fail": 1}}),
            [
                (4.0, Healthy),
                (3.0, Degraded),
                (0.5, Unhealthy),
                (f64::NEG_INFINITY, Unhealthy),
            ],
        ),
    ] {
        let engine = engine(check);
        let gauge = engine.gauge("queue", &MetricOptions::default()).unwrap();
        for (value, expected) in values {
            engine.set(gauge, value).unwrap();
            assert_eq!(status(&engine), expected, "{value}");
        }
    }
}

#[test]
fn a_report_counts_while_it_lives() {
    let engine = engine(json!({"reported": "redis", "when_stale": "unhealthy"}));
    assert_eq!(status(&engine), Unknown);
    for (said, ttl, expected) in [
        (Healthy, 10 * SECOND, Healthy),
        (Degraded, 10 * SECOND, Degraded),
        (Unhealthy, 0, Unhealthy),
        (Healthy, 5 * SECOND, Healthy),
    ] {
        engine
            .report_health("redis", said, f64::NAN, "it says so", ttl)
            .unwrap();
        assert_eq!(status(&engine), expected);
    }
    engine.advance_clock(6 * SECOND).unwrap();
    assert_eq!(status(&engine), Unhealthy);
}

fn worker(pid: u32) -> WorkerReading {
    WorkerReading {
        usage: Some(ProcessUsage {
            cpu_seconds: 30.0,
            resident_bytes: 100,
            virtual_bytes: 1000,
            threads: 8,
            open_files: Some(50),
            open_files_limit: Some(100),
            uptime_seconds: 60.0,
        }),
        pid,
        alive: true,
        attached_for_ns: 0,
        heartbeat_age_ns: 0,
        pulse_age_ns: Some(3 * SECOND),
        started: true,
    }
}

#[test]
fn all_living_workers_count_together() {
    for (measure, observed) in [
        ("memory_bytes", 200.0),
        ("threads", 16.0),
        ("cpu", 1.0),
        ("open_files", 100.0),
        ("open_files_ratio", 0.5),
    ] {
        for (bound, expected) in [(observed * 1.01, Healthy), (observed * 0.99, Unhealthy)] {
            let mut threshold = serde_json::Map::new();
            threshold.insert("process".into(), json!(true));
            threshold.insert(measure.into(), json!({"fail": bound}));
            let found = only(Json::Object(threshold), |snapshot| {
                let dead = WorkerReading {
                    alive: false,
                    ..worker(3)
                };
                snapshot.engine.workers = vec![worker(1), worker(2), dead];
            });
            assert_eq!(found, (expected, Some(observed)), "{measure}");
        }
    }
}

#[test]
fn what_one_worker_does_not_tell_hides_nothing_of_the_others() {
    let silent = || {
        let mut worker = worker(2);
        let usage = worker.usage.as_mut().unwrap();
        usage.open_files = None;
        usage.open_files_limit = None;
        usage.uptime_seconds = 0.0;
        worker
    };
    for (check, observed) in [
        (json!({"process": true, "open_files": {"fail": 40}}), 50.0),
        (
            json!({"process": true, "open_files_ratio": {"fail": 0.4}}),
            0.5,
        ),
        (json!({"process": true, "cpu": {"fail": 0.4}}), 0.5),
    ] {
        let found = only(check.clone(), |snapshot| {
            snapshot.engine.workers = vec![silent(), worker(1)];
        });
        assert_eq!(found, (Unhealthy, Some(observed)), "{check}");
        let found = only(check.clone(), |snapshot| {
            snapshot.engine.workers = vec![silent()];
        });
        assert_eq!(found, (Unknown, None), "{check}");
    }
}

#[test]
fn this_process_is_one_of_the_workers() {
    for (bound, expected) in [(1u64 << 50, Healthy), (1, Unhealthy)] {
        let engine = engine(json!({"process": true, "memory_bytes": {"fail": bound}}));
        engine.heartbeat().unwrap();
        assert_eq!(status(&engine), expected);
    }
}

#[test]
fn the_hosts_memory_and_its_fullest_disk_count() {
    let with = |available: u64| {
        move |snapshot: &mut Snapshot| {
            snapshot.host.memory_bytes = Some(1000);
            snapshot.host.memory_available_bytes = Some(available);
            let disk = |bytes, available_bytes| DiskUsage {
                path: "/".into(),
                bytes,
                available_bytes,
            };
            // One that tells nothing, one that is empty, one that counts.
            snapshot.host.disks = vec![disk(0, 0), disk(500, 500), disk(1000, available)];
        }
    };
    for measure in ["memory_ratio", "disk_ratio"] {
        let mut check = json!({"host": true});
        check[measure] = json!({"warn": 0.5, "fail": 1});
        for (available, expected) in [(500, Healthy), (250, Degraded), (0, Unhealthy)] {
            assert_eq!(
                only(check.clone(), with(available)).0,
                expected,
                "{measure}"
            );
        }
        let found = only(check, |snapshot| {
            snapshot.host.memory_bytes = None;
            snapshot.host.disks.clear();
        });
        assert_eq!(found, (Unknown, None), "{measure}");
    }
}

#[test]
fn workers_are_counted_and_their_heartbeats_aged() {
    let three = |snapshot: &mut Snapshot| {
        let dead = WorkerReading {
            alive: false,
            ..worker(3)
        };
        snapshot.engine.workers = vec![worker(1), worker(2), dead];
        snapshot.engine.workers_died = 1;
    };
    for (check, expected) in [
        (json!({"workers": true, "alive": {"fail": 2}}), Healthy),
        (json!({"workers": true, "alive": {"fail": 3}}), Unhealthy),
        (json!({"workers": true, "dead": {"fail": 1}}), Healthy),
        (json!({"workers": true, "dead": {"fail": 0}}), Unhealthy),
        (json!({"workers": true, "died": {"warn": 1}}), Healthy),
        (json!({"workers": true, "died": {"warn": 0}}), Degraded),
        (
            json!({"workers": true, "heartbeat_age_seconds": {"fail": 3}}),
            Healthy,
        ),
        (
            json!({"workers": true, "heartbeat_age_seconds": {"fail": 2}}),
            Unhealthy,
        ),
    ] {
        assert_eq!(only(check.clone(), three).0, expected, "{check}");
    }
}

#[test]
fn a_region_that_is_full_is_not_well() {
    for (check, expected) in [
        (
            json!({"region": true, "heap_ratio": {"fail": 1}}),
            Unhealthy,
        ),
        (
            json!({"region": true, "series_ratio": {"fail": 0.5}}),
            Healthy,
        ),
        (
            json!({"region": true, "series_ratio": {"fail": 0.49}}),
            Unhealthy,
        ),
    ] {
        let found = only(check.clone(), |snapshot| {
            snapshot.engine.heap_used_bytes = snapshot.engine.heap_bytes;
            snapshot.engine.series_used = 4;
            snapshot.engine.series_limit = 8;
        });
        assert_eq!(found.0, expected, "{check}");
    }
}

#[test]
fn what_is_unknown_makes_nothing_worse_and_nothing_better() {
    let config = json!({"clock": "manual", "health": {"http_status": "strict", "checks": [
        {"gauge": "absent", "value": {"fail": 1}},
        {"gauge": "queue", "value": {"warn": 1, "fail": 10}},
    ]}});
    let engine = Engine::open(&config.to_string()).unwrap();
    assert_eq!(engine.health(Probe::Readiness).unwrap(), (Healthy, 200));
    let gauge = engine.gauge("queue", &MetricOptions::default()).unwrap();
    for (value, expected) in [
        (1.0, (Healthy, 200)),
        (2.0, (Degraded, 503)),
        (11.0, (Unhealthy, 500)),
    ] {
        engine.set(gauge, value).unwrap();
        assert_eq!(engine.health(Probe::Readiness).unwrap(), expected);
    }
}
