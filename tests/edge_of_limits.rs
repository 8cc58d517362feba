//! Four processes of two threads each ask a limit for more than it has, while the clock moves: in no
//! interval is one too many admitted.
//!
//! Each admission is logged with the time before and after it, so what is surely within an interval is
//! known. The clock moves with the number of tries, so that the guards are asked for several times
//! what they have, on whatever machine.

#![cfg(unix)]

mod common;

use common::{Board, TempRegion};
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use tidegate::engine::Engine;
use tidegate::guard::Verdict;
use tidegate::guard::retry::Attempt;
use tidegate::region::header;

const PROCESSES: usize = 4;
const THREADS: usize = 2;
const TRIES: u64 = 150_000;
/// How far one try moves the clock.
const TRY_NS: u64 = 20_000;
const SECOND: u64 = 1_000_000_000;

/// Key, time before, time after.
type Admission = (u64, u64, u64);

/// Tries with keys 0, 1 and so on below `keys`, from everywhere; what was admitted, and how long it all
/// took.
fn press(
    config: &str,
    keys: u64,
    ask: impl Fn(&Engine, u64) -> bool + Sync,
) -> (Vec<Admission>, u64) {
    const MOST: usize = 400_000;
    let _alone = common::alone();
    let region = TempRegion::new("edge");
    let document = format!(r#""clock": "manual", {config}"#);
    let engine = region.open(&document);
    let now = || engine.region().words().acquire(header::MANUAL_NOW);
    let (log, tries, gate) = (Board::new(3 * MOST), Board::new(2), Board::new(1));
    let children = common::fork_many(PROCESSES, |process| {
        let own = region.open(&document);
        let engine = if process % 2 == 0 { &engine } else { &own };
        common::meet(&gate[0], PROCESSES as u64);
        let work = |mut turn: u64| {
            for _ in 0..TRIES {
                turn += 1;
                let key = turn % keys;
                let before = now();
                if ask(engine, key) {
                    let at = 3 * tries[1].fetch_add(1, Relaxed) as usize;
                    let words = log.get(at..at + 3).expect("room in the log");
                    words[0].store(key, Relaxed);
                    words[1].store(before, Relaxed);
                    words[2].store(now(), Relaxed);
                }
                // In steps, so that many tries are made at each moment.
                if tries[0].fetch_add(1, Relaxed) % 16 == 0 {
                    engine.advance_clock(16 * TRY_NS).expect("advanced");
                }
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || work((process * THREADS + thread) as u64));
            }
        });
    });
    common::join_all(children);
    let count = 3 * tries[1].load(Acquire) as usize;
    let words: Vec<u64> = log[..count].iter().map(|word| word.load(Relaxed)).collect();
    let all = words.chunks(3).map(|one| (one[0], one[1], one[2]));
    (all.collect(), now())
}

/// In no interval of `span_ns` are more than `most` admissions of one key.
fn holds(admissions: &[Admission], span_ns: u64, most: u64) {
    let mut all = admissions.to_vec();
    all.sort_unstable();
    for (first, (key, from, _)) in all.iter().enumerate() {
        let until = from + span_ns;
        let later = all[first..].iter();
        let near = later.take_while(|one| one.0 == *key && one.1 < until);
        let within = near.filter(|one| one.2 < until).count() as u64;
        assert!(within <= most, "{within} of {most} from {from} to {until}");
    }
}

/// Nearly all that there was has been admitted.
fn are_most(admissions: &[Admission], there_was: u64) {
    let found = admissions.len() as u64;
    assert!(found > there_was * 7 / 10, "{found} of {there_was}");
}

fn limiter(config: &str, keys: u64) -> (Vec<Admission>, u64) {
    let keyed = keys > 1;
    let more = if keyed {
        r#", "keyed": true, "max_keys": 64"#
    } else {
        ""
    };
    let config = format!(r#""limiters": {{"l": {{{config}{more}}}}}"#);
    press(&config, keys, |engine, key| {
        let limiter = engine.find_limiter("l").expect("a limiter");
        let bytes = key.to_le_bytes();
        let key = keyed.then_some(&bytes[..]);
        engine.check(limiter, key, 1, None).expect("asked") == Verdict::Admitted
    })
}

fn windows(limit: u64, keys: u64) {
    let config =
        format!(r#""algorithm": "sliding_window", "limit": {limit}, "window_seconds": 0.1"#);
    let (all, took_ns) = limiter(&config, keys);
    holds(&all, SECOND / 10, limit);
    are_most(&all, keys * limit * took_ns / (SECOND / 10));
}

#[test]
fn no_sliding_window_holds_one_too_many() {
    windows(20, 1);
    windows(20, 3);
    windows(300, 1);
}

#[test]
fn no_fixed_window_holds_one_too_many() {
    for keys in [1, 3] {
        let config = r#""algorithm": "fixed_window", "limit": 20, "window_seconds": 0.1"#;
        let (all, took_ns) = limiter(config, keys);
        let window = |at: u64| at / (SECOND / 10);
        let mut counts = std::collections::BTreeMap::new();
        for (key, before, after) in &all {
            if window(*before) == window(*after) {
                *counts.entry((*key, window(*before))).or_insert(0u64) += 1;
            }
        }
        let most = counts.values().max();
        assert_eq!(most, Some(&20));
        are_most(&all, keys * 20 * took_ns / (SECOND / 10));
    }
}

#[test]
fn no_bucket_gives_one_too_many() {
    for (keys, more) in [(1, ""), (3, ""), (1, r#", "warm_up_seconds": 1"#)] {
        let config =
            format!(r#""algorithm": "token_bucket", "rate_per_second": 1000, "burst": 5{more}"#);
        let (all, took_ns) = limiter(&config, keys);
        for units in [1, 2, 5, 20, 100] {
            holds(&all, units * SECOND / 1000, 5 + units);
        }
        are_most(&all, keys * took_ns / (SECOND / 1000));
    }
}

#[test]
fn a_budget_allows_no_retry_too_many() {
    let config = r#""retries": {"r": {"budget_ratio": 0, "budget_minimum": 30, "jitter": "none"}}"#;
    let (all, took_ns) = press(config, 1, |engine, _| {
        let retry = engine.find_retry("r").expect("a retry");
        let second = Attempt {
            number: 2,
            ..Attempt::default()
        };
        engine.next_attempt(retry, second).expect("asked").is_some()
    });
    // Ten slots of a second are looked at, the one that it is among them.
    let slot = |at: u64| at / SECOND;
    for first in 0..=slot(took_ns) {
        let within = all.iter();
        let within = within.filter(|(_, from, to)| slot(*from) >= first && slot(*to) < first + 10);
        assert!(within.count() <= 30);
    }
    are_most(&all, 30 * (slot(took_ns) / 10));
}
