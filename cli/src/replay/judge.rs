//! Puts each request to every limiter, on a clock that is the log's.
//!
//! The clock is manual and never goes back. A line whose time is earlier than one before it (a log
//! is written when requests end, and servers write in turns) is judged at the latest time seen; how
//! many, and how far behind, is counted.

use super::access_log::Entry;
use crate::exit::Failure;
use tidegate::base::error::Result;
use tidegate::engine::options::Options;
use tidegate::engine::{Counter, Engine, HistogramId, Limiter};
use tidegate::guard::Verdict;
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::Snapshot;

/// Name of the counter of responses, by class of their status.
pub const RESPONSES: &str = "http_responses";
/// Name of the histogram of response sizes.
pub const SIZES: &str = "response_bytes";

/// How often something was earlier than expected, and by how much at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Lines.
    pub lines: u64,
    /// Largest distance.
    pub largest_seconds: u64,
}

impl Lateness {
    fn note(&mut self, expected: i64, found: i64) {
        if found < expected {
            self.lines += 1;
            self.largest_seconds = self.largest_seconds.max(expected.abs_diff(found));
        }
    }
}

/// The times of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The earliest, in seconds since 1970.
    pub earliest: i64,
    /// The latest, which is where the clock stands.
    pub latest: i64,
    previous: i64,
    /// Lines earlier than the line before.
    pub steps_back: Lateness,
    /// Lines earlier than the clock, judged at the clock.
    pub behind_clock: Lateness,
}

/// A limiter of the configuration.
struct Judged {
    limiter: Limiter,
    keyed: bool,
}

/// An engine in private memory, with the limiters of a configuration.
pub struct Judge {
    engine: Engine,
    limiters: Vec<Judged>,
    classes: [Counter; 5],
    sizes: HistogramId,
    times: Option<Times>,
}

impl Judge {
    /// Makes everything that `config` names, in private memory: a replay never touches the region
    /// of the service that the configuration is for.
    pub fn new(config: &str) -> Result<Self> {
        let asked = Options::parse(config)?;
        let options = Options {
            path: None,
            private: true,
            manual_clock: Some(true),
            // The replay's own series need room, whatever the service asks for.
            max_series: None,
            max_series_per_name: None,
            ..asked
        };
        let engine = Engine::with_options(&options)?;
        let limiters = options
            .limiters
            .iter()
            .map(|(name, policy, _)| {
                let limiter = engine.find_limiter(name)?;
                Ok(Judged {
                    limiter,
                    keyed: policy.keyed.is_some(),
                })
            })
            .collect::<Result<_>>()?;
        let class = |class: &str| {
            let options =
                serde_json::json!({"labels": {"class": class}, "help": "Responses in the log"});
            engine.counter(
                RESPONSES,
                &MetricOptions::parse(&options.to_string(), Kind::Counter)?,
            )
        };
        let classes = [
            class("1xx")?,
            class("2xx")?,
            class("3xx")?,
            class("4xx")?,
            class("5xx")?,
        ];
        let sizes = MetricOptions::parse(
            r#"{"unit":"bytes","help":"Sizes of responses in the log"}"#,
            Kind::Histogram,
        )?;
        let sizes = engine.histogram(SIZES, &sizes)?;
        Ok(Judge {
            engine,
            limiters,
            classes,
            sizes,
            times: None,
        })
    }

    /// Judges a request; true when at least one limiter denies it. Each limiter is asked, whatever
    /// the ones before it said: the report compares them.
    pub fn judge(&mut self, entry: &Entry<'_>) -> Result<bool> {
        self.follow(entry.at)?;
        let mut is_denied = false;
        for judged in &self.limiters {
            let key = judged.keyed.then_some(entry.client);
            let verdict = self.engine.check(judged.limiter, key, 1, None)?;
            is_denied |= verdict == Verdict::Denied;
        }
        if let Some(class) = self
            .classes
            .get(usize::from(entry.status / 100).wrapping_sub(1))
        {
            self.engine.add(*class, 1)?;
        }
        if let Some(bytes) = entry.bytes {
            self.engine.record(self.sizes, bytes as f64)?;
        }
        Ok(is_denied)
    }

    /// Moves the clock on to `at`, if that is ahead.
    fn follow(&mut self, at: i64) -> Result<()> {
        let times = self.times.get_or_insert(Times {
            earliest: at,
            latest: at,
            previous: at,
            steps_back: Lateness::default(),
            behind_clock: Lateness::default(),
        });
        times.steps_back.note(times.previous, at);
        times.behind_clock.note(times.latest, at);
        times.previous = at;
        times.earliest = times.earliest.min(at);
        if at > times.latest {
            let seconds = at.abs_diff(times.latest);
            times.latest = at;
            self.engine
                .advance_clock(seconds.saturating_mul(1_000_000_000))?;
        }
        Ok(())
    }

    /// The times that were seen; None before the first request.
    pub fn times(&self) -> Option<Times> {
        self.times
    }

    /// All counts so far.
    pub fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }
}

/// An error of the engine in the middle of a log, with its line.
pub fn at_line(line: u64, cause: &tidegate::base::error::Error) -> Failure {
    Failure::Failed(format!("line {line}: {cause}"))
}
