//! Making one is rare and takes microseconds, so makers take turns: a word of the header holds the
//! process that is making a guard. Whoever finds that process dead takes its turn; what it had
//! begun has no id yet, and is written over. A process of another pid namespace cannot be judged,
//! and after [`TURN`] it is taken for dead; were it only stopped, one name could get two guards,
//! of which everybody who opens it later finds the first.

use crate::base::error::{Error, Result};
use crate::base::host::{self, Process};
use crate::base::sync::Ordering;
use crate::region::{Region, header};
use std::time::{Duration, Instant};

/// How long a maker waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// The right to make a guard, given back when dropped.
pub(in crate::guard) struct Turn<'a> {
    region: &'a Region,
    mine: u64,
}

const PID_BITS: u32 = 22;
const START_BITS: u32 = 32;

impl<'a> Turn<'a> {
    pub fn take(region: &'a Region) -> Result<Self> {
        let words = region.words();
        let Some(maker) = words.get(header::MAKER) else {
            return Err(Error::format("the region's header is damaged"));
        };
        let turn = Turn {
            region,
            mine: signature(Process::current()),
        };
        let begun = Instant::now();
        loop {
            let holder = maker.load(Ordering::Relaxed);
            let too_long = begun.elapsed() > TURN;
            if holder == 0 || is_dead(holder, too_long) {
                let taken =
                    maker.compare_exchange(holder, turn.mine, Ordering::AcqRel, Ordering::Relaxed);
                if taken.is_ok() {
                    return Ok(turn);
                }
            } else if too_long {
                return Err(Error::state(format!(
                    "process {} has been making a guard for {} seconds",
                    holder & ((1 << PID_BITS) - 1),
                    TURN.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    pub fn is_mine(&self) -> bool {
        self.region.words().acquire(header::MAKER) == self.mine
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(maker) = self.region.words().get(header::MAKER) {
            let _ = maker.compare_exchange(self.mine, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

/// A process in one word: number, start time, pid namespace.
fn signature(process: Process) -> u64 {
    let start = process.start_ticks & ((1 << START_BITS) - 1);
    let namespace = host::namespace("pid") & ((1 << (64 - PID_BITS - START_BITS)) - 1);
    (((namespace << START_BITS) | start) << PID_BITS) | u64::from(process.pid)
}

fn is_dead(holder: u64, too_long: bool) -> bool {
    let pid = (holder & ((1 << PID_BITS) - 1)) as u32;
    let namespace = holder >> (PID_BITS + START_BITS);
    let mine = signature(Process {
        pid,
        start_ticks: 0,
    }) >> (PID_BITS + START_BITS);
    if namespace != mine {
        return too_long;
    }
    Process::find(pid).is_none_or(|found| signature(found) != holder)
}
