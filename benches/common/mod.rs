//! What the benches share: inputs from a fixed seed, engines, threads that stay on their CPU.

#![allow(dead_code, reason = "each bench uses a part of it")]

use criterion::Criterion;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use tidegate::engine::{Counter, Engine, HistogramId, Limiter};

/// How many latencies there are; a power of two.
pub const LATENCIES: usize = 1 << 16;

/// A bucket that is never full and never empty once half of it is taken.
pub const BUCKET: &str =
    r#"{"algorithm": "token_bucket", "rate_per_second": 1000, "burst": 1000000000}"#;
/// Half of [`BUCKET`].
pub const HALF: u32 = 500_000_000;
/// A bucket that holds one unit, and gets the next one in a hundred seconds.
pub const ONCE: &str = r#"{"algorithm": "token_bucket", "rate_per_second": 0.01, "burst": 1}"#;

/// 11 samples of at least 50 ms.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(11)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// True when cargo runs the benches to measure, and not to see whether they run.
pub fn measures() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag| arguments.iter().any(|argument| argument == flag);
    has("--bench") && !has("--test") && !has("--quick")
}

/// An engine with the default configuration.
pub fn engine() -> Engine {
    Engine::open("{}").expect("the default configuration is good")
}

/// An engine on the manual clock.
pub fn manual_engine() -> Engine {
    Engine::open(r#"{"clock": "manual"}"#).expect("the configuration is good")
}

pub fn counter(engine: &Engine, name: &str) -> Counter {
    engine
        .counter(name, &Default::default())
        .expect("room for a counter")
}

pub fn histogram(engine: &Engine, name: &str) -> HistogramId {
    engine
        .histogram(name, &Default::default())
        .expect("room for a histogram")
}

pub fn limiter(engine: &Engine, name: &str, config: &str) -> Limiter {
    engine
        .open_limiter_from(name, config)
        .expect("a good configuration")
}

/// A small generator of random numbers (xorshift64).
pub struct Random(u64);

impl Random {
    /// Number `seed`; each one gives other numbers.
    pub fn new(seed: u64) -> Self {
        Random(88_172_645_463_325_252 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1, without 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Seconds: lognormal, median 5 ms, sigma 1.
    pub fn latency(&mut self) -> f64 {
        let radius = (-2.0 * self.fraction().max(1e-12).ln()).sqrt();
        0.005 * (radius * (std::f64::consts::TAU * self.fraction()).cos()).exp()
    }
}

/// 64 k latencies in seconds.
pub fn latencies() -> Vec<f64> {
    let mut random = Random::new(0);
    (0..LATENCIES).map(|_| random.latency()).collect()
}

/// 64 k keys out of `count`, few of which make most calls (exponent 1).
pub fn zipf_keys(count: usize) -> Vec<String> {
    let mut random = Random::new(1);
    (0..LATENCIES)
        .map(|_| key((count as f64).powf(random.fraction()) as usize - 1))
        .collect()
}

/// The text of key number `at`: 17 bytes.
pub fn key(at: usize) -> String {
    format!("user:{:012}", at * 7919)
}

/// The CPUs that a bench uses: at most two. The machine's, not those that [`pin`] left.
pub fn cpus() -> usize {
    // SAFETY: it only asks.
    let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(online).unwrap_or(1).clamp(1, 2)
}

/// Keeps the calling thread on one CPU.
pub fn pin(cpu: usize) {
    // SAFETY: an all-zero set is an empty one, and the calls only touch it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// Lets `threads` threads, each on its CPU, make `calls` calls each at the same time; the mean of
/// their times. `call` gets the thread and a running number.
pub fn together(threads: usize, calls: u64, call: impl Fn(usize, usize) + Sync) -> Duration {
    let barrier = Barrier::new(threads);
    let taken: Duration = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|index| {
                let (call, barrier) = (&call, &barrier);
                scope.spawn(move || {
                    pin(index);
                    barrier.wait();
                    let begun = Instant::now();
                    for at in 0..calls as usize {
                        call(index, at + index * (LATENCIES / 2));
                    }
                    begun.elapsed()
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a bench panicked"))
            .sum()
    });
    taken / threads as u32
}
