//! The benches, Rust and C, with the machine they ran on written above the numbers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, process};

/// The command `bench`.
pub fn run(arguments: &[String]) -> Outcome {
    let save = match arguments {
        [] => false,
        [flag] if flag == "--save" => true,
        _ => return Err("only --save may follow".into()),
    };
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
    let benches = sources("benches", "rs")?;
    for bench in &benches {
        let name = bench
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        note(&format!("\n== {name}"));
        let mut cargo = process::cargo(&["bench", "--package", "tidegate", "--bench", &name]);
        process::run_seeing(&mut cargo, &mut note)?;
    }
    for bench in sources("benches", "c")?
        .into_iter()
        .chain(sources("benches/c", "c")?)
    {
        let name = bench
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        note(&format!("\n== {name}, through the shared library"));
        let binary = compile(&bench, &name)?;
        process::run_seeing(&mut process::command(&binary.to_string_lossy()), &mut note)?;
    }
    if save {
        let day = process::output(process::command("date").args(["-u", "+%Y-%m-%d"]))?;
        let file = format!("benches/results/{}.txt", day.trim());
        fs::create_dir_all(process::root().join("benches/results"))
            .and_then(|()| fs::write(process::root().join(&file), &report))
            .map_err(|error| format!("{file}: {error}"))?;
        println!("\nkept in {file}");
    }
    Ok(())
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
        "date      {}\ncommit    {}\nmachine   {}, {cores} cores\nsystem    {}\ncompilers {}; {}\n",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        said("git", &["describe", "--always", "--dirty"]),
        model.unwrap_or("unknown processor"),
        said("uname", &["-srm"]),
        said("rustc", &["--version"]),
        said("cc", &["--version"]),
    ))
}
