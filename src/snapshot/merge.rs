//! Several snapshots as one: of several hosts.
//!
//! What counts is added up, bucket by bucket, so quantiles keep their error bound. What does not
//! add up is kept beside each other: a gauge, an info, an enum gets a label that says which region it
//! is of. The order does not matter; sums of doubles differ by the rounding of additions.

use super::{
    Calls, ErrorLogReading, ErrorReading, FamilyReading, OperationReading, SeriesReading, SlowCall,
    Snapshot, Source, Value,
};
use crate::base::error::{Error, Result};
use crate::base::limits::SLOWEST_CALLS;
use crate::base::order::Order;
use crate::cell::ratio::Hits;
use crate::metrics::labels::SOURCE;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl Snapshot {
    /// Both as one. Refused when they do not fit together: the same region twice, a name that is of
    /// two kinds or units, windows of different length, a difference and a total.
    pub fn merge(&self, other: &Snapshot) -> Result<Snapshot> {
        let mut sources = [&self.sources[..], &other.sources[..]].concat();
        sources.order();
        if let Some(twice) = sources
            .windows(2)
            .find(|pair| pair[0].region == pair[1].region)
        {
            return Err(Error::conflict(format!(
                "both are of the region {} of host {:?}: its counts would be there twice",
                twice[0].region_id(),
                twice[0].host
            )));
        }
        if self.window_seconds != other.window_seconds {
            return Err(Error::conflict(format!(
                "window_seconds: windows of {} s and of {} s cannot be merged",
                self.window_seconds, other.window_seconds
            )));
        }
        let (mut derived, their) = (self.scope(), other.scope());
        if derived.names != their.names {
            return Err(Error::conflict(
                "names: one has metrics that the other was not to have",
            ));
        }
        derived.covered_seconds = derived.covered_seconds.max(their.covered_seconds);
        derived.since = match (derived.since, their.since) {
            (None, None) => None,
            (Some(mut one), Some(other)) => {
                one.wall_ns = one.wall_ns.min(other.wall_ns);
                one.is_reset |= other.is_reset;
                one.resets = one.resets.saturating_add(other.resets);
                Some(one)
            }
            _ => {
                return Err(Error::conflict("one is a difference and the other a total"));
            }
        };
        let mut merged = Snapshot::derive(sources, self.window_seconds, derived);
        merged.families = families(self, other)?;
        for (list, one, other) in [
            (
                &mut merged.slowest.window,
                &self.slowest.window,
                &other.slowest.window,
            ),
            (
                &mut merged.slowest.lifetime,
                &self.slowest.lifetime,
                &other.slowest.lifetime,
            ),
        ] {
            *list = slowest([&one[..], &other[..]].concat());
        }
        merged.errors = errors(&self.errors, &other.errors);
        Ok(merged)
    }
}

/// By name, and in each by labels.
type Merged = BTreeMap<
    String,
    (
        FamilyReading,
        BTreeMap<Vec<(String, String)>, SeriesReading>,
    ),
>;

fn families(one: &Snapshot, other: &Snapshot) -> Result<Vec<FamilyReading>> {
    let mut merged = Merged::new();
    for part in [one, other] {
        for family in &part.families {
            add(&mut merged, family, &part.sources)?;
        }
    }
    Ok(merged
        .into_values()
        .map(|(family, series)| FamilyReading {
            series: series.into_values().collect(),
            ..family
        })
        .collect())
}

fn add(merged: &mut Merged, family: &FamilyReading, sources: &[Source]) -> Result<()> {
    let name = &family.name;
    let (known, all) = merged.entry(name.clone()).or_insert_with(|| {
        let bare = FamilyReading {
            series: Vec::new(),
            ..family.clone()
        };
        (bare, BTreeMap::new())
    });
    if known.kind != family.kind {
        return Err(Error::conflict(format!(
            "{name:?} is a {} in one and a {} in the other",
            known.kind.name(),
            family.kind.name()
        )));
    }
    if known.unit != family.unit {
        return Err(Error::conflict(format!(
            "{name:?} has the unit {:?} in one and {:?} in the other",
            known.unit, family.unit
        )));
    }
    // One of two texts, whichever comes first.
    if known.help < family.help {
        known.help.clone_from(&family.help);
    }
    for series in &family.series {
        let mut series = series.clone();
        if let ([source], false) = (sources, adds_up(&series.value)) {
            tell_source(&mut series.labels, source);
        }
        match all.entry(series.labels.clone()) {
            Entry::Vacant(place) => {
                place.insert(series);
            }
            Entry::Occupied(mut place) => join(name, place.get_mut(), series)?,
        }
    }
    Ok(())
}

fn adds_up(value: &Value) -> bool {
    match value {
        Value::Counter(_) | Value::Histogram { .. } | Value::Operation(_) | Value::Ratio { .. } => {
            true
        }
        Value::Gauge(_) | Value::Shares(_) | Value::Info(_) | Value::Enum { .. } => false,
    }
}

