//! A process killed with SIGKILL, at random or at a chosen instruction, loses nothing that it had
//! done, leaves nothing half done, and stops nobody.

#![cfg(target_os = "linux")]

mod common;

use common::single_step::{self, Step, Stepped, Stepper};
use common::write_trap;
use common::{Board, Child, Exit, Random, TempRegion};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Counter, Details, Engine, HistogramId, Limiter, Numbers, OperationId};
use tidegate::export::{self, Format};
use tidegate::guard::{Decision, Verdict};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{Snapshot, Value};

const MANUAL: &str = r#""clock": "manual", "window_seconds": 6"#;
const KEYED: &str = r#"{"algorithm": "token_bucket", "rate_per_second": 0.001, "burst": 3,
    "keyed": true, "max_keys": 1000}"#;
const SLIDING: &str = r#"{"algorithm": "sliding_window", "limit": 3, "window_seconds": 1000}"#;

fn without_rseq() {
    // SAFETY: called in a forked child, which has one thread.
    unsafe { libc::setenv(c"TIDEGATE_RSEQ".as_ptr(), c"0".as_ptr(), 1) };
}

fn labels(text: &str) -> MetricOptions {
    MetricOptions::parse(
        &format!(r#"{{"labels": {{"n": "{text}"}}}}"#),
        Kind::Counter,
    )
    .expect("options")
}

fn plain() -> MetricOptions {
    MetricOptions::default()
}

/// The counter `name` and the histogram `name` in a snapshot, each of which must be there once.
fn counter_in(snapshot: &Snapshot, name: &str, label: Option<&str>) -> u64 {
    let family = snapshot
        .families
        .iter()
        .filter(|family| family.name == name);
    let found: Vec<u64> = family
        .flat_map(|family| &family.series)
        .filter(|series| series.labels.first().map(|(_, value)| value.as_str()) == label)
        .filter_map(|series| match series.value {
            Value::Counter(count) => Some(count),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 1, "{name} {label:?} is in the snapshot once");
    found[0]
}

fn renders(engine: &Engine) {
    let snapshot = engine.snapshot();
    assert!(
        export::render(Format::Json, &snapshot).ends_with('\n') || !snapshot.service.is_empty()
    );
    assert!(!export::render(Format::Prometheus, &snapshot).is_empty());
}

/// Words of a child's report: how often it had begun, and had done, each thing.
const BEGUN: usize = 0;
const DONE: usize = 1;
const THINGS: usize = 4;
const REPORT: usize = 2 * THINGS;

/// Does four things for ever, saying before and after each that it does.
fn work(engine: &Engine, report: &[std::sync::atomic::AtomicU64], child: usize, burst: usize) {
    let requests = engine.counter("requests", &plain()).expect("a counter");
    let sizes = engine.histogram("sizes", &plain()).expect("a histogram");
    let keyed = engine.find_limiter("keyed").expect("a limiter");
    let step = |thing: usize, act: &mut dyn FnMut()| {
        report[2 * thing + BEGUN].fetch_add(1, Release);
        act();
        report[2 * thing + DONE].fetch_add(1, Release);
    };
    for round in 0u64.. {
        step(0, &mut || engine.add(requests, 1).expect("added"));
        step(1, &mut || {
            engine
                .record(sizes, (round % 100) as f64)
                .expect("recorded")
        });
        let key = [(round % 16) as u8];
        let mut admitted = false;
        report[2 * 2 + BEGUN].fetch_add(1, Release);
        if engine.check(keyed, Some(&key), 1, None).expect("checked") == Verdict::Admitted {
            admitted = true;
        }
        if admitted {
            report[2 * 2 + DONE].fetch_add(1, Release);
        }
        if round % 7 == 0 {
            let name = format!("{}", (child + round as usize) % burst);
            step(3, &mut || {
                let opened = engine.counter("many", &labels(&name)).expect("a series");
                engine.add(opened, 1).expect("added");
            });
        }
    }
}

#[test]
fn writers_killed_at_random_lose_nothing_and_block_nobody() {
    const ROUNDS: usize = 100;
    const AT_ONCE: usize = 4;
    const NAMES: usize = 200;
    let _alone = common::alone();
    let region = TempRegion::new("killed");
    let engine = region.open(MANUAL);
    let keyed = engine.open_limiter_from("keyed", KEYED).expect("a limiter");
    let reports = Board::new(ROUNDS * AT_ONCE * REPORT);
    let mut random = Random(7);
    for round in 0..ROUNDS {
        let mut children: Vec<Child> = (0..AT_ONCE)
            .map(|place| {
                let child = round * AT_ONCE + place;
                let report = &reports[child * REPORT..][..REPORT];
                common::fork(|| {
                    if place % 2 == 0 {
                        without_rseq();
                        work(&region.open(MANUAL), report, child, NAMES);
                    } else if place == 1 {
                        work(&region.open(MANUAL), report, child, NAMES);
                    } else {
                        work(&engine, report, child, NAMES);
                    }
                })
            })
            .collect();
        let wait = Duration::from_micros(random.below(6000));
        let begun = Instant::now();
        while begun.elapsed() < wait {
            engine
                .advance_clock(random.below(200_000_000))
                .expect("advanced");
        }
        for child in &mut children {
            assert_eq!(child.try_wait(), None, "a child ended by itself");
        }
        for child in children {
            child.kill();
        }
        // A survivor goes on at once, whatever the others were at.
        common::set_alarm(20);
        engine
            .check(keyed, Some(b"survivor"), 1, None)
            .expect("checked");
        engine
            .counter("many", &labels("survivor"))
            .expect("a series");
        engine.tick().expect("ticked");
    }
    common::set_alarm(0);
    let sum = |word: usize| -> u64 {
        reports
            .chunks(REPORT)
            .map(|report| report[word].load(Acquire))
            .sum()
    };
    drop(engine);
    let engine = region.open(MANUAL);
    let snapshot = engine.snapshot();
    let within = |what: &str, count: u64, thing: usize| {
        let (begun, done) = (sum(2 * thing + BEGUN), sum(2 * thing + DONE));
        assert!(
            (done..=begun).contains(&count),
            "{what}: {count} is not in {done}..={begun}"
        );
        assert!(done > 0, "{what}: nobody did any");
    };
    within("adds", counter_in(&snapshot, "requests", None), 0);
    let sizes = engine.histogram("sizes", &plain()).expect("a histogram");
    within(
        "records",
        engine.distribution(sizes, 0.0).expect("read").count,
        1,
    );
    let many: u64 = (0..NAMES)
        .map(|name| {
            let name = format!("{name}");
            engine.counter("many", &labels(&name)).expect("a series");
            counter_in(&engine.snapshot(), "many", Some(&name))
        })
        .sum();
    within("adds to many names", many, 3);
    // The limiter may have admitted more than was reported, never more than there was.
    let admitted = sum(2 * 2 + DONE);
    let refilled = snapshot.age_ns / 1_000_000_000_000 + 1;
    assert!(admitted <= 16 * (3 + refilled), "{admitted} were admitted");
    let reading = engine.snapshot();
    assert!(reading.limiters[0].tallies.admitted <= sum(2 * 2 + BEGUN) + 3);
    assert!(reading.engine.workers_died > 0, "the dead were noticed");
    renders(&engine);
}

/// Single steps that a test may take: some microseconds each.
const STEPS: u64 = 60_000;

/// Kills a child after each write of `operation` to the region, and at each instruction, or as
/// many as take [`STEPS`] (fewer on a slow machine); after each kill `survive` does the same in this process and checks what
/// must hold. It is told whether the child came to its end.
fn everywhere<T>(
    open: impl Fn() -> Engine,
    prepare: impl Fn(&Engine, u64) -> T,
    operation: impl Fn(&Engine, &T),
    mut survive: impl FnMut(u64, bool),
) {
    let _pinned = single_step::Pinned::here();
    let mut survive = |round: u64, ended: bool| {
        // Whoever hangs is killed, with the operation's name in the harness's output.
        common::set_alarm(20);
        survive(round, ended);
        common::set_alarm(0);
    };
    let ready = |round: u64| {
        without_rseq();
        let engine = open();
        let prepared = prepare(&engine, round);
        (engine, prepared)
    };
    let act = |(engine, prepared): &(Engine, T)| operation(engine, prepared);
    let mut rounds = 0..;
    let mut next = || rounds.next().expect("numbers do not end");
    if write_trap::IS_POSSIBLE {
        let ready = |round: u64| {
            let ready = ready(round);
            let words = ready.0.region().words();
            (ready, words)
        };
        let round = next();
        let writes = write_trap::count(|| ready(round), act);
        survive(round, true);
        println!("{writes} writes");
        for write in 1..=writes {
            let round = next();
            let exit = write_trap::kill_after(write, || ready(round), act);
            let ended = exit == Exit::Code(0);
            assert!(
                ended || exit == Exit::Signal(libc::SIGKILL),
                "write {write}: {exit:?}"
            );
            survive(round, ended);
        }
    }
    if !single_step::is_possible() {
        println!("no single steps: this process may not trace its children");
        return;
    }
    let round = next();
    let length = Stepper::start(|| ready(round), act).count(Step::Instruction);
    survive(round, true);
    let kills = (2 * STEPS / length / u64::from(common::patience())).max(1);
    println!(
        "{length} instructions, killed at {} of them",
        kills.min(length)
    );
    for instant in single_step::instants(length, kills, 500) {
        let round = next();
        let stepper = Stepper::start(|| ready(round), act);
        survive(
            round,
            stepper.kill_after(instant, Step::Instruction) == Stepped::Finished,
        );
    }
}

#[test]
fn killed_anywhere_in_an_add() {
    let _alone = common::alone();
    let region = TempRegion::new("add");
    let engine = region.open(MANUAL);
    let requests = engine.counter("requests", &plain()).expect("a counter");
    let mut least = 0;
    everywhere(
        || region.open(MANUAL),
        |_, _| (),
        |engine, ()| engine.add(requests, 1).expect("added"),
        |round, ended| {
            engine.add(requests, 1).expect("added");
            let count = engine.count(requests).expect("read");
            let from = least + 1 + u64::from(ended);
            assert!(
                (from..=least + 2).contains(&count),
                "round {round}: {count} after {least}"
            );
            least = count;
        },
    );
}

/// Each round records into octaves and slots of its own.
fn histogram_of(engine: &Engine, round: u64) -> HistogramId {
    engine
        .histogram(&format!("h{round}"), &plain())
        .expect("a histogram")
}

fn check_histogram(engine: &Engine, histogram: HistogramId, before: u64, ended: bool, last: f64) {
    let lifetime = engine.distribution(histogram, 0.0).expect("read");
    let from = before + 1 + u64::from(ended);
    assert!(
        (from..=before + 2).contains(&lifetime.count),
        "{} after {before}",
        lifetime.count
    );
    assert!(lifetime.max == last && lifetime.min <= last, "{lifetime:?}");
    let window = engine.distribution(histogram, 6.0).expect("read");
    assert!(window.count <= lifetime.count, "{window:?}");
    let mut quantile = [0.0];
    engine
        .quantiles(histogram, 0.0, &[1.0], &mut quantile)
        .expect("read");
    assert_eq!(quantile, [last]);
}

#[test]
fn killed_anywhere_in_a_first_record() {
    let _alone = common::alone();
    let region = TempRegion::new("first");
    let engine = region.open(MANUAL);
    everywhere(
        || region.open(MANUAL),
        histogram_of,
        |engine, histogram| engine.record(*histogram, 7.0).expect("recorded"),
        |round, ended| {
            let histogram = histogram_of(&engine, round);
            engine.record(histogram, 7.0).expect("recorded");
            check_histogram(&engine, histogram, 0, ended, 7.0);
        },
    );
    renders(&engine);
}

#[test]
fn killed_anywhere_in_a_record_that_takes_a_checkpoint() {
    let _alone = common::alone();
    let region = TempRegion::new("roll");
    let engine = region.open(MANUAL);
    everywhere(
        || region.open(MANUAL),
        |engine, round| {
            let histogram = histogram_of(engine, round);
            for value in [1.0, 1.0, 3.0] {
                engine.record(histogram, value).expect("recorded");
            }
            engine.advance_clock(1_000_000_000).expect("advanced");
            histogram
        },
        |engine, histogram| engine.record(*histogram, 5.0).expect("recorded"),
        |round, ended| {
            let histogram = histogram_of(&engine, round);
            // The dead one's claim may be stolen after a while only; recording never waits for it.
            engine.record(histogram, 5.0).expect("recorded");
            check_histogram(&engine, histogram, 3, ended, 5.0);
            engine.advance_clock(1_500_000_000).expect("advanced");
            engine.record(histogram, 6.0).expect("recorded");
            let window = engine.distribution(histogram, 1.0).expect("read");
            assert!((1..=3).contains(&window.count), "round {round}: {window:?}");
            // The dead one's slot keeps its exact extremes, and nothing is counted twice.
            let window = engine.distribution(histogram, 6.0).expect("read");
            let lifetime = engine.distribution(histogram, 0.0).expect("read");
            assert_eq!(window.count, lifetime.count, "round {round}");
            assert_eq!((window.min, window.max), (1.0, 6.0), "round {round}");
            // After a whole window of silence nothing of it is left.
            engine.advance_clock(20_000_000_000).expect("advanced");
            engine.record(histogram, 8.0).expect("recorded");
            let window = engine.distribution(histogram, 6.0).expect("read");
            assert_eq!(
                (window.count, window.min, window.max),
                (1, 8.0, 8.0),
                "round {round}"
            );
        },
    );
    renders(&engine);
}

/// The call that a child is killed in, and that this process makes after it.
fn fail(engine: &Engine, operation: OperationId) {
    let details = Details {
        error_code: Some("timeout"),
        message: Some("no answer"),
        detail: Some("select 1"),
        trace_id: Some("4bf92f3577b34da6"),
    };
    engine
        .record_operation_with(operation, 5.0, Outcome::Failure, &details)
        .expect("recorded");
    engine.report_error("E1", "disk full").expect("reported");
}

#[test]
fn killed_anywhere_in_a_call_that_fails_and_is_slow() {
    let _alone = common::alone();
    let region = TempRegion::new("operation");
    let engine = region.open(MANUAL);
    let open = |engine: &Engine, round: u64| {
        engine
            .operation(&format!("o{round}"), &plain())
            .expect("an operation")
    };
    let mut reported = 0;
    everywhere(
        || region.open(MANUAL),
        open,
        |engine, operation| fail(engine, *operation),
        |round, ended| {
            // A note that the dead one had claimed is taken over after a while.
            engine.advance_clock(300_000_000).expect("advanced");
            let operation = open(&engine, round);
            fail(&engine, operation);
            let found = engine.read_operation(operation, 0.0).expect("read");
            let from = 1 + u64::from(ended);
            for count in [found.lifetime.count(), found.lifetime.failures] {
                assert!((from..=2).contains(&count), "round {round}: {count}");
            }
            let [error] = &found.errors[..] else {
                panic!("round {round}: {:?}", found.errors);
            };
            assert!((from..=2).contains(&error.count), "round {round}");
            assert_eq!(error.code, "timeout");
            assert_eq!(error.message, "no answer", "round {round}");
            let snapshot = engine.snapshot();
            reported += from;
            let log = &snapshot.errors.errors;
            assert_eq!(log.len(), 1, "round {round}");
            assert_eq!((&*log[0].code, &*log[0].text), ("E1", "disk full"));
            assert!(log[0].count >= reported, "round {round}");
            reported = log[0].count;
            for call in snapshot
                .slowest
                .window
                .iter()
                .chain(&snapshot.slowest.lifetime)
            {
                assert_eq!(
                    (call.seconds, &*call.detail),
                    (5.0, "select 1"),
                    "round {round}"
                );
                assert_eq!(call.trace_id, "4bf92f3577b34da6", "round {round}");
            }
            assert!(!snapshot.slowest.lifetime.is_empty(), "round {round}");
        },
    );
    renders(&engine);
}

#[test]
fn killed_anywhere_while_a_name_is_made() {
    let _alone = common::alone();
    let region = TempRegion::new("name");
    let engine = region.open(MANUAL);
    let names = std::cell::Cell::new(0);
    everywhere(
        || region.open(MANUAL),
        |_, round| format!("dotted.name.{round}"),
        |engine, name| {
            let opened = engine.counter(name, &labels("a")).expect("a series");
            engine.add(opened, 1).expect("added");
        },
        |round, ended| {
            let name = format!("dotted.name.{round}");
            let opened = engine.counter(&name, &labels("a")).expect("a series");
            engine.add(opened, 1).expect("added");
            assert_eq!(engine.counter(&name, &labels("a")), Ok(opened));
            let count = engine.count(opened).expect("read");
            assert!(
                (1 + u64::from(ended)..=2).contains(&count),
                "round {round}: {count}"
            );
            names.set(names.get() + 1);
            if round % 8 == 0 || ended {
                let snapshot = engine.snapshot();
                assert_eq!(counter_in(&snapshot, &name, Some("a")), count);
                assert_eq!(snapshot.families.len(), names.get(), "round {round}");
            }
        },
    );
    renders(&engine);
}

/// How many of five checks are admitted.
fn admissions(engine: &Engine, limiter: Limiter, key: Option<&[u8]>) -> u64 {
    let check = || engine.check(limiter, key, 1, None).expect("checked") == Verdict::Admitted;
    (0..5).map(|_| u64::from(check())).sum()
}

#[test]
fn killed_anywhere_in_a_check_of_a_new_key() {
    let _alone = common::alone();
    let region = TempRegion::new("keyed");
    let engine = region.open(MANUAL);
    let keyed = engine.open_limiter_from("keyed", KEYED).expect("a limiter");
    everywhere(
        || region.open(MANUAL),
        |_, round| format!("key {round}"),
        |engine, key| {
            let verdict = engine
                .check(keyed, Some(key.as_bytes()), 1, None)
                .expect("checked");
            assert_eq!(verdict, Verdict::Admitted);
        },
        |round, ended| {
            let key = format!("key {round}");
            let admitted = admissions(&engine, keyed, Some(key.as_bytes()));
            let most = 3 - u64::from(ended);
            assert!(
                (2..=most).contains(&admitted),
                "round {round}: {admitted} of {most}"
            );
        },
    );
    renders(&engine);
}

#[test]
fn killed_anywhere_in_a_sliding_check() {
    let _alone = common::alone();
    let region = TempRegion::new("sliding");
    let engine = region.open(MANUAL);
    let sliding = engine
        .open_limiter_from("sliding", SLIDING)
        .expect("a limiter");
    everywhere(
        || region.open(MANUAL),
        |_, _| (),
        |engine, ()| {
            let verdict = engine.check(sliding, None, 1, None).expect("checked");
            assert_eq!(verdict, Verdict::Admitted);
        },
        |round, ended| {
            let admitted = admissions(&engine, sliding, None);
            let most = 3 - u64::from(ended);
            assert!(
                (2..=most).contains(&admitted),
                "round {round}: {admitted} of {most}"
            );
            engine.advance_clock(1_000_000_000_001).expect("advanced");
        },
    );
    renders(&engine);
}

#[test]
fn killed_anywhere_while_a_limiter_is_made() {
    let _alone = common::alone();
    let region = TempRegion::new("limiter");
    let engine = region.open(MANUAL);
    everywhere(
        || region.open(MANUAL),
        |_, round| format!("limiter{round}"),
        |engine, name| {
            engine.open_limiter_from(name, SLIDING).expect("a limiter");
        },
        |round, _| {
            let name = format!("limiter{round}");
            let opened = engine.open_limiter_from(&name, SLIDING).expect("a limiter");
            assert_eq!(engine.find_limiter(&name), Ok(opened));
            assert_eq!(admissions(&engine, opened, None), 3, "round {round}");
            let listed = engine.snapshot().limiters;
            assert_eq!(listed.iter().filter(|found| found.name == name).count(), 1);
        },
    );
    renders(&engine);
}

#[test]
fn killed_anywhere_while_a_shard_is_opened() {
    let _alone = common::alone();
    let region = TempRegion::new("shard");
    let engine = region.open(MANUAL);
    let requests = engine.counter("requests", &plain()).expect("a counter");
    let add_one = |engine: &Engine, requests: Counter| {
        let opened = engine.open_shard(Numbers::Integers).expect("a shard");
        let at = engine.shard_counter(opened, requests).expect("a cell");
        let words = engine.region().words();
        words.store(at, words.load(at) + 1);
        opened
    };
    let mut count = 0;
    everywhere(
        || region.open(MANUAL),
        |_, _| (),
        |engine, ()| {
            add_one(engine, requests);
        },
        |round, ended| {
            let one = add_one(&engine, requests);
            let other = add_one(&engine, requests);
            assert_ne!(one, other);
            assert_ne!(
                engine.shard_counter(one, requests).expect("a cell"),
                engine.shard_counter(other, requests).expect("a cell"),
            );
            engine.close_shard(one).expect("closed");
            engine.close_shard(other).expect("closed");
            let total = engine.count(requests).expect("read");
            let from = count + 2 + u64::from(ended);
            assert!(
                (from..=count + 3).contains(&total),
                "round {round}: {total} after {count}"
            );
            count = total;
        },
    );
    // Dead owners' shards were used again: far fewer than one a round were ever made.
    let used = engine
        .region()
        .words()
        .load(tidegate::region::header::SHARDS_USED);
    assert!(used <= 8, "{used} shards");
}

#[test]
fn killed_anywhere_while_a_region_is_opened() {
    let _alone = common::alone();
    let region = TempRegion::new("open");
    let open = |_: &()| {
        region.open(MANUAL);
    };
    for there_is_one in [false, true] {
        let start = || {
            let _ = std::fs::remove_file(region.path());
            if there_is_one {
                drop(region.open(MANUAL));
            }
            Stepper::start(|| (), open)
        };
        let calls = if single_step::is_possible() {
            start().count(Step::SystemCall)
        } else {
            0
        };
        println!("{calls} stops at system calls");
        for call in 0..calls {
            start().kill_after(call, Step::SystemCall);
            let engine = region.open(MANUAL);
            let requests = engine.counter("requests", &plain()).expect("a counter");
            engine.add(requests, 1).expect("added");
            assert_eq!(engine.count(requests), Ok(1), "killed at call {call}");
            assert!(engine.region().header().limits.total_words > 0);
        }
    }
    let files = || std::fs::read_dir("/dev/shm").expect("listed").flatten();
    let prefix = region.path().file_name().expect("a name").to_owned();
    let found = files().filter(|entry| {
        entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes())
    });
    assert_eq!(found.count(), 1, "nothing but the region itself is there");
}

#[test]
fn a_killed_child_says_how_it_ended() {
    let child = common::fork(|| {
        loop {
            std::hint::spin_loop();
        }
    });
    child.kill();
    let mut child = common::fork(|| panic!("as asked"));
    assert_eq!(child.wait(), Exit::Code(common::PANICKED));
}

#[test]
fn killed_anywhere_while_limits_change() {
    let _alone = common::alone();
    let region = TempRegion::new("changed");
    let engine = region.open(MANUAL);
    let bucket = |burst: u64| {
        format!(r#"{{"algorithm": "token_bucket", "rate_per_second": 0.001, "burst": {burst}}}"#)
    };
    let window = |limit: u64| {
        format!(r#"{{"algorithm": "sliding_window", "limit": {limit}, "window_seconds": 1000}}"#)
    };
    // Every other limiter has been changed before, and half of them are windows.
    let configs = |round: u64| match round % 4 {
        0 => [bucket(10), bucket(10), bucket(20)],
        1 => [bucket(7), bucket(10), bucket(20)],
        2 => [window(20), window(20), window(10)],
        _ => [window(20), window(10), window(20)],
    };
    let name = |round: u64| format!("limiter{round}");
    let taken = |engine: &Engine, limiter: Limiter, most: u64| {
        (0..most)
            .take_while(|_| {
                let verdict = engine.check(limiter, None, 1, None).expect("checked");
                verdict == Verdict::Admitted
            })
            .count() as u64
    };
    everywhere(
        || region.open(MANUAL),
        |engine, round| {
            let [made, before, after] = configs(round);
            let limiter = engine.open_limiter_from(&name(round), &made).expect("made");
            assert_eq!(taken(engine, limiter, 4), 4);
            engine
                .reconfigure_limiter(limiter, &before)
                .expect("changed");
            (limiter, after)
        },
        |engine, (limiter, after)| {
            engine
                .reconfigure_limiter(*limiter, after)
                .expect("changed")
        },
        |round, ended| {
            let [_, before, after] = configs(round);
            let limiter = engine.find_limiter(&name(round)).expect("it is there");
            // It is one of the two as a whole: for who opens it, and for who looks.
            let is_new = engine.open_limiter_from(&name(round), &after).is_ok();
            let is_old = engine.open_limiter_from(&name(round), &before).is_ok();
            assert!(is_new != is_old && (is_new || !ended), "round {round}");
            let units = |config: &str| if config.contains("20") { 20 } else { 10 };
            let limit = units(if is_new { &after } else { &before });
            let seen = engine.peek(limiter, None, 1).expect("seen").1;
            assert_eq!(
                (seen.limit, seen.remaining),
                (limit, limit - 4),
                "round {round}"
            );
            let mut numbers = Decision::default();
            engine
                .check(limiter, None, 1, Some(&mut numbers))
                .expect("checked");
            assert_eq!((numbers.limit, numbers.remaining), (limit, limit - 5));
            engine
                .reconfigure_limiter(limiter, &after)
                .expect("changed");
            assert_eq!(
                taken(&engine, limiter, 100),
                units(&after) - 5,
                "round {round}"
            );
        },
    );
    renders(&engine);
}
