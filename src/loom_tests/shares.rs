//! The share of a process that is gone is nobody's; no add of the one that took its place is lost.

use super::{Memory, explore};
use crate::cell::shares::{Shares, block_words};
use loom::thread;
use std::sync::Arc;

const GONE: u64 = 5;
const HERE: u64 = 7;

#[test]
fn threads_of_a_new_process_lose_no_add_and_inherit_nothing() {
    explore(2, || {
        let memory = Memory::new();
        let words = block_words(&memory.region);
        let block = memory.region.allocate(words).expect("room");
        Shares::at(&memory.region, block).add(0, GONE, 9.0);
        let threads: Vec<_> = [1.0, 2.0]
            .into_iter()
            .map(|delta| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || Shares::at(&memory.region, block).add(0, HERE, delta))
            })
            .collect();
        let shares = Shares::at(&memory.region, block);
        let seen = shares.of(0, HERE);
        assert!(
            seen.is_none_or(|seen| [0.0, 1.0, 2.0, 3.0].contains(&seen)),
            "{seen:?}"
        );
        for thread in threads {
            thread.join().expect("added");
        }
        assert_eq!(shares.of(0, HERE), Some(3.0));
        assert_eq!(shares.of(0, GONE), None);
    });
}
