//! Entries of a table, and the index of names.

use super::{Memory, explore};
use crate::metrics::{Kind, MetricOptions, Registry};
use crate::region::layout::Table;
use crate::region::raw::Mapping;
use crate::region::slots::{self, Slots};
use loom::thread;
use std::sync::Arc;

/// Two header words, then `count` entries of one word.
fn table(count: usize) -> (Arc<Mapping>, Slots) {
    let table = Table {
        at: 2,
        count,
        stride: 1,
    };
    (
        Arc::new(Mapping::heap(2 + count)),
        Slots {
            table,
            state: 0,
            next: 0,
        },
    )
}

fn is_dead(pid: u64) -> bool {
    pid == 666
}

#[test]
fn two_claimers_never_share_an_entry() {
    explore(3, || {
        let (memory, slots) = table(2);
        let claim = |pid: u64| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                let index = slots
                    .claim(memory.words(), 2, pid, is_dead)
                    .expect("there are two");
                slots.publish(memory.words(), index);
                index
            })
        };
        let (one, other) = (claim(1), claim(2));
        assert_ne!(one.join().expect("claimed"), other.join().expect("claimed"));
        assert!((0..2).all(|index| slots.is_published(memory.words(), index)));
        assert_eq!(slots.claim(memory.words(), 2, 3, is_dead), None);
    });
}

#[test]
fn an_entry_given_back_is_found_again() {
    explore(3, || {
        let (memory, slots) = table(1);
        let attempt = |pid: u64| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                let index = slots.claim(memory.words(), 1, pid, is_dead);
                if let Some(index) = index {
                    slots.release(memory.words(), index);
                }
                index.is_some()
            })
        };
        let (one, other) = (attempt(1), attempt(2));
        let (one, other) = (one.join().expect("tried"), other.join().expect("tried"));
        assert!(one || other, "one of them comes first");
        assert_eq!(slots.claim(memory.words(), 1, 3, is_dead), Some(0));
    });
}

#[test]
fn an_entry_of_a_dead_claimer_is_taken_over_once() {
    explore(3, || {
        let (memory, slots) = table(1);
        assert_eq!(slots.claim(memory.words(), 1, 666, is_dead), Some(0));
        let attempt = |pid: u64| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || slots.claim(memory.words(), 1, pid, is_dead))
        };
        let (one, other) = (attempt(1), attempt(2));
        let both = [one.join().expect("tried"), other.join().expect("tried")];
        assert_eq!(both.iter().flatten().count(), 1);
        assert_ne!(memory.words().load(2), slots::FREE);
    });
}

fn open(memory: &Arc<Memory>, kind: Kind, name: &'static str) -> thread::JoinHandle<u64> {
    let memory = Arc::clone(memory);
    thread::spawn(move || {
        let registry = Registry::of(&memory.region);
        registry
            .open(kind, name, &MetricOptions::default())
            .expect("a series")
    })
}

#[test]
fn two_creators_of_a_name_end_with_one_series() {
    explore(2, || {
        let memory = Memory::new();
        let (one, other) = (
            open(&memory, Kind::Counter, "a"),
            open(&memory, Kind::Counter, "a"),
        );
        let id = one.join().expect("opened");
        assert_eq!(id, other.join().expect("opened"));
        let registry = Registry::of(&memory.region);
        assert_eq!(registry.all().count(), 1);
        let again = registry.open(Kind::Counter, "a", &MetricOptions::default());
        assert_eq!(again.expect("a series"), id);
        // What the loser gave back is there for the next one.
        registry
            .open(Kind::Counter, "b", &MetricOptions::default())
            .expect("room for another");
        assert_eq!(registry.all().count(), 2);
    });
}

#[test]
fn two_names_made_at_once_are_two_series() {
    explore(2, || {
        let memory = Memory::new();
        let (one, other) = (
            open(&memory, Kind::Counter, "a"),
            open(&memory, Kind::Gauge, "b"),
        );
        assert_ne!(one.join().expect("opened"), other.join().expect("opened"));
        assert_eq!(Registry::of(&memory.region).all().count(), 2);
    });
}

#[test]
fn two_creators_of_a_histogram_share_its_block() {
    explore(2, || {
        let memory = Memory::new();
        let registry = Registry::of(&memory.region);
        // The name exists; the block is raced for through the series of both.
        let (one, other) = (
            open(&memory, Kind::Histogram, "h"),
            open(&memory, Kind::Histogram, "h"),
        );
        assert_eq!(one.join().expect("opened"), other.join().expect("opened"));
        let series: Vec<_> = registry.all().collect();
        assert_eq!(series.len(), 1);
        assert_ne!(series[0].block, 0);
    });
}
