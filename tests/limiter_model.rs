//! Limiters through the public interface, against slow and obvious models: never early, never
//! late, one key never at another's cost, and never one unit too many whoever races.

use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::base::error::Kind;
use tidegate::cell::planes::Planes;
use tidegate::guard::{self, Decision, LimiterPolicy, Tallies, Verdict};
use tidegate::region::layout::Limits;
use tidegate::region::{Region, header};

const WINDOW_NS: u64 = 1_000_000_000;

struct Guarded {
    region: Region,
    planes: Planes,
}

impl Guarded {
    fn new(manual_clock: u64) -> Self {
        let limits = Limits {
            total_words: 1 << 18,
            max_series: 64,
            max_series_per_name: 16,
            max_limiters: 8,
            max_guards: 4,
            max_operations: 4,
            max_events: 64,
            max_workers: 4,
            max_shards: 0,
            stripes: 4,
            slot_ns: 10_000_000_000,
            manual_clock,
        };
        let region = Region::anonymous(limits, "", true).unwrap();
        let planes = Planes::of(&region);
        Guarded { region, planes }
    }

    fn open(&self, name: &str, policy: &str) -> u64 {
        let policy = serde_json::from_str(policy).unwrap();
        let policy = LimiterPolicy::parse("limiters.test", &policy).unwrap();
        guard::open(&self.region, name, &policy).unwrap()
    }

    fn check(&self, id: u64, key: Option<&[u8]>, cost: u32) -> (bool, Decision) {
        let mut decision = Decision::default();
        let verdict = guard::check(
            &self.region,
            &self.planes,
            id,
            key,
            cost,
            Some(&mut decision),
        )
        .unwrap();
        (verdict == Verdict::Admitted, decision)
    }

    fn is_admitted(&self, id: u64, key: Option<&[u8]>) -> bool {
        let verdict = guard::check(&self.region, &self.planes, id, key, 1, None);
        verdict.unwrap() == Verdict::Admitted
    }

    fn error(&self, id: u64, key: Option<&[u8]>, cost: u32) -> Kind {
        guard::check(&self.region, &self.planes, id, key, cost, None)
            .unwrap_err()
            .kind()
    }

    fn tallies(&self) -> Tallies {
        guard::list(&self.region, &self.planes)[0].tallies
    }

    fn advance(&self, by_ns: u64) {
        assert!(self.region.clock().advance(by_ns));
    }
}

