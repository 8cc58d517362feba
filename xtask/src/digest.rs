//! What a person wants of a long log that ended badly: which tests failed, and what they said.
//!
//! Every language's runner marks a failure in its own way. Such a line is kept with the few lines
//! that follow it; where none is found, the last lines of the log stand for it.

use std::collections::VecDeque;

/// Lines kept after one that tells of a failure.
const FOLLOWING: usize = 8;
/// Lines kept of one step.
const KEPT: usize = 80;
/// Last lines shown where nothing tells of a failure.
const LAST: usize = 25;

/// How many tests cargo ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

impl Tests {
    pub fn add(&mut self, more: Tests) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }

    /// Adds up a line like "test result: ok. 12 passed; 0 failed; 1 ignored; …".
    pub fn see(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = counts
            .split([' ', ';', '.'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// A log, digested line by line.
#[derive(Default)]
pub struct Digest {
    pub tests: Tests,
    kept: Vec<String>,
    /// How many of the next lines belong to the failure.
    following: usize,
    last: VecDeque<String>,
}

impl Digest {
    pub fn see(&mut self, line: &str) {
        let line = plain(line);
        self.tests.see(&line);
        if tells_of_failure(&line) {
            self.following = FOLLOWING + 1;
        }
        if self.following > 0 && self.kept.len() < KEPT && !line.trim().is_empty() {
            self.kept.push(line.clone());
        }
        self.following = self.following.saturating_sub(1);
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// What to repeat of a step that failed.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let last = self.kept.is_empty().then_some(&self.last);
        let last = last.into_iter().flatten();
        self.kept.iter().chain(last).map(String::as_str)
    }
}

/// Whether the runner of some language says here that something failed.
fn tells_of_failure(line: &str) -> bool {
    let line = line.trim_start();
    // Rust: a test's own output; a compiler's or cargo's error. Go, Node (two reporters), pytest.
    let beginnings = [
        "error: ",
        "error[",
        "--- FAIL: ",
        "FAIL\t",
        "✖ ",
        "not ok ",
        "FAILED ",
        "panic: ",
    ];
    line.starts_with("---- ") && line.ends_with(" stdout ----")
        || beginnings.iter().any(|beginning| line.starts_with(beginning))
        // The C programs, one line each.
        || line.contains(" s  FAILED, ")
}

/// The line without colours.
fn plain(line: &str) -> String {
    let mut parts = line.trim_end_matches('\r').split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        text.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(log: &str) -> Vec<String> {
        let mut digest = Digest::default();
        log.lines().for_each(|line| digest.see(line));
        digest.lines().map(String::from).collect()
    }

    #[test]
    fn the_results_of_cargo_are_added_up() {
        let mut tests = Tests::default();
        tests.see("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tests.see("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured");
        tests.see("running 3 tests");
        assert_eq!((tests.passed, tests.failed, tests.ignored), (15, 2, 1));
    }

    #[test]
    fn failures_of_every_language_are_kept_with_what_follows() {
        for failure in [
            "---- breaker::tests::it_opens stdout ----",
            "error[E0308]: mismatched types",
            "    --- FAIL: TestLimiter (0.02s)",
            "✖ a limiter denies (1.2ms)",
            "not ok 3 - a limiter denies",
            "FAILED tests/test_limiter.py::test_denies - assert 1 == 2",
            "test_limiter                 shared    0.02 s  FAILED, exit status: 1",
        ] {
            let log = format!(
                "{}{failure}\nwhy\n{}",
                "fine\n".repeat(30),
                "fine\n".repeat(30)
            );
            let kept = digest(&log);
            assert_eq!(kept[..2], [failure.to_string(), "why".into()]);
            assert_eq!(kept.len(), FOLLOWING + 1);
        }
    }

    #[test]
    fn without_a_known_mark_the_last_lines_stand() {
        let log: Vec<String> = (0..100).map(|number| format!("line {number}")).collect();
        assert_eq!(digest(&log.join("\n")), log[100 - LAST..]);
    }

    #[test]
    fn colours_hide_nothing() {
        assert_eq!(digest("\u{1b}[31m✖ denies\u{1b}[39m"), ["✖ denies"]);
    }
}
