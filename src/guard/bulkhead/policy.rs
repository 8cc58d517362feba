//! What a configuration asks a bulkhead to be, validated.

use crate::base::error::{Error, Result};
use crate::guard::adaptive::{Adaptive, Algorithm};
use crate::guard::document::{Fields, nanoseconds};
use crate::guard::permit::MAX_PLACES;
use serde_json::{Map, Value, json};

/// Shortest and longest permit timeout in seconds: a millisecond, a day.
const TIMEOUT_SECONDS: (f64, f64) = (0.001, 86_400.0);
/// Most calls of one key: all places that it may have are looked at for each of its calls.
const MAX_PER_KEY: u64 = 256;
/// Keys of a bulkhead that does not say how many.
const DEFAULT_KEYS: u64 = 1000;
/// Largest limit that is found by measuring: its places are counted for each sample.
const MAX_ADAPTIVE: u64 = 100_000;

/// What a bulkhead is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BulkheadPolicy {
    /// Most calls inside.
    pub limit: Limit,
    /// With a limit for each key: keys that have all their calls inside at once, for which room is
    /// made. None for one limit that everybody shares.
    pub max_keys: Option<u64>,
    /// How long a permit is good for; None: until its process ends.
    pub permit_timeout_seconds: Option<f64>,
    /// True when it counts what it would deny, and lets it pass.
    pub shadow: bool,
}

/// Most calls inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// So many.
    Fixed(u64),
    /// As many as measurements say is good.
    Adaptive {
        /// How they say it.
        adaptive: Adaptive,
        /// Where it begins.
        initial: u64,
        /// How long a sample of the gradient and of Vegas takes.
        window_seconds: f64,
        /// Calls that such a sample is made of at least.
        window_samples: u64,
    },
}

const FIELDS: [&str; 6] = [
    "max_concurrent",
    "adaptive",
    "keyed",
    "max_keys",
    "permit_timeout_seconds",
    "shadow",
];

const SHARED: [&str; 4] = ["algorithm", "initial", "min", "max"];
const WINDOW: [&str; 2] = ["window_seconds", "window_samples"];
const ALGORITHMS: [&str; 3] = ["aimd", "gradient", "vegas"];

impl BulkheadPolicy {
    /// Reads a policy from the document's value at `path`, for example `bulkheads.db`.
    pub fn parse(path: &str, value: &Value) -> Result<Self> {
        let fields = Fields::of(path, value, &FIELDS)?;
        let keyed = fields.flag("keyed")?;
        if !keyed && fields.get("max_keys").is_some() {
            return Err(fields.wrong("max_keys", "only together with \"keyed\": true"));
        }
        let limit = match (fields.get("adaptive"), fields.get("max_concurrent")) {
            (Some(_), Some(_)) => {
                return Err(fields.wrong("adaptive", "no max_concurrent beside it"));
            }
            (Some(_), None) if keyed => {
                return Err(fields.wrong("adaptive", "a bulkhead without keys"));
            }
            (Some(value), None) => Limit::adaptive(&format!("{path}.adaptive"), value)?,
            (None, _) => {
                let most = if keyed { MAX_PER_KEY } else { MAX_PLACES };
                let found = fields.whole("max_concurrent", 1, most)?;
                Limit::Fixed(found.ok_or_else(|| {
                    let expected = format!("a whole number from 1 to {most}, or adaptive");
                    fields.wrong("max_concurrent", &expected)
                })?)
            }
        };
        let (least, most) = TIMEOUT_SECONDS;
        let max_keys = fields.whole("max_keys", 1, MAX_PLACES)?;
        let policy = BulkheadPolicy {
            limit,
            max_keys: keyed.then(|| max_keys.unwrap_or(DEFAULT_KEYS)),
            permit_timeout_seconds: fields.number("permit_timeout_seconds", least, most)?,
            shadow: fields.flag("shadow")?,
        };
        if policy.places() > MAX_PLACES {
            return Err(Error::config(format!(
                "{path}.max_keys: expected at most {MAX_PLACES} places, two for each call of each \
                 key, found {}",
                policy.places()
            )));
        }
        Ok(policy)
    }

    /// The configuration, every default spelled out.
    pub(super) fn to_json(self) -> Value {
        let mut fields = Map::new();
        match self.limit {
            Limit::Fixed(limit) => fields.insert("max_concurrent".into(), json!(limit)),
            adaptive => fields.insert("adaptive".into(), adaptive.to_json()),
        };
        fields.insert("keyed".into(), json!(self.max_keys.is_some()));
        if let Some(keys) = self.max_keys {
            fields.insert("max_keys".into(), json!(keys));
        }
        if let Some(seconds) = self.permit_timeout_seconds {
            fields.insert("permit_timeout_seconds".into(), json!(seconds));
        }
        fields.insert("shadow".into(), json!(self.shadow));
        Value::Object(fields)
    }

    pub(super) fn permit_timeout_ns(&self) -> Option<u64> {
        self.permit_timeout_seconds.map(nanoseconds)
    }

    /// Places that one caller may have.
    pub(super) fn group(&self) -> u64 {
        match (self.limit, self.max_keys) {
            (Limit::Fixed(limit), Some(_)) => limit.saturating_mul(16).clamp(64, 1024),
            _ => self.places(),
        }
    }

