//! Every order in which two callers can take the steps that change a breaker.

use super::machine::State;
use super::policy::BreakerPolicy;
use super::probes::{Answer, Back, Probes};
use super::view::View;
use super::*;
use crate::base::outcome::Outcome;
use crate::cell::shard::Numbers;
use crate::region::handle;
use crate::region::layout::Limits;
use crate::region::raw::Mapping;
use ::loom::thread;
use std::sync::Arc;

fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 100_000;
    builder.check(model);
}

struct Memory {
    region: Region,
    planes: Planes,
    id: u64,
}

impl Memory {
    /// A region with one breaker.
    fn with(config: &str) -> Arc<Self> {
        let limits = Limits {
            total_words: 1024,
            max_series: 1,
            max_series_per_name: 1,
            max_limiters: 0,
            max_guards: 1,
            max_operations: 0,
            max_events: 0,
            max_workers: 1,
            max_shards: 0,
            stripes: 0,
            slot_ns: 1_000_000_000,
            manual_clock: 1,
        };
        let region = Region::heap(limits).expect("a region");
        let planes = Planes::of(&region);
        let value = serde_json::from_str(config).expect("JSON");
        let policy = BreakerPolicy::parse("it", &value).expect("a policy");
        let entry = Entry::at(&region, 0).expect("an entry");
        registry::make(&region, &planes, entry, &policy).expect("room");
        let id = handle::pack(IdKind::Breaker, region.header().nonce(), 1, 0);
        entry.set(0, id);
        Arc::new(Memory { region, planes, id })
    }

    fn acquire(&self) -> Option<u64> {
        acquire(&self.region, &self.planes, self.id).expect("an answer")
    }

    fn report(&self, permit: u64, outcome: Outcome) -> Result<()> {
        report(&self.region, &self.planes, self.id, permit, outcome, 0.0)
    }

    fn breaker(&self) -> Breaker<'_> {
        Breaker::resolve(&self.region, &self.planes, self.id).expect("a breaker")
    }

    fn state(&self) -> State {
        self.breaker().state()
    }

    fn put(&self, phase: Phase) {
        put(&self.region, &self.planes, self.id, phase).expect("put");
    }

    /// So many successes through calls, one after the other.
    fn succeed(&self, count: usize) {
        for _ in 0..count {
            let permit = self.acquire().expect("closed");
            self.report(permit, Outcome::Success).expect("taken");
        }
    }

    fn view(&self) -> View {
        view::open(&self.region, &self.planes, self.id, 0, Numbers::Integers).expect("a view")
    }

    /// The state in which a call passes, as the owner of `view` sees it.
    fn passes(&self, view: &View) -> Option<u64> {
        let words = self.region.words();
        let first = self.breaker().first();
        (first == words.load(view.pass) && words.load(view.failing) << 32 == 0).then_some(first)
    }

    /// A success that passed in this state comes back.
    fn came_back(&self, view: &View, passed: u64) {
        if self.passes(view) == Some(passed) {
            let at = view.successes + (passed >> 16) as usize % view::GENERATIONS;
            let words = self.region.words();
            words.store(at, words.load(at) + 1);
        } else {
            self.fail_or_not(passed, Outcome::Success);
        }
    }

    fn fail_or_not(&self, passed: u64, outcome: Outcome) {
        view::report(&self.region, &self.planes, self.id, passed, outcome, 0.0).expect("taken");
    }

    fn tick(&self) {
        view::tick(&self.region, &self.planes, self.id);
    }

    /// Calls and failures of the window.
    fn window(&self) -> (u64, u64) {
        let reading = registry::read(&self.region, &self.planes, self.id).expect("a reading");
        (reading.calls, reading.failures)
    }
}

fn both<T: Send + 'static>(
    memory: &Arc<Memory>,
    act: impl Fn(&Memory) -> T + Send + Sync + Clone + 'static,
) -> [T; 2] {
    let other = {
        let (memory, act) = (Arc::clone(memory), act.clone());
        thread::spawn(move || act(&memory))
    };
    let mine = act(memory);
    [mine, other.join().expect("done")]
}

