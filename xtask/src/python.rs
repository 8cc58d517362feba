//! The Python package: built around the library that the step `build` made, installed as a user
//! would, and tested in a virtual environment below `target`.

use std::path::PathBuf;

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
