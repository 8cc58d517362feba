//! UNSAFE. What processes and the host use, as `/proc` and the file systems say.

use super::{DiskUsage, ProcessUsage};
use std::path::Path;

/// What process `pid` uses; None when there is none.
pub fn process(pid: u32) -> Option<ProcessUsage> {
    let folder = format!("/proc/{pid}");
    let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let mut usage = read_stat(&stat, seconds_of(&uptime)?)?;
    usage.open_files = std::fs::read_dir(format!("{folder}/fd"))
        .ok()
        .map(|files| files.count() as u64);
    usage.open_files_limit = std::fs::read_to_string(format!("{folder}/limits"))
        .ok()
        .and_then(|limits| open_files_limit(&limits));
    Some(usage)
}

/// Memory that the host has, and what of it can be had; None for what nobody says.
pub fn memory() -> (Option<u64>, Option<u64>) {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    (
        memory_field(&memory, "MemTotal:"),
        memory_field(&memory, "MemAvailable:"),
    )
}

/// The file system of `folder`.
pub fn disk(folder: &Path) -> Option<DiskUsage> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: all zeros is a valid statvfs, and the path is NUL-terminated.
    let found = unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &mut found) == 0).then_some(found)
    }?;
    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields are narrower on some systems"
    )]
    let bytes = |blocks| (blocks as u64).saturating_mul(found.f_frsize as u64);
    Some(DiskUsage {
        path: folder.display().to_string(),
        bytes: bytes(found.f_blocks),
        available_bytes: bytes(found.f_bavail),
    })
}

/// Reads `/proc/PID/stat` of a host that runs for `up` seconds.
fn read_stat(stat: &str, up: f64) -> Option<ProcessUsage> {
    // The command in parentheses may itself hold spaces and parentheses: fields follow the last.
    let fields: Vec<&str> = stat
        .get(stat.rfind(')')? + 1..)?
        .split_ascii_whitespace()
        .collect();
    // The third field of the manual is the first one here.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let (ticks, page) = (
        system(libc::_SC_CLK_TCK, 100),
        system(libc::_SC_PAGESIZE, 4096),
    );
    let seconds = |count: u64| count as f64 / ticks as f64;
    Some(ProcessUsage {
        cpu_seconds: seconds(field(14)?.saturating_add(field(15)?)),
        resident_bytes: field(24)?.saturating_mul(page),
        virtual_bytes: field(23)?,
        threads: field(20)?,
        open_files: None,
        open_files_limit: None,
        uptime_seconds: (up - seconds(field(22)?)).max(0.0),
    })
}

fn system(name: libc::c_int, otherwise: u64) -> u64 {
    // SAFETY: sysconf has no preconditions.
    let found = unsafe { libc::sysconf(name) };
    u64::try_from(found)
        .ok()
        .filter(|found| *found > 0)
        .unwrap_or(otherwise)
}

/// The first number of `/proc/uptime`.
fn seconds_of(uptime: &str) -> Option<f64> {
    uptime.split_ascii_whitespace().next()?.parse().ok()
}

/// A line of `/proc/meminfo`, in bytes.
fn memory_field(memory: &str, name: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

/// The soft limit of open files in `/proc/PID/limits`.
fn open_files_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_command() {
        let stat = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 7 0 1000 \
                    4096000 25 18446744073709551615";
        let found = read_stat(stat, 100.0).unwrap();
        let ticks = system(libc::_SC_CLK_TCK, 100) as f64;
        assert_eq!(found.cpu_seconds, 300.0 / ticks);
        assert_eq!((found.threads, found.virtual_bytes), (7, 4_096_000));
        assert_eq!(found.resident_bytes, 25 * system(libc::_SC_PAGESIZE, 4096));
        assert_eq!(found.uptime_seconds, 100.0 - 1000.0 / ticks);
        for broken in ["", ")", "1 (a) S", "1 (a) S 1 2 x"] {
            assert_eq!(read_stat(broken, 1.0), None);
        }
    }

    #[test]
    fn what_the_kernel_says_of_memory_and_limits_is_read() {
        let memory = "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\n";
        assert_eq!(memory_field(memory, "MemTotal:"), Some(2048 * 1024));
        assert_eq!(memory_field(memory, "MemAvailable:"), Some(1024 * 1024));
        assert_eq!(memory_field(memory, "SwapTotal:"), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(open_files_limit(limits), Some(1024));
        let limits = "Max open files            unlimited            unlimited  files\n";
        assert_eq!(open_files_limit(limits), None);
    }
}
