//! The numbers of decisions on the host's clock. What comes back within the test is far below a unit,
//! so they do not depend on how long it takes.

use tidegate::engine::{Engine, Limiter};
use tidegate::guard::{Decision, Verdict};

const RULES: [(&str, &str); 3] = [
    (
        "bucket",
        r#""algorithm":"token_bucket","rate_per_second":0.0001,"burst":9"#,
    ),
    (
        "sliding",
        r#""algorithm":"sliding_window","limit":9,"window_seconds":90000"#,
    ),
    (
        "fixed",
        r#""algorithm":"fixed_window","limit":9,"window_seconds":31622400"#,
    ),
];

fn check(engine: &Engine, limiter: Limiter, key: Option<&[u8]>) -> (Verdict, Decision) {
    let mut decision = Decision::default();
    let verdict = engine.check(limiter, key, 1, Some(&mut decision)).unwrap();
    (verdict, decision)
}

#[test]
fn each_unit_that_is_taken_leaves_one_less() {
    for key in [None, Some(b"ann".as_slice())] {
        for (name, rule) in RULES {
            let engine = Engine::open("{}").unwrap();
            let config = format!(r#"{{{rule},"keyed":{}}}"#, key.is_some());
            let limiter = engine.open_limiter_from(name, &config).unwrap();
            for left in (0..9).rev() {
                let (verdict, decision) = check(&engine, limiter, key);
                assert_eq!(verdict, Verdict::Admitted, "{config}");
                assert_eq!(decision.remaining, left, "{config}: {decision:?}");
                let peeked = engine.peek(limiter, key, 1).unwrap().1;
                assert_eq!(peeked.remaining, left, "{config}: {peeked:?}");
            }
            let (verdict, decision) = check(&engine, limiter, key);
            assert_eq!((verdict, decision.remaining), (Verdict::Denied, 0));
            assert!(decision.retry_after_ns > 0, "{config}: {decision:?}");
        }
    }
}

#[test]
fn a_limiter_that_was_changed_counts_like_one_that_was_not() {
    let engine = Engine::open("{}").unwrap();
    let config = |burst| {
        format!(r#"{{"algorithm":"token_bucket","rate_per_second":0.0001,"burst":{burst}}}"#)
    };
    let limiter = engine.open_limiter_from("bucket", &config(5)).unwrap();
    assert_eq!(check(&engine, limiter, None).1.remaining, 4);
    engine.reconfigure_limiter(limiter, &config(9)).unwrap();
    for left in (0..8).rev() {
        let (verdict, decision) = check(&engine, limiter, None);
        assert_eq!((verdict, decision.remaining), (Verdict::Admitted, left));
    }
    assert_eq!(check(&engine, limiter, None).0, Verdict::Denied);
}
