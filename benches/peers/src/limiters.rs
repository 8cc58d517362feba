//! Token buckets, keyed tables of them, and sliding windows.

use crate::Bench;
use crate::input::{self, CALLS, Spread};
use crate::measure::Group;
use crate::metrics::engine;
use crate::shared_library::Library;
use governor::clock::{MonotonicClock, QuantaClock};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use trypema::RateLimiterBuilder;

const ADMITTED: (f64, f64) = (16.0, 80.0);
const DENIED: (f64, f64) = (14.0, 16.0);
const ZIPF: (f64, f64) = (40.0, 50.0);
const UNIFORM: (f64, f64) = (130.0, 150.0);
const WINDOW: (f64, f64) = (30.0, 80.0);

const RATE: u32 = 1000;
const BURST: u32 = 1_000_000_000;
/// No bucket is full, none runs empty: half of it is taken before anything is measured.
const TAKEN: u32 = BURST / 2;

/// One turn over sliding windows: at most each key's limit.
const WINDOW_CALLS: usize = 1 << 21;
const WINDOW_LIMIT: u32 = 60;
const WINDOW_KEYS: usize = WINDOW_CALLS / WINDOW_LIMIT as usize + 1;

pub fn run(bench: &Bench) {
    let library = bench.library.as_ref();
    bench.group("token bucket: admitted", || admitted(library));
    bench.group("token bucket: denied", || denied(library));
    bench.group("keyed token bucket: 10,000 keys, zipf", || {
        keyed(
            "keyed token bucket: 10,000 keys, zipf",
            library,
            10_000,
            Spread::Zipf,
            ZIPF,
        )
    });
    bench.group("keyed token bucket: 1,000,000 keys, uniform", || {
        let title = "keyed token bucket: 1,000,000 keys, uniform";
        keyed(title, library, 1_000_000, Spread::Uniform, UNIFORM)
    });
    let title = "sliding window: 60 a key in a row, admitted";
    bench.group(title, || windows(title, library, WINDOW, in_a_row));
    let title = "sliding window: 60 a key, keys in turn, admitted";
    bench.group(title, || {
        windows(title, library, (f64::NAN, f64::NAN), in_turn)
    });
}

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).expect("not zero")
}

fn quota() -> Quota {
    Quota::per_second(number(RATE)).allow_burst(number(BURST))
}

fn bucket(more: &str) -> String {
    format!(r#"{{"algorithm": "token_bucket", "rate_per_second": {RATE}, "burst": {BURST}{more}}}"#)
}

fn admitted(library: Option<&Library>) -> Group<'_> {
    let mut group = Group::new("token bucket: admitted");
    let engine = engine();
    let word = AtomicU64::new(0);
    group.add("floor: coarse clock, one compare and swap", move |_| {
        let now = engine.region().clock().coarse();
        let mut old = word.load(Ordering::Acquire);
        while let Err(found) = word.compare_exchange(
            old,
            old.wrapping_add(now),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            old = found;
        }
    });
    if let Some(library) = library {
        let id = library.limiter("admitted", &bucket(""));
        assert_eq!(library.check(id, None, TAKEN), 0);
        group.add_ours("tidegate through C", ADMITTED, move |_| {
            library.check(id, None, 1)
        });
    }
    let engine = self::engine();
    let id = engine
        .open_limiter_from("admitted", &bucket(""))
        .expect("a limiter");
    engine.check(id, None, TAKEN, None).expect("a check");
    group.add("tidegate", move |_| engine.check(id, None, 1, None).is_ok());

    let limiter = RateLimiter::direct_with_clock(quota(), QuantaClock::default());
    limiter
        .check_n(number(TAKEN))
        .expect("it fits")
        .expect("a full bucket");
    group.add("governor, quanta", move |_| limiter.check().is_ok());
    let limiter = RateLimiter::direct_with_clock(quota(), MonotonicClock);
    limiter
        .check_n(number(TAKEN))
        .expect("it fits")
        .expect("a full bucket");
    group.add("governor, std", move |_| limiter.check().is_ok());
    let limiter = ratelimit::Ratelimiter::builder(RATE.into())
        .max_tokens(BURST.into())
        .initial_available(TAKEN.into())
        .build()
        .expect("a limiter");
    group.add("ratelimit", move |_| limiter.try_wait().is_ok());
    let limiter = leaky_bucket::RateLimiter::builder()
        .max(BURST as usize)
        .initial(TAKEN as usize)
        .refill(RATE as usize)
        .interval(Duration::from_secs(1))
        .build();
    group.add("leaky-bucket", move |_| limiter.try_acquire(1));
    group
}

