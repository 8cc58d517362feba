//! Every interleaving of a few threads at one ring.

use super::*;
use crate::region::header;
use crate::region::raw::{Mapping, Words};
use std::sync::Arc;

const WINDOW_NS: u64 = 10;

/// Takes one unit; when, if it could.
fn take(words: Words, window: &Window) -> Option<u64> {
    let clock = Clock::of(words, true);
    let (state, ring) = (words.get(0)?, words.slice(1, window.slots as usize)?);
    loop {
        let old = state.load(Ordering::Acquire);
        let attempt = window.take(
            ring,
            &clock,
            old,
            1,
            false,
            |new| {
                state
                    .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            },
            || state.load(Ordering::Acquire) == old,
        );
        match attempt {
            Attempt::Admitted { now_ns, .. } => return Some(now_ns),
            Attempt::Lost => {}
            _ => return None,
        }
    }
}

fn explore(limit: u64, units_each: usize) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let window = Window::new(limit, WINDOW_NS);
        let memory = Arc::new(Mapping::heap(header::MANUAL_NOW + 1));
        Clock::of(memory.words(), true).advance(5);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let memory = memory.clone();
                loom::thread::spawn(move || {
                    (0..units_each)
                        .filter_map(|_| take(memory.words(), &window))
                        .collect()
                })
            })
            .collect();
        Clock::of(memory.words(), true).advance(WINDOW_NS);
        let mut times: Vec<u64> = take(memory.words(), &window).into_iter().collect();
        for other in others {
            times.extend::<Vec<u64>>(other.join().unwrap());
        }
        times.sort();
        let limit = limit as usize;
        for (first, last) in times.iter().zip(times.iter().skip(limit)) {
            assert!(last - first >= WINDOW_NS, "limit {limit}: {times:?}");
        }
        // Early denials come only from races for the same unit; somebody always gets it.
        assert!(!times.is_empty());
    });
}

#[test]
fn a_limit_of_one_is_never_exceeded() {
    explore(1, 1);
}

#[test]
fn a_limit_of_two_is_never_exceeded() {
    explore(2, 1);
}

/// Gives one unit back.
fn give_back(words: Words, window: &Window) {
    let clock = Clock::of(words, true);
    let (Some(state), Some(ring)) = (words.get(0), words.slice(1, window.slots as usize)) else {
        return;
    };
    let mut left = 1;
    while left > 0 {
        let old = state.load(Ordering::Acquire);
        let same = || state.load(Ordering::Acquire) == old;
        left = window.release(ring, old, left, clock.precise(), same);
    }
}

fn explore_both_ways(limit: u64, preemptions: usize) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        let window = Window::new(limit, WINDOW_NS);
        let memory = Arc::new(Mapping::heap(header::MANUAL_NOW + 1));
        let inside = Arc::new(std::sync::atomic::AtomicU64::new(0));
        Clock::of(memory.words(), true).advance(5);
        let visit = {
            let (memory, inside) = (memory.clone(), inside.clone());
            move || {
                if take(memory.words(), &window).is_some() {
                    assert!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < limit);
                    loom::thread::yield_now();
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    give_back(memory.words(), &window);
                }
            }
        };
        let others: Vec<_> = (0..2).map(|_| loom::thread::spawn(visit.clone())).collect();
        visit();
        for other in others {
            other.join().unwrap();
        }
        let ring = memory.words().slice(1, window.slots as usize).unwrap();
        let state = memory.words().load(0);
        assert_eq!(window.units_left(ring, state, 5), limit);
    });
}

#[test]
fn what_is_given_back_is_there_again_of_one() {
    explore_both_ways(1, 2);
}

/// With two preemptions it takes over a minute.
#[test]
fn what_is_given_back_is_there_again_of_two() {
    explore_both_ways(2, 1);
}
