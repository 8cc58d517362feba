//! A decision as HTTP says it: fields and problem details.
//!
//! The fields are Structured Fields (RFC 9651): a policy's name is a String, numbers are Integers
//! of at most 15 digits. Seconds are rounded up, so that a client that waits as told is not early.

use super::entry::{self, Entry};
use super::policy::Algorithm;
use super::registry::name_of;
use super::registry::resolve;
use crate::base::error::{Error, Result};
use crate::guard::{Decision, Verdict};
use crate::region::Region;
use serde_json::json;
use std::fmt::Write;

/// Which generation of fields a client understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `RateLimit-Policy` and `RateLimit`, as lists of policies.
    Current,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset`, as drafts up to 06 had them.
    Draft06,
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset`.
    Legacy,
}

/// The largest Integer of a Structured Field.
const MOST: u64 = 999_999_999_999_999;
/// The registered type of this problem.
const PROBLEM: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// The fields of `decision`, each as a line that ends with CR LF. `Retry-After` when denied.
pub fn fields(
    region: &Region,
    id: u64,
    decision: &Decision,
    verdict: Verdict,
    style: Style,
) -> Result<String> {
    let limiter = resolve(region, id)?;
    let name = string(&name_of(region.words(), &limiter));
    let window = window_seconds(region, &limiter)?;
    let limit = decision.limit.min(MOST);
    let remaining = decision.remaining.min(MOST);
    let denied = verdict == Verdict::Denied;
    let reset = seconds(if denied {
        decision.retry_after_ns
    } else {
        decision.reset_after_ns
    });
    let mut text = match style {
        Style::Current => format!(
            "RateLimit-Policy: {name};q={limit};w={window}\r\n\
             RateLimit: {name};r={remaining};t={reset}\r\n"
        ),
        Style::Draft06 => format!(
            "RateLimit-Policy: {limit};w={window}\r\n\
             RateLimit-Limit: {limit}\r\n\
             RateLimit-Remaining: {remaining}\r\n\
             RateLimit-Reset: {reset}\r\n"
        ),
        Style::Legacy => format!(
            "X-RateLimit-Limit: {limit}\r\n\
             X-RateLimit-Remaining: {remaining}\r\n\
             X-RateLimit-Reset: {reset}\r\n"
        ),
    };
    if denied {
        let _ = write!(text, "Retry-After: {}\r\n", reset.max(1));
    }
    Ok(text)
}

/// The body of a response with status 429, as application/problem+json.
pub fn problem(region: &Region, id: u64, decision: &Decision) -> Result<String> {
    let limiter = resolve(region, id)?;
    let name = name_of(region.words(), &limiter);
    let wait = seconds(decision.retry_after_ns).max(1);
    let body = json!({
        "type": PROBLEM,
        "title": "Too many requests: the quota is used up",
        "status": 429,
        "detail": format!("The limit of {} of policy {name:?} is used up; try again in {wait} s.", decision.limit),
        "violated-policies": [name],
    });
    Ok(body.to_string())
}

/// Seconds that an empty limiter takes to have its whole limit again, at least 1.
fn window_seconds(region: &Region, limiter: &Entry<'_>) -> Result<u64> {
    let Some(policy) = limiter.policy(region.words()) else {
        return Err(Error::format(format!(
            "limiter {:#x} is damaged in the region",
            limiter.word(entry::ID)
        )));
    };
    let seconds = match policy.algorithm {
        Algorithm::TokenBucket {
            rate_per_second,
            burst,
            ..
        } => burst as f64 / rate_per_second,
        Algorithm::SlidingWindow { window_seconds, .. }
        | Algorithm::FixedWindow { window_seconds, .. } => window_seconds,
    };
    Ok((seconds.ceil() as u64).clamp(1, MOST))
}

fn seconds(ns: u64) -> u64 {
    ns.div_ceil(1_000_000_000).min(MOST)
}

/// A String of a Structured Field; what it cannot hold is written as in a URL.
fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', byte as char]),
            0x20..=0x7e => quoted.push(byte as char),
            _ => {
                let _ = write!(quoted, "%{byte:02X}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_and_ascii() {
        assert_eq!(string("api"), "\"api\"");
        assert_eq!(string("a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(string("é\r\n"), "\"%C3%A9%0D%0A\"");
    }

    #[test]
    fn seconds_are_rounded_up_and_bounded() {
        assert_eq!(
            [0, 1, 1_000_000_000, 1_000_000_001].map(seconds),
            [0, 1, 1, 2]
        );
        assert!(seconds(u64::MAX) <= MOST);
    }
}
