//! The breaker's states and what leads from one to the next. No atomics, no clock.
//!
//! ```text
//!             rates reached                   open time over
//!   CLOSED ------------------> OPEN <------------------+
//!      ^                        |  first call           |
//!      |                        v                       |
//!      +------- good ------ HALF_OPEN ------ bad -------+
//! ```
//! Every change is another *generation*: what belongs to an earlier one can be told from its number,
//! so nothing has to be cleared. A state is two words that change together.

/// Where a breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Calls go through and are counted.
    Closed = 0,
    /// Calls are denied until the open time is over.
    Open = 1,
    /// A few probes go through.
    HalfOpen = 2,
    /// Calls are denied until somebody says otherwise.
    ForcedOpen = 3,
    /// Calls go through and are not counted.
    Disabled = 4,
    /// Calls go through and are counted, whatever the counts.
    ForcedClosed = 5,
    /// As forced closed, to find out what a breaker would see.
    MetricsOnly = 6,
}

impl Phase {
    /// All of them, by number.
    pub const ALL: [Phase; 7] = [
        Phase::Closed,
        Phase::Open,
        Phase::HalfOpen,
        Phase::ForcedOpen,
        Phase::Disabled,
        Phase::ForcedClosed,
        Phase::MetricsOnly,
    ];

    /// Names in configurations and exports, by number.
    pub const NAMES: [&'static str; 7] = [
        "closed",
        "open",
        "half_open",
        "forced_open",
        "disabled",
        "forced_closed",
        "metrics_only",
    ];

    /// The phase with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// True when what is reported goes into the window.
    #[inline(always)]
    pub fn is_recording(self) -> bool {
        matches!(
            self,
            Phase::Closed | Phase::ForcedClosed | Phase::MetricsOnly
        )
    }

    /// A phase as a word of the region says it; a damaged one is closed.
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        match bits & 0xf {
            1 => Phase::Open,
            2 => Phase::HalfOpen,
            3 => Phase::ForcedOpen,
            4 => Phase::Disabled,
            5 => Phase::ForcedClosed,
            6 => Phase::MetricsOnly,
            _ => Phase::Closed,
        }
    }
}

/// Why a breaker is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing happened.
    None = 0,
    /// Failures reached their rate.
    FailureRate = 1,
    /// Slow calls reached their rate.
    SlowCallRate = 2,
    /// So many failures came one after the other.
    ConsecutiveFailures = 3,
    /// The probes came back bad.
    Probes = 4,
    /// Somebody said so.
    Forced = 5,
}

impl Reason {
    /// Its name in exports.
    pub fn name(self) -> &'static str {
        match self {
            Reason::None => "none",
            Reason::FailureRate => "failure_rate",
            Reason::SlowCallRate => "slow_call_rate",
            Reason::ConsecutiveFailures => "consecutive_failures",
            Reason::Probes => "probes",
            Reason::Forced => "forced",
        }
    }

    fn from_bits(bits: u64) -> Self {
        match bits & 0xf {
            1 => Reason::FailureRate,
            2 => Reason::SlowCallRate,
            3 => Reason::ConsecutiveFailures,
            4 => Reason::Probes,
            5 => Reason::Forced,
            _ => Reason::None,
        }
    }
}

/// Bits of a generation. A model's words are half as long.
pub const GENERATION_BITS: u32 = if cfg!(loom) { 16 } else { 48 };

/// A time that no breaker closed at: closed from the beginning, or by somebody's word.
pub const NEVER: u64 = u64::MAX;

/// A breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Where it is.
    pub phase: Phase,
    /// Why it opened, or was put where it is.
    pub reason: Reason,
    /// Opens that lengthen the next one.
    pub opens: u8,
    /// Number of the change that led here, from 1 on.
    pub generation: u64,
    /// Open: until when. Closed: since when, or [`NEVER`]. Else: since when.
    pub at_ns: u64,
}

/// The phase in a state's first word.
#[inline(always)]
pub fn phase_of(word: u64) -> Phase {
    Phase::from_bits(word)
}

/// The generation in a state's first word.
#[inline(always)]
pub fn generation_of(word: u64) -> u64 {
    word >> 16
}

impl State {
    /// A new breaker's.
    pub fn initial(phase: Phase, times: &Times, now_ns: u64, random: u64) -> Self {
        let none = State {
            phase: Phase::Closed,
            reason: Reason::None,
            opens: 0,
            generation: 0,
            at_ns: NEVER,
        };
        match phase {
            Phase::Closed => State {
                generation: 1,
                ..none
            },
            phase => none.put(phase, times, now_ns, random),
        }
    }

    /// As two words.
    pub fn to_words(self) -> (u64, u64) {
        let generation = self.generation & ((1 << GENERATION_BITS) - 1);
        let small = u64::from(self.opens) << 8 | (self.reason as u64) << 4 | self.phase as u64;
        (generation << 16 | small, self.at_ns)
    }

    /// From two words; any two are a state.
    pub fn from_words((first, at_ns): (u64, u64)) -> Self {
        State {
            phase: Phase::from_bits(first),
            reason: Reason::from_bits(first >> 4),
            opens: (first >> 8) as u8,
            generation: generation_of(first),
            at_ns,
        }
    }

    fn next(self, phase: Phase, reason: Reason, at_ns: u64) -> Self {
        let generation = (self.generation + 1) & ((1 << GENERATION_BITS) - 1);
        State {
            phase,
            reason,
            generation: generation.max(1),
            at_ns,
            ..self
        }
    }

