//! Clocks that leap: forward by any time, and back, as a region's word could be made to say. No leap
//! gives anybody more than a new guard would, and a long rest is a long rest.

mod common;

use common::Random;
use std::sync::atomic::Ordering::Relaxed;
use tidegate::base::outcome::Outcome;
use tidegate::engine::Engine;
use tidegate::guard::retry::Attempt;
use tidegate::guard::{BreakerPhase, Verdict};
use tidegate::region::header;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

/// A guard that is asked until it denies.
struct Subject {
    /// A section of a configuration, with a guard called `g`.
    config: &'static str,
    /// What it gives at once after a rest of `rest_ns`, and never more; large windows may give a group
    /// less.
    most: u64,
    rest_ns: u64,
    /// Asks it, with a key if it is keyed.
    ask: fn(&Engine, Option<&[u8]>) -> bool,
}

fn check(engine: &Engine, key: Option<&[u8]>) -> bool {
    let limiter = engine.find_limiter("g").expect("a limiter");
    engine.check(limiter, key, 1, None).expect("asked") == Verdict::Admitted
}

/// Goes in and does not leave.
fn enter(engine: &Engine, key: Option<&[u8]>) -> bool {
    let bulkhead = engine.find_bulkhead("g").expect("a bulkhead");
    engine
        .enter_bulkhead(bulkhead, key)
        .expect("asked")
        .is_some()
}

fn retry(engine: &Engine, _: Option<&[u8]>) -> bool {
    let retry = engine.find_retry("g").expect("a retry");
    let second = Attempt {
        number: 2,
        ..Attempt::default()
    };
    engine.next_attempt(retry, second).expect("asked").is_some()
}

/// Takes a probe of a breaker that is half-open whenever it can be, and never brings it back: then it
/// opens again.
fn probe(engine: &Engine, _: Option<&[u8]>) -> bool {
    let breaker = engine.find_breaker("g").expect("a breaker");
    if engine.breaker_phase(breaker) == Ok(BreakerPhase::Closed) {
        let open = BreakerPhase::Open;
        engine.set_breaker(breaker, open).expect("opened");
    }
    engine.acquire(breaker).expect("asked").is_some()
}

const SUBJECTS: [Subject; 12] = [
    Subject {
        config: r#""limiters": {"g": {"algorithm": "token_bucket", "rate_per_second": 10, "burst": 20}}"#,
        most: 20,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "token_bucket", "rate_per_second": 10, "burst": 20, "keyed": true}}"#,
        most: 20,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "token_bucket", "rate_per_second": 10, "burst": 30, "warm_up_seconds": 5}}"#,
        most: 10,
        rest_ns: 60 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "sliding_window", "limit": 20, "window_seconds": 2}}"#,
        most: 20,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "sliding_window", "limit": 300, "window_seconds": 2}}"#,
        most: 300,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "sliding_window", "limit": 20, "window_seconds": 2, "keyed": true}}"#,
        most: 20,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "fixed_window", "limit": 20, "window_seconds": 2}}"#,
        most: 20,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""limiters": {"g": {"algorithm": "fixed_window", "limit": 20, "window_seconds": 2, "keyed": true}}"#,
        most: 20,
        rest_ns: 2 * SECOND,
        ask: check,
    },
    Subject {
        config: r#""bulkheads": {"g": {"max_concurrent": 5, "permit_timeout_seconds": 2}}"#,
        most: 5,
        rest_ns: 2 * SECOND,
        ask: enter,
    },
    Subject {
        config: r#""bulkheads": {"g": {"max_concurrent": 5, "permit_timeout_seconds": 2, "keyed": true}}"#,
        most: 5,
        rest_ns: 2 * SECOND,
        ask: enter,
    },
    Subject {
        config: r#""retries": {"g": {"budget_ratio": 0, "budget_minimum": 5}}"#,
        most: 5,
        rest_ns: 10 * SECOND,
        ask: retry,
    },
    Subject {
        config: r#""breakers": {"g": {"open_seconds": 1, "half_open_calls": 5, "permit_timeout_seconds": 1}}"#,
        most: 5,
        rest_ns: 2 * SECOND,
        ask: probe,
    },
];

