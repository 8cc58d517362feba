//! Circuit breakers against a slow model that keeps every call and every permit, on the manual clock:
//! random histories, and every short one.

use proptest::prelude::*;
use tidegate::base::error::Kind;
use tidegate::base::outcome::Outcome;
use tidegate::engine::{Breaker, Engine, Numbers};
use tidegate::guard::breaker::view::View;
use tidegate::guard::{BreakerPhase as Phase, BreakerReason as Reason};

const SECOND: u64 = 1_000_000_000;

/// A rate as a fraction, and what a breaker is told.
type Rate = (u64, u64);

#[derive(Clone, Copy, Debug)]
enum Window {
    Seconds(u64),
    Calls(u64),
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    failure: Option<Rate>,
    /// Calls of more than a second are slow.
    slow: Option<Rate>,
    in_a_row: Option<u64>,
    minimum: u64,
    window: Window,
    open_seconds: u64,
    growth: u64,
    open_max_seconds: u64,
    probes: u64,
    successes: u64,
    timeout_seconds: u64,
    shadow: bool,
}

impl Rules {
    fn to_json(self) -> String {
        let mut fields = vec![
            format!("\"minimum_calls\":{}", self.minimum),
            match self.window {
                Window::Seconds(seconds) => format!("\"window\":{{\"seconds\":{seconds}}}"),
                Window::Calls(calls) => format!("\"window\":{{\"calls\":{calls}}}"),
            },
            format!("\"open_seconds\":{}", self.open_seconds),
            format!("\"open_growth\":{}", self.growth),
            format!("\"open_max_seconds\":{}", self.open_max_seconds),
            format!("\"half_open_calls\":{}", self.probes),
            format!("\"half_open_successes\":{}", self.successes),
            format!("\"permit_timeout_seconds\":{}", self.timeout_seconds),
            format!("\"shadow\":{}", self.shadow),
        ];
        let rate = |(part, whole)| part as f64 / whole as f64;
        if let Some(failure) = self.failure {
            fields.push(format!("\"failure_rate\":{}", rate(failure)));
        }
        if let Some(slow) = self.slow {
            fields.push(format!(
                "\"slow_call_seconds\":1,\"slow_call_rate\":{}",
                rate(slow)
            ));
        }
        if let Some(count) = self.in_a_row {
            fields.push(format!("\"consecutive_failures\":{count}"));
        }
        format!("{{{}}}", fields.join(","))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Probe {
    Out { until: u64 },
    Good,
    Bad,
}

#[derive(Clone, Copy, Debug)]
enum Given {
    Call,
    Probe(usize),
}

/// A breaker that remembers everything.
struct Model {
    rules: Rules,
    now: u64,
    phase: Phase,
    generation: u64,
    until: u64,
    closed_at: Option<u64>,
    opens: u32,
    reason: Reason,
    /// Calls of this generation: when, failed, slow.
    calls: Vec<(u64, bool, bool)>,
    in_a_row: u64,
    probes: Vec<Probe>,
    /// Every permit: generation, what for, whether it is back.
    permits: Vec<(u64, Given, bool)>,
    denied: u64,
    late: u64,
}

impl Model {
    fn new(rules: Rules) -> Self {
        Model {
            rules,
            now: 0,
            phase: Phase::Closed,
            generation: 1,
            until: 0,
            closed_at: None,
            opens: 0,
            reason: Reason::None,
            calls: Vec::new(),
            in_a_row: 0,
            probes: Vec::new(),
            permits: Vec::new(),
            denied: 0,
            late: 0,
        }
    }

    fn change(&mut self, phase: Phase, reason: Reason) {
        self.phase = phase;
        self.reason = reason;
        self.generation += 1;
        self.calls.clear();
        self.probes.clear();
        self.in_a_row = 0;
    }

    fn open_for(&self, opens: u32) -> u64 {
        let mut seconds = self.rules.open_seconds;
        for _ in 0..opens {
            seconds = (seconds * self.rules.growth)
                .min(self.rules.open_max_seconds)
                .max(self.rules.open_seconds);
        }
        seconds * SECOND
    }

    fn open(&mut self, reason: Reason) {
        if let (Phase::Closed, Some(since)) = (self.phase, self.closed_at) {
            let mut rest = self.now - since;
            while self.opens > 0 && rest >= self.open_for(self.opens - 1) {
                rest -= self.open_for(self.opens - 1);
                self.opens -= 1;
            }
        }
        self.until = self.now + self.open_for(self.opens);
        self.opens += 1;
        self.change(Phase::Open, reason);
    }

    fn put(&mut self, phase: Phase) {
        match phase {
            Phase::Open => self.open(Reason::Forced),
            Phase::Closed => {
                self.opens = 0;
                self.closed_at = None;
                self.change(phase, Reason::None);
            }
            _ => self.change(phase, Reason::Forced),
        }
    }

    fn window(&self) -> (u64, u64, u64) {
        let inside: Vec<_> = match self.rules.window {
            Window::Seconds(seconds) => {
                let slot = seconds * SECOND / 10;
                let all = self.calls.iter();
                all.filter(|call| call.0 / slot + 10 > self.now / slot)
                    .collect()
            }
            Window::Calls(size) => self.calls.iter().rev().take(size as usize).collect(),
        };
        (
            inside.len() as u64,
            inside.iter().filter(|call| call.1).count() as u64,
            inside.iter().filter(|call| call.2).count() as u64,
        )
    }

    /// Gives up probes that are not back in time, and acts on what became of all.
    fn settle(&mut self) {
        if self.phase != Phase::HalfOpen {
            return;
        }
        for probe in &mut self.probes {
            if matches!(*probe, Probe::Out { until } if until <= self.now) {
                *probe = Probe::Bad;
            }
        }
        let good = self.probes.iter().filter(|p| **p == Probe::Good).count() as u64;
        let bad = self.probes.iter().filter(|p| **p == Probe::Bad).count() as u64;
        if good >= self.rules.successes {
            self.change(Phase::Closed, Reason::None);
            self.closed_at = Some(self.now);
        } else if self.rules.probes - bad < self.rules.successes {
            self.open(Reason::Probes);
        }
    }

    fn give(&mut self, what: Given) -> bool {
        self.permits.push((self.generation, what, false));
        true
    }

    /// True when the call may go on.
    fn acquire(&mut self) -> bool {
        if self.phase == Phase::Open && self.now >= self.until {
            self.change(Phase::HalfOpen, self.reason);
        }
        self.settle();
        match self.phase {
            Phase::Open | Phase::ForcedOpen => {}
            Phase::HalfOpen if (self.probes.len() as u64) < self.rules.probes => {
                let until = self.now + self.rules.timeout_seconds * SECOND;
                self.probes.push(Probe::Out { until });
                return self.give(Given::Probe(self.probes.len() - 1));
            }
            Phase::HalfOpen => {}
            _ => return self.give(Given::Call),
        }
        self.denied += 1;
        self.rules.shadow && self.give(Given::Call)
    }

    /// False when the permit was already back.
    fn report(&mut self, number: usize, outcome: Outcome, slow: bool) -> bool {
        let (generation, what, back) = self.permits[number];
        if matches!(what, Given::Probe(_)) {
            self.settle();
        }
        if std::mem::replace(&mut self.permits[number].2, true) || back {
            return false;
        }
        let failed = outcome == Outcome::Failure;
        let slow = slow && self.rules.slow.is_some();
        let is_present = generation == self.generation;
        match what {
            Given::Probe(probe) => {
                if !is_present || self.probes[probe] == Probe::Bad {
                    self.late += 1;
                    return true;
                }
                if outcome == Outcome::Ignored {
                    // Another may go: as if this one had never been. Others keep their places.
                    self.probes.remove(probe);
                    for permit in &mut self.permits {
                        if let (of, Given::Probe(place), _) = permit
                            && *of == generation
                            && *place > probe
                        {
                            *place -= 1;
                        }
                    }
                    return true;
                }
                self.probes[probe] = if failed || slow {
                    Probe::Bad
                } else {
                    Probe::Good
                };
                self.settle();
            }
            Given::Call => {
                if outcome == Outcome::Ignored {
                    return true;
                }
                if !is_present {
                    self.late += 1;
                    return true;
                }
                if !self.phase.is_recording() {
                    return true;
                }
                self.calls.push((self.now, failed, slow));
                self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
                self.judge();
            }
        }
        true
    }

    fn judge(&mut self) {
        let (calls, failures, slow) = self.window();
        let reaches =
            |rate: Option<Rate>, part| rate.is_some_and(|(p, whole)| part * whole >= p * calls);
        if self.phase != Phase::Closed {
        } else if self
            .rules
            .in_a_row
            .is_some_and(|most| self.in_a_row >= most)
        {
            self.open(Reason::ConsecutiveFailures);
        } else if calls < self.rules.minimum {
        } else if reaches(self.rules.failure, failures) {
            self.open(Reason::FailureRate);
        } else if reaches(self.rules.slow, slow) {
            self.open(Reason::SlowCallRate);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    /// Reports a permit: counted back from the latest.
    Report(usize, Outcome, bool),
    Call(Outcome, bool),
    Advance(u64),
    Look,
    Put(Phase),
}

/// What an admitted call holds.
#[derive(Clone, Copy, Debug)]
enum Held {
    Permit(u64),
    /// It passed by a view, in this state.
    Passed(u64),
}

/// The engine beside the model.
struct Both {
    engine: Engine,
    breaker: Breaker,
    model: Model,
    permits: Vec<Held>,
    /// Calls go by these in turn, and through the library; empty: only through the library.
    views: Vec<(View, Numbers)>,
    calls: usize,
    passed: u64,
}

impl Both {
    fn with_views(rules: Rules) -> Self {
        let mut both = Both::new(rules);
        for numbers in [Numbers::Integers, Numbers::Doubles] {
            // Only a free shard can be taken by a thread that has one.
            let shard = both.engine.open_shard(numbers).expect("a shard");
            let view = both.engine.shard_breaker(shard, both.breaker);
            both.views.push((view.expect("a view"), numbers));
        }
        both
    }

    fn load(&self, at: usize) -> u64 {
        self.engine.region().words().load(at)
    }

    /// The state in which calls pass now.
    fn open_state(&self, view: &View) -> Option<u64> {
        let state = self.load(view.state);
        (state == self.load(view.pass) && self.load(view.failing) << 32 == 0).then_some(state)
    }

    /// The view whose turn it is; none now and then.
    fn view(&mut self) -> Option<(View, Numbers)> {
        self.calls += 1;
        self.views.get(self.calls % (self.views.len() + 1)).copied()
    }

    fn count(&self, view: &View, numbers: Numbers, passed: u64) {
        let at = view.successes + (passed >> 16) as usize % 4;
        let old = self.load(at);
        let new = match numbers {
            Numbers::Integers => old + 1,
            Numbers::Doubles => (f64::from_bits(old) + 1.0).to_bits(),
        };
        self.engine.region().words().store(at, new);
    }

    fn new(rules: Rules) -> Self {
        let engine = Engine::open(
            r#"{"clock":"manual","region":{"size_bytes":4194304},"metrics":{"max_series":16}}"#,
        )
        .expect("an engine");
        let breaker = engine
            .open_breaker_from("it", &rules.to_json())
            .unwrap_or_else(|error| panic!("{error}: {}", rules.to_json()));
        Both {
            engine,
            breaker,
            model: Model::new(rules),
            permits: Vec::new(),
            views: Vec::new(),
            calls: 0,
            passed: 0,
        }
    }

    fn acquire(&mut self) -> bool {
        let view = self.view();
        let held = match view.and_then(|(view, _)| self.open_state(&view)) {
            Some(state) => {
                self.passed += 1;
                Some(Held::Passed(state))
            }
            None => {
                let found = self.engine.acquire(self.breaker).expect("an answer");
                found.map(Held::Permit)
            }
        };
        assert_eq!(held.is_some(), self.model.acquire(), "admitted");
        self.permits.extend(held);
        held.is_some()
    }

    /// What passed has come back, for the first time.
    fn report_passed(&mut self, passed: u64, outcome: Outcome, slow: bool, seconds: f64) {
        if let Some((view, numbers)) = self.view()
            && outcome == Outcome::Success
            && !(slow && view.slow_ns != 0)
            && self.open_state(&view) == Some(passed)
        {
            self.count(&view, numbers, passed);
        } else {
            let (engine, breaker) = (&self.engine, self.breaker);
            let taken = engine.report_passed(breaker, passed, outcome, seconds);
            taken.expect("a report that is taken");
        }
    }

    fn report(&mut self, number: usize, outcome: Outcome, slow: bool) {
        let seconds = if slow { 1.5 } else { 1.0 };
        let permit = match self.permits[number] {
            Held::Permit(permit) => permit,
            Held::Passed(passed) => {
                if self.model.report(number, outcome, slow) {
                    self.report_passed(passed, outcome, slow, seconds);
                }
                return;
            }
        };
        let found = self.engine.report(self.breaker, permit, outcome, seconds);
        match self.model.report(number, outcome, slow) {
            true => found.expect("a report that is taken"),
            // Once its lease was given out again, a probe's second report may pass as a late one.
            false if found.is_ok() => {
                let (generation, what, _) = self.model.permits[number];
                assert!(matches!(what, Given::Probe(_)), "a second report");
                assert!(generation < self.model.generation, "of a present probe");
                self.model.late += 1;
            }
            false => assert_eq!(found.expect_err("a second report").kind(), Kind::State),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Acquire => {
                self.acquire();
            }
            Step::Report(back, outcome, slow) => {
                // No further back than a CPU remembers.
                if let Some(number) = self.permits.len().checked_sub(1 + back % 20) {
                    self.report(number, outcome, slow);
                }
            }
            Step::Call(outcome, slow) => {
                if self.acquire() {
                    self.report(self.permits.len() - 1, outcome, slow);
                }
            }
            Step::Advance(by_ns) => {
                // Whoever counts by a view ticks: so its calls are in the slot they belong to.
                self.engine.tick().expect("a tick");
                self.engine.advance_clock(by_ns).expect("a manual clock");
                self.model.now += by_ns;
                self.engine.tick().expect("a tick");
            }
            Step::Look => self.model.settle(),
            Step::Put(phase) => {
                self.engine.set_breaker(self.breaker, phase).expect("put");
                self.model.put(phase);
            }
        }
        if matches!(step, Step::Look) {
            self.compare();
        }
    }

    fn compare(&self) {
        let (found, model) = (
            self.engine.read_breaker(self.breaker).expect("a reading"),
            &self.model,
        );
        assert_eq!(found.phase, model.phase);
        assert_eq!(found.generation, model.generation);
        let window = (found.calls, found.failures, found.slow_calls);
        if model.phase.is_recording() {
            assert_eq!(window, model.window(), "the window");
        } else {
            assert_eq!(window, (0, 0, 0));
        }
        let wait = match model.phase {
            Phase::Open => model.until.saturating_sub(model.now),
            _ => 0,
        };
        assert_eq!(found.retry_after_ns, wait, "the wait");
        if matches!(model.phase, Phase::Open | Phase::Closed) {
            assert_eq!(found.reason, model.reason);
        }
        let out = model.probes.iter();
        let out = out
            .filter(|probe| matches!(probe, Probe::Out { .. }))
            .count();
        assert_eq!(found.permits_out, out as u64);
        let totals = found.totals;
        assert_eq!(totals.not_permitted + totals.shadowed, model.denied);
        assert_eq!(totals.late, model.late);
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        Just((1, 2)),
        Just((3, 10)),
        Just((7, 100)),
        Just((29, 100)),
        Just((1, 1)),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let window = prop_oneof![
        (1u64..20).prop_map(Window::Seconds),
        (1u64..30).prop_map(Window::Calls),
    ];
    let rates = (rate(), proptest::option::of(rate()), 0u64..4);
    let times = (1u64..6, 1u64..4, 0u64..20, 1u64..9);
    (
        window,
        rates,
        1u64..12,
        times,
        (1u64..6, 1u64..6),
        any::<bool>(),
    )
        .prop_map(
            |(
                window,
                (failure, slow, in_a_row),
                minimum,
                (open, growth, more, timeout),
                probes,
                shadow,
            )| {
                let most = match window {
                    Window::Seconds(_) => minimum,
                    Window::Calls(calls) => minimum.min(calls),
                };
                Rules {
                    failure: Some(failure),
                    slow,
                    in_a_row: (in_a_row > 1).then_some(in_a_row),
                    minimum: most,
                    window,
                    open_seconds: open,
                    growth,
                    open_max_seconds: open + more,
                    probes: probes.0,
                    successes: probes.1.min(probes.0),
                    timeout_seconds: timeout,
                    shadow: shadow && minimum % 4 == 0,
                }
            },
        )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Success),
        4 => Just(Outcome::Failure),
        1 => Just(Outcome::Ignored),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let slow = || proptest::bool::weighted(0.2);
    let phase = prop_oneof![
        Just(Phase::Closed),
        Just(Phase::Open),
        Just(Phase::HalfOpen),
        Just(Phase::ForcedOpen),
        Just(Phase::Disabled),
        Just(Phase::ForcedClosed),
        Just(Phase::MetricsOnly),
    ];
    prop_oneof![
        30 => (outcome(), slow()).prop_map(|(outcome, slow)| Step::Call(outcome, slow)),
        10 => Just(Step::Acquire),
        10 => (0usize..20, outcome(), slow())
            .prop_map(|(back, outcome, slow)| Step::Report(back, outcome, slow)),
        // Whole microseconds: what a probe's deadline is told in.
        8 => (0u64..3_000_000).prop_map(|us| Step::Advance(us * 1000)),
        4 => (1u64..6).prop_map(|seconds| Step::Advance(seconds * SECOND)),
        15 => Just(Step::Look),
        1 => phase.prop_map(Step::Put),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_breaker_does_as_the_model_does(
        rules in rules(),
        steps in proptest::collection::vec(step(), 1..250),
    ) {
        let mut both = Both::new(rules);
        for step in steps {
            both.step(step);
        }
        both.step(Step::Look);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn calls_that_pass_by_a_view_are_as_all_others(
        rules in rules(),
        steps in proptest::collection::vec(step(), 1..250),
    ) {
        let mut both = Both::with_views(rules);
        for step in steps {
            both.step(step);
        }
        both.step(Step::Look);
    }
}

/// So that the models above do not agree about nothing.
#[test]
fn most_calls_of_a_healthy_callee_pass_by_the_view() {
    let mut both = Both::with_views(RULES);
    for number in 0..300 {
        let failed = number % 10 == 9;
        let outcome = if failed {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        both.step(Step::Call(outcome, false));
        both.step(Step::Advance(SECOND / 100));
    }
    both.step(Step::Look);
    assert!(both.passed > 100, "{} of 300", both.passed);
}

const RULES: Rules = Rules {
    failure: Some((1, 2)),
    slow: Some((1, 1)),
    in_a_row: None,
    minimum: 2,
    window: Window::Seconds(2),
    open_seconds: 1,
    growth: 2,
    open_max_seconds: 2,
    probes: 2,
    successes: 1,
    timeout_seconds: 2,
    shadow: false,
};

/// Every history of a few steps, from closed and from half-open.
#[test]
fn every_short_history_agrees_with_the_model() {
    let both = Both::new(RULES);
    every_short_history(both);
}

#[test]
fn every_short_history_with_views_agrees_with_the_model() {
    let both = Both::with_views(RULES);
    every_short_history(both);
}

fn every_short_history(mut both: Both) {
    const STEPS: [Step; 7] = [
        Step::Acquire,
        Step::Report(0, Outcome::Success, false),
        Step::Report(0, Outcome::Failure, false),
        Step::Report(1, Outcome::Success, true),
        Step::Report(1, Outcome::Ignored, false),
        Step::Call(Outcome::Failure, false),
        Step::Advance(SECOND),
    ];
    const LENGTH: u32 = 6;
    for history in 0..STEPS.len().pow(LENGTH) * 2 {
        let begin = [Phase::Closed, Phase::HalfOpen][history % 2];
        both.step(Step::Put(Phase::Closed));
        if begin != Phase::Closed {
            both.step(Step::Put(begin));
        }
        // Reports reach no further back than this history.
        both.permits.clear();
        both.model.permits.clear();
        let mut rest = history / 2;
        for _ in 0..LENGTH {
            both.step(STEPS[rest % STEPS.len()]);
            rest /= STEPS.len();
        }
        both.step(Step::Look);
    }
}
