//! `include/tidegate.h` from `src/ffi`, by the cbindgen that Cargo.toml pins.
//!
//! Only `src/ffi` is read, in the order in which its `mod.rs` names its modules: cbindgen prints
//! every constant that it meets, and those of inner layers are none of C's business. For the same
//! reason a constant of `src/ffi` whose name does not begin with `TIDEGATE_` is left out. The
//! version macros come from Cargo.toml, not from constants that somebody would have to keep equal.

use std::fs;
use std::path::Path;

use crate::{Outcome, committed, process};

/// The committed header, from the root.
pub const PATH: &str = "include/tidegate.h";

/// The step.
pub fn run(write: bool) -> Outcome {
    committed::settle(PATH, &generate()?, write, "cargo xtask header --write")
}

fn generate() -> Result<String, String> {
    let root = process::root();
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let mut names = Vec::new();
    constants_below(&root.join("src/ffi"), &mut names)?;
    config
        .export
        .exclude
        .extend(names.into_iter().filter(|name| !for_c(name)));
    let bindings = cbindgen::Builder::new()
        .with_src(root.join("src/ffi/mod.rs"))
        .with_config(config)
        .generate()
        .map_err(|error| format!("cbindgen: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).map_err(|_| "cbindgen printed no UTF-8")?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))
        .map_err(|error| format!("Cargo.toml: {error}"))?;
    let version = version_of(&manifest).ok_or("Cargo.toml has no version")?;
    Ok(tidy(&text.replace("@VERSION@", &version_macros(version)?)))
}

/// Takes away what cbindgen leaves of `/** … */` comments in Rust: a second star at the beginning
/// of each line, and spaces at the ends. Names types as C callers do, without `struct` before a
/// name that has a typedef, and puts negative numbers in parentheses.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for line in text.lines() {
        let (before, after) = line.split_at(line.len() - line.trim_start().len());
        tidied.push_str(before);
        match after.strip_prefix("* *") {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => {
                tidied.push('*');
                tidied.push_str(rest.trim_end());
            }
            _ if after.starts_with("typedef ") => tidied.push_str(after.trim_end()),
            _ => match after
                .split_once(" -")
                .filter(|_| after.starts_with("#define "))
            {
                Some((name, number)) => tidied.push_str(&format!("{name} (-{number})")),
                None => tidied.push_str(&after.trim_end().replace("struct tidegate_", "tidegate_")),
            },
        }
        tidied.push('\n');
    }
    tidied
}

/// The first `version = "…"` at the beginning of a line, which is the package's.
fn version_of(manifest: &str) -> Option<&str> {
    let value = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \""))?;
    value.split('"').next()
}

/// Whether a constant goes into the header as it is.
fn for_c(name: &str) -> bool {
    name.starts_with("TIDEGATE_")
        && !name.starts_with("TIDEGATE_VERSION")
        && name != "TIDEGATE_ABI_VERSION"
}

/// The names of all public constants in the Rust files of a folder.
fn constants_below(folder: &Path, names: &mut Vec<String>) -> Outcome {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.is_dir() {
            constants_below(&path, names)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).map_err(problem)?;
            names.extend(text.lines().filter_map(constant).map(str::to_string));
        }
    }
    Ok(())
}

/// The name that a line `pub const NAME: …` declares.
fn constant(line: &str) -> Option<&str> {
    let (name, _) = line
        .trim_start()
        .strip_prefix("pub const ")?
        .split_once(':')?;
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        .then_some(name)
}

fn version_macros(version: &str) -> Result<String, String> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<u32> = plain
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    let [major, minor, patch] = parts[..] else {
        return Err(format!(
            "the version {version:?} of Cargo.toml is not three numbers"
        ));
    };
    let number = major << 16 | minor << 8 | patch;
    Ok(format!(
        "/** The version of this header, as text. The library's: tidegate_version(). */\n\
         #define TIDEGATE_VERSION \"{version}\"\n\
         #define TIDEGATE_VERSION_MAJOR {major}\n\
         #define TIDEGATE_VERSION_MINOR {minor}\n\
         #define TIDEGATE_VERSION_PATCH {patch}\n\
         \n\
         /**\n\
         \x20* The version of this header as major << 16 | minor << 8 | patch. Compare it\n\
         \x20* with tidegate_abi_version(): same major, same ABI.\n\
         \x20*/\n\
         #define TIDEGATE_ABI_VERSION {number}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_line_gives_its_name() {
        assert_eq!(
            constant("    pub const TIDEGATE_OK: i32 = 0;"),
            Some("TIDEGATE_OK")
        );
        assert_eq!(constant("pub const fn f(x: u32) -> u32 {"), None);
        assert_eq!(constant("const X: u32 = 1;"), None);
    }

    #[test]
    fn the_stars_of_block_comments_are_not_doubled() {
        let printed = "/**\n * * Opens. \n * *\n * * @return x\n */\nint *f(void);\n";
        assert_eq!(
            tidy(printed),
            "/**\n * Opens.\n *\n * @return x\n */\nint *f(void);\n"
        );
    }

    #[test]
    fn the_version_is_the_package_s() {
        let manifest = "[package]\nname = \"x\"\nversion = \"0.3.1\"\n[dependencies]\ny = \"2\"\n";
        assert_eq!(version_of(manifest), Some("0.3.1"));
        assert_eq!(version_of("[package]\n"), None);
    }

    #[test]
    fn the_version_number_packs_three_parts() {
        let macros = version_macros("1.2.3-rc.1").unwrap();
        assert!(macros.contains("#define TIDEGATE_ABI_VERSION 66051"));
        assert!(macros.contains("#define TIDEGATE_VERSION \"1.2.3-rc.1\""));
        assert!(version_macros("1.2").is_err());
    }
}
