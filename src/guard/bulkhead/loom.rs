//! Every order in which two threads enter and leave, with a bound on preemptions.

use super::*;
use crate::region::layout::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering as Plain};

struct Memory {
    region: Region,
    planes: Planes,
    id: u64,
    /// Callers inside; no part of the model.
    inside: AtomicI32,
}

/// A process number that no system gives.
const NOBODY: u64 = (1 << 22) - 1;

impl Memory {
    fn new(config: &str) -> Arc<Self> {
        let limits = Limits {
            total_words: 1024,
            max_series: 1,
            max_series_per_name: 1,
            max_limiters: 0,
            max_guards: 1,
            max_operations: 0,
            max_events: 0,
            max_workers: 1,
            max_shards: 0,
            stripes: 0,
            slot_ns: 1_000_000_000,
            manual_clock: 1,
        };
        let region = Region::heap(limits).expect("a region");
        let planes = Planes::of(&region);
        let config = serde_json::from_str(config).expect("a document");
        let policy = BulkheadPolicy::parse("b", &config).expect("a policy");
        let id = open(&region, "b", &policy).expect("a bulkhead");
        Arc::new(Memory {
            region,
            planes,
            id,
            inside: AtomicI32::new(0),
        })
    }

    fn bulkhead(&self) -> Bulkhead<'_> {
        Bulkhead::resolve(&self.region, self.id).expect("it is there")
    }

    fn enter(&self) -> Option<u64> {
        enter(&self.region, &self.planes, self.id, None).expect("asked")
    }

    /// Enters and leaves; true when it was inside, alone.
    fn visit(&self) -> bool {
        let Some(permit) = self.enter() else {
            return false;
        };
        assert_eq!(self.inside.fetch_add(1, Plain::SeqCst), 0, "two are inside");
        loom::thread::yield_now();
        self.inside.fetch_sub(1, Plain::SeqCst);
        leave(&self.region, self.id, permit).expect("left");
        true
    }
}

fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 100_000;
    builder.check(model);
}

#[test]
fn one_place_holds_one_and_is_free_when_it_left() {
    explore(2, || {
        let memory = Memory::new(r#"{"max_concurrent": 1}"#);
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || memory.visit())
        };
        let mine = memory.visit();
        assert!(other.join().unwrap() || mine, "one of them comes first");
        assert_ne!(memory.bulkhead().entry.get(word::HINT), FULL);
        assert!(memory.visit());
    });
}

#[test]
fn the_place_of_a_dead_process_goes_to_one() {
    explore(2, || {
        let memory = Memory::new(r#"{"max_concurrent": 1}"#);
        let here = Holder::current().0 >> 38 << 38;
        let dead = Place(0).taken(Holder(here | NOBODY));
        let places = memory.bulkhead().places().expect("places");
        places[0].store(dead.0, Ordering::SeqCst);
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || memory.enter().is_some())
        };
        let mine = memory.enter().is_some();
        let other = other.join().unwrap();
        assert!(!(mine && other), "both have the one place");
        let numbers = memory.bulkhead().numbers(&memory.planes);
        assert_eq!(numbers.returned_from_dead, 1);
        assert_eq!(numbers.in_use, u64::from(mine || other));
    });
}

#[test]
fn a_lowered_limit_is_heeded_by_who_took_a_place_before() {
    explore(2, || {
        let config = r#"{"adaptive": {"algorithm": "aimd", "initial": 2, "min": 1, "max": 2,
                         "backoff_ratio": 0.5}}"#;
        let memory = Memory::new(config);
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || {
                let bulkhead = memory.bulkhead();
                bulkhead.learn(&memory.planes, Outcome::Failure, 0.1, 2);
                // The limit is one now, and whoever came in before counts.
                memory.enter().is_some()
            })
        };
        let mine = memory.enter().is_some();
        let other = other.join().unwrap();
        assert_eq!(memory.bulkhead().measured_limit(), 1);
        assert!(!(mine && other), "two are inside of one");
        assert_eq!(memory.bulkhead().in_use(), u64::from(mine || other));
    });
}
