//! StatsD lines, with labels as DogStatsD tags.
//!
//! A snapshot holds totals, and StatsD's counters are sums of what is sent: sending a total each time
//! would count everything again. So totals are sent as gauges (`|g`), whose last value stands. Of a
//! distribution go its count, its mean, its quantiles and its largest value over the window.
//!
//! What has a meaning in a line (`:|@#,` and control characters) becomes `_`, and a value that is no
//! number is left out. A gauge below zero is sent after a zero, since a sign would change it by that.

use super::number;
use crate::cell::histogram::Distribution;
use crate::snapshot::{Snapshot, Value};

const QUANTILES: [(f64, &str); 4] = [(0.5, ".p50"), (0.9, ".p90"), (0.95, ".p95"), (0.99, ".p99")];

/// Appends `snapshot` to `out`.
pub fn write(snapshot: &Snapshot, out: &mut Vec<u8>) {
    for family in &snapshot.families {
        for series in &family.series {
            let mut line = Line {
                out,
                name: &family.name,
                labels: &series.labels,
            };
            match &series.value {
                Value::Counter(total) => line.count("", *total),
                Value::Gauge(value) => line.gauge("", *value),
                Value::Histogram { window, .. } => line.distribution(window),
                Value::Shares(shares) => {
                    line.gauge("", shares.iter().map(|(_, value)| value).sum());
                }
                Value::Ratio { window, .. } => line.gauge(".ratio", window.ratio()),
                // StatsD has numbers only.
                Value::Info(_) | Value::Enum { .. } => {}
                Value::Operation(calls) => {
                    line.distribution(&calls.window.latency);
                    line.count(".successes", calls.lifetime.successes);
                    line.count(".failures", calls.lifetime.failures);
                    line.gauge(".error_rate", calls.window.error_rate());
                }
            }
        }
    }
    for limiter in &snapshot.limiters {
        let mut line = Line {
            out,
            name: &limiter.name,
            labels: &[],
        };
        line.count(".admitted", limiter.tallies.admitted);
        line.count(".denied", limiter.tallies.denied);
    }
    for objective in &snapshot.objectives {
        let mut line = Line {
            out,
            name: &objective.policy.name,
            labels: &[],
        };
        line.gauge(".budget_left", objective.budget_left);
    }
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    name: &'a str,
    labels: &'a [(String, String)],
}

impl Line<'_> {
    fn distribution(&mut self, window: &Distribution) {
        self.count(".count", window.count);
        self.gauge(".mean", window.sum / window.count as f64);
        self.gauge(".max", window.max);
        let mut values = [f64::NAN; QUANTILES.len()];
        window.quantiles(&QUANTILES.map(|(quantile, _)| quantile), &mut values);
        for ((_, suffix), value) in QUANTILES.into_iter().zip(values) {
            self.gauge(suffix, value);
        }
    }

    fn gauge(&mut self, suffix: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        if value < 0.0 {
            self.count(suffix, 0);
        }
        self.line(suffix, |out| number::sample(out, value));
    }

    fn count(&mut self, suffix: &str, value: u64) {
        self.line(suffix, |out| number::whole(out, value));
    }

    fn line(&mut self, suffix: &str, value: impl FnOnce(&mut Vec<u8>)) {
        clean(self.out, self.name);
        self.out.extend_from_slice(suffix.as_bytes());
        self.out.push(b':');
        value(self.out);
        self.out.extend_from_slice(b"|g");
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
