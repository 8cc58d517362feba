//! What a configuration asks a limiter to do, validated.

use super::mask::Recorded;
use super::{fixed, gcra, sliding, warm};
use crate::base::error::{Error, Result};
use crate::base::limits;
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
        let fields = Fields::of(path, value)?;
        let algorithm = fields.algorithm()?;
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
            .whole("max_keys", limits::MAX_KEYS, "2^32")?
            .unwrap_or(default_keys);
        let when_full = fields.when_full()?;
        Ok(LimiterPolicy {
            algorithm,
            keyed: keyed.then_some(Keyed {
                max_keys,
                when_full,
            }),
            shadow: fields.flag("shadow")?,
            recorded: fields.recorded()?,
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
        let fields = Fields::of(path, value)?;
        for name in ["allow", "deny", "plans"] {
            if policy.keyed.is_none() && fields.get(name).is_some() {
                return Err(fields.wrong(name, "only together with \"keyed\": true"));
            }
        }
        Ok(Exceptions {
            allow: fields.texts("allow")?,
            deny: fields.texts("deny")?,
            plans: fields.plans(policy)?,
        })
    }
}

/// A limiter's object in the document, and where it is.
struct Fields<'a> {
    path: &'a str,
    object: &'a serde_json::Map<String, Value>,
}

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

impl<'a> Fields<'a> {
    fn of(path: &'a str, value: &'a Value) -> Result<Self> {
        let object = value.as_object().ok_or_else(|| {
            Error::config(format!(
                "{path}: expected an object, found {}",
                shown(value)
            ))
        })?;
        Ok(Fields { path, object })
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    fn wrong(&self, name: &str, expected: &str) -> Error {
        let found = self.get(name).map_or("nothing".into(), shown);
        Error::config(format!(
            "{}.{name}: expected {expected}, found {found}",
            self.path
        ))
    }

    /// Refuses fields that are neither in `own` nor common to all limiters.
    fn only(&self, own: &[&str]) -> Result<()> {
        let known = |name: &&String| own.iter().chain(&SHARED_FIELDS).any(|known| known == name);
        match self.object.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(Error::config(format!(
                "{}.{name}: unknown field; expected one of {}, {}",
                self.path,
                own.join(", "),
                SHARED_FIELDS.join(", ")
            ))),
        }
    }

    fn algorithm(&self) -> Result<Algorithm> {
        if self.get("preset").is_some() {
            return self.preset();
        }
        let expected = "\"token_bucket\", \"sliding_window\" or \"fixed_window\" (or a preset)";
        match self.get("algorithm").and_then(Value::as_str) {
            Some("token_bucket") => self.token_bucket(),
            Some("sliding_window") => self.sliding_window(),
            Some("fixed_window") => self.fixed_window(),
            _ => Err(self.wrong("algorithm", expected)),
        }
    }

    fn preset(&self) -> Result<Algorithm> {
        let wanted = self.get("preset").and_then(Value::as_str);
        let found = PRESETS.iter().find(|(name, ..)| Some(*name) == wanted);
        let (_, limit, seconds) = found.ok_or_else(|| {
            let names: Vec<_> = PRESETS
                .iter()
                .map(|(name, ..)| format!("{name:?}"))
                .collect();
            self.wrong("preset", &format!("one of {}", names.join(", ")))
        })?;
        self.only(&["preset"])?;
        Algorithm::sliding_window(*limit, *seconds)
            .ok_or_else(|| self.wrong("preset", "a possible preset"))
    }

    fn token_bucket(&self) -> Result<Algorithm> {
        self.only(&["algorithm", "rate_per_second", "burst", "warm_up_seconds"])?;
        let expected = "a number from 1e-10 to 1e9";
        let rate = self
            .number("rate_per_second", gcra::MIN_RATE, gcra::MAX_RATE)
            .ok_or_else(|| self.wrong("rate_per_second", expected))?;
        let burst = self.required_whole("burst")?;
        let warm_up = match self.get("warm_up_seconds") {
            None => None,
            Some(_) => Some(
                self.number("warm_up_seconds", 0.0, MAX_WARM_UP_SECONDS)
                    .ok_or_else(|| self.wrong("warm_up_seconds", "a number from 0 to 3600"))?,
            ),
        };
        Algorithm::token_bucket(rate, burst, warm_up).ok_or_else(|| {
            if warm_up.is_some() && Algorithm::token_bucket(rate, burst, None).is_some() {
                let expected = format!(
                    "a warm-up that, with four bursts of {burst}, is of at most {} units",
                    warm::MOST_UNITS
                );
                return self.wrong("warm_up_seconds", &expected);
            }
            let expected =
                format!("a rate that fills a burst of {burst} sooner (or a smaller burst)");
            self.wrong("rate_per_second", &expected)
        })
    }

