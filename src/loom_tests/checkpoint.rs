//! The first record of a slot takes the checkpoint that windows are counted from.

use super::{Memory, SLOT_NS, explore};
use loom::thread;
use std::sync::Arc;

/// Records `value` at `now` in a thread of its own.
fn record(memory: &Arc<Memory>, block: usize, now: u64, value: f64) -> thread::JoinHandle<()> {
    let memory = Arc::clone(memory);
    thread::spawn(move || {
        memory.at(block).record_at(now, value).expect("recorded");
    })
}

/// A histogram with three values in slot 0.
fn begun() -> (Arc<Memory>, usize) {
    let memory = Memory::new();
    let block = memory.histogram();
    for value in [1.0, 1.0, 1.5] {
        memory.at(block).record_at(0, value).expect("recorded");
    }
    (memory, block)
}

/// Nothing was lost, and the slot of `now` begins after the three values.
fn check(memory: &Memory, block: usize, now: u64, recorded: u64) {
    let cells = memory.at(block);
    let lifetime = cells.lifetime();
    assert_eq!(
        (lifetime.count, lifetime.min, lifetime.max),
        (3 + recorded, 1.0, 1.75)
    );
    let window = cells.window(now, 1);
    assert!(window.count <= recorded, "{window:?}");
    let both = cells.window(now, 2);
    assert_eq!(
        both.count,
        3 + recorded,
        "the checkpoint before is still good"
    );
    assert_eq!((both.min, both.max), (1.0, 1.75));
    // The checkpoint of this slot is there: a record is in its window.
    cells.record_at(now, 1.0).expect("recorded");
    assert_eq!(cells.window(now, 1).count, window.count + 1);
}

#[test]
fn two_recorders_in_a_new_slot_take_one_checkpoint() {
    explore(2, || {
        let (memory, block) = begun();
        let one = record(&memory, block, SLOT_NS, 1.75);
        let other = record(&memory, block, SLOT_NS, 1.75);
        one.join().expect("recorded");
        other.join().expect("recorded");
        check(&memory, block, SLOT_NS, 2);
    });
}

#[test]
fn a_reader_sees_a_whole_checkpoint_or_none() {
    explore(2, || {
        let (memory, block) = begun();
        let recorder = record(&memory, block, SLOT_NS, 1.75);
        let window = memory.at(block).window(SLOT_NS, 1);
        assert!(window.count <= 1, "{window:?}");
        recorder.join().expect("recorded");
        check(&memory, block, SLOT_NS, 1);
    });
}

#[test]
fn a_claim_that_was_stolen_spoils_nothing() {
    explore(1, || {
        let (memory, block) = begun();
        let stopped = record(&memory, block, SLOT_NS, 1.75);
        // Long enough after it that its owner counts as killed.
        let thief = record(&memory, block, SLOT_NS + 300_000_000, 1.75);
        stopped.join().expect("recorded");
        thief.join().expect("recorded");
        check(&memory, block, SLOT_NS + 300_000_000, 2);
    });
}

#[test]
fn a_slot_that_begins_while_another_does_is_not_lost() {
    explore(1, || {
        let (memory, block) = begun();
        let late = record(&memory, block, SLOT_NS, 1.75);
        let next = record(&memory, block, 2 * SLOT_NS, 1.75);
        late.join().expect("recorded");
        next.join().expect("recorded");
        let cells = memory.at(block);
        cells.record_at(2 * SLOT_NS, 1.0).expect("recorded");
        assert_eq!(cells.lifetime().count, 6);
        assert_eq!(cells.window(2 * SLOT_NS, 3).count, 6);
        let window = cells.window(2 * SLOT_NS, 1);
        assert!(window.count <= 3, "{window:?}");
    });
}
