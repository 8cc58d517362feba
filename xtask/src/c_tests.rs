//! The header through four compilers' eyes, and the C programs of `tests/c`.
//!
//! A file with a `main` is a program: it is linked against the shared and against the static
//! library, and passes when it exits with 0 in time. A file without one only has to compile. Each
//! program runs in an empty folder of its own and finds the repository by `TIDEGATE_ROOT`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::process::{self, Ended};
use crate::{Outcome, conformance, header};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const LIMIT: Duration = Duration::from_secs(120);
/// Valgrind runs programs some thirty times slower.
const MEMCHECK_LIMIT: Duration = Duration::from_secs(400);
/// What valgrind exits with when it found something.
const MEMCHECK_FOUND: &str = "97";
/// What Rust's standard library asks of the system's linker.
const STATIC_NEEDS: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// The step `c-tests`: the header alone, then every program twice.
pub fn run(names: &[String]) -> Outcome {
    if names.is_empty() {
        header_alone()?;
    }
    let programs = compile(names, &[Linked::Shared, Linked::Static])?;
    judge(&programs, LIMIT, |program| {
        process::command(&program.binary.to_string_lossy())
    })
}

/// The step `memcheck`: the same programs, shared, under valgrind.
pub fn memcheck(names: &[String]) -> Outcome {
    if !process::exists("valgrind") {
        return Err("valgrind is missing: `make setup`".into());
    }
    let programs = compile(names, &[Linked::Shared])?;
    judge(&programs, MEMCHECK_LIMIT, |program| {
        let mut valgrind = process::command("valgrind");
        valgrind
            .args([
                "--tool=memcheck",
                "--quiet",
                "--leak-check=full",
                "--show-leak-kinds=definite",
            ])
            .args(["--errors-for-leak-kinds=definite", "--num-callers=30"])
            .arg(format!("--error-exitcode={MEMCHECK_FOUND}"))
            .arg(&program.binary)
            // Programs that count by the million may count by the thousand.
            .env("TIDEGATE_MEMCHECK", "1");
        let suppressions = process::root().join("tests/c/valgrind.supp");
        if suppressions.exists() {
            valgrind.env(
                "VALGRIND_OPTS",
                format!("--suppressions={}", suppressions.display()),
            );
        }
        valgrind
    })
}

/// Compiles a file that includes the header twice, in every language version it promises.
fn header_alone() -> Outcome {
    let folder = folder("header")?;
    let text = "#include \"tidegate.h\"\n#include \"tidegate.h\"\nint tidegate_included;\n";
    for (compiler, standard, ending) in [
        ("gcc", "c99", "c"),
        ("gcc", "c11", "c"),
        ("gcc", "c17", "c"),
        ("g++", "c++17", "cpp"),
    ] {
        let source = folder.join(format!("twice.{ending}"));
        fs::write(&source, text).map_err(|error| error.to_string())?;
        process::run(
            process::command(compiler)
                .arg(format!("-std={standard}"))
                .args(WARNINGS)
                .args(["-Iinclude", "-fsyntax-only"])
                .arg(&source),
        )
        .map_err(|error| format!("{} as {standard}: {error}", header::PATH))?;
        println!("{} compiles as {standard}", header::PATH);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Linked {
    Shared,
    Static,
}

impl Linked {
    fn word(self) -> &'static str {
        match self {
            Linked::Shared => "shared",
            Linked::Static => "static",
        }
    }
}

struct Program {
    name: String,
    linked: Linked,
    binary: PathBuf,
}

/// Compiles the files of `tests/c` (or those named) and links those that are programs.
fn compile(names: &[String], kinds: &[Linked]) -> Result<Vec<Program>, String> {
    let library = process::target().join("release");
    for file in ["libtidegate.so", "libtidegate.a"] {
        if !library.join(file).exists() {
            return Err(format!("{file} is not built: `cargo build --release`"));
        }
    }
    let folder = folder("c-tests")?;
    let mut programs = Vec::new();
    for source in sources(names)? {
        let name = source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&source).map_err(|e| format!("{}: {e}", source.display()))?;
        if !text.contains("main(") {
            let object = folder.join(format!("{name}.o"));
            process::run(
                compiler(&source)
                    .args(["-c", "-o"])
                    .arg(object)
                    .arg(&source),
            )?;
            continue;
        }
        for &linked in kinds {
            let binary = folder.join(format!("{name}.{}", linked.word()));
            let mut command = compiler(&source);
            command.arg("-o").arg(&binary).arg(&source);
            match linked {
                Linked::Shared => command
                    .arg(format!("-L{}", library.display()))
                    .arg(format!("-Wl,-rpath,{}", library.display()))
                    .args(["-ltidegate", "-lpthread", "-lm"]),
                Linked::Static => command
                    .arg(library.join("libtidegate.a"))
                    .args(STATIC_NEEDS),
            };
            process::run(&mut command)?;
            programs.push(Program {
                name: name.clone(),
                linked,
                binary,
            });
        }
    }
    Ok(programs)
}

