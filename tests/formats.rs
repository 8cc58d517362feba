//! StatsD lines, HdrHistogram logs and OTLP: read back, and by other people's programs.
//!
//! `hdrhistogram` of PyPI is looked for in the `python3` of the path, real logs in `../shared/data` or
//! `$TIDEGATE_DATA`; a test that finds neither says that it was skipped.

#[path = "exporters/sample.rs"]
#[expect(dead_code, reason = "this test needs a part of what the samples offer")]
mod sample;

use sample::{distribution, empty, family, rich};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tidegate::cell::histogram::Distribution;
use tidegate::export::{Format, hdr, render};
use tidegate::metrics::Kind;
use tidegate::snapshot::{FamilyReading, SeriesReading, Snapshot, Value};

const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

fn quantiles(found: &Distribution) -> [f64; QUANTILES.len()] {
    let mut values = [0.0; QUANTILES.len()];
    found.quantiles(&QUANTILES, &mut values);
    values
}

/// A snapshot with one histogram of latencies from a microsecond to ten seconds.
fn latencies() -> (Snapshot, Distribution) {
    let mut seed = 7u64;
    let values: Vec<f64> = (0..20_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            10f64.powf((seed >> 33) as f64 / (1u64 << 31) as f64 * 7.0 - 6.0)
        })
        .collect();
    let lifetime = distribution(&values);
    let mut snapshot = empty();
    snapshot.families = vec![FamilyReading {
        unit: "seconds".into(),
        series: vec![SeriesReading {
            labels: vec![("route".into(), "a, b\nc".into())],
            exemplars: Default::default(),
            value: Value::Histogram {
                lifetime: lifetime.clone(),
                window: lifetime.clone(),
            },
        }],
        ..family("wait", Kind::Histogram)
    }];
    (snapshot, lifetime)
}

fn assert_near(one: f64, other: f64, bound: f64) {
    assert!(
        (one - other).abs() <= bound * one.abs().max(other.abs()) + 2e-9,
        "{one} and {other} differ by more than {bound}"
    );
}

#[test]
fn a_log_reads_back() {
    let (snapshot, lifetime) = latencies();
    let log = render(Format::HdrLog, &snapshot);
    let intervals = hdr::read(log.as_bytes(), hdr::scale("seconds")).unwrap();
    assert_eq!(intervals.len(), 1);
    assert_eq!(intervals[0].tag, "wait{route=a__b_c}");
    let found = &intervals[0].values;
    assert_eq!(found.count, lifetime.count);
    // Ours, three digits of the log, and the eight bits it is read into.
    for (one, other) in quantiles(found).into_iter().zip(quantiles(&lifetime)) {
        assert_near(one, other, 0.001 + 0.002 + 0.0005);
    }
}

#[test]
fn every_distribution_has_an_interval() {
    let log = render(Format::HdrLog, &rich());
    let intervals = hdr::read(log.as_bytes(), 1.0).unwrap();
    let tags: Vec<&str> = intervals
        .iter()
        .map(|interval| interval.tag.as_str())
        .collect();
    assert!(
        tags.contains(&"db.query{table=orders;worker=0}"),
        "{tags:?}"
    );
    assert!(tags.contains(&"reply"), "{tags:?}");
}

#[test]
fn what_is_no_log_is_refused() {
    for text in [
        "nonsense",
        "Tag=x,0.1,0.2,0.3,!!!\n",
        "Tag=x,0.1,0.2,0.3,AAAA\n",
        "0.1,0.2,0.3,HISTFAAAAAx42pNpmSzMwMDAxAABzFCaEUoz2X+AsIQ4\n",
    ] {
        assert!(hdr::read(text.as_bytes(), 1.0).is_err(), "{text}");
    }
    assert_eq!(hdr::read(b"#[comment]\n", 1.0).unwrap().len(), 0);
}

