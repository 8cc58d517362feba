//! UNSAFE. What processes and the host use, as Windows says.

use super::{DiskUsage, ProcessUsage};
use crate::base::host::system::listed;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::time::{SystemTime, UNIX_EPOCH};
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

/// Units of Windows' times in a second.
const SECOND: f64 = 10_000_000.0;
/// Seconds from 1601, when Windows' times begin, to 1970.
const EPOCH: f64 = 11_644_473_600.0;

/// What process `pid` uses; None when there is none. Windows counts handles, of which files are a
/// part, and has no limit for them.
pub fn process(pid: u32) -> Option<ProcessUsage> {
    let found = listed(pid).filter(|_| pid != 0)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let started = found.start as f64 / SECOND - EPOCH;
    Some(ProcessUsage {
        cpu_seconds: found.cpu as f64 / SECOND,
        resident_bytes: found.resident,
        virtual_bytes: found.committed,
        threads: found.threads,
        open_files: None,
        open_files_limit: None,
        uptime_seconds: (now.as_secs_f64() - started).max(0.0),
    })
}

/// Memory that the host has, and what of it can be had; None for what nobody says.
pub fn memory() -> (Option<u64>, Option<u64>) {
    let mut found = MEMORYSTATUSEX {
        dwLength: size_of::<MEMORYSTATUSEX>() as u32,
        ..Default::default()
    };
    // SAFETY: the record says how long it is.
    match unsafe { GlobalMemoryStatusEx(&mut found) } {
        0 => (None, None),
        _ => (Some(found.ullTotalPhys), Some(found.ullAvailPhys)),
    }
}

/// The file system of `folder`.
pub fn disk(folder: &Path) -> Option<DiskUsage> {
    let name: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let (mut available, mut all) = (0, 0);
    // SAFETY: the name ends in NUL, and the places are valid.
    let found = unsafe { GetDiskFreeSpaceExW(name.as_ptr(), &mut available, &mut all, null_mut()) };
    (found != 0).then(|| DiskUsage {
        path: folder.display().to_string(),
        bytes: all,
        available_bytes: available,
    })
}
