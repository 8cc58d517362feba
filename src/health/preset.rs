//! Thresholds that have a name.
//!
//! | preset | measurement | warn | fail |
//! |---|---|---|---|
//! | `query` | average | 100 ms | 500 ms |
//! | `mutation` | success ratio | 95 % | 90 % |
//! | `errors` | error rate | 1 % | 5 % |
//! | `strict_errors` | error rate | 0.1 % | 0.5 % |
//! | `list`, `search` | p95 | 200, 250 ms | 1.5 times that |
//! | `read`, `write` | p95 | 150, 250 ms | 1.5 times that |
//! | `analytics` | p95 | 300 ms | 1.5 times that |
//! | `cache` | hit rate | 70 % | 60 % |
//! | `database` | average | 50 ms | |
//! | `redis` | average | 10 ms | |

use super::check::{Measure, Threshold};

/// The measurements of the preset `name`.
pub(super) fn find(name: &str) -> Option<(Measure, Threshold)> {
    let above = |warn: f64, fail: f64| Threshold {
        warn: Some(warn),
        fail: Some(fail),
        below: false,
        minimum_samples: None,
    };
    let p95 = |target| (Measure::Quantile(0.95), above(target, target * 1.5));
    Some(match name {
        "query" => (Measure::Average, above(0.1, 0.5)),
        "mutation" => (
            Measure::SuccessRatio,
            Threshold {
                below: true,
                ..above(0.95, 0.9)
            },
        ),
        "errors" => (Measure::ErrorRate, above(0.01, 0.05)),
        "strict_errors" => (Measure::ErrorRate, above(0.001, 0.005)),
        "list" => p95(0.2),
        "read" => p95(0.15),
        "write" | "search" => p95(0.25),
        "analytics" => p95(0.3),
        "cache" => (
            Measure::HitRate,
            Threshold {
                below: true,
                ..above(0.7, 0.6)
            },
        ),
        "database" => (
            Measure::Average,
            Threshold {
                fail: None,
                ..above(0.05, 0.0)
            },
        ),
        "redis" => (
            Measure::Average,
            Threshold {
                fail: None,
                ..above(0.01, 0.0)
            },
        ),
        _ => return None,
    })
}

/// The names of all presets.
pub(super) const NAMES: &str = "query, mutation, errors, strict_errors, list, read, write, search, analytics, cache, database, redis";

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_preset_that_can_warn_before_it_fails() {
        for name in NAMES.split(", ") {
            let (_, threshold) = find(name).unwrap();
            let (warn, fail) = (threshold.warn.unwrap(), threshold.fail);
            assert!(
                fail.is_none_or(|fail| (fail < warn) == threshold.below),
                "{name}"
            );
        }
        assert!(find("nothing").is_none());
    }
}
