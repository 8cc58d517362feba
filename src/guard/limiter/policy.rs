//! What a configuration asks a limiter to do, validated.

use super::mask::Recorded;
use super::{fixed, gcra, sliding, warm};
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::guard::document::Fields;
use serde_json::Value;

/// Longest sliding window in seconds: a year.
const MAX_WINDOW_SECONDS: f64 = 31_622_400.0;
/// Shortest: a microsecond.
const MIN_WINDOW_SECONDS: f64 = 1e-6;
/// Longest warm-up: an hour.
const MAX_WARM_UP_SECONDS: f64 = 3600.0;
/// Keys of a token bucket limiter that does not say how many.
const DEFAULT_BUCKET_KEYS: u64 = 100_000;
/// Keys of a sliding window limiter that does not say how many: each takes a ring.
const DEFAULT_WINDOW_KEYS: u64 = 10_000;

/// Presets: name, limit, window in seconds.
const PRESETS: [(&str, u64, f64); 5] = [
    ("strict", 10, 60.0),
    ("standard", 60, 60.0),
    ("relaxed", 300, 60.0),
    ("api", 1000, 3600.0),
    ("auth", 5, 900.0),
];

/// What a limiter does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimiterPolicy {
    /// How it counts.
    pub algorithm: Algorithm,
    /// None for one limit that everybody shares.
    pub keyed: Option<Keyed>,
    /// True to count what it would deny, and let it pass.
    pub shadow: bool,
    /// What is written down of the keys that use it most; None for nothing.
    pub recorded: Option<Recorded>,
}

/// How a limiter counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// At most `burst + rate * t` units in any interval of length t.
    TokenBucket {
        /// Units that come back in a second.
        rate_per_second: f64,
        /// Units of a full bucket.
        burst: u64,
        /// The same in ticks.
        rate: gcra::Rate,
        /// None for a bucket that is always hot.
        warm_up: Option<WarmUp>,
    },
    /// At most `limit` units in any interval of length `window_seconds`.
    SlidingWindow {
        /// Units in a window.
        limit: u64,
        /// Length of the window.
        window_seconds: f64,
        /// The same as a ring.
        window: sliding::Window,
    },
    /// At most `limit` units in each interval from a multiple of `window_seconds` to the next.
    FixedWindow {
        /// Units in a window.
        limit: u64,
        /// Length of the window.
        window_seconds: f64,
        /// The same as a count.
        window: fixed::Fixed,
    },
}

/// How a token bucket warms up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// How long it takes.
    pub seconds: f64,
    /// The bucket in ticks.
    pub scale: warm::Scale,
}

/// A limit for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Keys that are in use at once: room is made for at least so many.
    pub max_keys: u64,
    /// What to do with a new key when there is no room.
    pub when_full: WhenFull,
}

/// What to do with a new key when every place that it could have is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Deny it.
    Deny,
    /// Admit it without counting it.
    Allow,
    /// Forget the key that is closest to having its whole limit again.
    Evict,
}

impl WhenFull {
    const ALL: [(WhenFull, &'static str); 3] = [
        (WhenFull::Deny, "deny"),
        (WhenFull::Allow, "allow"),
        (WhenFull::Evict, "evict"),
    ];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Its number in the region; damaged numbers deny.
    #[inline(always)]
    pub(super) fn from_number(number: u64) -> Self {
        match number {
            1 => WhenFull::Allow,
            2 => WhenFull::Evict,
            _ => WhenFull::Deny,
        }
    }
}

impl Algorithm {
    /// A token bucket, which warms up if that is said; None when it fills too slowly to be counted,
    /// or has too many units for a warm-up.
    pub fn token_bucket(
        rate_per_second: f64,
        burst: u64,
        warm_up_seconds: Option<f64>,
    ) -> Option<Self> {
        let possible = (1..=limits::MAX_UNITS).contains(&burst);
        let rate = gcra::Rate::new(rate_per_second, burst).filter(|_| possible)?;
        let warm_up = match warm_up_seconds {
            None => None,
            Some(seconds) if !(0.0..=MAX_WARM_UP_SECONDS).contains(&seconds) => return None,
            Some(seconds) => Some(WarmUp {
                seconds,
                scale: warm::Scale::of(&rate, burst, nanoseconds(seconds)?)?,
            }),
        };
        Some(Algorithm::TokenBucket {
            rate_per_second,
            burst,
            rate,
            warm_up,
        })
    }

