//! Reads `rate burst`, then lines of `nanoseconds-since-the-line-before cost`; answers 1 or 0 to each.

use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use std::io::Read;
use std::num::NonZeroU32;
use std::time::Duration;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("a trace");
    let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().expect("a number"));
    let mut next = || numbers.next();
    let mut whole = || NonZeroU32::new(next().expect("a header") as u32).expect("not 0");
    let (rate, burst) = (whole(), whole());
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_second(rate).allow_burst(burst);
    let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
    let mut answers = String::new();
    while let Some(step) = next() {
        clock.advance(Duration::from_nanos(step));
        let cost = NonZeroU32::new(next().expect("a cost") as u32).expect("not 0");
        let is_admitted = matches!(limiter.check_n(cost), Ok(Ok(())));
        answers.push_str(if is_admitted { "1\n" } else { "0\n" });
    }
    print!("{answers}");
}
