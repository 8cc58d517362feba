//! UNSAFE. Files of POSIX systems: opened without being fooled, made without a name that anybody could
//! find before they are complete, locked.

use crate::base::error::{Error, Kind, Result};
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Opens the file at `path`, unless that is a symbolic link.
pub fn open_existing(path: &Path, writable: bool) -> io::Result<File> {
    let access = if writable {
        libc::O_RDWR
    } else {
        libc::O_RDONLY
    };
    open(
        path,
        access | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK,
    )
}

/// True when `cause` says that the path is a symbolic link.
pub fn is_link(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(libc::ELOOP)
}

/// Refuses a file that somebody else owns, unless root only looks at it.
pub fn check_owner(path: &Path, found: &Metadata, writable: bool) -> Result<()> {
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
    Ok(())
}

/// A new, empty file that nobody else can find.
pub struct Unnamed {
    file: File,
    /// Its name until it has its own, where the system has no files without one.
    #[cfg(not(target_os = "linux"))]
    name: std::path::PathBuf,
}

impl Unnamed {
    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes one in `folder`.
    #[cfg(target_os = "linux")]
    pub fn make(folder: &Path) -> io::Result<Self> {
        let flags = libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC;
        let file = open(folder, flags)?;
        Ok(Unnamed { file })
    }

    /// Gives it the name `path`, unless something has that.
    #[cfg(target_os = "linux")]
    pub fn link(&self, path: &Path) -> io::Result<()> {
        let from = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        link(Path::new(&from), path)
    }

    /// Makes one in `folder`. A process that is killed before it gives the file its name leaves it.
    #[cfg(not(target_os = "linux"))]
    pub fn make(folder: &Path) -> io::Result<Self> {
        let (pid, thread) = (std::process::id(), crate::base::host::thread_number());
        let name = folder.join(format!(".tidegate-{pid}-{thread}"));
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
        // One of a process that was killed and had our number.
        let _ = std::fs::remove_file(&name);
        let file = open(&name, flags)?;
        Ok(Unnamed { file, name })
    }

    /// Gives it the name `path`, unless something has that.
    #[cfg(not(target_os = "linux"))]
    pub fn link(&self, path: &Path) -> io::Result<()> {
        link(&self.name, path)
    }
}

#[cfg(not(target_os = "linux"))]
impl Drop for Unnamed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.name);
    }
}

fn open(path: &Path, flags: libc::c_int) -> io::Result<File> {
    let name = c_path(path)?;
    // SAFETY: the name is NUL-terminated.
    let fd = unsafe { libc::open(name.as_ptr(), flags, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is fresh and ours.
    Ok(unsafe { File::from_raw_fd(fd) })
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (c_path(from)?, c_path(to)?);
    // SAFETY: both names are NUL-terminated.
    let linked = unsafe {
        libc::linkat(
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::AT_SYMLINK_FOLLOW,
        )
    };
    match linked {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes `file` `bytes` long, with space for all of them.
pub fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
    match reserve(file, length) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// 0 or an error number.
#[cfg(not(target_os = "macos"))]
fn reserve(file: &File, length: libc::off_t) -> i32 {
    // SAFETY: the descriptor is open for writing.
    unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) }
}

/// 0 or an error number.
#[cfg(target_os = "macos")]
fn reserve(file: &File, length: libc::off_t) -> i32 {
    let mut space = libc::fstore_t {
        fst_flags: libc::F_ALLOCATEALL,
        fst_posmode: libc::F_PEOFPOSMODE,
        fst_offset: 0,
        fst_length: length,
        fst_bytesalloc: 0,
    };
    let place: *mut libc::fstore_t = &mut space;
    // SAFETY: the descriptor is open for writing, and the record is a valid place.
    let failed = unsafe {
        libc::fcntl(file.as_raw_fd(), libc::F_PREALLOCATE, place) < 0
            || libc::ftruncate(file.as_raw_fd(), length) != 0
    };
    match failed {
        true => io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO),
        false => 0,
    }
}

/// Waits until nobody else holds the file's lock, and takes it; the kernel lets go of it if this process
/// dies.
pub fn lock(file: &File) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor is open.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
            return Ok(());
        }
        let cause = io::Error::last_os_error();
        if cause.kind() != io::ErrorKind::Interrupted {
            return Err(cause);
        }
    }
}

/// Lets go of the file's lock.
pub fn unlock(file: &File) {
    // SAFETY: the descriptor is open.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}
