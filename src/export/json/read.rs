//! A document read back: the metrics, slow calls and errors of one that has its buckets.
//!
//! Documents come from anywhere, so every field is checked, and what a document can make us allocate
//! is bounded by `LIMITS`, whatever it says.

use crate::base::error::{Error, Result};
use crate::base::limits::{MAX_LABELS, MAX_NAME_BYTES};
use crate::base::name;
use crate::base::order::Order;
use crate::base::outcome::Outcome;
use crate::cell::buckets;
use crate::cell::histogram::Distribution;
use crate::cell::histogram::edges::{Edge, MAX_EDGES};
use crate::metrics::Kind;
use crate::snapshot::{
    Calls, Derived, ErrorLogReading, ErrorReading, ExemplarReading, FamilyReading, Hits,
    LoggedError, OperationReading, SeriesReading, Since, SlowCall, SlowestReading, Snapshot,
    Source, Value,
};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashSet};

/// What a document may have at most.
struct Limits {
    /// Bytes of text.
    bytes: usize,
    /// Counts of all buckets in memory, the empty ones of an octave included: 128 MiB.
    counts: usize,
    /// Regions of a merged one.
    sources: usize,
}

const LIMITS: Limits = Limits {
    bytes: 64 << 20,
    counts: 16 << 20,
    sources: 4096,
};

/// Fields and how each kind of metric is read.
const SECTIONS: [(&str, Kind); 7] = [
    ("counters", Kind::Counter),
    ("gauges", Kind::Gauge),
    ("histograms", Kind::Histogram),
    ("operations", Kind::Operation),
    ("ratios", Kind::Ratio),
    ("infos", Kind::Info),
    ("enums", Kind::Enum),
];

/// Reads a document that was written with its buckets.
pub fn parse(text: &[u8]) -> Result<Snapshot> {
    if text.len() > LIMITS.bytes {
        return Err(Error::format(format!(
            "the document has {} bytes: at most {}",
            text.len(),
            LIMITS.bytes
        )));
    }
    let document: Json = serde_json::from_slice(text)
        .map_err(|cause| Error::format(format!("the document is not JSON: {cause}")))?;
    read(&document)
}

/// Reads a document that was written with its buckets.
pub fn read(document: &Json) -> Result<Snapshot> {
    let top = Place::top(document);
    let top = top.object()?;
    let schema = top.need("schema")?;
    if schema.text()? != super::SCHEMA {
        return Err(schema.wrong(&format!("{:?}", super::SCHEMA)));
    }
    let sources = sources(&top)?;
    let names = top
        .get("names")
        .map(|names| {
            let all = names.list()?;
            all.map(|name| Ok(name.text()?.to_owned())).collect()
        })
        .transpose()?;
    let since = top.get("since").map(|since| {
        let since = since.object()?;
        Ok::<_, Error>(Since {
            wall_ns: since.need("wall_ns")?.whole()?,
            is_reset: since.need("reset")?.boolean()?,
            resets: since.need("series_reset")?.whole()?,
        })
    });
    let since = since.transpose()?;
    let total = if since.is_some() {
        "interval"
    } else {
        "lifetime"
    };
    let window_seconds = top.need("window_seconds")?.positive()?;
    let derived = Derived {
        covered_seconds: top.need("window_covered_seconds")?.seconds()?,
        names,
        since,
    };
    let mut snapshot = Snapshot::derive(sources, window_seconds, derived);
    let mut reader = Reader {
        total,
        covered_seconds: snapshot.covered_seconds(),
        counts_left: LIMITS.counts,
    };
    let mut families: BTreeMap<String, FamilyReading> = BTreeMap::new();
    for (field, kind) in SECTIONS {
        for place in top.need(field)?.list()? {
            reader.add(&place.object()?, kind, &mut families)?;
        }
    }
    snapshot.families = families.into_values().collect();
    for family in &mut snapshot.families {
        family
            .series
            .order_by(|one, other| one.labels.cmp(&other.labels));
        let mut labels = HashSet::new();
        for series in &family.series {
            if !labels.insert(&series.labels) {
                return Err(Error::format(format!(
                    "{:?} has the labels {:?} twice",
                    family.name, series.labels
                )));
            }
        }
    }
    let slowest = top.need("slowest")?;
    let slowest = slowest.object()?;
    snapshot.slowest = SlowestReading {
        window: slow_calls(&slowest.need("calls_window")?)?,
        lifetime: slow_calls(&slowest.need("calls_lifetime")?)?,
    };
    snapshot.errors = errors(&top.need("errors")?)?;
    Ok(snapshot)
}

