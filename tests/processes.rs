//! Many processes and threads, one total: whatever CPU they run on, however they are interrupted.

#![cfg(target_os = "linux")]

mod common;

use common::{Board, TempRegion};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use tidegate::engine::{Counter, Engine, Gauge, HistogramId, Numbers};
use tidegate::metrics::{Kind, MetricOptions};

#[derive(Clone, Copy)]
struct Ids {
    counter: Counter,
    gauge: Gauge,
    histogram: HistogramId,
    fine: HistogramId,
}

fn open(engine: &Engine) -> Ids {
    let plain = MetricOptions::default();
    let fine =
        MetricOptions::parse(r#"{"relative_error": 0.002}"#, Kind::Histogram).expect("options");
    Ids {
        counter: engine.counter("requests", &plain).expect("a counter"),
        gauge: engine.gauge("in_flight", &plain).expect("a gauge"),
        histogram: engine.histogram("sizes", &plain).expect("a histogram"),
        fine: engine.histogram("seconds", &fine).expect("a histogram"),
    }
}

/// What one thread of any process does `rounds` times; every amount is exact in a double.
fn work(engine: &Engine, ids: Ids, rounds: u64) {
    for round in 0..rounds {
        engine.add(ids.counter, 3).expect("added");
        engine
            .record(ids.histogram, (round % 64) as f64)
            .expect("recorded");
        engine
            .record(ids.fine, 0.5 * (1 << (round % 12)) as f64)
            .expect("recorded");
        engine.add_to_gauge(ids.gauge, 2.0).expect("added");
        engine.add_to_gauge(ids.gauge, -1.0).expect("added");
    }
}

fn check(engine: &Engine, ids: Ids, rounds: u64, threads: u64) {
    let all = rounds * threads;
    assert_eq!(engine.count(ids.counter), Ok(3 * all));
    assert_eq!(engine.value(ids.gauge), Ok(all as f64));
    let sum = |value: &dyn Fn(u64) -> f64| (0..rounds).map(value).sum::<f64>() * threads as f64;
    let sizes = engine.distribution(ids.histogram, 0.0).expect("read");
    assert_eq!(sizes.count, all);
    assert_eq!(sizes.sum, sum(&|round| (round % 64) as f64));
    assert_eq!(
        (sizes.min, sizes.max),
        (0.0, 63f64.min(rounds as f64 - 1.0))
    );
    let found: u64 = sizes.buckets().map(|bucket| bucket.count).sum();
    assert_eq!(found, all);
    let seconds = engine.distribution(ids.fine, 0.0).expect("read");
    assert_eq!(seconds.count, all);
    assert_eq!(seconds.sum, sum(&|round| 0.5 * (1 << (round % 12)) as f64));
    assert_eq!((seconds.min, seconds.max), (0.5, 1024.0));
}

fn without_rseq() {
    // SAFETY: called in a forked child before it starts threads.
    unsafe { libc::setenv(c"TIDEGATE_RSEQ".as_ptr(), c"0".as_ptr(), 1) };
}

/// Machines may lack them, and then the other tests say nothing of them: who knows that this one has
/// them says so by `TIDEGATE_EXPECT_RSEQ=1`.
#[test]
fn sequences_are_used_where_they_are_expected() {
    let _alone = common::alone();
    let engine = TempRegion::new("expected").open("");
    if std::env::var_os("TIDEGATE_EXPECT_RSEQ").is_some_and(|value| value == "1") {
        assert!(engine.uses_rseq());
    }
}

#[test]
fn processes_with_and_without_rseq_add_up() {
    const PROCESSES: u64 = 6;
    const THREADS: u64 = 3;
    const ROUNDS: u64 = 60_000;
    let _alone = common::alone();
    let region = TempRegion::new("add-up");
    let engine = region.open("");
    let ids = open(&engine);
    let gate = Board::new(1);
    let children = common::fork_many(PROCESSES as usize, |process| {
        let own;
        let engine = match process % 3 {
            0 => &engine,
            1 => {
                own = region.open("");
                &own
            }
            _ => {
                without_rseq();
                own = region.open("");
                assert!(!own.uses_rseq());
                &own
            }
        };
        common::meet(&gate[0], PROCESSES);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| work(engine, ids, ROUNDS));
            }
        });
    });
    common::join_all(children);
    check(&engine, ids, ROUNDS, PROCESSES * THREADS);
}

