//! UNSAFE. Files of Windows: opened without following links, renamed once they are complete, locked.
//!
//! All handles share reading, writing and deleting. A file that is mapped can be neither cut nor removed
//! by anybody. Who may open one is what its folder's access list says.

use crate::base::error::Result;
use crate::base::host;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use windows_sys::Win32::Foundation::ERROR_STOPPED_ON_SYMLINK;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_TEMPORARY, FILE_FLAG_OPEN_REPARSE_POINT,
    LOCKFILE_EXCLUSIVE_LOCK, LockFileEx, MoveFileExW, UnlockFileEx,
};
use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};

/// Opens the file at `path`, unless that is a symbolic link.
pub fn open_existing(path: &Path, writable: bool) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(writable)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    match file.metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT {
        0 => Ok(file),
        _ => Err(io::Error::from_raw_os_error(
            ERROR_STOPPED_ON_SYMLINK as i32,
        )),
    }
}

/// True when `cause` says that the path is a symbolic link.
pub fn is_link(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(ERROR_STOPPED_ON_SYMLINK as i32)
}

/// Whoever may open the file may use it.
pub fn check_owner(_path: &Path, _found: &Metadata, _writable: bool) -> Result<()> {
    Ok(())
}

/// A new, empty file with a name of this thread's alone.
pub struct Unnamed {
    file: File,
    name: PathBuf,
}

impl Unnamed {
    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes one in `folder`. A process that is killed before it gives the file its name leaves it.
    pub fn make(folder: &Path) -> io::Result<Self> {
        let (pid, thread) = (std::process::id(), host::thread_number());
        let name = folder.join(format!(".tidegate-{pid}-{thread}"));
        // One of a process that was killed and had our number.
        let _ = std::fs::remove_file(&name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            // Its pages are for memory; they need not be on the disk soon.
            .attributes(FILE_ATTRIBUTE_TEMPORARY)
            .open(&name)?;
        Ok(Unnamed { file, name })
    }

    /// Gives it the name `path`, unless something has that.
    pub fn link(&self, path: &Path) -> io::Result<()> {
        let (from, to) = (wide(&self.name), wide(path));
        // SAFETY: both names end in NUL. Without flags nothing is replaced.
        match unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.name);
    }
}

/// Makes `file` `bytes` long, with space for all of them.
pub fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// A byte that no file has: locks keep others from what they lock, also from reading it.
fn locked_byte() -> OVERLAPPED {
    OVERLAPPED {
        Anonymous: OVERLAPPED_0 {
            Anonymous: OVERLAPPED_0_0 {
                Offset: u32::MAX - 1,
                OffsetHigh: i32::MAX as u32,
            },
        },
        ..Default::default()
    }
}

/// Waits until nobody else holds the file's lock, and takes it; the system lets go of it if this process
/// dies.
pub fn lock(file: &File) -> io::Result<()> {
    // SAFETY: the handle is open, and the record a valid place.
    let locked = unsafe {
        LockFileEx(
            file.as_raw_handle(),
            LOCKFILE_EXCLUSIVE_LOCK,
            0,
            1,
            0,
            &mut locked_byte(),
        )
    };
    match locked {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Lets go of the file's lock.
pub fn unlock(file: &File) {
    // SAFETY: as in `lock`.
    unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &mut locked_byte()) };
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}
