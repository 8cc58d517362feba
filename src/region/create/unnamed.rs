//! UNSAFE. A file without a name, which gets one when it is complete.

use super::c_path;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::Path;

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
    pub fn link(self, path: &Path) -> io::Result<()> {
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
    pub fn link(self, path: &Path) -> io::Result<()> {
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
    let name = named(path)?;
    // SAFETY: the name is NUL-terminated.
    let fd = unsafe { libc::open(name.as_ptr(), flags, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is fresh and ours.
    Ok(unsafe { File::from_raw_fd(fd) })
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (named(from)?, named(to)?);
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

fn named(path: &Path) -> io::Result<std::ffi::CString> {
    c_path(path).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// Makes `file` `length` bytes long, with space for all of them: 0 or an error number.
#[cfg(not(target_os = "macos"))]
pub fn allocate(file: &File, length: libc::off_t) -> i32 {
    // SAFETY: the descriptor is open for writing.
    unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) }
}

/// Makes `file` `length` bytes long, with space for all of them: 0 or an error number.
#[cfg(target_os = "macos")]
pub fn allocate(file: &File, length: libc::off_t) -> i32 {
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