/// Each sees its own failure and perhaps the other's; one of them sees both and opens.
#[test]
fn two_failures_that_make_up_the_minimum_open_it_once() {
    for window in ["{\"seconds\": 10}", "{\"calls\": 2}"] {
        let config = format!(r#"{{"minimum_calls": 2, "window": {window}, "half_open_calls": 1}}"#);
        explore(2, move || {
            let memory = Memory::with(&config);
            both(&memory, |memory| {
                let permit = memory.acquire().expect("closed");
                memory.report(permit, Outcome::Failure).expect("taken");
            });
            let state = memory.state();
            assert_eq!((state.phase, state.generation), (Phase::Open, 2));
        });
    }
}

/// A success and a failure: whoever comes last makes up the minimum.
#[test]
fn a_success_that_makes_up_the_minimum_opens_it() {
    explore(2, || {
        let memory = Memory::with(r#"{"minimum_calls": 2, "half_open_calls": 1}"#);
        let other = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                if let Some(permit) = memory.acquire() {
                    memory.report(permit, Outcome::Success).expect("taken");
                }
            })
        };
        if let Some(permit) = memory.acquire() {
            memory.report(permit, Outcome::Failure).expect("taken");
        }
        other.join().expect("done");
        assert_eq!(memory.state().phase, Phase::Open);
    });
}

/// The open time is over, and two ask at once: the breaker has one probe.
#[test]
fn one_probe_goes_to_one_caller() {
    explore(3, || {
        let memory = Memory::with(r#"{"half_open_calls": 1, "open_seconds": 0.000001}"#);
        memory.put(Phase::Open);
        memory.region.clock().advance(1000);
        let found = both(&memory, Memory::acquire);
        assert_eq!(found.iter().flatten().count(), 1);
        assert_eq!(memory.state().generation, 3);
    });
}

/// A probe comes back twice at once: it counts once, and the breaker closes once.
#[test]
fn a_probe_counts_once() {
    explore(3, || {
        let memory = Memory::with(r#"{"half_open_calls": 1}"#);
        memory.put(Phase::HalfOpen);
        let permit = memory.acquire().expect("a probe");
        let found = both(&memory, move |memory| {
            memory.report(permit, Outcome::Success).is_ok()
        });
        assert!(found[0] != found[1], "{found:?}");
        let state = memory.state();
        assert_eq!((state.phase, state.generation), (Phase::Closed, 3));
    });
}

/// The holder of the only lease is dead; two look after it and want it.
#[test]
fn a_lease_of_the_dead_goes_to_one() {
    explore(3, || {
        let mapping = Arc::new(Mapping::heap(probes::LEASE_WORDS));
        let leases = |mapping: &Mapping| Probes {
            words: mapping.words(),
            at: 0,
            count: 1,
        };
        leases(&mapping).take(4, 13, 0, 1000).expect("free");
        let take = move |mapping: &Mapping, me: u64| {
            let leases = leases(mapping);
            leases.look_after(4, 500, 1000, |holder, _| holder == 13);
            leases.take(4, me, 500, 1000)
        };
        let other = {
            let mapping = Arc::clone(&mapping);
            thread::spawn(move || take(&mapping, 2))
        };
        let mine = take(&mapping, 1);
        let other = other.join().expect("done");
        assert!(mine.is_some() != other.is_some(), "{mine:?} {other:?}");
    });
}

/// A probe is given up as it comes back: it is one or the other.
#[test]
fn a_probe_is_late_or_in_time() {
    explore(3, || {
        let mapping = Arc::new(Mapping::heap(probes::LEASE_WORDS));
        let leases = |mapping: &Mapping| Probes {
            words: mapping.words(),
            at: 0,
            count: 1,
        };
        let (lease, turn) = leases(&mapping).take(4, 1, 0, 1000).expect("free");
        let other = {
            let mapping = Arc::clone(&mapping);
            thread::spawn(move || leases(&mapping).look_after(4, 5000, 1000, |_, _| false))
        };
        let answer = leases(&mapping).give_back(lease, 4, 0, |whole| whole == turn, Back::Good);
        let ended = other.join().expect("done");
        let counts = leases(&mapping).tally(4);
        match answer {
            Answer::Counted => assert_eq!((counts.good, ended.late), (1, 0)),
            Answer::Late => assert_eq!((counts.bad, ended.late), (1, 1)),
            other => panic!("{other:?}"),
        }
    });
}

/// A failure is judged with every success that was added before it, and none is counted twice.
#[test]
fn a_success_by_a_view_is_in_the_window_or_late() {
    explore(2, || {
        let memory = Memory::with(r#"{"minimum_calls": 2, "half_open_calls": 1}"#);
        let view = memory.view();
        memory.succeed(2);
        let passed = memory.passes(&view).expect("enough calls");
        let other = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || memory.came_back(&view, passed))
        };
        memory.fail_or_not(passed, Outcome::Failure);
        memory.fail_or_not(passed, Outcome::Failure);
        other.join().expect("done");
        match memory.state().phase {
            Phase::Closed => assert_eq!(memory.window(), (5, 2)),
            phase => {
                assert_eq!(phase, Phase::Open);
                let words = memory.region.words();
                assert_eq!(words.load(memory.breaker().trip_at() + 1), 4, "tripped by");
            }
        }
    });
}

/// A success belongs to the state in which its call passed, whenever it is added.
#[test]
fn a_success_by_a_view_never_counts_in_a_later_state() {
    explore(2, || {
        let memory = Memory::with(r#"{"minimum_calls": 1, "half_open_calls": 1}"#);
        let view = memory.view();
        memory.succeed(1);
        let other = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                let passed = memory.passes(&view);
                if let Some(passed) = passed {
                    memory.came_back(&view, passed);
                }
                passed
            })
        };
        memory.put(Phase::Closed);
        memory.succeed(1);
        let passed = other.join().expect("done");
        let is_present = passed.is_some_and(|passed| machine::generation_of(passed) == 2);
        assert_eq!(memory.window(), (1 + u64::from(is_present), 0));
    });
}

