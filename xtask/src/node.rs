//! `cargo xtask node`: the Node package, built against the library that `build` made, and its tests.
//!
//! Without Node 18 or npm the step says so and passes: nothing of the library needs them, and
//! `make setup` installs them where a package manager can.

use std::process::Command;

use crate::{Outcome, process};

/// Installs what the tests need, builds the addon, runs the tests. `arguments` choose test files.
pub fn run(arguments: &[String]) -> Outcome {
    if let Some(reason) = missing() {
        println!("node: skipped: {reason}; `make setup` installs it where it can");
        return Ok(());
    }
    let package = process::root().join("bindings/node");
    let library = process::target().join("release/libtidegate.a");
    if !library.exists() {
        return Err("there is no release library yet: `cargo xtask ci build node`".into());
    }
    let mut build = process::command("node");
    build.arg("scripts/build.js").env("TIDEGATE_LIB", &library);
    process::run(build.current_dir(&package))?;
    let mut install = process::command("npm");
    install.args([
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    process::run(install.current_dir(package.join("test")))?;
    let mut test = process::command("node");
    test.arg("scripts/test.js").args(arguments);
    process::run(test.current_dir(&package))
}

/// What this machine lacks, as a sentence.
fn missing() -> Option<String> {
    let version = said("node");
    let major = version
        .as_deref()
        .and_then(|text| text.trim().trim_start_matches('v').split('.').next())
        .and_then(|major| major.parse::<u32>().ok());
    match major {
        None => return Some("node is not installed".into()),
        Some(major) if major < 18 => {
            return Some(format!("node 18 or newer is needed, this is {major}"));
        }
        Some(_) => {}
    }
    said("npm").is_none().then(|| "npm is not installed".into())
}

/// What `program --version` prints, if it runs at all.
fn said(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
