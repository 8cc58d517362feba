//! A limiter's policy in words.

use crate::quantity;
use tidegate::guard::{Algorithm, LimiterPolicy, LimiterReading};

/// What a limiter allows: `60 in 60 s for each key`.
pub fn words(policy: &LimiterPolicy) -> String {
    let allowed = match policy.algorithm {
        Algorithm::TokenBucket {
            rate_per_second,
            burst,
            ..
        } => {
            format!("{rate_per_second}/s, burst {}", quantity::whole(burst))
        }
        Algorithm::SlidingWindow {
            limit,
            window_seconds,
            ..
        }
        | Algorithm::FixedWindow {
            limit,
            window_seconds,
            ..
        } => {
            format!("{} in {window_seconds} s", quantity::whole(limit))
        }
    };
    match policy.keyed {
        Some(_) => format!("{allowed}, per key"),
        None => allowed,
    }
}

/// What happened to a keyed limiter for lack of room; None when there always was some.
pub fn trouble(limiter: &LimiterReading) -> Option<String> {
    let tallies = &limiter.tallies;
    let events: Vec<String> = [
        (tallies.denied_full, "denied"),
        (tallies.allowed_full, "admitted without counting"),
        (tallies.evicted, "keys forgotten"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", quantity::whole(count)))
    .collect();
    (!events.is_empty()).then(|| {
        format!(
            "limiter {} had no room for new keys: {}; raise max_keys",
            limiter.name,
            events.join(", ")
        )
    })
}
