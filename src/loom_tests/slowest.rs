//! Of calls that end at once the slowest stays, and each is whole; the floor is never above it, also
//! when some of them come late.

use super::{Memory, SLOT_NS, explore};
use crate::base::outcome::Outcome;
use crate::cell::slowest::{self, Call};
use crate::region::Region;
use loom::thread;
use std::sync::Arc;

fn offer(region: &Region, now: u64, seconds: f64) {
    let detail = format!("{seconds}");
    let said = (detail.as_str(), "t");
    slowest::offer(region, now, seconds.to_bits(), 0, Outcome::Success, said);
}

fn is_whole(call: &Call) -> bool {
    call.detail == format!("{}", call.seconds) && call.trace_id == "t"
}

fn seconds(calls: &[Call]) -> Vec<f64> {
    assert!(calls.iter().all(is_whole), "{calls:?}");
    calls.iter().map(|call| call.seconds).collect()
}

#[test]
fn the_two_slowest_of_three_stay() {
    explore(1, || {
        let memory = Memory::new();
        offer(&memory.region, 1, 1.0);
        let threads: Vec<_> = [2.0, 3.0]
            .into_iter()
            .map(|seconds| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || offer(&memory.region, 2, seconds))
            })
            .collect();
        for thread in threads {
            thread.join().expect("offered");
        }
        let (window, ever) = slowest::read(&memory.region, 3);
        assert_eq!(seconds(&window), [3.0, 2.0]);
        assert_eq!(seconds(&ever), [3.0, 2.0]);
        assert!(slowest::is_candidate(&memory.region, 3, 2.5f64.to_bits()));
    });
}

/// Two that come late, one of which begins a slot that is over, and one that begins the next: of the
/// floor alone, since the lists make the orders too many.
#[test]
fn who_comes_late_raises_no_floor_of_a_later_slot() {
    explore(2, || {
        let memory = Memory::new();
        slowest::begin_if_due(&memory.region, 0);
        slowest::raise_floor(&memory.region, 0, 7.0f64.to_bits());
        let begin = |slot: u64, least: f64| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                slowest::begin_if_due(&memory.region, slot * SLOT_NS);
                slowest::raise_floor(&memory.region, slot, least.to_bits());
            })
        };
        let threads = [begin(1, 20.0), begin(1, 30.0), begin(2, 1.0)];
        let now = 2 * SLOT_NS;
        assert!(slowest::is_candidate(&memory.region, now, 2.0f64.to_bits()));
        for thread in threads {
            thread.join().expect("begun");
        }
        assert!(slowest::is_candidate(&memory.region, now, 2.0f64.to_bits()));
        // And whoever comes next finds a floor of the slot.
        slowest::begin_if_due(&memory.region, now);
        slowest::raise_floor(&memory.region, 2, 1.0f64.to_bits());
        assert!(!slowest::is_candidate(
            &memory.region,
            now,
            0.5f64.to_bits()
        ));
    });
}

/// What is compared with the floor while a slot begins is not compared with that of the slot before.
#[test]
fn who_sees_a_slot_that_began_sees_its_floor() {
    explore(3, || {
        let memory = Memory::new();
        for seconds in [20.0, 21.0] {
            offer(&memory.region, 1, seconds);
        }
        let begins = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || slowest::begin_if_due(&memory.region, SLOT_NS))
        };
        let again = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || slowest::begin_if_due(&memory.region, SLOT_NS))
        };
        assert!(slowest::is_candidate(
            &memory.region,
            SLOT_NS,
            1.0f64.to_bits()
        ));
        begins.join().expect("begun");
        again.join().expect("begun");
        assert!(slowest::is_candidate(
            &memory.region,
            SLOT_NS,
            1.0f64.to_bits()
        ));
    });
}
