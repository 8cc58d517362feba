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
pub mod read;
mod slow;
mod throttles;
pub mod top;
mod usage;

use super::{Selection, escape, number};
use crate::cell::buckets;
use crate::cell::histogram::Distribution;
use crate::guard::{Algorithm, LimiterReading};
use crate::health::Health;
use crate::snapshot::{EngineReading, FamilyReading, SeriesReading, Snapshot, Value};

/// Name and version of the document. A new field does not change it; a changed meaning does.
pub const SCHEMA: &str = "tidegate.snapshot/1";

const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
const QUANTILE_NAMES: [&str; QUANTILES.len()] = ["0.5", "0.9", "0.95", "0.99", "0.999"];

/// Appends `snapshot`, which is what `selection` left, and how it was judged to `out`.
pub fn write(
    snapshot: &Snapshot,
    judged: impl FnOnce() -> Health,
    selection: &Selection,
    out: &mut Vec<u8>,
) {
    let total = match snapshot.since() {
        Some(_) => "interval",
        None => "lifetime",
    };
    let mut json = Json {
        out,
        total,
        buckets: selection.buckets,
    };
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
    json.line().key("window_covered_seconds").real(seconds);
    json.scope(snapshot, selection);
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
            json.key(json.total).distribution(lifetime, None);
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
    if snapshot.is_whole() {
        json.of_one_region(snapshot, &judged());
    }
    json.close_lines(b'}');
    json.out.push(b'\n');
}

impl Json<'_> {
    /// What is of one region, and is neither merged nor a difference.
    fn of_one_region(&mut self, snapshot: &Snapshot, judged: &Health) {
        self.line().key("host").host(&snapshot.host);
        self.line().key("limiters").open(b'[');
        for limiter in &snapshot.limiters {
            self.line().limiter(limiter);
        }
        self.close_lines(b']');
        self.line().key("breakers").open(b'[');
        for breaker in &snapshot.breakers {
            self.line().breaker(breaker);
        }
        self.close_lines(b']');
        self.line().key("throttles").open(b'[');
        for throttle in &snapshot.throttles {
            self.line().throttle(throttle);
        }
        self.close_lines(b']');
        self.line()
            .key("objectives")
            .objectives(&snapshot.objectives);
        self.line().key("bulkheads").open(b'[');
        for bulkhead in &snapshot.bulkheads {
            self.line().bulkhead(bulkhead);
        }
        self.close_lines(b']');
        self.line().key("retries").open(b'[');
        for retry in &snapshot.retries {
            self.line().retry(retry);
        }
        self.close_lines(b']');
        self.line().key("guards").open(b'[');
        for chain in &snapshot.guards {
            self.line().chain(chain);
        }
        self.close_lines(b']');
        self.line().key("health").health(judged);
        self.line().key("engine").engine(&snapshot.engine);
    }
}

/// A document that grows at its end. A comma is due wherever something was written before, which
/// the last byte tells: outside of strings, nothing else ends as these do.
pub(super) struct Json<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// What totals are called: since the region was made, or since an earlier snapshot.
    total: &'static str,
    /// Write what a document needs to be read back.
    buckets: bool,
}

impl<'o> Json<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Json {
            out,
            total: "lifetime",
            buckets: false,
        }
    }
}

