//! `tidegate replay`: tries the limits of a configuration on an access log, in the log's own time.
//!
//! | file | what it is about |
//! |---|---|
//! | [`source`] | lines of a file or pipe, plain or gzip, bounded |
//! | [`access_log`], [`timestamp`] | one line to its client, time, status and size |
//! | [`judge`] | the engine on a manual clock, and the limiters |
//! | [`clients`] | names of clients, bounded |
//! | [`report`], [`summary`] | what came out, as JSON and as text |
//! | [`progress`] | how far it is |

mod access_log;
mod clients;
mod judge;
mod progress;
mod report;
mod source;
mod summary;
mod timestamp;

use crate::args;
use crate::document;
use crate::exit::Failure;
use clients::Clients;
use judge::Judge;
use progress::Progress;
use report::{Flagged, Report};
use source::{Line, MOST_LINE_BYTES, Source};
use std::path::Path;

/// The configuration when none is given.
const CONFIG: &str = include_str!("../../../examples/replay.json");

/// Clients whose names are kept at least: with their numbers some 20 MiB.
const KEPT_CLIENTS: usize = 100_000;

/// Replays a log and prints the report.
pub fn run(settings: &args::Replay) -> Result<(), Failure> {
    let (from, config) = match &settings.config {
        Some(file) if file == Path::new("-") && settings.log == Path::new("-") => {
            return Err(Failure::Usage(
                "only one of LOG and --config can be standard input".into(),
            ));
        }
        Some(file) => (file.display().to_string(), document::read(file)?),
        None => (
            "the configuration that is built in".to_owned(),
            CONFIG.to_owned(),
        ),
    };
    let judge = Judge::new(&config).map_err(|cause| Failure::Failed(format!("{from}: {cause}")))?;
    let source = Source::open(&settings.log)?;
    let name = settings.log.display().to_string();
    let report = replay(name, source, judge, Progress::new(settings.progress))?;
    let text = if settings.json {
        format!("{:#}", report.json())
    } else {
        summary::text(&report)
    };
    crate::print(&text)?;
    if let Some(why) = &report.stopped {
        return Err(Failure::Failed(format!("{}: {why}", report.log)));
    }
    if report.requests == 0 && report.lines > 0 {
        let what = "no line is in Common or Combined Log Format";
        return Err(Failure::Failed(format!("{}: {what}", report.log)));
    }
    Ok(())
}

fn replay(
    log: String,
    mut source: Source,
    mut judge: Judge,
    mut progress: Progress,
) -> Result<Report, Failure> {
    let mut clients = Clients::new(KEPT_CLIENTS);
    let (mut lines, mut requests, mut denied) = (0u64, 0, 0);
    let (mut malformed, mut cut_short) = (Flagged::default(), Flagged::default());
    let too_long = format!("the line has more than {MOST_LINE_BYTES} bytes");
    let stopped = loop {
        let line = match source.next() {
            Ok(Line::End) => break None,
            Ok(Line::Whole(line)) => access_log::parse(line),
            Ok(Line::TooLong) => Err(too_long.as_str()),
            Err(cause) => break Some(format!("cannot read on after line {lines}: {cause}")),
        };
        lines += 1;
        match line {
            Ok(entry) => {
                let is_denied = judge
                    .judge(&entry)
                    .map_err(|cause| judge::at_line(lines, &cause))?;
                clients.count(entry.client, is_denied);
                requests += 1;
                denied += u64::from(is_denied);
                if entry.cut_short {
                    cut_short.note(lines, "a quote after the size is not closed");
                }
            }
            Err(why) => malformed.note(lines, why),
        }
        progress.line(lines, judge.times().map(|times| times.latest));
    };
    Ok(Report {
        log,
        stopped,
        lines,
        requests,
        denied,
        malformed,
        cut_short,
        times: judge.times(),
        clients,
        snapshot: judge.snapshot(),
        elapsed: progress.elapsed(),
    })
}
