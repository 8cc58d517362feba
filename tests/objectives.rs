//! Objectives on the manual clock against a plain model that remembers every event.

use serde_json::{Value, json};
use tidegate::base::error::Kind as ErrorKind;
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Engine, OperationId};
use tidegate::export::{Format, render};
use tidegate::metrics::{Kind, MetricOptions};
use tidegate::objective::{ObjectiveReading, State};

const SECOND: u64 = 1_000_000_000;

fn engine(objectives: Value) -> Engine {
    let config =
        json!({"clock": "manual", "region": {"size_bytes": 33554432}, "objectives": objectives});
    Engine::open(&config.to_string()).unwrap()
}

fn operation(engine: &Engine) -> OperationId {
    engine
        .operation("http.request", &Default::default())
        .unwrap()
}

fn calls(engine: &Engine, operation: OperationId, good: u64, bad: u64) {
    for (outcome, count) in [(Outcome::Success, good), (Outcome::Failure, bad)] {
        for _ in 0..count {
            engine
                .record_operation(operation, 0.01, outcome, None)
                .unwrap();
        }
    }
}

fn only(engine: &Engine) -> ObjectiveReading {
    let mut found = engine.snapshot().objectives;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn availability(target: f64) -> Value {
    json!([{"name": "availability", "operation": "http.request", "success_ratio": target, "hold_seconds": 0}])
}

/// Every event in its order: the second it came in, and whether it was good.
#[derive(Default)]
struct Model {
    events: Vec<(u64, bool)>,
}

impl Model {
    fn record(&mut self, now: u64, good: u64, bad: u64) {
        let event = |is_good| move |_| (now, is_good);
        self.events.extend((0..good).map(event(true)));
        self.events.extend((0..bad).map(event(false)));
    }

    fn burn(good: u64, bad: u64, target: f64) -> f64 {
        if good + bad == 0 {
            return 0.0;
        }
        bad as f64 / (good + bad) as f64 / (1.0 - target)
    }

    /// Least and most that a window of `length` seconds may say at `now`, when its beginning may be
    /// up to `slot` seconds early: it begins before, between or after the events of that time.
    fn bounds(&self, now: u64, length: u64, slot: u64, target: f64) -> (f64, f64) {
        let first = now.saturating_sub(length + slot);
        let last = now.saturating_sub(length);
        let (mut good, mut bad) = (0, 0);
        let mut found = (f64::INFINITY, f64::NEG_INFINITY);
        for index in (0..=self.events.len()).rev() {
            // The window begins before event `index`, and after the one before it.
            let before = index.checked_sub(1).map(|before| self.events[before].0);
            let after = self.events.get(index);
            if let Some((_, is_good)) = after {
                (good, bad) = (good + u64::from(*is_good), bad + u64::from(!*is_good));
            }
            let is_late = before.is_some_and(|before| before > last);
            let is_early = after.is_some_and(|after| after.0 < first);
            if is_early {
                break;
            }
            if !is_late {
                let burn = Self::burn(good, bad, target);
                found = (found.0.min(burn), found.1.max(burn));
            }
        }
        found
    }
}

#[test]
fn a_month_in_a_second_burns_as_the_model_says() {
    const TARGET: f64 = 0.99;
    let engine = engine(availability(TARGET));
    let operation = operation(&engine);
    let mut model = Model::default();
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 33
    };
    let mut fired = std::collections::BTreeSet::new();
    let mut before = State::Inactive;
    // A step of two minutes, 30 days long, with an outage of an hour on every fifth day.
    for step in 1..=30 * 720u64 {
        engine.advance_clock(120 * SECOND).unwrap();
        let now = step * 120;
        let is_outage = (now / 86_400) % 5 == 4 && now % 86_400 < 3600;
        let bad = if is_outage {
            random() % 4
        } else {
            u64::from(random() % 400 == 0)
        };
        let good = 1 + random() % 4;
        calls(&engine, operation, good, bad);
        model.record(now, good, bad);
        if step % 97 != 0 && step % 720 > 40 {
            continue;
        }
        let found = only(&engine);
        let windows = [
            (300, 150),
            (1800, 150),
            (3600, 150),
            (21_600, 420),
            (259_200, 3720),
        ];
        for (index, (length, slot)) in windows.into_iter().enumerate() {
            let (least, most) = model.bounds(now, length, slot, TARGET);
            let burn = found.burn_rates[index];
            assert!(
                least - 1e-9 <= burn && burn <= most + 1e-9,
                "at {now}, over {length} s: {burn} is not from {least} to {most}"
            );
        }
        let state = found.alerts[0].state;
        if state == State::Firing && before != State::Firing {
            fired.insert(now / 86_400);
            // What is left in the hour's window lets a single failure ring again.
            assert!(now % 86_400 < 7200, "it fired at {now}, when all was well");
        }
        before = state;
    }
    assert_eq!(
        fired.into_iter().collect::<Vec<u64>>(),
        [4, 9, 14, 19, 24, 29]
    );
    let found = only(&engine);
    assert_eq!(found.period.total, model.events.len() as u64);
    let bad = model.events.iter().filter(|event| !event.1).count() as u64;
    let burn = Model::burn(model.events.len() as u64 - bad, bad, TARGET);
    assert!((found.budget_left - (1.0 - burn)).abs() < 1e-9);
}