fn bucket(rate: f64, burst: u64, more: &str) -> String {
    format!(r#"{{"algorithm":"token_bucket","rate_per_second":{rate},"burst":{burst}{more}}}"#)
}

fn window(limit: u64, more: &str) -> String {
    format!(r#"{{"algorithm":"sliding_window","limit":{limit},"window_seconds":1{more}}}"#)
}

/// What both algorithms promise, in exact and slow arithmetic.
trait Model {
    fn left(&mut self, now: u64) -> u64;
    fn take(&mut self, cost: u64, now: u64);
}

/// A bucket whose rate is `per_1000_s` units in 1000 seconds: 10^12 parts a unit.
struct Bucket {
    per_1000_s: u64,
    burst: u64,
    lacking: u128,
    seen: u64,
}

const PARTS: u128 = 1_000_000_000_000;

impl Model for Bucket {
    fn left(&mut self, now: u64) -> u64 {
        let back = u128::from(now - self.seen) * u128::from(self.per_1000_s);
        (self.lacking, self.seen) = (self.lacking.saturating_sub(back), now);
        ((u128::from(self.burst) * PARTS - self.lacking) / PARTS) as u64
    }

    fn take(&mut self, cost: u64, _now: u64) {
        self.lacking += u128::from(cost) * PARTS;
    }
}

/// The log of all admissions.
struct Log {
    limit: u64,
    times: Vec<u64>,
}

impl Model for Log {
    fn left(&mut self, now: u64) -> u64 {
        self.times.retain(|time| time + WINDOW_NS > now);
        self.limit - self.times.len() as u64
    }

    fn take(&mut self, cost: u64, now: u64) {
        self.times.extend((0..cost).map(|_| now));
    }
}

#[derive(Clone, Debug)]
struct Call {
    after_ns: u64,
    key: u8,
    cost: u32,
    waits: bool,
}

fn calls(keys: u8) -> impl Strategy<Value = Vec<Call>> {
    let call = (0u64..400_000_000, 0..keys, 1u32..6, any::<bool>());
    let call = call.prop_map(|(after_ns, key, cost, waits)| Call {
        after_ns,
        key,
        cost,
        waits,
    });
    prop::collection::vec(call, 1..250)
}

/// Plays `calls` against `policy` and one model for each key.
fn play(
    policy: &str,
    limit: u64,
    calls: Vec<Call>,
    new_model: impl Fn() -> Box<dyn Model>,
) -> Result<(), TestCaseError> {
    let guarded = Guarded::new(1);
    let id = guarded.open("limiter", policy);
    let is_keyed = policy.contains("keyed");
    let (mut models, mut now) = (HashMap::new(), 0);
    for Call {
        after_ns,
        key,
        cost,
        waits,
    } in calls
    {
        let key = if is_keyed { key } else { 0 };
        let name = format!("key {key}").into_bytes();
        let name = is_keyed.then_some(&name[..]);
        let model = models.entry(key).or_insert_with(&new_model);
        let cost = cost.min(limit as u32);
        guarded.advance(after_ns);
        now += after_ns;
        let left = model.left(now);
        let (admitted, decision) = guarded.check(id, name, cost);
        prop_assert_eq!(
            admitted,
            u64::from(cost) <= left,
            "{} left, {:?}",
            left,
            decision
        );
        prop_assert_eq!(decision.limit, limit);
        if admitted {
            model.take(cost.into(), now);
            prop_assert_eq!(decision.remaining, left - u64::from(cost));
            prop_assert_eq!(decision.retry_after_ns, 0);
            prop_assert!(decision.reset_after_ns > 0);
        } else {
            prop_assert_eq!(decision.remaining, left);
            prop_assert!(decision.retry_after_ns > 0);
            prop_assert!(decision.retry_after_ns <= decision.reset_after_ns);
            if waits {
                guarded.advance(decision.retry_after_ns - 1);
                prop_assert!(!guarded.check(id, name, cost).0, "1 ns early");
                guarded.advance(1);
                now += decision.retry_after_ns;
                model.left(now);
                prop_assert!(guarded.check(id, name, cost).0, "in time");
                model.take(cost.into(), now);
            }
        }
        if waits {
            // Waiting for the reset makes it whole, to the nanosecond.
            let reset = guarded.check(id, name, limit as u32).1.reset_after_ns;
            if model.left(now) == limit {
                model.take(limit, now);
            }
            if reset > 1 {
                guarded.advance(reset - 1);
                prop_assert!(!guarded.check(id, name, limit as u32).0);
                guarded.advance(1);
                now += reset;
                prop_assert_eq!(model.left(now), limit);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_bucket_is_the_exact_model(
        // Thousandths up to 10 a second, tenths up to 1000: rates that are kept exactly.
        per_1000_s in prop_oneof![1u64..10_000, (1u64..10_000).prop_map(|tenths| tenths * 100)],
        burst in 5u64..60,
        keyed in any::<bool>(),
        calls in calls(5),
    ) {
        let more = if keyed { r#","keyed":true,"max_keys":100"# } else { "" };
        let policy = bucket(per_1000_s as f64 / 1000.0, burst, more);
        play(&policy, burst, calls, || {
            Box::new(Bucket { per_1000_s, burst, lacking: 0, seen: 0 })
        })?;
    }

    #[test]
    fn a_window_of_up_to_64_is_the_log(
        limit in 5u64..=64,
        keyed in any::<bool>(),
        calls in calls(5),
    ) {
        let more = if keyed { r#","keyed":true,"max_keys":100"# } else { "" };
        play(&window(limit, more), limit, calls, || Box::new(Log { limit, times: Vec::new() }))?;
    }

    /// Many keys through a table for very few: entries are reused without anybody losing units.
    /// Only a key that finds no room is denied, and says how long.
    #[test]
    fn entries_are_reused_without_loss(
        is_bucket in any::<bool>(),
        calls in prop::collection::vec((0u64..300_000_000, 0u8..60), 1..600),
    ) {
        let guarded = Guarded::new(1);
        let more = r#","keyed":true,"max_keys":1"#;
        let policy = if is_bucket { bucket(2.0, 3, more) } else { window(3, more) };
        let id = guarded.open("limiter", &policy);
        let new_model = || -> Box<dyn Model> {
            if is_bucket {
                Box::new(Bucket { per_1000_s: 2000, burst: 3, lacking: 0, seen: 0 })
            } else {
                Box::new(Log { limit: 3, times: Vec::new() })
            }
        };
        let (mut models, mut now, mut full) = (HashMap::new(), 0, 0);
        for (after_ns, key) in calls {
            guarded.advance(after_ns);
            now += after_ns;
            let model = models.entry(key).or_insert_with(new_model);
            let (admitted, decision) = guarded.check(id, Some(&[key]), 1);
            let left = model.left(now);
            let denied_full = guarded.tallies().denied_full;
            if denied_full > full {
                full = denied_full;
                prop_assert_eq!(left, 3, "only a key without an entry finds no room");
                guarded.advance(decision.retry_after_ns);
                now += decision.retry_after_ns;
                prop_assert!(guarded.is_admitted(id, Some(&[key])), "room after the wait");
            } else {
                prop_assert_eq!(admitted, left > 0);
            }
            let model = models.get_mut(&key).unwrap();
            if admitted || decision.remaining == 0 && left == 3 {
                model.left(now);
                model.take(1, now);
            }
        }
    }

    /// A region in which anything was overwritten gives errors or wrong answers, nothing worse.
    #[test]
    fn a_damaged_region_does_no_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 0u8..4), 1..40),
        keys in any::<[u8; 8]>(),
    ) {
        let guarded = Guarded::new(1);
        let keyed = r#","keyed":true,"max_keys":20,"when_full":"evict""#;
        let policies =
            [bucket(3.5, 9, ""), bucket(100.0, 9, keyed), window(9, ""), window(500, keyed)];
        let ids: Vec<u64> = (0..)
            .zip(&policies)
            .map(|(name, policy)| guarded.open(&format!("l{name}"), policy))
            .collect();
        let words = guarded.region.words();
        let layout = guarded.region.layout();
        let (first, last) = (layout.limiters.at, layout.limiters.at + 8 * layout.limiters.stride);
        let heap = layout.heap..layout.heap + guarded.region.heap_used() as usize;
        for (place, value, how) in damage {
            let at = if how % 2 == 0 { first + place.index(last - first) } else {
                heap.start + place.index(heap.len())
            };
            let old = words.load(at);
            words.store(at, match how {
                0 | 1 => value,
                2 => old ^ 1 << (value % 64),
                _ => value % 5,
            });
            for (id, policy) in ids.iter().zip(&policies) {
                guarded.advance(1_000_000);
                for key in keys {
                    let key = policy.contains("keyed").then_some([key]);
                    let key = key.as_ref().map(|key| &key[..]);
                    let mut decision = Decision::default();
                    let _ = guard::check(
                        &guarded.region, &guarded.planes, *id, key, 2, Some(&mut decision),
                    );
                }
            }
            guard::list(&guarded.region, &guarded.planes);
            guard::find(&guarded.region, b"l1");
            let again = serde_json::from_str(&policies[0]).unwrap();
            let _ = guard::open(
                &guarded.region, "l0", &LimiterPolicy::parse("x", &again).unwrap(),
            );
        }
    }
}

/// Calls `check` from four threads at once until it says no often; how often it said yes.
fn hammer(check: impl Fn() -> bool + Sync) -> u64 {
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut denied = 0;
                while denied < 2000 {
                    if check() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    } else {
                        denied += 1;
                    }
                }
            });
        }
    });
    admitted.into_inner()
}

