//! What does one decision cost? Admitted and denied, with and without keys; one thread on one CPU.

mod common;

use common::{HALF, LATENCIES};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tidegate::base::outcome::Outcome;
use tidegate::guard::{BreakerPhase, Decision, Verdict};

fn main() {
    common::pin(0);
    let engine = common::engine();
    let mut criterion = common::criterion();

    let mut group = criterion.benchmark_group("floor");
    let word = AtomicU64::new(0);
    group.bench_function("compare and swap", |bench| {
        bench.iter(|| {
            let old = black_box(&word).load(Ordering::Acquire);
            word.compare_exchange(old, old + 1, Ordering::AcqRel, Ordering::Acquire)
        });
    });
    group.bench_function("coarse clock", |bench| {
        bench.iter(|| engine.region().clock().coarse())
    });
    group.bench_function("precise clock", |bench| {
        bench.iter(|| engine.region().clock().precise())
    });
    group.finish();

    let mut group = criterion.benchmark_group("breaker");
    let breaker = engine.open_breaker_from("bench", "{}").expect("a breaker");
    group.bench_function("acquire and report, closed", |bench| {
        bench.iter(|| {
            let permit = engine.acquire(black_box(breaker)).ok().flatten();
            permit.is_some_and(|permit| {
                engine
                    .report(breaker, permit, Outcome::Success, 0.01)
                    .is_ok()
            })
        });
    });
    engine
        .set_breaker(breaker, BreakerPhase::ForcedOpen)
        .expect("a breaker");
    group.bench_function("denied", |bench| {
        bench.iter(|| engine.acquire(black_box(breaker)).is_ok());
    });
    group.finish();

    let mut group = criterion.benchmark_group("token bucket");
    let half = common::limiter(&engine, "half", common::BUCKET);
    take(&engine, half, None, HALF);
    group.bench_function("admitted", |bench| {
        bench.iter(|| engine.check(black_box(half), None, 1, None).is_ok());
    });
    group.bench_function("admitted, with the numbers", |bench| {
        let mut decision = Decision::default();
        bench.iter(|| {
            engine
                .check(black_box(half), None, 1, Some(&mut decision))
                .is_ok()
        });
    });
    group.bench_function("admitted, by name", |bench| {
        bench.iter(|| engine.allow_request(black_box(b"half"), None).is_ok());
    });
    let full = common::limiter(
        &engine,
        "full",
        r#"{"algorithm": "token_bucket", "rate_per_second": 1000000000, "burst": 1000000000}"#,
    );
    group.bench_function("admitted, full", |bench| {
        bench.iter(|| engine.check(black_box(full), None, 1, None).is_ok());
    });
    let once = common::limiter(&engine, "once", common::ONCE);
    take(&engine, once, None, 1);
    group.bench_function("denied", |bench| {
        bench.iter(|| engine.check(black_box(once), None, 1, None).is_ok());
    });
    let keyed = common::BUCKET.replace('}', r#", "keyed": true, "max_keys": 10000}"#);
    let keyed = common::limiter(&engine, "keyed", &keyed);
    for at in 0..10_000 {
        take(&engine, keyed, Some(common::key(at).as_bytes()), HALF);
    }
    let keys = common::zipf_keys(10_000);
    let mut at = 0;
    group.bench_function("admitted, 10,000 keys", |bench| {
        bench.iter(|| {
            at = (at + 1) % LATENCIES;
            engine
                .check(keyed, Some(keys[at].as_bytes()), 1, None)
                .is_ok()
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("sliding window");
    let preset = r#"{"preset": "strict", "keyed": true}"#;
    let preset = common::limiter(&engine, "preset", preset);
    for _ in 0..10 {
        engine
            .check(preset, Some(b"alice"), 1, None)
            .expect("a check");
    }
    group.bench_function("denied, one key", |bench| {
        bench.iter(|| {
            engine
                .check(black_box(preset), Some(b"alice"), 1, None)
                .is_ok()
        });
    });
    let mut windows = Windows {
        engine: common::manual_engine(),
        left: 0,
        limiter: None,
    };
    group.bench_function("admitted, 60 a key, 10,000 keys, manual clock", |bench| {
        bench.iter_custom(|calls| windows.admit(calls));
    });
    group.finish();
    criterion.final_summary();
}

fn take(
    engine: &tidegate::engine::Engine,
    limiter: tidegate::engine::Limiter,
    key: Option<&[u8]>,
    units: u32,
) {
    assert_eq!(
        engine.check(limiter, key, units, None).expect("a check"),
        Verdict::Admitted
    );
}

/// 10,000 windows of 60; when all are used up, a minute passes on the manual clock.
struct Windows {
    engine: tidegate::engine::Engine,
    left: usize,
    limiter: Option<(tidegate::engine::Limiter, Vec<String>)>,
}

impl Windows {
    const KEYS: usize = 10_000;

    fn admit(&mut self, calls: u64) -> std::time::Duration {
        let (engine, left) = (&self.engine, &mut self.left);
        let (limiter, keys) = self.limiter.get_or_insert_with(|| {
            let config = r#"{"algorithm": "sliding_window", "limit": 60, "window_seconds": 60,
                             "keyed": true, "max_keys": 10000}"#;
            let keys = (0..Self::KEYS).map(common::key).collect();
            (common::limiter(engine, "windows", config), keys)
        });
        let begun = Instant::now();
        for _ in 0..calls {
            if *left == 0 {
                engine
                    .advance_clock(61_000_000_000)
                    .expect("a manual clock");
                *left = 60 * Self::KEYS;
            }
            *left -= 1;
            let verdict =
                engine.check(*limiter, Some(keys[*left % Self::KEYS].as_bytes()), 1, None);
            debug_assert_eq!(verdict, Ok(Verdict::Admitted));
            black_box(verdict.is_ok());
        }
        begun.elapsed()
    }
}