fn sources(top: &Fields<'_>) -> Result<Vec<Source>> {
    let place = top.need("sources")?;
    let mut sources = Vec::new();
    for place in place.list()? {
        if sources.len() == LIMITS.sources {
            return Err(place.wrong(&format!("at most {} regions", LIMITS.sources)));
        }
        let fields = place.object()?;
        let region = fields.need("region")?;
        sources.push(Source {
            region: u64::from_str_radix(region.text()?, 16)
                .map_err(|_| region.wrong("16 hexadecimal digits"))?,
            host: fields.need("host")?.text()?.to_owned(),
            service: fields.need("service")?.text()?.to_owned(),
            created_wall_ns: fields.need("created_ns")?.whole()?,
            taken_wall_ns: fields.need("taken_ns")?.whole()?,
            age_ns: fields.need("age_ns")?.whole()?,
        });
    }
    sources.order();
    let is_twice = sources
        .windows(2)
        .any(|pair| pair[0].region == pair[1].region);
    if sources.is_empty() || is_twice {
        return Err(place.wrong("one region or more, each once"));
    }
    Ok(sources)
}

struct Reader {
    /// The name of the field with totals.
    total: &'static str,
    covered_seconds: f64,
    counts_left: usize,
}

impl Reader {
    fn add(
        &mut self,
        fields: &Fields<'_>,
        kind: Kind,
        families: &mut BTreeMap<String, FamilyReading>,
    ) -> Result<()> {
        let place = fields.need("name")?;
        let name = place.text()?;
        name::check("metric", name).map_err(|_| place.wrong("the name of a metric"))?;
        let (help, unit) = (fields.optional_text("help")?, fields.optional_text("unit")?);
        let family = families
            .entry(name.to_owned())
            .or_insert_with(|| FamilyReading {
                name: name.to_owned(),
                kind,
                help: help.to_owned(),
                unit: unit.to_owned(),
                series: Vec::new(),
            });
        if family.kind != kind {
            return Err(Error::format(format!(
                "{name:?} is a {} and a {}",
                family.kind.name(),
                kind.name()
            )));
        }
        if family.unit != unit {
            return Err(Error::format(format!(
                "{name:?} has the units {:?} and {unit:?}",
                family.unit
            )));
        }
        let value = self.value(fields, kind)?;
        family.series.push(SeriesReading {
            labels: labels(&fields.need("labels")?)?,
            value,
            exemplars: exemplars(fields)?,
        });
        Ok(())
    }

    fn value(&mut self, fields: &Fields<'_>, kind: Kind) -> Result<Value> {
        Ok(match kind {
            Kind::Counter => Value::Counter(fields.need("value")?.whole()?),
            Kind::Gauge => match fields.get("workers") {
                None => Value::Gauge(fields.need("value")?.real()?),
                Some(workers) => {
                    let mut shares = Vec::new();
                    for share in workers.list()? {
                        let share = share.object()?;
                        shares.push((share.need("pid")?.pid()?, share.need("value")?.real()?));
                    }
                    shares.order_by(|one, other| one.0.cmp(&other.0));
                    shares.dedup_by_key(|(pid, _)| *pid);
                    Value::Shares(shares)
                }
            },
            Kind::Histogram => Value::Histogram {
                lifetime: self.distribution(&fields.need(self.total)?.object()?)?,
                window: self.distribution(&fields.need("window")?.object()?)?,
            },
            Kind::Operation => Value::Operation(Box::new(self.operation(fields)?)),
            Kind::Ratio => Value::Ratio {
                lifetime: hits(&fields.need(self.total)?.object()?)?,
                window: hits(&fields.need("window")?.object()?)?,
            },
            Kind::Info => Value::Info(labels(&fields.need("info")?)?),
            Kind::Enum => {
                let place = fields.need("states")?;
                let mut states: Vec<String> = Vec::new();
                for state in place.list()? {
                    states.push(state.text()?.to_owned());
                }
                let state = fields.need("state")?;
                let current = states
                    .iter()
                    .position(|known| Some(known.as_str()) == state.value.as_str())
                    .ok_or_else(|| state.wrong("one of the states"))?;
                Value::Enum { states, current }
            }
        })
    }

    fn operation(&mut self, fields: &Fields<'_>) -> Result<OperationReading> {
        let mut errors = Vec::new();
        for error in fields.need("errors")?.list()? {
            let error = error.object()?;
            errors.push(ErrorReading {
                code: error.need("code")?.text()?.to_owned(),
                count: error.need("count")?.whole()?,
                first_wall_ns: error.need("first_at")?.time()?,
                last_wall_ns: error.need("last_at")?.time()?,
                message: error.optional_text("message")?.to_owned(),
            });
        }
        let lifetime = fields.need(self.total)?;
        let window = fields.need("window")?;
        Ok(OperationReading {
            slow_seconds: Some(fields.need("slow_seconds")?.real()?)
                .filter(|seconds| seconds.is_finite()),
            lifetime: self.calls(&lifetime.object()?)?,
            window: self.calls(&window.object()?)?,
            errors,
        })
    }

