//! Two snapshots to tables: the later one's numbers, and rates from what changed between them.
//!
//! A series that the earlier snapshot does not have was made since: its rate counts from zero. The
//! quantiles of a histogram are those of the window, or, once the window is empty, of all time:
//! after the last worker is gone the region still tells what they did.

use crate::policy;
use crate::quantity::{bytes, of_unit, rate, span, whole};
use crate::table::Table;
use std::collections::HashMap;
use tidegate::cell::histogram::Distribution;
use tidegate::guard::LimiterReading;
use tidegate::health::{Status, judge};
use tidegate::snapshot::{FamilyReading, SeriesReading, Snapshot, Value};

/// A snapshot, and the one before it.
pub struct View<'s> {
    /// What to show.
    pub now: &'s Snapshot,
    /// An earlier one of the same region, and the seconds in between.
    pub before: Option<(&'s Snapshot, f64)>,
}

type SeriesName<'s> = (&'s str, &'s [(String, String)]);

impl View<'_> {
    /// Lines above the tables: which region this is, and what is wrong with it.
    pub fn head(&self) -> Vec<String> {
        let engine = &self.now.engine;
        let service = if self.now.service.is_empty() {
            "tidegate"
        } else {
            &self.now.service
        };
        let mut lines = vec![format!(
            "{service}  {}  {} old, made by process {}, {} of {} series, {} of {} heap used",
            engine.path,
            span(self.now.age_ns),
            engine.creator_pid,
            whole(engine.series_used),
            whole(engine.series_limit),
            bytes(engine.heap_used_bytes as f64),
            bytes(engine.heap_bytes as f64),
        )];
        lines.push(self.workers_in_words());
        lines.extend(self.illness());
        lines.extend(
            engine
                .warnings
                .iter()
                .map(|warning| format!("warning: {warning}")),
        );
        let troubles = [
            (
                engine.overflowed_opens,
                "label sets beyond the limit went to an overflow series",
            ),
            (
                engine.dropped_values,
                "values were refused: negative, infinite or not a number",
            ),
            (
                engine.dropped_for_lack_of_room,
                "values by name found no room for the name",
            ),
            (
                engine.clamped_values,
                "values were counted in the nearest octave for lack of room",
            ),
            (
                engine.lost_checkpoints,
                "checkpoints lost detail for lack of room",
            ),
            (
                engine.cold_octaves,
                "octaves found no room for per-CPU cells: slower, nothing lost",
            ),
            (
                engine.workers_refused,
                "times a process found the table of workers full",
            ),
        ];
        lines.extend(
            troubles
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("warning: {} {what}", whole(count))),
        );
        let limiters = self.now.limiters.iter().filter_map(policy::trouble);
        lines.extend(limiters.map(|trouble| format!("warning: {trouble}")));
        lines
    }

    /// What is not well, if anything.
    fn illness(&self) -> Option<String> {
        let status = judge(self.now).status;
        let is_ill = matches!(status, Status::Degraded | Status::Unhealthy);
        is_ill.then(|| {
            format!(
                "health: {}; tidegate health --json tells why",
                status.name()
            )
        })
    }

    fn workers_in_words(&self) -> String {
        let engine = &self.now.engine;
        let alive = engine.workers.iter().filter(|worker| worker.alive).count() as u64;
        let nobody = if alive == 0 {
            "; nobody writes any more"
        } else {
            ""
        };
        format!(
            "workers: {} alive, {} died, {} attached in all{nobody}",
            whole(alive),
            whole(engine.workers_died),
            whole(engine.workers_attached)
        )
    }

    /// The tables.
    pub fn tables(&self) -> Vec<Table> {
        vec![
            self.limiters(),
            self.breakers(),
            self.bulkheads(),
            self.histograms(),
            self.counters(),
            self.gauges(),
            self.workers(),
        ]
    }

    fn limiters(&self) -> Table {
        let mut table = Table::new(&[
            "limiter",
            "admitted/s",
            "denied/s",
            "admitted",
            "denied",
            "keys used",
            "policy",
        ])
        .ending_in_text();
        for limiter in &self.now.limiters {
            let before = self.before.and_then(|(snapshot, _)| {
                snapshot
                    .limiters
                    .iter()
                    .find(|before| before.name == limiter.name)
            });
            let per_second =
                |of: fn(&LimiterReading) -> u64| rate(self.rate(of(limiter), before.map_or(0, of)));
            let keys = match limiter.policy.keyed {
                Some(_) => format!(
                    "{} of {}",
                    whole(limiter.keys_used),
                    whole(limiter.keys_capacity)
                ),
                None => "-".to_owned(),
            };
            table.row([
                limiter.name.clone(),
                per_second(|limiter| limiter.tallies.admitted),
                per_second(|limiter| limiter.tallies.denied),
                whole(limiter.tallies.admitted),
                whole(limiter.tallies.denied),
                keys,
                policy::words(&limiter.policy),
            ]);
        }
        table
    }

    fn breakers(&self) -> Table {
        let mut table = Table::new(&[
            "breaker", "state", "calls", "failures", "slow", "denied", "opened", "retry in",
        ]);
        for breaker in &self.now.breakers {
            let retry = match breaker.retry_after_ns {
                0 => "-".to_owned(),
                wait => span(wait),
            };
            table.row([
                breaker.name.clone(),
                breaker.phase.name().to_owned(),
                whole(breaker.calls),
                whole(breaker.failures),
                whole(breaker.slow_calls),
                whole(breaker.totals.not_permitted),
                whole(breaker.totals.opened),
                retry,
            ]);
        }
        table
    }

    fn bulkheads(&self) -> Table {
        let mut table = Table::new(&["bulkhead", "inside", "limit", "entered", "denied"]);
        for bulkhead in &self.now.bulkheads {
            let numbers = bulkhead.numbers;
            table.row([
                bulkhead.name.clone(),
                whole(numbers.in_use),
                whole(numbers.limit),
                whole(numbers.entered),
                whole(numbers.denied),
            ]);
        }
        table
    }

    fn histograms(&self) -> Table {
        let mut table = Table::new(&[
            "histogram",
            "count",
            "per s",
            "p50",
            "p95",
            "p99",
            "max",
            "over",
        ]);
        let before = self.totals_before();
        for (family, series) in self.series() {
            let (lifetime, window) = match &series.value {
                Value::Histogram { lifetime, window } => (lifetime, window),
                Value::Operation(calls) => (&calls.lifetime.latency, &calls.window.latency),
                _ => continue,
            };
            let (shown, over) = if window.count > 0 || lifetime.count == 0 {
                (window, format!("{} s", self.now.window_seconds))
            } else {
                (lifetime, "all time".to_owned())
            };
            let [p50, p95, p99, max] = quantiles(shown).map(|value| of_unit(value, &family.unit));
            let earlier = before
                .get(&(&family.name, &series.labels))
                .copied()
                .unwrap_or(0);
            table.row([
                name_of(family, series),
                whole(lifetime.count),
                rate(self.rate(lifetime.count, earlier)),
                p50,
                p95,
                p99,
                max,
                over,
            ]);
        }
        table
    }

    fn counters(&self) -> Table {
        let mut table = Table::new(&["counter", "total", "per s"]);
        let before = self.totals_before();
        for (family, series) in self.series() {
            if let Value::Counter(total) = series.value {
                let earlier = before
                    .get(&(&family.name, &series.labels))
                    .copied()
                    .unwrap_or(0);
                let per_second = rate(self.rate(total, earlier));
                table.row([name_of(family, series), whole(total), per_second]);
            }
        }
        table
    }

    fn gauges(&self) -> Table {
        let mut table = Table::new(&["gauge", "value"]);
        for (family, series) in self.series() {
            if let Value::Gauge(value) = series.value {
                table.row([name_of(family, series), of_unit(value, &family.unit)]);
            }
        }
        table
    }

    fn workers(&self) -> Table {
        let mut table = Table::new(&["worker", "state", "attached for", "last seen"]);
        for worker in &self.now.engine.workers {
            table.row([
                worker.pid.to_string(),
                if worker.alive { "alive" } else { "dead" }.to_owned(),
                span(worker.attached_for_ns),
                format!("{} ago", span(worker.heartbeat_age_ns)),
            ]);
        }
        table
    }

    fn series(&self) -> impl Iterator<Item = (&FamilyReading, &SeriesReading)> {
        self.now
            .families
            .iter()
            .flat_map(|family| family.series.iter().map(move |series| (family, series)))
    }

    /// Totals of counters and counts of histograms in the earlier snapshot.
    fn totals_before(&self) -> HashMap<SeriesName<'_>, u64> {
        let mut totals = HashMap::new();
        for family in self
            .before
            .iter()
            .flat_map(|(snapshot, _)| &snapshot.families)
        {
            for series in &family.series {
                let total = match &series.value {
                    Value::Counter(total) => *total,
                    Value::Histogram { lifetime, .. } => lifetime.count,
                    Value::Operation(calls) => calls.lifetime.count(),
                    _ => continue,
                };
                totals.insert((family.name.as_str(), series.labels.as_slice()), total);
            }
        }
        totals
    }

    fn rate(&self, now: u64, before: u64) -> Option<f64> {
        let (_, seconds) = self.before?;
        (seconds > 0.0).then(|| now.saturating_sub(before) as f64 / seconds)
    }
}

fn quantiles(distribution: &Distribution) -> [f64; 4] {
    let mut values = [f64::NAN; 3];
    distribution.quantiles(&[0.5, 0.95, 0.99], &mut values);
    let [p50, p95, p99] = values;
    [p50, p95, p99, distribution.max]
}

/// `name{label="value"}`, as Prometheus writes it.
fn name_of(family: &FamilyReading, series: &SeriesReading) -> String {
    if series.labels.is_empty() {
        return family.name.clone();
    }
    let labels: Vec<String> = series
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{}{{{}}}", family.name, labels.join(","))
}
