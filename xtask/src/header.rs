//! `include/tidegate.h` from `src/ffi`, by the cbindgen that Cargo.toml pins.
//!
//! cbindgen prints every public constant of the crate; those of inner layers are none of C's
//! business, so each one whose name does not begin with `TIDEGATE_` is left out. The version
//! macros come from Cargo.toml, not from constants that somebody would have to keep equal.

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
    constants_below(&root.join("src"), &mut names)?;
    config
        .export
        .exclude
        .extend(names.into_iter().filter(|name| !for_c(name)));
    let bindings = cbindgen::Builder::new()
        .with_crate(&root)
        .with_config(config)
        .generate()
        .map_err(|error| format!("cbindgen: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).map_err(|_| "cbindgen printed no UTF-8")?;
    Ok(text.replace("@VERSION@", &version_macros(&bindings.package_version)?))
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
    fn the_version_number_packs_three_parts() {
        let macros = version_macros("1.2.3-rc.1").unwrap();
        assert!(macros.contains("#define TIDEGATE_ABI_VERSION 66051"));
        assert!(macros.contains("#define TIDEGATE_VERSION \"1.2.3-rc.1\""));
        assert!(version_macros("1.2").is_err());
    }
}
