//! Which word is which: the sections of a region, computed from its limits and from nothing else.
//!
//! ```text
//! word 0        header             magic, version, limits, clock, seed; totals of the engine
//!      512      workers            one entry an attached process
//!      …        shards             one entry a foreign writer's block of cells
//!      …        family index       name            -> family
//!      …        series index       name and labels -> series
//!      …        families           name, kind, unit, help, bound
//!      …        series             family, labels, block of the histogram
//!      …        limiters           name, policy, keyed table
//!      …        guards             name, policy and state of breakers, bulkheads, retries, …
//!      …        operations         series of a histogram with outcomes and errors
//!      …        events             a ring of what happened
//!      …        planes             one word a series in each: plane 0 atomic, plane 1+c for CPU c
//!      …        heap               texts, histograms, octaves, keyed tables, shards
//! ```

use crate::base::error::{Error, Result};
use crate::base::limits;

/// Words of the header.
pub const HEADER_WORDS: usize = if cfg!(loom) { 128 } else { 512 };
/// Words of a worker's entry.
pub const WORKER_WORDS: usize = 8;
/// Words of a shard's entry.
pub const SHARD_WORDS: usize = 8;
/// Words of a family's entry.
pub const FAMILY_WORDS: usize = 16;
/// Words of a series' entry.
pub const SERIES_WORDS: usize = 16;
/// Words of a limiter's entry.
pub const LIMITER_WORDS: usize = 32;
/// Words of the entry of any guard that is not a limiter.
pub const GUARD_WORDS: usize = 32;
/// Words of an operation's entry.
pub const OPERATION_WORDS: usize = 32;
/// Words of an event.
pub const EVENT_WORDS: usize = 8;
/// Series that can always overflow. A model's memory must be small: each word of it costs.
const OVERFLOW_SERIES: u64 = if cfg!(loom) { 1 } else { 64 };
/// Words of the smallest heap.
const LEAST_HEAP: usize = if cfg!(loom) { 64 } else { 4096 };
/// Columns in the planes that each limiter owns.
pub const LIMITER_COLUMNS: usize = 8;
/// Columns in the planes that each other guard owns.
pub const GUARD_COLUMNS: usize = 8;
/// Columns in the planes that each operation owns, beside those of its histogram.
pub const OPERATION_COLUMNS: usize = 4;

/// What a region is made for. Fixed for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the whole region in words.
    pub total_words: u64,
    /// Series, not counting the reserve for overflow series.
    pub max_series: u64,
    /// Series that share one name; further ones are counted in its overflow series.
    pub max_series_per_name: u64,
    /// Limiters.
    pub max_limiters: u64,
    /// Other guards: breakers, bulkheads, retries, throttles, chains.
    pub max_guards: u64,
    /// Operations.
    pub max_operations: u64,
    /// Events that the ring holds; a power of two.
    pub max_events: u64,
    /// Attached processes.
    pub max_workers: u64,
    /// Foreign writers.
    pub max_shards: u64,
    /// Per-CPU planes.
    pub stripes: u64,
    /// Length of a window's slot in nanoseconds.
    pub slot_ns: u64,
    /// 1 when time only moves when somebody advances it.
    pub manual_clock: u64,
}

impl Limits {
    /// How many words [`Limits::to_words`] gives.
    pub const WORDS: usize = 12;

    /// The limits as the header holds them.
    pub fn to_words(self) -> [u64; Self::WORDS] {
        [
            self.total_words,
            self.max_series,
            self.max_series_per_name,
            self.max_limiters,
            self.max_guards,
            self.max_operations,
            self.max_events,
            self.max_workers,
            self.max_shards,
            self.stripes,
            self.slot_ns,
            self.manual_clock,
        ]
    }

    /// The limits that a header holds; refused when no library could have made them.
    pub fn from_words(words: [u64; Self::WORDS]) -> Result<Self> {
        let limits = Limits {
            total_words: words[0],
            max_series: words[1],
            max_series_per_name: words[2],
            max_limiters: words[3],
            max_guards: words[4],
            max_operations: words[5],
            max_events: words[6],
            max_workers: words[7],
            max_shards: words[8],
            stripes: words[9],
            slot_ns: words[10],
            manual_clock: words[11],
        };
        let possible = limits.total_words <= limits::MAX_REGION_BYTES / 8
            && (1..=limits::MAX_SERIES).contains(&limits.max_series)
            && limits.max_series_per_name >= 1
            && limits.max_limiters <= limits::MAX_LIMITERS
            && limits.max_guards <= limits::MAX_GUARDS
            && limits.max_operations <= limits::MAX_OPERATIONS
            && limits.max_events <= limits::MAX_EVENTS
            && (limits.max_events == 0 || limits.max_events.is_power_of_two())
            && (1..=limits::MAX_WORKERS).contains(&limits.max_workers)
            && limits.max_shards <= limits::MAX_SHARDS
            && limits.stripes <= limits::MAX_STRIPES
            && (1_000_000..=(limits::MAX_WINDOW_SECONDS as u64) * 1_000_000_000)
                .contains(&limits.slot_ns)
            && limits.manual_clock <= 1;
        if possible {
            Ok(limits)
        } else {
            Err(Error::format("the region's limits are impossible"))
        }
    }

