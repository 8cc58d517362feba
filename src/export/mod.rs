//! A snapshot as text: snapshot in, bytes out; no region, no clock, no I/O.
//!
//! The same snapshot always gives the same bytes: everything is in a fixed order, and numbers have
//! one spelling.
//!
//! | file | what it is about |
//! |---|---|
//! | [`health`] | application/health+json, and a plain form |
//! | [`json`] | one versioned document with everything; `schema/snapshot.schema.json` describes it |
//! | [`prometheus`] | text exposition format 0.0.4 |
//! | `operations` | what operations show there beside their latencies |
//! | `names` | the name that a family has in Prometheus, and which labels are legal there |
//! | `bounds` | the bucket bounds that a histogram has there |
//! | `own` | what the engine tells about itself, as metrics |
//! | `escape`, `number` | how texts and numbers are written |

mod bounds;
mod escape;
pub mod health;
pub mod json;
mod names;
mod number;
mod operations;
mod own;
pub mod prometheus;

use crate::snapshot::Snapshot;

/// How a snapshot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The versioned document.
    Json,
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// Readiness as application/health+json.
    HealthJson,
    /// Readiness as `{status, timestamp, uptime, checks}`.
    HealthSimple,
}

impl Format {
    /// The format with this number in the C header.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Format::Json),
            1 => Some(Format::Prometheus),
            3 => Some(Format::HealthJson),
            4 => Some(Format::HealthSimple),
            _ => None,
        }
    }

    /// What an HTTP response that carries it says.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::HealthJson => "application/health+json",
            Format::HealthSimple => "application/json",
        }
    }
}

/// Appends `snapshot` in `format` to `out`, as UTF-8.
pub fn write(format: Format, snapshot: &Snapshot, out: &mut Vec<u8>) {
    match format {
        Format::Json => json::write(snapshot, out),
        Format::Prometheus => prometheus::write(snapshot, out),
        Format::HealthJson => health::write_standard(snapshot, out),
        Format::HealthSimple => health::write_simple(snapshot, out),
    }
}

/// `snapshot` in `format`.
pub fn render(format: Format, snapshot: &Snapshot) -> String {
    let mut out = Vec::new();
    write(format, snapshot, &mut out);
    // Exporters write whole characters only.
    String::from_utf8(out).unwrap_or_else(|wrong| {
        debug_assert!(false, "an exporter wrote what is not UTF-8");
        String::from_utf8_lossy(wrong.as_bytes()).into_owned()
    })
}
