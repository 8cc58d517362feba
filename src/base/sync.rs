//! The atomics that everyone uses: the standard library's, or loom's in a model.
//!
//! Nothing else in the crate names `std::sync::atomic`, so that `--cfg loom` turns every
//! publishing protocol into a model that loom can explore.

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Loads with acquire semantics from memory that may be mapped read-only.
///
/// The standard library promises only relaxed loads on read-only pages; a relaxed load followed
/// by an acquire fence is the form that it documents for them.
#[inline(always)]
pub fn load_acquire(word: &AtomicU64) -> u64 {
    let value = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    value
}
