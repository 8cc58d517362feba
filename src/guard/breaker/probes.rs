//! The probes of a half-open breaker: leases.
//!
//! There are as many leases as probes, four words each. A lease says in which generation it was last
//! given out, in which turn, and what came of it; beside that, who holds it: two words that change
//! together. So a process that is killed has a lease and is its holder, or has none. In a generation
//! where a lease was not given out it is free: entering half-open clears nothing.
//!
//! ```text
//! 0 generation | turn | state   1 holder   2 tag of generation and turn | deadline in microseconds
//! ```
//! The deadline is written after the lease is taken. Whoever finds a held lease without its deadline
//! gives it one, so a holder that stopped in between blocks nobody.

use super::machine::{GENERATION_BITS, ProbeCounts};
use crate::base::sync::{AtomicU64, Ordering};
use crate::cell::pair::Pair;
use crate::region::raw::Words;

/// Words of a lease.
pub const LEASE_WORDS: usize = 4;
const STATE_BITS: u32 = 4;
const TURN_BITS: u32 = 12;
const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;
const DEADLINE_BITS: u32 = 48;
const DEADLINE_MASK: u64 = (1 << DEADLINE_BITS) - 1;

const FREE: u64 = 0;
const HELD: u64 = 1;
const GOOD: u64 = 2;
const BAD: u64 = 3;
/// Not back in time: as bad, but its report has still to come.
const LATE: u64 = 4;

/// What a probe's report did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It counts.
    Counted,
    /// The probe was already given up.
    Late,
    /// It was reported before.
    Twice,
    /// It was never given out.
    Unknown,
}

/// How a probe came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// Neither: another may be given out instead.
    Unused,
}

/// Leases that ended without a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Their holder is dead.
    pub dead: u64,
    /// They were not back in time.
    pub late: u64,
}

/// The leases of one breaker.
#[derive(Clone, Copy, Debug)]
pub struct Probes {
    /// The region.
    pub words: Words,
    /// The first of them.
    pub at: usize,
    /// How many.
    pub count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    generation: u64,
    turn: u64,
    state: u64,
}

impl Lease {
    fn from_word(word: u64) -> Self {
        Lease {
            generation: word >> (STATE_BITS + TURN_BITS),
            turn: word >> STATE_BITS & ((1 << TURN_BITS) - 1),
            state: word & ((1 << STATE_BITS) - 1),
        }
    }

    fn to_word(self) -> u64 {
        (self.generation & GENERATION_MASK) << (STATE_BITS + TURN_BITS)
            | (self.turn & ((1 << TURN_BITS) - 1)) << STATE_BITS
            | self.state
    }

    /// What became of it in `generation`.
    fn state_in(self, generation: u64) -> u64 {
        if self.generation == generation {
            self.state
        } else {
            FREE
        }
    }

    fn tag(self) -> u64 {
        (self.generation << 5 ^ self.turn) & 0xffff
    }
}

