//! Many processes open one path at once, or a path with something else at it: one region or one
//! sentence, and nothing is left behind.

#![cfg(target_os = "linux")]

mod common;

use common::{Board, TempRegion};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use tidegate::base::error::{Error, Kind};
use tidegate::base::host;
use tidegate::engine::Engine;
use tidegate::metrics::MetricOptions;

fn plain() -> MetricOptions {
    MetricOptions::default()
}

fn config(path: &Path, bytes: u64) -> String {
    format!(
        r#"{{"region": {{"path": "{}", "size_bytes": {bytes}}}}}"#,
        path.display()
    )
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no NUL")
}

/// Files of this test in `/dev/shm`.
fn files_like(path: &Path) -> usize {
    let name = path.file_name().expect("a name").as_bytes().to_owned();
    let found = std::fs::read_dir(path.parent().expect("a folder"))
        .expect("listed")
        .flatten();
    found
        .filter(|entry| entry.file_name().as_bytes().starts_with(&name))
        .count()
}

#[test]
fn processes_that_open_one_path_at_once_share_one_region() {
    const PROCESSES: u64 = 16;
    const ROUNDS: usize = 50;
    let _alone = common::alone();
    let regions: Vec<TempRegion> = (0..ROUNDS).map(|_| TempRegion::new("race")).collect();
    let board = Board::new(ROUNDS * 3);
    let children = common::fork_many(PROCESSES as usize, |_| {
        for (region, words) in regions.iter().zip(board.chunks(3)) {
            common::meet(&words[0], PROCESSES);
            let engine = region.open("");
            let requests = engine.counter("requests", &plain()).expect("a counter");
            engine.add(requests, 1).expect("added");
            if engine.region().header().creator == host::Process::current() {
                words[1].fetch_add(1, Relaxed);
            }
            // Nobody leaves before all have added.
            common::meet(&words[2], PROCESSES);
            assert_eq!(engine.count(requests), Ok(PROCESSES));
        }
    });
    common::join_all(children);
    for (region, words) in regions.iter().zip(board.chunks(3)) {
        assert_eq!(words[1].load(Acquire), 1, "one creator");
        let engine = region.open("");
        let requests = engine.counter("requests", &plain()).expect("a counter");
        assert_eq!(engine.count(requests), Ok(PROCESSES));
        assert_eq!(engine.snapshot().engine.workers_attached, PROCESSES + 1);
        assert_eq!(files_like(region.path()), 1);
    }
}

#[test]
fn opening_while_others_remove_always_gives_a_whole_region() {
    let _alone = common::alone();
    let region = TempRegion::new("removed");
    let children = common::fork_many(6, |process| {
        for _ in 0..200 {
            if process == 0 {
                let _ = std::fs::remove_file(region.path());
                std::thread::yield_now();
            } else {
                let engine = region.open("");
                let requests = engine.counter("requests", &plain()).expect("a counter");
                engine.add(requests, 1).expect("added");
                assert!(engine.count(requests).expect("read") >= 1);
            }
        }
    });
    common::join_all(children);
}

/// A small memory file system, unmounted when dropped.
struct SmallDisk {
    folder: TempRegion,
}

