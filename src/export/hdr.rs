//! HdrHistogram's log format, with histograms in the V2 encoding: written and read by the
//! `hdrhistogram` crate.
//!
//! An interval for each histogram and operation, from when the region was made until now, with the
//! metric's name and labels as its tag. The format counts whole numbers, so values are scaled: seconds
//! are written in nanoseconds, values with another unit as they are, those without one in millionths.
//! Three digits are kept, less than our buckets' own error.

use crate::base::error::{Error, Result};
use crate::cell::histogram::Distribution;
use crate::snapshot::{Snapshot, Value};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::time::{Duration, SystemTime};

const DIGITS: u8 = 3;
/// The largest whole number that is written; HdrHistogram keeps 62 bits.
const LARGEST: f64 = (1u64 << 61) as f64;

/// How many units of the log make one of a metric with this unit.
pub fn scale(unit: &str) -> f64 {
    match unit {
        "seconds" => 1e9,
        "" | "1" | "ratio" => 1e6,
        _ => 1.0,
    }
}

/// Appends `snapshot` to `out`.
pub fn write(snapshot: &Snapshot, out: &mut Vec<u8>) {
    let created = Duration::from_nanos(snapshot.engine.created_wall_ns);
    let start = SystemTime::UNIX_EPOCH + created;
    let length = Duration::from_nanos(snapshot.age_ns);
    let mut serializer = V2DeflateSerializer::new();
    let mut text = Vec::new();
    let log = IntervalLogWriterBuilder::new()
        .add_comment("[Logged with tidegate]")
        .with_start_time(start)
        .with_base_time(start)
        .with_max_value_divisor(1e6)
        .begin_log_with(&mut text, &mut serializer);
    // Writing to memory cannot fail.
    let Ok(mut log) = log else { return };
    for family in &snapshot.families {
        for series in &family.series {
            let found = match &series.value {
                Value::Histogram { lifetime, .. } => lifetime,
                Value::Operation(calls) => &calls.lifetime.latency,
                _ => continue,
            };
            let name = tag(&family.name, &series.labels);
            if let Some(histogram) = to_hdr(found, scale(&family.unit)) {
                let _ = log.write_histogram(&histogram, Duration::ZERO, length, Tag::new(&name));
            }
        }
    }
    out.extend_from_slice(&text);
}

/// A tag holds no comma, no space and no control character.
fn tag(name: &str, labels: &[(String, String)]) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let whole = if labels.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", labels.join(";"))
    };
    let is_special = |letter: char| letter == ',' || letter.is_whitespace() || letter.is_control();
    whole.replace(is_special, "_")
}

/// The values as HdrHistogram counts them: each bucket at its middle, the outermost at the extremes.
fn to_hdr(found: &Distribution, scale: f64) -> Option<Histogram<u64>> {
    let whole = |value: f64| (value * scale).round().clamp(0.0, LARGEST) as u64;
    let largest = if found.count == 0 {
        0
    } else {
        whole(found.max)
    };
    let mut histogram = Histogram::new_with_bounds(1, largest.max(2), DIGITS).ok()?;
    let mut left = found.count;
    for bucket in found.buckets() {
        let middle = bucket.middle.clamp(found.min, found.max);
        let count = bucket.count.min(left);
        left -= count;
        histogram.saturating_record_n(whole(middle), count);
    }
    Some(histogram)
}

/// An interval of a log that was read.
#[derive(Clone, Debug)]
pub struct Interval {
    /// What it is about; empty when it has no tag.
    pub tag: String,
    /// When it began, in seconds as the log has it.
    pub start: Duration,
    /// How long it was.
    pub length: Duration,
    /// Its values, in buckets of ours, divided by the scale that was given.
    pub values: Distribution,
}

/// Reads a log whose values are `scale` times ours.
pub fn read(text: &[u8], scale: f64) -> Result<Vec<Interval>> {
    let mut decoder = Deserializer::new();
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(text) {
        let entry = entry
            .map_err(|cause| Error::format(format!("not a log of HdrHistogram: {cause:?}")))?;
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        let histogram = decode(&mut decoder, interval.encoded_histogram())?;
        let values = histogram
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
            .map(|(value, count)| {
                // The middle of the values that it cannot tell apart.
                let middle = histogram.lowest_equivalent(value) as f64
                    + (histogram.equivalent_range(value) - 1) as f64 / 2.0;
                (middle / scale, count)
            });
        intervals.push(Interval {
            tag: interval
                .tag()
                .map(|tag| tag.as_str().to_owned())
                .unwrap_or_default(),
            start: interval.start_timestamp(),
            length: interval.duration(),
            values: Distribution::of_values(8, values),
        });
    }
    Ok(intervals)
}

fn decode(decoder: &mut Deserializer, encoded: &str) -> Result<Histogram<u64>> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .map_err(|cause| Error::format(format!("a histogram is not base64: {cause}")))?;
    decoder
        .deserialize(&mut bytes.as_slice())
        .map_err(|cause| Error::format(format!("a histogram cannot be decoded: {cause:?}")))
}
