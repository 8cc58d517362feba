//! Checks too slow, too new or too far away for every commit: Miri, ThreadSanitizer, cargo-deny.

use crate::{Outcome, process, tools};

/// Undefined behaviour in the layers that hold unsafe code, over heap-backed regions.
pub fn miri() -> Outcome {
    toolchain(&["miri", "rust-src"])?;
    for layer in ["base::", "region::", "cell::"] {
        let mut rustup = nightly(&["miri", "test", "--package", "tidegate", "--lib", layer]);
        rustup.env("MIRIFLAGS", "-Zmiri-disable-isolation");
        process::run(&mut rustup)?;
    }
    Ok(())
}

/// Data races, in the unit tests and in the standard library below them.
pub fn tsan() -> Outcome {
    toolchain(&["rust-src"])?;
    let host = process::output(process::command("rustc").arg("-vV"))?;
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    let mut rustup = nightly(&["test", "-Zbuild-std", "--package", "tidegate", "--lib"]);
    rustup
        .args(["--target", host])
        .env("RUSTFLAGS", "-Zsanitizer=thread");
    process::run(&mut rustup)
}

/// Licences, advisories and sources of the dependencies, as deny.toml says.
pub fn deny() -> Outcome {
    tools::ensure("cargo-deny", "cargo-deny")?;
    process::run(&mut process::cargo(&["deny", "check"]))
}

/// Makes sure that nightly Rust and these components of it are there.
fn toolchain(components: &[&str]) -> Outcome {
    let mut rustup = process::command("rustup");
    rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
    for component in components {
        rustup.args(["--component", component]);
    }
    process::run(&mut rustup)
}

/// Nightly cargo, apart from the other builds. `RUSTUP_TOOLCHAIN` and `CARGO` name the one that
/// runs us.
fn nightly(arguments: &[&str]) -> std::process::Command {
    let mut rustup = process::command("rustup");
    rustup.args(["run", "nightly", "cargo"]).args(arguments);
    rustup
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .env_remove("RUSTC");
    rustup.env("CARGO_TARGET_DIR", process::target().join("nightly"));
    rustup
}
