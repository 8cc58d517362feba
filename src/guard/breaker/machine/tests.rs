use super::*;
use proptest::prelude::*;

const TIMES: Times = Times {
    open_ns: 10,
    growth: 2.0,
    max_ns: 50,
    jitter: 0.0,
};

/// A breaker of three probes, two of which must be good, with its probes as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Whole {
    phase: u8,
    opens: u8,
    /// Time left, while open.
    wait: u64,
    held: u64,
    good: u64,
    bad: u64,
}

const PROBES: u64 = 3;
const WANTED: u64 = 2;

#[derive(Clone, Copy, Debug)]
enum Happens {
    Trip,
    TimePasses,
    Asked,
    Good,
    Bad,
    Unused,
    Reset,
    Forced(Phase),
}

/// The machine's own answer to what happens.
fn next(whole: Whole, happens: Happens) -> Option<Whole> {
    let now = 1000;
    let phase = Phase::ALL[whole.phase as usize];
    let state = State {
        phase,
        reason: Reason::None,
        opens: whole.opens,
        generation: 5,
        at_ns: match phase {
            Phase::Open => now + whole.wait,
            Phase::Closed => now,
            _ => now,
        },
    };
    let free = PROBES - whole.held - whole.good - whole.bad;
    let count = |held: u64, good: u64, bad: u64| -> Option<(u64, u64, u64)> {
        Some((
            whole.held.checked_add_signed(held as i64)?,
            whole.good + good,
            whole.bad + bad,
        ))
    };
    let less = u64::MAX;
    let (changed, probes) = match (happens, phase) {
        (Happens::Trip, Phase::Closed) => (state.open(Reason::FailureRate, &TIMES, now, 0), None),
        (Happens::TimePasses, Phase::Open) => {
            return Some(Whole {
                wait: whole.wait.saturating_sub(5),
                ..whole
            });
        }
        (Happens::Asked, Phase::Open) if state.retry_after(now) == 0 => {
            (state.half_open(now), None)
        }
        (Happens::Asked, Phase::HalfOpen) if free > 0 => (state, count(1, 0, 0)),
        (Happens::Good, Phase::HalfOpen) if whole.held > 0 => (state, count(less, 1, 0)),
        (Happens::Bad, Phase::HalfOpen) if whole.held > 0 => (state, count(less, 0, 1)),
        (Happens::Unused, Phase::HalfOpen) if whole.held > 0 => (state, count(less, 0, 0)),
        (Happens::Reset, _) => (state.put(Phase::Closed, &TIMES, now, 0), None),
        (Happens::Forced(phase), _) => (state.put(phase, &TIMES, now, 0), None),
        _ => return None,
    };
    let same = changed.generation == state.generation;
    assert!(
        same || changed.generation == 6,
        "every change is one generation"
    );
    let (held, good, bad) = probes.unwrap_or_default();
    let counts = ProbeCounts {
        free: PROBES - held - good - bad,
        held,
        good,
        bad,
    };
    let after = match (changed.phase, counts.judge(WANTED)) {
        (Phase::HalfOpen, ProbeVerdict::Close) => changed.close(now),
        (Phase::HalfOpen, ProbeVerdict::Open) => changed.open(Reason::Probes, &TIMES, now, 0),
        _ => changed,
    };
    let same = after.generation == changed.generation;
    Some(Whole {
        phase: after.phase as u8,
        opens: after.opens.min(4),
        wait: after.retry_after(now),
        held: if same { held } else { 0 },
        good: if same { good } else { 0 },
        bad: if same { bad } else { 0 },
    })
}

