//! One model for each publish of several steps: every order in which a few threads can take them,
//! up to a bound of preemptions, with the smallest memory that they need.
//!
//! | file | claim |
//! |---|---|
//! | `slots` | two claimers never share an entry; one name is found once |
//! | `checkpoint` | one recorder takes a checkpoint; a reader sees all of it or none |
//! | `notes` | a note is read whole or not at all; a distinct text is there once, every count of it kept |
//! | `octave` | the first records of an octave are all counted in one octave |
//! | `planes` | no add is lost; two owners never share a shard |
//! | `shares` | a new process loses no add to its share of a gauge, and inherits nothing |
//! | `slowest` | the slowest call stays, all are whole; the floor is never above it, whoever comes late |
//!
//! The stolen claim and the overlapping slots also hold with one preemption more, which takes eleven
//! minutes; all others together take about one.
//!
//! The operating system is not modelled: clocks stand still and all threads are one process.

mod checkpoint;
mod notes;
mod octave;
mod planes;
mod shares;
mod slots;
mod slowest;

use crate::cell::histogram::{self, Histogram};
use crate::cell::planes::Planes;
use crate::region::Region;
use crate::region::layout::Limits;
use std::sync::Arc;

/// Explores every order with at most `preemptions` switches that no thread asked for.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 100_000;
    builder.check(model);
}

/// A region of a few hundred words, and its planes.
struct Memory {
    region: Region,
    planes: Planes,
}

impl Memory {
    fn new() -> Arc<Self> {
        let limits = Limits {
            total_words: 1024,
            max_series: 2,
            max_series_per_name: 2,
            max_limiters: 0,
            max_guards: 0,
            max_operations: 0,
            max_events: 0,
            max_workers: 1,
            max_shards: 2,
            stripes: 0,
            slot_ns: SLOT_NS,
            manual_clock: 1,
        };
        let region = Region::heap(limits).expect("a region");
        let planes = Planes::of(&region);
        Arc::new(Memory { region, planes })
    }

    /// An empty histogram, of series 0.
    fn histogram(&self) -> usize {
        histogram::create(&self.region, 3).expect("room")
    }

    /// The histogram of `block`.
    fn at(&self, block: usize) -> Histogram<'_> {
        Histogram::new(&self.region, &self.planes, block, 0)
    }
}

/// A slot of the windows.
const SLOT_NS: u64 = 1_000_000_000;
