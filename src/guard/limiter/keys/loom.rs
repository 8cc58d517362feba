//! Every interleaving of a few threads, in a table of two groups of two entries.

use super::*;
use crate::region::raw::Mapping;
use std::sync::Arc;

/// A state is a number of the entry's life, times two, plus 1 when its one unit is taken.
struct OneUnit;

impl Life for OneUnit {
    fn is_idle(&self, _index: usize, state: u64) -> bool {
        state & 1 == 0
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        (state | 1) + 1
    }

    fn prepare(&self, _index: usize, _is_new: impl Fn() -> bool) {}

    fn idle_in(&self, _index: usize, _state: u64) -> u64 {
        1
    }
}

fn print(tag: u64, home: usize) -> Print {
    Print {
        tag,
        groups: [0, 1],
        home,
    }
}

fn table(memory: &Mapping) -> Table {
    Table {
        words: memory.words(),
        at: 0,
        groups: 2,
        touched_at: 2 * 2 * GROUP,
    }
}

/// Takes the key's one unit; false when it is taken.
fn take(table: &Table, print: &Print) -> bool {
    loop {
        let entry = match table.find(*print) {
            Some(entry) => entry,
            None => {
                match table.enter(*print, &OneUnit, WhenFull::Deny, &mut Displaced::default()) {
                    Place::At(entry) => entry,
                    _ => panic!("there is room"),
                }
            }
        };
        if entry.state & 1 == 1 {
            if entry.is_same() {
                return false;
            }
        } else if entry.swap(entry.state | 1) {
            return true;
        }
    }
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 100_000;
    builder.check(model);
}

fn confirmed(table: &Table, tag: u64) -> usize {
    table
        .entries(print(tag, 0))
        .filter(|(_, entry)| entry.tag == tag)
        .count()
}

/// Two threads that prefer different entries enter one key.
#[test]
fn one_key_never_has_two_entries() {
    explore(|| {
        let memory = Arc::new(Mapping::heap(2 * 2 * GROUP + 1));
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || take(&table(&memory), &print(5, 1)))
        };
        let mine = take(&table(&memory), &print(5, 0));
        let other = other.join().unwrap();
        assert!(mine != other, "one unit: {mine} and {other}");
        assert_eq!(confirmed(&table(&memory), 5), 1);
    });
}

/// A process was killed after its first step, and two others want the key.
#[test]
fn an_orphan_blocks_nobody() {
    explore(|| {
        let memory = Arc::new(Mapping::heap(2 * 2 * GROUP + 1));
        let orphan = Pair::at(memory.words(), 2).unwrap();
        assert!(orphan.swap((0, 0), (5 | PROVISIONAL, 2)));
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || take(&table(&memory), &print(5, 1)))
        };
        let mine = take(&table(&memory), &print(5, 0));
        assert!(mine != other.join().unwrap());
        assert_eq!(confirmed(&table(&memory), 5), 1);
    });
}

/// A killed process left two provisional entries of one key behind; another key moves in.
#[test]
fn two_keys_do_not_meet() {
    explore(|| {
        let memory = Arc::new(Mapping::heap(2 * 2 * GROUP + 1));
        let orphan = Pair::at(memory.words(), 4).unwrap();
        assert!(orphan.swap((0, 0), (5 | PROVISIONAL, 2)));
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || take(&table(&memory), &print(7, 0)))
        };
        assert!(take(&table(&memory), &print(5, 0)));
        assert!(other.join().unwrap());
        assert_eq!(confirmed(&table(&memory), 5), 1);
        assert_eq!(confirmed(&table(&memory), 7), 1);
    });
}