/// What HdrHistogram_py says of a log: a row of count and quantiles for each interval; None when it
/// cannot be asked.
fn by_python(log: &[u8]) -> Option<Vec<Vec<f64>>> {
    const PROGRAM: &str = "
import json, sys
try:
    from hdrh.histogram import HdrHistogram
except ImportError:
    sys.exit(77)
rows = []
for line in sys.stdin.read().split('\\n'):
    line = line.strip()
    if not line or line.startswith('#') or line.startswith('\"'):
        continue
    found = HdrHistogram.decode(line.split(',')[-1])
    rows.append([found.get_total_count()] + [found.get_value_at_percentile(q) for q in (50, 90, 95, 99, 99.9)])
print(json.dumps(rows))
";
    let mut python = Command::new("python3")
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let _ = python.stdin.take().unwrap().write_all(log);
    let output = python.wait_with_output().unwrap();
    if output.status.code() == Some(77) {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn hdrhistogram_of_python_reads_what_is_written() {
    let (snapshot, lifetime) = latencies();
    let log = render(Format::HdrLog, &snapshot);
    let Some(rows) = by_python(log.as_bytes()) else {
        return eprintln!("skipped: Python has no hdrhistogram");
    };
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][0] as u64, lifetime.count);
    for (found, expected) in rows[0][1..].iter().zip(quantiles(&lifetime)) {
        assert_near(found / 1e9, expected, 0.002);
    }
}

/// Values nearer to each other than this are one value in the real logs.
const UNIT: f64 = 16384.0;

#[test]
fn real_logs_read_as_hdrhistogram_of_python_reads_them() {
    let folder = std::env::var_os("TIDEGATE_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    for name in ["jHiccup-2.0.7S.logV2.hlog", "tagged-Log.logV2.hlog"] {
        let Ok(log) = std::fs::read(folder.join(name)) else {
            return eprintln!("skipped: there is no {name}");
        };
        let intervals = hdr::read(&log, 1.0).unwrap();
        assert!(intervals.len() > 10);
        let Some(rows) = by_python(&log) else {
            return eprintln!("skipped: Python has no hdrhistogram");
        };
        assert_eq!(rows.len(), intervals.len());
        for (interval, row) in intervals.iter().zip(rows) {
            assert_eq!(interval.values.count, row[0] as u64);
            if interval.values.count > 0 {
                let count = interval.values.count as f64;
                for (quantile, expected) in QUANTILES.into_iter().zip(&row[1..]) {
                    // Its rank is rounded, ours is rounded up: they differ by one at most.
                    let rank = (quantile * count).ceil();
                    let near = [rank - 1.0, rank, rank + 1.0].map(|rank| {
                        let mut found = [0.0];
                        let quantile = ((rank - 0.5) / count).clamp(0.0, 1.0);
                        interval.values.quantiles(&[quantile], &mut found);
                        found[0]
                    });
                    let distance = |value: &f64| (value - expected).abs();
                    let found = near
                        .into_iter()
                        .min_by(|one, other| distance(one).total_cmp(&distance(other)));
                    // It tells the end of a bucket, we the middle: at least 2^14 apart in these logs,
                    // else two digits.
                    let apart = (found.unwrap() - expected).abs();
                    let bound = UNIT / 2.0 + 0.01 * expected;
                    assert!(apart <= bound, "{found:?} and {expected} are {apart} apart");
                }
            }
        }
        // Intervals merge into what a whole log's histogram would be.
        let whole = intervals
            .iter()
            .map(|interval| interval.values.clone())
            .reduce(|one, other| one.merge(&other))
            .unwrap();
        let counts = intervals.iter().map(|interval| interval.values.count);
        assert_eq!(whole.count, counts.sum::<u64>());
    }
}

#[test]
fn statsd_lines_keep_their_form_whatever_the_labels_are() {
    let mut snapshot = rich();
    for family in &mut snapshot.families {
        for series in &mut family.series {
            for (_, value) in &mut series.labels {
                *value = format!("{value}|c:1,#x\n@\r\0\u{2028}");
            }
        }
    }
    let text = render(Format::Statsd, &snapshot);
    assert!(
        text.contains("queries_total:18446744073709551615|g|#answer:"),
        "{text}"
    );
    for line in text.lines() {
        let (name, rest) = line.split_once(':').unwrap();
        assert!(
            !name.is_empty() && !name.contains(['|', '@', '#']),
            "{line}"
        );
        let mut parts = rest.split('|');
        let value: f64 = parts.next().unwrap().parse().unwrap();
        assert!(value.is_finite(), "{line}");
        assert_eq!(parts.next(), Some("g"), "{line}");
        if let Some(tags) = parts.next() {
            let tags = tags.strip_prefix('#').unwrap();
            assert!(
                tags.split(',').all(|tag| tag.matches(':').count() == 1),
                "{line}"
            );
        }
        assert_eq!(parts.next(), None, "{line}");
    }
}

#[test]
fn a_statsd_gauge_below_zero_is_set_and_not_lowered() {
    let mut snapshot = empty();
    snapshot.families = vec![sample::gauge("level", -2.5), sample::gauge("no", f64::NAN)];
    let text = render(Format::Statsd, &snapshot);
    assert!(text.contains("level:0|g\nlevel:-2.5|g\n"), "{text}");
    assert!(!text.contains("no:"), "{text}");
}