impl Json<'_> {
    /// What the document is of.
    fn scope(&mut self, snapshot: &Snapshot, selection: &Selection) {
        let names = match &snapshot.derived {
            Some(derived) => derived.names.as_ref(),
            None => Some(&selection.names).filter(|names| !names.is_empty()),
        };
        if let Some(names) = names {
            self.line().key("names").open(b'[');
            for name in names {
                self.text(name);
            }
            self.close(b']');
        }
        if let Some(since) = snapshot.since() {
            self.line().key("since").open(b'{');
            self.key("at").time(since.wall_ns);
            self.key("wall_ns").whole(since.wall_ns);
            self.key("reset").boolean(since.is_reset);
            self.key("series_reset").whole(since.resets);
            self.close(b'}');
        }
        self.line().key("sources").open(b'[');
        for source in &snapshot.sources {
            self.line().open(b'{');
            self.key("region").text(&source.region_id());
            self.key("host").text(&source.host);
            self.key("service").text(&source.service);
            for (field, value) in [
                ("created_ns", source.created_wall_ns),
                ("taken_ns", source.taken_wall_ns),
                ("age_ns", source.age_ns),
            ] {
                self.key(field).whole(value);
            }
            self.close(b'}');
        }
        self.close_lines(b']');
    }

    #[inline(never)]
    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':' | b'\n')) {
            self.out.push(b',');
        }
    }

    /// What comes next stands on a line of its own.
    #[inline(never)]
    pub(super) fn line(&mut self) -> &mut Self {
        self.comma();
        self.out.push(b'\n');
        self
    }

    /// A field's name, which needs no escapes; its value comes next.
    #[inline(never)]
    pub(super) fn key(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self
    }

    #[inline(never)]
    pub(super) fn open(&mut self, bracket: u8) {
        self.comma();
        self.out.push(bracket);
    }

    pub(super) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
    }

    /// Closes what has its parts on lines of their own.
    #[inline(never)]
    pub(super) fn close_lines(&mut self, bracket: u8) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b'\n');
        }
        self.out.push(bracket);
    }

    #[inline(never)]
    pub(super) fn text(&mut self, text: &str) {
        self.comma();
        escape::json(self.out, text);
    }

    #[inline(never)]
    pub(super) fn whole(&mut self, value: u64) {
        self.comma();
        number::whole(self.out, value);
    }

    #[inline(never)]
    pub(super) fn real(&mut self, value: f64) {
        self.comma();
        number::json(self.out, value);
    }

    pub(super) fn seconds(&mut self, ns: u64) {
        self.real(ns as f64 / 1e9);
    }

    #[inline(never)]
    pub(super) fn boolean(&mut self, value: bool) {
        self.comma();
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    #[inline(never)]
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

    #[inline(never)]
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

    #[inline(never)]
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

    #[inline(never)]
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
        if self.buckets {
            self.buckets(distribution);
        }
    }

    fn buckets(&mut self, distribution: &Distribution) {
        self.key("bits").whole(distribution.bits().into());
        self.key("buckets").open(b'[');
        for (index, count) in distribution.indices() {
            self.open(b'[');
            self.whole(index);
            self.whole(count);
            self.close(b']');
        }
        self.close(b']');
        if !distribution.edges().is_empty() {
            self.key("edges").open(b'[');
            for edge in distribution.edges() {
                self.open(b'{');
                self.key("at").real(edge.at);
                self.key("at_most").whole(edge.at_most);
                self.key("above").whole(edge.above);
                self.close(b'}');
            }
            self.close(b']');
        }
    }

    fn limiter(&mut self, limiter: &LimiterReading) {
        self.open(b'{');
        self.key("name").text(&limiter.name);
        self.key("algorithm").text(limiter.policy.algorithm.name());
        match limiter.policy.algorithm {
            Algorithm::TokenBucket {
                rate_per_second,
                burst,
                warm_up,
                ..
            } => {
                self.key("rate_per_second").real(rate_per_second);
                self.key("burst").whole(burst);
                if let Some(warm_up) = warm_up {
                    self.key("warm_up_seconds").real(warm_up.seconds);
                }
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

/// The time that such a text says, to the millisecond.
fn wall_ns(text: &str) -> Option<u64> {
    let number = |from: usize, length: usize| -> Option<u64> {
        let digits = text.get(from..from + length)?;
        let are_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
        are_digits.then(|| digits.parse().ok()).flatten()
    };
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let time = ((hour * 60 + minute) * 60 + second) * 1000 + number(20, 3)?;
    // Every day that 64 bits of nanoseconds reach begins within a year of this one.
    let years = number(0, 4)?.checked_sub(1970)?;
    let (month, day) = (number(5, 2)?, number(8, 2)?);
    let date = (years + 1970, month, day);
    let guess = years * 365 + years / 4 + month.checked_sub(1)? * 31 + day;
    let days = (guess.saturating_sub(400)..=guess + 2).find(|days| civil(*days) == date)?;
    let ns = (days * 86_400_000 + time).checked_mul(1_000_000)?;
    (rfc3339(ns) == text).then_some(ns)
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
            assert_eq!(wall_ns(text), Some(seconds * 1_000_000_000));
        }
        for text in [
            "",
            "2026-02-30T00:00:00.000Z",
            "2026-01-01 00:00:00.000Z",
            "é",
        ] {
            assert_eq!(wall_ns(text), None, "{text}");
        }
        assert_eq!(rfc3339(1_999_999), "1970-01-01T00:00:00.001Z");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709Z");
    }
}