/// Limits for which nothing comes back while a test runs.
fn still_policies(limit: u64, more: &str) -> [String; 2] {
    let window =
        format!(r#"{{"algorithm":"sliding_window","limit":{limit},"window_seconds":86400{more}}}"#);
    [bucket(1e-4, limit, more), window]
}

#[test]
fn threads_never_take_one_unit_too_many() {
    for clock in [0, 1] {
        for policy in still_policies(50_000, "")
            .iter()
            .chain(&still_policies(64, ""))
        {
            let guarded = Guarded::new(clock);
            let id = guarded.open("limiter", policy);
            let admitted = hammer(|| guarded.is_admitted(id, None));
            let limit = if policy.contains("50000") { 50_000 } else { 64 };
            assert_eq!(admitted, limit, "{policy}");
            let tallies = guarded.tallies();
            assert_eq!((tallies.admitted, tallies.admitted_units), (limit, limit));
            assert_eq!(tallies.denied, 8000);
        }
    }
}

#[test]
fn threads_that_enter_one_key_share_its_limit() {
    for policy in still_policies(7, r#","keyed":true,"max_keys":1000"#) {
        let guarded = Guarded::new(0);
        let id = guarded.open("limiter", &policy);
        let admitted: Vec<AtomicU64> = (0..1000).map(|_| AtomicU64::new(0)).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for (key, admitted) in admitted.iter().enumerate() {
                        for _ in 0..9 {
                            if guarded.is_admitted(id, Some(&key.to_le_bytes())) {
                                admitted.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                });
            }
        });
        let wrong: Vec<_> = admitted
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .filter(|n| *n != 7)
            .collect();
        assert!(wrong.is_empty(), "{policy}: {wrong:?}");
        assert_eq!(
            guard::list(&guarded.region, &guarded.planes)[0].keys_used,
            1000
        );
    }
}