#[cfg(feature = "otlp")]
mod otlp {
    use super::*;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::Metric;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
    use prost::Message;
    use tidegate::engine::Engine;
    use tidegate::export::{Selection, bytes};

    fn decoded(snapshot: &Snapshot) -> Vec<Metric> {
        let written = bytes(Format::Otlp, snapshot, &Selection::default()).unwrap();
        let request = ExportMetricsServiceRequest::decode(written.as_slice()).unwrap();
        let mut resources = request.resource_metrics;
        assert_eq!(resources.len(), 1);
        let resource = resources.remove(0);
        assert_eq!(resource.resource.unwrap().attributes[0].key, "service.name");
        resource.scope_metrics.into_iter().next().unwrap().metrics
    }

    #[test]
    fn a_distribution_keeps_its_error_bound() {
        let (snapshot, lifetime) = latencies();
        let metrics = decoded(&snapshot);
        let Some(Data::ExponentialHistogram(histogram)) = &metrics[0].data else {
            panic!("{:?} is no exponential histogram", metrics[0]);
        };
        assert_eq!(
            (metrics[0].name.as_str(), metrics[0].unit.as_str()),
            ("wait", "s")
        );
        assert_eq!(histogram.aggregation_temporality, 2);
        let point = &histogram.data_points[0];
        let buckets = point.positive.as_ref().unwrap();
        assert_eq!(point.count, lifetime.count);
        assert_eq!(
            buckets.bucket_counts.iter().sum::<u64>() + point.zero_count,
            lifetime.count
        );
        assert!(buckets.bucket_counts.len() <= 641);
        let width = f64::from(point.scale).exp2().recip();
        for (quantile, expected) in QUANTILES.into_iter().zip(quantiles(&lifetime)) {
            let rank = (quantile * point.count as f64).ceil() as u64;
            let mut seen = point.zero_count;
            let at = buckets.bucket_counts.iter().position(|count| {
                seen += count;
                seen >= rank
            });
            let middle = f64::from(buckets.offset) + at.unwrap() as f64 + 0.5;
            assert_near((middle * width).exp2(), expected, width.exp2() - 1.0);
        }
    }

    #[test]
    fn a_difference_is_a_delta_from_its_beginning_on() {
        let engine = Engine::open(r#"{"clock": "manual"}"#).unwrap();
        let sent = engine.counter("sent", &Default::default()).unwrap();
        engine.add(sent, 5).unwrap();
        engine.record_metric(b"wait", 1.0).unwrap();
        let earlier = engine.snapshot();
        engine.add(sent, 7).unwrap();
        engine.record_metric(b"wait", 2.0).unwrap();
        let later = engine.snapshot();
        let metrics = decoded(&later.since_snapshot(&earlier).unwrap());
        for metric in &metrics {
            match &metric.data {
                Some(Data::Sum(sum)) => {
                    assert_eq!(sum.aggregation_temporality, 1);
                    let point = &sum.data_points[0];
                    assert_eq!(point.value, Some(Point::AsInt(7)));
                    assert_eq!(point.start_time_unix_nano, earlier.taken_wall_ns);
                    assert_eq!(point.time_unix_nano, later.taken_wall_ns);
                }
                Some(Data::ExponentialHistogram(histogram)) => {
                    assert_eq!(histogram.aggregation_temporality, 1);
                    assert_eq!(histogram.data_points[0].count, 1);
                    assert_eq!(histogram.data_points[0].sum, Some(2.0));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(metrics.len(), 2);
    }

    #[test]
    fn counters_and_gauges_are_what_they_are() {
        let metrics = decoded(&rich());
        let find = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
        let Some(Data::Sum(sum)) = &find("sent").data else {
            panic!("sent is no sum");
        };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
        assert_eq!(sum.data_points[0].value, Some(Point::AsInt(1024)));
        assert_eq!(find("sent").unit, "By");
        let Some(Data::Gauge(gauge)) = &find("used").data else {
            panic!("used is no gauge");
        };
        assert_eq!(gauge.data_points[0].value, Some(Point::AsDouble(0.375)));
        // More than the format can hold is the most that it can.
        let Some(Data::Sum(sum)) = &find("queries_total").data else {
            panic!("queries_total is no sum");
        };
        assert_eq!(sum.data_points[0].value, Some(Point::AsInt(i64::MAX)));
    }
}
