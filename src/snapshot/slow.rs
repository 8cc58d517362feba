//! What is slow, and what went wrong: single calls, operations, reported errors.

use super::operation::Moment;
use super::{Calls, FamilyReading, SeriesReading, Snapshot, Value};
use crate::base::order::Order;
use crate::base::outcome::Outcome;
use crate::cell::slowest;
use crate::metrics::{Registry, error_log};
use crate::region::Region;

/// The slowest single calls, the slowest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlowestReading {
    /// Of the window.
    pub window: Vec<SlowCall>,
    /// Ever.
    pub lifetime: Vec<SlowCall>,
}

/// One slow call.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowCall {
    /// Name of the operation.
    pub operation: String,
    /// Its labels, by name.
    pub labels: Vec<(String, String)>,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall clock when it ended, nanoseconds since 1970.
    pub wall_ns: u64,
    /// The process that recorded it.
    pub pid: u32,
    /// What it was about; empty when nobody said.
    pub detail: String,
    /// Its trace; empty when nobody said.
    pub trace_id: String,
}

/// The errors that were reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorLogReading {
    /// Distinct ones, the latest first.
    pub errors: Vec<LoggedError>,
    /// Reports that found no place among them.
    pub beyond: u64,
}

/// A distinct error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedError {
    /// Its code.
    pub code: String,
    /// What it says; may be empty.
    pub text: String,
    /// How often it was reported.
    pub count: u64,
    /// Wall clock of the first report, nanoseconds since 1970.
    pub first_wall_ns: u64,
    /// Wall clock of the last one.
    pub last_wall_ns: u64,
    /// The process that reported it last.
    pub pid: u32,
}

/// What operations are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowBy {
    /// How long calls took on average.
    Average,
    /// What 95 % of the calls did not exceed.
    P95,
}

/// Over which time calls are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The window.
    Window,
    /// Since operations were made.
    Lifetime,
}

impl SlowBy {
    fn of(self, calls: &Calls) -> f64 {
        match self {
            SlowBy::Average => calls.average(),
            SlowBy::P95 => calls.quantile(0.95),
        }
    }
}

impl Snapshot {
    /// The `most` slowest operations over some time, the slowest first. Those without calls in it
    /// are none.
    pub fn slowest_operations(
        &self,
        by: SlowBy,
        over: Over,
        most: usize,
    ) -> Vec<(&FamilyReading, &SeriesReading, &Calls)> {
        let mut found: Vec<_> = self
            .families
            .iter()
            .flat_map(|family| family.series.iter().map(move |series| (family, series)))
            .filter_map(|(family, series)| {
                let Value::Operation(operation) = &series.value else {
                    return None;
                };
                let calls = match over {
                    Over::Window => &operation.window,
                    Over::Lifetime => &operation.lifetime,
                };
                (calls.count() > 0).then(|| (by.of(calls), (family, series, calls)))
            })
            .collect();
        // By value; the order of names stays where values are the same.
        found.order_by(|one, other| other.0.total_cmp(&one.0));
        found.truncate(most);
        found.into_iter().map(|(_, operation)| operation).collect()
    }
}

pub(super) fn slowest(region: &Region, moment: Moment) -> SlowestReading {
    let (window, lifetime) = slowest::read(region, moment.now_ns);
    let registry = Registry::of(region);
    let readings = |calls: Vec<slowest::Call>| {
        calls
            .into_iter()
            .filter_map(|call| {
                let series = registry.read_series(call.series)?;
                Some(SlowCall {
                    operation: registry.family(series.family)?.name,
                    labels: series.labels,
                    seconds: call.seconds,
                    outcome: call.outcome,
                    wall_ns: moment.wall_of(call.time_ns),
                    pid: call.pid,
                    detail: call.detail,
                    trace_id: call.trace_id,
                })
            })
            .collect()
    };
    SlowestReading {
        window: readings(window),
        lifetime: readings(lifetime),
    }
}

pub(super) fn errors(region: &Region, moment: Moment) -> ErrorLogReading {
    let (found, beyond) = error_log::list(region);
    ErrorLogReading {
        errors: found
            .into_iter()
            .map(|error| LoggedError {
                code: error.first,
                text: error.second,
                count: error.seen.count,
                first_wall_ns: moment.wall_of(error.seen.first_ns),
                last_wall_ns: moment.wall_of(error.seen.last_ns),
                pid: error.pid,
            })
            .collect(),
        beyond: beyond.count,
    }
}
