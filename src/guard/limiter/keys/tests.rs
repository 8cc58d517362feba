use super::*;
use crate::base::hash::Secrets;
use crate::region::raw::Mapping;

/// Never idle once used; a state is its life's number times two, plus 1 when used.
struct Forever;

impl Life for Forever {
    fn is_idle(&self, _index: usize, state: u64) -> bool {
        state & 1 == 0
    }

    fn fresh(&self, _index: usize, state: u64) -> u64 {
        (state | 1) + 1
    }

    fn prepare(&self, _index: usize, _is_new: impl Fn() -> bool) {}

    fn idle_in(&self, index: usize, _state: u64) -> u64 {
        1000 + index as u64
    }
}

fn with_table<T>(max_keys: u64, work: impl FnOnce(&Table) -> T) -> T {
    let groups = Table::groups_for(max_keys);
    let touched_at = 2 * GROUP * groups as usize;
    let memory = Mapping::heap(touched_at + Table::map_words(groups) as usize);
    work(&Table {
        words: memory.words(),
        at: 0,
        groups,
        touched_at,
    })
}

fn secrets() -> Secrets {
    Secrets::new(&[1, 2, 3, 4], 0)
}

fn enter(table: &Table, key: u64, when_full: WhenFull, displaced: &mut Displaced) -> bool {
    let print = Print::of(&secrets(), &key.to_le_bytes(), table.groups);
    if table.find(print).is_some() {
        return true;
    }
    match table.enter(print, &Forever, when_full, displaced) {
        Place::At(entry) => entry.swap(entry.state | 1),
        Place::Full(wait) => {
            assert!(wait >= 1000);
            false
        }
        Place::Damaged => panic!("damaged"),
    }
}

#[test]
fn as_many_keys_as_promised_fit() {
    for max_keys in [1, 2, 3, 10, 100, 1000, 10_000, 100_000] {
        with_table(max_keys, |table| {
            let mut displaced = Displaced::default();
            for key in 0..max_keys {
                assert!(
                    enter(table, key, WhenFull::Deny, &mut displaced),
                    "{key} of {max_keys}"
                );
            }
            // Each was found again, none was entered twice.
            assert!((0..max_keys).all(|key| enter(table, key, WhenFull::Deny, &mut displaced)));
            assert_eq!(table.count_used(&Forever), max_keys);
            assert_eq!(displaced, Displaced::default());
        });
    }
}

#[test]
fn a_full_table_denies_or_evicts() {
    with_table(1, |table| {
        let mut displaced = Displaced::default();
        let entered = (0..100).filter(|key| enter(table, *key, WhenFull::Deny, &mut displaced));
        assert_eq!(entered.count(), 2 * GROUP);
        assert_eq!(displaced, Displaced::default());
        assert!((100..200).all(|key| enter(table, key, WhenFull::Evict, &mut displaced)));
        assert_eq!(
            displaced,
            Displaced {
                reused: 0,
                evicted: 100
            }
        );
        assert_eq!(table.count_used(&Forever), 2 * GROUP as u64);
    });
}

#[test]
fn an_orphan_of_another_key_is_taken_in_the_end() {
    with_table(1, |table| {
        for index in 0..2 * GROUP {
            let orphan = Pair::at(table.words, 2 * index).unwrap();
            assert!(orphan.swap((0, 0), ((77 + index as u64) | PROVISIONAL, 2)));
        }
        assert!(enter(table, 1, WhenFull::Deny, &mut Displaced::default()));
    });
}

#[test]
fn a_table_outside_the_region_is_damaged() {
    with_table(10, |table| {
        for at in [usize::MAX, usize::MAX - 1, table.words.len() + 1, 1 << 60] {
            for groups in [0, 1, 2, 1 << 32, u64::MAX] {
                let table = Table {
                    at,
                    groups,
                    touched_at: at,
                    ..*table
                };
                let print = Print::of(&secrets(), b"key", groups);
                assert!(table.find(print).is_none());
                let place =
                    table.enter(print, &Forever, WhenFull::Evict, &mut Displaced::default());
                assert!(matches!(place, Place::Damaged));
            }
        }
        let odd = Table { at: 1, ..*table };
        let print = Print::of(&secrets(), b"key", 1);
        assert!(odd.find(print).is_none());
        odd.enter(print, &Forever, WhenFull::Deny, &mut Displaced::default());
    });
}
