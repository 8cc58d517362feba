//! Burn rates, budgets and the states of alerts: arithmetic, no memory, no clock.
//!
//! The *burn rate* is how many times faster than allowed the error budget is spent: 1 spends it all
//! in exactly one period. An alert of the SRE workbook looks at two windows: the long one says that
//! it matters, the short one that it still goes on.
//!
//! ```text
//!   inactive --burns--> pending --burns for `hold`--> firing --quiet for `keep`--> resolved
//!      ^                   | stops                      ^                             | burns
//!      +-------------------+                            +------- pending <------------+
//! ```
//! Quiet is less than burning no more: one of the windows must be a tenth below the alert's rate,
//! so that a rate that wavers around it does not ring twice.

/// Below this share of an alert's rate a window counts as quiet.
const QUIET: f64 = 0.9;

/// Good events and all events of some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Those that were good.
    pub good: u64,
    /// All.
    pub total: u64,
}

impl Events {
    /// What came since `earlier`.
    pub fn since(self, earlier: Events) -> Events {
        let total = self.total.saturating_sub(earlier.total);
        Events {
            good: self.good.saturating_sub(earlier.good).min(total),
            total,
        }
    }

    /// How many times faster than allowed the budget is spent; 0 without events.
    pub fn burn_rate(self, target: f64) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let bad = self.total.saturating_sub(self.good);
        bad as f64 / self.total as f64 / (1.0 - target)
    }

    /// Share of the error budget that is left, below 0 when it is overspent; 1 without events.
    pub fn budget_left(self, target: f64) -> f64 {
        1.0 - self.burn_rate(target)
    }
}

/// What an alert is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Inactive,
    /// It burns, but not for long enough.
    Pending,
    /// Somebody should look.
    Firing,
    /// It fired, and is over.
    Resolved,
}

impl State {
    /// Every state.
    pub const ALL: [State; 4] = [
        State::Inactive,
        State::Pending,
        State::Firing,
        State::Resolved,
    ];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            State::Inactive => "inactive",
            State::Pending => "pending",
            State::Firing => "firing",
            State::Resolved => "resolved",
        }
    }

    fn from_number(number: u64) -> Self {
        match number & 3 {
            0 => State::Inactive,
            1 => State::Pending,
            2 => State::Firing,
            _ => State::Resolved,
        }
    }
}

/// An alert's state, since when, and since when it has been quiet while it fires.
///
/// ```text
/// 63..62 state | 61..31 since, seconds | 30..0 quiet since, seconds + 1, or 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it does.
    pub state: State,
    /// Region time in seconds when it began to.
    pub since: u64,
    /// Region time in seconds since which a firing alert has been quiet.
    pub quiet_since: Option<u64>,
}

const SECONDS_BITS: u32 = 31;
const SECONDS: u64 = (1 << SECONDS_BITS) - 1;

/// What the two windows of an alert say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    /// Burn rate of the long window.
    pub long: f64,
    /// Burn rate of the short window.
    pub short: f64,
    /// True when the long window has events enough to judge by.
    pub is_enough: bool,
}

/// What an alert waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waits {
    /// Burn rate that both windows must be above.
    pub burn_rate: f64,
    /// Seconds for which it must burn before it fires.
    pub hold: u64,
    /// Seconds for which it must be quiet before it is resolved.
    pub keep: u64,
}

impl Alert {
    /// The alert in one word.
    pub fn pack(self) -> u64 {
        let quiet = self.quiet_since.map_or(0, |since| (since + 1).min(SECONDS));
        (self.state as u64) << (2 * SECONDS_BITS) | self.since.min(SECONDS) << SECONDS_BITS | quiet
    }

    /// The alert of a word; every word is one.
    pub fn unpack(word: u64) -> Self {
        Alert {
            state: State::from_number(word >> (2 * SECONDS_BITS)),
            since: word >> SECONDS_BITS & SECONDS,
            quiet_since: (word & SECONDS).checked_sub(1),
        }
    }

