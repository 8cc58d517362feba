//! The same as contention, across processes: a forked child and its parent on one region, each on
//! its CPU. Nanoseconds a call and process.

mod common;

use common::{HALF, LATENCIES};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn main() {
    common::pin(0);
    let engine = common::engine();
    let latencies = common::latencies();
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group(format!("{} processes", common::cpus()));

    let counter = common::counter(&engine, "calls");
    let histogram = common::histogram(&engine, "seconds");
    let half = common::limiter(&engine, "half", common::BUCKET);
    engine.check(half, None, HALF, None).expect("a check");
    let once = common::limiter(&engine, "once", common::ONCE);
    engine.check(once, None, 1, None).expect("a check");
    let word = Shared::new();

    let mut bench = |name: &str, call: &dyn Fn(usize)| {
        // Forked here, so that the child has everything that was opened above.
        let child = Child::fork(call);
        group.bench_function(name, |bench| {
            bench.iter_custom(|calls| child.together(calls, call))
        });
    };
    bench("floor: fetch_add", &|_| {
        black_box(word.words()[0].fetch_add(1, Ordering::Relaxed));
    });
    bench("counter add", &|_| {
        black_box(engine.add(counter, 1).is_ok());
    });
    bench("histogram record", &|at| {
        black_box(engine.record(histogram, latencies[at % LATENCIES]).is_ok());
    });
    bench("token bucket, admitted", &|_| {
        black_box(engine.check(half, None, 1, None).is_ok());
    });
    bench("token bucket, denied", &|_| {
        black_box(engine.check(once, None, 1, None).is_ok());
    });
    group.finish();
    criterion.final_summary();
}

/// Words that this process and its children see.
struct Shared(*mut libc::c_void);

const PAGE: usize = 4096;

impl Shared {
    fn new() -> Self {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping touches nothing that exists.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                PAGE,
                access,
                kind | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(at, libc::MAP_FAILED);
        Shared(at)
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the page is mapped, zero at first, aligned, and unmapped only when this ends.
        unsafe { std::slice::from_raw_parts(self.0.cast(), PAGE / 8) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and nobody has a reference any more.
        unsafe { libc::munmap(self.0, PAGE) };
    }
}

/// How often the parent asked; how many calls it wants; how often the child was done; how long the
/// last time took. Each on a cache line of its own.
const ASKED: usize = 0;
const CALLS: usize = 16;
const DONE: usize = 32;
const TAKEN: usize = 48;

/// A child that makes calls when it is asked to. It is killed when this is dropped.
struct Child {
    pid: libc::pid_t,
    shared: Shared,
}

impl Child {
    fn fork(call: &dyn Fn(usize)) -> Self {
        let shared = Shared::new();
        // SAFETY: this process has one thread, so the child may do whatever its parent may.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "cannot fork");
        if pid == 0 {
            // SAFETY: the child shall not outlive its parent.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            common::pin(common::cpus() - 1);
            serve(shared.words(), call);
        }
        Child { pid, shared }
    }

    /// Makes `calls` calls here and in the child at the same time; the mean of both times.
    fn together(&self, calls: u64, call: &dyn Fn(usize)) -> Duration {
        let words = self.shared.words();
        let turn = words[ASKED].load(Ordering::Relaxed) + 1;
        words[CALLS].store(calls, Ordering::Relaxed);
        words[ASKED].store(turn, Ordering::Release);
        let mine = make(calls, call);
        while words[DONE].load(Ordering::Acquire) != turn {
            std::thread::yield_now();
        }
        (mine + Duration::from_nanos(words[TAKEN].load(Ordering::Relaxed))) / 2
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the child is ours, and nobody else waits for it.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

fn serve(words: &[AtomicU64], call: &dyn Fn(usize)) -> ! {
    let mut done = 0;
    loop {
        while words[ASKED].load(Ordering::Acquire) == done {
            std::thread::yield_now();
        }
        done += 1;
        let taken = make(words[CALLS].load(Ordering::Relaxed), call);
        words[TAKEN].store(taken.as_nanos() as u64, Ordering::Relaxed);
        words[DONE].store(done, Ordering::Release);
    }
}

fn make(calls: u64, call: &dyn Fn(usize)) -> Duration {
    let begun = Instant::now();
    (0..calls as usize).for_each(call);
    begun.elapsed()
}