/// gcc or g++, with our warnings, by the ending of the file.
fn compiler(source: &Path) -> std::process::Command {
    let cpp = source.extension().is_some_and(|ending| ending == "cpp");
    let mut command = process::command(if cpp { "g++" } else { "gcc" });
    command.arg(if cpp { "-std=c++17" } else { "-std=c11" });
    command
        .args(["-O1", "-g"])
        .args(WARNINGS)
        .args(["-Iinclude", "-Itests/c"]);
    command
}

/// The sources in `tests/c`, and the one made of the conformance scenarios, sorted; with names, only those.
fn sources(names: &[String]) -> Result<Vec<PathBuf>, String> {
    let folder = process::root().join("tests/c");
    let entries = fs::read_dir(&folder).map_err(|error| format!("tests/c: {error}"))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| {
        let ending = file.extension().unwrap_or_default();
        let stem = file.file_stem().unwrap_or_default();
        (ending == "c" || ending == "cpp")
            && (names.is_empty() || names.iter().any(|name| stem == name.as_str()))
    });
    if names.is_empty() || names.iter().any(|name| name == "conformance") {
        files.push(conformance::write(&self::folder("c-tests")?)?);
    }
    files.sort();
    if files.is_empty() {
        return Err("no such program in tests/c".into());
    }
    Ok(files)
}

/// Runs each program and prints one line for it, and the log of those that fail.
fn judge(
    programs: &[Program],
    limit: Duration,
    started_as: impl Fn(&Program) -> std::process::Command,
) -> Outcome {
    let (mut passed, mut failed) = (0, 0);
    for program in programs {
        let name = format!("c-tests/run/{}", program.name);
        let _ = fs::remove_dir_all(process::target().join(&name));
        let scratch = folder(&name)?;
        let log = program
            .binary
            .with_extension(format!("{}.log", program.linked.word()));
        let mut command = started_as(program);
        command
            .current_dir(&scratch)
            .env("TIDEGATE_ROOT", process::root());
        let begun = Instant::now();
        let ended = process::run_within(&mut command, limit, &log)?;
        let seconds = begun.elapsed().as_secs_f64();
        let verdict = match ended {
            Ended::Exited(status) if status.success() => {
                passed += 1;
                "ok".to_string()
            }
            Ended::Exited(status) => format!("FAILED, {status}"),
            Ended::TimedOut => format!("FAILED, not done after {} s", limit.as_secs()),
        };
        println!(
            "{:28} {:6} {seconds:7.2} s  {verdict}",
            program.name,
            program.linked.word()
        );
        if verdict != "ok" {
            failed += 1;
            let text = fs::read(&log).unwrap_or_default();
            println!("{}", String::from_utf8_lossy(&text));
        }
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} of {} programs failed", programs.len()))
    }
}

/// A folder below the target, made when missing.
fn folder(name: &str) -> Result<PathBuf, String> {
    let folder = process::target().join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}
