//! UNSAFE. Pages of Windows: views of sections.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr::{NonNull, null};
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile,
    PAGE_READONLY, PAGE_READWRITE, UnmapViewOfFile,
};

/// Maps `bytes` zeros without a name; there are no forked children to share them with.
pub fn map_anonymous(bytes: usize, _shared: bool) -> io::Result<NonNull<u8>> {
    map(INVALID_HANDLE_VALUE, bytes, true)
}

/// Maps the first `bytes` of `file`, which must be at least that long.
pub fn map_file(file: &File, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    map(file.as_raw_handle(), bytes, writable)
}

fn map(file: HANDLE, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let (pages, access) = if writable {
        (PAGE_READWRITE, FILE_MAP_READ | FILE_MAP_WRITE)
    } else {
        (PAGE_READONLY, FILE_MAP_READ)
    };
    let (high, low) = ((bytes as u64 >> 32) as u32, bytes as u32);
    // SAFETY: a fresh view at an address that the kernel chooses touches nothing of ours; it keeps its
    // section, whose handle is ours to close.
    unsafe {
        let section = CreateFileMappingW(file, null(), pages, high, low, null());
        if section.is_null() {
            return Err(io::Error::last_os_error());
        }
        let view = MapViewOfFile(section, access, 0, 0, bytes);
        let base = NonNull::new(view.Value.cast()).ok_or_else(io::Error::last_os_error);
        CloseHandle(section);
        base
    }
}

/// Gives pages back.
///
/// # Safety
/// They were mapped here from `base` on, and nobody uses them any more.
pub unsafe fn unmap(base: NonNull<u8>, _bytes: usize) {
    let view = MEMORY_MAPPED_VIEW_ADDRESS {
        Value: base.as_ptr().cast(),
    };
    // SAFETY: the caller's promise.
    unsafe { UnmapViewOfFile(view) };
}