    /// Places of all.
    pub(super) fn places(&self) -> u64 {
        match (self.limit, self.max_keys) {
            (Limit::Fixed(limit), None) => limit,
            // Half of them stay free, so that no key finds its places taken by others.
            (Limit::Fixed(limit), Some(keys)) => {
                let all = keys.saturating_mul(limit).saturating_mul(2);
                all.max(self.group())
            }
            (Limit::Adaptive { adaptive, .. }, _) => adaptive.max as u64,
        }
    }
}

impl Limit {
    fn adaptive(path: &str, value: &Value) -> Result<Self> {
        let named = value.get("algorithm").and_then(Value::as_str);
        let own: &[&str] = match named {
            Some("aimd") => &["backoff_ratio", "timeout_seconds"],
            Some("gradient") => &["smoothing", "queue_size", "long_window", "rtt_tolerance"],
            _ => &["smoothing", "probe_multiplier"],
        };
        let windowed = if named == Some("aimd") {
            &[][..]
        } else {
            &WINDOW
        };
        let known = [&SHARED[..], own, windowed].concat();
        let fields = Fields::of(path, value, &known)?;
        let Some(which) = fields.choice("algorithm", &ALGORITHMS)? else {
            return Err(fields.wrong("algorithm", "\"aimd\", \"gradient\" or \"vegas\""));
        };
        let number = |name, least, most, default| {
            let found = fields.number(name, least, most)?;
            Ok::<f64, Error>(found.unwrap_or(default))
        };
        let (algorithm, min, max) = match which {
            0 => {
                let algorithm = Algorithm::Aimd {
                    backoff_ratio: number("backoff_ratio", 0.1, 0.999, 0.9)?,
                    timeout_seconds: number("timeout_seconds", 1e-6, 86_400.0, 5.0)?,
                };
                (algorithm, 20, 200)
            }
            1 => {
                let algorithm = Algorithm::Gradient {
                    smoothing: number("smoothing", 0.001, 1.0, 0.2)?,
                    queue_size: number("queue_size", 0.0, 10_000.0, 4.0)?,
                    long_window: number("long_window", 1.0, 1e6, 600.0)?,
                    tolerance: number("rtt_tolerance", 1.0, 100.0, 1.5)?,
                };
                (algorithm, 20, 200)
            }
            _ => {
                let algorithm = Algorithm::Vegas {
                    smoothing: number("smoothing", 0.001, 1.0, 1.0)?,
                    probe_multiplier: number("probe_multiplier", 1.0, 1e6, 30.0)?,
                };
                (algorithm, 1, 1000)
            }
        };
        let whole = |name, default| {
            let found = fields.whole(name, 1, MAX_ADAPTIVE)?;
            Ok::<u64, Error>(found.unwrap_or(default))
        };
        let max = whole("max", max)?;
        let min = whole("min", min.min(max))?;
        let initial = whole("initial", 20.clamp(min.min(max), max))?;
        if min > max || !(min..=max).contains(&initial) {
            return Err(fields.wrong(
                if min > max { "min" } else { "initial" },
                &format!("min <= initial <= max, which is {max}"),
            ));
        }
        Ok(Limit::Adaptive {
            adaptive: Adaptive {
                algorithm,
                min: min as f64,
                max: max as f64,
            },
            initial,
            window_seconds: number("window_seconds", 0.001, 3600.0, 1.0)?,
            window_samples: fields.whole("window_samples", 1, 1_000_000)?.unwrap_or(10),
        })
    }

    /// The name of the algorithm; "fixed" without one.
    pub fn name(&self) -> &'static str {
        match self {
            Limit::Fixed(_) => "fixed",
            Limit::Adaptive { adaptive, .. } => match adaptive.algorithm {
                Algorithm::Aimd { .. } => "aimd",
                Algorithm::Gradient { .. } => "gradient",
                Algorithm::Vegas { .. } => "vegas",
            },
        }
    }

    fn to_json(self) -> Value {
        let Limit::Adaptive {
            adaptive,
            initial,
            window_seconds,
            window_samples,
        } = self
        else {
            return Value::Null;
        };
        let mut fields = Map::new();
        let mut put = |name: &str, value| fields.insert(name.into(), value);
        put("algorithm", json!(self.name()));
        put("initial", json!(initial));
        put("min", json!(adaptive.min as u64));
        put("max", json!(adaptive.max as u64));
        match adaptive.algorithm {
            Algorithm::Aimd {
                backoff_ratio,
                timeout_seconds,
            } => {
                put("backoff_ratio", json!(backoff_ratio));
                put("timeout_seconds", json!(timeout_seconds));
            }
            Algorithm::Gradient {
                smoothing,
                queue_size,
                long_window,
                tolerance,
            } => {
                put("smoothing", json!(smoothing));
                put("queue_size", json!(queue_size));
                put("long_window", json!(long_window));
                put("rtt_tolerance", json!(tolerance));
            }
            Algorithm::Vegas {
                smoothing,
                probe_multiplier,
            } => {
                put("smoothing", json!(smoothing));
                put("probe_multiplier", json!(probe_multiplier));
            }
        }
        if !matches!(adaptive.algorithm, Algorithm::Aimd { .. }) {
            put("window_seconds", json!(window_seconds));
            put("window_samples", json!(window_samples));
        }
        Value::Object(fields)
    }
}
