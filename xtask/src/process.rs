//! Running programs: where the repository is, what to say when one fails, and a deadline.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A command that runs in the root, and finds what `make setup` put into `target/tools`.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    let mut folders = vec![root().join("target/tools/bin")];
    folders.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
}

/// Cargo, the one that runs this.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    // Set by `cargo run` for this package; another package must not see them.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            cargo.env_remove(name);
        }
    }
    cargo
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_MANIFEST_PATH");
    cargo.args(arguments);
    cargo
}

/// Runs it with our output; anything but exit code 0 is an error that shows the command.
pub fn run(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", spelled(command)))
    }
}

/// Runs it and gives back what it printed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    if output.status.success() {
        String::from_utf8(output.stdout)
            .map_err(|_| format!("{} printed no UTF-8", spelled(command)))
    } else {
        Err(format!("{}: {}", spelled(command), output.status))
    }
}

/// Runs it with our output, and shows each line it prints to `see` as well.
pub fn run_seeing(command: &mut Command, mut see: impl FnMut(&str)) -> Outcome {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| error.to_string())?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            see(&line);
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", spelled(command)))
    }
}

/// Runs it in a process group of its own and repeats all that it prints, showing each line to `see`.
/// Ends the group when `limit` has passed. What a process it left behind prints is not waited for.
pub fn run_seeing_all(
    command: &mut Command,
    limit: Duration,
    mut see: impl FnMut(&str),
) -> Outcome {
    let (reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
    let twin = writer.try_clone().map_err(|error| error.to_string())?;
    command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(twin)
        .process_group(0);
    let started = command
        .spawn()
        .map_err(|error| cannot_start(command, &error));
    // The command holds the writing ends, which would keep the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = started?;
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let begun = Instant::now();
    let mut has_ended = false;
    loop {
        match lines.recv_timeout(Duration::from_millis(300)) {
            Ok(line) => {
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                see(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if has_ended => break,
            Err(RecvTimeoutError::Timeout) => {
                let status = child.try_wait().map_err(|error| error.to_string())?;
                has_ended = status.is_some();
            }
        }
        if !has_ended && begun.elapsed() > limit {
            end_group(&mut child);
            return Err(format!("not done after {} s, ended", limit.as_secs()));
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

/// Kills a child that leads its process group, with all that belong to it.
fn end_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.wait();
}

/// How a program with a deadline ended.
pub enum Ended {
    Exited(ExitStatus),
    TimedOut,
}

/// Runs it with both outputs in `log`, and ends it with all its children when time is up.
pub fn run_within(command: &mut Command, limit: Duration, log: &Path) -> Result<Ended, String> {
    let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let twin = file.try_clone().map_err(|error| error.to_string())?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(twin)
        .process_group(0)
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Ended::Exited(status));
        }
        if begun.elapsed() > limit {
            end_group(&mut child);
            return Ok(Ended::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a program of that name can be found.
pub fn exists(program: &str) -> bool {
    let probe = format!("command -v {program}");
    command("sh")
        .args(["-c", &probe])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// The command as one would type it.
fn spelled(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    format!("cannot start {program}: {error}: `make setup` installs what is missing")
}
