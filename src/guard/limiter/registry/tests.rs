use super::*;
use crate::base::error::Kind;
use crate::region::layout::Limits;
use serde_json::json;

fn region(max_limiters: u64) -> Region {
    let limits = Limits {
        total_words: 1 << 20,
        max_series: 64,
        max_series_per_name: 16,
        max_limiters,
        max_guards: 4,
        max_operations: 4,
        max_events: 64,
        max_workers: 4,
        max_shards: 0,
        stripes: 2,
        slot_ns: 10_000_000_000,
        manual_clock: 1,
    };
    Region::anonymous(limits, "", true).unwrap()
}

fn policy(document: serde_json::Value) -> LimiterPolicy {
    LimiterPolicy::parse("limiters.x", &document).unwrap()
}

#[test]
fn a_name_has_one_limiter() {
    let region = region(8);
    let auth = policy(json!({"preset": "auth", "keyed": true}));
    let id = open(&region, "login", &auth).unwrap();
    assert_eq!(open(&region, "login", &auth), Ok(id));
    assert_eq!(find(&region, b"login"), Some(id));
    assert_eq!(find(&region, b"logi"), None);
    assert_eq!(find(&region, b""), None);
    for (other, difference) in [
        (json!({"preset": "auth"}), "with keyed true, not false"),
        (
            json!({"preset": "api", "keyed": true}),
            "with window_seconds 900, not 3600",
        ),
        (
            json!({"preset": "auth", "keyed": true, "max_keys": 5}),
            "max_keys 10000, not 5",
        ),
        (
            json!({"preset": "auth", "keyed": true, "when_full": "evict"}),
            "with when_full deny, not evict",
        ),
        (
            json!({"algorithm": "token_bucket", "rate_per_second": 1, "burst": 1}),
            "with algorithm sliding_window, not token_bucket",
        ),
    ] {
        let error = open(&region, "login", &policy(other)).unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(error.message().contains(difference), "{error}");
    }
}

#[test]
fn every_policy_comes_back_from_the_region() {
    let region = region(8);
    let planes = Planes::of(&region);
    let policies = [
        json!({"algorithm": "token_bucket", "rate_per_second": 33.3, "burst": 7}),
        json!({"algorithm": "token_bucket", "rate_per_second": 0.5, "burst": 7, "keyed": true,
               "max_keys": 9, "when_full": "allow"}),
        json!({"algorithm": "sliding_window", "limit": 1000, "window_seconds": 0.25}),
        json!({"preset": "strict", "keyed": true, "max_keys": 9, "when_full": "evict"}),
    ]
    .map(policy);
    for (index, policy) in policies.iter().enumerate() {
        open(&region, &format!("l{index}"), policy).unwrap();
    }
    let listed: Vec<_> = list(&region, &planes)
        .into_iter()
        .map(|one| one.policy)
        .collect();
    assert_eq!(listed, policies);
}

#[test]
fn a_full_table_or_region_says_so() {
    let region = region(3);
    let strict = policy(json!({"preset": "strict"}));
    for name in ["a", "b", "c"] {
        open(&region, name, &strict).unwrap();
    }
    assert_eq!(
        open(&region, "d", &strict).unwrap_err().kind(),
        Kind::Capacity
    );
    let region = self::region(3);
    let huge = json!({"preset": "strict", "keyed": true, "max_keys": 1u64 << 32});
    let error = open(&region, "a", &policy(huge)).unwrap_err();
    assert_eq!(error.kind(), Kind::Capacity);
    // What was not published leaves no trace.
    assert_eq!(find(&region, b"a"), None);
    assert!(open(&region, "a", &strict).is_ok());
}

#[test]
fn names_are_checked() {
    let strict = policy(json!({"preset": "strict"}));
    for name in ["", "1", "a b", "é", &"a".repeat(256)] {
        assert_eq!(
            open(&region(1), name, &strict).unwrap_err().kind(),
            Kind::Argument
        );
    }
}

#[test]
fn threads_that_open_one_name_get_one_limiter() {
    let region = region(16);
    let strict = policy(json!({"preset": "strict", "keyed": true, "max_keys": 10}));
    std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..10)
                        .map(|name| open(&region, &format!("n{name}"), &strict).unwrap())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let ids: Vec<_> = openers
            .into_iter()
            .map(|opener| opener.join().unwrap())
            .collect();
        assert!(ids.iter().all(|mine| *mine == ids[0]));
    });
    assert_eq!(list(&region, &Planes::of(&region)).len(), 10);
}

#[test]
#[cfg(unix)]
fn a_killed_maker_blocks_nobody() {
    use crate::guard::directory::turn::Turn;
    use crate::region::header;
    use std::time::{Duration, Instant};

    let region = region(4);
    let strict = policy(json!({"preset": "strict"}));
    // SAFETY: the child only takes the turn and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        std::mem::forget(Turn::take(&region));
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: waits for our own child.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    assert_ne!(region.words().load(header::MAKER), 0);
    let begun = Instant::now();
    assert!(open(&region, "a", &strict).is_ok());
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(region.words().load(header::MAKER), 0);
}
