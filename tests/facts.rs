//! Ratios, shares of gauges, infos, enums and exemplars.

use proptest::prelude::*;
use tidegate::base::error::Kind as ErrorKind;
use tidegate::engine::Engine;
use tidegate::export::{Format, render};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::snapshot::{Hits, Snapshot, Value};

const SECOND: u64 = 1_000_000_000;
const SLOT: u64 = 10 * SECOND;

fn manual() -> Engine {
    Engine::open(r#"{"clock": "manual"}"#).expect("an engine")
}

fn options(kind: Kind, text: &str) -> MetricOptions {
    MetricOptions::parse(text, kind).expect("options")
}

fn value<'s>(snapshot: &'s Snapshot, name: &str) -> &'s Value {
    let family = snapshot.families.iter().find(|family| family.name == name);
    &family.expect("the family").series[0].value
}

fn has_line(engine: &Engine, line: &str) {
    let text = render(Format::Prometheus, &engine.snapshot());
    assert!(text.lines().any(|found| found == line), "{line}\n{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_ratio_is_that_of_the_list_of_all_lookups(
        lookups in prop::collection::vec((0..15 * SECOND, 0..5u64, 0..5u64), 0..100),
        slots in 1..=6u64,
    ) {
        let engine = manual();
        let ratio = engine.ratio("cache", &Default::default()).unwrap();
        let (mut now, mut model) = (0, Vec::new());
        for (wait, hits, misses) in lookups {
            engine.advance_clock(wait).unwrap();
            now += wait;
            engine.record_ratio(ratio, Hits { hits, misses }).unwrap();
            model.push((now, hits, misses));
        }
        let sum = |first: u64| {
            let of = model.iter().filter(|lookup| lookup.0 / SLOT >= first);
            of.fold(Hits::default(), |sum, lookup| Hits {
                hits: sum.hits + lookup.1,
                misses: sum.misses + lookup.2,
            })
        };
        prop_assert_eq!(engine.read_ratio(ratio, 0.0).unwrap(), sum(0));
        let first = (now / SLOT + 1).saturating_sub(slots);
        let window = engine.read_ratio(ratio, (slots * 10) as f64).unwrap();
        prop_assert_eq!(window, sum(first));
        prop_assert_eq!(window.ratio().is_nan(), window == Hits::default());
    }
}

