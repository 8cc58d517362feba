//! Counters, histograms, quantiles, and recording by name.

use crate::Bench;
use crate::input::{self, LATENCIES, Random};
use crate::measure::Group;
use crate::shared_library::Library;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use prometheus_client::metrics::family::Family;
use std::ffi::CString;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tidegate::cell::planes::Planes;
use tidegate::engine::Engine;

const COUNTER: (f64, f64) = (5.0, 6.0);
const HISTOGRAM: (f64, f64) = (9.0, 11.0);
const QUANTILES: (f64, f64) = (1000.0, 1000.0);
const BY_NAME: (f64, f64) = (30.0, 40.0);

/// What prometheus clients are usually given: 11 buckets.
const EDGES: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Clients with a series of their own.
const CLIENTS: usize = 1000;
const ASKED: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

pub fn run(bench: &Bench) {
    let latencies = input::latencies(LATENCIES);
    let library = bench.library.as_ref();
    bench.group("counter: add one", || counters(library));
    bench.group("histogram: record a latency", || {
        histograms(library, &latencies)
    });
    bench.group(
        "histogram: p50, p90, p95, p99, p99.9 of 1,000,000 samples",
        || quantiles(library),
    );
    // Where 1,000 series of any kind do not fit in a near cache, and where those in use do.
    for (title, busy) in [
        ("by name: record, 1,000 clients, all equally busy", CLIENTS),
        ("by name: record, 1,000 clients, ten of them busy", 10),
    ] {
        bench.group(title, || by_name(title, library, &latencies, busy));
    }
}

pub fn engine() -> Engine {
    Engine::open("{}").expect("the default configuration is good")
}

fn counters(library: Option<&Library>) -> Group<'_> {
    let mut group = Group::new("counter: add one");
    let engine = engine();
    let planes = Planes::of(engine.region());
    let column = engine.region().layout().limits.max_series as usize;
    // The planes point into the region, which lives as long as this closure.
    let owner = engine;
    group.add("floor: per-CPU add", move |_| {
        black_box(&owner);
        planes.add(column, 1);
    });
    let word = AtomicU64::new(0);
    group.add("floor: one fetch_add", move |_| {
        word.fetch_add(1, Ordering::Relaxed)
    });
    if let Some(library) = library {
        group.add("floor: an empty call through C", |_| library.nothing());
        let id = library.counter("calls");
        group.add_ours("tidegate through C", COUNTER, move |_| library.add(id));
    }
    let engine = self::engine();
    let id = engine
        .counter("calls", &Default::default())
        .expect("a counter");
    group.add("tidegate", move |_| engine.add(id, 1).is_ok());

    let counter = prometheus::IntCounter::new("calls", "calls").expect("a counter");
    group.add("prometheus", move |_| counter.inc());
    let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
    group.add("prometheus-client", move |_| counter.inc());
    let counter = measured::Counter::new();
    group.add("measured", move |_| counter.inc());
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let counter = metrics::with_local_recorder(&recorder, || metrics::counter!("calls"));
    group.add("metrics-exporter-prometheus, a kept handle", move |_| {
        counter.increment(1)
    });
    let provider = opentelemetry();
    let counter = provider.meter("bench").u64_counter("calls").build();
    group.add("opentelemetry_sdk", move |_| {
        black_box(&provider);
        counter.add(1, &[]);
    });
    group
}

