//! The list of steps. CI runs it, and so does `make test`; there is no other list.

use std::time::Instant;

use crate::{
    Outcome, abi_layout, bindings, c_tests, golang, header, install, node, process, python, symbols,
};

struct Step {
    name: &'static str,
    /// What holds when it passes.
    claim: &'static str,
    run: fn(&mut Tests) -> Outcome,
}

/// How many tests of cargo's ran.
#[derive(Default)]
struct Tests {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Cheap and common failures first; the one that may install a tool last.
const STEPS: [Step; 16] = [
    Step {
        name: "fmt",
        claim: "the source is formatted",
        run: |_| process::run(&mut process::cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "clippy",
        claim: "clippy has nothing to say",
        run: |_| {
            let lint = [
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-Dwarnings",
            ];
            process::run(&mut process::cargo(&lint))
        },
    },
    Step {
        name: "build",
        claim: "the libraries and programs build",
        // Not xtask: cbindgen in release would take longer than all the rest.
        run: |_| {
            let build = ["build", "--release", "--workspace", "--exclude", "xtask"];
            process::run(&mut process::cargo(&build))
        },
    },
    Step {
        name: "header",
        claim: "include/tidegate.h is what the source gives",
        run: |_| header::run(false),
    },
    Step {
        name: "symbols",
        claim: "the library exports tidegate_* and nothing else",
        run: |_| symbols::run(false),
    },
    Step {
        name: "layout-abi",
        claim: "structs and constants are those of the baseline",
        run: |_| abi_layout::run(false),
    },
    Step {
        name: "bindings",
        claim: "every C function is bound in every language, or excused",
        run: |_| bindings::run(false),
    },
    Step {
        name: "test",
        claim: "the Rust tests pass",
        run: |tests| {
            let arguments = [
                "test",
                "--workspace",
                "--profile",
                "checked",
                "--no-fail-fast",
            ];
            let mut cargo = process::cargo(&arguments);
            process::run_seeing(&mut cargo, |line| tests.see(line))
        },
    },
    Step {
        name: "doc",
        claim: "the documentation builds without a warning",
        run: |_| {
            let mut cargo = process::cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
            process::run(cargo.env("RUSTDOCFLAGS", "-Dwarnings"))
        },
    },
    Step {
        name: "loom",
        claim: "every multi-step publish survives every order",
        run: loom,
    },
    Step {
        name: "c-tests",
        claim: "the header compiles and the C programs pass",
        run: |_| c_tests::run(&[]),
    },
    Step {
        name: "memcheck",
        claim: "valgrind finds nothing in the C programs",
        run: |_| c_tests::memcheck(&[]),
    },
    Step {
        name: "node",
        claim: "the Node package builds and its tests pass",
        run: |_| node::run(&[]),
    },
    Step {
        name: "python",
        claim: "the Python package installs and its tests pass",
        run: |_| python::run(&[]),
    },
    Step {
        name: "go",
        claim: "the Go module is vetted and its tests pass",
        run: |_| golang::run(),
    },
    Step {
        name: "install-check",
        claim: "what is installed can be built against",
        run: |_| install::check(),
    },
];

/// The names of all steps, in order.
pub fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs every step, or those named, and ends with one line for each. A step that fails stops
/// nothing but the steps after a failed build.
pub fn run(names: &[String]) -> Outcome {
    if let Some(stranger) = names
        .iter()
        .find(|name| !step_names().contains(&name.as_str()))
    {
        return Err(format!(
            "there is no step {stranger}: {}",
            step_names().join(", ")
        ));
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    let begun = Instant::now();
    let mut tests = Tests::default();
    let mut lines = Vec::new();
    let (mut passed, mut failed) = (0, 0);
    for step in STEPS.iter().filter(wanted) {
        println!("\n━━ {} ━━ {}", step.name, step.claim);
        let step_begun = Instant::now();
        let outcome = (step.run)(&mut tests);
        let seconds = step_begun.elapsed().as_secs_f64();
        match &outcome {
            Ok(()) => {
                passed += 1;
                lines.push(format!("  ok      {seconds:7.1} s  {}", step.name));
            }
            Err(sentence) => {
                failed += 1;
                eprintln!("{}: {sentence}", step.name);
                let sentence = sentence.lines().next().unwrap_or_default();
                lines.push(format!(
                    "  FAILED  {seconds:7.1} s  {}: {sentence}",
                    step.name
                ));
            }
        }
        if outcome.is_err() && step.name == "build" {
            lines.push("  the steps after it were not run".into());
            break;
        }
    }
    println!("\n━━ all steps, {:.0} s ━━", begun.elapsed().as_secs_f64());
    for line in lines {
        println!("{line}");
    }
    if tests.passed + tests.failed > 0 {
        let Tests {
            passed,
            failed,
            ignored,
        } = tests;
        println!("Rust tests and loom models: {passed} passed, {failed} failed, {ignored} ignored");
    }
    println!("steps: {passed} passed, {failed} failed");
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} of {} steps failed", passed + failed))
    }
}

/// The models in the library, built apart: every crate sees `--cfg loom`.
fn loom(tests: &mut Tests) -> Outcome {
    let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.push_str(" --cfg loom");
    let before = tests.passed;
    let arguments = [
        "test",
        "--release",
        "--package",
        "tidegate",
        "--lib",
        "loom",
    ];
    let mut cargo = process::cargo(&arguments);
    cargo
        .env("RUSTFLAGS", flags.trim_start())
        .env("CARGO_TARGET_DIR", process::target().join("loom"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    process::run_seeing(&mut cargo, |line| tests.see(line))?;
    if tests.passed == before {
        return Err("no model ran: the models are unit tests with `loom` in their path".into());
    }
    Ok(())
}

impl Tests {
    /// Adds up a line like "test result: ok. 12 passed; 0 failed; 1 ignored; …".
    fn see(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = counts
            .split([' ', ';', '.'])
            .filter(|w| !w.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_cargo_are_added_up() {
        let mut tests = Tests::default();
        tests.see("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tests.see("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured");
        tests.see("running 3 tests");
        assert_eq!((tests.passed, tests.failed, tests.ignored), (15, 2, 1));
    }
}