fn denied(library: Option<&Library>) -> Group<'_> {
    let mut group = Group::new("token bucket: denied");
    let engine = engine();
    group.add("floor: coarse clock", move |_| {
        engine.region().clock().coarse()
    });
    let once = r#"{"algorithm": "token_bucket", "rate_per_second": 0.01, "burst": 1}"#;
    if let Some(library) = library {
        let id = library.limiter("denied", once);
        library.check(id, None, 1);
        group.add_ours("tidegate through C", DENIED, move |_| {
            library.check(id, None, 1)
        });
    }
    let engine = self::engine();
    let id = engine.open_limiter_from("denied", once).expect("a limiter");
    engine.check(id, None, 1, None).expect("a check");
    group.add("tidegate", move |_| engine.check(id, None, 1, None).is_ok());

    let once = || Quota::per_hour(number(1));
    let limiter = RateLimiter::direct_with_clock(once(), QuantaClock::default());
    limiter.check().expect("a full bucket");
    group.add("governor, quanta", move |_| limiter.check().is_ok());
    let limiter = RateLimiter::direct_with_clock(once(), MonotonicClock);
    limiter.check().expect("a full bucket");
    group.add("governor, std", move |_| limiter.check().is_ok());
    let limiter = ratelimit::Ratelimiter::builder(1)
        .period(Duration::from_secs(3600))
        .max_tokens(1)
        .build()
        .expect("a limiter");
    group.add("ratelimit", move |_| limiter.try_wait().is_ok());
    group
}

