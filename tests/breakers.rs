//! Circuit breakers that several threads and processes share: never a probe too many, never one lost,
//! never a trip missed, whoever is killed.

#![cfg(unix)]

mod common;

use common::{Board, Child, TempRegion};
use std::cell::OnceCell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Breaker, Engine, Numbers};
use tidegate::guard::breaker::view::View;
use tidegate::guard::{BreakerPhase as Phase, BreakerReason as Reason};

const PROCESSES: usize = 4;
const THREADS: usize = 2;

fn shared(config: &str) -> (Engine, Breaker) {
    let engine = Engine::open(r#"{"clock": "manual"}"#).expect("an anonymous region");
    let breaker = engine.open_breaker_from("it", config).expect("a breaker");
    (engine, breaker)
}

/// Runs `work` for every round in every thread of every process, all rounds begun together by
/// `begin`, and ended by `end`.
fn rounds(
    engine: &Engine,
    count: u64,
    begin: impl Fn(u64),
    work: impl Fn(&Engine, u64) + Sync,
    end: impl Fn(u64),
) {
    let parties = (PROCESSES * THREADS) as u64;
    // Round that may begin; parties that are through with it.
    let board = Board::new(2);
    let children: Vec<Child> = common::fork_many(PROCESSES, |_| {
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for round in 1..=count {
                        while board[0].load(Acquire) < round {
                            std::thread::yield_now();
                        }
                        work(engine, round);
                        board[1].fetch_add(1, AcqRel);
                    }
                    // A process that ends gives back what it has.
                    while board[0].load(Acquire) <= count {
                        std::thread::yield_now();
                    }
                });
            }
        });
    });
    for round in 1..=count {
        begin(round);
        board[0].store(round, Release);
        while board[1].load(Acquire) < round * parties {
            std::thread::yield_now();
        }
        end(round);
    }
    board[0].store(count + 1, Release);
    common::join_all(children);
}