fn histograms<'a>(library: Option<&'a Library>, latencies: &'a [f64]) -> Group<'a> {
    let latency = |at: usize| latencies[at % LATENCIES];
    let nanoseconds: Vec<u64> = latencies.iter().map(|value| (value * 1e9) as u64).collect();
    let mut group = Group::new("histogram: record a latency");
    let engine = engine();
    let planes = Planes::of(engine.region());
    let column = engine.region().layout().limits.max_series as usize;
    // A bucket's add and the sum's: what recording cannot do without.
    group.add(
        "floor: coarse clock, per-CPU adds to 1 of 512 and to a sum",
        move |at| {
            let value = latency(at);
            black_box(engine.region().clock().coarse());
            planes.add(value.to_bits() as usize >> 46 & 511, 1);
            planes.add_f64(column, value);
        },
    );
    let engine = self::engine();
    group.add("floor: coarse clock", move |_| {
        engine.region().clock().coarse()
    });
    let counts: Vec<AtomicU64> = (0..512).map(|_| AtomicU64::new(0)).collect();
    group.add("floor: one fetch_add, 1 of 512", move |at| {
        counts[latency(at).to_bits() as usize >> 46 & 511].fetch_add(1, Ordering::Relaxed)
    });
    if let Some(library) = library {
        let id = library.histogram("latency");
        group.add_ours("tidegate through C", HISTOGRAM, move |at| {
            library.record(id, latency(at))
        });
    }
    let engine = self::engine();
    let id = engine
        .histogram("latency", &Default::default())
        .expect("a histogram");
    group.add("tidegate", move |at| engine.record(id, latency(at)).is_ok());

    let recorded = Mutex::new(hdrhistogram_of_latencies());
    let values = nanoseconds.clone();
    group.add_alone("hdrhistogram: no window, no sum, one thread", move |turn| {
        let mut recorded = recorded.lock().expect("nobody panics");
        turn.for_each(|at| recorded.saturating_record(values[at % LATENCIES]));
    });
    let recorded = histogram::AtomicHistogram::new(7, 64).expect("a histogram");
    group.add("histogram (atomic): no window, no sum", move |at| {
        recorded.increment(nanoseconds[at % LATENCIES]).is_ok()
    });
    let options = prometheus::HistogramOpts::new("latency", "latency").buckets(EDGES.to_vec());
    let recorded = prometheus::Histogram::with_opts(options).expect("a histogram");
    group.add("prometheus: 11 buckets", move |at| {
        recorded.observe(latency(at))
    });
    let recorded = prometheus_client::metrics::histogram::Histogram::new(EDGES);
    group.add("prometheus-client: 11 buckets", move |at| {
        recorded.observe(latency(at))
    });
    let thresholds = measured::metric::histogram::Thresholds::with_buckets(EDGES);
    let recorded = measured::Histogram::with_metadata(thresholds);
    group.add("measured: 11 buckets", move |at| {
        recorded.observe(latency(at))
    });
    let recorded = Mutex::new(ddsketch());
    group.add("sketches-ddsketch in a Mutex", move |at| {
        recorded.lock().expect("nobody panics").add(latency(at));
    });
    let provider = opentelemetry();
    let recorded = provider.meter("bench").f64_histogram("latency").build();
    group.add("opentelemetry_sdk, exponential", move |at| {
        black_box(&provider);
        recorded.record(latency(at), &[]);
    });
    group
}

fn quantiles(library: Option<&Library>) -> Group<'_> {
    let samples = input::latencies(1_000_000);
    let mut group = Group::new("histogram: p50, p90, p95, p99, p99.9 of 1,000,000 samples");
    let counts: Vec<AtomicU64> = (0..16 * 64).map(AtomicU64::new).collect();
    // What every answer has to read: 16 octaves of 64 buckets on two CPUs would be twice this.
    group.add("floor: sum of 1,024 counts", move |_| {
        counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum::<u64>()
    });
    if let Some(library) = library {
        let id = library.histogram("samples");
        samples.iter().for_each(|value| {
            library.record(id, *value);
        });
        group.add_ours("tidegate through C, lifetime", QUANTILES, move |_| {
            let mut out = [0.0; ASKED.len()];
            library.quantiles(id, 0.0, &ASKED, &mut out);
            out
        });
        group.add_ours("tidegate through C, last 60 s", QUANTILES, move |_| {
            let mut out = [0.0; ASKED.len()];
            library.quantiles(id, 60.0, &ASKED, &mut out);
            out
        });
    }
    let engine = engine();
    let id = engine
        .histogram("samples", &Default::default())
        .expect("a histogram");
    samples
        .iter()
        .for_each(|value| engine.record(id, *value).expect("a good value"));
    group.add("tidegate, lifetime", move |_| {
        let mut out = [0.0; ASKED.len()];
        engine
            .quantiles(id, 0.0, &ASKED, &mut out)
            .map(|()| out)
            .ok()
    });

    let mut sketch = ddsketch();
    samples.iter().for_each(|value| sketch.add(*value));
    group.add("sketches-ddsketch: 1 %", move |_| {
        ASKED.map(|asked| sketch.quantile(asked).ok())
    });
    let mut recorded = histogram::Histogram::new(7, 64).expect("a histogram");
    samples.iter().for_each(|value| {
        recorded.increment((value * 1e9) as u64).expect("in range");
    });
    group.add("histogram", move |_| recorded.quantiles(&ASKED).is_ok());
    let mut recorded = hdrhistogram_of_latencies();
    samples
        .iter()
        .for_each(|value| recorded.saturating_record((value * 1e9) as u64));
    group.add("hdrhistogram, asked five times", move |_| {
        ASKED.map(|asked| recorded.value_at_quantile(asked))
    });
    group
}

