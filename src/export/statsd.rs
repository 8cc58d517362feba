//! StatsD lines, with labels as DogStatsD tags.
//!
//! A snapshot holds totals, and StatsD's counters are sums of what is sent: sending a total each time
//! would count everything again. So totals are sent as gauges (`|g`), whose last value stands. Of a
//! distribution go its count, its mean, its quantiles and its largest value over the window.
//!
//! A difference is what StatsD's counters are (`|c`): send each once. Its distributions are those of
//! the interval.
//!
//! What has a meaning in a line (`:|@#,` and control characters) becomes `_`, and a value that is no
//! number is left out. A gauge below zero is sent after a zero, since a sign would change it by that.

use super::number;
use crate::cell::histogram::Distribution;
use crate::snapshot::{Snapshot, Value};

const QUANTILES: [(f64, &str); 4] = [(0.5, ".p50"), (0.9, ".p90"), (0.95, ".p95"), (0.99, ".p99")];

/// Appends `snapshot` to `out`.
pub fn write(snapshot: &Snapshot, out: &mut Vec<u8>) {
    let is_delta = snapshot.since().is_some();
    for family in &snapshot.families {
        for series in &family.series {
            let mut line = Line {
                out,
                name: &family.name,
                labels: &series.labels,
                is_delta,
            };
            match &series.value {
                Value::Counter(total) => line.total("", *total),
                Value::Gauge(value) => line.gauge("", *value),
                Value::Histogram { lifetime, window } => line.distribution(lifetime, window),
                Value::Shares(shares) => {
                    line.gauge("", shares.iter().map(|(_, value)| value).sum());
                }
                Value::Ratio { lifetime, window } => {
                    let hits = if is_delta { lifetime } else { window };
                    line.gauge(".ratio", hits.ratio());
                }
                // StatsD has numbers only.
                Value::Info(_) | Value::Enum { .. } => {}
                Value::Operation(calls) => {
                    line.distribution(&calls.lifetime.latency, &calls.window.latency);
                    line.total(".successes", calls.lifetime.successes);
                    line.total(".failures", calls.lifetime.failures);
                    let lately = if is_delta {
                        &calls.lifetime
                    } else {
                        &calls.window
                    };
                    line.gauge(".error_rate", lately.error_rate());
                }
            }
        }
    }
    for limiter in &snapshot.limiters {
        let mut line = Line {
            out,
            name: &limiter.name,
            labels: &[],
            is_delta,
        };
        line.total(".admitted", limiter.tallies.admitted);
        line.total(".denied", limiter.tallies.denied);
    }
    for objective in &snapshot.objectives {
        let mut line = Line {
            out,
            name: &objective.policy.name,
            labels: &[],
            is_delta,
        };
        line.gauge(".budget_left", objective.budget_left);
    }
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    name: &'a str,
    labels: &'a [(String, String)],
    is_delta: bool,
}

impl Line<'_> {
    fn distribution(&mut self, lifetime: &Distribution, window: &Distribution) {
        let shown = if self.is_delta {
            self.total(".count", lifetime.count);
            lifetime
        } else {
            self.level(".count", window.count);
            window
        };
        self.gauge(".mean", shown.sum / shown.count as f64);
        self.gauge(".max", shown.max);
        let mut values = [f64::NAN; QUANTILES.len()];
        shown.quantiles(&QUANTILES.map(|(quantile, _)| quantile), &mut values);
        for ((_, suffix), value) in QUANTILES.into_iter().zip(values) {
            self.gauge(suffix, value);
        }
    }

    fn gauge(&mut self, suffix: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        if value < 0.0 {
            self.level(suffix, 0);
        }
        self.line(suffix, b"|g", |out| number::sample(out, value));
    }

    fn level(&mut self, suffix: &str, value: u64) {
        self.line(suffix, b"|g", |out| number::whole(out, value));
    }

    fn total(&mut self, suffix: &str, value: u64) {
        let kind = if self.is_delta { b"|c" } else { b"|g" };
        self.line(suffix, kind, |out| number::whole(out, value));
    }

    fn line(&mut self, suffix: &str, kind: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        clean(self.out, self.name);
        self.out.extend_from_slice(suffix.as_bytes());
        self.out.push(b':');
        value(self.out);
        self.out.extend_from_slice(kind);
        for (at, (name, value)) in self.labels.iter().enumerate() {
            self.out
                .extend_from_slice(if at == 0 { b"|#" } else { b"," });
            clean(self.out, name);
            self.out.push(b':');
            clean(self.out, value);
        }
        self.out.push(b'\n');
    }
}

fn clean(out: &mut Vec<u8>, text: &str) {
    let mut buffer = [0; 4];
    for letter in text.chars() {
        let letter = if letter.is_control() || ":|@#,\u{2028}\u{2029}".contains(letter) {
            '_'
        } else {
            letter
        };
        out.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
    }
}