fn keyed<'a>(
    title: &'a str,
    library: Option<&'a Library>,
    count: usize,
    spread: Spread,
    target: (f64, f64),
) -> Group<'a> {
    let keys: &'static [String] = input::keys(count, spread).leak();
    let key = move |at: usize| keys[at % CALLS].as_str();
    let name = format!("keyed{count}");
    let config = bucket(&format!(r#", "keyed": true, "max_keys": {count}"#));
    let mut group = Group::new(title);
    let words: Vec<AtomicU64> = (0..count * 4).map(|_| AtomicU64::new(0)).collect();
    group.add(
        "floor: read the key, one compare and swap somewhere",
        move |at| {
            let key = key(at).as_bytes();
            let place = key.iter().fold(0usize, |sum, byte| {
                sum.wrapping_mul(10)
                    .wrapping_add(usize::from(byte.wrapping_sub(b'0')))
            });
            let word = &words[place.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (count * 4)];
            let old = word.load(Ordering::Acquire);
            word.compare_exchange(
                old,
                old.wrapping_add(1),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
        },
    );
    if let Some(library) = library {
        let id = library.limiter(&name, &config);
        for key in 0..count {
            library.check(id, Some(input::name(key).as_bytes()), TAKEN);
        }
        group.add_ours("tidegate through C", target, move |at| {
            library.check(id, Some(key(at).as_bytes()), 1)
        });
    }
    let engine = engine();
    let id = engine.open_limiter_from(&name, &config).expect("a limiter");
    for key in 0..count {
        engine
            .check(id, Some(input::name(key).as_bytes()), TAKEN, None)
            .expect("a check");
    }
    group.add("tidegate", move |at| {
        engine.check(id, Some(key(at).as_bytes()), 1, None).is_ok()
    });

    let limiter = RateLimiter::dashmap(quota());
    for key in 0..count {
        let _ = limiter.check_key_n(&input::name(key), number(TAKEN));
    }
    group.add("governor, DashMap", move |at| {
        limiter.check_key(&keys[at % CALLS]).is_ok()
    });
    let limiter = rate_net::RateLimiter::builder()
        .quota(RATE, Duration::from_secs(1))
        .burst(BURST)
        .build();
    for key in 0..count {
        let _ = limiter.check_n(input::name(key).as_str(), TAKEN);
    }
    group.add("rate-net", move |at| limiter.check(key(at)).is_allow());
    group
}

/// Thirty calls for each key, by each thread or twice by the only one.
fn in_a_row(at: usize) -> usize {
    at % (WINDOW_CALLS / 2) / 30
}

/// All keys, then all again: none is in a cache near the CPU.
fn in_turn(at: usize) -> usize {
    at % WINDOW_KEYS
}

/// Windows of one second, and turns further apart than that: each finds its windows empty, and its
/// keys known.
fn windows<'a>(
    title: &'a str,
    library: Option<&'a Library>,
    target: (f64, f64),
    key_of: fn(usize) -> usize,
) -> Group<'a> {
    let keys: Vec<String> = (0..WINDOW_KEYS).map(input::name).collect();
    let keys: &'static [String] = keys.leak();
    let key = move |at: usize| keys[key_of(at)].as_str();
    let config = format!(
        r#"{{"algorithm": "sliding_window", "limit": {WINDOW_LIMIT}, "window_seconds": 1,
             "keyed": true, "max_keys": {WINDOW_KEYS}}}"#
    );
    let mut group = Group::new(title).in_rounds(WINDOW_CALLS, Duration::from_millis(2500));
    let words: Vec<AtomicU64> = (0..WINDOW_KEYS * 64).map(|_| AtomicU64::new(0)).collect();
    let engine = engine();
    group.add("floor: coarse clock, one word a unit", move |at| {
        let now = engine.region().clock().coarse();
        words[key_of(at) * 64 + at % 60].store(now, Ordering::Release);
    });
    if let Some(library) = library {
        let id = library.limiter(
            if target.0.is_nan() {
                "in_turn"
            } else {
                "in_a_row"
            },
            &config,
        );
        group.add_ours("tidegate through C", target, move |at| {
            library.check(id, Some(key(at).as_bytes()), 1)
        });
    }
    let engine = self::engine();
    let id = engine
        .open_limiter_from("window", &config)
        .expect("a limiter");
    group.add("tidegate", move |at| {
        engine.check(id, Some(key(at).as_bytes()), 1, None).is_ok()
    });

    let limiter = rate_net::RateLimiter::builder()
        .algorithm(rate_net::Algorithm::SlidingWindowLog)
        .quota(WINDOW_LIMIT, Duration::from_secs(1))
        .build();
    group.add("rate-net, log", move |at| limiter.check(key(at)).is_allow());
    let provider = trypema::local::LocalRateLimiterProvider::builder()
        .window_size(trypema::WindowSize::seconds_or_panic(1))
        .bucket_size(trypema::BucketSize::milliseconds_or_panic(10))
        .build()
        .expect("a provider");
    let rate = trypema::RateLimit::per_second_or_panic(f64::from(WINDOW_LIMIT));
    group.add("trypema, buckets of 10 ms", move |at| {
        provider.absolute().inc(key(at), &rate, 1)
    });
    let limiter = rate_guard_core::cores::SlidingWindowCounterCore::new(u64::MAX / 4, 1_000, 60);
    let begun = Instant::now();
    group.add("rate-guard-core: no keys, 60 buckets", move |_| {
        limiter
            .try_acquire_at(begun.elapsed().as_millis() as u64, 1)
            .is_ok()
    });
    group
}
