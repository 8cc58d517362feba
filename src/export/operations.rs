//! What operations show in Prometheus beside the histogram of their latencies: counters by outcome,
//! by error code, and of slow calls.

use super::names;
use crate::base::order::Order;
use crate::base::outcome::Outcome;
use crate::metrics::Kind;
use crate::snapshot::{FamilyReading, OperationReading};

/// A family of counters beside an operation's histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Outcomes,
    Errors,
    Slow,
}

/// Every such family that can be named, in the order of their operations.
pub(super) fn parts(families: &[FamilyReading]) -> Vec<(&FamilyReading, Part, String)> {
    families
        .iter()
        .filter(|family| family.kind == Kind::Operation)
        .flat_map(|family| {
            [Part::Outcomes, Part::Errors, Part::Slow].map(|part| {
                let name = format!("{}{}", family.name, part.suffix());
                names::family(&name, Kind::Counter, "").map(|name| (family, part, name))
            })
        })
        .flatten()
        .collect()
}

impl Part {
    fn suffix(self) -> &'static str {
        match self {
            Part::Outcomes => "_outcomes",
            Part::Errors => "_errors",
            Part::Slow => "_slow_calls",
        }
    }

    /// What it means.
    pub(super) fn help(self) -> &'static str {
        match self {
            Part::Outcomes => "Calls by how they ended.",
            Part::Errors => "Calls by error code.",
            Part::Slow => "Calls that took longer than the slow-call threshold.",
        }
    }

    /// Why it is left out.
    pub(super) fn clash(self) -> &'static str {
        match self {
            Part::Outcomes => "the name of its outcomes is taken",
            Part::Errors => "the name of its errors is taken",
            Part::Slow => "the name of its slow calls is taken",
        }
    }

    /// Gives each sample of one series: its own label, and its value.
    pub(super) fn samples(
        self,
        calls: &OperationReading,
        mut give: impl FnMut(Option<(&str, &str)>, u64),
    ) {
        let all = &calls.lifetime;
        match self {
            Part::Outcomes => {
                for outcome in Outcome::ALL {
                    let count = match outcome {
                        Outcome::Success => all.successes,
                        Outcome::Failure => all.failures,
                        Outcome::Ignored => all.ignored,
                    };
                    give(Some(("outcome", outcome.name())), count);
                }
            }
            Part::Errors => {
                for error in &calls.errors {
                    give(Some(("code", &error.code)), error.count);
                }
            }
            Part::Slow => give(None, all.slow),
        }
    }
}

/// A series' labels and those of one sample, in order of their names.
pub(super) fn merged<'a>(
    labels: &'a [(String, String)],
    own: &[(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut all: Vec<(&str, &str)> = labels
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .chain(own.iter().copied())
        .collect();
    all.order();
    all.into_iter()
}
