//! The value of one measurement in a snapshot, or why there is none.

use super::check::{Labels, Measure, Subject, Threshold};
use super::plan::Plan;
use crate::cell::histogram::Distribution;
use crate::guard::BreakerPhase as Phase;
use crate::objective::State;
use crate::snapshot::{Calls, ProcessUsage, SeriesReading, Snapshot, Value};

/// The value, or the reason why nobody knows.
pub(super) fn value(
    snapshot: &Snapshot,
    plan: &Plan,
    subject: &Subject,
    measure: Measure,
    threshold: &Threshold,
) -> Result<f64, String> {
    let minimum = threshold.minimum_samples.unwrap_or(0);
    let found = match subject {
        Subject::Histogram(name, labels) => latency(snapshot, name, labels, measure, minimum),
        Subject::Operation(name, labels) => operation(snapshot, name, labels, measure, minimum),
        Subject::Gauge(name, labels) => gauge(snapshot, name, labels),
        Subject::Limiter(name) => limiter(snapshot, name, measure, minimum),
        Subject::Objective(name) => objective(snapshot, name, measure, minimum),
        Subject::Breaker(name) => breaker(snapshot, name),
        Subject::Workers => Ok(workers(snapshot, plan, measure)?),
        Subject::Region => Ok(region(snapshot, measure)),
        Subject::Ratio(name, labels) => ratio(snapshot, name, labels, minimum),
        Subject::Bulkhead(name) => bulkhead(snapshot, name),
        Subject::Process => process(snapshot, measure),
        Subject::Host => host(snapshot, measure),
        Subject::Reported(..) => Err("nothing was reported yet".to_owned()),
    }?;
    if found.is_nan() {
        return Err("its value is not a number".to_owned());
    }
    Ok(found)
}

/// The series of a family, all or the one with these labels.
fn series<'s>(
    snapshot: &'s Snapshot,
    what: &str,
    name: &str,
    labels: &Option<Labels>,
) -> Result<Vec<&'s SeriesReading>, String> {
    let family = snapshot
        .families
        .iter()
        .find(|family| family.name == name && family.kind.name() == what)
        .ok_or_else(|| format!("there is no {what} {name:?}"))?;
    let found: Vec<_> = family
        .series
        .iter()
        .filter(|series| {
            labels
                .as_ref()
                .is_none_or(|labels| series.labels == *labels)
        })
        .collect();
    if found.is_empty() {
        return Err(format!(
            "the {what} {name:?} has no series with these labels"
        ));
    }
    Ok(found)
}

fn few(samples: u64, minimum: u64) -> Result<(), String> {
    if samples < minimum.max(1) {
        return Err(format!(
            "{samples} samples in the window are too few: {} are needed",
            minimum.max(1)
        ));
    }
    Ok(())
}

/// Several series are taken together, as one histogram would hold them.
fn latency(
    snapshot: &Snapshot,
    name: &str,
    labels: &Option<Labels>,
    measure: Measure,
    minimum: u64,
) -> Result<f64, String> {
    let all = series(snapshot, "histogram", name, labels)?;
    let windows = all.iter().filter_map(|series| match &series.value {
        Value::Histogram { window, .. } => Some(window),
        _ => None,
    });
    let window = windows
        .fold(None, |sum: Option<Distribution>, window| {
            Some(sum.map_or_else(|| window.clone(), |sum| sum.merge(window)))
        })
        .ok_or("it holds no distribution")?;
    of_window(&window, measure, minimum, snapshot.covered_seconds())
}

