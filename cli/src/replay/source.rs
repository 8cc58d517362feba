//! The lines of a log: a file or standard input, plain or gzip, told apart by the first bytes.
//!
//! A line longer than [`MOST_LINE_BYTES`] is read over, never kept. A log is rotated in parts, so
//! a gzip file may hold several streams one after the other.

use crate::exit::Failure;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// Longest line that is looked at.
pub const MOST_LINE_BYTES: usize = 64 * 1024;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER_BYTES: usize = 256 * 1024;

/// A log, line by line.
pub struct Source {
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
}

/// What comes next in a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'s> {
    /// A line without its line end.
    Whole(&'s [u8]),
    /// A line of more than [`MOST_LINE_BYTES`].
    TooLong,
    /// Nothing.
    End,
}

impl Source {
    /// Opens the log at `path`; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |cause: io::Error| {
            Failure::Failed(format!("{}: cannot read it: {cause}", path.display()))
        };
        let raw: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(failed)?)
        };
        Self::of(raw).map_err(failed)
    }

    /// The lines of what `raw` gives.
    pub fn of(mut raw: impl Read + 'static) -> io::Result<Self> {
        // A pipe may give one byte at a time.
        let mut first = Vec::new();
        raw.by_ref()
            .take(GZIP.len() as u64)
            .read_to_end(&mut first)?;
        let is_gzip = first == GZIP;
        let all = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(first).chain(raw));
        let reader: Box<dyn BufRead> = if is_gzip {
            Box::new(BufReader::with_capacity(
                BUFFER_BYTES,
                MultiGzDecoder::new(all),
            ))
        } else {
            Box::new(all)
        };
        Ok(Source {
            reader,
            line: Vec::new(),
        })
    }

    /// The next line.
    pub fn next(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        // One byte more for the newline of the longest line, one for the carriage return.
        let most = MOST_LINE_BYTES as u64 + 2;
        let read = self
            .reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read as u64 == most {
            self.reader.skip_until(b'\n')?;
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(if line.len() > MOST_LINE_BYTES {
            Line::TooLong
        } else {
            Line::Whole(line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow pipe does.
    struct Slow(Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    fn lines(bytes: &[u8]) -> Vec<Option<usize>> {
        let mut source = Source::of(Slow(Cursor::new(bytes.to_vec()))).unwrap();
        let mut found = Vec::new();
        loop {
            match source.next().unwrap() {
                Line::Whole(line) => found.push(Some(line.len())),
                Line::TooLong => found.push(None),
                Line::End => return found,
            }
        }
    }

    #[test]
    fn line_ends_are_taken_off() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [Some(0)]);
        assert_eq!(lines(b"ab\r\nabc\nabcd"), [Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn a_line_of_the_most_bytes_is_kept_and_a_longer_one_read_over() {
        for end in [&b"\n"[..], b"\r\n"] {
            for length in MOST_LINE_BYTES - 2..MOST_LINE_BYTES + 5 {
                let text = [&vec![b'a'; length][..], end, b"next\n"].concat();
                let first = (length <= MOST_LINE_BYTES).then_some(length);
                assert_eq!(lines(&text), [first, Some(4)], "{length} {end:?}");
            }
        }
        assert_eq!(lines(&vec![b'a'; 3 * MOST_LINE_BYTES]), [None]);
    }
}
