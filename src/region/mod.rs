//! Memory that other processes can see: words, sections, attached processes, time. Knows no
//! metric and no guard.
//!
//! The drawing of the whole map is in [`layout`].

pub mod clock;
pub mod create;
pub mod events;
pub mod handle;
pub mod header;
pub mod layout;
pub mod plan;
pub mod raw;
pub mod reports;
pub mod slots;
pub mod text;
pub mod workers;

use crate::base::error::{Error, Result};
use crate::base::hash::Secrets;
use crate::base::host;
use crate::base::sync::{AtomicU64, Ordering};
use clock::Clock;
use header::Header;
use layout::{GUARD_WORDS, LIMITER_WORDS, Layout, Limits};
use raw::{Entries, Mapping, Words};
use std::path::{Path, PathBuf};

/// One block of memory with everything in it.
#[derive(Debug)]
pub struct Region {
    mapping: Mapping,
    layout: Layout,
    header: Header,
    keys: Secrets,
    names: Secrets,
    clock: Clock,
    limiters: Entries<LIMITER_WORDS>,
    guards: Entries<GUARD_WORDS>,
    writable: bool,
    path: Option<PathBuf>,
}

impl Region {
    /// Makes a region without a name: shared with children forked later, or private.
    pub fn anonymous(limits: Limits, service: &str, shared: bool) -> Result<Self> {
        let layout = Layout::of(limits)?;
        let mapping = Mapping::anonymous(limits.total_words as usize, shared)?;
        Self::fill(&mapping, layout, service)?;
        Self::adopt(mapping, true, None)
    }

    /// Makes a region on the plain heap, for models and interpreters.
    pub fn heap(limits: Limits) -> Result<Self> {
        let layout = Layout::of(limits)?;
        let mapping = Mapping::heap(limits.total_words as usize);
        Self::fill(&mapping, layout, "")?;
        Self::adopt(mapping, true, None)
    }

    /// Opens the region at `path`, or makes it; true when this call made it.
    pub fn open(path: &Path, limits: Limits, service: &str) -> Result<(Self, bool)> {
        let layout = Layout::of(limits)?;
        // A loser of the race finds the winner's file; a file removed meanwhile is made anew.
        for _ in 0..64 {
            if let Some(region) = Self::join(path)? {
                return Ok((region, false));
            }
            let words = limits.total_words as usize;
            match create::make(path, words, |mapping| Self::fill(mapping, layout, service)) {
                Ok(Some(mapping)) => {
                    return Ok((Self::adopt(mapping, true, Some(path.to_owned()))?, true));
                }
                Ok(None) => {}
                // Several makers at once need several times the space; by now one has won.
                Err(error) => match Self::join(path)? {
                    Some(region) => return Ok((region, false)),
                    None => return Err(error),
                },
            }
        }
        Err(Error::state(format!(
            "{} appears and disappears",
            path.display()
        )))
    }

    fn join(path: &Path) -> Result<Option<Self>> {
        let Some((file, words)) = create::open_existing(path, true)? else {
            return Ok(None);
        };
        let mapping = create::map(&file, words, true)?;
        let found = Header::read(mapping.words())?;
        if found.time_namespace != host::namespace("time") {
            return Err(Error::state(format!(
                "{} was made in another time namespace, whose clock differs",
                path.display()
            )));
        }
        if clock::is_of_another_boot(mapping.words()) {
            create::with_lock(&file, || {
                if clock::is_of_another_boot(mapping.words()) {
                    clock::continue_after_reboot(mapping.words(), found.created_wall_ns);
                }
                Ok(())
            })?;
        }
        Self::adopt(mapping, true, Some(path.to_owned())).map(Some)
    }

    /// Maps the region at `path` read-only.
    pub fn observe(path: &Path) -> Result<Self> {
        let Some((file, words)) = create::open_existing(path, false)? else {
            return Err(Error::not_found(format!(
                "there is no region at {}",
                path.display()
            )));
        };
        let mut region = Self::adopt(
            create::map(&file, words, false)?,
            false,
            Some(path.to_owned()),
        )?;
        let is_of_this_clock = region.header.time_namespace == host::namespace("time")
            && !clock::is_of_another_boot(region.words());
        if !is_of_this_clock && !region.clock.is_manual() {
            region.clock = Clock::stopped(region.words());
        }
        Ok(region)
    }

