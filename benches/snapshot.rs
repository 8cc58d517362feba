//! What does a scrape of 1,000 histograms cost, and what does it do to somebody who writes
//! meanwhile?

// The table at the end is what this program is for.
#![allow(clippy::print_stdout)]

mod common;

use common::{LATENCIES, Random};
use criterion::BatchSize;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tidegate::engine::{Engine, HistogramId};
use tidegate::export::{self, Format};

const HISTOGRAMS: usize = 1000;
const SAMPLES: usize = 2000;
/// Records that are timed together: one alone costs less than reading the clock.
const BATCH: usize = 64;

fn main() {
    common::pin(0);
    let engine = common::engine();
    let mut random = Random::new(4);
    let ids: Vec<HistogramId> = (0..HISTOGRAMS)
        .map(|at| common::histogram(&engine, &format!("wait{at:04}_seconds")))
        .collect();
    for id in &ids {
        for _ in 0..SAMPLES {
            engine.record(*id, random.latency()).expect("a good value");
        }
    }
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group(format!("{HISTOGRAMS} histograms"));
    group.bench_function("take", |bench| {
        bench.iter_with_large_drop(|| engine.snapshot())
    });
    let snapshot = engine.snapshot();
    for (name, format) in [("Prometheus", Format::Prometheus), ("JSON", Format::Json)] {
        let mut out = Vec::new();
        export::write(format, &snapshot, &mut out);
        let size = out.len();
        group.bench_function(format!("{name} ({size} bytes)"), |bench| {
            bench.iter(|| {
                out.clear();
                export::write(format, &snapshot, &mut out);
                out.len()
            });
        });
    }
    group.bench_function("take and Prometheus", |bench| {
        bench.iter_batched(
            Vec::new,
            |mut out| {
                export::write(Format::Prometheus, &engine.snapshot(), &mut out);
                out
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    criterion.final_summary();
    let length = if common::measures() { 3000 } else { 30 };
    beside_a_writer(&engine, &ids, Duration::from_millis(length));
}

/// A writer's time for a record, by batches of [`BATCH`], alone and while another thread, on
/// another CPU if there is one, takes and renders snapshots: each second, ten times a second, and
/// one after the other.
fn beside_a_writer(engine: &Engine, ids: &[HistogramId], length: Duration) {
    println!("\na writer's record, batches of {BATCH}        p50      p99    p99.9 ns    batches");
    let second = Duration::from_secs(1);
    for (name, pause) in [
        ("alone", None),
        ("beside a scrape each second", Some(second)),
        ("beside ten scrapes a second", Some(second / 10)),
        ("beside scrapes without pause", Some(Duration::ZERO)),
    ] {
        let stop = AtomicBool::new(false);
        let (mut batches, scrapes) = std::thread::scope(|scope| {
            let scraper = scope.spawn(|| {
                common::pin(common::cpus() - 1);
                let mut out = Vec::new();
                let mut scrapes = 0u64;
                while let Some(pause) = pause
                    && !stop.load(Ordering::Relaxed)
                {
                    out.clear();
                    export::write(Format::Prometheus, &engine.snapshot(), &mut out);
                    black_box(&out);
                    scrapes += 1;
                    std::thread::sleep(pause.min(length / 3));
                }
                scrapes
            });
            let batches = write(engine, ids, length);
            stop.store(true, Ordering::Relaxed);
            (batches, scraper.join().expect("the scraper panicked"))
        });
        batches.sort_by(f64::total_cmp);
        let at = |share: f64| batches[((batches.len() - 1) as f64 * share) as usize];
        println!(
            "  {name:30} {:9.1} {:8.1} {:8.1} {:12}   {scrapes} scrapes",
            at(0.5),
            at(0.99),
            at(0.999),
            batches.len()
        );
    }
}

fn write(engine: &Engine, ids: &[HistogramId], length: Duration) -> Vec<f64> {
    let latencies = common::latencies();
    let mut batches = Vec::with_capacity(1 << 23);
    let begun = Instant::now();
    let mut at = 0;
    let mut before = begun;
    while before - begun < length && batches.len() < batches.capacity() {
        for _ in 0..BATCH {
            at += 1;
            // A request records in one series; neighbours in time use the same few.
            let id = ids[at / BATCH % ids.len()];
            black_box(engine.record(id, latencies[at % LATENCIES]).is_ok());
        }
        let now = Instant::now();
        batches.push((now - before).as_nanos() as f64 / BATCH as f64);
        before = now;
    }
    batches
}
