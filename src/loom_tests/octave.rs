//! The first value of an octave makes the octave.

use super::{Memory, explore};
use loom::thread;
use std::sync::Arc;

fn record(memory: &Arc<Memory>, block: usize, value: f64) -> thread::JoinHandle<()> {
    let memory = Arc::clone(memory);
    thread::spawn(move || {
        memory.at(block).record_at(0, value).expect("recorded");
    })
}

fn after(values: &[f64]) -> (Arc<Memory>, usize, Vec<f64>) {
    let memory = Memory::new();
    let block = memory.histogram();
    let threads: Vec<_> = values
        .iter()
        .map(|value| record(&memory, block, *value))
        .collect();
    for thread in threads {
        thread.join().expect("recorded");
    }
    let found = memory.at(block).lifetime();
    let lower = found
        .buckets()
        .flat_map(|bucket| std::iter::repeat_n(bucket.lower, bucket.count as usize))
        .collect();
    assert_eq!(found.sum, values.iter().sum::<f64>());
    assert_eq!(found.min, values.iter().copied().fold(f64::MAX, f64::min));
    assert_eq!(found.max, values.iter().copied().fold(0.0, f64::max));
    (memory, block, lower)
}

#[test]
fn two_first_records_of_an_octave_are_both_in_it() {
    explore(3, || {
        let (memory, block, found) = after(&[1.0, 1.5]);
        assert_eq!(found, [1.0, 1.5]);
        // What the loser had made is used by the next octave, not lost.
        let before = memory.region.heap_used();
        memory.at(block).record_at(0, 2.0).expect("recorded");
        assert!(memory.region.heap_used() - before <= 24);
        assert_eq!(memory.at(block).lifetime().count, 3);
    });
}

#[test]
fn octaves_of_one_place_are_linked_one_after_the_other() {
    // In a model every second octave is in the same place of the directory.
    explore(3, || {
        let (_, _, found) = after(&[1.0, 4.0]);
        assert_eq!(found, [1.0, 4.0]);
    });
}

/// Without any preemption inside the calls: with one, which it passes, it takes some five minutes.
#[test]
fn an_octave_that_is_made_twice_and_its_neighbour_lose_nothing() {
    explore(0, || {
        let (_, _, found) = after(&[4.0, 1.0, 4.0]);
        assert_eq!(found, [1.0, 4.0, 4.0]);
    });
}