    /// Series entries: the limit, and a reserve for overflow series.
    pub fn series_slots(self) -> u64 {
        self.max_series + (self.max_series / 8).max(OVERFLOW_SERIES)
    }
}

/// A table of equal entries.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// First word.
    pub at: usize,
    /// Entries.
    pub count: usize,
    /// Words of an entry.
    pub stride: usize,
}

impl Table {
    /// First word of entry `index`, if there is such an entry.
    #[inline(always)]
    pub fn entry(self, index: usize) -> Option<usize> {
        if index < self.count {
            Some(self.at + index * self.stride)
        } else {
            None
        }
    }
}

/// Where each section begins.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// What it was computed from.
    pub limits: Limits,
    /// Attached processes.
    pub workers: Table,
    /// Foreign writers' blocks.
    pub shards: Table,
    /// Open-addressed index of family names, each once as given and once as exported; a power of two.
    pub family_index: Table,
    /// Open-addressed index of series; a power of two.
    pub series_index: Table,
    /// Families.
    pub families: Table,
    /// Series.
    pub series: Table,
    /// Limiters.
    pub limiters: Table,
    /// Other guards.
    pub guards: Table,
    /// Operations.
    pub operations: Table,
    /// The ring of events; a power of two, or none.
    pub events: Table,
    /// Planes: entry 0 is the atomic plane, entry 1 + c is CPU c's; the stride is the columns.
    pub planes: Table,
    /// First word of the heap, which ends with the region.
    pub heap: usize,
}

impl Layout {
    /// Computes the sections; refused when they do not fit in `limits.total_words`.
    pub fn of(limits: Limits) -> Result<Self> {
        let mut next = HEADER_WORDS;
        let mut table = |count: u64, stride: usize| {
            let table = Table {
                at: next,
                count: count as usize,
                stride,
            };
            next = (next + table.count * stride).next_multiple_of(16);
            table
        };
        let series_slots = limits.series_slots();
        let index_slots = (series_slots * 2).next_power_of_two();
        let columns = (series_slots as usize
            + limits.max_limiters as usize * LIMITER_COLUMNS
            + limits.max_guards as usize * GUARD_COLUMNS
            + limits.max_operations as usize * OPERATION_COLUMNS)
            .next_multiple_of(16);
        let workers = table(limits.max_workers, WORKER_WORDS);
        let shards = table(limits.max_shards, SHARD_WORDS);
        let family_index = table(index_slots * 2, 1);
        let series_index = table(index_slots, 1);
        let families = table(series_slots, FAMILY_WORDS);
        let series = table(series_slots, SERIES_WORDS);
        let limiters = table(limits.max_limiters, LIMITER_WORDS);
        let guards = table(limits.max_guards, GUARD_WORDS);
        let operations = table(limits.max_operations, OPERATION_WORDS);
        let events = table(limits.max_events, EVENT_WORDS);
        let planes = table(1 + limits.stripes, columns);
        let heap = next;
        // Per-CPU words are checked with a whole stride behind the last of them.
        let least = heap + columns.max(LEAST_HEAP);
        if (limits.total_words as usize) < least {
            return Err(Error::config(format!(
                "region.size_bytes is {} but {} series, {} limiters and {} CPUs need at least {}",
                limits.total_words * 8,
                limits.max_series,
                limits.max_limiters,
                limits.stripes,
                least * 8,
            )));
        }
        Ok(Layout {
            limits,
            workers,
            shards,
            family_index,
            series_index,
            families,
            series,
            limiters,
            guards,
            operations,
            events,
            planes,
            heap,
        })
    }

    /// The column of the planes where limiter `index` keeps tally number `tally`.
    #[inline(always)]
    pub fn limiter_column(&self, index: usize, tally: usize) -> usize {
        self.series.count + index * LIMITER_COLUMNS + tally
    }

    /// The column of the planes where guard `index` keeps tally number `tally`.
    #[inline(always)]
    pub fn guard_column(&self, index: usize, tally: usize) -> usize {
        self.limiter_column(self.limiters.count, 0) + index * GUARD_COLUMNS + tally
    }

    /// The column of the planes where operation `index` keeps tally number `tally`.
    #[inline(always)]
    pub fn operation_column(&self, index: usize, tally: usize) -> usize {
        self.guard_column(self.guards.count, 0) + index * OPERATION_COLUMNS + tally
    }
}
