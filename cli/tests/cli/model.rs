//! Limiters and a log's lines once more, slow and obvious, sharing nothing with the library.

use std::collections::HashMap;

/// A limiter as a sentence of the manual says it.
pub enum Rule {
    /// Never more than `limit` admissions in any `window` seconds: a log of all admissions.
    Log { limit: usize, window: i64 },
    /// A bucket of `burst` units that gets `numerator / denominator` of a unit a second.
    Bucket {
        burst: i128,
        numerator: i128,
        denominator: i128,
    },
}

/// What one key did so far.
#[derive(Default)]
struct Past {
    admitted_at: Vec<i64>,
    /// Units left, times the denominator, and since when.
    left: Option<(i128, i64)>,
}

/// A limiter: its rule, whether each client has its own, and what happened.
pub struct Model {
    pub name: &'static str,
    pub rule: Rule,
    pub keyed: bool,
    pub admitted: u64,
    pub denied: u64,
    past: HashMap<String, Past>,
}

impl Model {
    pub fn new(name: &'static str, keyed: bool, rule: Rule) -> Self {
        Model {
            name,
            rule,
            keyed,
            admitted: 0,
            denied: 0,
            past: HashMap::new(),
        }
    }

    /// True when `client` is admitted at `now`, in seconds.
    pub fn admits(&mut self, client: &str, now: i64) -> bool {
        let key = if self.keyed { client } else { "" };
        let past = self.past.entry(key.to_owned()).or_default();
        let admits = match self.rule {
            Rule::Log { limit, window } => {
                let recent = past
                    .admitted_at
                    .iter()
                    .filter(|at| now - **at < window)
                    .count();
                if recent < limit {
                    past.admitted_at.push(now);
                }
                recent < limit
            }
            Rule::Bucket {
                burst,
                numerator,
                denominator,
            } => {
                let full = burst * denominator;
                let (left, since) = past.left.unwrap_or((full, now));
                let left = (left + numerator * i128::from(now - since)).min(full);
                let admits = left >= denominator;
                past.left = Some((if admits { left - denominator } else { left }, now));
                admits
            }
        };
        if admits {
            self.admitted += 1;
        } else {
            self.denied += 1;
        }
        admits
    }
}

/// A request, found by splitting the line at what surely is there in the real log.
pub struct Request<'l> {
    pub client: &'l str,
    pub at: i64,
    pub class: char,
    pub bytes: Option<u64>,
}

/// The request of a line of the real log.
pub fn request(line: &str) -> Request<'_> {
    let (client, rest) = line.split_once(" - - [").expect("client");
    let (time, rest) = rest.split_once("] \"").expect("time");
    // The real log has no escaped quote in a request.
    let (_, rest) = rest.split_once("\" ").expect("request");
    let mut words = rest.split(' ');
    let class = words
        .next()
        .and_then(|status| status.chars().next())
        .expect("status");
    let bytes = words.next().expect("size").parse().ok();
    Request {
        client,
        at: seconds(time),
        class,
        bytes,
    }
}

/// Seconds since 1970 of `17/May/2015:10:05:03 +0000`, by counting years, months and days.
fn seconds(text: &str) -> i64 {
    let parts: Vec<&str> = text.split(['/', ':', ' ']).collect();
    let number = |at: usize| parts[at].parse::<i64>().expect("a number");
    let leap = |year: i64| i64::from(year % 4 == 0);
    let (day, year) = (number(0), number(2));
    let mut days: i64 = (1970..year).map(|year| 365 + leap(year)).sum();
    let months = [
        ("Jan", 31),
        ("Feb", 28 + leap(year)),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    days += months
        .iter()
        .take_while(|(name, _)| *name != parts[1])
        .map(|(_, days)| days)
        .sum::<i64>();
    assert_eq!(parts[6], "+0000");
    (days + day - 1) * 86_400 + number(3) * 3600 + number(4) * 60 + number(5)
}
