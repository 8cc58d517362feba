//! `tidegate watch`: a table of a region that refreshes, until Ctrl-C.
//!
//! On a terminal each table is drawn over the one before and fits the window; elsewhere tables
//! follow each other, whole, with an empty line between. The terminal's state is never changed, so
//! however this program ends there is nothing to put back.

use crate::args;
use crate::attach::{Attached, Standing};
use crate::exit::Failure;
use crate::table;
use crate::view::View;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tidegate::snapshot::Snapshot;

const HOME: &str = "\x1b[H";
const CLEAR: &str = "\x1b[2J";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// Why waiting ended early.
pub enum Wake {
    /// The program is told to end.
    Stop,
    /// The window has another size.
    Resize,
}

/// A region, the last snapshots of it, and what happened to its file.
struct Watched<'p> {
    path: &'p Path,
    region: Attached,
    samples: Vec<(Snapshot, Instant)>,
    notice: Option<String>,
}

/// Shows tables until told to stop.
pub fn run(settings: &args::Watch) -> Result<(), Failure> {
    let signals = signals()?;
    let mut watched = Watched::open(&settings.path)?;
    let mut screen = Screen::new(settings.once);
    if settings.once {
        if wait(&signals, settings.interval).is_none_or(|wake| matches!(wake, Wake::Resize)) {
            watched.sample()?;
            screen.draw(&watched)?;
        }
        return Ok(());
    }
    loop {
        screen.draw(&watched)?;
        let due = Instant::now() + settings.interval;
        loop {
            match wait(&signals, due.saturating_duration_since(Instant::now())) {
                None => break,
                Some(Wake::Stop) => return screen.leave(),
                Some(Wake::Resize) => screen.draw(&watched)?,
            }
        }
        watched.sample()?;
    }
}

/// Waits for `time`; true when the program was told to stop meanwhile.
pub fn is_stopped(signals: &Receiver<Wake>, time: Duration) -> bool {
    let due = Instant::now() + time;
    loop {
        match wait(signals, due.saturating_duration_since(Instant::now())) {
            None => return false,
            Some(Wake::Stop) => return true,
            Some(Wake::Resize) => {}
        }
    }
}

/// Signals as messages.
pub fn signals() -> Result<Receiver<Wake>, Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGWINCH])
        .map_err(|cause| Failure::Failed(format!("cannot catch signals: {cause}")))?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let wake = if signal == SIGWINCH {
                Wake::Resize
            } else {
                Wake::Stop
            };
            if sender.send(wake).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn wait(signals: &Receiver<Wake>, time: Duration) -> Option<Wake> {
    match signals.recv_timeout(time) {
        Ok(wake) => Some(wake),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Wake::Stop),
    }
}

impl<'p> Watched<'p> {
    fn open(path: &'p Path) -> Result<Self, Failure> {
        let region = Attached::open(path)?;
        let first = (region.snapshot()?, Instant::now());
        Ok(Watched {
            path,
            region,
            samples: vec![first],
            notice: None,
        })
    }

    /// Takes the next snapshot, of the new region if the file was replaced.
    fn sample(&mut self) -> Result<(), Failure> {
        match self.region.standing() {
            Standing::Same => {}
            Standing::Gone => {
                self.notice =
                    Some("the file was removed; this is the region that it was".to_owned());
            }
            Standing::Replaced => match Attached::open(self.path) {
                Ok(region) => {
                    self.notice = Some(format!(
                        "the file was replaced by a new region (inode {} by {}); counting anew",
                        self.region.inode(),
                        region.inode()
                    ));
                    self.region = region;
                    self.samples.clear();
                }
                Err(Failure::Failed(why)) => {
                    self.notice = Some(format!(
                        "the file was replaced, but not by a region that can be read: {why}"
                    ));
                }
                Err(other) => return Err(other),
            },
        }
        let sample = (self.region.snapshot()?, Instant::now());
        if self.samples.len() > 1 {
            self.samples.remove(0);
        }
        self.samples.push(sample);
        Ok(())
    }

    fn page(&self, width: usize, height: usize) -> Vec<String> {
        let Some((now, at)) = self.samples.last() else {
            return Vec::new();
        };
        let before = match &self.samples[..] {
            [(before, earlier), _] => Some((before, at.duration_since(*earlier).as_secs_f64())),
            _ => None,
        };
        let view = View { now, before };
        let mut head = view.head();
        head.extend(self.notice.iter().map(|notice| format!("notice: {notice}")));
        table::page(&head, &view.tables(), width, height)
    }
}

/// Where tables are drawn.
struct Screen {
    is_terminal: bool,
    drawn: u64,
}

impl Screen {
    /// One table needs no drawing over: it goes to a terminal as to anything else.
    fn new(once: bool) -> Self {
        Screen {
            is_terminal: !once && io::stdout().is_terminal(),
            drawn: 0,
        }
    }

    fn draw(&mut self, watched: &Watched<'_>) -> Result<(), Failure> {
        let mut text = String::new();
        if self.is_terminal {
            let (width, height) = size();
            text += if self.drawn == 0 { CLEAR } else { "" };
            text += HOME;
            // The last line stays empty: a newline there would scroll the first one away.
            for line in watched.page(width, height.saturating_sub(1)) {
                text += &line;
                text += REST_OF_LINE;
                text += "\r\n";
            }
            text += REST_OF_SCREEN;
        } else {
            text += if self.drawn == 0 { "" } else { "\n" };
            for line in watched.page(usize::MAX, usize::MAX) {
                text += &line;
                text += "\n";
            }
        }
        self.drawn += 1;
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn leave(&self) -> Result<(), Failure> {
        if self.is_terminal {
            let mut out = io::stdout().lock();
            out.write_all(b"\n")?;
            out.flush()?;
        }
        Ok(())
    }
}

/// Columns and lines of the terminal.
fn size() -> (usize, usize) {
    match terminal_size::terminal_size() {
        Some((terminal_size::Width(width), terminal_size::Height(height)))
            if width > 0 && height > 0 =>
        {
            (width.into(), height.into())
        }
        _ => (80, 24),
    }
}
