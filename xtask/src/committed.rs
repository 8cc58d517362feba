//! Generated files that are committed: compare, or rewrite.

use std::fs;

use crate::{Outcome, process};

/// Compares `text` with the committed file at `path`, or writes it there. `remedy` is the command
/// that rewrites it.
pub fn settle(path: &str, text: &str, write: bool, remedy: &str) -> Outcome {
    let file = process::root().join(path);
    let found = fs::read_to_string(&file).unwrap_or_default();
    if found == text {
        println!("{path} is up to date");
        return Ok(());
    }
    if write {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{path}: {error}"))?;
        }
        fs::write(&file, text).map_err(|error| format!("{path}: {error}"))?;
        println!("{path} rewritten");
        return Ok(());
    }
    show_difference(path, text);
    Err(format!(
        "{path} differs from what the source gives: read the lines above, then `{remedy}`"
    ))
}

/// Prints what would change, as `diff -u` does.
fn show_difference(path: &str, wanted: &str) {
    let fresh = process::target().join("xtask-wanted.txt");
    let _ = fs::create_dir_all(process::target());
    if fs::write(&fresh, wanted).is_ok() {
        let old = if process::root().join(path).exists() {
            path
        } else {
            "/dev/null"
        };
        let _ = process::command("diff")
            .args(["-u", old])
            .arg(&fresh)
            .status();
        let _ = fs::remove_file(&fresh);
    }
}
