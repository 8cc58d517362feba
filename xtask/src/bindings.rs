//! Every C function is bound in every language, or excused with a reason.
//!
//! A function is bound when the binding's sources name it. `functions.txt` of a binding says what
//! it is called there, or why it is not bound. The table of bindings/README.md is drawn from that.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{Outcome, committed, process};

struct Language {
    name: &'static str,
    /// Below `bindings`.
    folder: &'static str,
    /// Where its sources name C functions, below `folder`.
    sources: &'static [&'static str],
    /// Endings of those sources.
    endings: &'static [&'static str],
}

const LANGUAGES: [Language; 3] = [
    Language {
        name: "Python",
        folder: "python",
        sources: &["native"],
        endings: &["c", "h"],
    },
    Language {
        name: "Node",
        folder: "node",
        sources: &["src", "lib"],
        endings: &["c", "h", "cc", "js", "cjs", "mjs"],
    },
    Language {
        name: "Go",
        folder: "go",
        sources: &["."],
        endings: &["go", "c"],
    },
];

const README: &str = "bindings/README.md";
const MARK: &str = "<!-- functions -->\n";

/// The step.
pub fn run(write: bool) -> Outcome {
    let header = read(&process::root().join("include/tidegate.h"))?;
    let functions = functions_of(&header);
    if functions.is_empty() {
        return Err("found no function in include/tidegate.h".into());
    }
    let mut faults = Vec::new();
    let mut columns = Vec::new();
    for language in &LANGUAGES {
        let folder = process::root().join("bindings").join(language.folder);
        if folder.is_dir() {
            columns.push((
                language.name,
                check(language, &folder, &functions, &mut faults)?,
            ));
        }
    }
    let text = read(&process::root().join(README))?;
    let (before, _) = text
        .split_once(MARK)
        .ok_or_else(|| format!("{README} lacks the line {}", MARK.trim()))?;
    let text = format!("{before}{MARK}{}", table(&functions, &columns));
    println!("{} functions, {} languages", functions.len(), columns.len());
    if !faults.is_empty() && !write {
        return Err(faults.join("\n"));
    }
    committed::settle(README, &text, write, "cargo xtask bindings --write")?;
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// What a language says of each function; what is wrong with it goes to `faults`.
fn check(
    language: &Language,
    folder: &Path,
    functions: &[String],
    faults: &mut Vec<String>,
) -> Result<BTreeMap<String, String>, String> {
    let place = format!("bindings/{}/functions.txt", language.folder);
    let text = fs::read_to_string(folder.join("functions.txt")).unwrap_or_default();
    let mut said = entries(&text).map_err(|line| {
        format!("{place}: no line `function: name` or `function: - reason`: {line}")
    })?;
    let mut sources = String::new();
    for below in language.sources {
        gather(&folder.join(below), language.endings, &mut sources)?;
    }
    for function in functions {
        let bound = names(&sources, function);
        match said.get(function) {
            None if bound => {
                said.insert(function.clone(), "yes".into());
            }
            None => faults.push(format!(
                "{}: {function} is not bound; bind it, or excuse it in {place}",
                language.name
            )),
            Some(name) if !name.starts_with('-') && !bound => faults.push(format!(
                "{place} says that {function} is bound, but no source names it"
            )),
            Some(_) => {}
        }
    }
    for stranger in said.keys().filter(|name| !functions.contains(name)) {
        faults.push(format!("{place}: the header has no {stranger}"));
    }
    Ok(said)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The functions that a header declares, in its order.
fn functions_of(header: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in header.lines() {
        // Comments and macros aside, a name with a parenthesis right after it is a declaration.
        if line.starts_with(' ') || line.starts_with('#') || line.starts_with('/') {
            continue;
        }
        let Some(open) = line.find('(') else { continue };
        let name = line[..open].rsplit([' ', '*']).next().unwrap_or_default();
        if name.starts_with("tidegate_") && !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    found
}

/// The lines of a `functions.txt`; the error is a line that is none.
fn entries(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut said = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(": ") {
            Some((function, name)) if !name.trim_start_matches(['-', ' ']).is_empty() => {
                said.insert(function.to_owned(), name.trim().to_owned());
            }
            _ => return Err(line.to_owned()),
        }
    }
    Ok(said)
}

/// Adds every source below `folder`, but none that was fetched or built.
fn gather(folder: &Path, endings: &[&str], into: &mut String) -> Outcome {
    let Ok(listing) = fs::read_dir(folder) else {
        return Ok(());
    };
    for path in listing.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            let skipped = ["node_modules", "build", "prebuilds", "target", "include"];
            if !skipped.iter().any(|name| path.ends_with(name)) {
                gather(&path, endings, into)?;
            }
        } else if is_source(&path, endings) {
            into.push_str(&read(&path)?);
        }
    }
    Ok(())
}

fn is_source(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending)) && !path.ends_with("tidegate.h")
}

/// Whether `text` has `word`, and not as a part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn table(functions: &[String], columns: &[(&str, BTreeMap<String, String>)]) -> String {
    let mut text = String::from("\n| C |");
    for (name, _) in columns {
        text.push_str(&format!(" {name} |"));
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(columns.len()));
    text.push('\n');
    for function in functions {
        text.push_str(&format!("| `{function}` |"));
        for (_, said) in columns {
            let name = said.get(function).map_or("**missing**", String::as_str);
            match name.strip_prefix('-') {
                Some(reason) => text.push_str(&format!(" not bound: {} |", reason.trim())),
                None => text.push_str(&format!(" {name} |")),
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_found_and_comments_are_not() {
        let header = "/**\n * See tidegate_not_me().\n */\nTIDEGATE_API\nTIDEGATE_MUST_USE\n\
                      tidegate_status tidegate_one(tidegate_engine *engine,\n    int tidegate_no(int));\n\
                      TIDEGATE_API const char *tidegate_two(void);\n\
                      TIDEGATE_API void tidegate_three(int a);\n";
        assert_eq!(
            functions_of(header),
            ["tidegate_one", "tidegate_two", "tidegate_three"]
        );
    }

    #[test]
    fn a_line_needs_a_name_or_a_reason() {
        let said = entries("# comment\n\ntidegate_a: A.a()\ntidegate_b: - because\n").unwrap();
        assert_eq!(said["tidegate_a"], "A.a()");
        assert_eq!(said["tidegate_b"], "- because");
        assert!(entries("tidegate_a: -").is_err());
        assert!(entries("tidegate_a").is_err());
    }

    #[test]
    fn a_longer_name_is_another_one() {
        assert!(names("x = tidegate_a(b);", "tidegate_a"));
        assert!(!names("x = tidegate_ab(b);", "tidegate_a"));
        assert!(names("tidegate_ab tidegate_a", "tidegate_a"));
    }
}
