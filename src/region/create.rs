//! Making a region's file, or joining the one that is there: the race over one path.
//!
//! A new file is made without a name, filled in completely, and only then linked to the path.
//! Whoever links first has made the region; the others find it whole. Nobody waits, and a process
//! killed while it makes a file leaves nothing behind.

mod unnamed;

use super::raw::Mapping;
use crate::base::error::{Error, Kind, Result};
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;
use unnamed::Unnamed;

/// Opens the region file at `path`; None when there is none.
///
/// Refused when it is a symbolic link, no regular file, or owned by somebody else: such a file
/// could be changed under us by a user whom this process does not trust. An observer running as
/// root may read anybody's.
pub fn open_existing(path: &Path, writable: bool) -> Result<Option<(File, usize)>> {
    let access = if writable {
        libc::O_RDWR
    } else {
        libc::O_RDONLY
    };
    let name = c_path(path)?;
    // SAFETY: `name` is NUL-terminated.
    let fd = unsafe {
        libc::open(
            name.as_ptr(),
            access | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK,
        )
    };
    if fd < 0 {
        let cause = io::Error::last_os_error();
        return match cause.raw_os_error() {
            Some(libc::ENOENT) => Ok(None),
            Some(libc::ELOOP) => Err(Error::new(
                Kind::System,
                format!(
                    "{} is a symbolic link; give the region's own path",
                    path.display()
                ),
            )),
            _ => Err(Error::os(format_args!("open {}", path.display()), &cause)),
        };
    }
    // SAFETY: the descriptor is fresh and ours.
    let file = unsafe { File::from_raw_fd(fd) };
    let found = file
        .metadata()
        .map_err(|cause| Error::os(format_args!("look at {}", path.display()), &cause))?;
    if !found.is_file() {
        return Err(Error::format(format!(
            "{} is not a regular file",
            path.display()
        )));
    }
    // SAFETY: geteuid has no preconditions.
    let me = unsafe { libc::geteuid() };
    if found.uid() != me && (writable || me != 0) {
        return Err(Error::new(
            Kind::System,
            format!(
                "{} belongs to user {}, not to {me}",
                path.display(),
                found.uid()
            ),
        ));
    }
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
    Mapping::file(file.as_fd(), words, writable)
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
    let mapping = map(file, words, true)?;
    fill(&mapping)?;
    match unnamed.link(path) {
        Ok(()) => Ok(Some(mapping)),
        Err(cause) if cause.raw_os_error() == Some(libc::EEXIST) => Ok(None),
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
    let length = libc::off_t::try_from(bytes)
        .map_err(|_| Error::config(format!("region.size_bytes {bytes} is too large for a file")))?;
    loop {
        match unnamed::allocate(file, length) {
            0 => return Ok(Reserved::All),
            libc::EINTR => {}
            libc::ENOSPC => return Ok(Reserved::NoSpace),
            code => {
                let cause = io::Error::from_raw_os_error(code);
                let what = format!("reserve {bytes} bytes in {}", folder.display());
                return Err(Error::os(what, &cause));
            }
        }
    }
}

/// How much is missing in `folder` for `bytes`, in words.
fn missing(folder: &Path, bytes: usize) -> String {
    // SAFETY: all zeros is a valid statvfs.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    let Ok(name) = c_path(folder) else {
        return "it is full".into();
    };
    // SAFETY: the name is NUL-terminated and `found` is a valid place.
    if unsafe { libc::statvfs(name.as_ptr(), &mut found) } != 0 {
        return "it is full".into();
    }
    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields are narrower on some systems"
    )]
    let free = (found.f_bavail as u64).saturating_mul(found.f_frsize as u64);
    format!(
        "{free} bytes are free, {} are missing",
        (bytes as u64).saturating_sub(free)
    )
}

/// Holds the file's lock while `work` runs; the kernel lets go of it if this process dies.
pub fn with_lock(file: &File, work: impl FnOnce() -> Result<()>) -> Result<()> {
    // SAFETY: the descriptor is open.
    while unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } != 0 {
        let cause = io::Error::last_os_error();
        if cause.kind() != io::ErrorKind::Interrupted {
            return Err(Error::os("lock the region's file", &cause));
        }
    }
    let done = work();
    // SAFETY: the descriptor is open.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
    done
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::argument("a path must not contain NUL"))
}