    /// Open, from closed: `random` chooses within the jitter.
    pub fn open(self, reason: Reason, times: &Times, now_ns: u64, random: u64) -> Self {
        let opens = match self.phase {
            Phase::Closed if self.at_ns != NEVER => {
                times.decayed(self.opens, now_ns.saturating_sub(self.at_ns))
            }
            _ => self.opens,
        };
        let until = now_ns.saturating_add(times.open_for(opens, random));
        State {
            opens: opens.saturating_add(1),
            ..self.next(Phase::Open, reason, until)
        }
    }

    /// Half-open.
    pub fn half_open(self, now_ns: u64) -> Self {
        self.next(Phase::HalfOpen, self.reason, now_ns)
    }

    /// Closed, since the probes came back good.
    pub fn close(self, now_ns: u64) -> Self {
        self.next(Phase::Closed, Reason::None, now_ns)
    }

    /// Where somebody wants it.
    pub fn put(self, phase: Phase, times: &Times, now_ns: u64, random: u64) -> Self {
        match phase {
            Phase::Closed => State {
                opens: 0,
                ..self.next(phase, Reason::None, NEVER)
            },
            Phase::Open => self.open(Reason::Forced, times, now_ns, random),
            _ => self.next(phase, Reason::Forced, now_ns),
        }
    }

    /// Nanoseconds until a breaker that is open lets a call through.
    pub fn retry_after(&self, now_ns: u64) -> u64 {
        match self.phase {
            Phase::Open => self.at_ns.saturating_sub(now_ns),
            _ => 0,
        }
    }
}

/// How long a breaker stays open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// The first time.
    pub open_ns: u64,
    /// By how much each further time is longer; 1 for never.
    pub growth: f64,
    /// The longest, without jitter.
    pub max_ns: u64,
    /// Part of the time that may be added by chance.
    pub jitter: f64,
}

impl Times {
    /// How long, after `opens` that count.
    pub fn open_for(&self, opens: u8, random: u64) -> u64 {
        let unit = (random >> 11) as f64 / (1u64 << 53) as f64;
        let plain = self.plain(opens);
        plain.saturating_add((plain as f64 * self.jitter * unit) as u64)
    }

    fn plain(&self, opens: u8) -> u64 {
        if self.growth > 1.0 {
            // A product beyond all bounds becomes the largest number.
            let grown = self.open_ns as f64 * self.growth.powi(opens.into());
            (grown.round() as u64).clamp(self.open_ns, self.max_ns.max(self.open_ns))
        } else {
            self.open_ns
        }
    }

    /// The opens that still count after `closed_ns` without another: one less for each time that
    /// the breaker stayed closed for as long as it last was open.
    pub fn decayed(&self, opens: u8, closed_ns: u64) -> u8 {
        let (mut opens, mut left) = (opens, closed_ns);
        while let Some(fewer) = opens.checked_sub(1) {
            let step = self.plain(fewer).max(1);
            if left < step {
                break;
            }
            left -= step;
            opens = fewer;
        }
        opens
    }
}

/// Parts of a thousand million, in which rates are compared without rounding.
pub const PARTS: u64 = 1_000_000_000;

/// When a window trips the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures in [`PARTS`] of calls; 0 for never.
    pub failure_parts: u64,
    /// Slow calls in [`PARTS`] of calls; 0 for never.
    pub slow_parts: u64,
    /// Calls below which neither counts.
    pub minimum: u64,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that succeeded or failed.
    pub calls: u64,
    /// Of those, the failed.
    pub failures: u64,
    /// Of those, the slow.
    pub slow: u64,
}

fn reaches(part: u64, whole: u64, parts: u64) -> bool {
    parts != 0 && u128::from(part) * u128::from(PARTS) >= u128::from(whole) * u128::from(parts)
}

impl Thresholds {
    /// Why a closed breaker with these counts opens, if it does.
    pub fn judge(&self, counts: &Counts) -> Option<Reason> {
        if counts.calls < self.minimum.max(1) {
            None
        } else if reaches(counts.failures, counts.calls, self.failure_parts) {
            Some(Reason::FailureRate)
        } else if reaches(counts.slow, counts.calls, self.slow_parts) {
            Some(Reason::SlowCallRate)
        } else {
            None
        }
    }

    /// False when no number of further successes makes these counts trip: for then neither a rate is
    /// reached at the fewest calls that count.
    pub fn can_trip(&self, bad: &Counts) -> bool {
        let fewest = Counts {
            calls: bad.calls.max(self.minimum),
            ..*bad
        };
        self.judge(&fewest).is_some()
    }
}

/// What became of the probes of a half-open breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// Not given out.
    pub free: u64,
    /// Given out, not back.
    pub held: u64,
    /// Came back good.
    pub good: u64,
    /// Came back bad, or not in time.
    pub bad: u64,
}

/// What to do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// Wait for more.
    Wait,
    /// Enough came back good.
    Close,
    /// Not enough can come back good any more.
    Open,
}

impl ProbeCounts {
    /// The verdict, where `wanted` good ones close.
    pub fn judge(&self, wanted: u64) -> ProbeVerdict {
        if self.good >= wanted {
            ProbeVerdict::Close
        } else if self.good + self.held + self.free < wanted {
            ProbeVerdict::Open
        } else {
            ProbeVerdict::Wait
        }
    }
}

/// Spreads `number` over all bits.
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(all(test, not(loom)))]
#[path = "machine/tests.rs"]
mod tests;
