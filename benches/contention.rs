//! What do two threads cost each other, on one metric and on one each? Nanoseconds a call and
//! thread; each thread stays on its CPU.

mod common;

use common::{HALF, LATENCIES};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    let engine = common::engine();
    let latencies = common::latencies();
    let latency = |at: usize| latencies[at % LATENCIES];
    let mut criterion = common::criterion();
    let cpus = common::cpus();

    let words: Vec<AtomicU64> = (0..256).map(|_| AtomicU64::new(0)).collect();
    let counters = ["calls:0", "calls:1"].map(|name| common::counter(&engine, name));
    let histograms = ["seconds:0", "seconds:1"].map(|name| common::histogram(&engine, name));
    let limiters = ["half:0", "half:1"].map(|name| common::limiter(&engine, name, common::BUCKET));
    let onces = ["once:0", "once:1"].map(|name| common::limiter(&engine, name, common::ONCE));
    for (half, once) in limiters.iter().zip(&onces) {
        engine.check(*half, None, HALF, None).expect("a check");
        engine.check(*once, None, 1, None).expect("a check");
    }
    let keyed = common::BUCKET.replace('}', r#", "keyed": true, "max_keys": 10000}"#);
    let keyed = common::limiter(&engine, "keyed", &keyed);
    for at in 0..10_000 {
        let key = common::key(at);
        engine
            .check(keyed, Some(key.as_bytes()), HALF, None)
            .expect("a check");
    }
    let keys = common::zipf_keys(10_000);

    // Which object a thread uses: all the first one, or each its own.
    let shared = |_: usize| 0usize;
    let own = |thread: usize| thread;
    for threads in 1..=cpus {
        let mut group = criterion.benchmark_group(format!("{threads} thread(s)"));
        let mut bench = |name: &str, call: &(dyn Fn(usize, usize) + Sync)| {
            group.bench_function(name, |bench| {
                bench.iter_custom(|calls| common::together(threads, calls, call));
            });
        };
        for (whose, object) in [
            ("one", &shared as &(dyn Fn(usize) -> usize + Sync)),
            ("own", &own),
        ] {
            if whose == "own" && threads == 1 {
                continue;
            }
            bench(&format!("floor: fetch_add, {whose}"), &|thread, _| {
                black_box(words[object(thread) * 128].fetch_add(1, Ordering::Relaxed));
            });
            bench(&format!("counter add, {whose}"), &|thread, _| {
                black_box(engine.add(counters[object(thread)], 1).is_ok());
            });
            bench(&format!("histogram record, {whose}"), &|thread, at| {
                black_box(
                    engine
                        .record(histograms[object(thread)], latency(at))
                        .is_ok(),
                );
            });
            bench(&format!("token bucket, admitted, {whose}"), &|thread, _| {
                black_box(
                    engine
                        .check(limiters[object(thread)], None, 1, None)
                        .is_ok(),
                );
            });
            bench(&format!("token bucket, denied, {whose}"), &|thread, _| {
                black_box(engine.check(onces[object(thread)], None, 1, None).is_ok());
            });
        }
        bench("token bucket, admitted, 10,000 keys", &|_, at| {
            let key = keys[at % LATENCIES].as_bytes();
            black_box(engine.check(keyed, Some(key), 1, None).is_ok());
        });
        group.finish();
    }
    criterion.final_summary();
}
