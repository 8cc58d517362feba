//! Whatever a word of a region's file is changed to, everybody gets an answer or an error: nobody
//! panics, crashes or hangs.

#![cfg(unix)]

mod common;

use common::{Random, TempRegion, damage};
use std::path::Path;
use tidegate::base::host;
use tidegate::cell::shard;
use tidegate::engine::{Counter, Engine, Gauge, HistogramId, Limiter, Numbers, ShardId};
use tidegate::export::{self, Format};
use tidegate::guard::Decision;
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::region::Region;
use tidegate::region::header;
use tidegate::region::layout::{HEADER_WORDS, Limits};

const LABELLED: &str = r#"{"labels": {"code": "200"}, "help": "all of them"}"#;
const FINE: &str = r#"{"relative_error": 0.004, "unit": "seconds"}"#;
const LIMITERS: [(&str, &str); 4] = [
    (
        "bucket",
        r#"{"algorithm": "token_bucket", "rate_per_second": 5, "burst": 3}"#,
    ),
    (
        "keyed",
        r#"{"algorithm": "token_bucket", "rate_per_second": 0.1, "burst": 3, "keyed": true,
            "max_keys": 12, "when_full": "evict"}"#,
    ),
    (
        "sliding",
        r#"{"algorithm": "sliding_window", "limit": 100, "window_seconds": 3}"#,
    ),
    (
        "keyed_sliding",
        r#"{"algorithm": "sliding_window", "limit": 3, "window_seconds": 3, "keyed": true,
            "max_keys": 8}"#,
    ),
];

/// What was opened while the region was whole.
#[derive(Clone)]
struct Ids {
    counters: Vec<Counter>,
    gauge: Gauge,
    histograms: Vec<HistogramId>,
    limiters: Vec<Limiter>,
    shard: ShardId,
}

fn options(text: &str, kind: Kind) -> MetricOptions {
    MetricOptions::parse(text, kind).expect("options")
}

/// Makes a small region in which everything is used; its words, up to the heap's free tail.
fn make(path: &Path, manual_clock: bool) -> (Vec<u64>, usize, Ids) {
    let limits = Limits {
        total_words: 20_000,
        max_series: 8,
        max_series_per_name: 4,
        max_limiters: 6,
        max_guards: 4,
        max_operations: 4,
        max_events: 64,
        max_workers: 4,
        max_shards: 4,
        stripes: 2,
        slot_ns: 1_000_000_000,
        manual_clock: manual_clock.into(),
    };
    drop(Region::open(path, limits, "damaged").expect("a region"));
    let engine = open(path).expect("a whole region opens");
    let ids = Ids {
        counters: vec![
            engine
                .counter("requests", &options(LABELLED, Kind::Counter))
                .expect("a counter"),
            engine
                .counter("bare.count", &MetricOptions::default())
                .expect("a counter"),
        ],
        gauge: engine
            .gauge("queue", &MetricOptions::default())
            .expect("a gauge"),
        histograms: vec![
            engine
                .histogram("plain", &MetricOptions::default())
                .expect("a histogram"),
            engine
                .histogram("fine", &options(FINE, Kind::Histogram))
                .expect("a histogram"),
        ],
        limiters: LIMITERS
            .iter()
            .map(|(name, config)| engine.open_limiter_from(name, config).expect("a limiter"))
            .collect(),
        shard: engine.open_shard(Numbers::Doubles).expect("a shard"),
    };
    for round in 0..9 {
        for sample in 0..600u32 {
            let value = f64::from(sample % 40) * 0.25;
            engine.record(ids.histograms[0], value).expect("recorded");
            if sample % 50 == 0 {
                engine
                    .record(ids.histograms[1], value * 1e6)
                    .expect("recorded");
            }
        }
        engine.add(ids.counters[0], round).expect("added");
        engine.set(ids.gauge, 3.5).expect("set");
        for (limiter, (name, _)) in ids.limiters.iter().zip(LIMITERS) {
            for key in [b"alice".as_slice(), b"bob", b"carol"] {
                let key = name.starts_with("keyed").then_some(key);
                engine.check(*limiter, key, 1, None).expect("checked");
            }
        }
        if manual_clock {
            engine.advance_clock(700_000_000).expect("advanced");
        }
    }
    write_shard(&engine, &ids);
    // Only the children get an entry of their own.
    let used = engine.region().words().load(header::HEAP_NEXT) as usize;
    std::mem::forget(engine);
    (damage::words_of(path), used, ids)
}

