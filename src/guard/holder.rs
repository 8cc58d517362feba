//! Who is inside: a process in the 46 bits that one word has to spare.
//!
//! Number (22 bits), start (16 bits of clock ticks, which come again after eleven minutes), pid
//! namespace (8 bits). A process that got the number of a dead one at another start is told apart
//! from it but once in 65,536 times; then the dead one's permits come back when it ends, too. One of
//! another pid namespace cannot be asked for, and is taken as alive.

use crate::base::host::{self, Process};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a holder.
pub(super) const BITS: u32 = 46;

const PID_BITS: u32 = 22;
const START_BITS: u32 = 16;
const NAMESPACE_SHIFT: u32 = PID_BITS + START_BITS;

/// A process, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder(pub u64);

impl Holder {
    /// The calling process.
    #[inline(always)]
    pub fn current() -> Self {
        match Self::known() {
            Some(holder) => holder,
            None => find_out(),
        }
    }

    /// The calling process, if it found out already.
    #[inline(always)]
    pub fn known() -> Option<Self> {
        let known = KNOWN.load(Ordering::Relaxed);
        let is_mine = known & MASK != 0 && known >> BITS == host::forks() & FORKS_MASK;
        is_mine.then_some(Holder(known & MASK))
    }

    /// The process' number.
    pub fn pid(self) -> u32 {
        (self.0 & ((1 << PID_BITS) - 1)) as u32
    }

    /// True when the process is known to be gone. Asks the operating system.
    pub fn is_known_dead(self) -> bool {
        let here = Self::of(Process {
            pid: 0,
            start_ticks: 0,
        });
        self.0 >> NAMESPACE_SHIFT == here.0 >> NAMESPACE_SHIFT
            && Process::find(self.pid()).is_none_or(|found| Self::of(found) != self)
    }

    fn of(process: Process) -> Self {
        let namespace = host::namespace("pid") & 0xff;
        let start = process.start_ticks & ((1 << START_BITS) - 1);
        Holder(
            namespace << NAMESPACE_SHIFT
                | start << PID_BITS
                | u64::from(process.pid) & ((1 << PID_BITS) - 1),
        )
    }
}

const MASK: u64 = (1 << BITS) - 1;
const FORKS_MASK: u64 = u64::MAX >> BITS;

/// The calling process, and how many forks it had behind it when it found out.
static KNOWN: AtomicU64 = AtomicU64::new(0);

#[cold]
#[inline(never)]
fn find_out() -> Holder {
    let forks = host::forks() & FORKS_MASK;
    let me = Holder::of(Process::current());
    KNOWN.store(forks << BITS | me.0, Ordering::Relaxed);
    me
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_started_at_another_time_does_not() {
        let me = Holder::current();
        assert_eq!(me.pid(), std::process::id());
        assert!(!me.is_known_dead());
        assert!(Holder(me.0 ^ 1 << PID_BITS).is_known_dead());
        // Another pid namespace: nobody can know.
        assert!(!Holder(me.0 ^ 1 << PID_BITS ^ 1 << NAMESPACE_SHIFT).is_known_dead());
    }
}