    fn sliding_window(&self) -> Result<Algorithm> {
        self.only(&["algorithm", "limit", "window_seconds"])?;
        let limit = self.required_whole("limit")?;
        self.number("window_seconds", MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS)
            .and_then(|seconds| Algorithm::sliding_window(limit, seconds))
            .ok_or_else(|| self.wrong("window_seconds", "a number from 0.000001 to 31622400"))
    }

    fn fixed_window(&self) -> Result<Algorithm> {
        self.only(&["algorithm", "limit", "window_seconds"])?;
        let limit = self
            .whole("limit", fixed::MAX_LIMIT, "2^40 - 3")?
            .ok_or_else(|| self.wrong("limit", "a whole number from 1 to 2^40 - 3"))?;
        self.number("window_seconds", MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS)
            .and_then(|seconds| Algorithm::fixed_window(limit, seconds))
            .ok_or_else(|| self.wrong("window_seconds", "a number from 0.000001 to 31622400"))
    }

    fn number(&self, name: &str, least: f64, most: f64) -> Option<f64> {
        self.get(name)?
            .as_f64()
            .filter(|number| (least..=most).contains(number))
    }

    fn required_whole(&self, name: &str) -> Result<u64> {
        let found = self.whole(name, limits::MAX_UNITS, "2^53")?;
        found.ok_or_else(|| self.wrong(name, "a whole number from 1 to 2^53"))
    }

    /// A whole number from 1 to `most`; also written as 200.0 or 2e2.
    fn whole(&self, name: &str, most: u64, most_text: &str) -> Result<Option<u64>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let as_float = || value.as_f64().filter(|f| f.fract() == 0.0 && *f >= 1.0);
        let number = value
            .as_u64()
            .or_else(|| as_float().map(|float| float as u64));
        match number.filter(|number| (1..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, &format!("a whole number from 1 to {most_text}"))),
        }
    }

    fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>> {
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        let texts = value.as_array().and_then(|all| {
            all.iter()
                .map(|text| text.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| self.wrong(name, "a list of keys"))
    }

    /// A plan has the fields of an algorithm; the others are those of its limiter.
    fn plans(&self, policy: &LimiterPolicy) -> Result<Vec<(String, LimiterPolicy)>> {
        let Some(value) = self.get("plans") else {
            return Ok(Vec::new());
        };
        let Some(plans) = value.as_object() else {
            return Err(self.wrong("plans", "an object of plans by name"));
        };
        plans
            .iter()
            .map(|(name, plan)| {
                let place = format!("{}.plans.{name}", self.path);
                crate::base::name::check("plan", name)
                    .map_err(|cause| Error::config(format!("{place}: {cause}")))?;
                let fields = Fields::of(&place, plan)?;
                let shared = SHARED_FIELDS
                    .iter()
                    .find(|field| fields.get(field).is_some());
                if let Some(shared) = shared {
                    return Err(fields.wrong(shared, "nothing: a plan has that of its limiter"));
                }
                let plan = LimiterPolicy {
                    algorithm: fields.algorithm()?,
                    // What its keys do is recorded for the limiter.
                    recorded: None,
                    ..*policy
                };
                Ok((name.clone(), plan))
            })
            .collect()
    }

    fn recorded(&self) -> Result<Option<Recorded>> {
        let Some(value) = self.get("record_keys") else {
            return Ok(None);
        };
        let found = Recorded::ALL
            .iter()
            .find(|(_, name)| Some(*name) == value.as_str());
        let expected = "\"hash\", \"ip\", \"email\", \"token\" or \"plain\"";
        found
            .map(|(recorded, _)| Some(*recorded))
            .ok_or_else(|| self.wrong("record_keys", expected))
    }

    fn when_full(&self) -> Result<WhenFull> {
        let Some(value) = self.get("when_full") else {
            return Ok(WhenFull::Deny);
        };
        let found = WhenFull::ALL
            .iter()
            .find(|(_, name)| Some(*name) == value.as_str());
        let expected = "\"deny\", \"allow\" or \"evict\"";
        found
            .map(|(policy, _)| *policy)
            .ok_or_else(|| self.wrong("when_full", expected))
    }
}

/// A value as an error shows it: not longer than a line.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        return text;
    }
    text.chars().take(37).chain("...".chars()).collect()
}

#[cfg(all(test, not(loom)))]
#[path = "policy/tests.rs"]
mod tests;