#[test]
fn nothing_recorded_is_nothing_burnt() {
    let engine = engine(availability(0.99));
    let found = only(&engine);
    assert_eq!(found.budget_left, 1.0);
    assert_eq!(found.burn_rates, [0.0; 5]);
    assert!(
        found
            .alerts
            .iter()
            .all(|alert| alert.state == State::Inactive)
    );
}

#[test]
fn the_budget_is_spent_by_failures_and_not_by_what_is_ignored() {
    let engine = engine(availability(0.9901));
    let operation = operation(&engine);
    calls(&engine, operation, 999, 1);
    for _ in 0..500 {
        engine
            .record_operation(operation, 0.01, Outcome::Ignored, None)
            .unwrap();
    }
    let found = only(&engine);
    assert_eq!((found.period.good, found.period.total), (999, 1000));
    assert!((found.budget_left - (1.0 - 0.001 / (1.0 - 0.9901))).abs() < 1e-9);
    calls(&engine, operation, 0, 99);
    assert!(only(&engine).budget_left < 0.0);
}

#[test]
fn a_latency_objective_is_exact_at_its_edge() {
    let engine = engine(json!([
        {"name": "latency", "operation": "http.request", "latency_seconds": 0.2, "ratio": 0.95}
    ]));
    // The objective was there before the operation.
    let operation = operation(&engine);
    let edge = 0.2f64;
    let values = [
        edge,
        edge.next_down(),
        edge.next_up(),
        0.1,
        0.2001,
        0.1999,
        5.0,
    ];
    for value in values {
        engine
            .record_operation(operation, value, Outcome::Success, None)
            .unwrap();
    }
    let found = only(&engine);
    assert_eq!((found.period.good, found.period.total), (4, 7));
    let text = render(Format::Prometheus, &engine.snapshot());
    assert!(
        text.contains("http_request_seconds_bucket{le=\"0.2\"} 4\n"),
        "{text}"
    );
}

#[test]
fn series_made_later_and_histograms_count_too() {
    let engine = engine(json!([
        {"name": "latency", "histogram": "wait", "latency_seconds": 0.3, "ratio": 0.95}
    ]));
    for route in ["a", "b"] {
        let text = json!({"labels": {"route": route}}).to_string();
        let options = MetricOptions::parse(&text, Kind::Histogram).unwrap();
        let wait = engine.histogram("wait", &options).unwrap();
        engine.record_many(wait, &[0.3, 0.3001]).unwrap();
    }
    let found = only(&engine);
    assert_eq!((found.period.good, found.period.total), (2, 4));
}

