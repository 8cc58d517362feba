//! What the shared library exports: `tidegate_*`, and exactly what `tests/abi/symbols.txt` lists; and how
//! large it is.

use crate::{Outcome, committed, process};

/// Bytes that the stripped library may have; its head is a few thousand more, and 1.5 MB are promised.
const MOST_BYTES: u64 = 1_495_000;

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
    let printed = process::output(process::command("size").arg(&library))?;
    match loaded(&printed) {
        Some(bytes) if bytes <= MOST_BYTES => println!("{bytes} bytes without symbols"),
        Some(bytes) => {
            return Err(format!(
                "the library has {bytes} bytes without symbols: at most {MOST_BYTES}"
            ));
        }
        None => return Err(format!("size printed {printed:?}")),
    }
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

/// Code and data in what `size` prints: all that a stripped file holds but its head.
fn loaded(printed: &str) -> Option<u64> {
    let mut columns = printed.lines().nth(1)?.split_whitespace();
    let text: u64 = columns.next()?.parse().ok()?;
    let data: u64 = columns.next()?.parse().ok()?;
    text.checked_add(data)
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
    fn code_and_data_are_added() {
        let printed = "   text\t   data\t    bss\t    dec\tfilename\n 100\t 20\t 3\t 123\tlib\n";
        assert_eq!(loaded(printed), Some(120));
        assert_eq!(loaded(""), None);
    }

    #[test]
    fn a_line_of_nm_gives_its_first_word() {
        let printed = "tidegate_version T 1180 a\ntidegate_health@@V1 T 1190 b\n";
        assert_eq!(exported(printed), ["tidegate_version", "tidegate_health"]);
    }
}