#[test]
fn no_probe_too_many_at_the_edge_of_half_open() {
    let _alone = common::alone();
    let (engine, breaker) =
        shared(r#"{"minimum_calls": 1, "open_seconds": 1, "half_open_calls": 5}"#);
    let granted = Board::new(1);
    let begin = |_| {
        granted[0].store(0, Relaxed);
        engine.set_breaker(breaker, Phase::Open).expect("open");
        engine.advance_clock(1_000_000_000).expect("manual");
    };
    let work = |engine: &Engine, _| {
        for _ in 0..20 {
            if engine.acquire(breaker).expect("an answer").is_some() {
                granted[0].fetch_add(1, AcqRel);
            }
        }
    };
    rounds(&engine, 2_000, begin, work, |round| {
        assert_eq!(granted[0].load(Acquire), 5, "round {round}");
        assert_eq!(engine.breaker_phase(breaker), Ok(Phase::HalfOpen));
    });
    let found = engine.read_breaker(breaker).expect("a reading");
    assert_eq!(found.totals.half_opened, 2_000);
}

/// Each breaker opens in the round in which its minimum of failures is there, not before.
#[test]
fn reports_of_many_processes_trip_it_exactly() {
    let _alone = common::alone();
    for window in [r#"{"seconds": 100}"#, r#"{"calls": 16}"#] {
        let config =
            format!(r#"{{"minimum_calls": 16, "window": {window}, "failure_rate": 0.25}}"#);
        let (engine, breaker) = shared(&config);
        let turns = Board::new(1);
        let begin = |round| {
            if round % 2 == 1 {
                engine.set_breaker(breaker, Phase::Closed).expect("closed");
            }
            turns[0].store(0, Relaxed);
        };
        // A quarter of eight calls fails; two rounds make up sixteen.
        let work = |engine: &Engine, _| {
            let permit = engine.acquire(breaker).expect("an answer");
            let permit = permit.expect("closed until all have reported");
            let outcome = match turns[0].fetch_add(1, AcqRel) % 4 {
                0 => Outcome::Failure,
                _ => Outcome::Success,
            };
            while turns[0].load(Acquire) < 8 {
                std::thread::yield_now();
            }
            engine.report(breaker, permit, outcome, 0.0).expect("taken");
        };
        rounds(&engine, 4_000, begin, work, |round| {
            let expected = [Phase::Open, Phase::Closed][(round % 2) as usize];
            let found = engine.read_breaker(breaker).expect("a reading");
            assert_eq!(found.phase, expected, "{window}, round {round}: {found:?}");
        });
        let found = engine.read_breaker(breaker).expect("a reading");
        assert_eq!(
            (found.totals.opened, found.reason),
            (2_000, Reason::FailureRate)
        );
        assert_eq!(found.totals.successes, 4_000 * 6);
        assert_eq!(found.totals.failures, 4_000 * 2);
    }
}

#[test]
fn calls_of_all_processes_are_counted_once() {
    let _alone = common::alone();
    for rseq in ["1", "0"] {
        let region = TempRegion::new("breakers-count");
        let config = r#""clock": "manual", "metrics": {"max_series": 64},
            "breakers": {"it": {"initial": "metrics_only", "window": {"seconds": 60}}}"#;
        let engine = region.open(config);
        let breaker = engine.find_breaker("it").expect("a breaker");
        let calls = 20_000;
        let children = common::fork_many(PROCESSES, |child| {
            // SAFETY: the child has one thread.
            unsafe {
                let value = std::ffi::CString::new(rseq).expect("no NUL");
                libc::setenv(c"TIDEGATE_RSEQ".as_ptr(), value.as_ptr(), 1);
            }
            let engine = region.open(config);
            for call in 0..calls {
                let permit = engine
                    .acquire(breaker)
                    .expect("an answer")
                    .expect("admitted");
                let outcome = if call % 10 == child {
                    Outcome::Failure
                } else {
                    Outcome::Success
                };
                engine.report(breaker, permit, outcome, 0.0).expect("taken");
            }
        });
        common::join_all(children);
        let found = engine.read_breaker(breaker).expect("a reading");
        let all = (PROCESSES * calls) as u64;
        assert_eq!((found.calls, found.failures), (all, all / 10));
        assert_eq!(found.totals.successes, all - all / 10);
        assert_eq!(found.totals.failures, all / 10);
    }
}

/// Takes a probe in a child that says so and waits.
fn child_with_probe(engine: &Engine, breaker: Breaker) -> Child {
    let board = Board::new(1);
    let child = common::fork(|| {
        let permit = engine.acquire(breaker).expect("an answer");
        board[0].store(if permit.is_some() { 1 } else { 2 }, Release);
        loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    });
    common::wait_until("the child asks", || board[0].load(Acquire) != 0);
    assert_eq!(board[0].load(Acquire), 1, "the child has the probe");
    child
}

#[test]
fn a_killed_process_gives_its_probe_back() {
    let _alone = common::alone();
    let (engine, breaker) = shared(r#"{"half_open_calls": 1, "open_seconds": 1}"#);
    engine.set_breaker(breaker, Phase::HalfOpen).expect("put");
    for _ in 0..20 {
        let child = child_with_probe(&engine, breaker);
        assert_eq!(engine.acquire(breaker), Ok(None), "the child lives");
        child.kill();
        // Nobody moved the clock: the probe is free because its holder is dead.
        let permit = engine.acquire(breaker).expect("an answer");
        let permit = permit.expect("the dead process' probe");
        engine
            .report(breaker, permit, Outcome::Ignored, 0.0)
            .expect("taken");
    }
    let permit = engine
        .acquire(breaker)
        .expect("an answer")
        .expect("a probe");
    engine
        .report(breaker, permit, Outcome::Success, 0.0)
        .expect("taken");
    assert_eq!(engine.breaker_phase(breaker), Ok(Phase::Closed));
}

/// Killed and not yet reaped: as good as gone.
#[test]
fn the_probe_of_a_zombie_comes_back() {
    let _alone = common::alone();
    let (engine, breaker) = shared(r#"{"half_open_calls": 1}"#);
    engine.set_breaker(breaker, Phase::HalfOpen).expect("put");
    let child = child_with_probe(&engine, breaker);
    child.send(libc::SIGKILL);
    common::wait_until("the probe is back", || {
        engine.acquire(breaker).expect("an answer").is_some()
    });
}

/// A process that attaches, also one that starts anew, finds the breaker as it is.
#[test]
fn attaching_changes_nothing() {
    let _alone = common::alone();
    let region = TempRegion::new("breakers-attach");
    let config = r#""clock": "manual", "metrics": {"max_series": 64},
        "breakers": {"it": {"minimum_calls": 1}}"#;
    let engine = region.open(config);
    let breaker = engine.find_breaker("it").expect("a breaker");
    let permit = engine.acquire(breaker).expect("an answer").expect("closed");
    engine
        .report(breaker, permit, Outcome::Failure, 0.0)
        .expect("taken");
    let before = engine.read_breaker(breaker).expect("a reading");
    assert_eq!(before.phase, Phase::Open);
    for _ in 0..3 {
        common::fork(|| {
            let other = region.open(config);
            let same = other.find_breaker("it").expect("the same breaker");
            assert_eq!(other.breaker_phase(same), Ok(Phase::Open));
            assert_eq!(other.acquire(same), Ok(None));
        })
        .join();
    }
    let after = engine.read_breaker(breaker).expect("a reading");
    assert_eq!(after.generation, before.generation);
    assert_eq!(after.totals.not_permitted, 3);
}

/// Workers are killed at random while the breaker goes round; whatever they had, it still goes round.
#[test]
fn workers_killed_at_random_leave_a_breaker_that_works() {
    let _alone = common::alone();
    let (engine, breaker) = shared(
        r#"{"minimum_calls": 4, "open_seconds": 0.001, "half_open_calls": 2,
            "window": {"seconds": 1}}"#,
    );
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = common::Random(seed);
    for round in 0..60u64 {
        let children = common::fork_many(PROCESSES, |child| {
            for call in 0.. {
                if let Some(permit) = engine.acquire(breaker).expect("an answer") {
                    let outcome = match (call + child) % 3 {
                        0 => Outcome::Success,
                        _ => Outcome::Failure,
                    };
                    let _ = engine.report(breaker, permit, outcome, 0.0);
                }
                if call % 16 == 0 {
                    engine.advance_clock(500_000).expect("manual");
                }
            }
        });
        std::thread::sleep(std::time::Duration::from_micros(200 + random.below(3_000)));
        children.into_iter().for_each(Child::kill);
        // From wherever they left it: closed within a few calls.
        engine.advance_clock(1_000_000_000).expect("manual");
        let mut calls = 0;
        while engine.breaker_phase(breaker) != Ok(Phase::Closed) {
            match engine.acquire(breaker).expect("an answer") {
                Some(permit) => engine
                    .report(breaker, permit, Outcome::Success, 0.0)
                    .expect("taken"),
                None => engine.advance_clock(1_000_000_000).expect("manual"),
            }
            calls += 1;
            assert!(
                calls < 10,
                "round {round}: {:?}",
                engine.read_breaker(breaker)
            );
        }
    }
}

thread_local! {
    static VIEW: OnceCell<View> = const { OnceCell::new() };
}

/// Threads of several processes count by views of their own, while others look at the window.
#[test]
fn calls_that_pass_by_views_are_all_in_the_window() {
    const CALLS: u64 = 100;
    let (engine, breaker) = shared(r#"{"minimum_calls": 1, "window": {"seconds": 10}}"#);
    let call = |engine: &Engine| {
        let permit = engine.acquire(breaker).expect("an answer").expect("closed");
        let taken = engine.report(breaker, permit, Outcome::Success, 0.0);
        taken.expect("a report that is taken");
    };
    let work = |engine: &Engine, _| {
        let view = VIEW.with(|view| {
            *view.get_or_init(|| {
                let shard = engine.open_shard(Numbers::Integers).expect("a shard");
                engine.shard_breaker(shard, breaker).expect("a view")
            })
        });
        let words = engine.region().words();
        for number in 0..CALLS {
            let state = words.load(view.state);
            if state == words.load(view.pass) {
                let at = view.successes + (state >> 16) as usize % 4;
                words.store(at, words.load(at) + 1);
            } else {
                call(engine);
            }
            if number % 16 == 0 {
                engine.tick().expect("a tick");
            }
        }
    };
    let begin = |_| {
        engine.tick().expect("a tick");
        engine.advance_clock(1_000_000_000).expect("a manual clock");
        engine.tick().expect("a tick");
    };
    let each = (PROCESSES * THREADS) as u64 * CALLS;
    rounds(&engine, 30, begin, work, |round| {
        let found = engine.read_breaker(breaker).expect("a reading");
        assert_eq!(found.calls, each * round.min(10), "in round {round}");
        assert_eq!(found.totals.successes, each * round);
    });
}
