//! The command line: reads it by the table in [`verbs`](crate::verbs).

use crate::exit::Failure;
use crate::verbs::{VERBS, Verb, general_help, help_of};
use lexopt::{Arg, Parser};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use tidegate::engine::Probe;
use tidegate::export::Format;

/// Formats of a snapshot.
const FORMATS: [(&str, Format); 5] = [
    ("json", Format::Json),
    ("prometheus", Format::Prometheus),
    ("openmetrics", Format::OpenMetrics),
    ("health", Format::HealthJson),
    ("health-simple", Format::HealthSimple),
];

/// Questions about health.
const PROBES: [(&str, Probe); 3] = [
    ("readiness", Probe::Readiness),
    ("liveness", Probe::Liveness),
    ("startup", Probe::Startup),
];

/// What the program is asked to do.
#[derive(Debug)]
pub enum Request {
    /// Print this help.
    Help(String),
    /// Print the version.
    Version,
    /// Print one snapshot of the region at `path`.
    Snapshot {
        path: PathBuf,
        format: Format,
        /// Print JSON so that it can be read back.
        buckets: bool,
        /// A document that was printed earlier.
        since: Option<PathBuf>,
    },
    /// Make one snapshot of several documents.
    Merge {
        files: Vec<PathBuf>,
        format: Format,
        /// Print JSON so that it can be read back.
        buckets: bool,
    },
    /// Say how the service of the region at `path` is.
    Health {
        path: PathBuf,
        probe: Probe,
        json: bool,
    },
    /// Print events.
    Events { path: PathBuf, follow: bool },
    /// Show a refreshing table.
    Watch(Watch),
    /// Validate a configuration document.
    Check { file: PathBuf },
    /// Replay an access log.
    Replay(Replay),
}

/// Settings of `watch`.
#[derive(Debug)]
pub struct Watch {
    /// The region.
    pub path: PathBuf,
    /// Time between two tables.
    pub interval: Duration,
    /// True to stop after one table.
    pub once: bool,
}

/// Settings of `replay`.
#[derive(Debug)]
pub struct Replay {
    /// The log; `-` is standard input.
    pub log: PathBuf,
    /// The configuration document; None for the one that is built in.
    pub config: Option<PathBuf>,
    /// True for the report as JSON.
    pub json: bool,
    /// Lines between two lines of progress; None: only on a terminal, by time.
    pub progress: Option<u64>,
}

/// Reads the arguments that follow the program's name.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request, Failure> {
    let mut parser = Parser::from_args(arguments);
    let verb = match parser.next().map_err(usage)? {
        None => return Err(usage(format!("which verb? one of {}", verbs()))),
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Request::Help(general_help())),
        Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Request::Version),
        Some(Arg::Value(name)) => match VERBS.iter().find(|verb| name == verb.name) {
            Some(verb) => verb,
            None if name == "help" => return Ok(Request::Help(general_help())),
            None => {
                let name = name.to_string_lossy().into_owned();
                return Err(usage(format!("no verb {name:?}: one of {}", verbs())));
            }
        },
        Some(other) => return Err(usage(other.unexpected())),
    };
    let mut given = Given {
        verb,
        operand: None,
        more: Vec::new(),
        flags: Vec::new(),
    };
    while let Some(argument) = parser.next().map_err(usage)? {
        let flag = match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Request::Help(help_of(verb))),
            Arg::Value(operand) if given.operand.is_none() => {
                given.operand = Some(operand);
                continue;
            }
            Arg::Value(operand) if verb.operand.ends_with("...") => {
                given.more.push(PathBuf::from(operand));
                continue;
            }
            Arg::Value(extra) => {
                return Err(usage(format!(
                    "{} takes one {}; {:?} is one too many",
                    verb.name,
                    verb.operand,
                    extra.to_string_lossy()
                )));
            }
            Arg::Short(_) => return Err(usage(argument.unexpected())),
            Arg::Long(name) => verb
                .flags
                .iter()
                .find(|flag| flag.name == name)
                .ok_or_else(|| {
                    usage(format!(
                        "{} has no option --{name}; see tidegate {} --help",
                        verb.name, verb.name
                    ))
                })?,
        };
        let value = match flag.value {
            "" => OsString::new(),
            _ => parser.value().map_err(usage)?,
        };
        if given.value(flag.name).is_some() {
            return Err(usage(format!("--{} is given twice", flag.name)));
        }
        given.flags.push((flag.name, value));
    }
    given.request()
}