    /// A sliding window; None when its numbers are out of range.
    pub fn sliding_window(limit: u64, window_seconds: f64) -> Option<Self> {
        let possible = (1..=limits::MAX_UNITS).contains(&limit)
            && (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&window_seconds);
        if !possible {
            return None;
        }
        let window = sliding::Window::new(limit, nanoseconds(window_seconds)?);
        Some(Algorithm::SlidingWindow {
            limit,
            window_seconds,
            window,
        })
    }

    /// A fixed window; None when its numbers are out of range.
    pub fn fixed_window(limit: u64, window_seconds: f64) -> Option<Self> {
        let possible = (1..=fixed::MAX_LIMIT).contains(&limit)
            && (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&window_seconds);
        if !possible {
            return None;
        }
        let window = fixed::Fixed::new(limit, nanoseconds(window_seconds)?);
        Some(Algorithm::FixedWindow {
            limit,
            window_seconds,
            window,
        })
    }

    /// Its name in a configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Algorithm::FixedWindow { .. } => "fixed_window",
            Algorithm::TokenBucket { .. } => "token_bucket",
            Algorithm::SlidingWindow { .. } => "sliding_window",
        }
    }

    /// Burst or limit.
    pub fn units(&self) -> u64 {
        match *self {
            Algorithm::TokenBucket { burst, .. } => burst,
            Algorithm::SlidingWindow { limit, .. } | Algorithm::FixedWindow { limit, .. } => limit,
        }
    }
}

/// A span in nanoseconds, exactly as its shortest decimal says, rounded up.
pub(super) fn nanoseconds(seconds: f64) -> Option<u64> {
    let (digits, exponent) = gcra::decimal(seconds);
    let scaled = exponent + 9;
    let power = 10u128.checked_pow(scaled.unsigned_abs())?;
    let ns = if scaled >= 0 {
        digits.checked_mul(power)?
    } else {
        digits.div_ceil(power)
    };
    u64::try_from(ns).ok()
}

impl LimiterPolicy {
    /// Reads a policy from the document's value at `path`, for example `limiters.api`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let fields = Fields::any(path, value)?;
        let algorithm = algorithm(&fields)?;
        let keyed = fields.flag("keyed")?;
        for name in ["max_keys", "when_full", "record_keys"] {
            if !keyed && fields.get(name).is_some() {
                return Err(fields.wrong(name, "only together with \"keyed\": true"));
            }
        }
        let default_keys = match algorithm {
            Algorithm::TokenBucket { .. } | Algorithm::FixedWindow { .. } => DEFAULT_BUCKET_KEYS,
            Algorithm::SlidingWindow { .. } => DEFAULT_WINDOW_KEYS,
        };
        let max_keys = fields
            .whole("max_keys", 1, limits::MAX_KEYS)?
            .unwrap_or(default_keys);
        let when_full = fields.choice("when_full", &WhenFull::ALL.map(|(_, name)| name))?;
        let when_full = WhenFull::from_number(when_full.unwrap_or(0) as u64);
        Ok(LimiterPolicy {
            algorithm,
            keyed: keyed.then_some(Keyed {
                max_keys,
                when_full,
            }),
            shadow: fields.flag("shadow")?,
            recorded: fields
                .choice("record_keys", &Recorded::ALL.map(|(_, name)| name))?
                .and_then(|chosen| Recorded::ALL.get(chosen))
                .map(|(recorded, _)| *recorded),
        })
    }
}

/// Keys that a limiter treats apart from the beginning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exceptions {
    /// Keys that are always admitted.
    pub allow: Vec<String>,
    /// Keys that never are.
    pub deny: Vec<String>,
    /// Plans by name: limits of their own for the keys that are put on them.
    pub plans: Vec<(String, LimiterPolicy)>,
}

impl Exceptions {
    /// Reads them from the limiter's value at `path`; `policy` is the limiter's own.
    pub fn parse(path: &str, value: &Value, policy: &LimiterPolicy) -> Result<Self> {
        let fields = Fields::any(path, value)?;
        for name in ["allow", "deny", "plans"] {
            if policy.keyed.is_none() && fields.get(name).is_some() {
                return Err(fields.wrong(name, "only together with \"keyed\": true"));
            }
        }
        Ok(Exceptions {
            allow: texts(&fields, "allow")?,
            deny: texts(&fields, "deny")?,
            plans: plans(&fields, policy)?,
        })
    }
}

/// Fields that limiters of every algorithm have.
const SHARED_FIELDS: [&str; 8] = [
    "keyed",
    "max_keys",
    "when_full",
    "shadow",
    "allow",
    "deny",
    "plans",
    "record_keys",
];

