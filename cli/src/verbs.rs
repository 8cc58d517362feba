//! Every verb and flag in one table, and the help that is made from it; [`args`](crate::args) reads
//! command lines by it.

use std::fmt::Write;

/// An option of a verb.
pub struct Flag {
    /// Its name without the dashes.
    pub name: &'static str,
    /// What its value is called; empty when it has none.
    pub value: &'static str,
    help: &'static str,
}

/// What the program can do.
pub struct Verb {
    /// First word of the command line.
    pub name: &'static str,
    /// What it is done to.
    pub operand: &'static str,
    summary: &'static str,
    about: &'static str,
    /// Its options; `--help` is everybody's.
    pub flags: &'static [Flag],
}

/// Every verb.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "snapshot",
        operand: "PATH",
        summary: "print everything that a region holds",
        about: "Attaches read-only to the region file PATH, also while workers write to it or after the\n\
                last of them is gone, and prints one snapshot.",
        flags: &[
            Flag {
                name: "format",
                value: "FORMAT",
                help: "json (the default), prometheus, openmetrics, health or health-simple",
            },
            Flag {
                name: "buckets",
                value: "",
                help: "print JSON with its buckets, for merge and --since",
            },
            Flag {
                name: "since",
                value: "FILE",
                help: "only what was counted since FILE, printed earlier with --buckets",
            },
        ],
    },
    Verb {
        name: "merge",
        operand: "FILE...",
        summary: "make one snapshot of those of several hosts",
        about: "Reads JSON documents of different regions that were printed with --buckets, and prints one:\n\
                what counts is added up, histograms bucket by bucket, so quantiles keep their error bound;\n\
                gauges stay beside each other with the label tidegate_source. - is standard input.",
        flags: &[
            Flag {
                name: "format",
                value: "FORMAT",
                help: "json (the default), prometheus or openmetrics",
            },
            Flag {
                name: "buckets",
                value: "",
                help: "print JSON with its buckets, so that it can be merged again",
            },
        ],
    },
    Verb {
        name: "health",
        operand: "PATH",
        summary: "say how a service is, for a probe that runs commands",
        about: "Attaches read-only to the region file PATH, also when its workers hang, and prints how the\n\
                service is: healthy, degraded, unhealthy or unknown. The exit code is 0 where a probe over\n\
                HTTP would get a status below 400, else 1.",
        flags: &[
            Flag {
                name: "probe",
                value: "PROBE",
                help: "liveness, readiness (the default) or startup",
            },
            Flag {
                name: "json",
                value: "",
                help: "print application/health+json with every check (readiness)",
            },
        ],
    },
    Verb {
        name: "events",
        operand: "PATH",
        summary: "print what happened lately, one JSON object a line",
        about: "Attaches read-only to the region file PATH and prints its events, oldest first: changes of\n\
                breakers, blocked keys, denials (sampled), permits of dead workers. Says on standard error\n\
                how many were overwritten before they could be read.",
        flags: &[Flag {
            name: "follow",
            value: "",
            help: "go on printing as they happen, until Ctrl-C",
        }],
    },
    Verb {
        name: "watch",
        operand: "PATH",
        summary: "show a region as a table that refreshes",
        about: "Attaches read-only to the region file PATH and shows limiters, breakers, bulkheads, histograms,\n\
                counters, gauges and workers. Rates are those of the time between two tables. Ctrl-C ends it.",
        flags: &[
            Flag {
                name: "interval",
                value: "TIME",
                help: "time between two tables: 1s (the default), 250ms, 2m",
            },
            Flag {
                name: "once",
                value: "",
                help: "print one table, with the rates of one interval, and stop",
            },
        ],
    },
    Verb {
        name: "check",
        operand: "FILE",
        summary: "validate a configuration document",
        about: "Reads the configuration document FILE (- for standard input) and makes everything that it\n\
                names, in memory. Prints ok and a summary, or the first field that is wrong.",
        flags: &[],
    },
    Verb {
        name: "replay",
        operand: "LOG",
        summary: "try limits on an access log, in the log's own time",
        about: "Reads LOG, an access log in Common or Combined Log Format, plain or gzip, - for standard\n\
                input. Every request is put to every limiter of the configuration, each for itself; keyed\n\
                ones get the client's address. The clock is the log's: it never goes back, so a line with\n\
                an earlier time than one before it is judged at the latest time seen.",
        flags: &[
            Flag {
                name: "config",
                value: "FILE",
                help: "configuration with the limiters (default: examples/replay.json, built in)",
            },
            Flag {
                name: "json",
                value: "",
                help: "print the report as one JSON object",
            },
            Flag {
                name: "progress",
                value: "LINES",
                help: "tell progress on standard error every LINES lines (default: on a terminal)",
            },
        ],
    },
];

const INTRO: &str = "\
tidegate - look into tidegate regions from outside, check configurations, replay logs

usage: tidegate VERB [OPTION...] OPERAND
";

const OUTRO: &str = "
  tidegate VERB --help     more about one verb
  tidegate --version       the version

Exit codes: 0 done, 1 failed, 2 called the wrong way.
";

/// The help of the program.
pub fn general_help() -> String {
    let mut text = format!("{INTRO}\n");
    for verb in VERBS {
        let call = format!("{} {}", verb.name, verb.operand);
        let _ = writeln!(text, "  {call:<18}{}", verb.summary);
    }
    text + OUTRO
}

/// The help of a verb.
pub fn help_of(verb: &Verb) -> String {
    let options = if verb.flags.is_empty() {
        ""
    } else {
        " [OPTION...]"
    };
    let mut text = format!(
        "usage: tidegate {}{options} {}\n\n{}\n\n",
        verb.name, verb.operand, verb.about
    );
    for flag in verb.flags {
        let call = format!("--{} {}", flag.name, flag.value);
        let _ = writeln!(text, "  {call:<20}{}", flag.help);
    }
    let _ = writeln!(text, "  {:<20}this text", "--help");
    text
}