    fn calls(&mut self, fields: &Fields<'_>) -> Result<Calls> {
        Ok(Calls {
            seconds: match fields.get("seconds") {
                Some(seconds) => seconds.seconds()?,
                None => self.covered_seconds,
            },
            latency: self.distribution(fields)?,
            successes: fields.need("successes")?.whole()?,
            failures: fields.need("failures")?.whole()?,
            ignored: fields.need("ignored")?.whole()?,
            slow: fields.need("slow")?.whole()?,
        })
    }

    fn distribution(&mut self, fields: &Fields<'_>) -> Result<Distribution> {
        let place = fields.get("buckets").ok_or_else(|| {
            Error::format(format!(
                "{}: no buckets; write the document with {{\"buckets\": true}}",
                fields.path
            ))
        })?;
        let bits = fields.need("bits")?;
        let bits = u32::try_from(bits.whole()?)
            .ok()
            .filter(|found| buckets::BITS.contains(found))
            .ok_or_else(|| bits.wrong("5 to 8"))?;
        let mut found: Vec<(u64, u64)> = Vec::new();
        for bucket in place.list()? {
            let pair = bucket.pair()?;
            let index = pair[0].whole()?;
            let before = found.last().map(|last| last.0);
            if before.is_some_and(|before| before >= index)
                || index >> bits >= buckets::OCTAVES as u64
            {
                return Err(bucket.wrong("buckets that exist, in ascending order"));
            }
            if before.is_none_or(|before| before >> bits != index >> bits) {
                let left = self.counts_left.checked_sub(1 << bits);
                self.counts_left = left.ok_or_else(|| bucket.wrong("fewer buckets in all"))?;
            }
            found.push((index, pair[1].whole()?));
        }
        let mut edges = Vec::new();
        if let Some(place) = fields.get("edges") {
            for edge in place.list()? {
                let edge = edge.object()?;
                edges.push(Edge {
                    at: edge.need("at")?.positive()?,
                    at_most: edge.need("at_most")?.whole()?,
                    above: edge.need("above")?.whole()?,
                });
            }
            // Those of two hosts together.
            if edges.len() > 64 * MAX_EDGES {
                return Err(place.wrong("fewer edges"));
            }
        }
        let sum = fields.need("sum")?;
        Ok(Distribution::of_indices(
            bits,
            found,
            // A sum that JSON has no number for is beyond the largest double.
            if sum.value.is_null() {
                f64::INFINITY
            } else {
                sum.real()?
            },
            (fields.need("min")?.real()?, fields.need("max")?.real()?),
            edges,
        ))
    }
}

fn hits(fields: &Fields<'_>) -> Result<Hits> {
    Ok(Hits {
        hits: fields.need("hits")?.whole()?,
        misses: fields.need("misses")?.whole()?,
    })
}

fn labels(place: &Place<'_>) -> Result<Vec<(String, String)>> {
    let fields = place.object()?;
    let mut labels = Vec::new();
    for (name, _) in fields.values {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && !name.as_bytes()[0].is_ascii_digit()
            && name.bytes().all(is_word);
        if !is_name {
            return Err(place.wrong("names of labels"));
        }
        labels.push((name.clone(), fields.need(name)?.text()?.to_owned()));
    }
    // One more than a series can have, which says whose it is.
    if labels.len() > MAX_LABELS + 1 {
        return Err(place.wrong("fewer labels"));
    }
    labels.order();
    Ok(labels)
}

fn exemplars(fields: &Fields<'_>) -> Result<Vec<ExemplarReading>> {
    let mut found = Vec::new();
    if let Some(place) = fields.get("exemplars") {
        for exemplar in place.list()? {
            let exemplar = exemplar.object()?;
            found.push(ExemplarReading {
                value: exemplar.need("value")?.real()?,
                wall_ns: exemplar.need("at")?.time()?,
                trace_id: exemplar.need("trace_id")?.text()?.to_owned(),
            });
        }
    }
    Ok(found)
}

