//! What was counted between two snapshots of the same region.
//!
//! The earlier snapshot is the cursor: nothing is kept in the region or in a process for who asks, so
//! any number of readers have their own, in any process, and a document on a disk is one too.
//!
//! Totals are later minus earlier, buckets one by one; a series that was not there before counts from
//! zero. Gauges, infos and enums are what they are now, and windows are those of the later snapshot.
//! A region that was made anew since is told by its id: all that it holds is the difference.

use super::{Calls, OperationReading, SeriesReading, Since, Snapshot, Value};
use crate::base::error::{Error, Result};
use crate::base::name;
use crate::base::order::Order;
use crate::cell::ratio::Hits;
use std::collections::HashMap;

type Known<'s> = HashMap<(&'s str, &'s [(String, String)]), &'s Value>;

impl Snapshot {
    /// What was counted since `earlier`. Refused when that is not earlier, is a difference itself,
    /// or is of other regions, merged.
    pub fn since_snapshot(&self, earlier: &Snapshot) -> Result<Snapshot> {
        let mut derived = self.scope();
        let before = earlier.scope();
        if derived.since.is_some() || before.since.is_some() {
            return Err(Error::conflict(
                "a difference is taken between totals, and one of them is a difference",
            ));
        }
        if before.names.is_some() && derived.names.is_some() && before.names != derived.names {
            return Err(Error::conflict(
                "names: they are limited to different names",
            ));
        }
        derived.names = derived.names.or(before.names);
        let regions = |snapshot: &Snapshot| -> Vec<u64> {
            let sources = snapshot.sources.iter();
            sources.map(|source| source.region).collect()
        };
        let is_same = regions(self) == regions(earlier);
        if !is_same && (self.sources.len() != 1 || earlier.sources.len() != 1) {
            return Err(Error::conflict(
                "merged snapshots of different regions: take each region's difference, then merge",
            ));
        }
        if is_same
            && let Some((later, _)) = self
                .sources
                .iter()
                .zip(&earlier.sources)
                .find(|(later, earlier)| later.age_ns < earlier.age_ns)
        {
            return Err(Error::argument(format!(
                "the earlier snapshot of the region {} is the later one",
                later.region_id()
            )));
        }
        let mut since = Since {
            wall_ns: if is_same {
                earlier.taken_wall_ns
            } else {
                self.engine.created_wall_ns
            },
            is_reset: !is_same,
            resets: 0,
        };
        let mut known = Known::new();
        if is_same {
            for family in &earlier.families {
                for series in &family.series {
                    known.insert((&family.name, &series.labels), &series.value);
                }
            }
        }
        let mut families = self.families.clone();
        if let Some(names) = &derived.names {
            families.retain(|family| name::is_one_of(&family.name, names));
        }
        for family in &mut families {
            for series in &mut family.series {
                let key = (family.name.as_str(), &series.labels[..]);
                if let Some(before) = known.get(&key)
                    && !subtract(&mut series.value, before, since.wall_ns)
                {
                    since.resets += 1;
                }
                forget_exemplars(series, since.wall_ns);
            }
        }
        let mut slowest = self.slowest.clone();
        slowest.lifetime.retain(|call| call.wall_ns > since.wall_ns);
        let mut errors = self.errors.clone();
        if is_same {
            for error in &mut errors.errors {
                let before = earlier
                    .errors
                    .errors
                    .iter()
                    .find(|before| (&before.code, &before.text) == (&error.code, &error.text));
                error.count -= before.map_or(0, |before| before.count).min(error.count);
            }
            errors.errors.retain(|error| error.count > 0);
            errors.beyond = errors.beyond.saturating_sub(earlier.errors.beyond);
        }
        derived.since = Some(since);
        let difference = Snapshot::derive(self.sources.clone(), self.window_seconds, derived);
        Ok(Snapshot {
            families,
            slowest,
            errors,
            ..difference
        })
    }
}

fn forget_exemplars(series: &mut SeriesReading, since_ns: u64) {
    series
        .exemplars
        .retain(|exemplar| exemplar.wall_ns > since_ns);
}

/// Takes `before` away from `value`; false, and nothing is done, when that is no earlier state of it.
fn subtract(value: &mut Value, before: &Value, since_ns: u64) -> bool {
    match (value, before) {
        (Value::Counter(total), Value::Counter(before)) => match total.checked_sub(*before) {
            Some(added) => *total = added,
            None => return false,
        },
        (
            Value::Histogram { lifetime, .. },
            Value::Histogram {
                lifetime: before, ..
            },
        ) => match lifetime.since(before) {
            Some(added) => *lifetime = added,
            None => return false,
        },
        (Value::Operation(operation), Value::Operation(before)) => {
            return subtract_calls(operation, before, since_ns);
        }
        (
            Value::Ratio { lifetime, .. },
            Value::Ratio {
                lifetime: before, ..
            },
        ) => {
            let hits = lifetime.hits.checked_sub(before.hits);
            let (Some(hits), Some(misses)) = (hits, lifetime.misses.checked_sub(before.misses))
            else {
                return false;
            };
            *lifetime = Hits { hits, misses };
        }
        // What does not add up is as it is, whatever it was.
        (Value::Gauge(_) | Value::Shares(_) | Value::Info(_) | Value::Enum { .. }, _) => {}
        _ => return false,
    }
    true
}

fn subtract_calls(
    operation: &mut OperationReading,
    before: &OperationReading,
    since_ns: u64,
) -> bool {
    let (all, past) = (&operation.lifetime, &before.lifetime);
    let added = || {
        Some(Calls {
            seconds: (all.seconds - past.seconds).max(0.0),
            latency: all.latency.since(&past.latency)?,
            successes: all.successes.checked_sub(past.successes)?,
            failures: all.failures.checked_sub(past.failures)?,
            ignored: all.ignored.checked_sub(past.ignored)?,
            slow: all.slow.checked_sub(past.slow)?,
        })
    };
    let Some(added) = added() else {
        return false;
    };
    operation.lifetime = added;
    for error in &mut operation.errors {
        if let Some(past) = before.errors.iter().find(|past| past.code == error.code) {
            error.count -= past.count.min(error.count);
            error.first_wall_ns = error.first_wall_ns.max(since_ns);
        }
    }
    operation.errors.retain(|error| error.count > 0);
    operation
        .errors
        .order_by(|one, other| (other.count, &one.code).cmp(&(one.count, &other.code)));
    true
}
