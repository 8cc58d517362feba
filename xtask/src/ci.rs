//! The list of steps. CI runs it, and so does `make test`; there is no other list.

use std::time::{Duration, Instant};

use crate::digest::{Digest, Tests};
use crate::{
    Outcome, abi_layout, bindings, c_tests, golang, header, install, node, process, python, symbols,
};

/// A step that takes longer hangs. It is ended, so that the summary still appears.
const STEP_LIMIT: Duration = Duration::from_secs(20 * 60);

struct Step {
    name: &'static str,
    /// What holds when it passes.
    claim: &'static str,
    run: fn() -> Outcome,
}

/// Cheap and common failures first; the one that may install a tool last.
const STEPS: [Step; 16] = [
    Step {
        name: "fmt",
        claim: "the source is formatted",
        run: || process::run(&mut process::cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "clippy",
        claim: "clippy has nothing to say",
        run: || {
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
        run: || {
            let build = ["build", "--release", "--workspace", "--exclude", "xtask"];
            process::run(&mut process::cargo(&build))
        },
    },
    Step {
        name: "header",
        claim: "include/tidegate.h is what the source gives",
        run: || header::run(false),
    },
    Step {
        name: "symbols",
        claim: "the library exports tidegate_* and nothing else",
        run: || symbols::run(false),
    },
    Step {
        name: "layout-abi",
        claim: "structs and constants are those of the baseline",
        run: || abi_layout::run(false),
    },
    Step {
        name: "bindings",
        claim: "every C function is bound in every language, or excused",
        run: || bindings::run(false),
    },
    Step {
        name: "test",
        claim: "the Rust tests pass",
        run: || {
            let arguments = [
                "test",
                "--workspace",
                "--profile",
                "checked",
                "--no-fail-fast",
            ];
            let path = python::path_with_parsers()?;
            process::run(process::cargo(&arguments).env("PATH", path))
        },
    },
    Step {
        name: "doc",
        claim: "the documentation builds without a warning",
        run: || {
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
        run: || c_tests::run(&[]),
    },
    Step {
        name: "memcheck",
        claim: "valgrind finds nothing in the C programs",
        run: || c_tests::memcheck(&[]),
    },
    Step {
        name: "node",
        claim: "the Node package builds and its tests pass",
        run: || node::run(&[]),
    },
    Step {
        name: "python",
        claim: "the Python package installs and its tests pass",
        run: || python::run(&[]),
    },
    Step {
        name: "go",
        claim: "the Go module is vetted and its tests pass",
        run: || golang::run(),
    },
    Step {
        name: "install-check",
        claim: "what is installed can be built against",
        run: || install::check(),
    },
];

/// The names of all steps, in order.
pub fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs every step, or those named, and ends with one line for each and with what the failed ones
/// said: only the end of a long log is read. A step that fails stops nothing but the steps after a
/// failed build.
pub fn run(names: &[String]) -> Outcome {
    let wanted = match names {
        [] => step_names(),
        _ => names.iter().map(String::as_str).collect(),
    };
    let steps = wanted.iter().map(|name| find(name));
    let steps = steps.collect::<Result<Vec<&Step>, String>>()?;
    let begun = Instant::now();
    let mut tests = Tests::default();
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for step in &steps {
        println!("\n━━ {} ━━ {}", step.name, step.claim);
        let step_begun = Instant::now();
        let (outcome, digest) = run_apart(step.name);
        tests.add(digest.tests);
        let seconds = step_begun.elapsed().as_secs_f64();
        let Err(sentence) = outcome else {
            lines.push(format!("  ok      {seconds:7.1} s  {}", step.name));
            continue;
        };
        lines.push(format!(
            "  FAILED  {seconds:7.1} s  {}: {sentence}",
            step.name
        ));
        failures.push((step.name, digest));
        if step.name == "build" {
            lines.push("  the steps after it were not run".into());
            break;
        }
    }
    for (name, digest) in &failures {
        println!("\n━━ {name} failed; of its log ━━");
        digest.lines().for_each(|line| println!("  {line}"));
    }
    println!("\n━━ all steps, {:.0} s ━━", begun.elapsed().as_secs_f64());
    lines.iter().for_each(|line| println!("{line}"));
    if tests != Tests::default() {
        let Tests {
            passed,
            failed,
            ignored,
        } = tests;
        println!("Rust tests and loom models: {passed} passed, {failed} failed, {ignored} ignored");
    }
    match failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} steps failed", steps.len())),
    }
}

fn find(name: &str) -> Result<&'static Step, String> {
    let found = STEPS.iter().find(|step| step.name == name);
    found.ok_or_else(|| format!("there is no step {name}: {}", step_names().join(", ")))
}

/// Runs one step, with its output going wherever ours goes.
pub fn run_step(name: &str) -> Outcome {
    (find(name)?.run)()
}

/// Runs a step in a process of its own, so that all that it prints can be read on its way.
fn run_apart(name: &str) -> (Outcome, Digest) {
    let (mut digest, mut sentence) = (Digest::default(), None);
    let outcome = std::env::current_exe()
        .map_err(|error| error.to_string())
        .and_then(|program| {
            let mut command = process::command(&program.to_string_lossy());
            command.args(["step", name]);
            process::run_seeing_all(&mut command, STEP_LIMIT, |line| {
                digest.see(line);
                if let Some(said) = line.strip_prefix("xtask step: ") {
                    sentence = Some(said.to_string());
                }
            })
        });
    (outcome.map_err(|error| sentence.unwrap_or(error)), digest)
}

/// The models in the library, built apart: every crate sees `--cfg loom`.
fn loom() -> Outcome {
    let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.push_str(" --cfg loom");
    let mut tests = Tests::default();
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
    if tests.passed == 0 {
        return Err("no model ran: the models are unit tests with `loom` in their path".into());
    }
    Ok(())
}