fn slow_calls(place: &Place<'_>) -> Result<Vec<SlowCall>> {
    let mut calls = Vec::new();
    for call in place.list()? {
        let call = call.object()?;
        let outcome = call.need("outcome")?;
        let named = |known: &Outcome| Some(known.name()) == outcome.value.as_str();
        calls.push(SlowCall {
            operation: call.need("name")?.text()?.to_owned(),
            labels: labels(&call.need("labels")?)?,
            seconds: call.need("seconds")?.seconds()?,
            outcome: Outcome::ALL
                .into_iter()
                .find(named)
                .ok_or_else(|| outcome.wrong("success, failure or ignored"))?,
            wall_ns: call.need("at")?.time()?,
            pid: call.need("pid")?.pid()?,
            detail: call.optional_text("detail")?.to_owned(),
            trace_id: call.optional_text("trace_id")?.to_owned(),
        });
    }
    Ok(calls)
}

fn errors(place: &Place<'_>) -> Result<ErrorLogReading> {
    let fields = place.object()?;
    let mut errors = Vec::new();
    for error in fields.need("distinct")?.list()? {
        let error = error.object()?;
        errors.push(LoggedError {
            code: error.need("code")?.text()?.to_owned(),
            text: error.need("text")?.text()?.to_owned(),
            count: error.need("count")?.whole()?,
            first_wall_ns: error.need("first_at")?.time()?,
            last_wall_ns: error.need("last_at")?.time()?,
            pid: error.need("pid")?.pid()?,
        });
    }
    Ok(ErrorLogReading {
        errors,
        beyond: fields.need("beyond")?.whole()?,
    })
}

/// A value of the document and where it stands there.
struct Place<'d> {
    value: &'d Json,
    path: String,
}

/// An object of the document.
struct Fields<'d> {
    values: &'d Map<String, Json>,
    path: String,
}

impl<'d> Fields<'d> {
    fn get(&self, field: &str) -> Option<Place<'d>> {
        let path = match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        };
        let value = self.values.get(field)?;
        Some(Place { value, path })
    }

    fn need(&self, field: &str) -> Result<Place<'d>> {
        self.get(field).ok_or_else(|| {
            let path = match self.path.as_str() {
                "" => "the document",
                path => path,
            };
            Error::format(format!("{path}: {field} is missing"))
        })
    }

    fn optional_text(&self, field: &str) -> Result<&'d str> {
        self.get(field).map_or(Ok(""), |place| place.text())
    }
}

impl<'d> Place<'d> {
    fn top(value: &'d Json) -> Self {
        Place {
            value,
            path: String::new(),
        }
    }

    fn wrong(&self, expected: &str) -> Error {
        let found = self.value.to_string();
        let found: String = found.chars().take(64).collect();
        let path = match self.path.as_str() {
            "" => "the document",
            path => path,
        };
        Error::format(format!("{path}: expected {expected}, found {found}"))
    }

    fn object(&self) -> Result<Fields<'d>> {
        match self.value {
            Json::Object(values) => Ok(Fields {
                values,
                path: self.path.clone(),
            }),
            _ => Err(self.wrong("an object")),
        }
    }

    fn list(&self) -> Result<impl Iterator<Item = Place<'d>> + use<'d>> {
        match self.value {
            Json::Array(values) => {
                let path = self.path.clone();
                Ok(values.iter().enumerate().map(move |(at, value)| Place {
                    value,
                    path: format!("{path}[{at}]"),
                }))
            }
            _ => Err(self.wrong("a list")),
        }
    }

    fn pair(&self) -> Result<[Place<'d>; 2]> {
        match self.value {
            Json::Array(values) if values.len() == 2 => {
                Ok([&values[0], &values[1]].map(|value| Place {
                    value,
                    path: self.path.clone(),
                }))
            }
            _ => Err(self.wrong("two numbers")),
        }
    }

    fn text(&self) -> Result<&'d str> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    fn boolean(&self) -> Result<bool> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    fn whole(&self) -> Result<u64> {
        self.value
            .as_u64()
            .ok_or_else(|| self.wrong("a whole number of at least 0"))
    }

    fn pid(&self) -> Result<u32> {
        u32::try_from(self.whole()?).map_err(|_| self.wrong("the number of a process"))
    }

    /// A number; not a number where the document has null.
    fn real(&self) -> Result<f64> {
        match self.value {
            Json::Null => Ok(f64::NAN),
            value => value.as_f64().ok_or_else(|| self.wrong("a number or null")),
        }
    }

    fn seconds(&self) -> Result<f64> {
        let found = self.value.as_f64().filter(|seconds| *seconds >= 0.0);
        found.ok_or_else(|| self.wrong("a number of at least 0"))
    }

    fn positive(&self) -> Result<f64> {
        let found = self.value.as_f64().filter(|number| *number > 0.0);
        found.ok_or_else(|| self.wrong("a number above 0"))
    }

    fn time(&self) -> Result<u64> {
        super::wall_ns(self.text()?)
            .ok_or_else(|| self.wrong("a time such as 2026-01-31T12:00:00.000Z"))
    }
}
