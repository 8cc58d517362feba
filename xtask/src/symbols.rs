//! What the shared library exports: `tidegate_*`, and exactly what `tests/abi/symbols.txt` lists.

use crate::{Outcome, committed, process};

/// The step. It needs `cargo build --release` first.
pub fn run(write: bool) -> Outcome {
    let library = process::target().join("release/libtidegate.so");
    if !library.exists() {
        return Err(format!(
            "{} is missing: `cargo build --release`",
            library.display()
        ));
    }
    let printed = process::output(
        process::command("nm")
            .args(["-D", "--defined-only", "--format=posix"])
            .arg(&library),
    )?;
    let mut names = exported(&printed);
    names.sort_unstable();
    names.dedup();
    let strays: Vec<&str> = names
        .iter()
        .filter(|name| !name.starts_with("tidegate_"))
        .copied()
        .collect();
    if !strays.is_empty() {
        return Err(format!("exported, but not ours: {}", strays.join(", ")));
    }
    if names.is_empty() {
        return Err("the library exports nothing".into());
    }
    println!("{} symbols exported", names.len());
    let text = names
        .iter()
        .map(|name| format!("{name}\n"))
        .collect::<String>();
    committed::settle(
        "tests/abi/symbols.txt",
        &text,
        write,
        "cargo xtask symbols --write",
    )
}

/// The names in what `nm --format=posix` prints, without their versions.
fn exported(printed: &str) -> Vec<&str> {
    let first = |line| str::split_whitespace(line).next();
    printed
        .lines()
        .filter_map(first)
        .map(|name| name.split('@').next().unwrap_or(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_nm_gives_its_first_word() {
        let printed = "tidegate_version T 1180 a\ntidegate_health@@V1 T 1190 b\n";
        assert_eq!(exported(printed), ["tidegate_version", "tidegate_health"]);
    }
}