#[test]
fn windows_of_many_processes_add_up_while_they_roll() {
    const PROCESSES: u64 = 4;
    const ROUNDS: u64 = 20_000;
    let _alone = common::alone();
    let region = TempRegion::new("roll");
    let engine = region.open(r#""clock": "manual", "window_seconds": 6"#);
    let ids = open(&engine);
    let children = common::fork_many(PROCESSES as usize, |process| {
        if process % 2 == 0 {
            without_rseq();
        }
        let engine = region.open("");
        for _ in 0..ROUNDS / 100 {
            work(&engine, ids, 100);
            engine.advance_clock(70_000_000).expect("advanced");
        }
    });
    common::join_all(children);
    let rounds = ROUNDS / 100 * PROCESSES;
    check(&engine, ids, 100, rounds);
    // Nothing was recorded since: after a window only what follows is in it.
    engine.advance_clock(60_000_000_000).expect("advanced");
    work(&engine, ids, 100);
    let window = engine.distribution(ids.histogram, 6.0).expect("read");
    assert_eq!(window.count, 100);
    assert_eq!(
        window.buckets().map(|bucket| bucket.count).sum::<u64>(),
        100
    );
}

/// CPUs that this process may run on.
fn cpus() -> Vec<usize> {
    // SAFETY: all zeros is a valid set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &mut set);
        (0..libc::CPU_SETSIZE as usize)
            .filter(|cpu| libc::CPU_ISSET(*cpu, &set))
            .collect()
    }
}

/// Moves thread `thread` of this process to `cpu`.
fn move_to(thread: i32, cpu: usize) {
    // SAFETY: all zeros is a valid set; the thread is ours, or gone.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(thread, size_of_val(&set), &set);
    }
}

#[test]
fn threads_that_are_moved_between_cpus_lose_nothing() {
    const THREADS: u64 = 3;
    const ROUNDS: u64 = 200_000;
    let _alone = common::alone();
    let cpus = cpus();
    if cpus.len() < 2 {
        println!("skipped: there is one CPU only");
        return;
    }
    let engine = Engine::open("").expect("an engine");
    let ids = open(&engine);
    common::fork(|| {
        let running = AtomicU64::new(THREADS);
        let threads: Vec<AtomicUsize> = (0..THREADS).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for thread in &threads {
                scope.spawn(|| {
                    // SAFETY: gettid has no preconditions.
                    thread.store(unsafe { libc::gettid() } as usize, Release);
                    work(&engine, ids, ROUNDS);
                    running.fetch_sub(1, Release);
                });
            }
            let mut flips = 0usize;
            while running.load(Acquire) > 0 {
                for thread in &threads {
                    let number = thread.load(Acquire) as i32;
                    if number != 0 {
                        flips += 1;
                        move_to(number, cpus[flips % cpus.len()]);
                    }
                }
                std::thread::yield_now();
            }
        });
    })
    .join();
    check(&engine, ids, ROUNDS, THREADS);
}

/// What the signal handler below records into.
static INTERRUPTED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

extern "C" fn record_too(_: i32) {
    let engine = INTERRUPTED[0].load(Acquire) as *const Engine;
    // SAFETY: the engine outlives the timer; recording is safe in a handler: it never allocates
    // nor locks once the octaves exist.
    let engine = unsafe { &*engine };
    let counter = Counter(INTERRUPTED[1].load(Relaxed));
    let _ = engine.add(counter, 1);
    let _ = engine.record(HistogramId(INTERRUPTED[2].load(Relaxed)), 1.0);
    DONE_IN_HANDLERS.fetch_add(1, Relaxed);
}