/// Two look as a slot begins, while a success is added: it is in the window once.
#[test]
fn a_success_by_a_view_is_in_one_slot() {
    explore(2, || {
        let memory = Memory::with(r#"{"minimum_calls": 1, "window": {"seconds": 10}}"#);
        let view = memory.view();
        memory.succeed(1);
        let passed = memory.passes(&view).expect("enough calls");
        let other = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                memory.came_back(&view, passed);
                memory.tick();
            })
        };
        memory.region.clock().advance(1_000_000_000);
        memory.tick();
        other.join().expect("done");
        assert_eq!(memory.window(), (2, 0));
        // A tick that began in the slot before has seen nothing of this one.
        memory.tick();
        memory.region.clock().advance(8_000_000_000);
        memory.tick();
        assert_eq!(memory.window(), (2, 0));
        memory.region.clock().advance(2_000_000_000);
        memory.tick();
        assert_eq!(memory.window(), (0, 0));
    });
}

/// A view is taken while the breaker changes: what passes by it counts.
#[test]
fn a_view_taken_during_a_change_counts() {
    explore(2, || {
        let memory = Memory::with(r#"{"minimum_calls": 1, "half_open_calls": 1}"#);
        let other = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                memory.put(Phase::Closed);
                memory.succeed(1);
            })
        };
        let view = memory.view();
        let passed = memory.passes(&view);
        if let Some(passed) = passed {
            memory.came_back(&view, passed);
        }
        other.join().expect("done");
        assert_eq!(memory.window(), (1 + u64::from(passed.is_some()), 0));
    });
}
