//! The Python package: built around the library that the step `build` made, installed as a user
//! would, and tested in a virtual environment below `target`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, iter};

use crate::{Outcome, process};

/// The step. `arguments` go to pytest.
pub fn run(arguments: &[String]) -> Outcome {
    // As the step `build` does: there is nothing to do after it, and nothing old is linked without.
    let build = ["build", "--release", "--workspace", "--exclude", "xtask"];
    process::run(&mut process::cargo(&build))?;
    let library = process::target().join("release/libtidegate.a");
    let python = environment()?;
    let package = process::root().join("bindings/python");
    process::run(
        process::command(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg(format!("{}[test]", package.display()))
            .env("TIDEGATE_LIBRARY", &library),
    )?;
    let types = process::command(&python)
        .current_dir(&package)
        .args(["-m", "mypy", "--no-error-summary"])
        .status();
    if !types.is_ok_and(|status| status.success()) {
        return Err("mypy has something to say".into());
    }
    // The package that is tested is the one that was installed, not the folder beside the tests.
    process::run(
        process::command(&python)
            .current_dir(&package)
            .args(["-X", "dev", "-W", "error", "-m", "pytest", "--quiet"])
            .args(arguments),
    )
}

/// The search path for programs with the environment's `python3` before all others, and in it the parsers
/// that the Rust tests check exports with.
pub fn path_with_parsers() -> Result<OsString, String> {
    let python = environment()?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    process::run(
        process::command(&python)
            .args(install)
            .arg("prometheus-client>=0.20"),
    )?;
    let folder = process::target().join("python/bin");
    let others = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder).chain(env::split_paths(&others));
    env::join_paths(folders).map_err(|error| error.to_string())
}

/// The interpreter of the environment, which is made on first use.
fn environment() -> Result<String, String> {
    let folder: PathBuf = process::target().join("python");
    let python = folder.join("bin/python");
    if !python.exists() {
        process::run(
            process::command("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )?;
    }
    Ok(python.to_string_lossy().into_owned())
}
