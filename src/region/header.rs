//! The first words of a region: what it is, for how much it was made, and the engine's totals.
//!
//! The first `SEALED` words never change after creation and are sealed by a checksum, so a
//! flipped limit is found before anything is computed from it.

use super::layout::{LIMITER_WORDS, Limits};
use super::raw::Words;
use crate::base::error::{Error, Result};
use crate::base::{host, limits};

const MAGIC: u64 = u64::from_le_bytes(*b"TIDEGATE");
const BYTE_ORDER: u64 = 0x0102_0304_0506_0708;

const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 1;
const AT_BYTE_ORDER: usize = 2;
const AT_LIMITS: usize = 3;
const AT_SEED: usize = AT_LIMITS + Limits::WORDS;
const AT_CREATOR_PID: usize = AT_SEED + 4;
const AT_CREATOR_START: usize = AT_SEED + 5;
const AT_CREATED_WALL: usize = AT_SEED + 6;
const AT_TIME_NAMESPACE: usize = AT_SEED + 7;
const AT_SERVICE_BYTES: usize = AT_SEED + 8;
const AT_SERVICE: usize = AT_SEED + 9;
/// Words under the seal; the seal itself is the next word.
const SEALED: usize = AT_SERVICE + limits::MAX_SERVICE_BYTES.div_ceil(8);

// Every group that one kind of event writes has its own cache lines.
/// Boot that the clock offset belongs to, and the offset.
pub const BOOT: usize = 64;
/// Added to the host's monotonic clock to give region time.
pub const CLOCK_OFFSET: usize = 65;
/// Latest region time that anybody recorded on a slow path: a floor after a reboot.
pub const LAST_SEEN: usize = 66;
/// The manual clock's now.
pub const MANUAL_NOW: usize = 72;
/// First free word of the heap.
pub const HEAP_NEXT: usize = 80;
/// Shards ever opened.
pub const SHARDS_USED: usize = 110;
/// Series entries ever claimed, and one that was given back (its number plus one).
pub const SERIES_NEXT: usize = 88;
/// Families ever claimed, and one that was given back.
pub const FAMILIES_NEXT: usize = 93;
/// A histogram's block that lost the race to be linked, kept for the next one.
pub const SPARE_BLOCK: usize = 95;
/// The process that is making a limiter or another guard, or 0.
pub const MAKER: usize = 91;
/// Events ever written; the next one's number.
pub const EVENTS_NEXT: usize = 112;
/// Where the text of the checks of health is that everybody judges by who brings none.
pub const HEALTH_PLAN: usize = 120;
/// First word of the table of objectives.
pub const OBJECTIVES: usize = 114;
/// First word of the table of edges that families are to have when they are made.
pub const WANTED_EDGES: usize = 116;
/// First word of the table of checks that the application reports itself.
pub const REPORTS: usize = 122;
/// First word of the lists of the slowest calls.
pub const SLOWEST: usize = 124;
/// First word of the log of distinct errors.
pub const ERROR_LOG: usize = 125;
/// Bits of the shortest of the slowest calls of this time slot; the low bits are the slot's.
pub const SLOWEST_FLOOR: usize = 126;
/// End of that slot.
pub const SLOWEST_END: usize = 127;
/// Times that a label set was sent to an overflow series.
pub const OVERFLOWED_OPENS: usize = 96;
/// Samples that were refused: not a number, infinite or negative.
pub const DROPPED_VALUES: usize = 97;
/// Samples by name that found no room for a new name.
pub const DROPPED_FULL: usize = 98;
/// Octaves that stayed on atomic cells because the region had no room for per-CPU ones.
pub const COLD_OCTAVES: usize = 99;
/// Samples that went to a histogram's nearest octave because the heap was full.
pub const CLAMPED_VALUES: usize = 100;
/// Checkpoints whose detail did not fit in the heap.
pub const LOST_CHECKPOINTS: usize = 101;
/// Processes that were found dead with their entry still open.
pub const WORKERS_DIED: usize = 102;
/// Processes that ever attached as writers.
pub const WORKERS_ATTACHED: usize = 103;
/// Times that a process found the table of workers full.
pub const WORKERS_REFUSED: usize = 104;

const _: () = assert!(SEALED < BOOT && LIMITER_WORDS >= 32);

/// No word is used for two things.
const _: () = {
    let all = [
        BOOT,
        CLOCK_OFFSET,
        LAST_SEEN,
        MANUAL_NOW,
        HEAP_NEXT,
        SHARDS_USED,
        SERIES_NEXT,
        FAMILIES_NEXT,
        SPARE_BLOCK,
        MAKER,
        EVENTS_NEXT,
        HEALTH_PLAN,
        OBJECTIVES,
        WANTED_EDGES,
        REPORTS,
        SLOWEST,
        ERROR_LOG,
        SLOWEST_FLOOR,
        SLOWEST_END,
        OVERFLOWED_OPENS,
        DROPPED_VALUES,
        DROPPED_FULL,
        COLD_OCTAVES,
        CLAMPED_VALUES,
        LOST_CHECKPOINTS,
        WORKERS_DIED,
        WORKERS_ATTACHED,
        WORKERS_REFUSED,
    ];
    let mut one = 0;
    while one < all.len() {
        let mut other = one + 1;
        while other < all.len() {
            assert!(all[one] != all[other]);
            other += 1;
        }
        one += 1;
    }
};

