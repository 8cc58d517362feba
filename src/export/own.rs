//! What the engine tells about itself, as metrics named as promlint asks.

mod breakers;
mod guards;
mod objectives;
mod throttles;
pub(super) mod usage;

use crate::base::order::Order;
use crate::guard::{Algorithm, LimiterReading, WhenFull};
use crate::metrics::Kind;
use crate::snapshot::{ProcessUsage, Snapshot};
use std::collections::BTreeMap;

/// A family of the engine's own.
pub(super) struct OwnFamily<'s> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) samples: Vec<OwnSample<'s>>,
}

/// One of its samples.
pub(super) struct OwnSample<'s> {
    pub(super) labels: Vec<(&'static str, &'s str)>,
    pub(super) value: Number,
}

/// Its value.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

/// All of them. `skipped` is how many series of the region the exposition leaves out; `workers` are
/// those of [`usage::workers`].
pub(super) fn families<'s>(
    snapshot: &'s Snapshot,
    workers: &'s [(String, &'s ProcessUsage)],
    skipped: u64,
) -> Vec<OwnFamily<'s>> {
    if !snapshot.is_whole() {
        return Vec::new();
    }
    let mut families = region(snapshot, skipped);
    families.extend(usage::families(snapshot, workers));
    families.extend(limiters(snapshot));
    families.extend(breakers::families(snapshot));
    families.extend(throttles::families(snapshot));
    families.extend(objectives::families(snapshot));
    families.extend(guards::families(snapshot));
    families.retain(|family| !family.samples.is_empty());
    families
}

fn region(snapshot: &Snapshot, skipped: u64) -> Vec<OwnFamily<'_>> {
    let engine = &snapshot.engine;
    let alive = engine.workers.iter().filter(|worker| worker.alive).count() as u64;
    let dead = engine.workers.len() as u64 - alive;
    vec![
        OwnFamily {
            name: "tidegate_info",
            kind: Kind::Gauge,
            help: "The service and the version of tidegate that read its region.",
            samples: vec![OwnSample {
                labels: vec![
                    ("service", &snapshot.service),
                    ("version", snapshot.version),
                ],
                value: Number::Whole(1),
            }],
        },
        OwnFamily {
            name: "tidegate_created_timestamp_seconds",
            kind: Kind::Gauge,
            help: "When the region was made.",
            samples: vec![OwnSample {
                labels: Vec::new(),
                value: Number::Real(engine.created_wall_ns as f64 / 1e9),
            }],
        },
        gauge(
            "tidegate_region_bytes",
            "Size of the region.",
            engine.size_bytes,
        ),
        gauge(
            "tidegate_heap_bytes",
            "Size of the region's heap.",
            engine.heap_bytes,
        ),
        gauge(
            "tidegate_heap_used_bytes",
            "Part of the region's heap that is taken.",
            engine.heap_used_bytes,
        ),
        gauge("tidegate_series", "Series in use.", engine.series_used),
        gauge(
            "tidegate_series_limit",
            "Series that the region has room for.",
            engine.series_limit,
        ),
        gauge(
            "tidegate_skipped_series",
            "Series left out of this exposition: their names clash, or are damaged.",
            skipped,
        ),
        counter(
            "tidegate_overflowed_opens_total",
            "Times that labels beyond the limit were sent to an overflow series.",
            engine.overflowed_opens,
        ),
        OwnFamily {
            name: "tidegate_dropped_values_total",
            kind: Kind::Counter,
            help: "Values not recorded: invalid ones (not a number, infinite, negative), and \
                   values by name that found no room for the name.",
            samples: vec![
                sample("reason", "invalid", engine.dropped_values),
                sample("reason", "no_room", engine.dropped_for_lack_of_room),
            ],
        },
        counter(
            "tidegate_clamped_values_total",
            "Values counted in the nearest octave for lack of room.",
            engine.clamped_values,
        ),
        counter(
            "tidegate_cold_octaves_total",
            "Octaves that stayed on atomic counts for lack of room.",
            engine.cold_octaves,
        ),
        counter(
            "tidegate_lost_checkpoints_total",
            "Window checkpoints that lost detail for lack of room.",
            engine.lost_checkpoints,
        ),
        OwnFamily {
            name: "tidegate_workers",
            kind: Kind::Gauge,
            help: "Processes in the table of workers; dead ones did not close.",
            samples: vec![
                sample("state", "alive", alive),
                sample("state", "dead", dead),
            ],
        },
        OwnFamily {
            name: "tidegate_reported_errors_total",
            kind: Kind::Counter,
            help: "Errors that were reported, by their code; other for those beyond the log's bound.",
            samples: reported(snapshot),
        },
        counter(
            "tidegate_workers_attached_total",
            "Processes that ever attached.",
            engine.workers_attached,
        ),
        counter(
            "tidegate_workers_died_total",
            "Processes that died without closing.",
            engine.workers_died,
        ),
        counter(
            "tidegate_workers_refused_total",
            "Times that the table of workers was full.",
            engine.workers_refused,
        ),
    ]
}

