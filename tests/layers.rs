//! No arrow points up: a file uses only layers below its own.

use std::path::{Path, PathBuf};

/// What each layer may use beside itself; an order, with two rules that an order cannot say:
/// metrics and guards do not know each other, and exporters read snapshots only.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("base", &[]),
    ("region", &["base"]),
    ("cell", &["base", "region"]),
    ("metrics", &["base", "region", "cell"]),
    ("guard", &["base", "region", "cell"]),
    ("objective", &["base", "region", "cell", "metrics"]),
    (
        "snapshot",
        &["base", "region", "cell", "metrics", "guard", "objective"],
    ),
    ("health", &["snapshot", "base"]),
    ("export", &["base", "snapshot", "health"]),
    (
        "engine",
        &[
            "base",
            "region",
            "cell",
            "metrics",
            "guard",
            "objective",
            "snapshot",
            "health",
        ],
    ),
    (
        "ffi",
        &[
            "base", "region", "cell", "metrics", "guard", "snapshot", "health", "export", "engine",
        ],
    ),
];

/// Plain data and names below the snapshot that exporters and health may name.
const PLAIN: [&str; 14] = [
    "base::limits",
    "base::name",
    "base::outcome",
    "cell::buckets",
    "cell::histogram::Bucket",
    "cell::histogram::Distribution",
    "cell::histogram::edges",
    "metrics::Kind",
    "metrics::registry::exported",
    "guard::",
    "objective::Goal",
    "objective::ObjectiveReading",
    "objective::Source",
    "objective::State",
];

/// Of the guards, exporters may name what a reading is made of.
const GUARD_PLAIN: [&str; 15] = [
    "BulkheadReading",
    "RetryReading",
    "ChainReading",
    "Part",
    "ThrottleReading",
    "BreakerReading",
    "BreakerPhase",
    "LimiterReading",
    "LimiterPolicy",
    "Algorithm",
    "Keyed",
    "WhenFull",
    "Tallies",
    "TopKey",
    "TopKeys",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Code without comments, doc comments, and tests at the foot of a file.
fn code(text: &str) -> String {
    let text = text.split("\nmod tests {").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path that begins at the crate's root, `{…}` spelled out.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        let end = part.find(';').unwrap_or(part.len());
        expand("", &part[..end], &mut found);
    }
    found
}

fn expand(prefix: &str, text: &str, into: &mut Vec<String>) {
    let end = text
        .find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'))
        .unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !text[end..].starts_with('{') || !path.is_empty() && !path.ends_with("::") {
        into.push(path);
        return;
    }
    let mut depth = 0;
    let mut from = end + 1;
    for (at, letter) in text.char_indices().skip_while(|(at, _)| *at < end) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && letter == ',' {
            let item = text[from..at].trim();
            if !item.is_empty() {
                expand(&path, item, into);
            }
            from = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
}

fn is_plain(path: &str) -> bool {
    match path.strip_prefix("guard::") {
        Some(rest) => GUARD_PLAIN.contains(&rest.rsplit("::").next().unwrap_or_default()),
        None => PLAIN
            .iter()
            .any(|plain| path == *plain || path.starts_with(&format!("{plain}::"))),
    }
}

fn complaint(layer: &str, path: &str) -> Option<String> {
    let used = path.split("::").next().unwrap_or_default();
    let (_, may_use) = MAY_USE.iter().find(|(name, _)| *name == layer)?;
    let is_layer = MAY_USE.iter().any(|(name, _)| *name == used);
    let is_allowed = used == layer
        || may_use.contains(&used)
        || matches!(layer, "export" | "health") && is_plain(path)
        || !is_layer && used.is_empty();
    (!is_allowed).then(|| format!("{layer} uses {path}"))
}

#[test]
fn no_arrow_points_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut complaints = Vec::new();
    let mut seen = 0;
    for file in files {
        let inside = file.strip_prefix(&root).expect("below src");
        let layer = inside
            .iter()
            .next()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let name = inside
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if layer == "lib.rs" || layer == "loom_tests" || name == "tests" || name == "loom" {
            continue;
        }
        assert!(
            MAY_USE.iter().any(|(known, _)| *known == layer),
            "{layer} is in no list"
        );
        let text = std::fs::read_to_string(&file).expect("a source");
        for path in paths(&code(&text)) {
            seen += 1;
            complaints.extend(
                complaint(layer, &path).map(|found| format!("{}: {found}", inside.display())),
            );
        }
    }
    assert!(
        seen > 100,
        "only {seen} uses were found: does this test still read the sources?"
    );
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn nested_uses_are_read() {
    let found = paths(&code(
        "use crate::{base::{error::Error, limits}, cell};\n// crate::ffi\n",
    ));
    assert_eq!(found, ["base::error::Error", "base::limits", "cell"]);
    assert!(complaint("metrics", "guard::Verdict").is_some());
    assert!(complaint("guard", "metrics::Kind").is_some());
    assert!(complaint("export", "region::Region").is_some());
    assert!(complaint("export", "cell::histogram::Histogram").is_some());
    assert!(complaint("export", "cell::histogram::Distribution").is_none());
    assert!(complaint("base", "region::Region").is_some());
    assert!(complaint("engine", "snapshot::Snapshot").is_none());
}