static DONE_IN_HANDLERS: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_signal_handler_may_record_while_its_thread_records() {
    const ROUNDS: u64 = 300_000;
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    let plain = MetricOptions::default();
    let counter = engine.counter("requests", &plain).expect("a counter");
    let sizes = engine.histogram("sizes", &plain).expect("a histogram");
    let board = Board::new(1);
    common::fork(|| {
        engine.record(sizes, 1.0).expect("recorded");
        INTERRUPTED[1].store(counter.0, Relaxed);
        INTERRUPTED[2].store(sizes.0, Relaxed);
        INTERRUPTED[0].store(std::ptr::from_ref(&engine) as u64, Release);
        // SAFETY: the handler is async-signal-safe; all zeros is a valid timer and action.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = record_too as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGPROF, &action, std::ptr::null_mut());
            libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
            let every = libc::timeval {
                tv_sec: 0,
                tv_usec: 100,
            };
            let timer = libc::itimerval {
                it_interval: every,
                it_value: every,
            };
            libc::setitimer(libc::ITIMER_PROF, &timer, std::ptr::null_mut());
        }
        for round in 0..ROUNDS {
            engine.add(counter, 1).expect("added");
            engine.record(sizes, 1.0).expect("recorded");
            if round % 64 == 0 {
                // Also at a moment that does not depend on the timer's tick.
                // SAFETY: the handler is installed.
                unsafe { libc::raise(libc::SIGUSR1) };
            }
        }
        // SAFETY: all zeros is a valid timer, one that is off.
        unsafe {
            let off: libc::itimerval = std::mem::zeroed();
            libc::setitimer(libc::ITIMER_PROF, &off, std::ptr::null_mut());
        }
        board[0].store(DONE_IN_HANDLERS.load(Acquire), Release);
    })
    .join();
    let handled = board[0].load(Acquire);
    assert!(handled >= ROUNDS / 64, "{handled} signals");
    assert_eq!(engine.count(counter), Ok(ROUNDS + handled));
    let found = engine.distribution(sizes, 0.0).expect("read");
    assert_eq!(
        (found.count, found.sum),
        (ROUNDS + 1 + handled, (ROUNDS + 1 + handled) as f64)
    );
}

#[test]
fn forking_while_other_threads_record_loses_nothing() {
    const THREADS: usize = 2;
    const FORKS: usize = 150;
    const OF_CHILD: u64 = 500;
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    let ids = open(&engine);
    let board = Board::new(THREADS);
    common::fork(|| {
        let stop = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for mine in board.iter() {
                let (engine, stop) = (&engine, &stop);
                scope.spawn(move || {
                    while stop.load(Acquire) == 0 {
                        engine.add(ids.counter, 1).expect("added");
                        engine.record(ids.histogram, 1.0).expect("recorded");
                        mine.fetch_add(1, Relaxed);
                    }
                });
            }
            for _ in 0..FORKS {
                // A child has the memory of threads that it does not have.
                common::fork(|| {
                    for _ in 0..OF_CHILD {
                        engine.add(ids.counter, 1).expect("added");
                        engine.record(ids.histogram, 1.0).expect("recorded");
                    }
                })
                .join();
            }
            stop.store(1, Release);
        });
    })
    .join();
    let threads: u64 = board.iter().map(|done| done.load(Acquire)).sum();
    let all = threads + FORKS as u64 * OF_CHILD;
    assert!(threads > 0);
    assert_eq!(engine.count(ids.counter), Ok(all));
    let found = engine.distribution(ids.histogram, 0.0).expect("read");
    assert_eq!((found.count, found.sum), (all, all as f64));
}

#[test]
fn shards_of_many_processes_add_up_and_are_handed_on() {
    const PROCESSES: u64 = 5;
    const SHARDS: u64 = 4;
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    let ids = open(&engine);
    let gate = Board::new(1);
    let children = common::fork_many(PROCESSES as usize, |process| {
        common::meet(&gate[0], PROCESSES);
        let words = engine.region().words();
        for round in 0..SHARDS {
            let numbers = if (process as u64 + round).is_multiple_of(2) {
                Numbers::Integers
            } else {
                Numbers::Doubles
            };
            let shard = engine.open_shard(numbers).expect("a shard");
            let at = engine.shard_counter(shard, ids.counter).expect("a cell");
            for _ in 0..100 {
                // As a binding does: no locked add, nobody else writes here.
                let before = words.load(at);
                words.store(
                    at,
                    match numbers {
                        Numbers::Integers => before + 1,
                        Numbers::Doubles => (f64::from_bits(before) + 1.0).to_bits(),
                    },
                );
            }
            // Half of them die with their shard open.
            if round % 2 == 0 {
                engine.close_shard(shard).expect("closed");
            }
        }
    });
    common::join_all(children);
    assert_eq!(engine.count(ids.counter), Ok(PROCESSES * SHARDS * 100));
    let made = engine
        .region()
        .words()
        .load(tidegate::region::header::SHARDS_USED);
    for numbers in [Numbers::Integers, Numbers::Doubles] {
        let again = engine
            .open_shard(numbers)
            .expect("a dead one's, or a closed one");
        engine.close_shard(again).expect("closed");
    }
    assert_eq!(
        engine
            .region()
            .words()
            .load(tidegate::region::header::SHARDS_USED),
        made
    );
}
