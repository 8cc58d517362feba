//! `tidegate events`: what happened lately, as lines of JSON; with `--follow`, also what happens.
//!
//! The region keeps a bounded number of events. Whoever reads too slowly is told how many are gone.

use crate::attach::Attached;
use crate::exit::Failure;
use crate::watch;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use tidegate::export::json::event;
use tidegate::snapshot::event::EventReading;

/// Events read at once.
const BATCH: usize = 256;
/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(200);

/// Prints the events of the region at `path`.
pub fn run(path: &Path, follow: bool) -> Result<(), Failure> {
    let region = Attached::open(path)?;
    let signals = watch::signals()?;
    let mut next = 0;
    loop {
        let (events, cursor) = region.events(next, BATCH)?;
        print(&events)?;
        tell_lost(events.iter().map(|event| event.lost_before).sum::<u64>() + cursor.lost);
        next = cursor.next;
        if events.len() == BATCH {
            continue;
        }
        if !follow || watch::is_stopped(&signals, INTERVAL) {
            return Ok(());
        }
    }
}

fn print(events: &[EventReading]) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for reading in events {
        event::write(reading, &mut lines);
    }
    let mut out = io::stdout().lock();
    out.write_all(&lines)?;
    Ok(out.flush()?)
}

fn tell_lost(lost: u64) {
    if lost > 0 {
        // When standard error is closed there is nobody left to tell.
        let _ = writeln!(
            io::stderr(),
            "tidegate: {lost} events were overwritten before they could be read"
        );
    }
}
