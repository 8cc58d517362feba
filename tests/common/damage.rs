//! Regions that hold anything: each is tried by a child, which may crash or hang of it.

use super::{Board, Child, Exit, TempRegion, fork, patience, set_alarm};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

/// A hang is a case that takes longer.
const SECONDS: u32 = 10;
const CHILDREN: usize = 2;
/// After so many failures there is nothing more to learn.
const MOST_FAILURES: usize = 100;

/// The words of the file at `path`.
pub fn words_of(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).expect("the file");
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

/// The bytes of `words`, as a file has them.
pub fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Uses a copy of a region for each of `cases`, or on a slow machine some of them, in children, two at a
/// time: a file that holds what `damaged` gives for the case. Panics with what went wrong, in the words of `shown`.
pub fn try_all<C>(
    cases: &[C],
    damaged: impl Fn(&C) -> Vec<u64>,
    shown: impl Fn(&C) -> String,
    attempt: impl Fn(&Path),
) {
    let board = Board::new(CHILDREN);
    let stride = CHILDREN as u64 * u64::from(patience());
    let copies: Vec<TempRegion> = (0..CHILDREN).map(|_| TempRegion::new("copy")).collect();
    let run = |child: usize| -> Child {
        fork(|| {
            let (next, path) = (&board[child], copies[child].path());
            let file = std::fs::File::options();
            let file = file
                .clone()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path);
            let file = file.expect("a copy");
            while let Some(case) = cases.get(next.load(Relaxed) as usize) {
                set_alarm(SECONDS);
                let bytes = bytes_of(&damaged(case));
                file.write_all_at(&bytes, 0).expect("written");
                attempt(path);
                next.fetch_add(stride, Relaxed);
            }
        })
    };
    let mut failures = Vec::new();
    for child in 0..CHILDREN {
        board[child].store(child as u64, Relaxed);
    }
    let mut children: Vec<Child> = (0..CHILDREN).map(run).collect();
    for (number, child) in children.iter_mut().enumerate() {
        loop {
            let exit = child.wait();
            if exit == Exit::Code(0) {
                break;
            }
            let at = board[number].fetch_add(stride, Relaxed) as usize;
            failures.push(format!("{}: {exit:?}", shown(&cases[at])));
            assert!(
                failures.len() < MOST_FAILURES,
                "too many: {}",
                failures.join("\n")
            );
            *child = run(number);
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