    fn fill(mapping: &Mapping, layout: Layout, service: &str) -> Result<()> {
        let words = mapping.words();
        words.store(header::HEAP_NEXT, layout.heap as u64);
        clock::start(words);
        Header::new(layout.limits, service)?.write(words);
        Ok(())
    }

    fn adopt(mapping: Mapping, writable: bool, path: Option<PathBuf>) -> Result<Self> {
        let words = mapping.words();
        let header = Header::read(words)?;
        let layout = Layout::of(header.limits).map_err(|error| Error::format(error.message()))?;
        let clock = Clock::of(words, header.limits.manual_clock == 1);
        let is_short = || Error::format("the region is shorter than its tables");
        let Layout {
            limiters, guards, ..
        } = layout;
        Ok(Region {
            limiters: words
                .entries(limiters.at, limiters.count)
                .ok_or_else(is_short)?,
            guards: words
                .entries(guards.at, guards.count)
                .ok_or_else(is_short)?,
            keys: Secrets::new(&header.seed, 0),
            names: Secrets::new(&header.seed, 1),
            mapping,
            layout,
            header,
            clock,
            writable,
            path,
        })
    }

    /// The words.
    #[inline(always)]
    pub fn words(&self) -> Words {
        self.mapping.words()
    }

    /// The words of limiter number `index`.
    #[inline(always)]
    pub fn limiter(&self, index: usize) -> Option<&[AtomicU64; LIMITER_WORDS]> {
        self.limiters.get(index)
    }

    /// The words of guard number `index`.
    #[inline(always)]
    pub fn guard(&self, index: usize) -> Option<&[AtomicU64; GUARD_WORDS]> {
        self.guards.get(index)
    }

    /// Where the sections are.
    #[inline(always)]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the region was made for.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The hash of keys.
    #[inline(always)]
    pub fn keys(&self) -> &Secrets {
        &self.keys
    }

    /// The hash of names.
    #[inline(always)]
    pub fn names(&self) -> &Secrets {
        &self.names
    }

    /// Region time.
    #[inline(always)]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// False for an observer.
    #[inline(always)]
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// The file, if it has one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Takes `count` zero words from the heap, for ever; the first is on a cache line of its own.
    ///
    /// A process killed before it publishes what it took leaves a gap; nothing else is disturbed.
    pub fn allocate(&self, count: usize) -> Result<usize> {
        let words = self.words();
        let full = || {
            Error::capacity(format!(
                "the region of {} bytes has no room for {} more: raise region.size_bytes",
                words.len() * 8,
                count * 8
            ))
        };
        let next = words.get(header::HEAP_NEXT).ok_or_else(full)?;
        let taken = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
            let at = usize::try_from(free)
                .ok()?
                .max(self.layout.heap)
                .checked_next_multiple_of(8)?;
            let end = at.checked_add(count)?;
            (end <= words.len()).then_some(end as u64)
        });
        // The same rounding as inside the update, of the value that won.
        taken
            .map(|free| (free as usize).max(self.layout.heap).next_multiple_of(8))
            .map_err(|_| full())
    }

    /// The first word of what word `link` leads to: `count` zero words, made for the first one who
    /// asks. None when there is no room. Who comes second leaves what it made unused.
    pub fn allocate_once(&self, link: usize, count: usize) -> Option<usize> {
        let place = self.words().get(link)?;
        let found = place.load(Ordering::Acquire) as usize;
        if found != 0 {
            return Some(found);
        }
        let made = self.allocate(count).ok()?;
        match place.compare_exchange(0, made as u64, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(made),
            Err(other) => Some(other as usize),
        }
    }

    /// Words of the heap that are taken.
    pub fn heap_used(&self) -> u64 {
        self.words()
            .load(header::HEAP_NEXT)
            .saturating_sub(self.layout.heap as u64)
    }
}