/// What the sealed words say.
#[derive(Clone, Debug)]
pub struct Header {
    /// For how much the region was made.
    pub limits: Limits,
    /// Secret of the key hash.
    pub seed: [u64; 4],
    /// Process that made the region.
    pub creator: host::Process,
    /// Wall clock when it was made, nanoseconds since 1970.
    pub created_wall_ns: u64,
    /// Time namespace that its clock belongs to.
    pub time_namespace: u64,
    /// The service's name.
    pub service: String,
}

impl Header {
    /// A header for a new region.
    pub fn new(limits: Limits, service: &str) -> Result<Self> {
        let mut seed = [0; 4];
        host::random(&mut seed).map_err(|cause| Error::os("read random numbers", &cause))?;
        Ok(Header {
            limits,
            seed,
            creator: host::Process::current(),
            created_wall_ns: host::wall_ns(),
            time_namespace: host::namespace("time"),
            service: service.to_owned(),
        })
    }

    /// Writes the sealed words; called before anybody else can see them.
    pub fn write(&self, words: Words) {
        words.store(AT_MAGIC, MAGIC);
        words.store(AT_VERSION, limits::LAYOUT_VERSION);
        words.store(AT_BYTE_ORDER, BYTE_ORDER);
        for (at, value) in self.limits.to_words().into_iter().enumerate() {
            words.store(AT_LIMITS + at, value);
        }
        for (at, value) in self.seed.into_iter().enumerate() {
            words.store(AT_SEED + at, value);
        }
        words.store(AT_CREATOR_PID, self.creator.pid.into());
        words.store(AT_CREATOR_START, self.creator.start_ticks);
        words.store(AT_CREATED_WALL, self.created_wall_ns);
        words.store(AT_TIME_NAMESPACE, self.time_namespace);
        words.store(AT_SERVICE_BYTES, self.service.len() as u64);
        super::text::write(words, AT_SERVICE, self.service.as_bytes());
        words.publish(SEALED, seal(words));
    }

    /// Reads and checks the sealed words of a region of `words`.
    pub fn read(words: Words) -> Result<Self> {
        let magic = words.acquire(AT_MAGIC);
        let order = words.load(AT_BYTE_ORDER);
        if magic == MAGIC.swap_bytes() || magic == MAGIC && order == BYTE_ORDER.swap_bytes() {
            return Err(Error::format(
                "the region was made on a machine of the other byte order",
            ));
        }
        if words.len() < super::layout::HEADER_WORDS || magic != MAGIC {
            return Err(Error::format("not a tidegate region"));
        }
        let version = words.load(AT_VERSION);
        if version != limits::LAYOUT_VERSION {
            return Err(Error::format(format!(
                "the region has layout version {version}; this library reads version {}",
                limits::LAYOUT_VERSION
            )));
        }
        if order != BYTE_ORDER || words.acquire(SEALED) != seal(words) {
            return Err(Error::format("the region's header is damaged"));
        }
        let region_limits =
            Limits::from_words(std::array::from_fn(|at| words.load(AT_LIMITS + at)))?;
        if region_limits.total_words > words.len() as u64 {
            return Err(Error::format(format!(
                "the region was made with {} bytes but only {} are left: it was truncated",
                region_limits.total_words * 8,
                words.len() * 8
            )));
        }
        let service_bytes = words.load(AT_SERVICE_BYTES) as usize;
        let service =
            super::text::read(words, AT_SERVICE, service_bytes, limits::MAX_SERVICE_BYTES)
                .ok_or_else(|| Error::format("the region's service name is damaged"))?;
        Ok(Header {
            limits: region_limits,
            seed: std::array::from_fn(|at| words.load(AT_SEED + at)),
            creator: host::Process {
                pid: words.load(AT_CREATOR_PID) as u32,
                start_ticks: words.load(AT_CREATOR_START),
            },
            created_wall_ns: words.load(AT_CREATED_WALL),
            time_namespace: words.load(AT_TIME_NAMESPACE),
            service,
        })
    }

    /// What tells this region from all others, of any host; nothing secret is in it.
    pub fn identity(&self) -> u64 {
        let parts = [
            self.created_wall_ns,
            u64::from(self.creator.pid),
            self.creator.start_ticks,
            self.nonce(),
        ];
        host::fnv1a(parts.map(u64::to_le_bytes).as_flattened())
    }

    /// Twenty bits that ids carry, so that an id of another region is refused.
    pub fn nonce(&self) -> u64 {
        self.seed[3] & 0xf_ffff
    }
}

/// Checksum of the sealed words.
fn seal(words: Words) -> u64 {
    let mut bytes = [0u8; SEALED * 8];
    for (at, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&words.load(at).to_le_bytes());
    }
    host::fnv1a(&bytes)
}
