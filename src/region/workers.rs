//! The processes attached to a region: number, start time, when they were last seen.
//!
//! An entry's first word is its owner: process number, or 0 when free. An entry whose process is
//! gone without closing is counted and freed by whoever next looks for a place. Liveness can only
//! be judged from the same pid namespace; entries of another one are taken as alive.

use super::layout::Table;
use super::raw::Words;
use super::{Region, header};
use crate::base::error::{Error, Result};
use crate::base::host::{self, Process};
use crate::base::sync::Ordering;

const OWNER: usize = 0;
const START: usize = 1;
const NAMESPACE: usize = 2;
const ATTACHED: usize = 3;
const HEARTBEAT: usize = 4;

/// A process attached to the region.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Number of its entry.
    pub index: usize,
    /// The process.
    pub process: Process,
    /// Region time when it attached.
    pub attached_ns: u64,
    /// Region time of its last slow call.
    pub heartbeat_ns: u64,
    /// False when it is known to be gone.
    pub alive: bool,
}

/// Enters the calling process; refused when the table is full of living ones.
pub fn attach(region: &Region) -> Result<usize> {
    let words = region.words();
    let table = region.layout().workers;
    let me = Process::current();
    let namespace = host::namespace("pid");
    for round in 0..2 {
        for index in 0..table.count {
            let Some(entry) = table.entry(index) else {
                break;
            };
            let Some(owner) = words.get(entry + OWNER) else {
                break;
            };
            if owner.load(Ordering::Relaxed) != 0 {
                if round == 0 || is_alive(words, entry, namespace) {
                    continue;
                }
                bury(words, entry);
            }
            if owner
                .compare_exchange(0, me.pid.into(), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                let now = region.clock().coarse();
                words.store(entry + START, me.start_ticks);
                words.store(entry + NAMESPACE, namespace);
                words.store(entry + ATTACHED, now);
                words.store(entry + HEARTBEAT, now);
                words.add(header::WORKERS_ATTACHED, 1);
                return Ok(index);
            }
        }
    }
    words.add(header::WORKERS_REFUSED, 1);
    Err(Error::capacity(format!(
        "all {} places for processes are taken",
        table.count
    )))
}

/// Frees the entry of the calling process.
pub fn detach(region: &Region, index: usize) {
    let words = region.words();
    let Some(entry) = region.layout().workers.entry(index) else {
        return;
    };
    if words.load(entry + OWNER) == u64::from(std::process::id()) {
        words.store(entry + START, 0);
        words.publish(entry + OWNER, 0);
    }
}

/// Says that the process of entry `index` is at work now.
pub fn beat(region: &Region, index: usize, now: u64) {
    if let Some(entry) = region.layout().workers.entry(index) {
        region.words().store(entry + HEARTBEAT, now);
    }
}

/// Every process with an entry, dead ones included.
pub fn list(words: Words, table: Table) -> Vec<Worker> {
    let namespace = host::namespace("pid");
    (0..table.count)
        .filter_map(|index| {
            let entry = table.entry(index)?;
            let pid = words.acquire(entry + OWNER);
            if pid == 0 {
                return None;
            }
            Some(Worker {
                index,
                process: Process {
                    pid: pid as u32,
                    start_ticks: words.load(entry + START),
                },
                attached_ns: words.load(entry + ATTACHED),
                heartbeat_ns: words.load(entry + HEARTBEAT),
                alive: is_alive(words, entry, namespace),
            })
        })
        .collect()
}

fn is_alive(words: Words, entry: usize, namespace: u64) -> bool {
    let start_ticks = words.load(entry + START);
    if words.load(entry + NAMESPACE) != namespace && start_ticks != 0 {
        return true;
    }
    let process = Process {
        pid: words.load(entry + OWNER) as u32,
        start_ticks,
    };
    // Killed between taking the entry and writing its start: the number alone decides.
    if start_ticks == 0 {
        return std::path::Path::new(&format!("/proc/{}", process.pid)).exists();
    }
    process.is_alive()
}

/// Frees a dead process's entry; counted by the one that frees it.
fn bury(words: Words, entry: usize) {
    let Some(owner) = words.get(entry + OWNER) else {
        return;
    };
    let pid = owner.load(Ordering::Relaxed);
    let start = words.load(entry + START);
    if pid == 0 || words.load(entry + OWNER) != pid || words.load(entry + START) != start {
        return;
    }
    if owner
        .compare_exchange(pid, 0, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
    {
        words.add(header::WORKERS_DIED, 1);
    }
}
