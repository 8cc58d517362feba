//! Prometheus text, version 0.0.4, and OpenMetrics, version 1.0.
//!
//! The two differ in little ([`Dialect`]): OpenMetrics names a counter's family without `_total`, has
//! units, shows exemplars, may tell when something was made, and ends with `# EOF`.
//!
//! Families are sorted by the name that they have there, the engine's own (`tidegate_…`) among
//! them; a family's lines stay together. A histogram shows what it held since it was made, as
//! cumulative buckets of fixed bounds; windows and quantiles are for the JSON document and for
//! `histogram_quantile`.
//!
//! An exemplar stands on the bucket that its value lies in, the newest one of each bucket; what would be
//! too long for one is left out.
//!
//! **What does not fit is left out, never written wrong.** Suffixes can make two names one: a
//! counter `x` and a gauge `x_total`. The engine's own families come first, then the others by the
//! name that they were opened with; the later one is left out. So are names and labels that only a
//! damaged region can have. `tidegate_skipped_series` counts what is missing, and comments at the end
//! of Prometheus text, which OpenMetrics forbids, name it.

use super::bounds::{self, Bound};
use super::names::{self, Taken};
use super::operations::{self, Part};
use super::own::usage;
use super::own::{self, Number, OwnFamily};
use super::{escape, number, samples};
use crate::base::order::Order;
use crate::cell::histogram::Distribution;
use crate::metrics::Kind;
use crate::snapshot::{ExemplarReading, FamilyReading, SeriesReading, Snapshot, Value};

/// Characters that an exemplar's labels may have in OpenMetrics, names and values together.
const EXEMPLAR_CHARACTERS: usize = 128;
/// The label of an exemplar.
const TRACE: &str = "trace_id";

/// Which of the two formats is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Prometheus text 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0; with `_created` samples if `created`.
    OpenMetrics {
        /// Say of every counter and histogram since when it counts: since the region was made.
        created: bool,
    },
}

/// Appends `snapshot` to `out`.
pub fn write(snapshot: &Snapshot, dialect: Dialect, out: &mut Vec<u8>) {
    let shown: Vec<Option<String>> = snapshot
        .families
        .iter()
        .map(|family| names::family(&family.name, family.kind, &family.unit))
        .collect();
    let beside: Vec<(&FamilyReading, Part, String)> = operations::parts(&snapshot.families);
    let workers = usage::workers(snapshot);
    // Which names the engine's own families have does not depend on how much is skipped.
    let known = own::families(snapshot, &workers, 0);
    let opened = shown.iter().filter_map(Option::as_deref);
    let counters = beside.iter().map(|(_, _, name)| name.as_str());
    let names = opened
        .chain(counters)
        .chain(known.iter().map(|own| own.name));
    let mut taken = match dialect {
        Dialect::Prometheus => Taken::default(),
        Dialect::OpenMetrics { .. } => Taken::strict(),
    }
    .among(names.collect());
    for own in known {
        taken.take(own.name, own.kind);
    }
    let (mut families, mut skipped) = (Vec::new(), Vec::new());
    for (family, shown) in snapshot.families.iter().zip(&shown) {
        let legal = legal_series(family).count() as u64;
        match shown.as_deref() {
            Some(name) if legal > 0 && taken.take(name, family.kind) => {
                families.push((name, Body::Opened(family)));
                let missing = family.series.len() as u64 - legal;
                skipped.push((family, missing, "their labels are damaged"));
            }
            Some(_) if legal > 0 => {
                skipped.push((family, family.series.len() as u64, "its name is taken"));
            }
            _ => skipped.push((family, family.series.len() as u64, "it is damaged")),
        }
    }
    for (family, part, name) in &beside {
        let is_shown = families
            .iter()
            .any(|(_, body)| matches!(body, Body::Opened(shown) if std::ptr::eq(*shown, *family)));
        if is_shown && taken.take(name, Kind::Counter) {
            families.push((name, Body::Beside(family, *part)));
        } else if is_shown {
            skipped.push((family, family.series.len() as u64, part.clash()));
        }
    }
    skipped.retain(|(_, missing, _)| *missing > 0);
    let missing = skipped.iter().map(|(_, missing, _)| missing).sum();
    let own = own::families(snapshot, &workers, missing);
    families.extend(own.iter().map(|own| (own.name, Body::Own(own))));
    families.order_by(|one, other| one.0.cmp(other.0));

    // Most of a large exposition is histograms, of about so many bytes.
    out.reserve(families.len() * 512);
    let mut text = Text {
        out,
        labels: Vec::new(),
        line: Vec::new(),
        room: Vec::new(),
        created: match dialect {
            Dialect::OpenMetrics { created: true } => {
                Some(snapshot.engine.created_wall_ns as f64 / 1e9)
            }
            _ => None,
        },
        dialect,
    };
    for (name, body) in families {
        match body {
            Body::Own(own) => text.own_family(own),
            Body::Opened(family) => text.family(name, family),
            Body::Beside(family, part) => text.beside(name, family, part),
        }
    }
    if dialect != Dialect::Prometheus {
        text.put("# EOF\n");
        return;
    }
    for (family, missing, reason) in skipped {
        text.comment(family, missing, reason);
    }
}