fn by_name<'a>(
    title: &'a str,
    library: Option<&'a Library>,
    latencies: &'a [f64],
    busy: usize,
) -> Group<'a> {
    let latency = |at: usize| latencies[at % LATENCIES];
    let mut random = Random::new();
    let clients: Vec<usize> = (0..LATENCIES)
        .map(|_| random.next() as usize % busy)
        .collect();
    let clients = &*clients.leak();
    let client = move |at: usize| clients[at % LATENCIES];
    let names: Vec<String> = (0..CLIENTS)
        .map(|at| format!("latency:client{at:04}"))
        .collect();
    let names: &'static [String] = names.leak();
    let mut group = Group::new(title);
    let counts: Vec<AtomicU64> = (0..CLIENTS * 64).map(|_| AtomicU64::new(0)).collect();
    group.add("floor: one fetch_add, 1 of 1,000 cache lines", move |at| {
        counts[client(at) * 64].fetch_add(1, Ordering::Relaxed)
    });
    if let Some(library) = library {
        let texts: Vec<CString> = names
            .iter()
            .map(|name| CString::new(name.as_str()).expect("no NUL"))
            .collect();
        texts.iter().for_each(|name| {
            library.record_by_name(name, 0.005);
        });
        group.add_ours("tidegate through C", BY_NAME, move |at| {
            library.record_by_name(&texts[client(at)], latency(at))
        });
    }
    let engine = engine();
    for name in names {
        engine
            .record_metric(name.as_bytes(), 0.005)
            .expect("room for it");
    }
    group.add("tidegate", move |at| {
        engine
            .record_metric(names[client(at)].as_bytes(), latency(at))
            .is_ok()
    });

    let options = prometheus::HistogramOpts::new("latency", "latency").buckets(EDGES.to_vec());
    let recorded = prometheus::HistogramVec::new(options, &["client"]).expect("a histogram");
    for name in names {
        recorded.with_label_values(&[name]).observe(0.005);
    }
    group.add("prometheus: with_label_values", move |at| {
        recorded
            .with_label_values(&[&names[client(at)]])
            .observe(latency(at));
    });
    type ClientFamily = Family<
        [(&'static str, &'static str); 1],
        prometheus_client::metrics::histogram::Histogram,
        fn() -> prometheus_client::metrics::histogram::Histogram,
    >;
    let recorded = ClientFamily::new_with_constructor(|| {
        prometheus_client::metrics::histogram::Histogram::new(EDGES)
    });
    for name in names {
        recorded
            .get_or_create(&[("client", name.as_str())])
            .observe(0.005);
    }
    group.add("prometheus-client: get_or_create", move |at| {
        recorded
            .get_or_create(&[("client", names[client(at)].as_str())])
            .observe(latency(at));
    });
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    group.add_alone("metrics macro, one label: a counter only", move |turn| {
        metrics::with_local_recorder(&recorder, || {
            for at in turn {
                metrics::counter!("calls", "client" => names[client(at)].as_str()).increment(1);
            }
        });
    });
    let provider = opentelemetry();
    let recorded = provider.meter("bench").f64_histogram("latency").build();
    group.add("opentelemetry_sdk, one attribute", move |at| {
        black_box(&provider);
        let attribute = KeyValue::new("client", names[client(at)].as_str());
        recorded.record(latency(at), &[attribute]);
    });
    group
}

/// 2 digits: 1 %, from a nanosecond to an hour.
fn hdrhistogram_of_latencies() -> hdrhistogram::Histogram<u64> {
    hdrhistogram::Histogram::new_with_bounds(1, 3_600_000_000_000, 2).expect("good bounds")
}

fn ddsketch() -> sketches_ddsketch::DDSketch {
    sketches_ddsketch::DDSketch::new(sketches_ddsketch::Config::defaults())
}

/// Where opentelemetry's numbers go, once a day: nowhere.
struct Nowhere;

impl PushMetricExporter for Nowhere {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn opentelemetry() -> SdkMeterProvider {
    let day = Duration::from_secs(86_400);
    let reader = PeriodicReader::builder(Nowhere).with_interval(day).build();
    let exponential = |instrument: &opentelemetry_sdk::metrics::Instrument| {
        if instrument.name() != "latency" {
            return None;
        }
        let aggregation = Aggregation::Base2ExponentialHistogram {
            max_size: 160,
            max_scale: 20,
            record_min_max: true,
        };
        Stream::builder().with_aggregation(aggregation).build().ok()
    };
    SdkMeterProvider::builder()
        .with_reader(reader)
        .with_view(exponential)
        .build()
}
