//! OTLP: an `ExportMetricsServiceRequest` as protobuf, by the published messages.
//!
//! Counters are monotonic sums, gauges gauges, histograms and operations exponential histograms. All
//! are cumulative since the region was made; of a difference, they are deltas since its beginning.
//! Bucket `i` of scale `s` covers (b^i, b^(i+1)] with b =
//! 2^(2^-s); each of our buckets is counted where its middle lies. The scale is that of our own
//! buckets, or the largest smaller one at which no more than [`MOST_BUCKETS`] are needed.

use crate::cell::histogram::Distribution;
use crate::snapshot::{FamilyReading, SeriesReading, Snapshot, Value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// Buckets that a data point has at most.
const MOST_BUCKETS: i64 = 640;

/// Appends `snapshot` to `out`.
pub fn write(snapshot: &Snapshot, out: &mut Vec<u8>) {
    let metrics = snapshot
        .families
        .iter()
        .flat_map(|family| metrics(snapshot, family))
        .collect();
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", &snapshot.service)],
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: "tidegate".into(),
                    version: snapshot.version.into(),
                    ..InstrumentationScope::default()
                }),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    out.extend_from_slice(&request.encode_to_vec());
}

/// A family, and for an operation its outcomes beside it.
fn metrics(snapshot: &Snapshot, family: &FamilyReading) -> Vec<Metric> {
    let temporality = match snapshot.since() {
        None => AggregationTemporality::Cumulative,
        Some(_) => AggregationTemporality::Delta,
    };
    let aggregation_temporality = temporality as i32;
    let sum = |data_points| {
        Data::Sum(Sum {
            data_points,
            aggregation_temporality,
            is_monotonic: true,
        })
    };
    let each = |value: &dyn Fn(&SeriesReading) -> Option<Point>| -> Vec<NumberDataPoint> {
        let points = family.series.iter();
        points
            .filter_map(|series| Some(point(snapshot, series, value(series)?)))
            .collect()
    };
    let metric = |name: String, unit: &str, data| Metric {
        name,
        description: family.help.clone(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let counts = each(&|series| match series.value {
        Value::Counter(total) => Some(Point::AsInt(i64::try_from(total).unwrap_or(i64::MAX))),
        _ => None,
    });
    let levels = each(&|series| match series.value {
        Value::Gauge(value) => Some(Point::AsDouble(value)),
        _ => None,
    });
    let distributions: Vec<ExponentialHistogramDataPoint> = family
        .series
        .iter()
        .filter_map(|series| match &series.value {
            Value::Histogram { lifetime, .. } => Some((series, lifetime)),
            Value::Operation(calls) => Some((series, &calls.lifetime.latency)),
            _ => None,
        })
        .map(|(series, found)| exponential(snapshot, series, found))
        .collect();
    let outcomes: Vec<NumberDataPoint> = family
        .series
        .iter()
        .filter_map(|series| match &series.value {
            Value::Operation(calls) => Some((series, &calls.lifetime)),
            _ => None,
        })
        .flat_map(|(series, calls)| {
            [
                ("success", calls.successes),
                ("failure", calls.failures),
                ("ignored", calls.ignored),
            ]
            .map(|(outcome, count)| {
                let count = Point::AsInt(i64::try_from(count).unwrap_or(i64::MAX));
                let mut point = point(snapshot, series, count);
                point.attributes.push(attribute("outcome", outcome));
                point
            })
        })
        .collect();
    let mut found = Vec::new();
    let unit = unit(&family.unit);
    if !counts.is_empty() {
        found.push(metric(family.name.clone(), unit, sum(counts)));
    }
    if !levels.is_empty() {
        let data_points = levels;
        let data = Data::Gauge(Gauge { data_points });
        found.push(metric(family.name.clone(), unit, data));
    }
    if !distributions.is_empty() {
        let data = Data::ExponentialHistogram(ExponentialHistogram {
            data_points: distributions,
            aggregation_temporality,
        });
        found.push(metric(family.name.clone(), unit, data));
    }
    if !outcomes.is_empty() {
        found.push(metric(
            format!("{}.outcomes", family.name),
            "{call}",
            sum(outcomes),
        ));
    }
    found
}

/// A unit as UCUM has it.
fn unit(unit: &str) -> &str {
    match unit {
        "seconds" => "s",
        "bytes" => "By",
        "ratio" => "1",
        other => other,
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
    }
}

/// Labels as attributes; the overflow series has the attribute that OpenTelemetry gives it.
fn attributes(series: &SeriesReading) -> Vec<KeyValue> {
    series
        .labels
        .iter()
        .map(|(name, value)| attribute(name, value))
        .collect()
}

fn point(snapshot: &Snapshot, series: &SeriesReading, value: Point) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(series),
        start_time_unix_nano: snapshot.start_wall_ns(),
        time_unix_nano: snapshot.taken_wall_ns,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn exponential(
    snapshot: &Snapshot,
    series: &SeriesReading,
    found: &Distribution,
) -> ExponentialHistogramDataPoint {
    let mut zero_count = 0u64;
    let mut values: Vec<(f64, u64)> = Vec::new();
    for bucket in found.buckets() {
        let middle = bucket.middle.clamp(found.min, found.max);
        if middle > 0.0 {
            values.push((middle, bucket.count));
        } else {
            zero_count = zero_count.saturating_add(bucket.count);
        }
    }
    let index = |value: f64, scale: i32| {
        let index = (value.log2() * f64::from(scale).exp2()).ceil() as i64 - 1;
        index.clamp(i64::from(i32::MIN), i64::from(i32::MAX))
    };
    let ends = values.first().zip(values.last());
    let mut scale = found.bits() as i32;
    while let Some((first, last)) = ends
        && scale > -10
        && index(last.0, scale) - index(first.0, scale) >= MOST_BUCKETS
    {
        scale -= 1;
    }
    let offset = ends.map_or(0, |(first, _)| index(first.0, scale));
    let mut bucket_counts: Vec<u64> = Vec::new();
    for (value, count) in values {
        let at = usize::try_from(index(value, scale) - offset).unwrap_or(0);
        if bucket_counts.len() <= at {
            bucket_counts.resize(at + 1, 0);
        }
        bucket_counts[at] = bucket_counts[at].saturating_add(count);
    }
    let known = |value: f64| Some(value).filter(|value| value.is_finite());
    ExponentialHistogramDataPoint {
        attributes: attributes(series),
        start_time_unix_nano: snapshot.start_wall_ns(),
        time_unix_nano: snapshot.taken_wall_ns,
        count: found.count,
        sum: known(found.sum),
        scale,
        zero_count,
        positive: Some(Buckets {
            offset: offset as i32,
            bucket_counts,
        }),
        min: known(found.min),
        max: known(found.max),
        ..ExponentialHistogramDataPoint::default()
    }
}
