//! The benches: through the shared library, beside the peers, and criterion's, with the machine
//! they ran on written above the numbers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, process};

/// The command `bench`. `--save` keeps what it prints; `--smoke` only shows that everything runs.
pub fn run(arguments: &[String]) -> Outcome {
    let (mut save, mut smoke) = (false, false);
    for argument in arguments {
        match argument.as_str() {
            "--save" => save = true,
            "--smoke" => smoke = true,
            _ => return Err("only --save or --smoke may follow".into()),
        }
    }
    if save && smoke {
        return Err("a smoke run's numbers mean nothing: they are not kept".into());
    }
    let mut report = machine()?;
    print!("{report}");
    let mut note = |line: &str| {
        report.push_str(line);
        report.push('\n');
    };
    process::run(&mut process::cargo(&[
        "build",
        "--release",
        "--package",
        "tidegate",
    ]))?;
    for bench in sources("benches/c", "c")? {
        let name = stem(&bench);
        title(
            &mut note,
            &format!("benches/c/{name}: through the shared library"),
        );
        let mut program = process::command(&compile(&bench, &name)?.to_string_lossy());
        process::run_seeing(program.args(smoke.then_some("--smoke")), &mut note)?;
    }
    title(&mut note, "benches/peers: beside the peers");
    process::run_seeing(peers(smoke).env("TIDEGATE_LIBRARY", library()), &mut note)?;
    for bench in sources("benches", "rs")? {
        let name = stem(&bench);
        title(&mut note, &format!("benches/{name}"));
        let mut cargo = process::cargo(&["bench", "--package", "tidegate", "--bench", &name]);
        cargo.args(if smoke {
            &["--", "--test"][..]
        } else {
            &["--", "--noplot"]
        });
        process::run_seeing(&mut cargo, &mut note)?;
    }
    if save {
        let day = process::output(process::command("date").args(["-u", "+%Y-%m-%d"]))?;
        let file = format!("benches/results/{}-engine.txt", day.trim());
        fs::create_dir_all(process::root().join("benches/results"))
            .and_then(|()| fs::write(process::root().join(&file), tidy(&report)))
            .map_err(|error| format!("{file}: {error}"))?;
        println!("\nkept in {file}");
    }
    Ok(())
}

/// A title, on the screen and in the report.
fn title(note: &mut impl FnMut(&str), text: &str) {
    let line = format!("\n== {text}");
    println!("{line}");
    note(&line);
}

/// Without what criterion says about runs before this one, and without blanks at the ends of
/// lines: another machine's or another day's runs are no measure.
fn tidy(report: &str) -> String {
    let of_another_run = |line: &&str| {
        let line = line.trim_start();
        ![
            "Benchmarking ",
            "change:",
            "Performance has",
            "No change in",
            "Change within",
            "mean  ",
        ]
        .iter()
        .any(|start| line.starts_with(start))
    };
    let mut text = String::new();
    for line in report.lines().filter(of_another_run) {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text
}

/// The program of benches/peers, a workspace of its own.
fn peers(smoke: bool) -> std::process::Command {
    let target = process::target().join("bench/peers");
    let mut cargo = process::cargo(&["run", "--release", "--quiet", "--locked"]);
    cargo
        .args([
            "--manifest-path",
            "benches/peers/Cargo.toml",
            "--target-dir",
        ])
        .arg(target)
        .arg("--")
        .args(smoke.then_some("--smoke"));
    cargo
}

fn library() -> PathBuf {
    process::target().join("release/libtidegate.so")
}

fn stem(file: &Path) -> String {
    file.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn sources(folder: &str, ending: &str) -> Result<Vec<PathBuf>, String> {
    let Ok(entries) = fs::read_dir(process::root().join(folder)) else {
        return Ok(Vec::new());
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == ending));
    files.sort();
    Ok(files)
}

fn compile(source: &Path, name: &str) -> Result<PathBuf, String> {
    let library = process::target().join("release");
    let folder = process::target().join("bench");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let binary = folder.join(name);
    process::run(
        process::command("cc")
            .args([
                "-std=c11",
                "-O2",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Iinclude",
                "-o",
            ])
            .arg(&binary)
            .arg(source)
            .arg(format!("-L{}", library.display()))
            .arg(format!("-Wl,-rpath,{}", library.display()))
            .args(["-ltidegate", "-lpthread", "-lm"]),
    )?;
    Ok(binary)
}

/// The lines above the numbers: when, what, on which machine, with which compilers.
fn machine() -> Result<String, String> {
    let said = |program: &str, arguments: &[&str]| {
        let text = process::output(process::command(program).args(arguments)).unwrap_or_default();
        text.lines().next().unwrap_or("unknown").to_string()
    };
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim())
    });
    let cores = std::thread::available_parallelism().map_err(|error| error.to_string())?;
    Ok(format!(
        "date      {}\ncommit    {}\nmachine   {}, {cores} cores\nsystem    {}\nlibc      {}\n\
         compilers {}; {}\n",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        said("git", &["describe", "--always", "--dirty"]),
        model.unwrap_or("unknown processor"),
        said("uname", &["-srm"]),
        said("ldd", &["--version"]),
        said("rustc", &["--version"]),
        said("cc", &["--version"]),
    ))
}