/// Every state that can be reached, by everything that can happen.
#[test]
fn every_reachable_state_keeps_the_rules() {
    let first = Whole {
        phase: 0,
        opens: 0,
        wait: 0,
        held: 0,
        good: 0,
        bad: 0,
    };
    let mut happens = vec![
        Happens::Trip,
        Happens::TimePasses,
        Happens::Asked,
        Happens::Good,
        Happens::Bad,
        Happens::Unused,
        Happens::Reset,
    ];
    happens.extend(Phase::ALL.into_iter().skip(1).map(Happens::Forced));
    let mut seen = std::collections::HashSet::from([first]);
    let mut waiting = vec![first];
    while let Some(whole) = waiting.pop() {
        let probes = whole.held + whole.good + whole.bad;
        assert!(probes <= PROBES, "no probe too many: {whole:?}");
        let half_open = whole.phase == Phase::HalfOpen as u8;
        assert!(
            half_open || probes == 0,
            "probes belong to half-open: {whole:?}"
        );
        assert!(
            whole.good < WANTED && whole.bad <= PROBES - WANTED,
            "decided: {whole:?}"
        );
        if half_open {
            // Nobody is stuck: either a probe is there to take, or one is out.
            assert!(whole.held > 0 || probes < PROBES, "stuck: {whole:?}");
        }
        for happens in &happens {
            let Some(after) = next(whole, *happens) else {
                continue;
            };
            let closed = after.phase == Phase::Closed as u8 && whole.phase != after.phase;
            if closed && !matches!(happens, Happens::Reset) {
                assert!(
                    half_open && whole.good == WANTED - 1 && matches!(happens, Happens::Good),
                    "only good probes close: {whole:?} {happens:?}"
                );
            }
            if after.phase == Phase::HalfOpen as u8 && !half_open {
                let asked = matches!(happens, Happens::Asked) && whole.wait == 0;
                assert!(asked || matches!(happens, Happens::Forced(_)));
            }
            if seen.insert(after) {
                waiting.push(after);
            }
        }
    }
    assert!(seen.len() > 40, "{} states", seen.len());
}

#[test]
fn the_open_time_doubles_to_its_cap() {
    let times: Vec<_> = (0..6).map(|opens| TIMES.open_for(opens, 0)).collect();
    assert_eq!(times, [10, 20, 40, 50, 50, 50]);
    assert_eq!(TIMES.open_for(255, 0), 50);
    let huge = Times {
        growth: 100.0,
        max_ns: u64::MAX,
        jitter: 1.0,
        ..TIMES
    };
    assert_eq!(huge.open_for(255, u64::MAX), u64::MAX);
}

#[test]
fn a_breaker_that_stays_closed_forgets_its_opens_one_by_one() {
    // After three opens the last was 40 long.
    for (closed, left) in [
        (0, 3),
        (39, 3),
        (40, 2),
        (59, 2),
        (60, 1),
        (69, 1),
        (70, 0),
        (999, 0),
    ] {
        assert_eq!(TIMES.decayed(3, closed), left, "after {closed}");
    }
    assert_eq!(TIMES.decayed(255, u64::MAX), 0);
}

#[test]
fn any_two_words_are_a_state() {
    for word in 0..=0xffff_u64 {
        let state = State::from_words((word | 7 << 16, 9));
        assert_eq!(State::from_words(state.to_words()), state);
        assert_eq!(state.generation, 7);
        assert_eq!(state.phase, phase_of(word));
    }
    let last = State::from_words((u64::MAX, u64::MAX));
    assert_eq!(
        last.half_open(0).generation,
        1,
        "generations come round, without 0"
    );
}

proptest! {
    #[test]
    fn jitter_adds_at_most_its_part(opens in 0u8..8, random: u64, jitter in 0.0f64..=1.0) {
        let found = Times { jitter, ..TIMES }.open_for(opens, random);
        let plain = TIMES.open_for(opens, random);
        prop_assert!(found >= plain && found as f64 <= plain as f64 * (1.0 + jitter));
    }

    #[test]
    fn rates_are_compared_without_rounding(
        parts in 1u64..=PARTS,
        calls in 1u64..1_000_000,
        failures in 0u64..1_000_000,
    ) {
        let failures = failures % (calls + 1);
        let rules = Thresholds { failure_parts: parts, slow_parts: 0, minimum: 1 };
        let counts = Counts { calls, failures, slow: calls };
        let reached = failures * PARTS >= parts * calls;
        prop_assert_eq!(rules.judge(&counts), reached.then_some(Reason::FailureRate));
        if reached {
            let bad = Counts { calls: failures, failures, slow: 0 };
            prop_assert!(rules.can_trip(&bad));
        }
    }
}
