//! UNSAFE. Pages of POSIX systems.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// Maps `bytes` zeros without a name: shared with children forked later, or private.
pub fn map_anonymous(bytes: usize, shared: bool) -> io::Result<NonNull<u8>> {
    let sharing = if shared {
        libc::MAP_SHARED
    } else {
        libc::MAP_PRIVATE
    };
    let flags = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    map(bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1)
}

/// Maps the first `bytes` of `file`, which must be at least that long.
pub fn map_file(file: &File, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let access = if writable {
        libc::PROT_READ | libc::PROT_WRITE
    } else {
        libc::PROT_READ
    };
    map(bytes, access, libc::MAP_SHARED, file.as_raw_fd())
}

fn map(bytes: usize, access: i32, flags: i32, fd: i32) -> io::Result<NonNull<u8>> {
    // SAFETY: a fresh mapping at an address that the kernel chooses touches nothing of ours.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, fd, 0) };
    NonNull::new(base.cast())
        .filter(|_| base != libc::MAP_FAILED)
        .ok_or_else(io::Error::last_os_error)
}

/// Gives pages back.
///
/// # Safety
/// They are `bytes` that were mapped here from `base` on, and nobody uses them any more.
pub unsafe fn unmap(base: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(base.as_ptr().cast(), bytes) };
}