impl Subject {
    fn engine(&self) -> Engine {
        let config = self.config;
        Engine::open(&format!(r#"{{"clock": "manual", {config}}}"#)).expect("an engine")
    }

    /// How often it admits until it denies, or beyond what it may.
    fn drain(&self, engine: &Engine) -> u64 {
        let key = self.config.contains("keyed").then_some(&b"k"[..]);
        let is_within = |given: &u64| *given <= self.most && (self.ask)(engine, key);
        (0..).take_while(is_within).count() as u64
    }

    /// After a rest it gives all that it has. A breaker whose probes are overdue opens again first.
    fn is_rested(&self, engine: &Engine) {
        engine.advance_clock(self.rest_ns).expect("advanced");
        let mut given = self.drain(engine);
        if given == 0 {
            engine.advance_clock(self.rest_ns).expect("advanced");
            given = self.drain(engine);
        }
        let least = if self.most > 64 {
            self.most * 95 / 100
        } else {
            self.most
        };
        assert!(
            (least..=self.most).contains(&given),
            "{given}: {}",
            self.config
        );
    }
}

#[test]
fn a_leap_forward_is_a_long_rest() {
    for subject in SUBJECTS {
        let engine = subject.engine();
        for leap_ns in [0, 1, SECOND, HOUR, 24 * HOUR, 365 * 24 * HOUR, 1 << 58] {
            engine.advance_clock(leap_ns).expect("advanced");
            subject.is_rested(&engine);
            assert_eq!(subject.drain(&engine), 0, "{}", subject.config);
        }
    }
}

#[test]
fn no_leap_gives_more_than_a_new_guard() {
    for subject in SUBJECTS {
        let engine = subject.engine();
        let clock = engine.region().words().get(header::MANUAL_NOW);
        let clock = clock.expect("a clock");
        let (mut random, mut latest) = (Random(7), 0);
        for _ in 0..500 {
            let long = [SECOND / 100, SECOND, HOUR, 1000 * HOUR][random.below(4) as usize];
            let by_ns = random.below(long);
            let now = clock.load(Relaxed);
            let then = match random.below(2) {
                0 => now.saturating_sub(by_ns),
                _ => now + by_ns,
            };
            clock.store(then, Relaxed);
            latest = latest.max(then);
            let given = subject.drain(&engine);
            assert!(given <= subject.most, "{}: {now} to {then}", subject.config);
            engine.snapshot();
        }
        // Once the time is reached that somebody saw, all is as ever.
        clock.store(latest, Relaxed);
        engine.advance_clock(subject.rest_ns).expect("advanced");
        subject.is_rested(&engine);
    }
}

#[test]
fn a_breaker_forgets_what_a_leap_left_behind() {
    for leap_ns in [11 * SECOND, HOUR, 1 << 60] {
        let engine = common::manual_engine();
        let config = r#"{"minimum_calls": 4, "window": {"seconds": 10}, "open_seconds": 5}"#;
        let breaker = engine.open_breaker_from("b", config).expect("a breaker");
        let call = |outcome| {
            let permit = engine.acquire(breaker).expect("asked").expect("closed");
            engine
                .report(breaker, permit, outcome, 0.1)
                .expect("reported");
        };
        for _ in 0..3 {
            call(Outcome::Failure);
        }
        engine.advance_clock(leap_ns).expect("advanced");
        call(Outcome::Failure);
        let reading = engine.read_breaker(breaker).expect("read");
        assert_eq!((reading.phase, reading.calls), (BreakerPhase::Closed, 1));
        for _ in 0..3 {
            call(Outcome::Failure);
        }
        assert_eq!(engine.breaker_phase(breaker), Ok(BreakerPhase::Open));
    }
}

#[test]
fn a_throttle_forgets_what_a_leap_left_behind() {
    let engine = common::manual_engine();
    let throttle = engine
        .open_throttle_from("t", r#"{"seed": 3, "window_seconds": 30}"#)
        .expect("a throttle");
    for leap_ns in [31 * SECOND, HOUR, 1 << 60] {
        for _ in 0..100 {
            let failure = Outcome::Failure;
            engine.report_throttle(throttle, failure).expect("reported");
        }
        let rejection = |engine: &Engine| engine.snapshot().throttles[0].rejection;
        assert!(rejection(&engine) > 0.7);
        engine.advance_clock(leap_ns).expect("advanced");
        assert_eq!(rejection(&engine), 0.0);
    }
}
