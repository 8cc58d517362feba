//! How the program ends: 0 done, 1 failed, 2 called the wrong way. A reader who closes the pipe
//! has seen enough, which is no failure.

use crate::table::printable;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// The arguments make no sense; the sentence says which.
    Usage(String),
    /// It could not be done; the sentence says why.
    Failed(String),
    /// What was asked about is not well, which was said on standard output.
    Unwell,
    /// Whoever read the output went away.
    ReaderGone,
}

impl Failure {
    /// Tells the person at the terminal, and gives the exit code.
    pub fn tell(&self) -> ExitCode {
        let mut errors = io::stderr().lock();
        // When standard error is closed there is nobody left to tell.
        let _ = match self {
            Failure::Usage(sentence) | Failure::Failed(sentence) => {
                writeln!(errors, "tidegate: {}", printable(sentence))
            }
            Failure::Unwell | Failure::ReaderGone => Ok(()),
        };
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Failed(_) | Failure::Unwell => ExitCode::from(1),
            Failure::ReaderGone => ExitCode::SUCCESS,
        }
    }
}

/// Errors of writing the output; errors of reading are put into words where they happen.
impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::BrokenPipe {
            Failure::ReaderGone
        } else {
            Failure::Failed(format!("cannot write the output: {cause}"))
        }
    }
}
