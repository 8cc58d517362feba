//! UNSAFE. What Windows says of its clock, its processes and itself.

use std::io;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use windows_sys::Wdk::System::SystemInformation::{
    NtQuerySystemInformation, SYSTEM_INFORMATION_CLASS, SystemProcessInformation,
    SystemTimeOfDayInformation,
};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_INVALID_PARAMETER, FILETIME, HANDLE, STATUS_INFO_LENGTH_MISMATCH,
    WAIT_OBJECT_0,
};
use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_USE_SYSTEM_PREFERRED_RNG, BCryptGenRandom,
};
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW,
};
use windows_sys::Win32::System::Threading::{
    ALL_PROCESSOR_GROUPS, GetCurrentThreadId, GetMaximumProcessorCount, GetProcessTimes,
    OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};
use windows_sys::Win32::System::WindowsProgramming::SYSTEM_PROCESS_INFORMATION;

/// Reads the precise clock: the cheaper ones of Windows are up to 16 ms behind, and are other clocks.
#[inline(always)]
pub fn coarse_ns() -> u64 {
    precise_ns()
}

/// Reads the performance counter, which counts from boot and is the same for all processes.
#[inline]
pub fn precise_ns() -> u64 {
    let mut ticks = 0;
    // SAFETY: a valid place; the call cannot fail on any Windows that Rust supports.
    unsafe { QueryPerformanceCounter(&mut ticks) };
    scale(ticks as u64, ticks_per_second())
}

/// Nanoseconds of `ticks`, of which `rate` are a second; exact, and without overflow for as long as
/// nanoseconds fit in a word.
#[inline(always)]
fn scale(ticks: u64, rate: u64) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    // A rest below `rate` times a second fits for all rates below 18 GHz.
    (ticks / rate)
        .wrapping_mul(SECOND)
        .wrapping_add((ticks % rate).wrapping_mul(SECOND) / rate)
}

#[inline(always)]
fn ticks_per_second() -> u64 {
    static RATE: AtomicU64 = AtomicU64::new(0);

    #[cold]
    fn ask() -> u64 {
        let mut rate = 0;
        // SAFETY: a valid place; the rate is fixed at boot.
        unsafe { QueryPerformanceFrequency(&mut rate) };
        let rate = u64::try_from(rate).unwrap_or(1).max(1);
        RATE.store(rate, Ordering::Relaxed);
        rate
    }

    match RATE.load(Ordering::Relaxed) {
        0 => ask(),
        rate => rate,
    }
}

/// Reads the wall clock: nanoseconds since 1970. Never used in a decision.
pub fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// The host's name; empty when it has none that can be shown.
pub fn name() -> String {
    let mut text = [0u16; 256];
    let mut length = text.len() as u32;
    // SAFETY: the place has the length that is given.
    let found = unsafe {
        GetComputerNameExW(
            ComputerNamePhysicalDnsHostname,
            text.as_mut_ptr(),
            &mut length,
        )
    };
    let text = text.get(..length as usize).filter(|_| found != 0);
    String::from_utf16(text.unwrap_or_default()).unwrap_or_default()
}

/// Differs from boot to boot: when this one was. Setting the wall clock moves that time and, by as
/// much, the bias beside it.
pub fn boot_id() -> String {
    const BOOT_TIME: usize = 0;
    const BOOT_TIME_BIAS: usize = 4;
    let mut fields = [0i64; 6];
    let size = size_of_val(&fields) as u32;
    // SAFETY: the place is as long as is said.
    unsafe {
        NtQuerySystemInformation(
            SystemTimeOfDayInformation,
            fields.as_mut_ptr().cast(),
            size,
            null_mut(),
        )
    };
    fields[BOOT_TIME]
        .wrapping_sub(fields[BOOT_TIME_BIAS])
        .to_string()
}

/// A number for the namespace of kind `name` that this process lives in: Windows has none.
pub fn namespace(_name: &str) -> u64 {
    0
}

/// A process that was opened; closed when dropped.
struct Opened(HANDLE);

impl Opened {
    fn new(pid: u32) -> io::Result<Self> {
        let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
        // SAFETY: asks only.
        let handle = unsafe { OpenProcess(rights, 0, pid) };
        match handle.is_null() {
            true => Err(io::Error::last_os_error()),
            false => Ok(Opened(handle)),
        }
    }

    /// True when only its remains are left, which somebody holds open.
    fn has_ended(&self) -> bool {
        // SAFETY: the handle is open, and nothing is waited for.
        unsafe { WaitForSingleObject(self.0, 0) == WAIT_OBJECT_0 }
    }

    /// When it was made, in units of 100 ns.
    fn start(&self) -> Option<u64> {
        let mut times = [FILETIME::default(); 4];
        let [start, end, kernel, user] = &mut times;
        // SAFETY: the handle is open, and all places are valid.
        let found = unsafe { GetProcessTimes(self.0, start, end, kernel, user) };
        let start = u64::from(times[0].dwHighDateTime) << 32 | u64::from(times[0].dwLowDateTime);
        (found != 0).then_some(start)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: the handle is ours.
        unsafe { CloseHandle(self.0) };
    }
}

/// False when there is no process number `pid`, or only its remains.
pub fn exists(pid: u32) -> bool {
    match Opened::new(pid) {
        Ok(process) => !process.has_ended(),
        Err(cause) => cause.raw_os_error() != Some(ERROR_INVALID_PARAMETER as i32),
    }
}