/// All series of an operation together, or the one with these labels.
fn operation(
    snapshot: &Snapshot,
    name: &str,
    labels: &Option<Labels>,
    measure: Measure,
    minimum: u64,
) -> Result<f64, String> {
    let all = series(snapshot, "operation", name, labels)?;
    let windows: Vec<_> = all
        .iter()
        .filter_map(|series| match &series.value {
            Value::Operation(calls) => Some(&calls.window),
            _ => None,
        })
        .collect();
    let sum = |of: fn(&Calls) -> u64| {
        windows
            .iter()
            .fold(0u64, |sum, calls| sum.saturating_add(of(calls)))
    };
    let (successes, failures) = (sum(|calls| calls.successes), sum(|calls| calls.failures));
    let judged = successes.saturating_add(failures);
    match measure {
        Measure::ErrorRate => few(judged, minimum).map(|()| failures as f64 / judged as f64),
        Measure::SuccessRatio => few(judged, minimum).map(|()| successes as f64 / judged as f64),
        Measure::SlowRate => {
            let count = sum(Calls::count);
            few(count, minimum).map(|()| sum(|calls| calls.slow) as f64 / count as f64)
        }
        _ => {
            let window = windows
                .iter()
                .fold(None, |sum: Option<Distribution>, calls| {
                    let latency = &calls.latency;
                    Some(sum.map_or_else(|| latency.clone(), |sum| sum.merge(latency)))
                })
                .ok_or("it holds no calls")?;
            of_window(&window, measure, minimum, snapshot.covered_seconds())
        }
    }
}

/// A measurement of one window.
fn of_window(
    window: &Distribution,
    measure: Measure,
    minimum: u64,
    seconds: f64,
) -> Result<f64, String> {
    if measure == Measure::Rate {
        return Ok(window.count as f64 / seconds);
    }
    few(window.count, minimum)?;
    Ok(match measure {
        Measure::Average => window.sum / window.count as f64,
        Measure::Max => window.max,
        Measure::Quantile(quantile) => {
            let mut found = [f64::NAN];
            window.quantiles(&[quantile], &mut found);
            found[0]
        }
        _ => f64::NAN,
    })
}

fn gauge(snapshot: &Snapshot, name: &str, labels: &Option<Labels>) -> Result<f64, String> {
    let found = series(snapshot, "gauge", name, labels)?;
    Ok(found
        .iter()
        .map(|series| match series.value {
            Value::Gauge(value) => value,
            Value::Shares(ref shares) => shares.iter().map(|(_, value)| value).sum(),
            _ => f64::NAN,
        })
        .sum())
}

fn limiter(snapshot: &Snapshot, name: &str, measure: Measure, minimum: u64) -> Result<f64, String> {
    let limiter = snapshot
        .limiters
        .iter()
        .find(|limiter| limiter.name == name)
        .ok_or_else(|| format!("there is no limiter {name:?}"))?;
    if measure == Measure::DeniedRatio {
        let tallies = limiter.tallies;
        let checks = tallies.admitted.saturating_add(tallies.denied);
        few(checks, minimum)?;
        return Ok(tallies.denied as f64 / checks as f64);
    }
    if limiter.keys_capacity == 0 {
        return Err(format!(
            "the limiter {name:?} has no keys: only a table of keys can be full"
        ));
    }
    Ok(limiter.keys_used as f64 / limiter.keys_capacity as f64)
}

fn workers(snapshot: &Snapshot, plan: &Plan, measure: Measure) -> Result<f64, String> {
    let engine = &snapshot.engine;
    let alive = || engine.workers.iter().filter(|worker| worker.alive);
    Ok(match measure {
        Measure::Died => engine.workers_died as f64,
        Measure::Dead => (engine.workers.len() - alive().count()) as f64,
        Measure::Alive => alive().count() as f64,
        _ => {
            let oldest = alive().filter_map(|worker| worker.pulse_age_ns).max();
            let oldest = oldest.ok_or_else(|| {
                format!(
                    "no living worker gives heartbeats; with them, one older than {} s is stuck",
                    plan.heartbeat_seconds
                )
            })?;
            oldest as f64 / 1e9
        }
    })
}

fn region(snapshot: &Snapshot, measure: Measure) -> f64 {
    let engine = &snapshot.engine;
    let (used, whole) = match measure {
        Measure::HeapRatio => (engine.heap_used_bytes, engine.heap_bytes),
        _ => (engine.series_used, engine.series_limit),
    };
    used as f64 / whole as f64
}

