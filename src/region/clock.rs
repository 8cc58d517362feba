//! Region time: nanoseconds since the region was made, the same for every process that shares it.
//!
//! The host's monotonic clock plus one offset, kept in the region. A reboot restarts the host's
//! clock; the first process to open the region afterwards sets the offset so that region time goes
//! on from where it stopped, and so nothing that was stored needs to be translated. A manual clock
//! is one word that only moves when somebody advances it.

use super::header;
use super::raw::Words;
use crate::base::sync::Ordering;
use crate::base::{host, limits};

/// Tells region time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Host { offset: u64 },
    Manual { words: Words },
    Stopped { at: u64 },
}

impl Clock {
    /// The clock of the region of `words`.
    pub fn of(words: Words, manual: bool) -> Self {
        let source = if manual {
            Source::Manual { words }
        } else {
            Source::Host {
                offset: words.load(header::CLOCK_OFFSET),
            }
        };
        Clock { source }
    }

    /// The clock of a region whose boot or time namespace is not this process's, for an observer:
    /// stopped when somebody last looked at it.
    pub fn stopped(words: Words) -> Self {
        let at = words.load(header::LAST_SEEN);
        Clock {
            source: Source::Stopped { at },
        }
    }

    /// Now, cheaply: never ahead of [`Clock::precise`], behind it by at most [`Clock::lag`].
    #[inline(always)]
    pub fn coarse(&self) -> u64 {
        match self.source {
            Source::Host { offset } => host::coarse_ns().wrapping_add(offset),
            Source::Manual { words } => words.acquire(header::MANUAL_NOW),
            Source::Stopped { at } => at,
        }
    }

    /// Now.
    #[inline]
    pub fn precise(&self) -> u64 {
        match self.source {
            Source::Host { offset } => host::precise_ns().wrapping_add(offset),
            Source::Manual { words } => words.acquire(header::MANUAL_NOW),
            Source::Stopped { at } => at,
        }
    }

    /// How far [`Clock::coarse`] may be behind.
    #[inline(always)]
    pub fn lag(&self) -> u64 {
        match self.source {
            Source::Host { .. } => limits::COARSE_LAG_NS,
            Source::Manual { .. } | Source::Stopped { .. } => 0,
        }
    }

    /// True when time only moves by [`Clock::advance`].
    pub fn is_manual(&self) -> bool {
        matches!(self.source, Source::Manual { .. })
    }

    /// Moves a manual clock on by `by_ns`, as far as it goes; false for a real clock.
    pub fn advance(&self, by_ns: u64) -> bool {
        let Source::Manual { words } = self.source else {
            return false;
        };
        let Some(now) = words.get(header::MANUAL_NOW) else {
            return false;
        };
        let _ = now.fetch_update(Ordering::Release, Ordering::Relaxed, |now| {
            // Half the range: a deadline added to now can then never wrap.
            Some(now.saturating_add(by_ns).min(u64::MAX / 2))
        });
        true
    }
}

/// Starts region time at 0; for a new region. By the coarse clock: it is behind the precise one, and
/// were 0 a precise time, the coarse time of the first few milliseconds would be before it.
pub fn start(words: Words) {
    words.store(header::BOOT, host::boot_hash());
    words.store(header::CLOCK_OFFSET, host::coarse_ns().wrapping_neg());
}

/// True when the region's clock belongs to an earlier boot of the host.
pub fn is_of_another_boot(words: Words) -> bool {
    words.acquire(header::BOOT) != host::boot_hash()
}

/// Lets region time go on after a reboot: at least from the last time that was seen, and as much
/// later as the wall clock says. The caller holds the file's lock; the boot word is written last,
/// so that a process killed in between leaves the work to the next one.
pub fn continue_after_reboot(words: Words, created_wall_ns: u64) {
    let by_wall = host::wall_ns()
        .saturating_sub(created_wall_ns)
        .min(u64::MAX / 4);
    let seen = words.load(header::LAST_SEEN).min(u64::MAX / 4);
    let now = by_wall.max(seen).max(limits::COARSE_LAG_NS);
    words.store(header::CLOCK_OFFSET, now.wrapping_sub(host::coarse_ns()));
    words.publish(header::BOOT, host::boot_hash());
}
