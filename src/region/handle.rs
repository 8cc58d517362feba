//! Ids: what a caller keeps of a metric or guard, in one word.
//!
//! ```text
//! 63..60 kind | 59..40 region nonce | 39..24 generation | 23..0 entry
//! ```
//! The entry's first word holds the same number, so checking an id is one load and one compare:
//! a zero, stale, foreign or made-up id differs from it.

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum IdKind {
    /// A counter.
    Counter = 1,
    /// A gauge.
    Gauge = 2,
    /// A histogram.
    Histogram = 3,
    /// A limiter.
    Limiter = 4,
    /// A shard.
    Shard = 5,
    /// An operation.
    Operation = 6,
    /// A circuit breaker.
    Breaker = 7,
    /// A bulkhead.
    Bulkhead = 8,
    /// A retry policy.
    Retry = 9,
    /// An adaptive throttle.
    Throttle = 10,
    /// A chain of guards.
    Guard = 11,
    /// A ratio.
    Ratio = 12,
    /// An info metric.
    Info = 13,
    /// An enum metric.
    Enum = 14,
}

/// Bits of an entry's number.
const ENTRY_BITS: u32 = 24;
const GENERATION_BITS: u32 = 16;
const KIND_SHIFT: u32 = 60;

/// Makes an id.
pub fn pack(kind: IdKind, nonce: u64, generation: u64, entry: usize) -> u64 {
    (kind as u64) << KIND_SHIFT
        | (nonce & 0xf_ffff) << (ENTRY_BITS + GENERATION_BITS)
        | (generation & 0xffff) << ENTRY_BITS
        | entry as u64 & ((1 << ENTRY_BITS) - 1)
}

/// The entry that an id names.
#[inline(always)]
pub fn entry(id: u64) -> usize {
    (id & ((1 << ENTRY_BITS) - 1)) as usize
}

/// True when the id says that it is of `kind`.
#[inline(always)]
pub fn is(id: u64, kind: IdKind) -> bool {
    id >> KIND_SHIFT == kind as u64
}

/// The kind that an id says it is of.
pub fn kind(id: u64) -> Option<IdKind> {
    [
        IdKind::Counter,
        IdKind::Gauge,
        IdKind::Histogram,
        IdKind::Limiter,
        IdKind::Shard,
        IdKind::Operation,
        IdKind::Breaker,
        IdKind::Bulkhead,
        IdKind::Retry,
        IdKind::Throttle,
        IdKind::Guard,
        IdKind::Ratio,
        IdKind::Info,
        IdKind::Enum,
    ]
    .into_iter()
    .find(|kind| is(id, *kind))
}