enum Body<'s> {
    Own(&'s OwnFamily<'s>),
    Opened(&'s FamilyReading),
    Beside(&'s FamilyReading, Part),
}

/// The series of `family` that can be exported: those of its kind, each once, with legal labels.
fn legal_series(family: &FamilyReading) -> impl Iterator<Item = &SeriesReading> {
    let mut before: Option<&SeriesReading> = None;
    family.series.iter().filter(move |series| {
        let is_kind = samples::is_of(family, series);
        let follows = before.is_none_or(|before| before.labels < series.labels);
        let is_legal = is_kind && follows && names::are_legal(&series.labels, family.kind);
        if is_legal {
            before = Some(*series);
        }
        is_legal
    })
}

fn type_of(kind: Kind) -> &'static str {
    names::shown_as(kind).name()
}

fn is_own_info(name: &str) -> bool {
    name == "tidegate_info"
}

struct Text<'o> {
    out: &'o mut Vec<u8>,
    /// A series' labels, as they stand between the braces.
    labels: Vec<u8>,
    /// What begins each line of a histogram.
    line: Vec<u8>,
    /// Where the lines of a histogram are put together.
    room: Vec<u8>,
    /// When everything began to count, where that is to be said.
    created: Option<f64>,
    dialect: Dialect,
}

