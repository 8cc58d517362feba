//! The snapshot as one JSON document, described by `schema/snapshot.schema.json`.
//!
//! Written straight into memory, since a tree of a thousand histograms would take longer than the
//! snapshot itself. Counts are whole numbers with all digits of 64 bits; everything else is a
//! double, with a point or an exponent. What has no number (a quantile of nothing) is `null`.
//! There is a line for each top-level field and each metric, so that documents can be compared.

mod breakers;
pub mod event;
mod facts;
mod guards;
mod health;
mod objectives;
mod operations;
mod slow;
mod throttles;
pub mod top;
mod usage;

use super::{escape, number};
use crate::cell::buckets;
use crate::cell::histogram::Distribution;
use crate::guard::{Algorithm, LimiterReading};
use crate::health::Health;
use crate::snapshot::{EngineReading, FamilyReading, SeriesReading, Snapshot, Value};

/// Name and version of the document. A new field does not change it; a changed meaning does.
pub const SCHEMA: &str = "tidegate.snapshot/1";

const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
const QUANTILE_NAMES: [&str; QUANTILES.len()] = ["0.5", "0.9", "0.95", "0.99", "0.999"];

/// Appends `snapshot`, and how it was judged, to `out`.
pub fn write(snapshot: &Snapshot, judged: &Health, out: &mut Vec<u8>) {
    let mut json = Json { out };
    // Whatever stands before the document is none of it.
    json.out.push(b'{');
    json.line().key("schema").text(SCHEMA);
    json.line().key("version").text(snapshot.version);
    json.line().key("service").text(&snapshot.service);
    json.line().key("taken_at").time(snapshot.taken_wall_ns);
    json.line().key("age_seconds").seconds(snapshot.age_ns);
    json.line()
        .key("window_seconds")
        .real(snapshot.window_seconds);
    let seconds = snapshot.covered_seconds();
    json.metrics("counters", snapshot, |json, value| match value {
        Value::Counter(total) => {
            json.key("value").whole(*total);
            true
        }
        _ => false,
    });
    json.metrics("gauges", snapshot, Json::gauge);
    json.metrics("histograms", snapshot, |json, value| match value {
        Value::Histogram { lifetime, window } => {
            json.key("relative_error")
                .real(buckets::error_of(lifetime.bits()));
            json.key("lifetime").distribution(lifetime, None);
            json.key("window").distribution(window, Some(seconds));
            true
        }
        _ => false,
    });
    json.metrics("operations", snapshot, |json, value| match value {
        Value::Operation(operation) => {
            json.operation(operation);
            true
        }
        _ => false,
    });
    json.metrics("ratios", snapshot, |json, value| json.ratio(value, seconds));
    json.metrics("infos", snapshot, Json::info);
    json.metrics("enums", snapshot, Json::enumeration);
    json.line().key("slowest").slowest(snapshot);
    json.line().key("errors").errors(&snapshot.errors);
    json.line().key("host").host(&snapshot.host);
    json.line().key("limiters").open(b'[');
    for limiter in &snapshot.limiters {
        json.line().limiter(limiter);
    }
    json.close_lines(b']');
    json.line().key("breakers").open(b'[');
    for breaker in &snapshot.breakers {
        json.line().breaker(breaker);
    }
    json.close_lines(b']');
    json.line().key("throttles").open(b'[');
    for throttle in &snapshot.throttles {
        json.line().throttle(throttle);
    }
    json.close_lines(b']');
    json.line()
        .key("objectives")
        .objectives(&snapshot.objectives);
    json.line().key("bulkheads").open(b'[');
    for bulkhead in &snapshot.bulkheads {
        json.line().bulkhead(bulkhead);
    }
    json.close_lines(b']');
    json.line().key("retries").open(b'[');
    for retry in &snapshot.retries {
        json.line().retry(retry);
    }
    json.close_lines(b']');
    json.line().key("guards").open(b'[');
    for chain in &snapshot.guards {
        json.line().chain(chain);
    }
    json.close_lines(b']');
    json.line().key("health").health(judged);
    json.line().key("engine").engine(&snapshot.engine);
    json.close_lines(b'}');
    json.out.push(b'\n');
}

