//! Says on standard error how far a long replay is. Nothing is said when nobody looks.

use super::timestamp;
use crate::quantity;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Lines between two looks at the clock.
const STRIDE: u64 = 4096;
/// Time between two changes of a line that people read.
const REFRESH: Duration = Duration::from_millis(200);

/// Tells progress.
pub struct Progress {
    every: Option<u64>,
    is_terminal: bool,
    started: Instant,
    told: Instant,
    is_shown: bool,
}

impl Progress {
    /// Tells every `every` lines; None: by time, and only on a terminal.
    pub fn new(every: Option<u64>) -> Self {
        let now = Instant::now();
        Progress {
            every,
            is_terminal: io::stderr().is_terminal(),
            started: now,
            told: now,
            is_shown: false,
        }
    }

    /// To be called after each line.
    pub fn line(&mut self, lines: u64, at: Option<i64>) {
        match self.every {
            Some(every) if lines.is_multiple_of(every) => {
                let _ = writeln!(io::stderr(), "{}", self.text(lines, at));
            }
            None if self.is_terminal
                && lines.is_multiple_of(STRIDE)
                && self.told.elapsed() >= REFRESH =>
            {
                self.told = Instant::now();
                self.is_shown = true;
                let _ = write!(io::stderr(), "\r{}\x1b[K", self.text(lines, at));
            }
            _ => {}
        }
    }

    fn text(&self, lines: u64, at: Option<i64>) -> String {
        let speed = lines as f64 / self.elapsed().as_secs_f64().max(1e-9);
        let at = at
            .map(|at| format!(", at {}", timestamp::utc(at)))
            .unwrap_or_default();
        format!(
            "{} lines{at}, {} lines/s",
            quantity::whole(lines),
            quantity::number(speed.round())
        )
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Progress {
    /// Takes the line away again, also when the replay ends with an error.
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
