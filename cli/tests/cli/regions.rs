//! `snapshot` and `watch` on regions that other processes write, or wrote until they were killed.

use crate::program::{
    ADMITTED, CHECKS, Folder, JOBS, Writer, run, sentence_of, stdout_of, tidegate,
};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tidegate::engine::Engine;

fn on(verb: &str, path: &Path, flags: &[&str]) -> Vec<std::ffi::OsString> {
    let flags = flags.iter().map(OsStr::new);
    [OsStr::new(verb), path.as_os_str()]
        .into_iter()
        .chain(flags)
        .map(OsStr::to_owned)
        .collect()
}

/// The cells of the row that begins with `name`.
fn row<'t>(table: &'t str, name: &str) -> Vec<&'t str> {
    let line = table.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no row {name} in\n{table}"));
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

fn thousands(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

#[test]
fn a_snapshot_of_a_living_region_tells_its_numbers() {
    let folder = Folder::new();
    let path = folder.path("region");
    let _writer = Writer::start(&path);
    let text = stdout_of(&run(on("snapshot", &path, &[])));
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["service"], "testing");
    assert!(text.contains("jobs") && text.contains("per_user"), "{text}");
    let text = stdout_of(&run(on("snapshot", &path, &["--format", "prometheus"])));
    let jobs = text
        .lines()
        .find(|line| line.starts_with("jobs_total{kind=\"mail\""))
        .expect("the counter");
    assert!(jobs.ends_with(&format!(" {JOBS}")), "{jobs}");
}

#[test]
fn one_table_shows_totals_rates_and_workers() {
    let folder = Folder::new();
    let path = folder.path("region");
    let writers = [Writer::start(&path), Writer::start(&path)];
    let table = stdout_of(&run(on("watch", &path, &["--once", "--interval", "300ms"])));
    assert_eq!(
        row(&table, "jobs{kind=\"mail\"}")[1..],
        [&thousands(2 * JOBS), "0"]
    );
    let ticks = row(&table, "ticks");
    let rate: f64 = ticks[2].replace(',', "").parse().expect("a rate");
    assert!(rate > 10.0 && rate <= 2100.0, "{table}");
    assert_eq!(row(&table, "queue_depth")[1..], ["7.50"]);
    let times = row(&table, "job_seconds");
    assert_eq!(times[1..3], [&thousands(2 * JOBS), "0"]);
    assert_eq!(times[6..], ["100.00 ms", "60 s"], "{table}");
    let limiter = row(&table, "per_user");
    assert_eq!(limiter[1..3], ["0", "0"], "{table}");
    let denied = CHECKS - ADMITTED;
    assert_eq!(
        limiter[3..5],
        [(2 * ADMITTED).to_string(), (2 * denied).to_string()],
        "{table}"
    );
    assert!(limiter[5].starts_with("2 of "), "{table}");
    assert!(
        table.contains("workers: 2 alive, 0 died, 2 attached in all\n"),
        "{table}"
    );
    for writer in &writers {
        assert_eq!(row(&table, &writer.pid().to_string())[1], "alive");
    }
}

#[test]
fn after_all_writers_were_killed_the_region_still_tells_what_they_did() {
    let folder = Folder::new();
    let path = folder.path("region");
    let writers = [
        Writer::start(&path),
        Writer::start(&path),
        Writer::start(&path),
    ];
    let pids: Vec<u32> = writers.iter().map(Writer::pid).collect();
    writers.into_iter().for_each(Writer::kill);
    let table = stdout_of(&run(on("watch", &path, &["--once", "--interval", "50ms"])));
    assert_eq!(
        row(&table, "jobs{kind=\"mail\"}")[1..],
        [&thousands(3 * JOBS), "0"]
    );
    assert_eq!(row(&table, "per_user")[3], (3 * ADMITTED).to_string());
    assert_eq!(row(&table, "ticks")[2], "0");
    assert!(
        table.contains("workers: 0 alive, 3 died, 3 attached in all; nobody writes any more"),
        "{table}"
    );
    for pid in pids {
        assert_eq!(row(&table, &pid.to_string())[1], "dead");
    }
    assert!(stdout_of(&run(on("snapshot", &path, &[]))).contains("testing"));
}

