//! Sizes, offsets and constants of the header, as a C compiler sees them.
//!
//! From the header this writes `tests/abi/layout.c`, a program that prints one line for each
//! struct, each field and each constant; what it prints is `tests/abi/layout.txt`. Both are
//! committed: changing the ABI is then a visible difference in a text file.

use std::fmt::Write;
use std::fs;

use crate::{Outcome, committed, header, process};

const PROGRAM: &str = "tests/abi/layout.c";
const BASELINE: &str = "tests/abi/layout.txt";
const REMEDY: &str = "cargo xtask layout-abi --write";

/// The step.
pub fn run(write: bool) -> Outcome {
    let text = fs::read_to_string(process::root().join(header::PATH))
        .map_err(|error| format!("{}: {error}", header::PATH))?;
    let structs = structs_of(&text);
    committed::settle(
        PROGRAM,
        &program(&structs, &constants_of(&text)),
        write,
        REMEDY,
    )?;

    let folder = process::target().join("layout-abi");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let binary = folder.join("layout");
    process::run(
        process::command("cc")
            .args([
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Werror",
                "-Iinclude",
            ])
            .args([PROGRAM, "-o"])
            .arg(&binary),
    )?;
    let printed = process::output(&mut process::command(&binary.to_string_lossy()))?;
    println!(
        "{} structs, {} lines",
        structs.len(),
        printed.lines().count()
    );
    committed::settle(BASELINE, &printed, write, REMEDY)
}

struct Struct<'a> {
    name: &'a str,
    fields: Vec<&'a str>,
}

/// Every `typedef struct … { … } name;` in the header. Opaque structs have no braces.
fn structs_of(text: &str) -> Vec<Struct<'_>> {
    let mut structs = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    let mut in_comment = false;
    for line in text.lines().map(str::trim) {
        if in_comment || line.starts_with("/*") {
            in_comment = !line.contains("*/");
        } else if line.starts_with("typedef struct") && line.ends_with('{') {
            open = Some(Vec::new());
        } else if let Some(name) = line.strip_prefix('}') {
            if let Some(fields) = open.take() {
                structs.push(Struct {
                    name: name.trim().trim_end_matches(';'),
                    fields,
                });
            }
        } else if let (Some(fields), Some(declaration)) = (&mut open, line.strip_suffix(';')) {
            fields.push(field_name(declaration));
        }
    }
    structs
}

/// `uint64_t reserved[4]` declares `reserved`.
fn field_name(declaration: &str) -> &str {
    let plain = declaration
        .split('[')
        .next()
        .unwrap_or(declaration)
        .trim_end();
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    plain.rsplit(|c| !letter(c)).next().unwrap_or(plain)
}

/// Every `#define TIDEGATE_X value` whose value is a whole number, but for the version, which
/// changes with each release.
fn constants_of(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("#define") {
            continue;
        }
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            continue;
        };
        let version = name.contains("VERSION_") || name == "TIDEGATE_ABI_VERSION";
        let first = value.trim_start_matches(['(', '-']).bytes().next();
        let whole = first.is_some_and(|byte| byte.is_ascii_digit()) && !value.contains('.');
        if name.starts_with("TIDEGATE_") && whole && !version {
            names.push(name);
        }
    }
    names
}

fn program(structs: &[Struct], constants: &[&str]) -> String {
    let mut text = String::from(
        "/* Written by `cargo xtask layout-abi --write` from include/tidegate.h; what it\n \
         * prints is layout.txt, the ABI that a release keeps. */\n\
         #include <stdio.h>\n\
         \n\
         #include \"tidegate.h\"\n\
         \n\
         #define SIZE(type) printf(\"%s size %zu\\n\", #type, sizeof(type))\n\
         #define FIELD(type, field)                                                    \\\n  \
         printf(\"%s.%s offset %zu size %zu\\n\", #type, #field, offsetof(type, field), \\\n         \
         sizeof(((type *)0)->field))\n\
         #define CONSTANT(name) printf(\"%s = %lld\\n\", #name, (long long)(name))\n\
         \n\
         int main(void) {\n",
    );
    for Struct { name, fields } in structs {
        let _ = writeln!(text, "  SIZE({name});");
        for field in fields {
            let _ = writeln!(text, "  FIELD({name}, {field});");
        }
    }
    for name in constants {
        let _ = writeln!(text, "  CONSTANT({name});");
    }
    text.push_str("  return 0;\n}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_with_braces_are_found_and_opaque_ones_are_not() {
        let text = "typedef struct tidegate_engine tidegate_engine;\n\
                    typedef struct tidegate_decision {\n  /**\n   * Units; all;\n   */\n  \
                    uint64_t limit;\n  uint8_t reserved[7];\n  const char *name;\n\
                    } tidegate_decision;\n";
        let structs = structs_of(text);
        assert_eq!(structs.len(), 1);
        assert_eq!(structs[0].name, "tidegate_decision");
        assert_eq!(structs[0].fields, ["limit", "reserved", "name"]);
    }

    #[test]
    fn only_whole_numbers_are_constants() {
        let text = "#define TIDEGATE_H\n#define TIDEGATE_E_BUG -99\n#define TIDEGATE_VERSION \"1\"\n\
                    #define TIDEGATE_ABI_VERSION 256\n#define TIDEGATE_X 0.5\n#define TIDEGATE_OK 0\n";
        assert_eq!(constants_of(text), ["TIDEGATE_E_BUG", "TIDEGATE_OK"]);
    }
}