/// When process `pid` started, in hundredths of a second; None when there is none, or only its remains.
pub fn start_ticks(pid: u32) -> Option<u64> {
    const HUNDREDTH: u64 = 100_000;
    let start = match Opened::new(pid) {
        Ok(process) if process.has_ended() => None,
        Ok(process) => process.start(),
        Err(cause) if cause.raw_os_error() == Some(ERROR_INVALID_PARAMETER as i32) => None,
        // Somebody else's, who does not let us open it: the list shows it all the same.
        Err(_) => Some(listed(pid)?.start),
    };
    start.map(|start| start / HUNDREDTH)
}

/// A process as the system lists it for everybody. Times are in units of 100 ns.
pub struct Listed {
    /// When it started, since 1601.
    pub start: u64,
    /// CPU time that it has used.
    pub cpu: u64,
    /// Threads.
    pub threads: u64,
    /// Memory that is in RAM.
    pub resident: u64,
    /// Memory that it has asked for, in RAM or in the page file.
    pub committed: u64,
}

/// The living process number `pid` in the system's list.
pub fn listed(pid: u32) -> Option<Listed> {
    const START: usize = 24;
    const USER: usize = 32;
    const KERNEL: usize = 40;
    let list = query(SystemProcessInformation)?;
    let bytes = size_of_val(list.as_slice());
    let mut at = 0;
    while at + size_of::<SYSTEM_PROCESS_INFORMATION>() <= bytes {
        // SAFETY: the record ends within the list, and any bits are one.
        let found: SYSTEM_PROCESS_INFORMATION = unsafe {
            list.as_ptr()
                .byte_add(at)
                .cast::<SYSTEM_PROCESS_INFORMATION>()
                .read_unaligned()
        };
        if found.UniqueProcessId.addr() == pid as usize && found.NumberOfThreads > 0 {
            let time = |at: usize| {
                let bytes = found.Reserved1[at..at + 8].try_into();
                u64::from_le_bytes(bytes.expect("eight bytes"))
            };
            return Some(Listed {
                start: time(START),
                cpu: time(USER).saturating_add(time(KERNEL)),
                threads: found.NumberOfThreads.into(),
                resident: found.WorkingSetSize as u64,
                committed: found.PagefileUsage as u64,
            });
        }
        match found.NextEntryOffset {
            0 => return None,
            next => at += next as usize,
        }
    }
    None
}

/// All that the system says to a question whose answer has no fixed size.
fn query(class: SYSTEM_INFORMATION_CLASS) -> Option<Vec<u64>> {
    // Processes that start meanwhile make the answer longer than it was said to be.
    const ATTEMPTS: u32 = 8;
    let mut bytes = 1 << 18;
    for _ in 0..ATTEMPTS {
        let mut list = vec![0u64; (bytes as usize).div_ceil(8)];
        let mut needed = 0;
        // SAFETY: the place is as long as is said.
        let status = unsafe {
            NtQuerySystemInformation(class, list.as_mut_ptr().cast(), bytes, &mut needed)
        };
        match status {
            0.. => return Some(list),
            STATUS_INFO_LENGTH_MISMATCH => bytes = needed.max(bytes).saturating_add(1 << 16),
            _ => return None,
        }
    }
    None
}

/// How many forks this process descends from: Windows has none.
#[inline(always)]
pub fn forks() -> u64 {
    0
}

/// Counts forks from now on.
pub fn watch_forks() {}

/// A number that no other thread of this process has.
pub fn thread_number() -> u64 {
    // SAFETY: no preconditions.
    unsafe { GetCurrentThreadId() }.into()
}

/// True when files in `folder` live in memory rather than on a disk, and where no folder's files do:
/// Windows has no such folders, and regions are files that it is asked to keep in memory.
pub fn is_memory_file_system(_folder: &std::path::Path) -> bool {
    true
}

/// CPUs that this host could ever have online.
pub fn possible_cpus() -> u64 {
    // SAFETY: no preconditions.
    u64::from(unsafe { GetMaximumProcessorCount(ALL_PROCESSOR_GROUPS) }).max(1)
}

/// Fills `words` with secret randomness of the operating system.
#[cfg(not(loom))]
pub fn random(words: &mut [u64]) -> io::Result<()> {
    let bytes = u32::try_from(size_of_val(words)).unwrap_or(u32::MAX);
    let place = words.as_mut_ptr().cast();
    // SAFETY: the place is at least as long as is said.
    let status =
        unsafe { BCryptGenRandom(null_mut(), place, bytes, BCRYPT_USE_SYSTEM_PREFERRED_RNG) };
    match status {
        0 => Ok(()),
        code => Err(io::Error::other(format!("status {code:#x}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_nanoseconds_exactly() {
        for rate in [
            1,
            3,
            1_193_182,
            3_579_545,
            10_000_000,
            24_000_000,
            3_999_999_937,
        ] {
            for ticks in [
                0,
                1,
                rate - 1,
                rate,
                12_345_678_901,
                u64::from(u32::MAX) * 7,
            ] {
                let exact = u128::from(ticks) * 1_000_000_000 / u128::from(rate);
                assert_eq!(scale(ticks, rate), exact as u64, "{ticks} at {rate}");
            }
        }
    }

    #[test]
    fn the_list_says_what_the_process_says() {
        let pid = std::process::id();
        let found = listed(pid).expect("this process is in the list");
        let opened = Opened::new(pid).expect("this process can be opened");
        assert_eq!(Some(found.start), opened.start());
        assert!(found.threads >= 1);
        assert!(listed(u32::MAX - 3).is_none() && !exists(u32::MAX - 3));
    }
}