fn tell_source(labels: &mut Vec<(String, String)>, source: &Source) {
    if let Err(at) = labels.binary_search_by(|(name, _)| name.as_str().cmp(SOURCE)) {
        labels.insert(at, (SOURCE.to_owned(), source.label()));
    }
}

fn join(name: &str, one: &mut SeriesReading, other: SeriesReading) -> Result<()> {
    match (&mut one.value, other.value) {
        (Value::Counter(total), Value::Counter(more)) => *total = total.saturating_add(more),
        (
            Value::Histogram { lifetime, window },
            Value::Histogram {
                lifetime: more,
                window: lately,
            },
        ) => {
            *lifetime = lifetime.merge(&more);
            *window = window.merge(&lately);
        }
        (Value::Operation(calls), Value::Operation(more)) => operations(calls, *more),
        (
            Value::Ratio { lifetime, window },
            Value::Ratio {
                lifetime: more,
                window: lately,
            },
        ) => {
            *lifetime = hits(*lifetime, more);
            *window = hits(*window, lately);
        }
        _ => {
            return Err(Error::conflict(format!(
                "{name:?} is in both with the labels {:?}, and does not add up",
                one.labels
            )));
        }
    }
    one.exemplars.extend(other.exemplars);
    one.exemplars.order_by(|one, other| {
        one.value
            .total_cmp(&other.value)
            .then_with(|| (one.wall_ns, &one.trace_id).cmp(&(other.wall_ns, &other.trace_id)))
    });
    Ok(())
}

fn hits(one: Hits, other: Hits) -> Hits {
    Hits {
        hits: one.hits.saturating_add(other.hits),
        misses: one.misses.saturating_add(other.misses),
    }
}

fn operations(one: &mut OperationReading, other: OperationReading) {
    // Where nothing is slow, the bound is beyond all.
    one.slow_seconds = match (one.slow_seconds, other.slow_seconds) {
        (Some(one), Some(other)) => Some(one.max(other)),
        _ => None,
    };
    one.lifetime = calls(&one.lifetime, &other.lifetime);
    one.window = calls(&one.window, &other.window);
    let mut codes: BTreeMap<String, ErrorReading> = BTreeMap::new();
    for error in one.errors.drain(..).chain(other.errors) {
        match codes.entry(error.code.clone()) {
            Entry::Vacant(place) => {
                place.insert(error);
            }
            Entry::Occupied(mut place) => {
                let known = place.get_mut();
                known.count = known.count.saturating_add(error.count);
                known.first_wall_ns = known.first_wall_ns.min(error.first_wall_ns);
                if (known.last_wall_ns, &known.message) < (error.last_wall_ns, &error.message) {
                    known.last_wall_ns = error.last_wall_ns;
                    known.message = error.message;
                }
            }
        }
    }
    one.errors = codes.into_values().collect();
    one.errors
        .order_by(|one, other| (other.count, &one.code).cmp(&(one.count, &other.code)));
}

fn calls(one: &Calls, other: &Calls) -> Calls {
    Calls {
        seconds: one.seconds.max(other.seconds),
        latency: one.latency.merge(&other.latency),
        successes: one.successes.saturating_add(other.successes),
        failures: one.failures.saturating_add(other.failures),
        ignored: one.ignored.saturating_add(other.ignored),
        slow: one.slow.saturating_add(other.slow),
    }
}

fn slowest(mut calls: Vec<SlowCall>) -> Vec<SlowCall> {
    calls.order_by(|one, other| {
        let rest = |call: &SlowCall| (call.wall_ns, call.pid, call.operation.clone());
        other
            .seconds
            .total_cmp(&one.seconds)
            .then_with(|| rest(one).cmp(&rest(other)))
            .then_with(|| (&one.labels, &one.detail).cmp(&(&other.labels, &other.detail)))
            .then_with(|| one.trace_id.cmp(&other.trace_id))
    });
    calls.truncate(SLOWEST_CALLS);
    calls
}

fn errors(one: &ErrorLogReading, other: &ErrorLogReading) -> ErrorLogReading {
    let mut all: BTreeMap<(String, String), super::LoggedError> = BTreeMap::new();
    for error in one.errors.iter().chain(&other.errors) {
        match all.entry((error.code.clone(), error.text.clone())) {
            Entry::Vacant(place) => {
                place.insert(error.clone());
            }
            Entry::Occupied(mut place) => {
                let known = place.get_mut();
                known.count = known.count.saturating_add(error.count);
                known.first_wall_ns = known.first_wall_ns.min(error.first_wall_ns);
                (known.last_wall_ns, known.pid) =
                    (known.last_wall_ns, known.pid).max((error.last_wall_ns, error.pid));
            }
        }
    }
    let mut errors: Vec<_> = all.into_values().collect();
    errors.order_by(|one, other| {
        let name = |error: &super::LoggedError| (error.code.clone(), error.text.clone());
        other
            .last_wall_ns
            .cmp(&one.last_wall_ns)
            .then_with(|| name(one).cmp(&name(other)))
    });
    ErrorLogReading {
        errors,
        beyond: one.beyond.saturating_add(other.beyond),
    }
}