    /// What it becomes at `now`, in seconds.
    pub fn step(self, windows: Windows, waits: Waits, now: u64) -> Alert {
        let burns = |share: f64| {
            let least = waits.burn_rate * share;
            windows.long > least && windows.short > least
        };
        let begin = |state| Alert {
            state,
            since: now,
            quiet_since: None,
        };
        let is_burning = windows.is_enough && burns(1.0);
        match self.state {
            State::Inactive | State::Resolved if is_burning && waits.hold == 0 => {
                begin(State::Firing)
            }
            State::Inactive | State::Resolved if is_burning => begin(State::Pending),
            State::Pending if !is_burning => begin(State::Inactive),
            State::Pending if now.saturating_sub(self.since) >= waits.hold => begin(State::Firing),
            State::Firing if burns(QUIET) => Alert {
                quiet_since: None,
                ..self
            },
            State::Firing => {
                let quiet_since = self.quiet_since.unwrap_or(now);
                if now.saturating_sub(quiet_since) >= waits.keep {
                    begin(State::Resolved)
                } else {
                    Alert {
                        quiet_since: Some(quiet_since),
                        ..self
                    }
                }
            }
            _ => self,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WAITS: Waits = Waits {
        burn_rate: 10.0,
        hold: 60,
        keep: 300,
    };

    fn windows(long: f64, short: f64) -> Windows {
        Windows {
            long,
            short,
            is_enough: true,
        }
    }

    /// The states after each second of the list: (until, long, short).
    fn run(steps: &[(u64, f64, f64)]) -> Vec<(u64, State)> {
        let mut alert = Alert::unpack(0);
        let (mut now, mut seen) = (0, vec![]);
        for (until, long, short) in steps {
            while now < *until {
                let next = alert.step(windows(*long, *short), WAITS, now);
                if next.state != alert.state {
                    seen.push((now, next.state));
                }
                alert = next;
                now += 1;
            }
        }
        seen
    }

    #[test]
    fn it_fires_when_both_windows_burn_for_long_enough() {
        assert_eq!(run(&[(100, 10.0, 99.0), (200, 99.0, 10.0)]), []);
        assert_eq!(
            run(&[(10, 0.0, 0.0), (69, 10.1, 10.1), (100, 0.0, 99.0)]),
            [(10, State::Pending), (69, State::Inactive)]
        );
        assert_eq!(
            run(&[(10, 0.0, 0.0), (71, 10.1, 10.1)]),
            [(10, State::Pending), (70, State::Firing)]
        );
    }

    #[test]
    fn it_is_resolved_when_it_was_quiet_for_long_enough() {
        let burning = (100, 20.0, 20.0);
        assert_eq!(
            run(&[
                burning,
                (399, 20.0, 0.0),
                (400, 20.0, 20.0),
                (699, 20.0, 0.0)
            ]),
            [(0, State::Pending), (60, State::Firing)]
        );
        assert_eq!(
            run(&[burning, (401, 20.0, 0.0)]),
            [
                (0, State::Pending),
                (60, State::Firing),
                (400, State::Resolved)
            ]
        );
        assert_eq!(
            run(&[burning, (9000, 20.0, 9.1)]),
            [(0, State::Pending), (60, State::Firing)]
        );
        assert_eq!(run(&[burning, (9000, 20.0, 9.0)]).len(), 3);
    }

    #[test]
    fn a_resolved_alert_can_fire_again() {
        let states = run(&[(100, 20.0, 20.0), (500, 0.0, 0.0), (600, 20.0, 20.0)]);
        assert_eq!(states[3..], [(500, State::Pending), (560, State::Firing)]);
    }

    #[test]
    fn too_few_events_do_not_ring_but_do_not_resolve_either() {
        let few = Windows {
            is_enough: false,
            ..windows(99.0, 99.0)
        };
        assert_eq!(Alert::unpack(0).step(few, WAITS, 9).state, State::Inactive);
        let firing = Alert {
            state: State::Firing,
            since: 5,
            quiet_since: None,
        };
        assert_eq!(firing.step(few, WAITS, 10_000), firing);
    }

    #[test]
    fn budgets_and_burn_rates() {
        let events = Events {
            good: 990,
            total: 1000,
        };
        assert!((events.burn_rate(0.99) - 1.0).abs() < 1e-9);
        assert!((events.burn_rate(0.999) - 10.0).abs() < 1e-9);
        assert!(events.budget_left(0.99).abs() < 1e-9);
        assert!((events.budget_left(0.98) - 0.5).abs() < 1e-9);
        assert_eq!(Events::default().burn_rate(0.99), 0.0);
        assert_eq!(Events::default().budget_left(0.99), 1.0);
        let damaged = Events { good: 9, total: 1 };
        assert_eq!(damaged.burn_rate(0.5), 0.0);
    }

    proptest! {
        #[test]
        fn every_word_is_an_alert(word: u64) {
            let alert = Alert::unpack(word);
            prop_assert_eq!(Alert::unpack(alert.pack()), alert);
        }
    }
}