/// Reports by code: several errors may have one, and one may be called as those beyond the bound.
fn reported(snapshot: &Snapshot) -> Vec<OwnSample<'_>> {
    let mut by_code = BTreeMap::<&str, u64>::new();
    let log = &snapshot.errors;
    let beyond = (log.beyond > 0).then_some(("other", log.beyond));
    let known = log.errors.iter().map(|error| (&*error.code, error.count));
    for (code, count) in known.chain(beyond) {
        let sum = by_code.entry(code).or_default();
        *sum = sum.saturating_add(count);
    }
    by_code
        .into_iter()
        .map(|(code, count)| sample("code", code, count))
        .collect()
}

fn limiters(snapshot: &Snapshot) -> Vec<OwnFamily<'_>> {
    let all = || snapshot.limiters.iter();
    let keyed = || all().filter(|limiter| limiter.policy.keyed.is_some());
    let one = |value: fn(&LimiterReading) -> u64| {
        move |limiter| sample("limiter", name_of(limiter), value(limiter))
    };
    vec![
        OwnFamily {
            name: "tidegate_limiter_requests_total",
            kind: Kind::Counter,
            help: "Checks of a limiter, by its decision.",
            samples: all()
                .flat_map(|limiter| {
                    let tallies = limiter.tallies;
                    [("admitted", tallies.admitted), ("denied", tallies.denied)]
                        .map(|answer| labelled(limiter, "decision", answer))
                })
                .collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_shadow_denied_total",
            kind: Kind::Counter,
            help: "Checks that a limiter in shadow mode let pass and would have denied.",
            samples: all()
                .filter(|limiter| limiter.policy.shadow)
                .map(one(|limiter| limiter.tallies.shadow_denied))
                .collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_admitted_units_total",
            kind: Kind::Counter,
            help: "Units that admitted checks took.",
            samples: all()
                .map(one(|limiter| limiter.tallies.admitted_units))
                .collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_limit",
            kind: Kind::Gauge,
            help: "Units that a full limiter has: burst or limit.",
            samples: all()
                .map(one(|limiter| limiter.policy.algorithm.units()))
                .collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_window_seconds",
            kind: Kind::Gauge,
            help: "Time that an empty limiter takes to have its whole limit again.",
            samples: all()
                .map(|limiter| OwnSample {
                    labels: vec![("limiter", &limiter.name)],
                    value: Number::Real(match limiter.policy.algorithm {
                        Algorithm::TokenBucket {
                            rate_per_second,
                            burst,
                            ..
                        } => burst as f64 / rate_per_second,
                        Algorithm::SlidingWindow { window_seconds, .. }
                        | Algorithm::FixedWindow { window_seconds, .. } => window_seconds,
                    }),
                })
                .collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_full_total",
            kind: Kind::Counter,
            help: "Checks of a new key that found no room for it, by what was done: denied, \
                   allowed without counting, or another key evicted.",
            samples: keyed()
                .flat_map(|limiter| {
                    let tallies = limiter.tallies;
                    [
                        (WhenFull::Allow.name(), tallies.allowed_full),
                        (WhenFull::Deny.name(), tallies.denied_full),
                        (WhenFull::Evict.name(), tallies.evicted),
                    ]
                    .map(|policy| labelled(limiter, "policy", policy))
                })
                .collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_reused_keys_total",
            kind: Kind::Counter,
            help: "Idle keys whose entries were reused; nothing was lost.",
            samples: keyed().map(one(|limiter| limiter.tallies.reused)).collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_keys",
            kind: Kind::Gauge,
            help: "Keys that have less than their whole limit left.",
            samples: keyed().map(one(|limiter| limiter.keys_used)).collect(),
        },
        OwnFamily {
            name: "tidegate_limiter_keys_limit",
            kind: Kind::Gauge,
            help: "Keys that a limiter has room for.",
            samples: keyed().map(one(|limiter| limiter.keys_capacity)).collect(),
        },
    ]
}

fn name_of(limiter: &LimiterReading) -> &str {
    &limiter.name
}

fn labelled<'s>(
    limiter: &'s LimiterReading,
    label: &'static str,
    (text, value): (&'static str, u64),
) -> OwnSample<'s> {
    // In order of the labels' names.
    let mut labels = vec![("limiter", name_of(limiter)), (label, text)];
    labels.order();
    OwnSample {
        labels,
        value: Number::Whole(value),
    }
}

#[inline(never)]
fn sample<'s>(label: &'static str, text: &'s str, value: u64) -> OwnSample<'s> {
    OwnSample {
        labels: vec![(label, text)],
        value: Number::Whole(value),
    }
}

#[inline(never)]
fn counter(name: &'static str, help: &'static str, value: u64) -> OwnFamily<'static> {
    bare(name, Kind::Counter, help, value)
}

#[inline(never)]
fn gauge(name: &'static str, help: &'static str, value: u64) -> OwnFamily<'static> {
    bare(name, Kind::Gauge, help, value)
}

fn bare(name: &'static str, kind: Kind, help: &'static str, value: u64) -> OwnFamily<'static> {
    let samples = vec![OwnSample {
        labels: Vec::new(),
        value: Number::Whole(value),
    }];
    OwnFamily {
        name,
        kind,
        help,
        samples,
    }
}