#[test]
fn an_alert_is_pending_fires_and_is_resolved() {
    let engine = engine(json!([{"name": "availability", "operation": "http.request",
        "success_ratio": 0.99, "hold_seconds": 120, "keep_seconds": 600}]));
    let operation = operation(&engine);
    let mut seen = vec![];
    let mut run = |minutes: u64, good: u64, bad: u64| {
        for _ in 0..2 * minutes {
            engine.advance_clock(30 * SECOND).unwrap();
            calls(&engine, operation, good, bad);
            engine.tick().unwrap();
            let state = only(&engine).alerts[0].state;
            if seen.last() != Some(&state) {
                seen.push(state);
            }
        }
    };
    run(60, 20, 0);
    run(30, 10, 10);
    run(30, 20, 0);
    assert_eq!(
        seen,
        [
            State::Inactive,
            State::Pending,
            State::Firing,
            State::Resolved
        ]
    );
    let text = render(Format::Prometheus, &engine.snapshot());
    assert!(text.contains(
        "tidegate_objective_alert_state{objective=\"availability\",severity=\"page\",state=\"resolved\",window=\"1h\"} 1\n"
    ));
}

#[test]
fn few_events_do_not_wake_anybody() {
    let engine = engine(availability(0.99));
    let operation = operation(&engine);
    calls(&engine, operation, 0, 9);
    engine.advance_clock(31 * SECOND).unwrap();
    engine.tick().unwrap();
    assert_eq!(only(&engine).alerts[0].state, State::Inactive);
    calls(&engine, operation, 0, 1);
    engine.advance_clock(31 * SECOND).unwrap();
    engine.tick().unwrap();
    assert_eq!(only(&engine).alerts[0].state, State::Firing);
}

#[test]
fn state_outlives_workers_and_observers_see_it() {
    let path = std::env::temp_dir().join(format!("tidegate-objectives-{}", std::process::id()));
    let config = json!({"clock": "manual", "region": {"path": path, "size_bytes": 33554432},
        "objectives": availability(0.99)})
    .to_string();
    let first = Engine::open(&config).unwrap();
    let calls_of = operation(&first);
    calls(&first, calls_of, 10, 10);
    first.advance_clock(31 * SECOND).unwrap();
    first.tick().unwrap();
    drop(first);
    let observer = Engine::attach(&path).unwrap();
    let found = only(&observer);
    assert_eq!(found.alerts[0].state, State::Firing);
    assert_eq!(found.period.total, 20);
    // One that opens it again changes nothing; one with another definition has its own beside it.
    let again = Engine::open(&config).unwrap();
    assert_eq!(only(&again).period.total, 20);
    let other = Engine::open(&config.replace("0.99", "0.995")).unwrap();
    assert_eq!(only(&other).policy.target, 0.995);
    assert_eq!(only(&observer).policy.target, 0.99);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn more_objectives_than_fit_are_refused() {
    let many: Vec<Value> = (0..65)
        .map(
            |number| json!({"name": format!("o{number}"), "operation": "x", "success_ratio": 0.99}),
        )
        .collect();
    let config = json!({"objectives": many}).to_string();
    let error = Engine::open(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Capacity);
}

#[test]
fn health_looks_at_objectives() {
    let config = json!({"clock": "manual", "objectives": availability(0.99),
        "health": {"checks": [{"objective": "availability", "alert": {"warn": "pending", "fail": "firing"},
            "budget_left": {"warn": 0.5, "fail": 0}}]}});
    let engine = Engine::open(&config.to_string()).unwrap();
    let status = || tidegate::health::judge(&engine.snapshot()).status;
    use tidegate::health::Status;
    assert_eq!(status(), Status::Healthy);
    let operation = operation(&engine);
    calls(&engine, operation, 995, 5);
    assert_eq!(
        status(),
        Status::Healthy,
        "half of the budget is left, and not less"
    );
    calls(&engine, operation, 98, 1);
    assert_eq!(status(), Status::Degraded);
    calls(&engine, operation, 0, 8);
    assert_eq!(status(), Status::Unhealthy);
}