fn open(path: &Path) -> tidegate::base::error::Result<Engine> {
    Engine::open(&format!(
        r#"{{"region": {{"path": "{}"}}}}"#,
        path.display()
    ))
}

/// Writes as the owner of the shard does, without the library.
fn write_shard(engine: &Engine, ids: &Ids) {
    let words = engine.region().words();
    if let Ok(at) = engine.shard_counter(ids.shard, ids.counters[0]) {
        words.store(at, 5f64.to_bits());
    }
    if let Ok(place) = engine.shard_histogram(ids.shard, ids.histograms[0]) {
        let bucket = (1023 - shard::FIRST_OCTAVE) << place.bits;
        words.store(place.counts.wrapping_add(bucket), 2f64.to_bits());
        words.store(place.extremes, 1f64.to_bits());
        words.store(place.extremes.wrapping_add(1), 1f64.to_bits());
        words.store(place.sum, 2f64.to_bits());
    }
}

/// Everything that can be done; answers do not matter, only that there are answers.
fn use_everything(engine: &Engine, ids: &Ids) {
    for counter in &ids.counters {
        let _ = engine.add(*counter, 1);
        let _ = engine.count(*counter);
        let _ = engine.counter_cell(*counter);
    }
    let _ = engine.set(ids.gauge, 1.0);
    let _ = engine.add_to_gauge(ids.gauge, 1.0);
    let _ = engine.value(ids.gauge);
    for round in 0..2 {
        for histogram in &ids.histograms {
            for value in [0.0, 0.3, 7.0, 1e6, 1e300, f64::MIN_POSITIVE / 2.0] {
                let _ = engine.record(*histogram, value);
            }
            let _ = engine.record_many(*histogram, &[1.0; 20]);
            for window in [0.0, 1.0, 6.0].into_iter().skip(round) {
                let quantiles = [0.0, 0.5, 0.9, 0.99, 1.0, 0.1];
                let _ = engine.quantiles(*histogram, window, &quantiles, &mut [0.0; 6]);
                if let Ok(found) = engine.distribution(*histogram, window) {
                    let _ = found.count_at_most(1.0);
                }
            }
        }
        for (limiter, (name, config)) in ids.limiters.iter().zip(LIMITERS) {
            let mut decision = Decision::default();
            for number in 0..20u8 {
                let key = [number % 16];
                let key = name.starts_with("keyed").then_some(key.as_slice());
                let _ = engine.check(
                    *limiter,
                    key,
                    1 + u32::from(number % 3),
                    Some(&mut decision),
                );
                let _ = engine.allow_request(name.as_bytes(), key);
            }
            let _ = engine.check(*limiter, Some(b"alice"), 1, Some(&mut decision));
            let _ = engine.open_limiter_from(name, config);
            let _ = engine.find_limiter(name);
        }
        let _ = engine.advance_clock(1_300_000_000);
        let _ = engine.tick();
    }
    let none = MetricOptions::default();
    let _ = engine.counter("requests", &options(LABELLED, Kind::Counter));
    let _ = engine.counter("bare.count", &none);
    let _ = engine.counter("bare_count", &none);
    let _ = engine.histogram("fine", &options(FINE, Kind::Histogram));
    for number in 0..9 {
        let labels = format!(r#"{{"labels": {{"number": "{number}"}}}}"#);
        if let Ok(opened) = engine.counter("requests", &options(&labels, Kind::Counter)) {
            let _ = engine.add(opened, 1);
        }
    }
    if let Ok(opened) = engine.histogram("new.one", &none) {
        let _ = engine.record(opened, 2.0);
    }
    let _ = engine.record_metric(b"plain", 1.0);
    let _ = engine.record_metric(b"by_name", 1.0);
    let _ = engine.gauge("another", &none);
    let _ = engine.open_limiter_from("another", LIMITERS[1].1);
    write_shard(engine, ids);
    for numbers in [Numbers::Integers, Numbers::Doubles] {
        if let Ok(opened) = engine.open_shard(numbers) {
            write_shard(
                engine,
                &Ids {
                    shard: opened,
                    ..ids.clone()
                },
            );
            let _ = engine.close_shard(opened);
        }
    }
    let _ = engine.close_shard(ids.shard);
    look(engine);
}

fn look(engine: &Engine) {
    let snapshot = engine.snapshot();
    for format in [Format::Json, Format::Prometheus] {
        assert!(!export::render(format, &snapshot).is_empty());
    }
}

/// What a word is changed to.
const CHANGES: [&str; 5] = [
    "all bits inverted",
    "zero",
    "all ones",
    "random",
    "one bit inverted",
];

fn changed(word: u64, at: usize, change: usize) -> u64 {
    let mut random = Random((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    match change {
        0 => !word,
        1 => 0,
        2 => u64::MAX,
        3 => random.next(),
        _ => word ^ 1 << random.below(64),
    }
}

/// One word of a whole region, what it is changed to, and whether a liar mended the checksum.
#[derive(Clone, Copy)]
struct Case {
    at: usize,
    change: usize,
    reseal: bool,
}

const SEAL: usize = 53;

fn spoil(whole: &[u64], case: &Case) -> Vec<u64> {
    let mut words = whole.to_vec();
    words[case.at] = changed(words[case.at], case.at, case.change);
    if case.reseal {
        words[SEAL] = host::fnv1a(&damage::bytes_of(&words[..SEAL]));
    }
    words
}

fn attempt(path: &Path, ids: &Ids) {
    if let Ok(engine) = Engine::attach(path) {
        use_everything(&engine, ids);
    }
    if let Ok(engine) = open(path) {
        use_everything(&engine, ids);
    }
}

fn shown(whole: &[u64], case: &Case) -> String {
    let (was, change) = (whole[case.at], CHANGES[case.change]);
    let seal = if case.reseal { ", checksum mended" } else { "" };
    format!("word {} (was {was:#x}): {change}{seal}", case.at)
}

/// Changes each word in the ways that `changes` gives for its number and value.
fn every_word(manual_clock: bool, changes: impl Fn(usize, u64) -> Vec<usize>) {
    let _alone = common::alone();
    let region = TempRegion::new("whole");
    let (whole, used, ids) = make(region.path(), manual_clock);
    assert!(
        used > HEADER_WORDS && used < whole.len(),
        "{used} words are used"
    );
    let plain = (0..used).flat_map(|at| {
        let change = move |change| Case {
            at,
            change,
            reseal: false,
        };
        changes(at, whole[at]).into_iter().map(change)
    });
    let resealed = (0..SEAL).flat_map(|at| {
        (0..CHANGES.len()).map(move |change| Case {
            at,
            change,
            reseal: true,
        })
    });
    let cases: Vec<Case> = plain.chain(resealed).collect();
    let damaged = |case: &Case| spoil(&whole, case);
    let told = |case: &Case| shown(&whole, case);
    damage::try_all(&cases, damaged, told, |path| attempt(path, &ids));
}

#[test]
fn any_word_may_be_anything() {
    every_word(true, |_, word| {
        if word == 0 {
            vec![0]
        } else {
            (0..CHANGES.len()).collect()
        }
    });
}

#[test]
fn any_word_may_be_anything_with_a_real_clock() {
    every_word(false, |at, _| vec![1 + at % 4]);
}

#[test]
fn the_whole_region_may_be_random() {
    let _alone = common::alone();
    let region = TempRegion::new("whole");
    let (whole, used, ids) = make(region.path(), true);
    // Everything behind the seal is random, then ever less of it.
    let shares = [1, 2, 3, 5, 10, 20, 50, 100, 300];
    let cases: Vec<(u64, u64)> = (1..46).zip(shares.into_iter().cycle()).collect();
    let damaged = |(seed, share): &(u64, u64)| {
        let mut random = Random(*seed);
        let mut words = whole.clone();
        for word in &mut words[SEAL + 1..used] {
            if random.below(*share) == 0 {
                *word = random.next() >> random.below(64);
            }
        }
        words
    };
    let told = |(seed, share): &(u64, u64)| format!("seed {seed}: one word in {share} is random");
    damage::try_all(&cases, damaged, told, |path| attempt(path, &ids));
}
