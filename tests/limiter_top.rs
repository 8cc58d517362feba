//! The keys that use a limiter most: estimates against exact counts, by one caller and by many.

use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::engine::{Engine, Limiter};
use tidegate::guard::Verdict;
use tidegate::guard::limiter::top::{By, MOST};

fn engine() -> Engine {
    Engine::open(
        r#"{"clock":"manual","region":{"size_bytes":8388608},"metrics":{"max_series":64}}"#,
    )
    .unwrap()
}

fn open(engine: &Engine, burst: u32) -> Limiter {
    let config = format!(
        r#"{{"algorithm":"token_bucket","rate_per_second":1,"burst":{burst},"keyed":true,
            "max_keys":2000,"record_keys":"plain"}}"#
    );
    engine.open_limiter_from("top", &config).unwrap()
}

fn key(number: usize) -> String {
    format!("key {number}")
}

/// What was really admitted and denied, by key.
type Exact = HashMap<String, (u64, u64)>;

fn hold(engine: &Engine, limiter: Limiter, exact: &Exact) {
    for by in [By::Used, By::Denied] {
        let of = |key: &str| {
            let (used, denied) = exact.get(key).copied().unwrap_or_default();
            match by {
                By::Used => used,
                By::Denied => denied,
            }
        };
        let total: u64 = exact.keys().map(|key| of(key)).sum();
        let listed = engine.top_keys(limiter, by, MOST).unwrap();
        assert!(listed.len() <= MOST);
        let estimates: Vec<u64> = listed
            .iter()
            .map(|found| match by {
                By::Used => found.used,
                By::Denied => found.denied,
            })
            .collect();
        assert!(estimates.is_sorted_by(|one, other| one >= other));
        for (found, estimate) in listed.iter().zip(&estimates) {
            let truth = of(&found.key);
            assert!(*estimate >= truth, "{found:?}: {truth}");
            assert!(estimate - found.error_bound <= truth, "{found:?}: {truth}");
            assert!(
                found.error_bound <= total / MOST as u64,
                "{found:?}: {total}"
            );
        }
        // Whoever has more than a 64th of everything is listed.
        for key in exact.keys().filter(|key| of(key) > total / MOST as u64) {
            assert!(listed.iter().any(|found| found.key == *key), "{key}");
        }
        let top = engine.top_keys(limiter, by, 3).unwrap();
        assert_eq!(top[..], listed[..listed.len().min(3)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn estimates_hold_their_bounds(
        calls in prop::collection::vec((0.0..1.0_f64, 1..9_u32), 1..2500),
        keys in prop_oneof![Just(3_usize), Just(64), Just(400)],
        skew in 1..5_i32,
    ) {
        let engine = engine();
        let limiter = open(&engine, 20);
        let mut exact = Exact::new();
        for (place, cost) in calls {
            let key = key((place.powi(skew) * keys as f64) as usize);
            let verdict = engine.check(limiter, Some(key.as_bytes()), cost, None).unwrap();
            let counts = exact.entry(key).or_default();
            match verdict {
                Verdict::Admitted => counts.0 += u64::from(cost),
                Verdict::Denied => counts.1 += 1,
            }
        }
        hold(&engine, limiter, &exact);
    }
}

#[test]
fn keys_that_all_have_a_place_are_told_by_many_threads() {
    const THREADS: usize = 4;
    const CALLS: usize = 20_000;
    let engine = engine();
    let limiter = open(&engine, 1_000_000);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let engine = &engine;
            scope.spawn(move || {
                for call in 0..CALLS {
                    let key = key((call + thread) % 8);
                    engine
                        .check(limiter, Some(key.as_bytes()), 1, None)
                        .unwrap();
                }
            });
        }
    });
    let listed = engine.top_keys(limiter, By::Used, MOST).unwrap();
    assert_eq!(listed.len(), 8);
    for found in listed {
        assert!(found.used >= (THREADS * CALLS / 8) as u64, "{found:?}");
        assert!(
            found.used - found.error_bound <= (THREADS * CALLS / 8) as u64,
            "{found:?}"
        );
    }
}

#[test]
fn no_count_is_lost_where_keys_push_each_other_out() {
    const THREADS: usize = 4;
    const CALLS: usize = 20_000;
    const KEYS: usize = 200;
    let engine = engine();
    let limiter = open(&engine, 1_000_000);
    let exact: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, exact) = (&engine, &exact);
            scope.spawn(move || {
                let mut random = thread as u64 + 1;
                for _ in 0..CALLS {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let place = (random >> 40) as f64 / (1 << 24) as f64;
                    let number = (place * place * KEYS as f64) as usize;
                    exact[number].fetch_add(1, Ordering::Relaxed);
                    let key = key(number);
                    engine
                        .check(limiter, Some(key.as_bytes()), 1, None)
                        .unwrap();
                }
            });
        }
    });
    let listed = engine.top_keys(limiter, By::Used, MOST).unwrap();
    assert!(listed.len() > MOST / 2);
    for found in listed {
        let number: usize = found.key["key ".len()..].parse().unwrap();
        let truth = exact[number].load(Ordering::Relaxed);
        assert!(found.used >= truth, "{found:?}: {truth}");
        assert!(
            found.used - found.error_bound <= truth,
            "{found:?}: {truth}"
        );
    }
}

#[test]
fn a_damaged_table_shows_nothing_impossible() {
    let engine = engine();
    let limiter = open(&engine, 10);
    for number in 0..100 {
        let _ = engine.check(limiter, Some(key(number).as_bytes()), 1, None);
    }
    let words = engine.region().words();
    // Every word once, one after the other: no panic, and whatever is shown was a key.
    for at in 0..words.len() {
        let Some(word) = words
            .get(at)
            .filter(|word| word.load(Ordering::Relaxed) != 0)
        else {
            continue;
        };
        let before = word.swap(wrong(at), Ordering::Relaxed);
        if let Ok(listed) = engine.top_keys(limiter, By::Used, MOST) {
            assert!(listed.iter().all(|found| found.key.starts_with("key ")));
        }
        word.store(before, Ordering::Relaxed);
    }
}

fn wrong(at: usize) -> u64 {
    (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}
