//! UNSAFE. Two adjacent words that change together: who an entry belongs to, and its state.
//!
//! A compare-and-swap of 16 bytes (6.4 ns against 2.9 for 8) makes it impossible for an entry to
//! change its owner under a caller that is about to charge it, or to be left half changed by a
//! process that was killed. Every x86-64 since 2005 and every aarch64 has it.

use crate::base::sync::{AtomicU64, Ordering};
use crate::region::raw::Words;

/// Two words at an even address.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Pair<'a> {
    /// The pair at word `at`, which must be even, if it exists.
    #[inline(always)]
    pub fn at(words: Words, at: usize) -> Option<Self> {
        if !at.is_multiple_of(2) {
            return None;
        }
        Some(Pair {
            words: words.slice(at, 2)?,
        })
    }

    /// Word `at` of these and the next one, if they can change together.
    #[inline(always)]
    pub fn of<const N: usize>(words: &'a [AtomicU64; N], at: usize) -> Option<Self> {
        let words = words.get(at..at + 2)?;
        // Models and interpreters have no instruction that wants it, nor memory that has it.
        let fits = cfg!(any(loom, miri)) || words.as_ptr().addr().is_multiple_of(16);
        fits.then_some(Pair { words })
    }
}

#[cfg(not(loom))]
impl Pair<'_> {
    /// The first word alone.
    #[inline(always)]
    pub fn first(self) -> u64 {
        Self::first_of(&self.words[0])
    }

    /// The first word of the pair that begins with `word`.
    #[inline(always)]
    pub fn first_of(word: &AtomicU64) -> u64 {
        word.load(Ordering::Relaxed)
    }

    /// Both words, of the same moment only if a later [`Pair::swap`] from them succeeds.
    #[inline(always)]
    pub fn load(self) -> (u64, u64) {
        (
            self.words[0].load(Ordering::Relaxed),
            self.words[1].load(Ordering::Relaxed),
        )
    }

    /// Puts `new` in place of `old`; false when something else was there. Sequentially consistent.
    #[inline(always)]
    pub fn swap(self, old: (u64, u64), new: (u64, u64)) -> bool {
        // SAFETY: the slice holds two words, and `at` gave only even, hence 16-aligned, addresses.
        unsafe { arch::swap(self.words.as_ptr().cast_mut().cast(), old, new) }
    }
}

/// Under loom both halves are squeezed into one word of 32 and 32 bits, which loom can swap.
#[cfg(loom)]
impl Pair<'_> {
    /// The first word.
    pub fn first(self) -> u64 {
        self.load().0
    }

    /// The first word of the pair that begins at `word`.
    pub fn first_of(word: &AtomicU64) -> u64 {
        word.load(Ordering::SeqCst) >> 32
    }

    /// Both words.
    pub fn load(self) -> (u64, u64) {
        let word = self.words[0].load(Ordering::SeqCst);
        (word >> 32, word & 0xffff_ffff)
    }

    /// Puts `new` in place of `old`; false when something else was there.
    pub fn swap(self, old: (u64, u64), new: (u64, u64)) -> bool {
        let squeeze = |(first, second): (u64, u64)| first << 32 | second & 0xffff_ffff;
        self.words[0]
            .compare_exchange(
                squeeze(old),
                squeeze(new),
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    }
}

#[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
mod arch {
    use std::arch::asm;

    /// # Safety
    /// `at` is the 16-aligned address of two words of ours.
    #[inline(always)]
    pub unsafe fn swap(at: *mut u64, old: (u64, u64), new: (u64, u64)) -> bool {
        let done: u8;
        // SAFETY: by the contract above. The instruction wants a half in rbx, which the compiler
        // may use for itself: it is swapped in and put back, and all other operands are pinned so
        // that none of them can be in it.
        unsafe {
            asm!(
                "xchg rsi, rbx",
                "lock cmpxchg16b [rdi]",
                "sete r8b",
                "mov rbx, rsi",
                inout("rsi") new.0 => _,
                in("rdi") at,
                out("r8b") done,
                inout("rax") old.0 => _,
                inout("rdx") old.1 => _,
                in("rcx") new.1,
                options(nostack),
            );
        }
        done != 0
    }
}

