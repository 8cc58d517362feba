//! The Go module: formatted, vetted, and its tests pass over the library that `build` made.

use std::process::Command;

use crate::{Outcome, process};

/// The oldest Go that builds the module; `bindings/go/go.mod` says the same.
const OLDEST: (u32, u32) = (1, 24);

/// Each has dependencies that the others do without.
const MODULES: [&str; 5] = [
    "bindings/go",
    "bindings/go/prometheus",
    "bindings/go/otel",
    "bindings/go/grpc",
    "examples/go",
];

/// The step `go`. Without a Go that is new enough it says so and passes: everything else of the
/// project builds without.
pub fn run() -> Outcome {
    if !process::exists("go") {
        println!("skipped: there is no `go` here; `make setup` installs it where Debian has it");
        return Ok(());
    }
    let said = process::output(go("bindings/go").args(["env", "GOVERSION"]))?;
    match version(&said) {
        Some(found) if found >= OLDEST => {}
        _ => {
            let (major, minor) = OLDEST;
            println!(
                "skipped: {} is too old, Go {major}.{minor} is needed",
                said.trim()
            );
            return Ok(());
        }
    }
    let archive = process::target().join("release/libtidegate.a");
    process::run(process::command("bindings/go/native.sh").arg(archive))?;
    let unformatted =
        process::output(process::command("gofmt").args(["-l", "bindings/go", "examples/go"]))?;
    if !unformatted.trim().is_empty() {
        return Err(format!("gofmt -w these: {}", unformatted.trim()));
    }
    for module in MODULES {
        process::run(go(module).args(["vet", "./..."]))?;
        process::run(go(module).args(["test", "./..."]))?;
    }
    Ok(())
}

/// Go, in the folder of a module, with the toolchain that is installed and no other.
fn go(module: &str) -> Command {
    let mut command = process::command("go");
    command
        .current_dir(process::root().join(module))
        .env("GOTOOLCHAIN", "local")
        // One test runs workers in several languages: the step `python` installs into this.
        .env(
            "TIDEGATE_PYTHON",
            process::target().join("python/bin/python"),
        )
        .env("GOFLAGS", "-mod=readonly");
    command
}

/// `go1.24.3` as (1, 24).
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().strip_prefix("go")?.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor: String = numbers
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(version("go1.26.8\n"), Some((1, 26)));
        assert_eq!(version("go1.25rc1"), Some((1, 25)));
        assert_eq!(version("devel"), None);
    }
}
