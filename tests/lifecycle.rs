//! Opening, sharing, observing, closing and opening again: who sees whose numbers, and what stays.

#![cfg(unix)]

mod common;

use common::{Board, TempRegion};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::Ordering::{Acquire, Release};
use tidegate::base::error::Kind;
use tidegate::engine::{Engine, Numbers};
use tidegate::metrics::MetricOptions;
use tidegate::region::layout::Limits;
use tidegate::region::{Region, workers};

fn plain() -> MetricOptions {
    MetricOptions::default()
}

fn alive(engine: &Engine) -> Vec<u32> {
    let mut pids: Vec<u32> = engine
        .snapshot()
        .engine
        .workers
        .iter()
        .filter(|worker| worker.alive)
        .map(|worker| worker.pid)
        .collect();
    pids.sort_unstable();
    pids
}

#[test]
fn an_anonymous_region_is_shared_with_children() {
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    let requests = engine.counter("requests", &plain()).expect("a counter");
    let child = common::fork(|| {
        engine.add(requests, 5).expect("added");
        let made = engine
            .counter("made_by_child", &plain())
            .expect("a counter");
        engine.add(made, 7).expect("added");
    });
    child.join();
    engine.add(requests, 1).expect("added");
    assert_eq!(engine.count(requests), Ok(6));
    let made = engine
        .counter("made_by_child", &plain())
        .expect("a counter");
    assert_eq!(engine.count(made), Ok(7));
}

