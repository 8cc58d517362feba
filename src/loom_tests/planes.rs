//! Adding to a number that others add to, and owning a shard that others want.

use super::{Memory, explore};
use crate::base::error::Kind;
use crate::cell::shard::{self, Numbers};
use crate::region::header;
use loom::thread;
use std::sync::Arc;

#[test]
fn no_add_is_lost() {
    explore(3, || {
        let memory = Memory::new();
        let add = |amount: u64| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                memory.planes.add(0, amount);
                memory.planes.add_f64(1, amount as f64);
            })
        };
        let (one, other) = (add(1), add(20));
        memory.planes.add(0, 300);
        one.join().expect("added");
        other.join().expect("added");
        assert_eq!(memory.planes.sum(0), 321);
        assert_eq!(memory.planes.sum_f64(1), 21.0);
    });
}

fn open(memory: &Arc<Memory>, numbers: Numbers) -> thread::JoinHandle<u64> {
    let memory = Arc::clone(memory);
    thread::spawn(move || {
        let id = shard::open(&memory.region, numbers).expect("a shard");
        let at = shard::cell(&memory.region, id, 0).expect("a cell");
        let words = memory.region.words();
        // As its owner does: nobody else writes there.
        let one = if numbers == Numbers::Integers {
            1
        } else {
            1f64.to_bits()
        };
        assert_eq!(words.load(at), 0, "somebody else wrote there");
        words.store(at, one);
        id
    })
}

#[test]
fn two_openers_never_own_the_same_shard() {
    explore(2, || {
        let memory = Memory::new();
        let (one, other) = (
            open(&memory, Numbers::Integers),
            open(&memory, Numbers::Integers),
        );
        assert_ne!(one.join().expect("opened"), other.join().expect("opened"));
        assert_eq!(memory.region.words().load(header::SHARDS_USED), 2);
        assert_eq!(shard::total(&memory.region, &memory.planes, 0), 2);
        let full = shard::open(&memory.region, Numbers::Integers).expect_err("both are taken");
        assert_eq!(full.kind(), Kind::Capacity);
    });
}

#[test]
fn shards_of_different_numbers_are_never_mixed() {
    explore(2, || {
        let memory = Memory::new();
        let (one, other) = (
            open(&memory, Numbers::Integers),
            open(&memory, Numbers::Doubles),
        );
        assert_ne!(one.join().expect("opened"), other.join().expect("opened"));
        assert_eq!(shard::total(&memory.region, &memory.planes, 0), 2);
    });
}

#[test]
fn a_shard_that_is_handed_on_keeps_its_numbers() {
    explore(2, || {
        let memory = Memory::new();
        let first = shard::open(&memory.region, Numbers::Integers).expect("a shard");
        let at = shard::cell(&memory.region, first, 0).expect("a cell");
        memory.region.words().store(at, 5);
        let next = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                let id = shard::open(&memory.region, Numbers::Integers).expect("a shard");
                let at = shard::cell(&memory.region, id, 0).expect("a cell");
                let words = memory.region.words();
                words.store(at, words.load(at) + 1);
            })
        };
        shard::close(&memory.region, first).expect("closed");
        next.join().expect("opened");
        assert_eq!(shard::total(&memory.region, &memory.planes, 0), 6);
    });
}
