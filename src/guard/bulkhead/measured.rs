//! A limit that follows measurements.
//!
//! One word holds the limit, how high it was since the places above it were last seen empty, and a
//! version. After the limit was lowered, calls that are still inside above it count: a caller may take
//! one of the first `room` places, where `room` and the calls inside behind it are at most the limit.
//! It looks at the word again after it has a place, and gives the place back if the word has changed:
//! so whoever lowers the limit and then counts sees every place that was taken by the old one.
//!
//! Nobody takes a place behind the largest room that was found at one version, so the calls there only
//! become fewer, and with the room they are never more than the limit.
//!
//! AIMD judges each call by one compare-and-swap of the word. The others add calls up; whoever ends
//! a window by a compare-and-swap of its start judges it alone. Killed in the middle it leaves a
//! window that nobody judged; stopped and woken up, numbers of two windows, which are numbers all
//! the same.

use super::{Bulkhead, FULL, tally, word};
use crate::base::outcome::Outcome;
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::planes::Planes;
use crate::guard::adaptive::{Adaptive, Algorithm, Knowledge, Sample};
use crate::guard::backoff::random;
use crate::guard::bulkhead::policy::Limit;
use crate::guard::holder::Holder;
use crate::guard::permit::{Permit, Place};
use crate::region::Region;
use crate::region::events::{self, Cause, Kind};

/// Words of what is measured, on the heap: sums of the window first, then what is known, then what
/// was configured.
pub(super) const WORDS: usize = 32;
const STARTED_NS: usize = 0;
const SAMPLES: usize = 1;
const SUM_NS: usize = 2;
const IN_FLIGHT: usize = 3;
const DROPPED: usize = 4;
const KNOWN: usize = 8;
const JUDGED: usize = 11;
const CONFIG: usize = 16;

/// Shorter calls say more of the clock than of the callee.
const LEAST_NS: u64 = 100_000;

/// Times that a caller begins again because the limit has changed.
const ATTEMPTS: usize = 16;

const LIMIT_BITS: u32 = 24;
const LIMIT_MASK: u64 = (1 << LIMIT_BITS) - 1;

/// The word of a limit.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Now(u64);

impl Now {
    fn limit(self) -> u64 {
        self.0 & LIMIT_MASK
    }

    fn high(self) -> u64 {
        self.0 >> LIMIT_BITS & LIMIT_MASK
    }

    fn with(self, limit: u64, high: u64) -> Self {
        let version = (self.0 >> (2 * LIMIT_BITS)).wrapping_add(1);
        Now(version << (2 * LIMIT_BITS) | (high & LIMIT_MASK) << LIMIT_BITS | limit & LIMIT_MASK)
    }
}

/// Fills the words of a new bulkhead.
pub(super) fn set_up(region: &Region, entry: super::Entry<'_>, at: usize, limit: Limit) {
    let Limit::Adaptive {
        adaptive,
        initial,
        window_seconds,
        window_samples,
    } = limit
    else {
        return;
    };
    entry.set(word::LIMIT, Now(0).with(initial, initial).0);
    entry.set(word::MEASURED_AT, at as u64);
    let (which, own) = match adaptive.algorithm {
        Algorithm::Aimd {
            backoff_ratio,
            timeout_seconds,
        } => (0.0, [backoff_ratio, timeout_seconds, 0.0, 0.0]),
        Algorithm::Gradient {
            smoothing,
            queue_size,
            long_window,
            tolerance,
        } => (1.0, [smoothing, queue_size, long_window, tolerance]),
        Algorithm::Vegas {
            smoothing,
            probe_multiplier,
        } => (2.0, [smoothing, probe_multiplier, 0.0, 0.0]),
    };
    let [one, two, three, four] = own;
    let shared = [adaptive.min, adaptive.max, window_seconds * 1e9];
    let [min, max, window_ns] = shared;
    let config = [
        which,
        min,
        max,
        window_ns,
        window_samples as f64,
        one,
        two,
        three,
        four,
    ];
    for (place, value) in (at + CONFIG..).zip(config) {
        region.words().store(place, value.to_bits());
    }
    region.words().store(at + KNOWN, (initial as f64).to_bits());
    region
        .words()
        .store(at + STARTED_NS, region.clock().coarse());
}

