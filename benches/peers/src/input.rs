//! What goes in: made from a fixed seed before anything is measured.

/// How many latencies there are; a power of two.
pub const LATENCIES: usize = 1 << 16;
/// How many calls come before keys repeat; a power of two.
pub const CALLS: usize = 1 << 20;

/// A small generator of random numbers (xorshift64).
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Random(88_172_645_463_325_252)
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
}

/// Latencies in seconds: lognormal, median 5 ms, sigma 1.
pub fn latencies(count: usize) -> Vec<f64> {
    let mut random = Random::new();
    (0..count)
        .map(|_| {
            let radius = (-2.0 * random.fraction().max(1e-12).ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * random.fraction()).cos();
            0.005 * normal.exp()
        })
        .collect()
}

/// How keys are spread over calls.
#[derive(Clone, Copy)]
pub enum Spread {
    /// Few keys make most calls: exponent 1.
    Zipf,
    Uniform,
}

/// One key a call, in the order of the calls: a request brings its key along, so reading it costs
/// no cache miss.
pub fn keys(count: usize, spread: Spread) -> Vec<String> {
    let mut random = Random::new();
    (0..CALLS)
        .map(|_| {
            let key = match spread {
                Spread::Zipf => (count as f64).powf(random.fraction()) as usize - 1,
                Spread::Uniform => (random.next() % count as u64) as usize,
            };
            name(key)
        })
        .collect()
}

/// The name of key number `key`: 17 bytes.
pub fn name(key: usize) -> String {
    format!("user:{:012}", key * 7919)
}