#[cfg(all(target_arch = "aarch64", not(miri), not(loom)))]
mod arch {
    use std::arch::{asm, is_aarch64_feature_detected};

    /// # Safety
    /// `at` is the 16-aligned address of two words of ours.
    #[inline(always)]
    pub unsafe fn swap(at: *mut u64, old: (u64, u64), new: (u64, u64)) -> bool {
        // SAFETY: by the contract above, and only where the processor has the instruction.
        unsafe {
            if is_aarch64_feature_detected!("lse") {
                swap_at_once(at, old, new)
            } else {
                swap_in_a_loop(at, old, new)
            }
        }
    }

    /// One instruction, of ARMv8.1. Both swaps end with a full fence: releasing and acquiring alone,
    /// the new words could become visible after what the caller reads next.
    ///
    /// # Safety
    /// As [`swap`], on a processor with LSE.
    #[inline(always)]
    unsafe fn swap_at_once(at: *mut u64, old: (u64, u64), new: (u64, u64)) -> bool {
        let (low, high): (u64, u64);
        // SAFETY: by the contract above. The instruction wants pairs that begin at an even register.
        unsafe {
            asm!(
                ".arch_extension lse",
                "caspal x4, x5, x6, x7, [{at}]",
                "dmb ish",
                at = in(reg) at,
                inout("x4") old.0 => low,
                inout("x5") old.1 => high,
                in("x6") new.0,
                in("x7") new.1,
                options(nostack),
            );
        }
        (low, high) == old
    }

    /// # Safety
    /// As [`swap`].
    #[inline(never)]
    unsafe fn swap_in_a_loop(at: *mut u64, old: (u64, u64), new: (u64, u64)) -> bool {
        let done: u64;
        // SAFETY: by the contract above. Words that differ from `old` may be of two moments, which
        // is a failed swap either way.
        unsafe {
            asm!(
                "2:",
                "ldaxp {low}, {high}, [{at}]",
                "cmp {low}, {old_low}",
                "ccmp {high}, {old_high}, #0, eq",
                "b.ne 3f",
                "stlxp {failed:w}, {new_low}, {new_high}, [{at}]",
                "cbnz {failed:w}, 2b",
                "mov {done}, #1",
                "b 4f",
                "3:",
                "clrex",
                "mov {done}, #0",
                "4:",
                "dmb ish",
                at = in(reg) at,
                old_low = in(reg) old.0,
                old_high = in(reg) old.1,
                new_low = in(reg) new.0,
                new_high = in(reg) new.1,
                low = out(reg) _,
                high = out(reg) _,
                failed = out(reg) _,
                done = out(reg) done,
                options(nostack),
            );
        }
        done != 0
    }
}

/// An interpreter has no assembly: one lock for all pairs, correct inside one process.
#[cfg(all(miri, not(loom)))]
mod arch {
    use crate::base::sync::{AtomicU64, Ordering};
    use std::sync::Mutex;

    static ALL: Mutex<()> = Mutex::new(());

    /// # Safety
    /// `at` is the address of two words of ours.
    pub unsafe fn swap(at: *mut u64, old: (u64, u64), new: (u64, u64)) -> bool {
        let _held = ALL.lock();
        // SAFETY: by the contract above.
        let (first, second) =
            unsafe { (&*at.cast::<AtomicU64>(), &*at.add(1).cast::<AtomicU64>()) };
        let same = first.load(Ordering::SeqCst) == old.0 && second.load(Ordering::SeqCst) == old.1;
        if same {
            first.store(new.0, Ordering::SeqCst);
            second.store(new.1, Ordering::SeqCst);
        }
        same
    }
}
