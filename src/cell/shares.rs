//! A number of which each attached process has its own share.
//!
//! ```text
//! for each place in the table of workers   claim | owner | value
//! ```
//!
//! A share counts while its owner is the process that has that place in the table of workers: when a
//! process closes or dies, its share is gone, without anybody doing anything. The first thread of a
//! new process at the place claims it, empties it and signs it; the others wait for those few
//! instructions, which only a death of the whole process can interrupt.

use super::rseq;
use crate::base::sync::{AtomicU64, Ordering};
use crate::region::Region;

const CLAIM: usize = 0;
const OWNER: usize = 1;
const VALUE: usize = 2;
const SHARE_WORDS: usize = 3;

/// How often a thread looks whether another one of its process has signed.
const LOOKS: usize = if cfg!(loom) { 1000 } else { 100_000 };

/// Words of all shares of one number.
pub fn block_words(region: &Region) -> usize {
    region.layout().workers.count * SHARE_WORDS
}

/// The shares of one number.
#[derive(Clone, Copy, Debug)]
pub struct Shares<'r> {
    region: &'r Region,
    block: usize,
}

impl<'r> Shares<'r> {
    /// The shares from word `block`.
    #[inline(always)]
    pub fn at(region: &'r Region, block: usize) -> Self {
        Shares { region, block }
    }

    #[inline(always)]
    fn share(&self, place: usize) -> Option<&'r [AtomicU64]> {
        let at = self.block.checked_add(place.checked_mul(SHARE_WORDS)?)?;
        self.region.words().slice(at, SHARE_WORDS)
    }

    /// Sets the share of the process `owner` at `place`.
    #[inline(always)]
    pub fn set(&self, place: usize, owner: u64, value: f64) {
        if let Some(share) = self.share(place) {
            sign(share, owner);
            share[VALUE].store(value.to_bits(), Ordering::Relaxed);
        }
    }

    /// Adds to it.
    #[inline(always)]
    pub fn add(&self, place: usize, owner: u64, delta: f64) {
        if let Some(share) = self.share(place) {
            sign(share, owner);
            rseq::add_f64(&share[VALUE], delta);
        }
    }

    /// The share of the process `owner` at `place`; None when it has none.
    pub fn of(&self, place: usize, owner: u64) -> Option<f64> {
        let share = self.share(place)?;
        let is_its = crate::base::sync::load_acquire(&share[OWNER]) == owner;
        is_its.then(|| f64::from_bits(share[VALUE].load(Ordering::Relaxed)))
    }
}

#[inline(always)]
fn sign(share: &[AtomicU64], owner: u64) {
    if share[OWNER].load(Ordering::Acquire) != owner {
        sign_first(share, owner);
    }
}

#[cold]
#[inline(never)]
fn sign_first(share: &[AtomicU64], owner: u64) {
    let claimed = share[CLAIM].load(Ordering::Acquire);
    let is_mine = claimed != owner
        && share[CLAIM]
            .compare_exchange(claimed, owner, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
    if is_mine {
        share[VALUE].store(0, Ordering::Relaxed);
        share[OWNER].store(owner, Ordering::Release);
        return;
    }
    for _ in 0..LOOKS {
        if share[OWNER].load(Ordering::Acquire) == owner {
            return;
        }
        #[cfg(loom)]
        loom::thread::yield_now();
        #[cfg(not(loom))]
        std::hint::spin_loop();
    }
}
