//! The processes attached to a region: number, start time, when they were last seen.
//!
//! An entry's first word is its owner: process number, start and pid namespace in one, or 0 when
//! free. An entry whose process is gone without closing is counted and freed by whoever next looks
//! for a place. Liveness can only be judged from the same pid namespace; processes of another one
//! are taken as alive.

use super::layout::Table;
use super::raw::Words;
use super::{Region, header};
use crate::base::error::{Error, Result};
use crate::base::host::Process;
use crate::base::sync::{AtomicU64, Ordering};

const OWNER: usize = 0;
const ATTACHED: usize = 1;
const HEARTBEAT: usize = 2;
/// Region time of the last heartbeat that the worker gave on purpose, plus one; 0 for none.
const PULSE: usize = 3;
/// 1 once the worker said that its startup is done.
const STARTED: usize = 4;

/// A process attached to the region.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Number of its entry.
    pub index: usize,
    /// Number of the process.
    pub pid: u32,
    /// The process in one word.
    pub owner: u64,
    /// Region time when it attached.
    pub attached_ns: u64,
    /// Region time of its last slow call.
    pub heartbeat_ns: u64,
    /// Region time of the last heartbeat that it gave on purpose, if it ever gave one.
    pub pulse_ns: Option<u64>,
    /// True once it said that its startup is done.
    pub started: bool,
    /// False when it is known to be gone.
    pub alive: bool,
}

/// Enters the calling process; refused when the table is full of living ones.
pub fn attach(region: &Region) -> Result<usize> {
    let words = region.words();
    let table = region.layout().workers;
    let me = Process::current().to_word();
    for round in 0..2 {
        for index in 0..table.count {
            let Some(entry) = table.entry(index) else {
                break;
            };
            let Some(owner) = words.get(entry + OWNER) else {
                break;
            };
            let holder = owner.load(Ordering::Relaxed);
            if holder != 0 && (round == 0 || !bury(words, owner, holder)) {
                continue;
            }
            if owner
                .compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                let now = region.clock().coarse();
                words.store(entry + ATTACHED, now);
                words.store(entry + HEARTBEAT, now);
                words.store(entry + PULSE, 0);
                words.store(entry + STARTED, 0);
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
    if words.load(entry + OWNER) == Process::current().to_word() {
        words.publish(entry + OWNER, 0);
    }
}

/// The process of entry `index` in one word.
#[inline(always)]
pub fn owner(region: &Region, index: usize) -> u64 {
    let entry = region.layout().workers.entry(index);
    entry.map_or(0, |entry| region.words().load(entry + OWNER))
}

/// Says that the process of entry `index` is at work now.
pub fn beat(region: &Region, index: usize, now: u64) {
    if let Some(entry) = region.layout().workers.entry(index) {
        region.words().store(entry + HEARTBEAT, now);
    }
}

/// Says that the process of entry `index` is not stuck now: a heartbeat on purpose.
pub fn pulse(region: &Region, index: usize, now: u64) {
    if let Some(entry) = region.layout().workers.entry(index) {
        region.words().store(entry + PULSE, now.saturating_add(1));
    }
}

/// Says that the startup of the process of entry `index` is done.
pub fn set_started(region: &Region, index: usize) {
    if let Some(entry) = region.layout().workers.entry(index) {
        region.words().store(entry + STARTED, 1);
    }
}

/// Every process with an entry, dead ones included.
pub fn list(words: Words, table: Table) -> Vec<Worker> {
    (0..table.count)
        .filter_map(|index| {
            let entry = table.entry(index)?;
            let owner = words.acquire(entry + OWNER);
            if owner == 0 {
                return None;
            }
            Some(Worker {
                index,
                pid: Process::pid_of(owner),
                owner,
                attached_ns: words.load(entry + ATTACHED),
                heartbeat_ns: words.load(entry + HEARTBEAT),
                pulse_ns: words.load(entry + PULSE).checked_sub(1),
                started: words.load(entry + STARTED) == 1,
                alive: !Process::is_known_dead(owner),
            })
        })
        .collect()
}

/// Frees the entry of a dead process; counted by the one that frees it. False while it lives.
fn bury(words: Words, owner: &AtomicU64, holder: u64) -> bool {
    let is_buried = Process::is_known_dead(holder)
        && owner
            .compare_exchange(holder, 0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
    if is_buried {
        words.add(header::WORKERS_DIED, 1);
    }
    is_buried
}