impl Probes {
    fn pair(&self, lease: usize) -> Option<Pair<'_>> {
        if lease >= self.count {
            return None;
        }
        Pair::at(self.words, self.at.wrapping_add(lease * LEASE_WORDS))
    }

    fn deadline(&self, lease: usize) -> Option<&AtomicU64> {
        self.words
            .get(self.at.wrapping_add(lease * LEASE_WORDS + 2))
    }

    /// Takes a free lease of `generation` for `holder`, until `timeout_ns` from now: which, and its
    /// turn.
    pub fn take(
        &self,
        generation: u64,
        holder: u64,
        now_ns: u64,
        timeout_ns: u64,
    ) -> Option<(usize, u64)> {
        for index in 0..self.count {
            let Some(pair) = self.pair(index) else {
                break;
            };
            let old = pair.load();
            let lease = Lease::from_word(old.0);
            if lease.state_in(generation) != FREE {
                continue;
            }
            let taken = Lease {
                generation,
                turn: (lease.turn + 1) & ((1 << TURN_BITS) - 1),
                state: HELD,
            };
            if pair.swap(old, (taken.to_word(), holder)) {
                if let Some(deadline) = self.deadline(index) {
                    let until = deadline_of(taken, now_ns, timeout_ns);
                    deadline.store(until, Ordering::Release);
                }
                return Some((index, taken.turn));
            }
        }
        None
    }

    /// Changes a lease that is held in `generation` and `turn` to `state`.
    fn end(&self, index: usize, old: (u64, u64), state: u64) -> bool {
        let lease = Lease {
            state,
            ..Lease::from_word(old.0)
        };
        self.pair(index)
            .is_some_and(|pair| pair.swap(old, (lease.to_word(), 0)))
    }

    /// A probe is back. `is_turn` compares a whole turn with the permit's; `age` is how many
    /// generations ago it was given out, `generation` the one now.
    pub fn give_back(
        &self,
        index: usize,
        generation: u64,
        age: u64,
        is_turn: impl Fn(u64) -> bool,
        back: Back,
    ) -> Answer {
        let Some(pair) = self.pair(index) else {
            return Answer::Unknown;
        };
        let given = generation.wrapping_sub(age) & GENERATION_MASK;
        loop {
            let old = pair.load();
            let lease = Lease::from_word(old.0);
            if lease.generation != given {
                // Given out again since, or not yet.
                return match lease.generation > given {
                    true => Answer::Late,
                    false => Answer::Unknown,
                };
            }
            if !is_turn(lease.turn) {
                return self.other_turn(lease, &is_turn);
            }
            let (state, answer) = match (lease.state, back) {
                (HELD, _) if age > 0 => (BAD, Answer::Late),
                (HELD, Back::Good) => (GOOD, Answer::Counted),
                (HELD, Back::Bad) => (BAD, Answer::Counted),
                (HELD, Back::Unused) => (FREE, Answer::Counted),
                (LATE, _) => (BAD, Answer::Late),
                _ => return Answer::Twice,
            };
            if self.end(index, old, state) {
                return answer;
            }
        }
    }

    /// The answer to a permit of a turn that is not the lease's: one of the turns before, or none.
    fn other_turn(&self, lease: Lease, is_turn: &impl Fn(u64) -> bool) -> Answer {
        let earlier = (1..=64u64).any(|back| is_turn(lease.turn.wrapping_sub(back)));
        if earlier {
            Answer::Late
        } else {
            Answer::Unknown
        }
    }

    /// What became of the probes of `generation`.
    pub fn tally(&self, generation: u64) -> ProbeCounts {
        let mut counts = ProbeCounts::default();
        for index in 0..self.count {
            let Some(pair) = self.pair(index) else {
                break;
            };
            let counted = match Lease::from_word(pair.first()).state_in(generation) {
                FREE => &mut counts.free,
                HELD => &mut counts.held,
                GOOD => &mut counts.good,
                _ => &mut counts.bad,
            };
            *counted += 1;
        }
        counts
    }

    /// Ends the held leases of `generation` whose holder `is_dead`, for another to take, and those that
    /// are not back in time, as bad. `is_dead` is also told whether the
    /// lease is overdue.
    pub fn look_after(
        &self,
        generation: u64,
        now_ns: u64,
        timeout_ns: u64,
        is_dead: impl Fn(u64, bool) -> bool,
    ) -> Ended {
        let mut ended = Ended::default();
        for index in 0..self.count {
            let (Some(pair), Some(deadline)) = (self.pair(index), self.deadline(index)) else {
                break;
            };
            let old = pair.load();
            let lease = Lease::from_word(old.0);
            if lease.state_in(generation) != HELD {
                continue;
            }
            let until = deadline.load(Ordering::Acquire);
            let is_set = until >> DEADLINE_BITS == lease.tag();
            let is_overdue = is_set && is_past(until & DEADLINE_MASK, now_ns);
            if is_dead(old.1, is_overdue) {
                ended.dead += u64::from(self.end(index, old, FREE));
            } else if is_overdue {
                ended.late += u64::from(self.end(index, old, LATE));
            } else if !is_set {
                let until_now = deadline_of(lease, now_ns, timeout_ns);
                let _ = deadline.compare_exchange(
                    until,
                    until_now,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
            }
        }
        ended
    }

    /// True when a held lease of `generation` is not back in time; changes nothing.
    pub fn is_overdue(&self, index: usize, generation: u64, now_ns: u64) -> bool {
        let (Some(pair), Some(deadline)) = (self.pair(index), self.deadline(index)) else {
            return false;
        };
        let lease = Lease::from_word(pair.first());
        let until = deadline.load(Ordering::Relaxed);
        lease.state_in(generation) == HELD
            && until >> DEADLINE_BITS == lease.tag()
            && is_past(until & DEADLINE_MASK, now_ns)
    }
}

/// Microseconds are enough, and rounded up: a lease is never given up too early.
fn deadline_of(lease: Lease, now_ns: u64, timeout_ns: u64) -> u64 {
    let until = now_ns.saturating_add(timeout_ns).div_ceil(1000) & DEADLINE_MASK;
    lease.tag() << DEADLINE_BITS | until
}

fn is_past(until: u64, now_ns: u64) -> bool {
    let past = (now_ns / 1000).wrapping_sub(until) & DEADLINE_MASK;
    past <= DEADLINE_MASK / 2
}