/// A document that grows at its end. A comma is due wherever something was written before, which
/// the last byte tells: outside of strings, nothing else ends as these do.
pub(super) struct Json<'o> {
    pub(super) out: &'o mut Vec<u8>,
}

impl Json<'_> {
    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':' | b'\n')) {
            self.out.push(b',');
        }
    }

    /// What comes next stands on a line of its own.
    pub(super) fn line(&mut self) -> &mut Self {
        self.comma();
        self.out.push(b'\n');
        self
    }

    /// A field's name, which needs no escapes; its value comes next.
    pub(super) fn key(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    pub(super) fn open(&mut self, bracket: u8) {
        self.comma();
        self.out.push(bracket);
    }

    pub(super) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
    }

    /// Closes what has its parts on lines of their own.
    pub(super) fn close_lines(&mut self, bracket: u8) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b'\n');
        }
        self.out.push(bracket);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.comma();
        escape::json(self.out, text);
    }

    pub(super) fn whole(&mut self, value: u64) {
        self.comma();
        number::whole(self.out, value);
    }

    pub(super) fn real(&mut self, value: f64) {
        self.comma();
        number::json(self.out, value);
    }

    pub(super) fn seconds(&mut self, ns: u64) {
        self.real(ns as f64 / 1e9);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.comma();
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn null(&mut self) {
        self.comma();
        self.out.extend_from_slice(b"null");
    }

    /// A wall clock's time as RFC 3339 in UTC, to the millisecond.
    pub(super) fn time(&mut self, wall_ns: u64) {
        self.text(&rfc3339(wall_ns));
    }

    fn metrics(
        &mut self,
        field: &str,
        snapshot: &Snapshot,
        write: impl Fn(&mut Self, &Value) -> bool,
    ) {
        self.line().key(field).open(b'[');
        for family in &snapshot.families {
            for series in &family.series {
                let start = self.out.len();
                self.line().open(b'{');
                self.series(family, series);
                if write(self, &series.value) {
                    self.exemplars(&series.exemplars);
                    self.close(b'}');
                } else {
                    self.out.truncate(start);
                }
            }
        }
        self.close_lines(b']');
    }

    fn labels(&mut self, labels: &[(String, String)]) {
        self.key("labels").open(b'{');
        self.pairs(labels);
        self.close(b'}');
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        for (name, value) in pairs {
            self.text(name);
            self.out.push(b':');
            self.text(value);
        }
    }

    fn series(&mut self, family: &FamilyReading, series: &SeriesReading) {
        self.key("name").text(&family.name);
        self.labels(&series.labels);
        for (field, text) in [("help", &family.help), ("unit", &family.unit)] {
            if !text.is_empty() {
                self.key(field).text(text);
            }
        }
    }

    fn distribution(&mut self, distribution: &Distribution, seconds: Option<f64>) {
        self.open(b'{');
        self.values(distribution);
        if let Some(seconds) = seconds {
            self.key("rate_per_second")
                .real(distribution.count as f64 / seconds);
        }
        self.close(b'}');
    }

    fn values(&mut self, distribution: &Distribution) {
        let count = distribution.count as f64;
        self.key("count").whole(distribution.count);
        self.key("sum").real(distribution.sum);
        self.key("min").real(distribution.min);
        self.key("max").real(distribution.max);
        self.key("mean").real(distribution.sum / count);
        let mut values = [f64::NAN; QUANTILES.len()];
        distribution.quantiles(&QUANTILES, &mut values);
        self.key("quantiles").open(b'{');
        for (name, value) in QUANTILE_NAMES.into_iter().zip(values) {
            self.key(name).real(value);
        }
        self.close(b'}');
    }

    fn limiter(&mut self, limiter: &LimiterReading) {
        self.open(b'{');
        self.key("name").text(&limiter.name);
        self.key("algorithm").text(limiter.policy.algorithm.name());
        match limiter.policy.algorithm {
            Algorithm::TokenBucket {
                rate_per_second,
                burst,
                ..
            } => {
                self.key("rate_per_second").real(rate_per_second);
                self.key("burst").whole(burst);
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
                self.key("limit").whole(limit);
                self.key("window_seconds").real(window_seconds);
            }
        }
        self.key("keyed").boolean(limiter.policy.keyed.is_some());
        if let Some(keyed) = limiter.policy.keyed {
            self.key("when_full").text(keyed.when_full.name());
        }
        let tallies = &limiter.tallies;
        if limiter.policy.shadow {
            self.key("shadow_denied").whole(tallies.shadow_denied);
        }
        for (field, value) in [
            ("admitted", tallies.admitted),
            ("admitted_units", tallies.admitted_units),
            ("denied", tallies.denied),
            ("denied_full", tallies.denied_full),
            ("allowed_full", tallies.allowed_full),
            ("evicted", tallies.evicted),
            ("reused", tallies.reused),
            ("keys_used", limiter.keys_used),
            ("keys_capacity", limiter.keys_capacity),
        ] {
            self.key(field).whole(value);
        }
        if let Some(top) = &limiter.top_keys {
            self.key("top_keys").top_keys(top);
        }
        self.close(b'}');
    }

    fn engine(&mut self, engine: &EngineReading) {
        self.open(b'{');
        if engine.path.is_empty() {
            self.key("region_path").null();
        } else {
            self.key("region_path").text(&engine.path);
        }
        self.key("warnings").open(b'[');
        for warning in &engine.warnings {
            self.text(warning);
        }
        self.close(b']');
        self.key("created_at").time(engine.created_wall_ns);
        let alive = engine.workers.iter().filter(|worker| worker.alive).count() as u64;
        for (field, value) in [
            ("creator_pid", u64::from(engine.creator_pid)),
            ("size_bytes", engine.size_bytes),
            ("heap_used_bytes", engine.heap_used_bytes),
            ("heap_bytes", engine.heap_bytes),
            ("series_used", engine.series_used),
            ("series_limit", engine.series_limit),
            ("overflowed_opens", engine.overflowed_opens),
            ("dropped_values", engine.dropped_values),
            ("dropped_for_lack_of_room", engine.dropped_for_lack_of_room),
            ("clamped_values", engine.clamped_values),
            ("cold_octaves", engine.cold_octaves),
            ("lost_checkpoints", engine.lost_checkpoints),
            ("workers_attached", engine.workers_attached),
            ("workers_died", engine.workers_died),
            ("workers_refused", engine.workers_refused),
            ("workers_alive", alive),
            ("workers_dead", engine.workers.len() as u64 - alive),
        ] {
            self.key(field).whole(value);
        }
        self.key("workers").open(b'[');
        for worker in &engine.workers {
            self.line().open(b'{');
            self.key("pid").whole(worker.pid.into());
            self.key("alive").boolean(worker.alive);
            self.key("attached_for_seconds")
                .seconds(worker.attached_for_ns);
            self.key("heartbeat_age_seconds")
                .seconds(worker.heartbeat_age_ns);
            self.usage(worker.usage.as_ref());
            self.key("started").boolean(worker.started);
            self.key("pulse_age_seconds");
            match worker.pulse_age_ns {
                Some(age) => self.seconds(age),
                None => self.null(),
            }
            self.close(b'}');
        }
        self.close_lines(b']');
        self.close(b'}');
    }
}

pub(super) fn rfc3339(wall_ns: u64) -> String {
    let ms = wall_ns / 1_000_000;
    let (days, time) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        time / 3_600_000,
        time / 60_000 % 60,
        time / 1000 % 60,
        time % 1000
    )
}

/// Year, month and day of a day counted from 1970. Years begin in March here, so that the leap day
/// is a year's last; 400 of them have 146,097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 {
        (year, month + 3, date)
    } else {
        (year + 1, month - 9, date)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(seconds * 1_000_000_000), text);
        }
        assert_eq!(rfc3339(1_999_999), "1970-01-01T00:00:00.001Z");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709Z");
    }
}