#[test]
fn a_ratio_in_prometheus_is_one_counter() {
    let engine = manual();
    let options = options(Kind::Ratio, r#"{"labels": {"pool": "a"}}"#);
    let ratio = engine.ratio("cache", &options).unwrap();
    engine
        .record_ratio(ratio, Hits { hits: 9, misses: 1 })
        .unwrap();
    has_line(&engine, r#"cache_total{pool="a",result="hit"} 9"#);
    has_line(&engine, r#"cache_total{pool="a",result="miss"} 1"#);
    let wrong = MetricOptions::parse(r#"{"labels": {"result": "x"}}"#, Kind::Ratio);
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn the_shares_of_a_gauge_go_with_their_process() {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("tidegate-shares-{}", std::process::id()));
    let config = serde_json::json!({"region": {"path": path}, "clock": "manual"}).to_string();
    let mine = Engine::open(&config).unwrap();
    let gauges = |engine: &Engine| {
        ["sum", "min", "max", "each"].map(|mode| {
            let text = format!(r#"{{"workers": "{mode}"}}"#);
            engine.gauge(mode, &options(Kind::Gauge, &text)).unwrap()
        })
    };
    let read = |engine: &Engine| gauges(engine).map(|gauge| engine.value(gauge).unwrap());
    let none = read(&mine);
    assert_eq!((none[0], none[3]), (0.0, 0.0));
    assert!(none[1].is_nan() && none[2].is_nan());
    for gauge in gauges(&mine) {
        mine.set(gauge, 2.0).unwrap();
        mine.add_to_gauge(gauge, 0.5).unwrap();
    }
    assert_eq!(read(&mine), [2.5; 4]);
    {
        // An engine of its own has a place of its own.
        let other = Engine::open(&config).unwrap();
        for gauge in gauges(&other) {
            other.add_to_gauge(gauge, 1.0).unwrap();
        }
        assert_eq!(read(&mine), [3.5, 1.0, 2.5, 3.5]);
        assert_eq!(read(&other), read(&mine));
    }
    assert_eq!(read(&mine), [2.5; 4], "closed");
    let pid = std::process::id();
    let snapshot = mine.snapshot();
    let Value::Shares(shares) = value(&snapshot, "each") else {
        panic!("shares");
    };
    assert_eq!(shares[..], [(pid, 2.5)]);
    has_line(&mine, &format!(r#"each{{pid="{pid}"}} 2.5"#));
    has_line(&mine, "sum 2.5");
    let last = mine.gauge("sum", &options(Kind::Gauge, r#"{"workers": "last"}"#));
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(mine.gauge("sum", &Default::default()).is_ok());
    std::fs::remove_file(path).unwrap();
}

#[test]
#[cfg(unix)]
fn what_a_killed_process_said_of_a_gauge_is_gone_and_its_counts_stay() {
    let engine = Engine::open("{}").unwrap();
    let live = options(Kind::Gauge, r#"{"workers": "sum"}"#);
    let gauge = engine.gauge("live", &live).unwrap();
    let counter = engine.counter("done", &Default::default()).unwrap();
    let ratio = engine.ratio("cache", &Default::default()).unwrap();
    engine.set(gauge, 1.0).unwrap();
    for round in 1..=3 {
        // SAFETY: the child calls only the engine, which needs no lock, and is killed.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            let _ = engine.add_to_gauge(gauge, 10.0);
            let _ = engine.add(counter, 1);
            let _ = engine.record_ratio(ratio, Hits { hits: 1, misses: 0 });
            loop {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        while engine.read_ratio(ratio, 0.0).unwrap().hits < round {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(engine.value(gauge).unwrap(), 11.0);
        // SAFETY: the child is ours.
        unsafe {
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
        assert_eq!(engine.value(gauge).unwrap(), 1.0);
        assert_eq!(engine.count(counter).unwrap(), round);
    }
}

#[test]
fn threads_of_a_new_process_share_one_share() {
    let engine = manual();
    let gauge = engine
        .gauge("live", &options(Kind::Gauge, r#"{"workers": "sum"}"#))
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    engine.add_to_gauge(gauge, 1.0).unwrap();
                }
            });
        }
    });
    assert_eq!(engine.value(gauge).unwrap(), 40_000.0);
}

#[test]
fn an_info_says_what_was_said_last() {
    let engine = manual();
    engine.set_info("build", r#"{"version": "1"}"#).unwrap();
    engine
        .set_info("build", r#"{"version": "2", "commit": "a\"b\n"}"#)
        .unwrap();
    has_line(&engine, r#"build_info{commit="a\"b\n",version="2"} 1"#);
    let refused = |text: &str| engine.set_info("build", text).unwrap_err().kind();
    assert_eq!(refused("[]"), ErrorKind::Config);
    assert_eq!(refused("{"), ErrorKind::Config);
    assert_eq!(refused(r#"{"a": 1}"#), ErrorKind::Config);
    assert_eq!(refused(r#"{"a-b": "1"}"#), ErrorKind::Argument);
    let long = serde_json::json!({"a": "x".repeat(4096)}).to_string();
    assert_eq!(refused(&long), ErrorKind::Argument);
    let snapshot = engine.snapshot();
    let Value::Info(said) = value(&snapshot, "build") else {
        panic!("an info");
    };
    assert_eq!(said.len(), 2);
}

#[test]
fn an_enum_is_in_one_of_its_states() {
    let engine = manual();
    let states = options(Kind::Enum, r#"{"states": ["off", "on \"now\""]}"#);
    let switch = engine.enumeration("switch.mode", &states).unwrap();
    has_line(&engine, r#"switch_mode{switch_mode="off"} 1"#);
    engine.set_state(switch, "on \"now\"").unwrap();
    has_line(&engine, r#"switch_mode{switch_mode="off"} 0"#);
    has_line(&engine, r#"switch_mode{switch_mode="on \"now\""} 1"#);
    let wrong = engine.set_state(switch, "broken").unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Argument);
    assert!(wrong.message().contains("off"), "{}", wrong.message());
    let other = options(Kind::Enum, r#"{"states": ["off"]}"#);
    let refused = engine.enumeration("switch.mode", &other).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    for text in [
        "{}",
        r#"{"states": []}"#,
        r#"{"states": ["a", "a"]}"#,
        r#"{"states": ["a", ""]}"#,
        r#"{"states": ["a", 1]}"#,
        r#"{"states": "a"}"#,
    ] {
        let refused = MetricOptions::parse(text, Kind::Enum).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config, "{text}");
        assert!(refused.message().starts_with("states"), "{text}");
    }
    let clash = r#"{"states": ["a"], "labels": {"x_y": "1"}}"#;
    let refused = engine.enumeration("x.y", &options(Kind::Enum, clash));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn the_newest_value_of_each_octave_is_an_exemplar() {
    let engine = manual();
    let histogram = engine.histogram("wait", &Default::default()).unwrap();
    for (value, trace) in [
        (1.0, "a"),
        (1.5, "b"),
        (300.0, "c"),
        (0.001, ""),
        (0.0, "zero"),
    ] {
        engine.record_exemplar(histogram, value, trace).unwrap();
        engine.advance_clock(SECOND).unwrap();
    }
    let snapshot = engine.snapshot();
    let found: Vec<(f64, &str)> = snapshot.families[0].series[0]
        .exemplars
        .iter()
        .map(|exemplar| (exemplar.value, exemplar.trace_id.as_str()))
        .collect();
    assert_eq!(found, [(0.0, "zero"), (1.5, "b"), (300.0, "c")]);
    assert_eq!(engine.distribution(histogram, 0.0).unwrap().count, 5);
    for (n, value) in (0..2000)
        .map(|n| (n, 1.1f64.powi(n)))
        .take_while(|(_, v)| v.is_finite())
    {
        engine
            .record_exemplar(histogram, value, &format!("t{n}"))
            .unwrap();
    }
    assert!(engine.snapshot().families[0].series[0].exemplars.len() <= 16);
}
