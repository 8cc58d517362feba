//! Making a region's file, or joining the one that is there: the race over one path.
//!
//! A new file is made without a name, filled in completely, and only then linked to the path.
//! Whoever links first has made the region; the others find it whole. Nobody waits, and a process
//! killed while it makes a file leaves nothing behind; where the system has no files without a name,
//! it leaves one that is named after it, and that no region's path leads to.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use super::raw::Mapping;
use crate::base::error::{Error, Kind, Result};
use crate::base::host::usage;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;
use system::Unnamed;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// Opens the region file at `path`; None when there is none.
///
/// Refused when it is a symbolic link, no regular file, or owned by somebody else: such a file
/// could be changed under us by a user whom this process does not trust. An observer running as
/// root may read anybody's.
pub fn open_existing(path: &Path, writable: bool) -> Result<Option<(File, usize)>> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::argument("a path must not contain NUL"));
    }
    let file = match system::open_existing(path, writable) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) if system::is_link(&cause) => {
            return Err(Error::new(
                Kind::System,
                format!(
                    "{} is a symbolic link; give the region's own path",
                    path.display()
                ),
            ));
        }
        Err(cause) => return Err(Error::os(format_args!("open {}", path.display()), &cause)),
    };
    let found = file
        .metadata()
        .map_err(|cause| Error::os(format_args!("look at {}", path.display()), &cause))?;
    if !found.is_file() {
        return Err(Error::format(format!(
            "{} is not a regular file",
            path.display()
        )));
    }
    system::check_owner(path, &found, writable)?;
    let words = usize::try_from(found.len() / 8).unwrap_or(usize::MAX);
    if words < super::layout::HEADER_WORDS {
        return Err(Error::format(format!(
            "{} is no tidegate region: {} bytes are too few",
            path.display(),
            found.len()
        )));
    }
    Ok(Some((file, words)))
}

/// Maps `words` words of `file`.
pub fn map(file: &File, words: usize, writable: bool) -> Result<Mapping> {
    Mapping::file(file, words, writable)
}

/// Makes a file of `words` words, lets `fill` write its contents, and links it to `path`.
/// Ok(None) when another process had linked one there first.
pub fn make(
    path: &Path,
    words: usize,
    fill: impl FnOnce(&Mapping) -> Result<()>,
) -> Result<Option<Mapping>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let unnamed = Unnamed::make(folder).map_err(|cause| {
        Error::os(
            format_args!("make a region in {}", folder.display()),
            &cause,
        )
    })?;
    let file = unnamed.file();
    reserve_in_turn(file, words * 8, path, folder)?;
    // Unmapped before the file is removed, if it is: some systems remove no mapped ones.
    let mapping = map(file, words, true)?;
    fill(&mapping)?;
    match unnamed.link(path) {
        Ok(()) => Ok(Some(mapping)),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(cause) => Err(Error::os(
            format_args!("name the region {}", path.display()),
            &cause,
        )),
    }
}

/// How often, and how long each time, a maker waits for space that another one may give back.
const RETRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(2);

/// Reserves every page. Makers of one path that race need its size several times over, and all
/// but one give it back: for lack of space it is tried again for a while, or until somebody has
/// made the region.
fn reserve_in_turn(file: &File, bytes: usize, path: &Path, folder: &Path) -> Result<()> {
    for _ in 0..RETRIES {
        match reserve(file, bytes, folder)? {
            Reserved::All => return Ok(()),
            Reserved::NoSpace if path.symlink_metadata().is_ok() => break,
            Reserved::NoSpace => std::thread::sleep(PAUSE),
        }
    }
    Err(Error::new(
        Kind::System,
        format!(
            "no space for a region of {bytes} bytes in {}: {}",
            folder.display(),
            missing(folder, bytes)
        ),
    ))
}

enum Reserved {
    All,
    NoSpace,
}

/// Reserves every page now: a memory file system that ran out later would kill its writers.
fn reserve(file: &File, bytes: usize, folder: &Path) -> Result<Reserved> {
    loop {
        let Err(cause) = system::allocate(file, bytes as u64) else {
            return Ok(Reserved::All);
        };
        match cause.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::StorageFull => return Ok(Reserved::NoSpace),
            _ => {
                let what = format!("reserve {bytes} bytes in {}", folder.display());
                return Err(Error::os(what, &cause));
            }
        }
    }
}

/// How much is missing in `folder` for `bytes`, in words.
fn missing(folder: &Path, bytes: usize) -> String {
    let Some(found) = usage::disk(folder) else {
        return "it is full".into();
    };
    let free = found.available_bytes;
    format!(
        "{free} bytes are free, {} are missing",
        (bytes as u64).saturating_sub(free)
    )
}

/// Holds the file's lock while `work` runs; the system lets go of it if this process dies.
pub fn with_lock(file: &File, work: impl FnOnce() -> Result<()>) -> Result<()> {
    system::lock(file).map_err(|cause| Error::os("lock the region's file", &cause))?;
    let done = work();
    system::unlock(file);
    done
}
