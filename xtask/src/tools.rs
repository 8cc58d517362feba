//! Cargo's plug-ins that a step needs, installed once into `target/tools`.

use crate::process;

/// The cheapest way to build a program that is used once.
const CHEAP: [(&str, &str); 6] = [
    ("OPT_LEVEL", "0"),
    ("DEBUG", "0"),
    ("STRIP", "debuginfo"),
    ("DEBUG_ASSERTIONS", "false"),
    ("OVERFLOW_CHECKS", "false"),
    ("PANIC", "abort"),
];

/// Makes sure that the plug-in `name` (say `cargo-c`) is there; `program` is one of its programs.
///
/// Built without optimisation, symbols, checks and unwinding: it runs for a second, and its build is
/// the longest part of its step.
/// The newest release may want a newer Rust than ours; cargo then names the newest that does not,
/// and that one is taken.
pub fn ensure(name: &str, program: &str) -> Result<(), String> {
    if process::exists(program) {
        return Ok(());
    }
    println!("installing {name} into target/tools, once; this takes some minutes");
    let root = process::root().join("target/tools");
    let install = |version: Option<&str>| {
        let mut cargo = process::cargo(&[
            "install", name, "--bin", program, "--locked", "--debug", "--root",
        ]);
        cargo.arg(&root).env(
            "CARGO_TARGET_DIR",
            process::root().join("target/tools/build"),
        );
        for (setting, value) in CHEAP {
            cargo.env(format!("CARGO_PROFILE_DEV_{setting}"), value);
        }
        cargo.env_remove("RUSTFLAGS");
        if let Some(version) = version {
            cargo.args(["--version", version]);
        }
        cargo
    };
    let first = install(None)
        .output()
        .map_err(|error| format!("cargo install: {error}"))?;
    if !first.status.success() {
        let said = String::from_utf8_lossy(&first.stderr);
        let Some(version) = supported(&said, name) else {
            return Err(format!("cannot install {name}:\n{said}"));
        };
        process::run(&mut install(Some(version)))?;
    }
    // More than a gigabyte that nobody needs again.
    let _ = std::fs::remove_dir_all(root.join("build"));
    Ok(())
}

/// The version in cargo's hint "`cargo-c 0.10.24+cargo-0.98.0` supports rustc 1.95".
fn supported<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let line = said
        .lines()
        .find(|line| line.contains("` supports rustc "))?;
    let (_, rest) = line.split_once('`')?;
    let version = rest.split('`').next()?.strip_prefix(name)?.trim();
    Some(version.split('+').next().unwrap_or(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_of_cargo_names_a_version() {
        let said = "error: cannot install\n`cargo-c 0.10.24+cargo-0.98.0` supports rustc 1.95\n";
        assert_eq!(supported(said, "cargo-c"), Some("0.10.24"));
        assert_eq!(supported("error: no network", "cargo-c"), None);
    }
}
