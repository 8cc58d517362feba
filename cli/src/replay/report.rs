//! What came out of a replay, and the same as one JSON object for programs.

use super::clients::Clients;
use super::judge::{Lateness, RESPONSES, SIZES, Times};
use super::timestamp;
use crate::policy;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tidegate::cell::histogram::Distribution;
use tidegate::snapshot::{self, Snapshot};

/// Lines that are named; of the others only the number is told.
const NAMED_LINES: usize = 5;
/// Clients that are named.
pub const NAMED_CLIENTS: usize = 10;

/// Lines with something worth telling: how many, and the first few.
#[derive(Clone, Debug, Default)]
pub struct Flagged {
    /// How many.
    pub lines: u64,
    /// Number of the line, from 1, and what is the matter.
    pub first: Vec<(u64, String)>,
}

impl Flagged {
    /// Notes a line.
    pub fn note(&mut self, line: u64, why: &str) {
        self.lines += 1;
        if self.first.len() < NAMED_LINES {
            self.first.push((line, why.to_owned()));
        }
    }

    fn json(&self) -> Value {
        let first = self
            .first
            .iter()
            .map(|(line, why)| json!({"line": line, "why": why}));
        json!({"lines": self.lines, "first": first.collect::<Vec<_>>()})
    }
}

/// A replay's result.
pub struct Report {
    /// Name of the log.
    pub log: String,
    /// Why the log was not read to its end.
    pub stopped: Option<String>,
    /// Lines of the log.
    pub lines: u64,
    /// Lines that hold a request.
    pub requests: u64,
    /// Requests that at least one limiter denied.
    pub denied: u64,
    /// Lines that hold no request.
    pub malformed: Flagged,
    /// Requests whose line ends too early.
    pub cut_short: Flagged,
    /// Times of the log; None without requests.
    pub times: Option<Times>,
    /// Who asked.
    pub clients: Clients,
    /// The engine's counts.
    pub snapshot: Snapshot,
    /// How long the replay took.
    pub elapsed: Duration,
}

/// How many requests clients made.
pub struct PerClient {
    /// On average.
    pub mean: f64,
    /// At the quantiles 0.5, 0.95 and 0.99, and the most.
    pub quantiles: [u64; 4],
}

impl Report {
    /// Responses by class of their status.
    pub fn classes(&self) -> Vec<(&str, u64)> {
        let mut classes = Vec::new();
        for series in self.series(RESPONSES) {
            if let (snapshot::Value::Counter(count), [(_, class)]) =
                (&series.value, &series.labels[..])
            {
                classes.push((class.as_str(), *count));
            }
        }
        classes
    }

    /// Sizes of responses.
    pub fn sizes(&self) -> Option<&Distribution> {
        self.series(SIZES)
            .iter()
            .find_map(|series| match &series.value {
                snapshot::Value::Histogram { lifetime, .. } => Some(lifetime),
                _ => None,
            })
    }

    fn series(&self, name: &str) -> &[snapshot::SeriesReading] {
        let family = self
            .snapshot
            .families
            .iter()
            .find(|family| family.name == name);
        family.map_or(&[], |family| &family.series)
    }

    /// Requests whose size the log does not tell.
    pub fn without_size(&self) -> u64 {
        self.requests
            .saturating_sub(self.sizes().map_or(0, |sizes| sizes.count))
    }

    /// How many requests clients made.
    pub fn per_client(&self) -> Option<PerClient> {
        let requests = self.clients.requests();
        let most = *requests.last()?;
        let rank = |quantile: f64| {
            let rank = (quantile * requests.len() as f64).ceil() as usize;
            requests[rank.clamp(1, requests.len()) - 1]
        };
        Some(PerClient {
            mean: requests.iter().sum::<u64>() as f64 / requests.len() as f64,
            quantiles: [rank(0.5), rank(0.95), rank(0.99), most],
        })
    }

    /// Lines in a second of real time.
    pub fn lines_per_second(&self) -> f64 {
        (self.lines as f64 / self.elapsed.as_secs_f64().max(1e-9)).round()
    }

    /// The report as one JSON object.
    pub fn json(&self) -> Value {
        let classes: Map<String, Value> = self
            .classes()
            .into_iter()
            .map(|(class, count)| (class.to_owned(), count.into()))
            .collect();
        json!({
            "log": self.log,
            "stopped": self.stopped,
            "lines": self.lines,
            "requests": self.requests,
            "malformed": self.malformed.json(),
            "cut_short": self.cut_short.json(),
            "time": self.times.map(time),
            "admitted_by_all": self.requests - self.denied,
            "denied_by_any": self.denied,
            "limiters": self.snapshot.limiters.iter().map(limiter).collect::<Vec<_>>(),
            "clients": self.clients_json(),
            "responses": classes,
            "sizes": self.sizes_json(),
            "speed": {
                "seconds": self.elapsed.as_secs_f64(),
                "lines_per_second": self.lines_per_second(),
            },
        })
    }

    fn clients_json(&self) -> Value {
        let per_client = self.per_client().map(
            |PerClient {
                 mean,
                 quantiles: [p50, p95, p99, max],
             }| {
                json!({"mean": mean, "p50": p50, "p95": p95, "p99": p99, "max": max})
            },
        );
        let top = self.clients.top_denied(NAMED_CLIENTS);
        let top = top.iter().map(|(client, tally)| {
            json!({
                "client": String::from_utf8_lossy(client),
                "denied": tally.denied,
                "requests": tally.requests,
            })
        });
        json!({
            "known": self.clients.known(),
            "forgotten": self.clients.forgotten(),
            "denials_missing_at_most": self.clients.missing_at_most(),
            "requests_per_client": per_client,
            "top_denied": top.collect::<Vec<_>>(),
        })
    }

    fn sizes_json(&self) -> Value {
        let mut values = [0.0; 3];
        let sizes = self.sizes().filter(|sizes| sizes.count > 0);
        if let Some(sizes) = sizes {
            sizes.quantiles(&[0.5, 0.95, 0.99], &mut values);
        }
        let [p50, p95, p99] = values.map(|value| sizes.map(|_| value));
        json!({
            "count": sizes.map_or(0, |sizes| sizes.count),
            "without": self.without_size(),
            "sum": sizes.map_or(0.0, |sizes| sizes.sum),
            "p50": p50,
            "p95": p95,
            "p99": p99,
            "max": sizes.map(|sizes| sizes.max),
        })
    }
}

fn time(times: Times) -> Value {
    let lateness = |lateness: Lateness| json!({"lines": lateness.lines, "largest_seconds": lateness.largest_seconds});
    json!({
        "first": timestamp::utc(times.earliest),
        "last": timestamp::utc(times.latest),
        "first_unix": times.earliest,
        "last_unix": times.latest,
        "span_seconds": times.latest.abs_diff(times.earliest),
        "steps_back": lateness(times.steps_back),
        "behind_clock": lateness(times.behind_clock),
    })
}

fn limiter(limiter: &tidegate::guard::LimiterReading) -> Value {
    let tallies = &limiter.tallies;
    json!({
        "name": limiter.name,
        "policy": policy::words(&limiter.policy),
        "admitted": tallies.admitted,
        "denied": tallies.denied,
        "denied_full": tallies.denied_full,
        "allowed_full": tallies.allowed_full,
        "evicted": tallies.evicted,
        "keys_used": limiter.keys_used,
    })
}
