//! Exit codes, help, pipes that close, and `check`.

use crate::program::{Folder, run, run_with, sentence_of, stdout_of, tidegate};
use std::process::Stdio;

#[test]
fn help_and_version_go_to_standard_output() {
    assert!(stdout_of(&run(["--help"])).contains("tidegate VERB"));
    assert_eq!(
        stdout_of(&run(["--version"])),
        format!("tidegate {}\n", env!("CARGO_PKG_VERSION"))
    );
    for verb in ["snapshot", "watch", "check", "replay"] {
        assert!(stdout_of(&run([verb, "--help"])).starts_with(&format!("usage: tidegate {verb}")));
    }
}

#[test]
fn a_wrong_call_says_so_and_exits_with_2() {
    assert!(sentence_of(&run([""; 0]), 2).contains("which verb?"));
    assert!(sentence_of(&run(["top"]), 2).contains("\"top\""));
    assert!(sentence_of(&run(["watch"]), 2).contains("needs a PATH"));
    assert!(sentence_of(&run(["watch", "x", "--interval", "soon"]), 2).contains("--interval"));
    assert!(sentence_of(&run(["snapshot", "x", "--format=xml"]), 2).contains("--format"));
    assert!(sentence_of(&run(["check", "x", "--fix"]), 2).contains("--fix"));
    assert!(sentence_of(&run(["replay", "-", "--config", "-"]), 2).contains("only one"));
}

#[test]
fn a_reader_who_goes_away_ends_the_program_quietly() {
    let log = format!("{}/tests/data/small.log", env!("CARGO_MANIFEST_DIR"));
    let mut command = tidegate(["replay", &log]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.len()),
        (Some(0), 0),
        "{output:?}"
    );
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = tidegate(["--help"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(sentence_of(&output, 1).contains("cannot write the output"));
}

#[test]
fn a_good_configuration_is_summarised() {
    for example in ["replay.json", "demo.json"] {
        let file = format!("{}/../examples/{example}", env!("CARGO_MANIFEST_DIR"));
        assert!(
            stdout_of(&run(["check", &file])).starts_with("ok\n"),
            "{example}"
        );
    }
    let text = br#"{"service": "shop", "limiters": {"login": {"preset": "auth", "keyed": true}}}"#;
    let summary = stdout_of(&run_with(["check", "-"], text));
    assert!(summary.contains("shop"), "{summary}");
    assert!(
        summary.contains("login: sliding_window 5 in 900 s"),
        "{summary}"
    );
}

#[test]
fn checking_a_configuration_makes_no_region() {
    let folder = Folder::new();
    let region = folder.path("region");
    let text = serde_json::json!({"region": {"path": region.to_str(), "size_bytes": 4 << 20}});
    let file = folder.file("config.json", text.to_string().as_bytes());
    assert!(stdout_of(&run(["check".as_ref(), file.as_os_str()])).contains("4.00 MiB"));
    assert!(!region.exists());
}

#[test]
fn a_wrong_configuration_names_the_field() {
    for (text, part) in [
        (
            r#"{"limiters": {"login": {"preset": "auht"}}}"#,
            "limiters.login.preset",
        ),
        (
            r#"{"limiters": {"api": {"algorithm": "token_bucket", "rate_per_second": -1, "burst": 5}}}"#,
            "rate_per_second",
        ),
        (r#"{"windw_seconds": 60}"#, "windw_seconds"),
        (r#"{"region": {"size_bytes": 1}}"#, "region.size_bytes"),
        // Each field is possible; together they do not fit.
        (
            r#"{"region": {"size_bytes": 300000}, "metrics": {"max_series": 1000000}}"#,
            "300",
        ),
        (r#"{"service": "#, "not JSON"),
        ("[]", "object"),
        ("\u{1b}]0;evil", "not JSON"),
    ] {
        let sentence = sentence_of(&run_with(["check", "-"], text.as_bytes()), 1);
        assert!(sentence.contains(part), "{text}: {sentence}");
        assert!(!sentence.contains('\u{1b}'));
    }
    assert!(sentence_of(&run_with(["check", "-"], b"\xff"), 1).contains("UTF-8"));
    assert!(
        sentence_of(&run(["check", "/nowhere/config.json"]), 1).contains("/nowhere/config.json")
    );
    assert!(sentence_of(&run(["check", "/"]), 1).contains("directory"));
}
