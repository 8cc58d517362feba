//! Bulkheads, retry budgets and chains against slow models, and from many processes at once: never one
//! too many inside, and nothing that a killed process held is lost.

#![cfg(unix)]

mod common;

use common::{Board, Child, Random, TempRegion};
use proptest::prelude::*;
use std::sync::atomic::Ordering::SeqCst;
use tidegate::base::error::Kind;
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Bulkhead, Engine};
use tidegate::guard::BreakerPhase as Phase;
use tidegate::guard::chain::{Answer, Request};
use tidegate::guard::retry::Attempt;

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Step {
    Enter(u8),
    Leave(usize),
    LeaveAgain(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0u8..4).prop_map(Step::Enter),
        3 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::LeaveAgain),
        1 => (1u64..4).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..200)
}

/// Who is inside: key, permit, when it came in.
type Inside = Vec<(u8, u64, u64)>;

fn run(config: &str, keyed: bool, limit: usize, timeout: Option<u64>, steps: &[Step]) {
    let engine = common::manual_engine();
    let bulkhead = engine.open_bulkhead_from("b", config).expect("a bulkhead");
    let (mut inside, mut gone): (Inside, Inside) = (Vec::new(), Vec::new());
    let mut now = 0;
    for step in steps {
        match *step {
            Step::Enter(key) => {
                let bytes = [key];
                let asked = engine.enter_bulkhead(bulkhead, keyed.then_some(&bytes[..]));
                let is_mine = |(other, ..): &&(u8, u64, u64)| !keyed || *other == key;
                let is_late = |since: u64| timeout.is_some_and(|most| now - since >= most);
                let mut mine = inside.iter().filter(is_mine).count();
                if mine >= limit {
                    // Whoever is late goes, but not before there is no room.
                    let all = std::mem::take(&mut inside);
                    for one in all {
                        let goes = is_late(one.2) && (!keyed || one.0 == key);
                        if goes {
                            gone.push(one);
                        } else {
                            inside.push(one);
                        }
                    }
                    mine = inside.iter().filter(is_mine).count();
                }
                let permit = asked.expect("asked");
                assert_eq!(permit.is_some(), mine < limit, "{mine} of {limit} inside");
                if let Some(permit) = permit {
                    assert!(inside.iter().chain(&gone).all(|one| one.1 != permit));
                    inside.push((key, permit, now));
                }
            }
            Step::Leave(which) if !inside.is_empty() => {
                let left = inside.swap_remove(which % inside.len());
                engine.leave_bulkhead(bulkhead, left.1).expect("left");
                gone.push(left);
            }
            Step::LeaveAgain(which) if !gone.is_empty() => {
                let again = engine.leave_bulkhead(bulkhead, gone[which % gone.len()].1);
                assert_eq!(again.expect_err("left already").kind(), Kind::State);
            }
            Step::Wait(seconds) => {
                now += seconds * SECOND;
                engine.advance_clock(seconds * SECOND).expect("advanced");
            }
            _ => {}
        }
        let numbers = engine.read_bulkhead(bulkhead).expect("read");
        if !keyed || timeout.is_none() {
            assert_eq!(numbers.in_use, inside.len() as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_bulkhead_is_a_list_of_who_is_inside(limit in 1usize..6, steps in steps()) {
        run(&format!(r#"{{"max_concurrent": {limit}}}"#), false, limit, None, &steps);
    }

    #[test]
    fn a_late_permit_goes_to_who_finds_no_room(limit in 1usize..4, steps in steps()) {
        let config = format!(r#"{{"max_concurrent": {limit}, "permit_timeout_seconds": 3}}"#);
        run(&config, false, limit, Some(3 * SECOND), &steps);
    }

    #[test]
    fn a_keyed_bulkhead_is_a_list_for_each_key(limit in 1usize..4, steps in steps()) {
        let config = format!(r#"{{"max_concurrent": {limit}, "keyed": true, "max_keys": 10}}"#);
        run(&config, true, limit, None, &steps);
    }
}

const LIMIT: u64 = 3;
const THREADS: usize = 2;
const PROCESSES: usize = 4;

/// Goes in and out, and counts who is inside with it; how often it was inside.
fn visit(engine: &Engine, bulkhead: Bulkhead, key: Option<&[u8]>, inside: &Board, rounds: u64) {
    for _ in 0..rounds {
        let entered = engine.enter_bulkhead(bulkhead, key).expect("asked");
        let Some(permit) = entered else {
            std::hint::spin_loop();
            continue;
        };
        let others = inside[0].fetch_add(1, SeqCst);
        assert!(others < LIMIT, "{others} others are inside");
        inside[1].fetch_add(1, SeqCst);
        inside[0].fetch_sub(1, SeqCst);
        engine.leave_bulkhead(bulkhead, permit).expect("left");
    }
}

fn never_one_too_many(what: &str, config: &str, key: Option<&[u8]>) {
    const ROUNDS: u64 = 100_000;
    let _alone = common::alone();
    let region = TempRegion::new(what);
    let engine = region.open("");
    let bulkhead = engine.open_bulkhead_from("b", config).expect("a bulkhead");
    let inside = Board::new(2);
    let gate = Board::new(1);
    let children = common::fork_many(PROCESSES, |process| {
        let own;
        let engine = if process % 2 == 0 {
            &engine
        } else {
            own = region.open("");
            &own
        };
        common::meet(&gate[0], PROCESSES as u64);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| visit(engine, bulkhead, key, &inside, ROUNDS));
            }
        });
    });
    common::join_all(children);
    let numbers = engine.read_bulkhead(bulkhead).expect("read");
    assert_eq!(numbers.in_use, 0);
    assert_eq!(numbers.entered, inside[1].load(SeqCst));
    assert_eq!(
        numbers.entered + numbers.denied,
        ROUNDS * (THREADS * PROCESSES) as u64
    );
    assert!(numbers.entered > 1000 && numbers.returned_from_dead == 0);
}

#[test]
fn never_one_too_many_is_inside() {
    never_one_too_many("inside", r#"{"max_concurrent": 3}"#, None);
}

#[test]
fn never_one_too_many_of_a_key_is_inside() {
    let config = r#"{"max_concurrent": 3, "keyed": true, "max_keys": 10}"#;
    never_one_too_many("key", config, Some(b"alice"));
}

#[test]
fn never_one_too_many_is_inside_of_a_measured_limit() {
    let config = r#"{"adaptive": {"algorithm": "aimd", "initial": 3, "min": 1, "max": 3}}"#;
    never_one_too_many("measured", config, None);
}

/// The limit goes up and down; after it went down nobody enters before enough have left.
#[test]
fn a_lowered_limit_counts_who_is_inside_above_it() {
    let engine = common::manual_engine();
    let config = r#"{"adaptive": {"algorithm": "aimd", "initial": 8, "min": 1, "max": 16}}"#;
    let bulkhead = engine.open_bulkhead_from("b", config).expect("a bulkhead");
    let mut random = Random(11);
    let mut inside = Vec::new();
    for _ in 0..20_000 {
        let limit = engine.read_bulkhead(bulkhead).expect("read").limit;
        match random.below(3) {
            0 if !inside.is_empty() => {
                let permit = inside.swap_remove(random.below(inside.len() as u64) as usize);
                let outcome = Outcome::ALL[random.below(3) as usize];
                engine
                    .leave_bulkhead_with(bulkhead, permit, outcome, 0.001)
                    .expect("left");
            }
            _ => match engine.enter_bulkhead(bulkhead, None).expect("asked") {
                Some(permit) => {
                    assert!((inside.len() as u64) < limit, "{} of {limit}", inside.len());
                    inside.push(permit);
                }
                None => assert!(inside.len() as u64 >= limit, "{} of {limit}", inside.len()),
            },
        }
    }
}

#[test]
fn permits_of_killed_processes_come_back() {
    const ROUNDS: usize = 60;
    let _alone = common::alone();
    let region = TempRegion::new("killed-holders");
    let engine = region.open("");
    let plain = engine
        .open_bulkhead_from("plain", r#"{"max_concurrent": 5}"#)
        .expect("a bulkhead");
    let config = r#"{"max_concurrent": 5, "keyed": true, "max_keys": 4}"#;
    let keyed = engine.open_bulkhead_from("keyed", config).expect("keyed");
    let mut random = Random(3);
    for _ in 0..ROUNDS {
        let busy = Board::new(1);
        let mut children: Vec<Child> = (0..3)
            .map(|_| {
                common::fork(|| {
                    let engine = region.open("");
                    loop {
                        let one = engine.enter_bulkhead(plain, None).expect("asked");
                        let other = engine.enter_bulkhead(keyed, Some(b"k")).expect("asked");
                        busy[0].fetch_add(1, SeqCst);
                        for (bulkhead, permit) in [(plain, one), (keyed, other)] {
                            if let Some(permit) = permit {
                                engine.leave_bulkhead(bulkhead, permit).expect("left");
                            }
                        }
                    }
                })
            })
            .collect();
        while busy[0].load(SeqCst) < 10 {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_micros(random.below(2000)));
        for child in &mut children {
            assert_eq!(child.try_wait(), None, "a child ended by itself");
        }
        for child in children {
            child.kill();
        }
        // All places are there again, for as many as there is room for and not one more.
        for (bulkhead, key) in [(plain, None), (keyed, Some(&b"k"[..]))] {
            let permits: Vec<u64> = (0..5)
                .map(|_| {
                    let entered = engine.enter_bulkhead(bulkhead, key).expect("asked");
                    entered.expect("dead holders give their places back")
                })
                .collect();
            assert_eq!(engine.enter_bulkhead(bulkhead, key), Ok(None));
            for permit in permits {
                engine.leave_bulkhead(bulkhead, permit).expect("left");
            }
            assert_eq!(engine.read_bulkhead(bulkhead).expect("read").in_use, 0);
        }
    }
    let returned = engine
        .read_bulkhead(plain)
        .expect("read")
        .returned_from_dead;
    assert!(returned > 0, "nobody was killed inside");
}

/// Killed with a place and a probe of a half-open breaker, or anywhere on the way to them.
#[test]
fn what_killed_processes_had_of_a_chain_comes_back() {
    const ROUNDS: usize = 40;
    let _alone = common::alone();
    let region = TempRegion::new("killed-chain");
    let document = r#""clock": "manual",
        "bulkheads": {"b": {"adaptive": {"algorithm": "aimd", "initial": 2, "min": 2, "max": 2}}},
        "breakers": {"c": {"open_seconds": 1, "half_open_calls": 2}},
        "limiters": {"l": {"algorithm": "token_bucket", "rate_per_second": 1e6, "burst": 1000000}},
        "guards": {"g": {"bulkhead": "b", "breaker": "c", "limiter": "l"}}"#;
    let engine = region.open(document);
    let guard = engine.find_guard("g").expect("a chain");
    let breaker = engine.find_breaker("c").expect("a breaker");
    let request = Request {
        key: None,
        cost: 1,
        attempt: 1,
    };
    let mut random = Random(17);
    for round in 0..ROUNDS {
        engine.set_breaker(breaker, Phase::Open).expect("opened");
        engine.advance_clock(2 * SECOND).expect("advanced");
        let busy = Board::new(1);
        let children = common::fork_many(2, |_| {
            let engine = region.open("");
            loop {
                let answer = engine.acquire_guard(guard, request).expect("asked");
                busy[0].fetch_add(1, SeqCst);
                if let Answer::Admitted(permit) = answer
                    && round % 2 == 0
                {
                    // A probe that came back unused is there for the next.
                    let ignored = Outcome::Ignored;
                    engine
                        .report_guard(guard, permit, ignored, 0.0)
                        .expect("reported");
                }
            }
        });
        common::wait_until("busy", || busy[0].load(SeqCst) >= 10);
        std::thread::sleep(std::time::Duration::from_micros(random.below(2000)));
        for child in children {
            child.kill();
        }
        let mut admitted = Vec::new();
        common::wait_until("both are there again", || {
            match engine.acquire_guard(guard, request).expect("asked") {
                Answer::Admitted(permit) => admitted.push(permit),
                // Who holds what is looked at a few times in a moment only.
                _ => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
            admitted.len() == 2
        });
        let third = engine.acquire_guard(guard, request).expect("asked");
        assert!(matches!(third, Answer::Refused { .. }));
        for permit in admitted {
            let success = Outcome::Success;
            engine
                .report_guard(guard, permit, success, 0.1)
                .expect("reported");
        }
        assert_eq!(engine.breaker_phase(breaker), Ok(Phase::Closed));
    }
    let bulkhead = engine.find_bulkhead("b").expect("a bulkhead");
    let numbers = engine.read_bulkhead(bulkhead).expect("read");
    assert_eq!(numbers.in_use, 0);
    assert!(numbers.returned_from_dead > 0, "nobody was killed inside");
}

#[test]
fn a_budget_is_shared_by_all_processes() {
    let _alone = common::alone();
    let region = TempRegion::new("budget");
    let engine = region.open(r#""clock": "manual""#);
    let retry = engine
        .open_retry_from("r", r#"{"budget_ratio": 0.25, "budget_minimum": 3}"#)
        .expect("a retry");
    for _ in 0..1000 {
        let first = Attempt {
            number: 1,
            ..Attempt::default()
        };
        assert_eq!(engine.next_attempt(retry, first), Ok(Some(0)));
    }
    let allowed = Board::new(1);
    let gate = Board::new(1);
    let children = common::fork_many(PROCESSES, |_| {
        let engine = region.open("");
        common::meet(&gate[0], PROCESSES as u64);
        for _ in 0..1000 {
            let second = Attempt {
                number: 2,
                ..Attempt::default()
            };
            if engine.next_attempt(retry, second).expect("asked").is_some() {
                allowed[0].fetch_add(1, SeqCst);
            }
        }
    });
    common::join_all(children);
    assert_eq!(allowed[0].load(SeqCst), 250);
    let numbers = engine.read_retry(retry).expect("read");
    assert_eq!((numbers.retries, numbers.over_budget), (250, 3750));
}

#[test]
fn a_chain_gives_back_all_that_it_took() {
    let engine = Engine::open(
        r#"{"clock": "manual",
            "retries": {"r": {"budget_ratio": 0.5, "max_attempts": 1000000}},
            "bulkheads": {"b": {"max_concurrent": 3}},
            "breakers": {"c": {"failure_rate": 0.5, "minimum_calls": 10, "open_seconds": 2,
                               "half_open_calls": 2, "window": {"seconds": 10}}},
            "limiters": {"l": {"algorithm": "token_bucket", "rate_per_second": 20, "burst": 5}},
            "guards": {"g": {"retry": "r", "bulkhead": "b", "breaker": "c", "limiter": "l"}}}"#,
    )
    .expect("an engine");
    let guard = engine.find_guard("g").expect("a chain");
    let bulkhead = engine.find_bulkhead("b").expect("a bulkhead");
    let mut random = Random(5);
    let (mut inside, mut seen) = (Vec::new(), [0u64; 6]);
    for _ in 0..20_000 {
        match random.below(4) {
            0 => engine
                .advance_clock(random.below(SECOND / 10))
                .expect("advanced"),
            1 if !inside.is_empty() => {
                let permit = inside.swap_remove(random.below(inside.len() as u64) as usize);
                let bad = random.below(2) == 0;
                let outcome = if bad {
                    Outcome::Failure
                } else {
                    Outcome::Success
                };
                engine
                    .report_guard(guard, permit, outcome, 0.01)
                    .expect("reported");
            }
            _ => {
                let request = Request {
                    key: None,
                    cost: 1,
                    attempt: 1 + random.below(2) as u32,
                };
                match engine.acquire_guard(guard, request).expect("asked") {
                    Answer::Admitted(permit) => {
                        seen[0] += 1;
                        inside.push(permit);
                    }
                    Answer::Refused { by, .. } => seen[by as usize] += 1,
                    Answer::Shadowed { .. } => unreachable!("the chain refuses"),
                }
            }
        }
        let numbers = engine.read_bulkhead(bulkhead).expect("read");
        assert_eq!(numbers.in_use, inside.len() as u64);
        assert_eq!(numbers.entered, seen[0]);
    }
    let all_refused = [0, 1, 2, 3, 5].iter().all(|part| seen[*part] > 0);
    assert!(all_refused, "each refuses at times: {seen:?}");
    let snapshot = engine.snapshot();
    let chain = &snapshot.guards[0];
    assert_eq!(chain.admitted, seen[0]);
    assert_eq!(chain.refused[..], seen[1..]);
    let retry = &snapshot.retries[0].numbers;
    assert_eq!(retry.first_attempts + retry.retries, seen[0]);
}
