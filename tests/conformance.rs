//! The scenarios of `bindings/conformance/`, through the Rust API. Its README says what they mean.

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use tidegate::base::error::{Error, Kind};
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Engine, Probe};
use tidegate::export::{Format, render};
use tidegate::guard::chain::{Answer as ChainAnswer, ChainPermit, Request as ChainRequest};
use tidegate::guard::limiter::rules::List;
use tidegate::guard::limiter::texts::Style;
use tidegate::guard::limiter::together::{Request as LimiterRequest, Together};
use tidegate::guard::limiter::top::By;
use tidegate::guard::retry::Attempt;
use tidegate::guard::{BreakerPhase, Decision, Verdict};
use tidegate::metrics::{Kind as MetricKind, MetricOptions};

/// What a call gave back: its fields, by name.
type Answer = Result<(Verdict, Map<String, Value>), Error>;

struct Run {
    engine: Engine,
    permits: HashMap<String, u64>,
    chains: HashMap<String, ChainPermit>,
    /// What the latest check said.
    latest: (Verdict, Decision),
    /// Where the events go on.
    next_event: u64,
}

fn status(answer: &Answer) -> &'static str {
    match answer {
        Ok((Verdict::Admitted, _)) => "TIDEGATE_OK",
        Ok((Verdict::Denied, _)) => "TIDEGATE_DENIED",
        Err(error) => match error.kind() {
            Kind::Argument => "TIDEGATE_E_ARGUMENT",
            Kind::Config => "TIDEGATE_E_CONFIG",
            Kind::NotFound => "TIDEGATE_E_NOT_FOUND",
            Kind::Conflict => "TIDEGATE_E_CONFLICT",
            Kind::Capacity => "TIDEGATE_E_CAPACITY",
            Kind::Space => "TIDEGATE_E_SPACE",
            Kind::Format => "TIDEGATE_E_FORMAT",
            Kind::System => "TIDEGATE_E_SYSTEM",
            Kind::Stale => "TIDEGATE_E_STALE",
            Kind::Range => "TIDEGATE_E_RANGE",
            Kind::State => "TIDEGATE_E_STATE",
            Kind::Bug => "TIDEGATE_E_BUG",
        },
    }
}

fn done(fields: Value) -> Answer {
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    Ok((Verdict::Admitted, fields))
}

/// What was admitted gives a number; nothing was denied.
fn given(number: Option<u64>, field: &str) -> Answer {
    let verdict = match number {
        Some(_) => Verdict::Admitted,
        None => Verdict::Denied,
    };
    let fields = number.map(|number| (field.to_owned(), json!(number)));
    Ok((verdict, fields.into_iter().collect()))
}

fn outcome(step: &Value) -> Outcome {
    match step["outcome"].as_str().expect("an outcome") {
        "success" => Outcome::Success,
        "failure" => Outcome::Failure,
        "ignored" => Outcome::Ignored,
        unknown => panic!("no outcome is called {unknown}"),
    }
}

fn decided(verdict: Verdict, decision: Decision) -> Answer {
    let (_, fields) = done(json!({
        "limit": decision.limit,
        "remaining": decision.remaining,
        "retry_after_ns": decision.retry_after_ns,
        "reset_after_ns": decision.reset_after_ns,
    }))?;
    Ok((verdict, fields))
}

fn cost(step: &Value) -> u32 {
    step.get("cost").map_or(1, |cost| cost.as_u64().unwrap()) as u32
}

/// A number of a step; null is not a number.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("numbers")
        .iter()
        .map(number)
        .collect()
}

fn is_near(found: &Value, wanted: &Value, within: f64) -> bool {
    match (found, wanted) {
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found
                    .iter()
                    .zip(wanted)
                    .all(|(found, wanted)| is_near(found, wanted, within))
        }
        (Value::Number(found), Value::Number(wanted)) => {
            let (found, wanted) = (found.as_f64().unwrap(), wanted.as_f64().unwrap());
            (found - wanted).abs() <= wanted.abs() * within
        }
        _ => found == wanted,
    }
}

