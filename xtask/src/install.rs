//! Installing as C people expect, by cargo-c: soname, static library, header, pkg-config file.
//! And the check that a program finds and uses what was installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, process, tools};

const SKIP: &str = "TIDEGATE_SKIP_INSTALL_CHECK";

/// Where an installation goes.
struct Place {
    prefix: PathBuf,
    destdir: Option<PathBuf>,
}

impl Place {
    fn from(arguments: &[String]) -> Result<Place, String> {
        let mut place = Place {
            prefix: "/usr/local".into(),
            destdir: None,
        };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let value = rest
                .next()
                .ok_or_else(|| format!("{flag} needs a folder"))?;
            match flag.as_str() {
                "--prefix" => place.prefix = value.into(),
                "--destdir" => place.destdir = Some(value.into()),
                _ => return Err(format!("{flag} is unknown: --prefix DIR, --destdir DIR")),
            }
        }
        if place.prefix.is_absolute() {
            Ok(place)
        } else {
            Err(format!(
                "the prefix {} is not absolute",
                place.prefix.display()
            ))
        }
    }

    /// The prefix as a folder of this machine: below destdir, if there is one.
    fn folder(&self) -> PathBuf {
        match &self.destdir {
            Some(destdir) => destdir.join(self.prefix.strip_prefix("/").unwrap_or(&self.prefix)),
            None => self.prefix.clone(),
        }
    }
}

/// The command `install`.
pub fn install(arguments: &[String]) -> Outcome {
    let place = Place::from(arguments)?;
    library(&place, &[])?;
    process::run(&mut process::cargo(&[
        "build",
        "--release",
        "--package",
        "tidegate-cli",
    ]))?;
    let folder = place.folder().join("bin");
    let program = folder.join("tidegate");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(process::target().join("release/tidegate"), &program))
        .map_err(|error| format!("{}: {error}", program.display()))?;
    println!("installed below {}", place.folder().display());
    Ok(())
}

/// The libraries, the header and the pkg-config file; `settings` are environment of the build.
fn library(place: &Place, settings: &[(&str, &str)]) -> Outcome {
    tools::ensure("cargo-c", "cargo-cinstall")?;
    let mut cargo = process::cargo(&["cinstall", "--release", "--locked", "--package", "tidegate"]);
    cargo
        .args(["--libdir", "lib"])
        .arg("--prefix")
        .arg(&place.prefix);
    cargo
        .arg("--target-dir")
        .arg(process::target().join("cargo-c"));
    if let Some(destdir) = &place.destdir {
        cargo.arg("--destdir").arg(destdir);
    }
    cargo.envs(settings.iter().copied());
    process::run(&mut cargo)
}

/// The command `uninstall`: removes what `install` puts there, and no folder.
pub fn uninstall(arguments: &[String]) -> Outcome {
    let folder = Place::from(arguments)?.folder();
    let mut found = vec![
        folder.join("bin/tidegate"),
        folder.join("include/tidegate.h"),
        folder.join("lib/pkgconfig/tidegate.pc"),
    ];
    let entries = fs::read_dir(folder.join("lib"))
        .into_iter()
        .flatten()
        .flatten();
    found.extend(entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == "libtidegate.a" || name == "libtidegate.so" || name.starts_with("libtidegate.so.")
    }));
    let mut removed = 0;
    for path in found {
        match fs::remove_file(&path) {
            Ok(()) => {
                println!("removed {}", path.display());
                removed += 1;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    println!("{removed} files removed below {}", folder.display());
    Ok(())
}

const PROGRAM: &str = r#"#include <stdio.h>

#include <tidegate.h>

int main(void) {
  tidegate_engine *engine = NULL;
  tidegate_counter counter;
  if (tidegate_abi_version() != TIDEGATE_ABI_VERSION) return 2;
  if (tidegate_engine_open(NULL, &engine) != TIDEGATE_OK) return 3;
  if (tidegate_counter_open(engine, "installed", NULL, &counter) != TIDEGATE_OK) return 4;
  if (tidegate_counter_add(engine, counter, 1) != TIDEGATE_OK) return 5;
  tidegate_engine_close(engine);
  printf("tidegate %s, found by pkg-config\n", tidegate_version());
  return 0;
}
"#;

/// The step `install-check`.
pub fn check() -> Outcome {
    if std::env::var_os(SKIP).is_some_and(|value| value == "1") {
        println!("skipped: {SKIP}=1 (without cargo-c it takes minutes to build that first)");
        return Ok(());
    }
    let scratch = process::target().join("install-check");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let place = Place {
        prefix: scratch.join("usr"),
        destdir: None,
    };
    // What is installed where, and how it is found, does not depend on link-time optimisation.
    library(
        &place,
        &[
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ],
    )?;
    let source = scratch.join("installed.c");
    fs::write(&source, PROGRAM).map_err(|error| error.to_string())?;

    let shared = scratch.join("shared");
    let library_path = place.prefix.join("lib");
    build(&source, &shared, &place, &[])?;
    let linked = process::output(process::command("readelf").arg("-d").arg(&shared))?;
    if !linked.contains("[libtidegate.so.") {
        return Err("the program does not ask for a versioned libtidegate.so".into());
    }
    process::run(
        process::command(&shared.to_string_lossy()).env("LD_LIBRARY_PATH", &library_path),
    )?;

    // Static for our library alone: the linker takes what it finds, so hide the shared one.
    let hidden = fs::read_dir(&library_path).map_err(|error| error.to_string())?;
    for path in hidden.flatten().map(|entry| entry.path()) {
        if path.to_string_lossy().contains("libtidegate.so") {
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    let fixed = scratch.join("static");
    build(&source, &fixed, &place, &["--static"])?;
    process::run(&mut process::command(&fixed.to_string_lossy()))?;
    println!("shared and static programs build through pkg-config and run");
    Ok(())
}

/// Compiles as a stranger would: what pkg-config says, and no path of ours.
fn build(source: &Path, binary: &Path, place: &Place, more: &[&str]) -> Outcome {
    let flags = process::output(
        process::command("pkg-config")
            .env("PKG_CONFIG_PATH", place.prefix.join("lib/pkgconfig"))
            .args(["--cflags", "--libs"])
            .args(more)
            .arg("tidegate"),
    )?;
    process::run(
        process::command("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(binary)
            .arg(source)
            .args(flags.split_whitespace()),
    )
}
