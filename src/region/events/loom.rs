//! Two writers one round apart in a ring of one entry, and a reader: every order of their steps.

use super::*;
use crate::region::layout::Limits;
use std::sync::Arc;

fn region() -> Region {
    let limits = Limits {
        total_words: 1024,
        max_series: 1,
        max_series_per_name: 1,
        max_limiters: 0,
        max_guards: 0,
        max_operations: 0,
        max_events: 1,
        max_workers: 1,
        max_shards: 0,
        stripes: 0,
        slot_ns: 1_000_000_000,
        manual_clock: 1,
    };
    Region::heap(limits).expect("a region")
}

fn event(value: u64) -> Event {
    Event {
        time_ns: value,
        kind: Kind::Transition,
        cause: Cause::None,
        guard: 0,
        pid: value as u32,
        numbers: [0, 0],
    }
}

fn whole(found: Option<(u64, Event)>) {
    if let Some((_, found)) = found {
        assert_eq!(found, event(found.time_ns));
    }
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(1);
    builder.max_branches = 100_000;
    builder.check(model);
}

#[test]
fn a_torn_event_is_never_shown() {
    explore(|| {
        let region = Arc::new(region());
        let other = {
            let region = region.clone();
            loom::thread::spawn(move || write(&region, event(1)))
        };
        let reader = {
            let region = region.clone();
            loom::thread::spawn(move || {
                let mut cursor = Cursor::default();
                whole(read(&region, &mut cursor, u64::MAX));
            })
        };
        write(&region, event(2));
        other.join().unwrap();
        reader.join().unwrap();
        whole(read(&region, &mut Cursor::default(), u64::MAX));
    });
}