impl SmallDisk {
    /// None where mounting is not allowed.
    fn mount(bytes: u64) -> Option<Self> {
        let folder = TempRegion::new("disk");
        std::fs::create_dir(folder.path()).expect("a folder");
        let options = CString::new(format!("size={bytes}")).expect("no NUL");
        // SAFETY: all texts are NUL-terminated.
        let done = unsafe {
            libc::mount(
                c"tmpfs".as_ptr(),
                c_path(folder.path()).as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        if done != 0 {
            println!("skipped: cannot mount: {}", std::io::Error::last_os_error());
            return None;
        }
        Some(SmallDisk { folder })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // SAFETY: the path is NUL-terminated.
        unsafe { libc::umount2(c_path(self.folder.path()).as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn no_space_left_says_how_much_is_missing_and_leaves_nothing() {
    let Some(disk) = SmallDisk::mount(1 << 20) else {
        return;
    };
    let path = disk.folder.path().join("region");
    let error = Engine::open(&config(&path, 4 << 20)).expect_err("no space");
    assert_eq!(error.kind(), Kind::System);
    let message = error.message();
    assert!(message.contains("1048576 bytes are free"), "{message}");
    assert!(message.contains("3145728 are missing"), "{message}");
    assert_eq!(
        std::fs::read_dir(disk.folder.path())
            .expect("listed")
            .count(),
        0
    );
}

#[test]
fn makers_that_do_not_all_fit_share_the_region_that_fits_once() {
    const PROCESSES: u64 = 6;
    let _alone = common::alone();
    let Some(disk) = SmallDisk::mount(5 << 20) else {
        return;
    };
    let board = Board::new(3 * 30);
    let path = disk.folder.path().join("region");
    let children = common::fork_many(PROCESSES as usize, |process| {
        for gates in board.chunks(3) {
            common::meet(&gates[0], PROCESSES);
            let engine = Engine::open(&config(&path, 4 << 20)).expect("an engine");
            let requests = engine.counter("requests", &plain()).expect("a counter");
            engine.add(requests, 1).expect("added");
            common::meet(&gates[1], PROCESSES);
            assert_eq!(engine.count(requests), Ok(PROCESSES));
            drop(engine);
            if process == 0 {
                std::fs::remove_file(&path).expect("removed");
            }
            common::meet(&gates[2], PROCESSES);
        }
    });
    common::join_all(children);
}

fn open_error(path: &Path) -> Error {
    let error = Engine::open(&config(path, 4 << 20)).expect_err("no region");
    let observed = Engine::attach(path).expect_err("no region");
    assert_eq!(observed.kind(), error.kind(), "{observed}");
    error
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    if !common::is_root() {
        println!("skipped: only root can give a file away");
        return;
    }
    let region = TempRegion::new("foreign");
    drop(region.open(""));
    // SAFETY: the path is NUL-terminated.
    assert_eq!(
        // SAFETY: the path ends with NUL.
        unsafe { libc::chown(c_path(region.path()).as_ptr(), 4711, 4711) },
        0
    );
    let error = Engine::open(&config(region.path(), 4 << 20)).expect_err("foreign");
    assert_eq!(error.kind(), Kind::System);
    assert!(error.message().contains("belongs to user 4711"), "{error}");
    // Root may look at anybody's, as the tool does.
    Engine::attach(region.path()).expect("root observes");
}

#[test]
fn a_symbolic_link_is_refused() {
    let (region, link) = (TempRegion::new("target"), TempRegion::new("link"));
    drop(region.open(""));
    std::os::unix::fs::symlink(region.path(), link.path()).expect("a link");
    let error = open_error(link.path());
    assert_eq!(error.kind(), Kind::System);
    assert!(error.message().contains("symbolic link"), "{error}");
    // One that leads nowhere is not followed to make a region there.
    std::fs::remove_file(region.path()).expect("removed");
    assert_eq!(open_error(link.path()).kind(), Kind::System);
    assert!(!region.path().exists());
}

#[test]
fn a_folder_or_a_pipe_is_no_region() {
    let folder = TempRegion::new("folder");
    std::fs::create_dir(folder.path()).expect("a folder");
    assert!(Engine::open(&config(folder.path(), 4 << 20)).is_err());
    assert_eq!(
        Engine::attach(folder.path()).expect_err("a folder").kind(),
        Kind::Format
    );

    let pipe = TempRegion::new("pipe");
    // SAFETY: the path is NUL-terminated.
    assert_eq!(
        // SAFETY: the path ends with NUL.
        unsafe { libc::mkfifo(c_path(pipe.path()).as_ptr(), 0o600) },
        0
    );
    assert_eq!(open_error(pipe.path()).kind(), Kind::Format);
}

#[test]
fn a_missing_folder_is_named() {
    let region = TempRegion::new("missing");
    let error = Engine::open(&config(&region.path().join("x/region"), 4 << 20)).expect_err("none");
    assert_eq!(error.kind(), Kind::System);
    assert!(
        error
            .message()
            .contains(&region.path().join("x").display().to_string()),
        "{error}"
    );
}

/// Opens a file of `bytes`, which must be refused and stay as it is.
fn refused(bytes: &[u8]) -> Error {
    let region = TempRegion::new("refused");
    std::fs::write(region.path(), bytes).expect("written");
    let error = open_error(region.path());
    assert!(
        std::fs::read(region.path()).expect("read") == bytes,
        "{error}: the file has changed"
    );
    error
}

/// The bytes of a good region.
fn good() -> Vec<u8> {
    let region = TempRegion::new("good");
    drop(region.open(""));
    std::fs::read(region.path()).expect("read")
}

#[test]
fn files_that_are_no_regions_are_refused_and_left_alone() {
    let mut random = vec![0; 40_000];
    let mut numbers = common::Random(99);
    random.fill_with(|| numbers.next() as u8);
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("one byte", vec![7]),
        ("a page of zeros", vec![0; 4096]),
        ("more zeros", vec![0; 1 << 20]),
        ("random", random),
        ("text", b"#!/bin/sh\necho hello\n".repeat(1000)),
    ] {
        assert_eq!(refused(&bytes).kind(), Kind::Format, "{what}");
    }
}

#[test]
fn a_truncated_region_is_refused_at_any_length() {
    let good = good();
    for length in [
        8,
        511 * 8,
        512 * 8,
        512 * 8 + 1,
        good.len() / 2,
        good.len() - 8,
    ] {
        let error = refused(&good[..length]);
        assert_eq!(error.kind(), Kind::Format, "{length} bytes");
    }
    assert!(
        refused(&good[..good.len() / 2])
            .message()
            .contains("truncated")
    );
}

/// A good region with one word of its header changed, the checksum mended or not.
fn with_word(at: usize, value: u64, mended: bool) -> Error {
    const SEAL: usize = 53;
    let mut bytes = good();
    bytes[at * 8..][..8].copy_from_slice(&value.to_ne_bytes());
    if mended {
        let seal = host::fnv1a(&bytes[..SEAL * 8]);
        bytes[SEAL * 8..][..8].copy_from_slice(&seal.to_ne_bytes());
    }
    refused(&bytes)
}

#[test]
fn another_version_is_named() {
    let error = with_word(1, 2, true);
    assert_eq!(error.kind(), Kind::Format);
    assert!(
        error.message().contains("version 2") && error.message().contains("version 1"),
        "{error}"
    );
}

#[test]
fn another_byte_order_is_named() {
    let mut bytes = good();
    for word in bytes.chunks_exact_mut(8).skip(1).take(60) {
        word.reverse();
    }
    let error = refused(&bytes);
    assert!(error.message().contains("byte order"), "{error}");
}

#[test]
fn a_changed_header_is_refused_by_its_checksum() {
    for at in 3..12 {
        assert_eq!(with_word(at, 5, false).kind(), Kind::Format, "word {at}");
    }
}

#[test]
fn impossible_limits_are_refused_also_with_a_good_checksum() {
    for at in 3..12 {
        for value in [u64::MAX, 1 << 63, 1 << 47] {
            // The limit per name may be anything: it only bounds a count.
            if at != 5 {
                assert_eq!(
                    with_word(at, value, true).kind(),
                    Kind::Format,
                    "word {at}: {value:#x}"
                );
            }
        }
    }
}
