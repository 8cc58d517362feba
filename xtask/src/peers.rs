//! Runs every comparison with a peer, one after the other, and says how each ended.

use crate::{Outcome, process};
use std::fs;

/// How a comparison says that its peers cannot be had here.
const SKIPPED: i32 = 77;

/// `tests/peers/*/run.sh` with the library as the tests build it.
pub fn run() -> Outcome {
    process::run(&mut process::cargo(&[
        "build",
        "--package",
        "tidegate",
        "--profile",
        "checked",
    ]))?;
    let library = process::target().join("checked/libtidegate.so");
    let folder = process::root().join("tests/peers");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut scripts: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path().join("run.sh")))
        .filter(|script| script.is_file())
        .collect();
    scripts.sort();
    let mut table = Vec::new();
    for script in &scripts {
        let name = script.parent().and_then(|place| place.file_name());
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        println!("== {name}");
        let status = process::command("sh")
            .arg(script)
            .arg(&library)
            .status()
            .map_err(|error| format!("{}: {error}", script.display()))?;
        let result = match status.code() {
            Some(0) => "agrees",
            Some(SKIPPED) => "skipped: registry or toolchain not reachable",
            _ => "differs",
        };
        table.push((name, result));
    }
    println!();
    for (name, result) in &table {
        println!("{name:12} {result}");
    }
    match table
        .iter()
        .filter(|(_, result)| *result == "differs")
        .count()
    {
        0 => Ok(()),
        count => Err(format!("{count} of {} comparisons failed", table.len())),
    }
}
