//! The method: every contender of a group takes its turn in each round, so that all of them see
//! the same machine; at least 11 rounds, at least 50 ms a turn, one thread a CPU.

use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub turn: Duration,
}

impl Effort {
    pub const FULL: Effort = Effort {
        rounds: 11,
        turn: Duration::from_millis(50),
    };
    /// Shows that everything runs. Its numbers mean nothing.
    pub const SMOKE: Effort = Effort {
        rounds: 3,
        turn: Duration::from_millis(2),
    };
}

/// One thing to measure.
struct Contender<'a> {
    name: String,
    /// What tidegate must cost with one thread and with two.
    target: Option<(f64, f64)>,
    threads: usize,
    run: Box<dyn Fn(Range<usize>) + Sync + 'a>,
    /// Nanoseconds a call, by number of threads.
    seen: [Vec<f64>; 2],
}

/// Contenders for the same job.
pub struct Group<'a> {
    title: &'a str,
    contenders: Vec<Contender<'a>>,
    /// Calls of one turn, of all threads together, where it is not for the clock to say.
    calls: Option<usize>,
    /// How long a round takes at least.
    round: Duration,
}

impl<'a> Group<'a> {
    pub fn new(title: &'a str) -> Self {
        Group {
            title,
            contenders: Vec::new(),
            calls: None,
            round: Duration::ZERO,
        }
    }

    /// Makes a turn have this many calls, all threads together, and a round last this long.
    pub fn in_rounds(mut self, calls: usize, round: Duration) -> Self {
        (self.calls, self.round) = (Some(calls), round);
        self
    }

    /// Something that any number of threads can do; `call` gets a running number.
    pub fn add<R>(&mut self, name: &str, call: impl Fn(usize) -> R + Sync + 'a) {
        self.push(name, None, 2, move |turn| {
            turn.for_each(|at| {
                black_box(call(at));
            });
        });
    }

    /// tidegate, with what it must cost.
    pub fn add_ours<R>(
        &mut self,
        name: &str,
        target: (f64, f64),
        call: impl Fn(usize) -> R + Sync + 'a,
    ) {
        self.push(name, Some(target), 2, move |turn| {
            turn.for_each(|at| {
                black_box(call(at));
            });
        });
    }

    /// Something for one thread only, which does a whole turn at once.
    pub fn add_alone(&mut self, name: &str, turn: impl Fn(Range<usize>) + Sync + 'a) {
        self.push(name, None, 1, turn);
    }

    fn push(
        &mut self,
        name: &str,
        target: Option<(f64, f64)>,
        threads: usize,
        run: impl Fn(Range<usize>) + Sync + 'a,
    ) {
        self.contenders.push(Contender {
            name: name.to_owned(),
            target,
            threads,
            run: Box::new(run),
            seen: [Vec::new(), Vec::new()],
        });
    }

    /// Measures all, and prints the table. The first contender is the floor.
    pub fn run(mut self, effort: Effort) {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for threads in 1..=processors.min(2) {
            let mut calls: Vec<usize> = vec![self.calls.unwrap_or(0); self.contenders.len()];
            for round in 0..effort.rounds {
                let begun = Instant::now();
                for (contender, calls) in self.contenders.iter_mut().zip(&mut calls) {
                    if contender.threads < threads {
                        continue;
                    }
                    if *calls == 0 {
                        *calls = calibrate(contender, threads, effort.turn);
                    }
                    let each = match self.calls {
                        Some(all) => all / threads,
                        None => *calls,
                    };
                    let nanoseconds = turn(contender, threads, each, round * each * threads);
                    contender.seen[threads - 1].push(nanoseconds);
                }
                if effort.turn >= Effort::FULL.turn {
                    thread::sleep(self.round.saturating_sub(begun.elapsed()));
                }
            }
        }
        self.print();
    }

    fn print(&mut self) {
        let unit = "1T min    med  /floor     2T min    med  /floor   must, 1T / 2T";
        println!("\n{}\n{:64}{unit}", self.title, "");
        let mut floors = [f64::NAN; 2];
        for (place, contender) in self.contenders.iter_mut().enumerate() {
            let mut line = format!("  {:58}", contender.name);
            for (threads, seen) in contender.seen.iter_mut().enumerate() {
                if seen.is_empty() {
                    line += &format!("{:>10} {:>6} {:>7}", "-", "-", "-");
                    continue;
                }
                seen.sort_by(f64::total_cmp);
                let (least, median) = (seen[0], seen[seen.len() / 2]);
                if place == 0 {
                    floors[threads] = median;
                }
                let ratio = median / floors[threads];
                line += &format!("{least:10.1} {median:6.1} {ratio:7.2}");
            }
            if let Some((one, two)) = contender.target.filter(|target| target.0 > 0.0) {
                line += &format!("   {one:>6} / {two}");
            }
            println!("{}", line.trim_end());
        }
    }
}

/// Calls a thread for a turn of at least `length`.
fn calibrate(contender: &Contender<'_>, threads: usize, length: Duration) -> usize {
    let wanted = length.as_nanos() as f64 * 1.2;
    let mut calls = 1024;
    loop {
        let taken = turn(contender, threads, calls, 0) * calls as f64;
        if taken >= wanted / 4.0 {
            return (calls as f64 * (wanted / taken).max(1.0)) as usize;
        }
        calls *= 4;
    }
}

/// One turn: nanoseconds a call and thread. Thread `t` makes the calls numbered from
/// `first + t * each`.
fn turn(contender: &Contender<'_>, threads: usize, each: usize, first: usize) -> f64 {
    let ready = AtomicUsize::new(0);
    let taken: Vec<f64> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|index| {
                let (run, ready) = (&contender.run, &ready);
                scope.spawn(move || {
                    pin(index);
                    ready.fetch_add(1, Ordering::AcqRel);
                    while ready.load(Ordering::Acquire) < threads {
                        thread::yield_now();
                    }
                    let first = first + index * each;
                    let begun = Instant::now();
                    run(first..first + each);
                    begun.elapsed().as_nanos() as f64 / each as f64
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a contender panicked"))
            .collect()
    });
    taken.iter().sum::<f64>() / taken.len() as f64
}

/// Keeps the calling thread on one CPU.
pub fn pin(cpu: usize) {
    // SAFETY: an all-zero set is an empty one, and the call only reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}
