//! What does a series take, what does a key? Pages of the region that were touched, as the kernel
//! counts them, and heap that was handed out, each divided by how many there are.
//!
//! Latencies are lognormal (sigma 1), recorded by one thread on each of two CPUs; a manual clock
//! walks through all slots of the window.

// The table is what this program is for.
#![allow(clippy::print_stdout)]

mod common;

use common::Random;
use std::fs;
use tidegate::base::limits::WINDOW_SLOTS;
use tidegate::engine::{Engine, HistogramId};

const SLOT_NS: u64 = 10_000_000_000;

fn main() {
    let full = common::measures();
    println!(
        "{:66}{:>10}{:>10}{:>10}",
        "bytes a series, a key", "touched", "heap", "target"
    );
    let busy = if full {
        [(1000, 20_000), (100, 1_000_000)]
    } else {
        [(20, 2_000), (2, 20_000)]
    };
    for (series, samples) in busy {
        let name =
            format!("{series} histograms, {samples} samples in each of {WINDOW_SLOTS} slots");
        report(&name, series, Some(40_000), |engine| {
            histograms(engine, series, |_| samples)
        });
    }
    let series = if full { 1000 } else { 20 };
    let name = format!("{series} histograms, 100 samples in one slot");
    report(&name, series, Some(12_000), |engine| {
        histograms(engine, series, |slot| if slot == 0 { 100 } else { 0 });
    });
    let name = format!("{series} histograms, 100 samples over {WINDOW_SLOTS} slots");
    report(&name, series, Some(12_000), |engine| {
        histograms(engine, series, |slot| 16 + usize::from(slot < 4));
    });
    let name = format!("{series} histograms, never used");
    report(&name, series, None, |engine| {
        histograms(engine, series, |_| 0)
    });
    let name = format!("{series} counters");
    report(&name, series, None, |engine| {
        for at in 0..series {
            let counter = common::counter(engine, &format!("calls:{at}"));
            engine.add(counter, 1).expect("an open counter");
        }
    });
    let keys = if full { 1_000_000 } else { 10_000 };
    for (algorithm, target) in [("token_bucket", Some(32)), ("sliding_window", None)] {
        let policy = match algorithm {
            "token_bucket" => r#""rate_per_second": 10, "burst": 100"#,
            _ => r#""limit": 60, "window_seconds": 60"#,
        };
        let config = format!(
            r#"{{"algorithm": "{algorithm}", {policy}, "keyed": true, "max_keys": {keys}}}"#
        );
        let name = format!("{keys} keys, {algorithm}");
        report(&name, keys, target, |engine| {
            let limiter = common::limiter(engine, "keyed", &config);
            for at in 0..keys {
                let key = common::key(at);
                engine
                    .check(limiter, Some(key.as_bytes()), 1, None)
                    .expect("room for every key");
            }
        });
    }
}

/// What `fill` adds to a new region, divided by `count`.
fn report(name: &str, count: usize, target: Option<u64>, fill: impl FnOnce(&Engine)) {
    let engine = common::manual_engine();
    let (touched, heap) = (touched(&engine), engine.region().heap_used());
    fill(&engine);
    let each = |bytes: u64| bytes as f64 / count as f64;
    println!(
        "  {name:64}{:10.1}{:10.1}{:>10}",
        each(self::touched(&engine) - touched),
        each((engine.region().heap_used() - heap) * 8),
        target.map_or_else(String::new, |target| target.to_string())
    );
}

/// Opens `count` histograms and records `samples(slot)` latencies in each, half of them on each
/// CPU, then begins the next slot.
fn histograms(engine: &Engine, count: usize, samples: impl Fn(usize) -> usize) {
    let ids: Vec<HistogramId> = (0..count)
        .map(|at| common::histogram(engine, &format!("seconds:{at}")))
        .collect();
    let cpus = common::cpus();
    for slot in 0..WINDOW_SLOTS {
        let samples = samples(slot);
        std::thread::scope(|scope| {
            for cpu in 0..cpus {
                let ids = &ids;
                scope.spawn(move || {
                    common::pin(cpu);
                    let mut random = Random::new((slot * cpus + cpu) as u64 + 5);
                    // Made beforehand for all series: a logarithm costs more than recording.
                    let pool: Vec<f64> = (0..1 << 20).map(|_| random.latency()).collect();
                    let mine = samples / cpus + usize::from(cpu < samples % cpus);
                    for id in ids {
                        let mut at = random.next() as usize;
                        for _ in 0..mine {
                            at = at.wrapping_add(1);
                            engine
                                .record(*id, pool[at % pool.len()])
                                .expect("room for it");
                        }
                    }
                });
            }
        });
        engine.advance_clock(SLOT_NS).expect("a manual clock");
        engine.tick().expect("an open engine");
    }
}

/// Bytes of the region's pages that this process has touched.
fn touched(engine: &Engine) -> u64 {
    let first = engine
        .region()
        .words()
        .slice(0, 1)
        .expect("a header")
        .as_ptr() as usize;
    let maps = fs::read_to_string("/proc/self/smaps").expect("/proc is mounted");
    let mut inside = false;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (name, value) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        if let Some((from, to)) = name.split_once('-') {
            let edge = |text| usize::from_str_radix(text, 16).unwrap_or(0);
            inside = (edge(from)..edge(to)).contains(&first);
        } else if inside && name == "Rss:" {
            return value.parse::<u64>().expect("a number of KiB") * 1024;
        }
    }
    panic!("the region is not in /proc/self/smaps");
}
