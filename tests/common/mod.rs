//! What tests of several processes share: regions with a name of their own, and, where there is fork,
//! children with a deadline and words that parent and children see.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses a part of it"
)]

#[cfg(unix)]
mod children;
#[cfg(unix)]
pub mod damage;
#[cfg(target_os = "linux")]
pub mod single_step;
#[cfg(target_os = "linux")]
pub mod write_trap;

#[cfg(unix)]
pub use children::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tidegate::engine::Engine;

/// Seconds after which a child is killed by its own alarm.
pub const DEADLINE_S: u32 = 60;

/// A region's path on memory that no other test has; the file is removed when this is dropped.
pub struct TempRegion {
    path: PathBuf,
    owner: u32,
}

impl TempRegion {
    /// A path whose name ends in `what`; there is no file yet.
    pub fn new(what: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let owner = std::process::id();
        let path = memory_folder().join(format!("tidegate-test-{owner}-{number}-{what}"));
        TempRegion { path, owner }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A configuration with this path; `more` is further fields of the document.
    pub fn config(&self, more: &str) -> String {
        let comma = if more.is_empty() { "" } else { ", " };
        let path = format!("{:?}", self.path.display().to_string());
        format!(r#"{{"region": {{"path": {path}, "size_bytes": 4194304}}{comma}{more}}}"#)
    }

    /// Opens the region, which is made if need be.
    pub fn open(&self, more: &str) -> Engine {
        Engine::open(&self.config(more)).expect("the region opens")
    }
}

/// Where files live in memory, if the system has such a place.
pub fn memory_folder() -> PathBuf {
    if cfg!(target_os = "linux") {
        PathBuf::from("/dev/shm")
    } else {
        std::env::temp_dir()
    }
}

impl Drop for TempRegion {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            let _ = std::fs::remove_file(&self.path);
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// An engine without a file whose clock only moves when it is advanced.
pub fn manual_engine() -> Engine {
    Engine::open(r#"{"clock": "manual", "window_seconds": 6}"#).expect("an anonymous region")
}

/// Lets one test of a program run at a time: what they fork is theirs alone.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|held| held.into_inner())
}

/// True when tests may chown and mount.
#[cfg(unix)]
pub fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// How many times slower than others this machine is, as it says by `TIDEGATE_PATIENCE`; emulated ones do.
/// Deadlines are so many times longer there, and tests of very many cases try so many times fewer.
pub fn patience() -> u32 {
    let said = std::env::var("TIDEGATE_PATIENCE").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// Waits until `is_true`; panics when that takes longer than a minute, or more on a slow machine.
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let (begun, most) = (Instant::now(), Duration::from_secs(DEADLINE_S.into()));
    while !is_true() {
        assert!(begun.elapsed() < most * patience(), "never: {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits at `gate` until `count` parties are there.
pub fn meet(gate: &AtomicU64, count: u64) {
    gate.fetch_add(1, Ordering::AcqRel);
    while gate.load(Ordering::Acquire) < count {
        std::thread::yield_now();
    }
}

/// Numbers from a seed: xorshift64*.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}
