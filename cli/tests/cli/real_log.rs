//! Ten thousand real requests, whose times run backwards 4,915 times, against the slow model.

use crate::model::{Model, Request, Rule, request};
use crate::program::{Folder, run, stdout_of};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

fn log() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/access.log");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: there is no {}", path.display());
    None
}

/// Exactly as `config` below; windows of at most 64, where the library promises to be exact.
fn models() -> Vec<Model> {
    let bucket = |burst, numerator, denominator| Rule::Bucket {
        burst,
        numerator,
        denominator,
    };
    vec![
        Model::new(
            "standard",
            true,
            Rule::Log {
                limit: 60,
                window: 60,
            },
        ),
        Model::new(
            "strict",
            true,
            Rule::Log {
                limit: 10,
                window: 60,
            },
        ),
        Model::new(
            "auth",
            true,
            Rule::Log {
                limit: 5,
                window: 900,
            },
        ),
        Model::new(
            "day",
            true,
            Rule::Log {
                limit: 64,
                window: 86_400,
            },
        ),
        Model::new("steady", true, bucket(20, 1, 5)),
        Model::new("odd", true, bucket(3, 7, 100)),
        Model::new("slow", true, bucket(2, 1, 1024)),
        Model::new("site", false, bucket(50, 5, 4)),
        Model::new(
            "site_window",
            false,
            Rule::Log {
                limit: 40,
                window: 17,
            },
        ),
    ]
}

fn config() -> Value {
    let bucket = |rate: f64, burst: u32, keyed: bool| json!({"algorithm": "token_bucket", "rate_per_second": rate, "burst": burst, "keyed": keyed});
    let window = |limit: u32, seconds: u32, keyed: bool| json!({"algorithm": "sliding_window", "limit": limit, "window_seconds": seconds, "keyed": keyed});
    json!({"limiters": {
        "standard": {"preset": "standard", "keyed": true},
        "strict": {"preset": "strict", "keyed": true},
        "auth": {"preset": "auth", "keyed": true},
        "day": window(64, 86_400, true),
        "steady": bucket(0.2, 20, true),
        "odd": bucket(0.07, 3, true),
        "slow": bucket(0.000_976_562_5, 2, true),
        "site": bucket(1.25, 50, false),
        "site_window": window(40, 17, false),
    }})
}

/// Requests and denials of a client.
#[derive(Default)]
struct Tally {
    requests: u64,
    denied: u64,
}

#[test]
fn every_number_of_the_real_log_is_the_model_s() {
    let Some(log) = log() else { return };
    let folder = Folder::new();
    let config = folder.file("config.json", config().to_string().as_bytes());
    let report = stdout_of(&run([
        "replay",
        "--json",
        "--config",
        config.to_str().unwrap(),
        log.to_str().unwrap(),
    ]));
    let report: Value = serde_json::from_str(&report).unwrap();

    let mut models = models();
    let mut clients: HashMap<String, Tally> = HashMap::new();
    let mut classes: HashMap<String, u64> = HashMap::new();
    let (mut sizes, mut steps_back, mut behind, mut denied_by_any) = (Vec::new(), 0u64, 0u64, 0u64);
    let (mut clock, mut previous) = (i64::MIN, i64::MIN);
    let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    for line in text.lines() {
        let Request {
            client,
            at,
            class,
            bytes,
        } = request(line);
        steps_back += u64::from(at < previous);
        behind += u64::from(at < clock);
        previous = at;
        clock = clock.max(at);
        // Not `all`: every limiter is asked.
        let denials = models
            .iter_mut()
            .filter_map(|model| (!model.admits(client, clock)).then_some(()))
            .count();
        let tally = clients.entry(client.to_owned()).or_default();
        tally.requests += 1;
        tally.denied += u64::from(denials > 0);
        denied_by_any += u64::from(denials > 0);
        *classes.entry(format!("{class}xx")).or_default() += 1;
        sizes.extend(bytes);
    }

    assert_eq!(report["lines"], text.lines().count());
    assert_eq!(report["requests"], text.lines().count());
    assert_eq!(report["malformed"]["lines"], 0);
    for model in &models {
        let limiters = report["limiters"].as_array().unwrap();
        let found = limiters
            .iter()
            .find(|limiter| limiter["name"] == model.name)
            .unwrap();
        assert_eq!(
            (&found["admitted"], &found["denied"]),
            (&json!(model.admitted), &json!(model.denied)),
            "{}",
            model.name
        );
        assert!(
            model.admitted > 0 && model.denied > 0,
            "{} decides nothing",
            model.name
        );
    }
    assert_eq!(report["denied_by_any"], denied_by_any);
    assert_eq!(report["time"]["steps_back"]["lines"], steps_back);
    assert_eq!(report["time"]["behind_clock"]["lines"], behind);
    assert_eq!(report["time"]["last_unix"], clock);
    for (class, count) in report["responses"].as_object().unwrap() {
        assert_eq!(
            *count,
            json!(classes.get(class).copied().unwrap_or(0)),
            "{class}"
        );
    }
    check_clients(&report["clients"], &clients);
    check_sizes(&report["sizes"], sizes);
}

fn check_clients(report: &Value, clients: &HashMap<String, Tally>) {
    assert_eq!(report["known"], clients.len());
    assert_eq!(report["forgotten"], 0);
    let mut order: Vec<(&String, &Tally)> = clients
        .iter()
        .filter(|(_, tally)| tally.denied > 0)
        .collect();
    order.sort_by(|(name, one), (other_name, other)| {
        (other.denied, other.requests, name).cmp(&(one.denied, one.requests, other_name))
    });
    let top: Vec<Value> = order
        .iter()
        .take(10)
        .map(|(name, tally)| json!({"client": name, "denied": tally.denied, "requests": tally.requests}))
        .collect();
    assert_eq!(report["top_denied"], Value::Array(top));
}

fn check_sizes(report: &Value, mut sizes: Vec<u64>) {
    sizes.sort_unstable();
    assert_eq!(report["count"], sizes.len());
    assert_eq!(
        report["sum"].as_f64().unwrap(),
        sizes.iter().sum::<u64>() as f64
    );
    assert_eq!(
        report["max"].as_f64().unwrap(),
        *sizes.last().unwrap() as f64
    );
    for (name, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let rank = (quantile * sizes.len() as f64).ceil() as usize;
        let exact = sizes[rank - 1] as f64;
        let found = report[name].as_f64().unwrap();
        assert!(
            (found - exact).abs() <= 0.008 * exact,
            "{name}: {found} is not near {exact}"
        );
    }
}
