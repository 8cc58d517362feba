//! What a limiter holds a key to now: as it was made, or as it was changed since.
//!
//! A bucket that warms up is changed from the beginning: all its numbers are in a block.
//!
//! A changed limiter's numbers are in a block of the heap that is never written again; one word of the
//! entry says which. So a change is one compare-and-swap, and whoever reads the word has all numbers
//! of one policy. Before the first change the limiter's own number of the whole becomes 0, which no
//! check can pass, and the limiter special: so checks that do not look at the word find it
//! ([`reconfigure`](super::reconfigure)).
//!
//! **Order.** A caller reads the state, the clock, and then the terms. So no terms are used at a time
//! after which others had decided by newer ones, unless the state is the same still.

use super::entry::{self, Entry};
use super::fixed::Fixed;
use super::gcra::{Rate, TICKS_MASK};
use super::pace::{Bucket, Pace};
use super::sliding::Window;
use super::warm::{Scale, Warm};
use crate::region::raw::Words;

/// Numbers of a changed limiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// Burst or limit.
    pub units: u64,
    /// Rate or window in seconds, as a double.
    pub pace: u64,
    /// Ticks of a burst; or the limit.
    pub full: u64,
    /// The window; or the warm-up in seconds, as a double.
    pub window_ns: u64,
    /// [`Pace`] of a token bucket, and the next three.
    pub since_ns: u64,
    pub since_ticks: u64,
    pub ticks: u64,
    pub ns: u64,
    /// Ticks of the warm-up.
    pub span: u64,
}

impl Block {
    /// Words of a block.
    pub const WORDS: usize = 9;

    /// The numbers that `limiter` was made with.
    pub fn made(limiter: &Entry<'_>) -> Self {
        let rate = limiter.rate();
        let pace = Pace::of(&rate);
        Block {
            units: limiter.word(entry::UNITS),
            pace: limiter.word(entry::PACE),
            full: rate.full,
            window_ns: limiter.word(entry::PER_NS),
            since_ns: pace.since_ns,
            since_ticks: pace.since_ticks,
            ticks: pace.ticks,
            ns: pace.ns,
            span: 0,
        }
    }

    /// The numbers of a token bucket that warms up.
    pub fn warming(rate_per_second: f64, units: u64, warm_up_seconds: f64, scale: &Scale) -> Self {
        Block {
            units,
            pace: rate_per_second.to_bits(),
            full: scale.full,
            window_ns: warm_up_seconds.to_bits(),
            since_ns: scale.pace.since_ns,
            since_ticks: scale.pace.since_ticks,
            ticks: scale.pace.ticks,
            ns: scale.pace.ns,
            span: scale.span,
        }
    }

    /// The block at word `at`; words that are not there read as 0.
    pub fn read(words: Words, at: u64) -> Self {
        let word = |number: usize| words.load((at as usize).wrapping_add(number));
        Block {
            units: word(0),
            pace: word(1),
            full: word(2),
            window_ns: word(3),
            since_ns: word(4),
            since_ticks: word(5),
            ticks: word(6),
            ns: word(7),
            span: word(8),
        }
    }

    /// Writes it to word `at`, which nobody can see yet.
    pub fn write(&self, words: Words, at: usize) {
        let numbers = [
            self.units,
            self.pace,
            self.full,
            self.window_ns,
            self.since_ns,
            self.since_ticks,
            self.ticks,
            self.ns,
            self.span,
        ];
        for (number, value) in numbers.into_iter().enumerate() {
            words.store(at.wrapping_add(number), value);
        }
    }
}

/// What a key is held to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Terms {
    Bucket(Bucket),
    Window(Window),
    Fixed(Fixed),
}

impl Terms {
    /// The terms of `limiter`; None when its words are not those of any.
    pub fn of(limiter: &Entry<'_>, words: Words) -> Option<Self> {
        // Before the block: whoever finds the whole to be 0 finds the block too.
        let (rate, window, fixed) = (limiter.rate(), limiter.window(), limiter.fixed());
        let units = limiter.word(entry::UNITS);
        let block = limiter.block(words);
        Some(match limiter.shape() & !1 {
            entry::BUCKET => Terms::Bucket(match block {
                None => Bucket {
                    units,
                    rate,
                    pace: None,
                    warm: None,
                },
                Some(block) => Bucket {
                    units: block.units,
                    rate: Rate {
                        full: block.full,
                        // As late as the block, and so as late as the state.
                        reach: limiter.rate().reach.max(block.full | TICKS_MASK),
                        ..rate
                    },
                    pace: Some(Pace {
                        since_ns: block.since_ns,
                        since_ticks: block.since_ticks,
                        ticks: block.ticks,
                        ns: block.ns,
                    }),
                    warm: limiter
                        .has(entry::WARM)
                        .then_some(Warm { span: block.span }),
                },
            }),
            entry::WINDOW => {
                let window = match block {
                    None => window,
                    Some(block) => Window {
                        limit: block.full,
                        window_ns: block.window_ns,
                        ..window
                    },
                };
                Terms::Window(Some(window).filter(Window::is_possible)?)
            }
            entry::FIXED => Terms::Fixed(match block {
                None => fixed,
                Some(block) => Fixed {
                    limit: block.full,
                    ..fixed
                },
            }),
            _ => return None,
        })
    }

    /// Burst or limit.
    pub fn units(&self) -> u64 {
        match self {
            Terms::Bucket(bucket) => bucket.units,
            Terms::Window(window) => window.limit,
            Terms::Fixed(window) => window.limit,
        }
    }

    /// Whether `cost` units can ever be taken.
    pub fn holds(&self, cost: u32) -> bool {
        match self {
            Terms::Bucket(bucket) => bucket.rate.cost(cost).is_some(),
            _ => u64::from(cost) <= self.units(),
        }
    }
}