impl Text<'_> {
    fn family(&mut self, name: &str, family: &FamilyReading) {
        self.head(name, family.kind, &family.unit, &family.help);
        let known = bounds::of(name, &family.unit);
        let distributions = family
            .series
            .iter()
            .filter_map(|series| match &series.value {
                Value::Histogram { lifetime, .. } => Some(lifetime),
                Value::Operation(calls) => Some(&calls.lifetime.latency),
                _ => None,
            });
        let further = bounds::further(known, distributions);
        let mut with_edges = Vec::new();
        let bounds = if further.is_empty() {
            known
        } else {
            with_edges.extend_from_slice(known);
            with_edges.extend(further);
            with_edges.order_by(|one, other| one.at.total_cmp(&other.at));
            &with_edges
        };
        for series in legal_series(family) {
            self.set_labels(
                series
                    .labels
                    .iter()
                    .map(|(name, value)| (&**name, &**value)),
            );
            match &series.value {
                Value::Counter(total) => {
                    self.sample(name, "", Number::Whole(*total));
                    self.created(name.strip_suffix("_total").unwrap_or(name));
                }
                Value::Gauge(value) => self.sample(name, "", Number::Real(*value)),
                Value::Shares(_) | Value::Ratio { .. } | Value::Info(_) | Value::Enum { .. } => {
                    samples::give(name, &series.value, |own, value| {
                        self.set_labels(operations::merged(&series.labels, own));
                        self.sample(name, "", value);
                        if family.kind == Kind::Ratio {
                            self.created(name.strip_suffix("_total").unwrap_or(name));
                        }
                    });
                }
                Value::Histogram { lifetime, .. } => {
                    self.histogram(name, lifetime, bounds, &series.exemplars);
                }
                Value::Operation(calls) => {
                    self.histogram(name, &calls.lifetime.latency, bounds, &series.exemplars);
                }
            }
        }
    }

    fn beside(&mut self, name: &str, family: &FamilyReading, part: Part) {
        self.head(name, Kind::Counter, "", part.help());
        for series in legal_series(family) {
            let Value::Operation(calls) = &series.value else {
                continue;
            };
            part.samples(calls, |own, count| {
                let own: Vec<(&str, &str)> = own.into_iter().collect();
                self.set_labels(operations::merged(&series.labels, &own));
                self.sample(name, "", Number::Whole(count));
                self.created(name.strip_suffix("_total").unwrap_or(name));
            });
        }
    }

    fn own_family(&mut self, family: &OwnFamily<'_>) {
        self.head(family.name, family.kind, "", family.help);
        for sample in &family.samples {
            self.set_labels(sample.labels.iter().copied());
            self.sample(family.name, "", sample.value);
            if family.kind == Kind::Counter {
                self.created(family.name.strip_suffix("_total").unwrap_or(family.name));
            }
        }
    }

    fn head(&mut self, name: &str, kind: Kind, unit: &str, help: &str) {
        if self.dialect == Dialect::Prometheus {
            if !help.is_empty() {
                self.meta("# HELP ", name);
                escape::help(self.out, help);
                self.put("\n");
            }
            self.meta("# TYPE ", name);
            self.put(type_of(kind));
            self.out.push(b'\n');
            return;
        }
        let (name, kind) = match kind {
            Kind::Counter | Kind::Ratio => {
                (name.strip_suffix("_total").unwrap_or(name), type_of(kind))
            }
            Kind::Info => (name.strip_suffix("_info").unwrap_or(name), "info"),
            Kind::Enum if names::state_label(name) == name => (name, "stateset"),
            Kind::Gauge if is_own_info(name) => {
                (name.strip_suffix("_info").unwrap_or(name), "info")
            }
            _ => (name, type_of(kind)),
        };
        self.meta("# TYPE ", name);
        self.put(kind);
        self.put("\n");
        let has_unit = name
            .strip_suffix(unit)
            .is_some_and(|stem| stem.ends_with('_'));
        if !unit.is_empty() && has_unit {
            self.meta("# UNIT ", name);
            self.put(unit);
            self.put("\n");
        }
        if !help.is_empty() {
            self.meta("# HELP ", name);
            // Unlike Prometheus text, OpenMetrics escapes quotes here as well.
            escape::label_value(self.out, help);
            self.put("\n");
        }
    }

    fn meta(&mut self, what: &str, name: &str) {
        self.put(what);
        self.put(name);
        self.out.push(b' ');
    }

    /// Since when a series counts, where that is to be said.
    fn created(&mut self, name: &str) {
        if let Some(created) = self.created {
            self.sample(name, "_created", Number::Real(created));
        }
    }

    fn set_labels<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>) {
        self.labels.clear();
        for (name, value) in labels {
            if !self.labels.is_empty() {
                self.labels.push(b',');
            }
            self.labels.extend_from_slice(name.as_bytes());
            self.labels.extend_from_slice(b"=\"");
            escape::label_value(&mut self.labels, value);
            self.labels.push(b'"');
        }
    }

    fn sample(&mut self, name: &str, suffix: &str, value: Number) {
        self.put(name);
        if !suffix.is_empty() {
            self.put(suffix);
        }
        if !self.labels.is_empty() {
            self.out.push(b'{');
            self.out.extend_from_slice(&self.labels);
            self.out.push(b'}');
        }
        self.out.push(b' ');
        match value {
            Number::Whole(value) => number::whole(self.out, value),
            Number::Real(value) => number::sample(self.out, value),
        }
        self.out.push(b'\n');
    }

    fn histogram(
        &mut self,
        name: &str,
        lifetime: &Distribution,
        bounds: &[Bound],
        exemplars: &[ExemplarReading],
    ) {
        let counts = bounds::count(lifetime, bounds);
        let within = bounds.iter().zip(counts);
        let lines = within.chain([(&bounds::BEYOND, lifetime.count)]);
        self.line.clear();
        self.line.extend_from_slice(name.as_bytes());
        self.line.extend_from_slice(b"_bucket{");
        if !self.labels.is_empty() {
            self.line.extend_from_slice(&self.labels);
            self.line.push(b',');
        }
        self.line.extend_from_slice(b"le=\"");
        if self.dialect == Dialect::Prometheus || exemplars.is_empty() {
            number::lines(self.out, &mut self.room, &self.line, lines);
        } else {
            let mut below = f64::NEG_INFINITY;
            for (bound, count) in lines {
                number::lines(
                    self.out,
                    &mut self.room,
                    &self.line,
                    [(bound, count)].into_iter(),
                );
                self.out.pop();
                self.exemplar(exemplars, below, bound.at);
                self.put("\n");
                below = bound.at;
            }
        }
        self.sample(name, "_sum", Number::Real(lifetime.sum));
        self.sample(name, "_count", Number::Whole(lifetime.count));
        self.created(name);
    }

    /// The newest exemplar above `below` and at most `bound`, where there is one.
    fn exemplar(&mut self, exemplars: &[ExemplarReading], below: f64, bound: f64) {
        let fits = |exemplar: &&ExemplarReading| {
            let value = exemplar.value;
            value.is_finite()
                && value > below
                && value <= bound
                && !exemplar.trace_id.is_empty()
                && exemplar.trace_id.chars().count() + TRACE.len() <= EXEMPLAR_CHARACTERS
        };
        let newest = exemplars
            .iter()
            .filter(fits)
            .max_by_key(|exemplar| exemplar.wall_ns);
        if let Some(exemplar) = newest {
            self.put(" # {");
            self.put(TRACE);
            self.put("=\"");
            escape::label_value(self.out, &exemplar.trace_id);
            self.put("\"} ");
            number::sample(self.out, exemplar.value);
            self.put(" ");
            number::sample(self.out, exemplar.wall_ns as f64 / 1e9);
        }
    }

    fn comment(&mut self, family: &FamilyReading, missing: u64, reason: &str) {
        self.put("# tidegate left out ");
        number::whole(self.out, missing);
        self.put(" series of the ");
        self.put(family.kind.name());
        self.put(" ");
        // On one line, whatever the name is.
        escape::json(self.out, &family.name);
        self.put(": ");
        self.put(reason);
        self.put("\n");
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}
