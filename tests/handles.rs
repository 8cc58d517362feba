//! An id that is zero, stale, of another kind, of another region or made up is refused by every
//! function, and changes nothing.

mod common;

use proptest::prelude::*;
use tidegate::base::error::Kind;
use tidegate::engine::{Counter, Engine, Gauge, HistogramId, Limiter, Numbers, ShardId};
use tidegate::metrics::MetricOptions;

struct Ids {
    counter: Counter,
    gauge: Gauge,
    histogram: HistogramId,
    limiter: Limiter,
    shard: ShardId,
}

impl Ids {
    fn all(&self) -> [u64; 5] {
        [
            self.counter.0,
            self.gauge.0,
            self.histogram.0,
            self.limiter.0,
            self.shard.0,
        ]
    }
}

fn engine() -> (Engine, Ids) {
    let engine = common::manual_engine();
    let options = MetricOptions::default();
    let ids = Ids {
        counter: engine.counter("requests", &options).expect("a counter"),
        gauge: engine.gauge("queue", &options).expect("a gauge"),
        histogram: engine.histogram("sizes", &options).expect("a histogram"),
        limiter: engine
            .open_limiter_from("login", r#"{"preset": "auth"}"#)
            .expect("a limiter"),
        shard: engine.open_shard(Numbers::Integers).expect("a shard"),
    };
    (engine, ids)
}

/// What every function says about `id`, except those for which it is good.
fn answers(engine: &Engine, ids: &Ids, id: u64) -> Vec<(&'static str, Option<Kind>)> {
    let kind = |error: tidegate::base::error::Error| error.kind();
    let (counter, gauge, histogram) = (Counter(id), Gauge(id), HistogramId(id));
    let mut all = Vec::new();
    if id != ids.counter.0 {
        all.extend([
            ("add", engine.add(counter, 1).err().map(kind)),
            ("count", engine.count(counter).err().map(kind)),
            ("counter_cell", engine.counter_cell(counter).err().map(kind)),
            (
                "shard_counter",
                engine.shard_counter(ids.shard, counter).err().map(kind),
            ),
        ]);
    }
    if id != ids.gauge.0 {
        all.extend([
            ("set", engine.set(gauge, 1.0).err().map(kind)),
            (
                "add_to_gauge",
                engine.add_to_gauge(gauge, 1.0).err().map(kind),
            ),
            ("value", engine.value(gauge).err().map(kind)),
        ]);
    }
    if id != ids.histogram.0 {
        let mut out = [0.0];
        all.extend([
            ("record", engine.record(histogram, 1.0).err().map(kind)),
            (
                "record_many",
                engine.record_many(histogram, &[1.0]).err().map(kind),
            ),
            (
                "distribution",
                engine.distribution(histogram, 0.0).err().map(kind),
            ),
            (
                "quantiles",
                engine
                    .quantiles(histogram, 0.0, &[0.5], &mut out)
                    .err()
                    .map(kind),
            ),
            (
                "window",
                engine
                    .quantiles(histogram, 1.0, &[0.5], &mut out)
                    .err()
                    .map(kind),
            ),
            (
                "shard_histogram",
                engine.shard_histogram(ids.shard, histogram).err().map(kind),
            ),
        ]);
    }
    if id != ids.limiter.0 {
        all.extend([
            (
                "check",
                engine.check(Limiter(id), None, 1, None).err().map(kind),
            ),
            (
                "check a key",
                engine
                    .check(Limiter(id), Some(b"k"), 1, None)
                    .err()
                    .map(kind),
            ),
        ]);
    }
    if id != ids.shard.0 {
        let shard = ShardId(id);
        all.extend([
            (
                "shard of a counter",
                engine.shard_counter(shard, ids.counter).err().map(kind),
            ),
            (
                "shard of a histogram",
                engine.shard_histogram(shard, ids.histogram).err().map(kind),
            ),
            ("close_shard", engine.close_shard(shard).err().map(kind)),
        ]);
    }
    all
}

fn are_stale(engine: &Engine, ids: &Ids, id: u64) {
    for (call, answer) in answers(engine, ids, id) {
        assert_eq!(answer, Some(Kind::Stale), "{call} with {id:#x}");
    }
    assert_eq!(engine.count(ids.counter), Ok(0));
    assert_eq!(engine.value(ids.gauge), Ok(0.0));
    assert_eq!(
        engine.distribution(ids.histogram, 0.0).expect("read").count,
        0
    );
    let limiter = &engine.snapshot().limiters[0];
    assert_eq!((limiter.tallies.admitted, limiter.tallies.denied), (0, 0));
}

#[test]
fn zero_is_never_an_id() {
    let (engine, ids) = engine();
    assert!(ids.all().iter().all(|id| *id != 0));
    are_stale(&engine, &ids, 0);
    let message = engine
        .add(Counter(0), 1)
        .expect_err("zero")
        .message()
        .to_owned();
    assert!(message.contains("never opened"), "{message}");
}

#[test]
fn an_id_of_another_kind_is_refused() {
    let (engine, ids) = engine();
    for id in ids.all() {
        are_stale(&engine, &ids, id);
    }
    let message = engine
        .add(Counter(ids.gauge.0), 1)
        .expect_err("a gauge")
        .message()
        .to_owned();
    assert!(message.contains("gauge"), "{message}");
}

#[test]
fn an_id_of_another_region_is_refused() {
    let (engine, ids) = engine();
    let (_other, foreign) = self::engine();
    for id in foreign.all() {
        are_stale(&engine, &ids, id);
    }
}

#[test]
fn a_closed_shard_is_stale_also_when_its_place_is_taken_again() {
    let (engine, ids) = engine();
    for numbers in [Numbers::Integers, Numbers::Doubles, Numbers::Integers] {
        let shard = engine.open_shard(numbers).expect("a shard");
        engine.close_shard(shard).expect("closed");
        are_stale(&engine, &ids, shard.0);
        let next = engine.open_shard(numbers).expect("a shard");
        assert_ne!(next, shard);
        are_stale(&engine, &ids, shard.0);
        engine
            .shard_counter(next, ids.counter)
            .expect("the new one is good");
        engine.close_shard(next).expect("closed");
    }
}

#[test]
fn every_id_that_differs_in_one_bit_is_refused() {
    let (engine, ids) = engine();
    for id in ids.all() {
        for bit in 0..64 {
            are_stale(&engine, &ids, id ^ 1 << bit);
        }
    }
}

#[test]
fn made_up_ids_are_refused() {
    let (engine, ids) = engine();
    let kind_and_entry = (0u64..16, any::<u32>(), 0u64..40);
    let made_up = prop_oneof![
        any::<u64>(),
        kind_and_entry
            .prop_map(|(kind, middle, entry)| { kind << 60 | u64::from(middle) << 24 | entry }),
        (0..5usize, any::<u64>(), 0u32..60).prop_map({
            let all = ids.all();
            move |(which, noise, shift)| all[which] ^ (noise.max(1) >> shift).max(1)
        }),
    ];
    let config = ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(id in made_up)| {
        prop_assume!(!ids.all().contains(&id));
        for (call, answer) in answers(&engine, &ids, id) {
            prop_assert_eq!(answer, Some(Kind::Stale), "{} with {:#x}", call, id);
        }
    });
    are_stale(&engine, &ids, 0);
}