#[test]
fn looking_changes_not_one_byte() {
    let folder = Folder::new();
    let path = folder.path("region");
    Writer::start(&path).kill();
    let before = std::fs::read(&path).unwrap();
    stdout_of(&run(on("snapshot", &path, &[])));
    stdout_of(&run(on("watch", &path, &["--once", "--interval", "50ms"])));
    assert!(before == std::fs::read(&path).unwrap());
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_one_sentence() {
    let folder = Folder::new();
    let good = folder.path("region");
    Writer::start(&good).kill();
    let bytes = std::fs::read(&good).unwrap();
    let mut noise = vec![0u8; 1 << 20];
    let mut state = 1u64;
    for byte in &mut noise {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    let mut flipped = bytes.clone();
    flipped[24] ^= 1;
    std::os::unix::fs::symlink(&good, folder.path("link")).unwrap();
    std::fs::create_dir(folder.path("folder")).unwrap();
    let cases = [
        (folder.path("missing"), "no region"),
        (folder.path("folder"), "not a regular file"),
        (folder.path("link"), "symbolic link"),
        (folder.file("empty", b""), "too few"),
        (folder.file("text", b"hello"), "too few"),
        (folder.file("noise", &noise), "not a tidegate region"),
        (folder.file("cut", &bytes[..bytes.len() / 2]), "truncated"),
        (folder.file("flipped", &flipped), "damaged"),
    ];
    for (path, part) in cases {
        for verb in ["snapshot", "watch"] {
            let sentence = sentence_of(&run(on(verb, &path, &[])), 1);
            assert!(sentence.contains(path.to_str().unwrap()), "{sentence}");
            assert!(sentence.contains(part), "{sentence}");
        }
    }
}

/// A `watch` that runs, and what it prints.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(path: &Path) -> Self {
        let mut command = tidegate(on("watch", path, &["--interval", "100ms"]));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    /// Reads until a line contains `part`.
    fn until(&mut self, part: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "the program ended before it said {part:?}");
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a signal.
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Exit code and what it said on standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.lines.read_to_end(&mut rest).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

#[test]
fn tables_follow_each_other_until_it_is_told_to_stop() {
    let folder = Folder::new();
    let path = folder.path("region");
    let _writer = Writer::start(&path);
    for signal in ["INT", "TERM", "HUP"] {
        let mut running = Running::start(&path);
        for _ in 0..3 {
            running.until("testing");
            running.until("ticks");
        }
        running.signal(signal);
        assert_eq!(running.end(), (Some(0), String::new()), "{signal}");
    }
}

#[test]
fn a_file_that_is_removed_or_replaced_is_noticed() {
    let folder = Folder::new();
    let path = folder.path("region");
    let first = Writer::start(&path);
    let mut running = Running::start(&path);
    running.until("attached in all");
    std::fs::remove_file(&path).unwrap();
    running.until("the file was removed");
    let second = Writer::start(&path);
    running.until("replaced by a new region");
    running.until(&second.pid().to_string());
    drop(first);
    std::fs::write(folder.path("other"), b"hello").unwrap();
    std::fs::rename(folder.path("other"), &path).unwrap();
    running.until("not by a region that can be read");
    running.signal("INT");
    assert_eq!(running.end(), (Some(0), String::new()));
}

#[test]
fn a_file_that_is_cut_short_meanwhile_ends_it_with_a_sentence() {
    let folder = Folder::new();
    let path = folder.path("region");
    Writer::start(&path).kill();
    let mut running = Running::start(&path);
    running.until("attached in all");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(4096)
        .unwrap();
    let (code, errors) = running.end();
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("was cut from"), "{errors}");
}

#[test]
fn a_reader_who_goes_away_ends_watching_quietly() {
    let folder = Folder::new();
    let path = folder.path("region");
    Writer::start(&path).kill();
    let mut running = Running::start(&path);
    running.until("attached in all");
    let Running { child, lines } = running;
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.len()),
        (Some(0), 0),
        "{output:?}"
    );
}

#[test]
fn on_a_terminal_the_table_fits_the_window() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: there is no script(1) to make a terminal with");
        return;
    }
    let folder = Folder::new();
    let path = folder.path("region");
    Writer::start(&path).kill();
    let program = env!("CARGO_BIN_EXE_tidegate");
    let watch = format!(
        "stty rows 12 cols 40; timeout --preserve-status -s INT 1 {program} watch {} --interval 200ms; echo ended $?",
        path.display()
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &watch, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let pages: Vec<&str> = text.split("\u{1b}[H").skip(1).collect();
    assert!(pages.len() >= 2, "{text:?}");
    for page in &pages {
        let drawn = page.split("\u{1b}[J").next().unwrap();
        let lines: Vec<&str> = drawn.split("\u{1b}[K").map(str::trim).collect();
        assert!(lines.len() <= 12, "{page:?}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 40),
            "{page:?}"
        );
    }
    assert!(text.contains("ended 0"), "{text:?}");
}

#[test]
fn snapshots_of_two_regions_are_merged_and_one_is_subtracted() {
    let folder = Folder::new();
    let document = |name: &str, requests: u64| {
        let path = folder.path(name);
        let config = serde_json::json!({"region": {"path": path}}).to_string();
        let engine = Engine::open(&config).unwrap();
        let id = engine.counter("requests", &Default::default()).unwrap();
        engine.add(id, requests).unwrap();
        engine.record_metric(b"wait_seconds", 0.25).unwrap();
        let text = stdout_of(&run(on("snapshot", &path, &["--buckets"])));
        let file = folder.path(&format!("{name}.json"));
        std::fs::write(&file, text).unwrap();
        engine.add(id, 5).unwrap();
        let later = run(on("snapshot", &path, &["--since", file.to_str().unwrap()]));
        let later: Value = serde_json::from_str(&stdout_of(&later)).unwrap();
        assert_eq!(later["counters"][0]["value"], 5);
        assert_eq!(later["histograms"][0]["interval"]["count"], 0);
        file
    };
    let (one, other) = (document("one", 3), document("other", 4));
    let merged = stdout_of(&run([&one, &other].iter().fold(
        vec!["merge".into()],
        |mut all: Vec<std::ffi::OsString>, file| {
            all.push(file.into());
            all
        },
    )));
    let merged: Value = serde_json::from_str(&merged).unwrap();
    assert_eq!(merged["counters"][0]["value"], 7);
    assert_eq!(merged["histograms"][0]["lifetime"]["count"], 2);
    assert_eq!(merged["sources"].as_array().unwrap().len(), 2);
    let twice = run(["merge".as_ref(), one.as_os_str(), one.as_os_str()]);
    assert!(sentence_of(&twice, 1).contains("would be there twice"));
}
