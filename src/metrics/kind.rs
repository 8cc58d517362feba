//! What a metric is.

use crate::region::handle::IdKind;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A value that moves.
    Gauge,
    /// A distribution.
    Histogram,
    /// Calls: how long they took, and how they ended.
    Operation,
    /// Hits and misses.
    Ratio,
    /// Facts that do not change often: labels without a number.
    Info,
    /// One of a few states.
    Enum,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] = [
        Kind::Counter,
        Kind::Gauge,
        Kind::Histogram,
        Kind::Operation,
        Kind::Ratio,
        Kind::Info,
        Kind::Enum,
    ];

    /// True when its series have the block of a histogram.
    pub fn is_distribution(self) -> bool {
        matches!(self, Kind::Histogram | Kind::Operation)
    }

    pub(super) fn from_word(word: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u64 + 1 == word)
    }

    /// The kind in one word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Operation => "operation",
            Kind::Ratio => "ratio",
            Kind::Info => "info",
            Kind::Enum => "enum",
        }
    }

    /// The kind of series that ids of `kind` name.
    pub fn of_id(kind: IdKind) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.id_kind() == kind)
    }

    /// The kind of ids of such series.
    pub fn id_kind(self) -> IdKind {
        match self {
            Kind::Counter => IdKind::Counter,
            Kind::Gauge => IdKind::Gauge,
            Kind::Histogram => IdKind::Histogram,
            Kind::Operation => IdKind::Operation,
            Kind::Ratio => IdKind::Ratio,
            Kind::Info => IdKind::Info,
            Kind::Enum => IdKind::Enum,
        }
    }
}
