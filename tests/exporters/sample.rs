//! Snapshots made by hand.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::base::outcome::Outcome;
use tidegate::cell::histogram::Distribution;
use tidegate::engine::Engine;
use tidegate::guard::bulkhead::{BulkheadNumbers, BulkheadPolicy, BulkheadReading};
use tidegate::guard::chain::{ChainPolicy, ChainReading};
use tidegate::guard::retry::{RetryNumbers, RetryPolicy, RetryReading};
use tidegate::guard::{
    Algorithm, BreakerPhase, BreakerReading, BreakerReason, BreakerTotals, Keyed, LimiterPolicy,
    LimiterReading, Recorded, Tallies, ThrottleReading, ThrottleTotals, TopKey, TopKeys, Tripped,
    WhenFull,
};
use tidegate::metrics::Kind;
use tidegate::snapshot::{
    Calls, DiskUsage, EngineReading, ErrorLogReading, ErrorReading, ExemplarReading, FamilyReading,
    Hits, HostUsage, LoggedError, OperationReading, ProcessUsage, SeriesReading, SlowCall,
    SlowestReading, Snapshot, Source, Value, WorkerReading,
};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::open(r#"{"clock": "manual"}"#).unwrap());

/// What a histogram holds that recorded `values`. Its sum is that of the values in their order,
/// which the cells of several CPUs would add up in another one.
pub fn distribution(values: &[f64]) -> Distribution {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let name = format!("made_{}", MADE.fetch_add(1, Ordering::Relaxed));
    let histogram = ENGINE.histogram(&name, &Default::default()).unwrap();
    ENGINE.record_many(histogram, values).unwrap();
    let mut found = ENGINE.distribution(histogram, 0.0).unwrap();
    found.sum = values.iter().sum();
    found
}

/// One of a few distributions.
pub fn any(number: usize) -> Distribution {
    static SOME: LazyLock<Vec<Distribution>> = LazyLock::new(|| {
        let some: [&[f64]; 7] = [
            &[],
            &[0.0],
            &[0.0, f64::MIN_POSITIVE / 2.0, f64::MAX],
            &[1.0, 2.5, 5.0, 10.0],
            &[0.001, 0.1, 0.1, 3.0],
            &[1e-9, 1e9, 1e12],
            &[0.3; 700],
        ];
        some.map(distribution).into()
    });
    let mut found = SOME[number % SOME.len()].clone();
    if number >= 14 {
        // Of a damaged region, a reading can disagree with itself.
        (found.count, found.sum) = (found.count / 2, f64::INFINITY);
    }
    found
}

pub fn family(name: &str, kind: Kind) -> FamilyReading {
    FamilyReading {
        name: name.into(),
        kind,
        help: String::new(),
        unit: String::new(),
        series: Vec::new(),
    }
}

fn single(name: &str, kind: Kind, value: Value) -> FamilyReading {
    let series = vec![SeriesReading {
        labels: Vec::new(),
        exemplars: Vec::new(),
        value,
    }];
    FamilyReading {
        series,
        ..family(name, kind)
    }
}

pub fn counter(name: &str, total: u64) -> FamilyReading {
    single(name, Kind::Counter, Value::Counter(total))
}

pub fn gauge(name: &str, value: f64) -> FamilyReading {
    single(name, Kind::Gauge, Value::Gauge(value))
}

/// Calls that took so long, of which so many failed and one was ignored.
pub fn calls(values: &[f64], failures: u64) -> Calls {
    Calls {
        latency: distribution(values),
        successes: (values.len() as u64).saturating_sub(failures + 1),
        failures,
        ignored: 1,
        slow: 1,
        seconds: 50.0,
    }
}

/// An operation with these latencies, of which so many calls failed.
pub fn operation_of(lifetime: Distribution, window: Distribution, failures: u64) -> Value {
    let calls = |latency| Calls {
        latency,
        ..calls(&[], failures)
    };
    let found = operation("x", calls(lifetime), calls(window));
    found.series[0].value.clone()
}

pub fn operation(name: &str, lifetime: Calls, window: Calls) -> FamilyReading {
    let error = |code: &str, count, message: &str| ErrorReading {
        code: code.into(),
        count,
        first_wall_ns: 1_763_700_000_000_000_000,
        last_wall_ns: 1_763_700_100_000_000_000,
        message: message.into(),
    };
    let calls = OperationReading {
        slow_seconds: Some(0.5),
        lifetime,
        window,
        errors: vec![
            error("timeout", 2, "no answer after \"500\" ms\n"),
            error("other", 1, ""),
        ],
    };
    FamilyReading {
        unit: "seconds".into(),
        ..single(name, Kind::Operation, Value::Operation(Box::new(calls)))
    }
}

pub fn histogram(name: &str, lifetime: Distribution, window: Distribution) -> FamilyReading {
    single(name, Kind::Histogram, Value::Histogram { lifetime, window })
}

/// Hits and misses since the start; the window has fewer.
pub fn ratio_of(hits: u64, misses: u64) -> Value {
    let of = |by: u64| Hits {
        hits: hits / by,
        misses: misses / by,
    };
    Value::Ratio {
        lifetime: of(1),
        window: of(4),
    }
}

/// Examples of two values.
pub fn exemplars() -> Vec<ExemplarReading> {
    [0.0625, 2.0]
        .map(|value| ExemplarReading {
            value,
            wall_ns: 1_763_700_100_000_000_000,
            trace_id: format!("trace \"{value}\""),
        })
        .into()
}

/// What is neither a number nor a distribution.
fn facts() -> Vec<FamilyReading> {
    let text = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect();
    vec![
        single(
            "build",
            Kind::Info,
            Value::Info(vec![("version".into(), "1.2 \"rc\"".into())]),
        ),
        single("cache", Kind::Ratio, ratio_of(90, 10)),
        single(
            "connections",
            Kind::Gauge,
            Value::Shares(vec![(4711, 3.0), (4712, 0.5)]),
        ),
        single(
            "phase",
            Kind::Enum,
            Value::Enum {
                states: text(&["starting", "ready \\o/"]),
                current: 1,
            },
        ),
    ]
}

fn slow_call(seconds: f64, detail: &str, outcome: Outcome) -> SlowCall {
    SlowCall {
        operation: "order/place".into(),
        labels: Vec::new(),
        seconds,
        outcome,
        wall_ns: 1_763_700_050_000_000_000,
        pid: 4712,
        detail: detail.into(),
        trace_id: detail.to_uppercase(),
    }
}

/// A snapshot without metrics.
pub fn empty() -> Snapshot {
    Snapshot {
        version: "0.1.0",
        service: "checkout".into(),
        taken_wall_ns: 1_763_700_123_456_789_012,
        age_ns: 125_500_000_000,
        window_seconds: 60.0,
        sources: vec![Source {
            region: 0x1234_5678_9abc_def0,
            host: "web-\"1\"".into(),
            service: "checkout".into(),
            created_wall_ns: 1_763_699_997_956_789_012,
            taken_wall_ns: 1_763_700_123_456_789_012,
            age_ns: 125_500_000_000,
        }],
        derived: None,
        families: Vec::new(),
        slowest: SlowestReading {
            window: vec![slow_call(2.0, "select \"x\"", Outcome::Failure)],
            lifetime: vec![
                slow_call(30.5, "", Outcome::Success),
                slow_call(2.0, "select \"x\"", Outcome::Failure),
            ],
        },
        errors: ErrorLogReading {
            errors: vec![LoggedError {
                code: "E17".into(),
                text: "the disk of \"db\" is full".into(),
                count: 12,
                first_wall_ns: 1_763_700_000_000_000_000,
                last_wall_ns: 1_763_700_100_000_000_000,
                pid: 4711,
            }],
            beyond: 3,
        },
        host: HostUsage {
            memory_bytes: Some(8_000_000_000),
            memory_available_bytes: None,
            disks: vec![DiskUsage {
                path: "/dev/\"shm\"".into(),
                bytes: 4_000_000_000,
                available_bytes: 3_000_000_000,
            }],
        },
        limiters: vec![
            LimiterReading {
                name: "api".into(),
                policy: LimiterPolicy {
                    algorithm: Algorithm::token_bucket(0.5, 200, None).unwrap(),
                    keyed: None,
                    shadow: false,
                    recorded: None,
                },
                tallies: Tallies {
                    admitted: 1200,
                    admitted_units: 1300,
                    denied: 42,
                    ..Tallies::default()
                },
                keys_used: 0,
                keys_capacity: 0,
                top_keys: None,
            },
            LimiterReading {
                name: "login".into(),
                policy: LimiterPolicy {
                    algorithm: Algorithm::sliding_window(5, 900.0).unwrap(),
                    keyed: Some(Keyed {
                        max_keys: 10_000,
                        when_full: WhenFull::Evict,
                    }),
                    shadow: false,
                    recorded: Some(Recorded::Email),
                },
                tallies: Tallies {
                    admitted: 77,
                    admitted_units: 77,
                    denied: 9,
                    denied_full: 1,
                    allowed_full: 2,
                    evicted: 3,
                    reused: 4,
                    shadow_denied: 0,
                },
                keys_used: 12,
                keys_capacity: 10_000,
                top_keys: Some(TopKeys {
                    used: vec![
                        top_key("a***@example.com", 40, 0, 2),
                        top_key("b***@example.com", 37, 9, 0),
                    ],
                    denied: vec![top_key("b***@example.com", 37, 9, 0)],
                }),
            },
        ],
        breakers: breakers(),
        throttles: vec![ThrottleReading {
            name: "search".into(),
            calls: 100,
            succeeded: 60,
            rejection: 0.25,
            totals: ThrottleTotals {
                admitted: 4000,
                denied: 100,
                shadowed: 0,
                successes: 3600,
                failures: 390,
                ignored: 10,
            },
        }],
        objectives: Vec::new(),
        bulkheads: bulkheads(),
        retries: retries(),
        guards: vec![ChainReading {
            name: "pay".into(),
            policy: chain(),
            admitted: 500,
            refused: [1, 2, 3, 4, 5],
            shadowed: [0; 5],
        }],
        health: Default::default(),
        engine: EngineReading {
            path: "/dev/shm/checkout.tidegate".into(),
            warnings: Vec::new(),
            size_bytes: 33_554_432,
            heap_used_bytes: 120_000,
            heap_bytes: 30_000_000,
            created_wall_ns: 1_763_699_997_956_000_000,
            creator_pid: 4711,
            series_used: 9,
            series_limit: 4096,
            overflowed_opens: 1,
            dropped_values: 2,
            dropped_for_lack_of_room: 3,
            clamped_values: 4,
            cold_octaves: 5,
            lost_checkpoints: 6,
            workers: vec![worker(4711, true), worker(4712, true), worker(4713, false)],
            workers_attached: 7,
            workers_died: 2,
            workers_refused: 0,
        },
    }
}

fn top_key(key: &str, used: u64, denied: u64, error_bound: u64) -> TopKey {
    TopKey {
        key: key.into(),
        used,
        denied,
        error_bound,
    }
}

fn breakers() -> Vec<BreakerReading> {
    let open = BreakerReading {
        name: "payments".into(),
        phase: BreakerPhase::Open,
        reason: BreakerReason::FailureRate,
        generation: 6,
        calls: 0,
        failures: 0,
        slow_calls: 0,
        failure_rate: f64::NAN,
        slow_call_rate: f64::NAN,
        retry_after_ns: 7_500_000_000,
        permits_out: 0,
        tripped: Some(Tripped {
            calls: 40,
            failures: 20,
            slow_calls: 3,
            age_ns: 2_500_000_000,
        }),
        totals: BreakerTotals {
            successes: 900,
            failures: 70,
            ignored: 5,
            slow: 12,
            not_permitted: 33,
            shadowed: 0,
            late: 4,
            opened: 3,
            half_opened: 2,
            closed: 1,
        },
    };
    let closed = BreakerReading {
        name: "search".into(),
        phase: BreakerPhase::Closed,
        reason: BreakerReason::None,
        generation: 1,
        calls: 50,
        failures: 5,
        slow_calls: 1,
        failure_rate: 0.1,
        slow_call_rate: 0.02,
        retry_after_ns: 0,
        tripped: None,
        totals: BreakerTotals::default(),
        ..open.clone()
    };
    vec![open, closed]
}

fn worker(pid: u32, alive: bool) -> WorkerReading {
    let heartbeat_age_ns = if alive { 250_000_000 } else { 90_000_000_000 };
    WorkerReading {
        usage: (pid == 4711).then_some(ProcessUsage {
            cpu_seconds: 12.5,
            resident_bytes: 50_000_000,
            virtual_bytes: 900_000_000,
            threads: 5,
            open_files: Some(17),
            open_files_limit: None,
            uptime_seconds: 126.25,
        }),
        pid,
        alive,
        attached_for_ns: 125_000_000_000,
        heartbeat_age_ns,
        pulse_age_ns: alive.then_some(1_500_000_000),
        started: alive,
    }
}

/// A snapshot with something of everything.
pub fn rich() -> Snapshot {
    let labels = |labels: &[(&str, &str)]| {
        labels
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    };
    let (fast, slow) = (
        distribution(&[0.25, 0.5]),
        distribution(&[0.0625, 0.25, 0.5, 2.0, 30.0]),
    );
    let nothing = distribution(&[]);
    let sizes = distribution(&[0.0, 1.0, 512.0, 4096.0, 1e10]);
    let mut snapshot = Snapshot {
        families: vec![
            FamilyReading {
                help: "How long queries take,\n\\ whatever \"they\" ask".into(),
                unit: "seconds".into(),
                series: vec![
                    SeriesReading {
                        labels: labels(&[("table", "orders"), ("worker", "0")]),
                        exemplars: exemplars(),
                        value: Value::Histogram {
                            lifetime: slow,
                            window: fast,
                        },
                    },
                    SeriesReading {
                        labels: labels(&[("table", "say \"hi\"\\\n"), ("worker", "1")]),
                        exemplars: Vec::new(),
                        value: Value::Histogram {
                            lifetime: nothing.clone(),
                            window: nothing,
                        },
                    },
                ],
                ..family("db.query", Kind::Histogram)
            },
            operation(
                "order/place",
                calls(&[0.0625, 0.25, 0.25, 0.5, 2.0, 2.0], 2),
                calls(&[0.25, 0.5, 2.0], 1),
            ),
            FamilyReading {
                help: "Queries running now".into(),
                ..gauge("queries_in_flight", 4.0)
            },
            FamilyReading {
                help: "Queries by answer".into(),
                series: vec![
                    SeriesReading {
                        labels: labels(&[("answer", "admitted")]),
                        exemplars: Vec::new(),
                        value: Value::Counter(18_446_744_073_709_551_615),
                    },
                    SeriesReading {
                        labels: labels(&[("answer", "denied")]),
                        exemplars: Vec::new(),
                        value: Value::Counter(0),
                    },
                ],
                ..family("queries_total", Kind::Counter)
            },
            gauge("queue/age", f64::INFINITY),
            FamilyReading {
                unit: "bytes".into(),
                ..histogram("reply", sizes.clone(), sizes)
            },
            FamilyReading {
                unit: "bytes".into(),
                ..counter("sent", 1024)
            },
            FamilyReading {
                unit: "ratio".into(),
                ..gauge("used", 0.375)
            },
            counter("x", 1),
            gauge("x_total", 2.5),
        ],
        ..empty()
    };
    snapshot.families.extend(facts());
    snapshot
        .families
        .sort_by(|one, other| one.name.cmp(&other.name));
    snapshot
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn bulkheads() -> Vec<BulkheadReading> {
    vec![BulkheadReading {
        name: "db".into(),
        policy: BulkheadPolicy::parse("db", &json(r#"{"adaptive": {"algorithm": "vegas"}}"#))
            .unwrap(),
        numbers: BulkheadNumbers {
            limit: 26,
            in_use: 7,
            fullest: 7,
            entered: 9000,
            denied: 12,
            would_deny: 0,
            returned_from_dead: 2,
            timed_out: 1,
            adapted: 3,
        },
    }]
}

fn retries() -> Vec<RetryReading> {
    let reading = |name: &str, config: &str| RetryReading {
        name: name.into(),
        policy: RetryPolicy::parse(name, &json(config)).unwrap(),
        numbers: RetryNumbers {
            first_attempts: 400,
            retries: 30,
            exhausted: 4,
            over_budget: 5,
            too_late: 6,
            would_deny: 0,
            recent_first_attempts: 40,
            recent_retries: 3,
        },
    };
    vec![
        reading("payments", r#"{"budget_ratio": 0.2}"#),
        reading("search", r#"{"backoff": "decorrelated"}"#),
    ]
}

fn chain() -> ChainPolicy {
    let parts = r#"{"bulkhead": "db", "limiter": "api", "retry": "payments"}"#;
    ChainPolicy::parse("pay", &json(parts)).unwrap()
}

/// What is neither counted nor measured: an info, an enum, a share of each worker.
pub fn with_facts() -> Snapshot {
    let fact = |name: &str, kind: Kind, value: Value| FamilyReading {
        series: vec![SeriesReading {
            labels: Vec::new(),
            exemplars: Vec::new(),
            value,
        }],
        ..family(name, kind)
    };
    let revision = vec![("revision".to_owned(), "a\"\n\0b".to_owned())];
    let states = vec!["off".to_owned(), "on".to_owned()];
    let mut snapshot = empty();
    snapshot.families = vec![
        fact("build", Kind::Info, Value::Info(revision)),
        fact("mode", Kind::Enum, Value::Enum { states, current: 1 }),
        fact("pool", Kind::Gauge, Value::Shares(vec![(7, 3.0), (8, 4.0)])),
    ];
    snapshot
}
