//! What does one increment cost, what one observation? One thread on one CPU; 64 k latencies.

mod common;

use common::LATENCIES;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::cell::planes::Planes;

fn main() {
    common::pin(0);
    let engine = common::engine();
    let planes = Planes::of(engine.region());
    let column = engine.region().layout().limits.max_series as usize;
    let latencies = common::latencies();
    let mut criterion = common::criterion();
    let mut at = 0;
    let mut latency = move || {
        at = (at + 1) % LATENCIES;
        latencies[at]
    };

    let mut group = criterion.benchmark_group("floor");
    let word = AtomicU64::new(0);
    group.bench_function("fetch_add", |bench| {
        bench.iter(|| black_box(&word).fetch_add(1, Ordering::Relaxed));
    });
    group.bench_function("per-CPU add", |bench| {
        bench.iter(|| planes.add(black_box(column), 1))
    });
    group.bench_function("per-CPU add of a double", |bench| {
        bench.iter(|| planes.add_f64(black_box(column), 0.5));
    });
    group.bench_function("coarse clock", |bench| {
        bench.iter(|| engine.region().clock().coarse())
    });
    group.bench_function("next latency", |bench| bench.iter(&mut latency));
    group.finish();

    let mut group = criterion.benchmark_group("record");
    let counter = common::counter(&engine, "calls");
    group.bench_function("counter add", |bench| {
        bench.iter(|| engine.add(black_box(counter), 1).is_ok());
    });
    let gauge = engine
        .gauge("level", &Default::default())
        .expect("room for a gauge");
    group.bench_function("gauge set", |bench| {
        bench.iter(|| engine.set(black_box(gauge), 0.5).is_ok());
    });
    group.bench_function("gauge add", |bench| {
        bench.iter(|| engine.add_to_gauge(black_box(gauge), 0.5).is_ok());
    });
    let histogram = common::histogram(&engine, "latency");
    group.bench_function("histogram record", |bench| {
        bench.iter(|| engine.record(black_box(histogram), latency()).is_ok());
    });
    group.bench_function("histogram record, the same value", |bench| {
        bench.iter(|| engine.record(black_box(histogram), 0.005).is_ok());
    });
    let few: Vec<f64> = (0..64).map(|_| latency()).collect();
    group.bench_function("histogram record_many, 64 values", |bench| {
        bench.iter(|| engine.record_many(black_box(histogram), &few).is_ok());
    });
    let names: Vec<String> = (0..1000)
        .map(|at| format!("latency:client{at:04}"))
        .collect();
    let mut random = common::Random::new(2);
    let chosen: Vec<usize> = (0..LATENCIES)
        .map(|_| random.next() as usize % 1000)
        .collect();
    let mut at = 0;
    group.bench_function("by name, 1,000 names", |bench| {
        bench.iter(|| {
            at = (at + 1) % LATENCIES;
            engine
                .record_metric(names[chosen[at]].as_bytes(), latency())
                .is_ok()
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("quantiles");
    let samples = common::histogram(&engine, "samples");
    let mut random = common::Random::new(3);
    for _ in 0..1_000_000 {
        engine
            .record(samples, random.latency())
            .expect("a good value");
    }
    let asked = [0.5, 0.9, 0.95, 0.99, 0.999];
    let mut out = [0.0; 5];
    for (name, window) in [("since it was made", 0.0), ("last 60 s", 60.0)] {
        group.bench_function(format!("p50 to p99.9 of 1,000,000, {name}"), |bench| {
            bench.iter(|| engine.quantiles(samples, window, &asked, &mut out).is_ok());
        });
    }
    group.finish();
    criterion.final_summary();
}
