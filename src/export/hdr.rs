//! HdrHistogram's log format, with histograms in the V2 encoding: written and read by the
//! `hdrhistogram` crate.
//!
//! An interval for each histogram and operation, from when the region was made until now (of a
//! difference: from its beginning), with the metric's name and labels as its tag. The format counts whole numbers, so values are scaled: seconds
//! are written in nanoseconds, values with another unit as they are, those without one in millionths.
//! Three digits are kept, less than our buckets' own error.

use crate::base::error::{Error, Result};
use crate::cell::histogram::Distribution;
use crate::snapshot::{Snapshot, Value};
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::io::Read;
use std::time::{Duration, SystemTime};

const DIGITS: u8 = 3;
/// Bytes of a log, or of a histogram when it is unpacked.
const MOST_BYTES: usize = 64 << 20;
/// What stands before a histogram's counts in the V2 encoding.
const HEADER_BYTES: usize = 40;
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
    let begun_ns = snapshot.start_wall_ns();
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(begun_ns);
    let length = Duration::from_nanos(match snapshot.since() {
        Some(_) => snapshot.taken_wall_ns.saturating_sub(begun_ns),
        None => snapshot.age_ns,
    });
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
    let mut intervals = Vec::new();
    each_interval(text, |interval, histogram| {
        intervals.push(Interval {
            tag: interval
                .tag()
                .map(|tag| tag.as_str().to_owned())
                .unwrap_or_default(),
            start: interval.start_timestamp(),
            length: interval.duration(),
            values: Distribution::of_values(8, values(histogram, scale)),
        });
    })?;
    Ok(intervals)
}

/// The values, and how often each, of what is `scale` times ours: of a histogram in the V2 encoding,
/// as it is or in base64, or of all histograms of a log.
pub fn read_values(bytes: &[u8], scale: f64) -> Result<Vec<(f64, u64)>> {
    if bytes.len() > MOST_BYTES {
        return Err(Error::format(format!(
            "{} bytes are too long: at most {MOST_BYTES}",
            bytes.len()
        )));
    }
    let mut found = Vec::new();
    if cookie(bytes).is_some() {
        found.extend(values(&decode(bytes)?, scale));
    } else if bytes.starts_with(b"HIST") {
        found.extend(values(&from_base64(bytes.trim_ascii_end())?, scale));
    } else {
        each_interval(bytes, |_, histogram| found.extend(values(histogram, scale)))?;
    }
    Ok(found)
}

fn each_interval(
    text: &[u8],
    mut each: impl FnMut(&IntervalLogHistogram<'_>, &Histogram<u64>),
) -> Result<()> {
    for entry in IntervalLogIterator::new(text) {
        let entry = entry
            .map_err(|cause| Error::format(format!("not a log of HdrHistogram: {cause:?}")))?;
        if let LogEntry::Interval(interval) = entry {
            let histogram = from_base64(interval.encoded_histogram().as_bytes())?;
            each(&interval, &histogram);
        }
    }
    Ok(())
}

/// Each value that was counted, at the middle of those that the histogram cannot tell apart.
fn values(histogram: &Histogram<u64>, scale: f64) -> impl Iterator<Item = (f64, u64)> + '_ {
    histogram.iter_recorded().map(move |step| {
        let value = step.value_iterated_to();
        let middle = histogram.lowest_equivalent(value) as f64
            + (histogram.equivalent_range(value) - 1) as f64 / 2.0;
        (middle / scale, step.count_since_last_iteration())
    })
}

fn from_base64(encoded: &[u8]) -> Result<Histogram<u64>> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .map_err(|cause| Error::format(format!("a histogram is not base64: {cause}")))?;
    decode(&bytes)
}

/// What a histogram in the V2 encoding begins with.
fn cookie(bytes: &[u8]) -> Option<Encoding> {
    match bytes.first_chunk()? {
        [0x1c, 0x84, 0x93, 0x13] => Some(Encoding::Plain),
        [0x1c, 0x84, 0x93, 0x14] => Some(Encoding::Deflated),
        _ => None,
    }
}

enum Encoding {
    Plain,
    Deflated,
}

/// Decodes a histogram from whoever sent it: it is unpacked here, so that it takes no more memory
/// than [`MOST_BYTES`], and its stated length is compared with what there is.
fn decode(bytes: &[u8]) -> Result<Histogram<u64>> {
    let damaged = |cause: &str| Error::format(format!("a histogram cannot be decoded: {cause}"));
    let mut unpacked = Vec::new();
    let plain = match cookie(bytes) {
        Some(Encoding::Plain) => bytes,
        Some(Encoding::Deflated) => {
            let packed = bytes.get(8..).unwrap_or_default();
            ZlibDecoder::new(packed)
                .take(MOST_BYTES as u64)
                .read_to_end(&mut unpacked)
                .map_err(|cause| damaged(&cause.to_string()))?;
            &unpacked
        }
        None => return Err(damaged("it does not begin as the V2 encoding does")),
    };
    let stated = plain.get(4..8).and_then(|word| word.first_chunk());
    let stated = stated.map_or(usize::MAX, |word| u32::from_be_bytes(*word) as usize);
    if plain.len().saturating_sub(HEADER_BYTES) < stated {
        return Err(damaged("it is cut short"));
    }
    Deserializer::new()
        .deserialize(&mut &plain[..])
        .map_err(|cause| damaged(&format!("{cause:?}")))
}
