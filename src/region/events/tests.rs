use super::*;
use crate::region::layout::Limits;
use proptest::prelude::*;

fn region(max_events: u64) -> Region {
    let limits = Limits {
        total_words: 1 << 16,
        max_series: 8,
        max_series_per_name: 8,
        max_limiters: 0,
        max_guards: 1,
        max_operations: 0,
        max_events,
        max_workers: 1,
        max_shards: 0,
        stripes: 0,
        slot_ns: 1_000_000_000,
        manual_clock: 1,
    };
    Region::heap(limits).expect("a region")
}

fn event(number: u64) -> Event {
    Event {
        time_ns: number,
        kind: Kind::ALL[number as usize % Kind::ALL.len()],
        cause: Cause::ALL[number as usize % Cause::ALL.len()].0,
        guard: number.wrapping_mul(3),
        pid: 7,
        numbers: [number, !number],
    }
}

fn all(region: &Region, cursor: &mut Cursor, now_ns: u64) -> Vec<u64> {
    std::iter::from_fn(|| read(region, cursor, now_ns))
        .map(|(number, found)| {
            assert_eq!(found, event(number));
            number
        })
        .collect()
}

#[test]
fn every_event_comes_back_once() {
    let region = region(16);
    let mut cursor = Cursor::default();
    assert_eq!(all(&region, &mut cursor, 0).len(), 0);
    for number in 0..10 {
        write(&region, event(number));
    }
    assert_eq!(all(&region, &mut cursor, 0), (0..10).collect::<Vec<_>>());
    assert_eq!(all(&region, &mut cursor, 0).len(), 0);
    assert_eq!(cursor, Cursor { next: 10, lost: 0 });
}

#[test]
fn a_lapped_reader_is_told_how_many_it_lost() {
    let region = region(16);
    for number in 0..5 {
        write(&region, event(number));
    }
    let mut cursor = Cursor::default();
    assert_eq!(all(&region, &mut cursor, 0).len(), 5);
    for number in 5..100 {
        write(&region, event(number));
    }
    assert_eq!(all(&region, &mut cursor, 0), (84..100).collect::<Vec<_>>());
    assert_eq!(cursor.lost, 79);
    let mut newcomer = Cursor::default();
    assert_eq!(all(&region, &mut newcomer, 0).len(), 16);
    assert_eq!(newcomer.lost, 0);
}

#[test]
fn a_dead_writer_holds_nothing_back_for_long() {
    let region = region(16);
    write(&region, event(0));
    // Killed after it took its number.
    region.words().add(header::EVENTS_NEXT, 1);
    write(&region, event(2));
    let mut cursor = Cursor::default();
    assert_eq!(all(&region, &mut cursor, 1), [0]);
    assert_eq!(all(&region, &mut cursor, PATIENCE_NS + 1).len(), 0);
    assert_eq!(all(&region, &mut cursor, PATIENCE_NS + 2), [2]);
    assert_eq!(cursor.lost, 1);
}

#[test]
fn an_event_with_any_word_changed_is_not_shown() {
    let region = region(4);
    write(&region, event(0));
    let at = region.layout().events.at;
    for word in 0..EVENT_WORDS {
        for bit in 0..64 {
            let old = region.words().load(at + word);
            region.words().store(at + word, old ^ 1 << bit);
            assert_eq!(
                read(&region, &mut Cursor::default(), 0),
                None,
                "{word} {bit}"
            );
            region.words().store(at + word, old);
        }
    }
    assert!(read(&region, &mut Cursor::default(), 0).is_some());
}

#[test]
fn a_region_without_a_ring_forgets_everything() {
    let region = region(0);
    write(&region, event(0));
    assert_eq!(read(&region, &mut Cursor::default(), 0), None);
}

#[test]
fn writers_who_lap_each_other_show_no_torn_event() {
    let region = region(2);
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let region = &region;
            scope.spawn(move || {
                for round in 0..50_000 {
                    let value = round * 2 + thread;
                    let numbers = [value, !value];
                    write(
                        region,
                        Event {
                            numbers,
                            ..event(value)
                        },
                    );
                }
            });
        }
        scope.spawn(|| {
            let mut cursor = Cursor::default();
            for _ in 0..50_000 {
                if let Some((_, found)) = read(&region, &mut cursor, u64::MAX) {
                    assert_eq!(found, event(found.numbers[0]));
                }
            }
        });
    });
}

#[test]
fn a_sample_is_due_once_a_second() {
    let last = AtomicU64::new(0);
    assert!(is_due(&last, 0));
    assert!(!is_due(&last, 0));
    assert!(!is_due(&last, 999_999_999));
    assert!(is_due(&last, 1_000_000_000));
    assert!(!is_due(&last, 1_500_000_000));
}

proptest! {
    #[test]
    fn any_words_are_read_without_harm(words in prop::collection::vec(any::<u64>(), 4 * EVENT_WORDS),
                                       next: u64, cursor: u64, now_ns: u64) {
        let region = region(4);
        for (at, word) in words.into_iter().enumerate() {
            region.words().store(region.layout().events.at + at, word);
        }
        region.words().store(header::EVENTS_NEXT, next);
        let mut cursor = Cursor { next: cursor, lost: 0 };
        for _ in 0..8 {
            read(&region, &mut cursor, now_ns);
        }
        write(&region, event(1));
    }
}
