//! What the host says: its clocks, its boot, its processes.
//!
//! All times are nanoseconds. Nothing here knows of regions; `region::clock` turns host time
//! into region time.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
pub mod usage;
#[cfg(windows)]
mod windows;

use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(not(loom))]
pub use system::random;
use system::{boot_id, start_ticks};
pub use system::{
    coarse_ns, exists, forks, is_memory_file_system, name, namespace, possible_cpus, precise_ns,
    thread_number, wall_ns, watch_forks,
};

/// A number that changes when the host reboots.
pub fn boot_hash() -> u64 {
    static BOOT: AtomicU64 = AtomicU64::new(0);
    // Not a lock: a child forked while another thread held it would wait for ever.
    let known = BOOT.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let boot = fnv1a(boot_id().trim().as_bytes());
    BOOT.store(boot, Ordering::Relaxed);
    boot
}

/// A process, told apart from a later one with the same number by when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process number.
    pub pid: u32,
    /// When it started, in the system's clock ticks.
    pub start_ticks: u64,
}

impl Process {
    /// The calling process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Process {
            pid,
            start_ticks: start_ticks(pid).unwrap_or(0),
        }
    }

    /// The living process number `pid`, if there is one.
    pub fn find(pid: u32) -> Option<Self> {
        Some(Process {
            pid,
            start_ticks: start_ticks(pid)?,
        })
    }

    /// True while exactly this process lives. A zombie is dead: it will never run again.
    pub fn is_alive(self) -> bool {
        start_ticks(self.pid) == Some(self.start_ticks)
    }

    /// The process in one word, never 0, so that one store records it: number (22 bits), start
    /// (30 bits, which come again after 124 days), pid namespace (12 bits).
    pub fn to_word(self) -> u64 {
        let namespace = namespace("pid") & ((1 << NAMESPACE_BITS) - 1);
        let start = self.start_ticks & ((1 << START_BITS) - 1);
        (namespace << START_BITS | start) << PID_BITS | u64::from(self.pid)
    }

    /// The number of the process of a word.
    pub fn pid_of(word: u64) -> u32 {
        (word & ((1 << PID_BITS) - 1)) as u32
    }

    /// True when the process of a word is of this pid namespace: its number then means it.
    pub fn is_here(word: u64) -> bool {
        let namespace = namespace("pid") & ((1 << NAMESPACE_BITS) - 1);
        word >> (PID_BITS + START_BITS) == namespace
    }

    /// True when the process of a word is known to be gone. One of another pid namespace cannot be
    /// asked for, and is not.
    pub fn is_known_dead(word: u64) -> bool {
        let pid = Self::pid_of(word);
        let none = Process {
            pid,
            start_ticks: 0,
        }
        .to_word();
        let shift = PID_BITS + START_BITS;
        word >> shift == none >> shift
            && start_ticks(pid)
                .is_none_or(|start_ticks| Process { pid, start_ticks }.to_word() != word)
    }
}

/// The calling process in 54 bits, for short claims: number and pid namespace. What takes a process
/// microseconds needs no start time.
pub fn claimer() -> u64 {
    (namespace("pid") & u64::from(u32::MAX)) << PID_BITS | u64::from(std::process::id())
}

/// True when no process has the number of this claimer any more. One of another pid namespace
/// cannot be asked for, and is not gone.
pub fn is_gone(claimer: u64) -> bool {
    let pid = Process::pid_of(claimer);
    let is_askable = claimer >> PID_BITS == self::claimer() >> PID_BITS;
    is_askable && pid != std::process::id() && !exists(pid)
}

/// Linux numbers processes below 2^22. Windows numbers them and all threads by multiples of four, and
/// uses the numbers again: a million of them would have to live at once.
const PID_BITS: u32 = 22;
const START_BITS: u32 = 30;
const NAMESPACE_BITS: u32 = 64 - PID_BITS - START_BITS;

/// Fills `words` with what is the same in every run of a model.
#[cfg(loom)]
pub fn random(words: &mut [u64]) -> std::io::Result<()> {
    words.fill(7);
    Ok(())
}

/// FNV-1a, for checksums of trusted bytes only.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_never_runs_ahead_of_the_precise_one() {
        for _ in 0..10_000 {
            let coarse = coarse_ns();
            assert!(coarse <= precise_ns());
        }
    }

    #[test]
    fn this_process_is_alive_and_an_unlikely_one_is_not() {
        let me = Process::current();
        assert!(me.is_alive());
        assert!(
            !Process {
                start_ticks: me.start_ticks + 1,
                ..me
            }
            .is_alive()
        );
        assert!(
            !Process {
                pid: 0,
                start_ticks: 0
            }
            .is_alive()
        );
    }
}