impl Run {
    fn new(config: &Value) -> Self {
        let mut config = config.clone();
        config["clock"] = json!("manual");
        let engine = Engine::open(&config.to_string()).expect("the scenario's configuration");
        Run {
            engine,
            permits: HashMap::new(),
            chains: HashMap::new(),
            latest: (Verdict::Admitted, Decision::default()),
            next_event: 0,
        }
    }

    fn options(step: &Value) -> MetricOptions {
        let names = ["labels", "help", "unit", "relative_error", "slow_seconds"];
        let said: Map<String, Value> = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), step.get(name)?.clone())))
            .collect();
        let kind = if step.get("histogram").is_some() {
            MetricKind::Histogram
        } else {
            MetricKind::Counter
        };
        MetricOptions::parse(&Value::Object(said).to_string(), kind).expect("the step's options")
    }

    fn call(&mut self, step: &Value) -> Answer {
        let engine = &self.engine;
        let text = |field: &str| {
            step[field]
                .as_str()
                .unwrap_or_else(|| panic!("{field}: {step}"))
        };
        let key = step.get("key").map(|key| key.as_str().unwrap().as_bytes());
        match text("do") {
            "clock_advance" => {
                engine.advance_clock(step["by_ns"].as_u64().unwrap())?;
                done(json!({}))
            }
            "engine_open" => {
                let document = match &step["config"] {
                    Value::String(text) => text.clone(),
                    document => document.to_string(),
                };
                Engine::open(&document)?;
                done(json!({}))
            }
            "counter_add" => {
                let counter = engine.counter(text("counter"), &Self::options(step))?;
                engine.add(counter, step["amount"].as_u64().unwrap())?;
                done(json!({}))
            }
            "counter_value" => {
                let counter = engine.counter(text("counter"), &Self::options(step))?;
                done(json!({"value": engine.count(counter)?}))
            }
            "gauge_set" => {
                let gauge = engine.gauge(text("gauge"), &Self::options(step))?;
                engine.set(gauge, number(&step["value"]))?;
                done(json!({}))
            }
            "gauge_add" => {
                let gauge = engine.gauge(text("gauge"), &Self::options(step))?;
                engine.add_to_gauge(gauge, number(&step["delta"]))?;
                done(json!({}))
            }
            "gauge_value" => {
                let gauge = engine.gauge(text("gauge"), &Self::options(step))?;
                done(json!({"value": engine.value(gauge)?}))
            }
            "histogram_record" => {
                let histogram = engine.histogram(text("histogram"), &Self::options(step))?;
                engine.record(histogram, number(&step["value"]))?;
                done(json!({}))
            }
            "histogram_record_many" => {
                let histogram = engine.histogram(text("histogram"), &Self::options(step))?;
                engine.record_many(histogram, &numbers(&step["values"]))?;
                done(json!({}))
            }
            "histogram_quantiles" => {
                let histogram = engine.histogram(text("histogram"), &Self::options(step))?;
                let quantiles = numbers(&step["quantiles"]);
                let mut values = vec![0.0; quantiles.len()];
                let seconds = number(&step["window_seconds"]);
                engine.quantiles(histogram, seconds, &quantiles, &mut values)?;
                done(json!({"values": values}))
            }
            "record_metric" => {
                engine.record_metric(text("name").as_bytes(), number(&step["value"]))?;
                done(json!({}))
            }
            "limiter_check" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                let mut decision = Decision::default();
                let verdict = engine.check(limiter, key, cost(step), Some(&mut decision))?;
                self.latest = (verdict, decision);
                decided(verdict, decision)
            }
            "limiter_peek" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                let (verdict, decision) = engine.peek(limiter, key, cost(step))?;
                decided(verdict, decision)
            }
            "limiter_check_all" => {
                let requests = step["requests"].as_array().expect("requests");
                let requests: Vec<LimiterRequest<'_>> = requests
                    .iter()
                    .map(|request| {
                        let name = request["limiter"].as_str().expect("a limiter");
                        Ok(LimiterRequest {
                            limiter: engine.find_limiter(name)?.0,
                            key: request["key"].as_str().map(str::as_bytes),
                            cost: cost(request),
                        })
                    })
                    .collect::<Result<_, Error>>()?;
                match engine.check_all(&requests)? {
                    Together::Admitted(decision) => decided(Verdict::Admitted, decision),
                    Together::Denied { decision, .. } => decided(Verdict::Denied, decision),
                }
            }
            "limiter_reserve" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                let most = step["max_wait_ns"].as_u64().expect("max_wait_ns");
                let (verdict, wait_ns) = engine.reserve(limiter, key, cost(step), most)?;
                let (_, fields) = done(json!({"wait_ns": wait_ns}))?;
                Ok((verdict, fields))
            }
            "limiter_refund" => {
                engine.refund(engine.find_limiter(text("limiter"))?, key, cost(step))?;
                done(json!({}))
            }
            "limiter_penalize" => {
                engine.penalize(engine.find_limiter(text("limiter"))?, key, cost(step))?;
                done(json!({}))
            }
            "limiter_block" => {
                let for_ns = step["for_ns"].as_u64().expect("for_ns");
                engine.block(engine.find_limiter(text("limiter"))?, key, for_ns)?;
                done(json!({}))
            }
            "limiter_allow" => {
                let list = match text("list") {
                    "none" => List::None,
                    "allow" => List::Allow,
                    "deny" => List::Deny,
                    unknown => panic!("no list is called {unknown}"),
                };
                engine.set_list(engine.find_limiter(text("limiter"))?, key, list)?;
                done(json!({}))
            }
            "limiter_set_plan" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                engine.set_plan(limiter, key, step["plan"].as_str())?;
                done(json!({}))
            }
            "limiter_reconfigure" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                engine.reconfigure_limiter(limiter, &step["config"].to_string())?;
                done(json!({}))
            }
            "limiter_headers" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                let style = match text("style") {
                    "current" => Style::Current,
                    "draft_06" => Style::Draft06,
                    "legacy" => Style::Legacy,
                    unknown => panic!("no style is called {unknown}"),
                };
                let (verdict, decision) = self.latest;
                let fields = engine.rate_limit_fields(limiter, &decision, verdict, style)?;
                let fields = fields.lines().map(|line| {
                    let (name, value) = line.split_once(": ").expect("a field");
                    (name.to_owned(), json!(value))
                });
                Ok((Verdict::Admitted, fields.collect()))
            }
            "limiter_top" => {
                let limiter = engine.find_limiter(text("limiter"))?;
                let by = match text("by") {
                    "used" => By::Used,
                    "denied" => By::Denied,
                    unknown => panic!("no order is called {unknown}"),
                };
                let count = step["count"].as_u64().expect("count") as usize;
                let top = engine.top_keys(limiter, by, count)?;
                done(json!({
                    "key": top.iter().map(|one| &*one.key).collect::<Vec<_>>(),
                    "used": top.iter().map(|one| one.used).collect::<Vec<_>>(),
                    "denied": top.iter().map(|one| one.denied).collect::<Vec<_>>(),
                }))
            }
            "events_read" => {
                let (events, cursor) = engine.events(self.next_event, 100);
                self.next_event = cursor.next;
                done(json!({
                    "event": events.iter().map(|one| one.kind.name()).collect::<Vec<_>>(),
                    "cause": events.iter().map(|one| one.cause.name()).collect::<Vec<_>>(),
                    "kind": events.iter().map(|one| one.guard_kind).collect::<Vec<_>>(),
                    "name": events.iter().map(|one| &*one.guard).collect::<Vec<_>>(),
                }))
            }
            "allow_request" => {
                let verdict = engine.allow_request(text("limiter").as_bytes(), key)?;
                Ok((verdict, Map::new()))
            }
            "breaker_acquire" => {
                let breaker = engine.find_breaker(text("breaker"))?;
                given(engine.acquire(breaker)?, "permit")
            }
            "breaker_report" => {
                let breaker = engine.find_breaker(text("breaker"))?;
                let permit = self.permits[text("permit")];
                engine.report(breaker, permit, outcome(step), number(&step["seconds"]))?;
                done(json!({}))
            }
            "breaker_state" => {
                let breaker = engine.find_breaker(text("breaker"))?;
                let phase = engine.breaker_phase(breaker)?;
                done(json!({"phase": phase.name()}))
            }
            "breaker_set_mode" => {
                let breaker = engine.find_breaker(text("breaker"))?;
                let mode = BreakerPhase::ALL
                    .into_iter()
                    .find(|phase| phase.name() == text("mode"))
                    .expect("a mode");
                engine.set_breaker(breaker, mode)?;
                done(json!({}))
            }
            "breaker_read" => {
                let breaker = engine.find_breaker(text("breaker"))?;
                let reading = engine.read_breaker(breaker)?;
                let tripped = reading.tripped.expect("it opened");
                done(json!({
                    "phase": reading.phase.name(),
                    "generation": reading.generation,
                    "calls": reading.calls,
                    "failures": reading.failures,
                    "slow_calls": reading.slow_calls,
                    "failure_rate": reading.failure_rate,
                    "slow_call_rate": reading.slow_call_rate,
                    "retry_after_ns": reading.retry_after_ns,
                    "opened_count": reading.totals.opened,
                    "permits_out": reading.permits_out,
                    "tripped_calls": tripped.calls,
                    "tripped_failures": tripped.failures,
                    "tripped_slow_calls": tripped.slow_calls,
                    "tripped_age_ns": tripped.age_ns,
                }))
            }
            "bulkhead_enter" | "bulkhead_enter_key" => {
                let bulkhead = engine.find_bulkhead(text("bulkhead"))?;
                given(engine.enter_bulkhead(bulkhead, key)?, "permit")
            }
            "bulkhead_leave" => {
                let bulkhead = engine.find_bulkhead(text("bulkhead"))?;
                engine.leave_bulkhead(bulkhead, self.permits[text("permit")])?;
                done(json!({}))
            }
            "bulkhead_leave_with" => {
                let bulkhead = engine.find_bulkhead(text("bulkhead"))?;
                let permit = self.permits[text("permit")];
                let seconds = number(&step["seconds"]);
                engine.leave_bulkhead_with(bulkhead, permit, outcome(step), seconds)?;
                done(json!({}))
            }
            "bulkhead_read" => {
                let reading = engine.read_bulkhead(engine.find_bulkhead(text("bulkhead"))?)?;
                done(json!({"limit": reading.limit, "in_use": reading.in_use}))
            }
            "throttle_acquire" => {
                let throttle = engine.find_throttle(text("throttle"))?;
                Ok((engine.acquire_throttle(throttle)?, Map::new()))
            }
            "throttle_report" => {
                let throttle = engine.find_throttle(text("throttle"))?;
                engine.report_throttle(throttle, outcome(step))?;
                done(json!({}))
            }
            "guard_acquire" => {
                let guard = engine.find_guard(text("guard"))?;
                let request = ChainRequest {
                    key,
                    cost: cost(step),
                    attempt: step["attempt"].as_u64().unwrap_or(1) as u32,
                };
                let answer = engine.acquire_guard(guard, request)?;
                if let (
                    ChainAnswer::Admitted(permit) | ChainAnswer::Shadowed { permit, .. },
                    Some(name),
                ) = (answer, step["as"].as_str())
                {
                    self.chains.insert(name.to_owned(), permit);
                }
                match answer {
                    ChainAnswer::Admitted(_) => {
                        done(json!({"refused_by": "none", "retry_after_ns": 0}))
                    }
                    ChainAnswer::Shadowed {
                        by, retry_after_ns, ..
                    } => done(json!({"refused_by": by.name(), "retry_after_ns": retry_after_ns})),
                    ChainAnswer::Refused { by, retry_after_ns } => {
                        let (_, fields) = done(
                            json!({"refused_by": by.name(), "retry_after_ns": retry_after_ns}),
                        )?;
                        Ok((Verdict::Denied, fields))
                    }
                }
            }
            "guard_report" => {
                let guard = engine.find_guard(text("guard"))?;
                let permit = self.chains[text("permit")];
                engine.report_guard(guard, permit, outcome(step), number(&step["seconds"]))?;
                done(json!({}))
            }
            "retry_next" | "retry_next_after" => {
                let retry = engine.find_retry(text("retry"))?;
                let attempt = Attempt {
                    number: step["attempt"].as_u64().unwrap() as u32,
                    elapsed_ns: step["elapsed_ns"].as_u64().unwrap_or(0),
                    server_retry_after_ns: step["server_retry_after_ns"].as_u64().unwrap_or(0),
                };
                given(engine.next_attempt(retry, attempt)?, "delay_ns")
            }
            "operation_record" => {
                let operation = engine.operation(text("operation"), &Self::options(step))?;
                let code = step["error_code"].as_str();
                let seconds = number(&step["seconds"]);
                engine.record_operation(operation, seconds, outcome(step), code)?;
                done(json!({}))
            }
            "operation_read" => {
                let operation = engine.operation(text("operation"), &Self::options(step))?;
                let seconds = number(&step["window_seconds"]);
                let reading = engine.read_operation(operation, seconds)?;
                let calls = if seconds == 0.0 {
                    reading.lifetime
                } else {
                    reading.window
                };
                done(json!({
                    "count": calls.latency.count,
                    "successes": calls.successes,
                    "failures": calls.failures,
                    "ignored": calls.ignored,
                    "slow": calls.slow,
                    "success_ratio": calls.success_ratio(),
                    "error_rate": calls.error_rate(),
                    "min": calls.latency.min,
                    "max": calls.latency.max,
                }))
            }
            "health" => {
                let probe = match text("probe") {
                    "liveness" => Probe::Liveness,
                    "readiness" => Probe::Readiness,
                    "startup" => Probe::Startup,
                    unknown => panic!("no probe is called {unknown}"),
                };
                let (status, http_status) = engine.health(probe)?;
                let status = format!("{status:?}").to_lowercase();
                done(json!({"status": status, "http_status": http_status}))
            }
            "snapshot_render" => {
                let document: Value =
                    serde_json::from_str(&render(Format::Json, &engine.snapshot())).expect("JSON");
                let asked = step["expect"].as_object().expect("pointers");
                let found = asked.keys().map(|pointer| {
                    let found = document.pointer(pointer).cloned().unwrap_or(Value::Null);
                    (pointer.clone(), found)
                });
                Ok((Verdict::Admitted, found.collect()))
            }
            unknown => panic!("no step is called {unknown}"),
        }
    }

    fn step(&mut self, step: &Value) {
        let wanted = step
            .get("status")
            .map_or("TIDEGATE_OK", |status| status.as_str().unwrap());
        for round in 1..=step
            .get("repeat")
            .map_or(1, |repeat| repeat.as_u64().unwrap())
        {
            let answer = self.call(step);
            assert_eq!(status(&answer), wanted, "{step}, call {round}: {answer:?}");
            if let (Some(part), Err(error)) = (step.get("message"), &answer) {
                let part = part.as_str().unwrap();
                assert!(
                    error.message().contains(part),
                    "{step}: {}",
                    error.message()
                );
            }
            let Ok((_, found)) = answer else { continue };
            if let (Some(name), Some(permit)) = (step["as"].as_str(), found.get("permit")) {
                let permit = permit.as_u64().expect("a permit");
                self.permits.insert(name.to_owned(), permit);
            }
            let within = step.get("within").map_or(0.0, number);
            for (field, wanted) in step["expect"].as_object().into_iter().flatten() {
                assert!(
                    is_near(&found[field], wanted, within),
                    "{step}, call {round}: {field} is {}, not {wanted}",
                    found[field]
                );
            }
        }
    }
}

#[test]
fn every_scenario_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/bindings/conformance");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the scenarios")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let (mut scenarios, mut steps) = (0, 0);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a scenario");
        let list: Value = serde_json::from_str(&text).expect("JSON");
        for scenario in list.as_array().expect("a list") {
            let name = scenario["name"].as_str().expect("a name");
            println!("{}: {name}", file.file_name().unwrap().to_string_lossy());
            let mut run = Run::new(&scenario["config"]);
            for step in scenario["steps"].as_array().expect("steps") {
                run.step(step);
                steps += 1;
            }
            scenarios += 1;
        }
    }
    println!("{scenarios} scenarios, {steps} steps");
    assert!(
        scenarios >= 10 && steps >= 60,
        "{scenarios} scenarios, {steps} steps"
    );
}
