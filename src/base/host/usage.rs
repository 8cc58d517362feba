//! What processes and the host use. What the system does not say, or not to us, is None.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use crate::base::order::Order;
use std::path::Path;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use system::{disk, process};

/// What one process uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// CPU time that it has used, in seconds.
    pub cpu_seconds: f64,
    /// Memory that is in RAM.
    pub resident_bytes: u64,
    /// Address space.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files; None when that is not ours to know.
    pub open_files: Option<u64>,
    /// Files that it may have open; None when there is no limit.
    pub open_files_limit: Option<u64>,
    /// How long it runs, in seconds.
    pub uptime_seconds: f64,
}

/// What the host has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostUsage {
    /// Memory; None when nobody knows.
    pub memory_bytes: Option<u64>,
    /// Memory that can be had without swapping.
    pub memory_available_bytes: Option<u64>,
    /// File systems.
    pub disks: Vec<DiskUsage>,
}

/// What a file system has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskUsage {
    /// A folder in it.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// What an ordinary user can still write.
    pub available_bytes: u64,
}

/// What the host has, and the file systems of `folders`, each once.
pub fn host(folders: &[&Path]) -> HostUsage {
    let (memory_bytes, memory_available_bytes) = system::memory();
    let mut disks: Vec<DiskUsage> = folders.iter().filter_map(|folder| disk(folder)).collect();
    disks.order_by(|one, other| one.path.cmp(&other.path));
    disks.dedup_by(|one, other| one.path == other.path);
    HostUsage {
        memory_bytes,
        memory_available_bytes,
        disks,
    }
}

#[cfg(all(test, any(target_os = "linux", windows)))]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_this_host_use_something() {
        let mine = process(std::process::id()).unwrap();
        assert!(mine.resident_bytes > 100_000 && mine.threads >= 1);
        assert!(cfg!(windows) || mine.open_files.is_some_and(|count| count >= 3));
        assert_eq!(process(0), None);
        let root = Path::new("/");
        let host = host(&[root, root, Path::new("/no/such/folder")]);
        assert_eq!(host.disks.len(), 1);
        assert!(host.memory_available_bytes <= host.memory_bytes);
        assert!(host.disks[0].available_bytes <= host.disks[0].bytes);
    }
}
