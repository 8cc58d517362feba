//! UNSAFE, one of the few places: memory mappings, and the checked slice of words over them.
//!
//! A [`Mapping`] owns pages; [`Words`] lends them as atomic 64-bit words, addressed by number and
//! checked on every access. A hostile peer or a damaged file can thus cause wrong numbers, never
//! undefined behaviour: every bit pattern is a valid word, and every shared access is atomic.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use crate::base::error::{Error, Result};
use crate::base::sync::{AtomicU64, Ordering, load_acquire};
use std::fs::File;
use std::io;
use std::ptr::NonNull;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// Pages of this process that hold a region; unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    words: Words,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Mapped,
    Heap,
}

/// The words of a region. Copies are cheap; the [`Mapping`] must outlive them all, which the
/// engine guarantees by owning it.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    base: NonNull<AtomicU64>,
    len: usize,
}

/// Entries of `N` words each, one after the other, all of which exist: so that finding one that is
/// asked for with every call takes one comparison. Else as [`Words`].
#[derive(Clone, Copy, Debug)]
pub struct Entries<const N: usize> {
    base: NonNull<[AtomicU64; N]>,
    count: usize,
}

// SAFETY: the memory is only ever reached as atomic words.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}
// SAFETY: as above.
unsafe impl<const N: usize> Send for Entries<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for Entries<N> {}

impl Mapping {
    /// Maps `len` zero words without a name: shared with children forked later, or private.
    pub fn anonymous(len: usize, shared: bool) -> Result<Self> {
        Self::of(system::map_anonymous(len * 8, shared), len)
    }

    /// Maps the first `len` words of `file`, which must be at least that long.
    pub fn file(file: &File, len: usize, writable: bool) -> Result<Self> {
        Self::of(system::map_file(file, len * 8, writable), len)
    }

    fn of(pages: io::Result<NonNull<u8>>, len: usize) -> Result<Self> {
        let base =
            pages.map_err(|cause| Error::os(format_args!("map {} bytes", len * 8), &cause))?;
        Ok(Mapping {
            words: Words {
                base: base.cast(),
                len,
            },
            kind: Kind::Mapped,
        })
    }

    /// Words on the plain heap: for models and interpreters that cannot map memory.
    pub fn heap(len: usize) -> Self {
        let mut words: Vec<AtomicU64> = Vec::with_capacity(len);
        words.resize_with(len, || AtomicU64::new(0));
        let base = NonNull::from(Box::leak(words.into_boxed_slice())).cast();
        Mapping {
            words: Words { base, len },
            kind: Kind::Heap,
        }
    }

    /// The words.
    pub fn words(&self) -> Words {
        self.words
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let Words { base, len } = self.words;
        match self.kind {
            // SAFETY: `base` and `len` are those of the mapping, and its owner is gone.
            Kind::Mapped => unsafe { system::unmap(base.cast(), len * 8) },
            // SAFETY: the box was leaked by `heap` with this length.
            Kind::Heap => unsafe {
                drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(
                    base.as_ptr(),
                    len,
                )));
            },
        }
    }
}

impl Words {
    /// How many words there are.
    #[expect(clippy::len_without_is_empty, reason = "no region is empty")]
    #[inline(always)]
    pub fn len(self) -> usize {
        self.len
    }

    /// Word number `at`, if there is one.
    #[inline(always)]
    pub fn get<'a>(self, at: usize) -> Option<&'a AtomicU64> {
        if at < self.len {
            // SAFETY: `at` is inside the mapping, which its owner keeps while `Words` are in use;
            // pages are at least 8-aligned, and every access to them is atomic.
            Some(unsafe { self.base.add(at).as_ref() })
        } else {
            None
        }
    }

    /// The `count` words from `at`, if all of them exist.
    #[inline(always)]
    pub fn slice<'a>(self, at: usize, count: usize) -> Option<&'a [AtomicU64]> {
        if at <= self.len && count <= self.len - at {
            // SAFETY: as in `get`, for each word of the range.
            Some(unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(at), count) })
        } else {
            None
        }
    }

    /// The `count` words from `at` as words of their own, if all of them exist.
    pub fn part(self, at: usize, count: usize) -> Option<Words> {
        self.slice(at, count).map(|words| Words {
            base: NonNull::from(words).cast(),
            len: count,
        })
    }

    /// The `count` entries of `N` words from `at`, if all of them exist.
    pub fn entries<const N: usize>(self, at: usize, count: usize) -> Option<Entries<N>> {
        let words = self.slice(at, count.checked_mul(N)?)?;
        Some(Entries {
            base: NonNull::from(words).cast(),
            count,
        })
    }

    /// None of these words.
    pub fn none(self) -> Words {
        Words { len: 0, ..self }
    }

    /// Where the first word is.
    #[inline(always)]
    pub fn as_ptr(self) -> *const AtomicU64 {
        self.base.as_ptr()
    }

    /// Says that word `at` will be read soon.
    #[inline(always)]
    pub fn prefetch(self, at: usize) {
        #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let word = self.base.as_ptr().wrapping_add(at);
            // SAFETY: a hint, for whatever address: it reads nothing that could be seen, and faults
            // are not taken.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(word.cast()) };
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
        let _ = at;
    }

    /// The value of word `at`; 0 where there is none.
    #[inline(always)]
    pub fn load(self, at: usize) -> u64 {
        self.get(at).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The value of word `at`, and all that was written before it was published; 0 where there is
    /// none.
    #[inline(always)]
    pub fn acquire(self, at: usize) -> u64 {
        self.get(at).map_or(0, load_acquire)
    }

    /// Writes word `at`; nothing where there is none.
    #[inline(always)]
    pub fn store(self, at: usize, value: u64) {
        if let Some(word) = self.get(at) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Publishes `value` in word `at` together with all that was written before.
    #[inline(always)]
    pub fn publish(self, at: usize, value: u64) {
        if let Some(word) = self.get(at) {
            word.store(value, Ordering::Release);
        }
    }

    /// Adds `amount` to word `at`; nothing where there is none.
    #[inline(always)]
    pub fn add(self, at: usize, amount: u64) {
        if let Some(word) = self.get(at) {
            word.fetch_add(amount, Ordering::Relaxed);
        }
    }
}

impl<const N: usize> Entries<N> {
    /// Entry number `index`, if there is one.
    #[inline(always)]
    pub fn get<'a>(self, index: usize) -> Option<&'a [AtomicU64; N]> {
        if index < self.count {
            // SAFETY: `entries` found that many inside the mapping; else as in `Words::get`.
            Some(unsafe { self.base.add(index).as_ref() })
        } else {
            None
        }
    }
}
