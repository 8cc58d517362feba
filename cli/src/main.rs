//! The `tidegate` program: looks into a region from outside, checks configuration documents and
//! replays access logs. It attaches read-only and uses the engine, snapshots and exporters of the
//! library, never its C edge.

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod args;
mod attach;
mod check;
mod document;
mod events;
mod exit;
mod merge;
mod policy;
mod quantity;
mod replay;
mod table;
mod verbs;
mod view;
mod watch;

use args::Request;
use exit::Failure;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use tidegate::engine::Probe;
use tidegate::export::{self, Format};

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run(request: Request) -> Result<(), Failure> {
    match request {
        Request::Help(text) => print(&text),
        Request::Version => print(concat!("tidegate ", env!("CARGO_PKG_VERSION"))),
        Request::Snapshot {
            path,
            format,
            buckets,
            since,
        } => merge::snapshot(&path, format, buckets, since.as_deref()),
        Request::Merge {
            files,
            format,
            buckets,
        } => merge::run(&files, format, buckets),
        Request::Health { path, probe, json } => health(&path, probe, json),
        Request::Events { path, follow } => events::run(&path, follow),
        Request::Watch(settings) => watch::run(&settings),
        Request::Check { file } => print(&check::run(&file)?),
        Request::Replay(settings) => replay::run(&settings),
    }
}

fn health(path: &Path, probe: Probe, json: bool) -> Result<(), Failure> {
    let region = attach::Attached::open(path)?;
    let (status, http_status) = region.health(probe)?;
    if json && probe == Probe::Readiness {
        print(&export::render(Format::HealthJson, &region.snapshot()?))?;
    } else {
        print(status.name())?;
    }
    if http_status < 400 {
        Ok(())
    } else {
        Err(Failure::Unwell)
    }
}

/// Writes `text` to standard output, with one newline at its end.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}