#[test]
fn a_private_region_is_not_shared_with_children() {
    let _alone = common::alone();
    let engine = Engine::open(r#"{"region": {"private": true}}"#).expect("an engine");
    let requests = engine.counter("requests", &plain()).expect("a counter");
    engine.add(requests, 1).expect("added");
    common::fork(|| {
        assert_eq!(engine.count(requests), Ok(1));
        engine.add(requests, 5).expect("added");
        assert_eq!(engine.count(requests), Ok(6));
    })
    .join();
    assert_eq!(engine.count(requests), Ok(1));
}

#[test]
fn a_file_opened_again_keeps_its_totals() {
    let region = TempRegion::new("again");
    let add = |amount| {
        let engine = region.open("");
        let requests = engine.counter("requests", &plain()).expect("a counter");
        engine.add(requests, amount).expect("added");
        let sizes = engine.histogram("sizes", &plain()).expect("a histogram");
        engine.record(sizes, amount as f64).expect("recorded");
        (
            engine.count(requests).expect("read"),
            engine.distribution(sizes, 0.0).expect("read"),
        )
    };
    add(2);
    add(3);
    let (count, sizes) = add(4);
    assert_eq!(count, 9);
    assert_eq!(
        (sizes.count, sizes.sum, sizes.min, sizes.max),
        (3, 9.0, 2.0, 4.0)
    );
    let mode = std::fs::metadata(region.path())
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_conflict_of_limits_names_the_field() {
    let region = TempRegion::new("conflict");
    let config = |size: u64, more: &str| {
        let path = region.path().display();
        format!(r#"{{"region": {{"path": "{path}", "size_bytes": {size}}}{more}}}"#)
    };
    let made =
        r#", "metrics": {"max_series": 100, "max_series_per_name": 50}, "window_seconds": 30"#;
    let _engine = Engine::open(&config(4 << 20, made)).expect("an engine");
    for (field, size, more) in [
        ("region.size_bytes", 8 << 20, ""),
        (
            "metrics.max_series",
            4 << 20,
            r#", "metrics": {"max_series": 101}"#,
        ),
        (
            "metrics.max_series_per_name",
            4 << 20,
            r#", "metrics": {"max_series_per_name": 5}"#,
        ),
        ("window_seconds", 4 << 20, r#", "window_seconds": 60"#),
        ("clock", 4 << 20, r#", "clock": "manual""#),
    ] {
        let error = Engine::open(&config(size, more)).expect_err(field);
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.message().starts_with(&format!("{field}:")), "{error}");
    }
    let same = r#", "metrics": {"max_series": 100}, "window_seconds": 30, "clock": "real""#;
    Engine::open(&config(4 << 20, same)).expect("the same limits");
    Engine::open(&format!(
        r#"{{"region": {{"path": "{}"}}}}"#,
        region.path().display()
    ))
    .expect("what is not said agrees");
}

#[test]
fn an_observer_sees_all_and_changes_not_one_byte() {
    let region = TempRegion::new("observed");
    let writer = region.open(r#""limiters": {"login": {"preset": "auth"}}"#);
    let requests = writer.counter("requests", &plain()).expect("a counter");
    let queue = writer.gauge("queue", &plain()).expect("a gauge");
    let sizes = writer.histogram("sizes", &plain()).expect("a histogram");
    let login = writer.find_limiter("login").expect("a limiter");
    let shard = writer.open_shard(Numbers::Integers).expect("a shard");
    writer.add(requests, 3).expect("added");
    writer.record(sizes, 2.5).expect("recorded");
    let before = std::fs::read(region.path()).expect("the file");

    let observer = Engine::attach(region.path()).expect("an observer");
    assert_eq!(observer.count(requests), Ok(3));
    assert_eq!(observer.distribution(sizes, 0.0).expect("read").max, 2.5);
    assert_eq!(observer.find_limiter("login"), Ok(login));
    assert_eq!(observer.snapshot().families.len(), 3);
    let refusals = [
        ("add", observer.add(requests, 1).err()),
        ("set", observer.set(queue, 1.0).err()),
        ("add_to_gauge", observer.add_to_gauge(queue, 1.0).err()),
        ("record", observer.record(sizes, 1.0).err()),
        ("record_many", observer.record_many(sizes, &[1.0]).err()),
        ("record_metric", observer.record_metric(b"sizes", 1.0).err()),
        ("counter", observer.counter("requests", &plain()).err()),
        ("gauge", observer.gauge("new", &plain()).err()),
        ("histogram", observer.histogram("new", &plain()).err()),
        (
            "open_limiter",
            observer
                .open_limiter_from("login", r#"{"preset": "auth"}"#)
                .err(),
        ),
        ("check", observer.check(login, None, 1, None).err()),
        (
            "allow_request",
            observer.allow_request(b"login", None).err(),
        ),
        ("counter_cell", observer.counter_cell(requests).err()),
        ("open_shard", observer.open_shard(Numbers::Integers).err()),
        ("close_shard", observer.close_shard(shard).err()),
        (
            "shard_counter",
            observer.shard_counter(shard, requests).err(),
        ),
        (
            "shard_histogram",
            observer.shard_histogram(shard, sizes).err(),
        ),
        ("tick", observer.tick().err()),
        ("advance_clock", observer.advance_clock(1).err()),
    ];
    for (call, error) in refusals {
        assert_eq!(error.expect(call).kind(), Kind::State, "{call}");
    }
    drop(observer);
    assert!(
        before == std::fs::read(region.path()).expect("the file"),
        "bytes have changed"
    );
    assert_eq!(
        writer.snapshot().engine.workers.len(),
        1,
        "an observer is no worker"
    );
}

#[test]
fn nobody_observes_what_is_not_there() {
    let region = TempRegion::new("absent");
    assert_eq!(
        Engine::attach(region.path()).expect_err("none").kind(),
        Kind::NotFound
    );
    assert!(!region.path().exists());
}

#[test]
fn a_file_removed_while_open_works_on_and_a_new_one_is_another() {
    let region = TempRegion::new("removed");
    let old = region.open("");
    let requests = old.counter("requests", &plain()).expect("a counter");
    std::fs::remove_file(region.path()).expect("removed");
    old.add(requests, 1).expect("added");
    let more = old.counter("more", &plain()).expect("a counter");
    old.add(more, 1).expect("added");

    let new = region.open("");
    assert!(std::fs::metadata(region.path()).expect("the file").nlink() == 1);
    assert_eq!(
        new.add(requests, 1).expect_err("foreign").kind(),
        Kind::Stale
    );
    let again = new.counter("requests", &plain()).expect("a counter");
    assert_eq!(new.count(again), Ok(0));
    assert_eq!(old.count(requests), Ok(1));
    assert_eq!(old.snapshot().families.len(), 2);
}

#[test]
fn children_have_entries_of_their_own_and_closing_frees_one() {
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    let requests = engine.counter("requests", &plain()).expect("a counter");
    let me = std::process::id();
    assert_eq!(alive(&engine), [me]);
    let board = Board::new(2);
    let child = common::fork(|| {
        let closed = &board[1];
        let engine = unsafe_copy(&engine);
        engine.add(requests, 1).expect("added");
        board[0].store(1, Release);
        common::wait_until("told to close", || board[0].load(Acquire) == 2);
        drop(engine);
        closed.store(1, Release);
        common::wait_until("told to end", || board[0].load(Acquire) == 3);
    });
    common::wait_until("the child is at work", || board[0].load(Acquire) == 1);
    let mut both = [me, child.pid() as u32];
    both.sort_unstable();
    assert_eq!(alive(&engine), both);
    board[0].store(2, Release);
    common::wait_until("the child has closed", || board[1].load(Acquire) == 1);
    assert_eq!(alive(&engine), [me], "only the child's entry is gone");
    board[0].store(3, Release);
    child.join();
    let reading = engine.snapshot().engine;
    assert_eq!((reading.workers_attached, reading.workers_died), (2, 0));
}

/// The parent's engine, as a forked child owns it: in memory of its own.
fn unsafe_copy(engine: &Engine) -> Engine {
    // SAFETY: called in a forked child, which leaves without dropping the original.
    unsafe { std::ptr::read(engine) }
}

#[test]
fn a_child_that_closes_at_once_leaves_its_parents_entry() {
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    common::fork(|| drop(unsafe_copy(&engine))).join();
    assert_eq!(alive(&engine), [std::process::id()]);
    let requests = engine.counter("requests", &plain()).expect("a counter");
    engine.add(requests, 1).expect("added");
}

#[test]
fn a_killed_worker_is_seen_as_dead_and_its_place_is_used_again() {
    let _alone = common::alone();
    let region = TempRegion::new("dead");
    let limits = Limits {
        total_words: 1 << 17,
        max_series: 8,
        max_series_per_name: 8,
        max_limiters: 1,
        max_guards: 4,
        max_operations: 4,
        max_events: 64,
        max_workers: 2,
        max_shards: 1,
        stripes: 2,
        slot_ns: 10_000_000_000,
        manual_clock: 0,
    };
    drop(Region::open(region.path(), limits, "").expect("a region"));
    let config = format!(r#"{{"region": {{"path": "{}"}}}}"#, region.path().display());
    let engine = Engine::open(&config).expect("an engine");
    let board = Board::new(1);
    let start = || {
        let child = common::fork(|| {
            let engine = Engine::open(&config).expect("an engine");
            board[0].fetch_add(1, Release);
            loop {
                std::hint::black_box(&engine);
                std::thread::yield_now();
            }
        });
        let before = board[0].load(Acquire);
        (child, before)
    };
    for round in 1..=3u64 {
        let (child, _) = start();
        common::wait_until("the child is in", || board[0].load(Acquire) == round);
        let pid = child.pid() as u32;
        assert!(alive(&engine).contains(&pid));
        child.kill();
        let reading = engine.snapshot().engine;
        let dead: Vec<u32> = reading
            .workers
            .iter()
            .filter(|worker| !worker.alive)
            .map(|w| w.pid)
            .collect();
        assert_eq!(dead, [pid]);
        assert_eq!(reading.workers_died, round, "each death counts once");
    }
    // The table has two places: the third child was let in over a dead one.
    assert_eq!(engine.snapshot().engine.workers_attached, 4);

    let (child, _) = start();
    common::wait_until("the child is in", || board[0].load(Acquire) == 4);
    let further = Engine::open(&config).expect("an engine works without a place");
    let requests = further.counter("requests", &plain()).expect("a counter");
    further.add(requests, 1).expect("added");
    let reading = engine.snapshot().engine;
    assert_eq!((reading.workers_refused, reading.workers.len()), (1, 2));
    child.kill();
    assert_eq!(
        workers::list(engine.region().words(), engine.region().layout().workers).len(),
        2
    );
}

#[test]
fn grandchildren_are_workers_too() {
    let _alone = common::alone();
    let engine = Engine::open("").expect("an engine");
    let requests = engine.counter("requests", &plain()).expect("a counter");
    let board = Board::new(1);
    common::fork(|| {
        engine.add(requests, 1).expect("added");
        common::fork(|| {
            // Two generations without a call in between.
            common::fork(|| {
                engine.add(requests, 1).expect("added");
                let found = alive(&engine);
                assert!(found.contains(&std::process::id()), "{found:?}");
                board[0].store(found.len() as u64, Release);
            })
            .join();
        })
        .join();
        engine.add(requests, 1).expect("added");
    })
    .join();
    assert_eq!(engine.count(requests), Ok(3));
    assert_eq!(
        board[0].load(Acquire),
        3,
        "the one in the middle made no call"
    );
    assert_eq!(engine.snapshot().engine.workers_attached, 3);
}

#[test]
fn what_can_never_be_shared_is_refused() {
    let both = Engine::open(r#"{"region": {"private": true, "path": "/dev/shm/never"}}"#);
    assert_eq!(both.expect_err("both").kind(), Kind::Config);
    let small = Engine::open(r#"{"region": {"size_bytes": 524288}}"#).expect_err("too small");
    assert_eq!(small.kind(), Kind::Config);
    assert!(small.message().contains("at least"), "{small}");
    assert_eq!(
        Engine::open("[]").expect_err("no object").kind(),
        Kind::Config
    );
    assert_eq!(Engine::open("{").expect_err("no JSON").kind(), Kind::Config);
}