fn objective(
    snapshot: &Snapshot,
    name: &str,
    measure: Measure,
    minimum: u64,
) -> Result<f64, String> {
    let objective = snapshot
        .objectives
        .iter()
        .find(|objective| objective.policy.name == name)
        .ok_or_else(|| format!("there is no objective {name:?}"))?;
    if measure == Measure::BudgetLeft {
        few(objective.period.total, minimum)?;
        return Ok(objective.budget_left);
    }
    let states = objective.alerts.iter().map(|alert| match alert.state {
        State::Firing => 2.0,
        State::Pending => 1.0,
        _ => 0.0,
    });
    Ok(states.fold(0.0, f64::max))
}

/// 0 where calls go through, 1 half-open, 2 open.
fn breaker(snapshot: &Snapshot, name: &str) -> Result<f64, String> {
    let breaker = snapshot
        .breakers
        .iter()
        .find(|breaker| breaker.name == name)
        .ok_or_else(|| format!("there is no breaker {name:?}"))?;
    Ok(match breaker.phase {
        Phase::Open | Phase::ForcedOpen => 2.0,
        Phase::HalfOpen => 1.0,
        _ => 0.0,
    })
}

/// Hits of all series together, or of the one with these labels, over the window.
fn ratio(
    snapshot: &Snapshot,
    name: &str,
    labels: &Option<Labels>,
    minimum: u64,
) -> Result<f64, String> {
    let all = series(snapshot, "ratio", name, labels)?;
    let (mut hits, mut misses) = (0u64, 0u64);
    for found in all {
        if let Value::Ratio { window, .. } = &found.value {
            hits = hits.saturating_add(window.hits);
            misses = misses.saturating_add(window.misses);
        }
    }
    let count = hits.saturating_add(misses);
    few(count, minimum)?;
    Ok(hits as f64 / count as f64)
}

fn bulkhead(snapshot: &Snapshot, name: &str) -> Result<f64, String> {
    let bulkhead = snapshot
        .bulkheads
        .iter()
        .find(|bulkhead| bulkhead.name == name)
        .ok_or_else(|| format!("there is no bulkhead {name:?}"))?;
    // A limit for each key is compared with the calls of one key.
    Ok(bulkhead.numbers.fullest as f64 / bulkhead.numbers.limit as f64)
}

/// Of all living workers together, as far as they tell; of open files the share of the one that is
/// nearest to its limit.
fn process(snapshot: &Snapshot, measure: Measure) -> Result<f64, String> {
    let all: Vec<&ProcessUsage> = snapshot
        .engine
        .workers
        .iter()
        .filter(|worker| worker.alive)
        .filter_map(|worker| worker.usage.as_ref())
        .collect();
    if all.is_empty() {
        return Err("no living worker tells what it uses".to_owned());
    }
    let sum = |of: fn(&ProcessUsage) -> Option<f64>| {
        let told = all.iter().filter_map(|usage| of(usage));
        told.reduce(|sum, one| sum + one).unwrap_or(f64::NAN)
    };
    Ok(match measure {
        Measure::MemoryBytes => sum(|usage| Some(usage.resident_bytes as f64)),
        Measure::Threads => sum(|usage| Some(usage.threads as f64)),
        Measure::Cpu => sum(|usage| {
            let lived = usage.uptime_seconds;
            (lived > 0.0).then_some(usage.cpu_seconds / lived)
        }),
        Measure::OpenFiles => sum(|usage| usage.open_files.map(|open| open as f64)),
        _ => all
            .iter()
            .filter_map(|usage| Some(usage.open_files? as f64 / usage.open_files_limit? as f64))
            .fold(f64::NAN, f64::max),
    })
}

/// Of the host; of its disks the fullest.
fn host(snapshot: &Snapshot, measure: Measure) -> Result<f64, String> {
    let host = &snapshot.host;
    if measure == Measure::MemoryRatio {
        let whole = host.memory_bytes.zip(host.memory_available_bytes);
        let (all, free) = whole.ok_or("the host does not tell its memory")?;
        return Ok(1.0 - free as f64 / all as f64);
    }
    let shares = host
        .disks
        .iter()
        .map(|disk| 1.0 - disk.available_bytes as f64 / disk.bytes as f64);
    Ok(shares.fold(f64::NAN, f64::max))
}
