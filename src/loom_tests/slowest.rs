//! Of calls that end at once the slowest stays, and each is whole; the floor is never above it.

use super::{Memory, explore};
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