fn algorithm(fields: &Fields<'_>) -> Result<Algorithm> {
    if fields.get("preset").is_some() {
        return preset(fields);
    }
    let expected = "\"token_bucket\", \"sliding_window\" or \"fixed_window\" (or a preset)";
    match fields.get("algorithm").and_then(Value::as_str) {
        Some("token_bucket") => token_bucket(fields),
        Some("sliding_window") => window(fields, limits::MAX_UNITS, Algorithm::sliding_window),
        Some("fixed_window") => window(fields, fixed::MAX_LIMIT, Algorithm::fixed_window),
        _ => Err(fields.wrong("algorithm", expected)),
    }
}

fn preset(fields: &Fields<'_>) -> Result<Algorithm> {
    let names = PRESETS.map(|(name, ..)| name);
    let chosen = fields.choice("preset", &names)?;
    fields.only(&["preset"], &SHARED_FIELDS)?;
    chosen
        .and_then(|chosen| PRESETS.get(chosen))
        .and_then(|(_, limit, seconds)| Algorithm::sliding_window(*limit, *seconds))
        .ok_or_else(|| fields.wrong("preset", "a possible preset"))
}

fn token_bucket(fields: &Fields<'_>) -> Result<Algorithm> {
    let own = ["algorithm", "rate_per_second", "burst", "warm_up_seconds"];
    fields.only(&own, &SHARED_FIELDS)?;
    let rate = fields.required_number("rate_per_second", gcra::MIN_RATE, gcra::MAX_RATE)?;
    let burst = fields.required_whole("burst", 1, limits::MAX_UNITS)?;
    let warm_up = fields.number("warm_up_seconds", 0.0, MAX_WARM_UP_SECONDS)?;
    Algorithm::token_bucket(rate, burst, warm_up).ok_or_else(|| {
        if warm_up.is_some() && Algorithm::token_bucket(rate, burst, None).is_some() {
            let expected = format!(
                "a warm-up that, with four bursts of {burst}, is of at most {} units",
                warm::MOST_UNITS
            );
            return fields.wrong("warm_up_seconds", &expected);
        }
        let expected = format!("a rate that fills a burst of {burst} sooner (or a smaller burst)");
        fields.wrong("rate_per_second", &expected)
    })
}

fn window(
    fields: &Fields<'_>,
    most: u64,
    algorithm: fn(u64, f64) -> Option<Algorithm>,
) -> Result<Algorithm> {
    fields.only(&["algorithm", "limit", "window_seconds"], &SHARED_FIELDS)?;
    let limit = fields.required_whole("limit", 1, most)?;
    let (least, most) = (MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS);
    let seconds = fields.required_number("window_seconds", least, most)?;
    algorithm(limit, seconds).ok_or_else(|| fields.wrong("window_seconds", "another length"))
}

fn texts(fields: &Fields<'_>, name: &str) -> Result<Vec<String>> {
    let Some(value) = fields.get(name) else {
        return Ok(Vec::new());
    };
    let texts = value.as_array().and_then(|all| {
        all.iter()
            .map(|text| text.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
    });
    texts.ok_or_else(|| fields.wrong(name, "a list of keys"))
}

/// A plan has the fields of an algorithm; the others are those of its limiter.
fn plans(limiter: &Fields<'_>, policy: &LimiterPolicy) -> Result<Vec<(String, LimiterPolicy)>> {
    let Some(value) = limiter.get("plans") else {
        return Ok(Vec::new());
    };
    let Some(plans) = value.as_object() else {
        return Err(limiter.wrong("plans", "an object of plans by name"));
    };
    plans
        .iter()
        .map(|(name, plan)| {
            let place = format!("{}.plans.{name}", limiter.path());
            crate::base::name::check("plan", name)
                .map_err(|cause| Error::config(format!("{place}: {cause}")))?;
            let fields = Fields::any(&place, plan)?;
            let shared = SHARED_FIELDS
                .iter()
                .find(|field| fields.get(field).is_some());
            if let Some(shared) = shared {
                return Err(fields.wrong(shared, "nothing: a plan has that of its limiter"));
            }
            let plan = LimiterPolicy {
                algorithm: algorithm(&fields)?,
                // What its keys do is recorded for the limiter.
                recorded: None,
                ..*policy
            };
            Ok((name.clone(), plan))
        })
        .collect()
}

#[cfg(all(test, not(loom)))]
#[path = "policy/tests.rs"]
mod tests;
