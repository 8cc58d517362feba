//! tidegate beside its peers and its floors: one run, one machine, one table.
//!
//! `cargo run --release [--smoke] [WORD…]` measures everything, or the groups whose title has one
//! of the words. `TIDEGATE_LIBRARY` names the shared library; without it the rows "through C" are
//! left out.

mod input;
mod limiters;
mod measure;
mod metrics;
mod shared_library;

use measure::{Effort, Group};
use shared_library::Library;

/// What every group is given.
struct Bench {
    effort: Effort,
    only: Vec<String>,
    library: Option<Library>,
}

impl Bench {
    /// Measures the group that `fill` makes, if it was asked for.
    fn group<'a>(&self, title: &'a str, fill: impl FnOnce() -> Group<'a>) {
        if self.only.is_empty() || self.only.iter().any(|word| title.contains(word)) {
            fill().run(self.effort);
        }
    }
}

fn main() {
    let mut bench = Bench {
        effort: Effort::FULL,
        only: Vec::new(),
        library: Library::load(),
    };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--smoke" => bench.effort = Effort::SMOKE,
            _ => bench.only.push(argument),
        }
    }
    let Effort { rounds, turn } = bench.effort;
    println!("nanoseconds a call and thread; {rounds} samples of at least {turn:?} each");
    if bench.library.is_none() {
        println!("TIDEGATE_LIBRARY is not set: no rows through the shared library");
    }
    metrics::run(&bench);
    limiters::run(&bench);
}
