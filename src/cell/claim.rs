//! The right to write what only one thread may write at a time, without a lock.
//!
//! A claim is one word: for what, and when. Who finds it taken goes without. A claim older than
//! [`STEAL_MS`] is taken over: its owner was killed or stopped. A stopped owner that wakes up finds
//! the claim changed before each word that it writes, and each write is a compare-and-swap from the
//! word that it saw before it checked, so it changes nothing.

use crate::base::sync::{AtomicU64, Ordering};

/// After this long a claim is somebody else's to take.
pub(super) const STEAL_MS: u64 = 250;

/// The right to write one thing.
pub(super) struct Claim<'a> {
    word: &'a AtomicU64,
    mine: u64,
}

impl<'a> Claim<'a> {
    /// Claims what belongs to `slot`; None while somebody else is at it.
    pub(super) fn take(word: &'a AtomicU64, slot: u64, now: u64) -> Option<Self> {
        const MS_BITS: u32 = 24;
        let ms = (now / 1_000_000) & ((1 << MS_BITS) - 1);
        let mine = (slot + 1) << MS_BITS | ms;
        let held = word.load(Ordering::Acquire);
        if held >> MS_BITS == slot + 1 {
            let age = ms.wrapping_sub(held) & ((1 << MS_BITS) - 1);
            // Its owner may also have read the clock later than this caller, which came late.
            let is_ahead = age > (1 << MS_BITS) - 60_000;
            if age < STEAL_MS || is_ahead {
                return None;
            }
        }
        word.compare_exchange(held, mine, Ordering::AcqRel, Ordering::Relaxed)
            .ok()?;
        Some(Claim { word, mine })
    }

    /// False when it was taken over.
    pub(super) fn is_held(&self) -> bool {
        self.word.load(Ordering::Acquire) == self.mine
    }

    /// Gives it back, for the next one to take at once.
    pub(super) fn release(self) {
        let _ = self
            .word
            .compare_exchange(self.mine, 0, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Writes `value` to `word`, which only holders of the claim write; false when it was lost.
    /// Whoever lost it after the look changes nothing that the next holder has written.
    pub(super) fn put(&self, word: &AtomicU64, value: u64) -> bool {
        let before = word.load(Ordering::Acquire);
        if !self.is_held() {
            return false;
        }
        let _ = word.compare_exchange(before, value, Ordering::AcqRel, Ordering::Relaxed);
        true
    }
}