/// What stood on the command line after the verb.
struct Given {
    verb: &'static Verb,
    operand: Option<OsString>,
    /// Further ones, of a verb that takes several.
    more: Vec<PathBuf>,
    flags: Vec<(&'static str, OsString)>,
}

impl Given {
    fn value(&self, flag: &str) -> Option<&OsString> {
        self.flags
            .iter()
            .find(|(name, _)| *name == flag)
            .map(|(_, value)| value)
    }

    fn text(&self, flag: &str) -> Option<String> {
        self.value(flag)
            .map(|value| value.to_string_lossy().into_owned())
    }

    fn request(self) -> Result<Request, Failure> {
        let operand = match &self.operand {
            Some(operand) if !operand.is_empty() => PathBuf::from(operand),
            _ => {
                return Err(usage(format!(
                    "{} needs a {}; see tidegate {} --help",
                    self.verb.name, self.verb.operand, self.verb.name
                )));
            }
        };
        Ok(match self.verb.name {
            "snapshot" => Request::Snapshot {
                path: operand,
                format: self.one_of("format", &FORMATS)?,
                buckets: self.value("buckets").is_some(),
                since: self.value("since").map(PathBuf::from),
            },
            "merge" => Request::Merge {
                format: self.one_of("format", &FORMATS[..3])?,
                buckets: self.value("buckets").is_some(),
                files: [vec![operand], self.more].concat(),
            },
            "health" => Request::Health {
                path: operand,
                probe: self.one_of("probe", &PROBES)?,
                json: self.value("json").is_some(),
            },
            "events" => Request::Events {
                path: operand,
                follow: self.value("follow").is_some(),
            },
            "watch" => Request::Watch(Watch {
                path: operand,
                interval: self.interval()?,
                once: self.value("once").is_some(),
            }),
            "check" => Request::Check { file: operand },
            _ => Request::Replay(Replay {
                log: operand,
                config: self.value("config").map(PathBuf::from),
                json: self.value("json").is_some(),
                progress: self.progress()?,
            }),
        })
    }

    /// The choice that a flag names; the first one unless it is given.
    fn one_of<T: Copy>(&self, flag: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
        let Some(text) = self.text(flag) else {
            return Ok(choices[0].1);
        };
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            usage(format!(
                "--{flag} is one of {}, not {text:?}",
                names.join(", ")
            ))
        })
    }

    fn interval(&self) -> Result<Duration, Failure> {
        let Some(text) = self.text("interval") else {
            return Ok(Duration::from_secs(1));
        };
        duration(&text)
            .filter(|interval| {
                (Duration::from_millis(50)..=Duration::from_secs(3600)).contains(interval)
            })
            .ok_or_else(|| {
                usage(format!(
                    "--interval is a time from 50ms to 60m, not {text:?}"
                ))
            })
    }

    fn progress(&self) -> Result<Option<u64>, Failure> {
        let Some(text) = self.text("progress") else {
            return Ok(None);
        };
        match text.parse() {
            Ok(lines) if lines > 0 => Ok(Some(lines)),
            _ => Err(usage(format!(
                "--progress is a number of lines, not {text:?}"
            ))),
        }
    }
}

/// `1s`, `250ms`, `2m`, `0.5s`; a bare number is in seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

fn verbs() -> String {
    VERBS
        .iter()
        .map(|verb| verb.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn usage(what: impl ToString) -> Failure {
    Failure::Usage(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Request, Failure> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [("1s", 1000), ("250ms", 250), ("2m", 120_000), ("0.5", 500)] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["", "s", "-1s", "1h", "1 s", "nan", "inf", "1e400"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn calling_it_wrong_is_a_usage_error() {
        for line in [
            "",
            "top",
            "--frob",
            "snapshot",
            "snapshot a b",
            "snapshot a --format",
            "snapshot a --format xml",
            "health a --probe bored",
            "health",
            "merge",
            "merge a --format health",
            "merge a --since b",
            "events a --follow=yes",
            "snapshot a --format json --format json",
            "watch a --interval 1ms",
            "watch a --once=yes",
            "watch -x a",
            "check",
            "replay - --progress 0",
            "replay - --interval 1s",
        ] {
            assert!(matches!(of(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn a_dash_is_an_operand_and_flags_may_follow_it() {
        match of("replay - --json --config=x.json --progress 10").unwrap() {
            Request::Replay(Replay {
                log,
                config,
                json: true,
                progress: Some(10),
            }) => {
                assert_eq!(log, PathBuf::from("-"));
                assert_eq!(config, Some(PathBuf::from("x.json")));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_verb_has_help_that_names_its_flags() {
        for verb in VERBS {
            match of(&format!("{} --help", verb.name)).unwrap() {
                Request::Help(text) => {
                    assert!(verb.flags.iter().all(|flag| text.contains(flag.name)));
                    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