impl Bulkhead<'_> {
    fn now(&self) -> Now {
        Now(self.entry.word(word::LIMIT).load(Ordering::SeqCst))
    }

    pub(super) fn measured_limit(&self) -> u64 {
        self.now().limit()
    }

    /// A place below the limit of this moment.
    pub(super) fn take_measured(
        &self,
        holder: Holder,
        hint: u64,
        order: Ordering,
    ) -> Option<Permit> {
        let places = self.places()?;
        for _ in 0..ATTEMPTS {
            let now = self.now();
            modelled_fence();
            let limit = (now.limit() as usize).min(places.len());
            let high = (now.high() as usize).clamp(limit, places.len());
            let (below, above) = places.get(..high)?.split_at_checked(limit)?;
            let above = above.iter().filter(|word| is_taken(word)).count();
            if above == 0 && high > limit {
                self.change(now, now.with(limit as u64, limit as u64));
                continue;
            }
            let room = room(below, above);
            let permit = self.take_free(places.get(..room)?, holder, hint, order)?;
            modelled_fence();
            if self.now() == now {
                return Some(permit);
            }
            if let Some(place) = permit.place {
                let _ = self.give_back(place, permit.generation);
            }
        }
        None
    }

    fn change(&self, from: Now, to: Now) -> bool {
        let word = self.entry.word(word::LIMIT);
        word.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Calls inside.
    pub(super) fn in_use(&self) -> u64 {
        let places = self.places().unwrap_or_default();
        places.iter().filter(|word| is_taken(word)).count() as u64
    }

    /// Learns from a call that left when so many were inside, it among them.
    pub(super) fn learn(&self, planes: &Planes, outcome: Outcome, seconds: f64, in_flight: u64) {
        let latency_ns = (seconds * 1e9) as u64;
        let at = self.entry.get(word::MEASURED_AT) as usize;
        if outcome == Outcome::Ignored {
            return;
        }
        let Some(words) = self.region.words().slice(at, WORDS) else {
            return;
        };
        let adaptive = adaptive_of(words);
        let dropped = outcome == Outcome::Failure;
        if let Algorithm::Aimd { .. } = adaptive.algorithm {
            let sample = Sample {
                latency_ns: latency_ns as f64,
                in_flight: in_flight as f64,
                dropped,
            };
            self.judge_call(planes, &adaptive, sample);
        } else if latency_ns >= LEAST_NS || dropped {
            words[SAMPLES].fetch_add(1, Ordering::Relaxed);
            words[SUM_NS].fetch_add(latency_ns, Ordering::Relaxed);
            words[IN_FLIGHT].fetch_max(in_flight, Ordering::Relaxed);
            words[DROPPED].fetch_or(dropped.into(), Ordering::Relaxed);
            self.judge_window(planes, &adaptive, words);
        }
    }

    fn judge_call(&self, planes: &Planes, adaptive: &Adaptive, sample: Sample) {
        loop {
            let now = self.now();
            let known = Knowledge {
                limit: now.limit() as f64,
                ..Knowledge::default()
            };
            let limit = adaptive.next(known, sample, 0.0).limit as u64;
            if limit == now.limit() || self.put(planes, now, limit) {
                return;
            }
        }
    }

    fn judge_window(&self, planes: &Planes, adaptive: &Adaptive, words: &[AtomicU64]) {
        let now_ns = self.region.clock().coarse();
        let started = words[STARTED_NS].load(Ordering::Relaxed);
        let (window_ns, least) = (real(words, CONFIG + 3), real(words, CONFIG + 4));
        let samples = words[SAMPLES].load(Ordering::Relaxed);
        let is_over = now_ns.saturating_sub(started) as f64 >= window_ns && samples as f64 >= least;
        if !is_over
            || words[STARTED_NS]
                .compare_exchange(started, now_ns, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let take = |at: usize| words[at].swap(0, Ordering::Relaxed);
        let samples = take(SAMPLES).max(1) as f64;
        let sample = Sample {
            latency_ns: take(SUM_NS) as f64 / samples,
            in_flight: take(IN_FLIGHT) as f64,
            dropped: take(DROPPED) != 0,
        };
        let judged = words[JUDGED].fetch_add(1, Ordering::Relaxed);
        let draw = random(self.entry.id(), judged) >> 11;
        let known = Knowledge {
            limit: real(words, KNOWN),
            latency_ns: real(words, KNOWN + 1),
            samples: real(words, KNOWN + 2),
        };
        let known = adaptive.next(known, sample, draw as f64 / (1u64 << 53) as f64);
        let values = [known.limit, known.latency_ns, known.samples];
        for (word, value) in words.iter().skip(KNOWN).zip(values) {
            word.store(value.to_bits(), Ordering::Relaxed);
        }
        let limit = known.limit as u64;
        for _ in 0..ATTEMPTS {
            let now = self.now();
            if limit == now.limit() || self.put(planes, now, limit) {
                return;
            }
        }
    }

    /// Puts a limit in place of another; false when somebody else did.
    fn put(&self, planes: &Planes, now: Now, limit: u64) -> bool {
        if !self.change(now, now.with(limit, now.high().max(limit))) {
            return false;
        }
        if limit > now.limit() {
            let hint = self.entry.word(word::HINT);
            let _ = hint.compare_exchange(FULL, 0, Ordering::SeqCst, Ordering::Relaxed);
        }
        planes.add(self.entry.column(self.region, tally::ADAPTED), 1);
        let now_ns = self.region.clock().coarse();
        if events::is_due(self.entry.word(word::TOLD_LIMIT), now_ns) {
            let numbers = [now.limit(), limit];
            self.tell(now_ns, Kind::Limit, Cause::Measured, numbers);
        }
        true
    }
}

/// The accesses around it are sequentially consistent, which orders them; but loom takes such accesses
/// as acquire and release only, and models fences in full.
#[inline(always)]
fn modelled_fence() {
    #[cfg(loom)]
    crate::base::sync::fence(Ordering::SeqCst);
}

/// How many of the places `below` the limit may be taken when so many `above` it are: as many as are
/// left after passing over one free place for each.
fn room(below: &[AtomicU64], above: usize) -> usize {
    let mut owed = above;
    for (place, word) in below.iter().enumerate().rev() {
        if owed == 0 {
            return place + 1;
        }
        owed -= usize::from(!is_taken(word));
    }
    0
}

fn is_taken(word: &AtomicU64) -> bool {
    !Place(word.load(Ordering::SeqCst)).is_free()
}

fn real(words: &[AtomicU64], at: usize) -> f64 {
    words
        .get(at)
        .map_or(0.0, |word| f64::from_bits(word.load(Ordering::Relaxed)))
}

fn adaptive_of(words: &[AtomicU64]) -> Adaptive {
    let own = |number| real(words, CONFIG + 5 + number);
    let which = real(words, CONFIG);
    Adaptive {
        algorithm: if which == 0.0 {
            Algorithm::Aimd {
                backoff_ratio: own(0),
                timeout_seconds: own(1),
            }
        } else if which == 1.0 {
            Algorithm::Gradient {
                smoothing: own(0),
                queue_size: own(1),
                long_window: own(2),
                tolerance: own(3),
            }
        } else {
            Algorithm::Vegas {
                smoothing: own(0),
                probe_multiplier: own(1),
            }
        },
        min: real(words, CONFIG + 1),
        max: real(words, CONFIG + 2),
    }
}