/// Keys are evicted all the time by four threads; a key's units between two evictions still never
/// exceed its limit, so all together stay below limit * (keys + evictions).
#[test]
fn evictions_give_no_more_than_a_new_limit() {
    for policy in still_policies(5, r#","keyed":true,"max_keys":1,"when_full":"evict""#) {
        let guarded = Guarded::new(0);
        let id = guarded.open("limiter", &policy);
        let admitted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (guarded, admitted) = (&guarded, &admitted);
                scope.spawn(move || {
                    for call in 0..20_000u64 {
                        let key = (call * 7 + thread * 13) % 40;
                        if guarded.is_admitted(id, Some(&key.to_le_bytes())) {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let tallies = guarded.tallies();
        assert!(tallies.evicted > 100, "{tallies:?}");
        let most = 5 * (40 + tallies.evicted + tallies.reused);
        assert!(admitted.into_inner() <= most, "{policy} {tallies:?}");
    }
}

#[test]
#[cfg(unix)]
fn forked_processes_share_one_limit() {
    for policy in still_policies(30_000, "")
        .iter()
        .chain(&still_policies(64, r#","keyed":true,"max_keys":9"#))
    {
        let guarded = Guarded::new(0);
        let id = guarded.open("limiter", policy);
        let key = policy.contains("keyed").then_some(&b"user"[..]);
        let children: Vec<i32> = (0..4)
            .map(|_| {
                // SAFETY: the child only checks the limiter and ends.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    let mut denied = 0;
                    while denied < 1000 {
                        denied += u32::from(!guarded.is_admitted(id, key));
                    }
                    // SAFETY: ends the child without running the parent's destructors.
                    unsafe { libc::_exit(0) };
                }
                child
            })
            .collect();
        for child in children {
            let mut status = 0;
            // SAFETY: waits for our own child.
            unsafe { libc::waitpid(child, &mut status, 0) };
            assert_eq!(status, 0);
        }
        let limit = if key.is_some() { 64 } else { 30_000 };
        assert_eq!(guarded.tallies().admitted, limit, "{policy}");
    }
}

/// Workers killed at random: whatever they took is taken, and the others get exactly the rest.
#[test]
#[cfg(unix)]
fn killed_processes_neither_block_nor_lose() {
    for policy in still_policies(3, r#","keyed":true,"max_keys":3000"#) {
        let guarded = Guarded::new(0);
        let id = guarded.open("limiter", &policy);
        for round in 0..30u64 {
            // SAFETY: the child only checks the limiter until it is killed.
            let child = unsafe { libc::fork() };
            if child == 0 {
                for key in 0.. {
                    let key: u64 = round * 100 + key % 100;
                    guarded.is_admitted(id, Some(&key.to_le_bytes()));
                }
            }
            std::thread::sleep(std::time::Duration::from_micros(300 + round * 50));
            // SAFETY: kills and awaits our own child.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, std::ptr::null_mut(), 0);
            }
        }
        for key in 0..3000u64 {
            let mine = (0..5).filter(|_| guarded.is_admitted(id, Some(&key.to_le_bytes())));
            assert!(mine.count() <= 3);
            assert!(!guarded.is_admitted(id, Some(&key.to_le_bytes())), "{key}");
        }
    }
}

#[test]
fn what_happens_when_full_is_the_policys_choice() {
    for clock in [0, 1] {
        for (when_full, admits) in [("deny", 16), ("allow", 100), ("evict", 100)] {
            let more = format!(r#","keyed":true,"max_keys":1,"when_full":"{when_full}""#);
            for policy in still_policies(1, &more) {
                let guarded = Guarded::new(clock);
                let id = guarded.open("limiter", &policy);
                let admitted = (0..100u8)
                    .filter(|key| guarded.is_admitted(id, Some(&[*key])))
                    .count();
                assert_eq!(admitted, admits, "{policy}");
                let tallies = guarded.tallies();
                let denied = 100 - admits as u64;
                assert_eq!((tallies.admitted, tallies.denied), (admits as u64, denied));
                assert_eq!(tallies.denied_full, denied);
                assert_eq!(
                    tallies.allowed_full,
                    if when_full == "allow" { 84 } else { 0 }
                );
                assert_eq!(tallies.evicted, if when_full == "evict" { 84 } else { 0 });
                assert_eq!(tallies.reused, 0);
                let (_, decision) = guarded.check(id, Some(b"one more"), 1);
                assert_eq!(decision.limit, 1);
                assert_eq!(decision.retry_after_ns > 0, when_full == "deny");
                assert_eq!(
                    guard::list(&guarded.region, &guarded.planes)[0].keys_used,
                    16
                );
            }
        }
    }
}

#[test]
fn wrong_calls_are_errors_that_change_nothing() {
    let guarded = Guarded::new(1);
    let plain = guarded.open("plain", &bucket(1.0, 5, ""));
    let keyed = guarded.open("keyed", &window(5, r#","keyed":true"#));
    assert_eq!(guarded.error(plain, None, 0), Kind::Argument);
    assert_eq!(guarded.error(plain, None, 6), Kind::Range);
    assert_eq!(guarded.error(plain, None, u32::MAX), Kind::Range);
    assert_eq!(guarded.error(plain, Some(b""), 1), Kind::Argument);
    assert_eq!(guarded.error(keyed, None, 1), Kind::Argument);
    assert_eq!(guarded.error(keyed, Some(b"x"), 6), Kind::Range);
    assert_eq!(guarded.error(keyed, Some(&[7; 65_537]), 1), Kind::Argument);
    for id in [0, 1, plain + 1, keyed ^ 1 << 30, plain ^ 1 << 62, u64::MAX] {
        assert_eq!(guarded.error(id, None, 1), Kind::Stale, "{id:#x}");
    }
    let other = Guarded::new(1);
    let foreign = other.open("plain", &bucket(1.0, 5, ""));
    assert_eq!(guarded.error(foreign, None, 1), Kind::Stale);
    assert!(guarded.check(plain, None, 5).0);
    assert!(
        guarded.check(keyed, Some(b""), 5).0,
        "an empty key is a key"
    );
    assert!(guarded.check(keyed, Some(&[7; 65_536]), 5).0);
    let decision = guarded.check(plain, None, 5).1;
    let expected = Decision {
        limit: 5,
        remaining: 0,
        retry_after_ns: 5 * WINDOW_NS,
        reset_after_ns: 5 * WINDOW_NS,
    };
    assert_eq!(decision, expected);
}

#[test]
fn a_clock_at_its_end_keeps_the_limits() {
    for policy in [bucket(997.0, 3, ""), window(3, ""), window(100, "")] {
        let guarded = Guarded::new(1);
        let id = guarded.open("limiter", &policy);
        guarded.advance(u64::MAX);
        let admitted = (0..1000).filter(|_| guarded.is_admitted(id, None)).count();
        assert_eq!(
            admitted,
            if policy.contains("100,") { 100 } else { 3 },
            "{policy}"
        );
        assert!(guarded.region.words().load(header::MANUAL_NOW) > 1 << 60);
    }
}

/// With the real clock, in a tenth of a second of hammering: never more than the exact rate.
#[test]
fn the_real_clock_never_admits_too_many() {
    for (rate, burst) in [(20_000.0, 100), (1000.0, 1), (30.0, 50)] {
        let guarded = Guarded::new(0);
        let id = guarded.open("limiter", &bucket(rate, burst, ""));
        let begun = std::time::Instant::now();
        let mut admitted = 0u64;
        while begun.elapsed().as_millis() < 200 {
            admitted += u64::from(guarded.is_admitted(id, None));
        }
        let most = burst as f64 + rate * begun.elapsed().as_secs_f64();
        assert!(admitted as f64 <= most, "{admitted} of {most}");
        assert!(admitted > burst, "{admitted} of {most}");
    }
}
