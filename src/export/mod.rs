//! A snapshot as text: snapshot in, bytes out; no region, no clock, no I/O.
//!
//! The same snapshot always gives the same bytes: everything is in a fixed order, and numbers have
//! one spelling.
//!
//! | file | what it is about |
//! |---|---|
//! | [`json`] | one versioned document with everything; `schema/snapshot.schema.json` describes it |
//! | [`prometheus`] | Prometheus text 0.0.4 and OpenMetrics 1.0 |
//! | [`health`] | application/health+json, and a plain form |
//! | [`statsd`] | StatsD lines |
//! | [`hdr`] | HdrHistogram's log |
//! | `otlp` | OTLP protobuf, with the Cargo feature of that name |
//! | [`selection`] | which part of a snapshot is written |
//! | `operations` | what operations show in Prometheus beside their latencies |
//! | `usage` | what workers and the host use |
//! | `samples` | shares, ratios, facts and states there |
//! | `names` | the name that a family has in Prometheus, and which labels are legal there |
//! | `bounds` | the bucket bounds that a histogram has there |
//! | `own` | what the engine tells about itself, as metrics |
//! | `escape`, `number` | how texts and numbers are written |

mod bounds;
mod escape;
pub mod hdr;
pub mod health;
pub mod json;
mod names;
mod number;
mod operations;
#[cfg(feature = "otlp")]
pub mod otlp;
mod own;
pub mod prometheus;
mod samples;
pub mod selection;
pub mod statsd;

use crate::base::error::{Error, Result};
use crate::health::judge;
use crate::snapshot::Snapshot;
use prometheus::Dialect;
pub use selection::Selection;

/// How a snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The versioned document.
    Json,
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// OpenMetrics, version 1.0.
    OpenMetrics,
    /// Readiness as application/health+json.
    HealthJson,
    /// Readiness as `{status, timestamp, uptime, checks}`.
    HealthSimple,
    /// StatsD lines.
    Statsd,
    /// HdrHistogram's log.
    HdrLog,
    /// OTLP protobuf: bytes, not text.
    #[cfg(feature = "otlp")]
    Otlp,
}

impl Format {
    /// The format with this number in the C header.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Format::Json),
            1 => Some(Format::Prometheus),
            2 => Some(Format::OpenMetrics),
            3 => Some(Format::HealthJson),
            4 => Some(Format::HealthSimple),
            5 => Some(Format::Statsd),
            6 => Some(Format::HdrLog),
            #[cfg(feature = "otlp")]
            7 => Some(Format::Otlp),
            _ => None,
        }
    }

    /// What an HTTP response that carries it says.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::HealthJson => "application/health+json",
            Format::HealthSimple => "application/json",
            Format::Statsd | Format::HdrLog => "text/plain; charset=utf-8",
            #[cfg(feature = "otlp")]
            Format::Otlp => "application/x-protobuf",
        }
    }
}

/// Appends `snapshot` in `format` to `out`: UTF-8, but for OTLP.
pub fn write(format: Format, snapshot: &Snapshot, out: &mut Vec<u8>) {
    write_so(format, snapshot, &Selection::default(), out);
}

fn write_so(format: Format, snapshot: &Snapshot, selection: &Selection, out: &mut Vec<u8>) {
    let health = || judge(snapshot);
    let created = selection.created;
    match format {
        Format::Json => json::write(snapshot, health, selection, out),
        Format::Prometheus => prometheus::write(snapshot, Dialect::Prometheus, out),
        Format::OpenMetrics => prometheus::write(snapshot, Dialect::OpenMetrics { created }, out),
        Format::HealthJson => health::write_standard(snapshot, &health(), out),
        Format::HealthSimple => health::write_simple(snapshot, &health(), out),
        Format::Statsd => statsd::write(snapshot, out),
        Format::HdrLog => hdr::write(snapshot, out),
        #[cfg(feature = "otlp")]
        Format::Otlp => otlp::write(snapshot, out),
    }
}

/// Whether a snapshot can be written in `format`: what was merged or is a difference has no health,
/// and Prometheus wants totals.
pub fn check(format: Format, snapshot: &Snapshot) -> Result<()> {
    match format {
        Format::HealthJson | Format::HealthSimple if !snapshot.is_whole() => Err(Error::argument(
            "health is judged where a snapshot is taken; a document, a merged one and a \
                 difference have none",
        )),
        Format::Prometheus | Format::OpenMetrics if snapshot.since().is_some() => Err(
            Error::argument("Prometheus wants totals; a difference has none"),
        ),
        _ => Ok(()),
    }
}

/// `snapshot` in `format`.
pub fn render(format: Format, snapshot: &Snapshot) -> String {
    let mut out = Vec::new();
    write(format, snapshot, &mut out);
    text(out)
}

/// What `selection` leaves of `snapshot`, in `format`, as bytes. Health is always that of the whole.
pub fn bytes(format: Format, snapshot: &Snapshot, selection: &Selection) -> Result<Vec<u8>> {
    let shown = selection.of(snapshot)?;
    check(format, &shown)?;
    let mut out = Vec::new();
    match format {
        Format::HealthJson | Format::HealthSimple => write(format, snapshot, &mut out),
        Format::Json => json::write(&shown, || judge(snapshot), selection, &mut out),
        _ => write_so(format, &shown, selection, &mut out),
    }
    Ok(out)
}

/// What `selection` leaves of `snapshot`, in a `format` that is text.
pub fn render_selected(
    format: Format,
    snapshot: &Snapshot,
    selection: &Selection,
) -> Result<String> {
    bytes(format, snapshot, selection).map(text)
}

fn text(out: Vec<u8>) -> String {
    // Exporters write whole characters only.
    String::from_utf8(out).unwrap_or_else(|wrong| {
        debug_assert!(false, "an exporter wrote what is not UTF-8");
        String::from_utf8_lossy(wrong.as_bytes()).into_owned()
    })
}
