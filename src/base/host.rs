//! What the host says: its clocks, its boot, its processes.
//!
//! All times are nanoseconds. Nothing here knows of regions; `region::clock` turns host time
//! into region time.

#[cfg(target_os = "macos")]
mod macos;
pub mod usage;

#[cfg(target_os = "macos")]
use macos::{boot_id, start_ticks};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Reads the coarse monotonic clock: cheap, up to a few ticks behind.
#[inline(always)]
pub fn coarse_ns() -> u64 {
    read(COARSE)
}

/// Reads the precise monotonic clock.
#[inline]
pub fn precise_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Reads the wall clock: nanoseconds since 1970. Never used in a decision.
pub fn wall_ns() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// The host's name; empty when it has none that can be shown.
pub fn name() -> String {
    let mut bytes = [0u8; 256];
    // SAFETY: the buffer has the length that is given.
    let status = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len() - 1) };
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    match std::str::from_utf8(&bytes[..length]) {
        Ok(name) if status == 0 => name.to_owned(),
        _ => String::new(),
    }
}

#[cfg(target_os = "linux")]
const COARSE: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
#[cfg(not(target_os = "linux"))]
const COARSE: libc::clockid_t = libc::CLOCK_MONOTONIC;

/// The kernel's own `clock_gettime`, called past libc's wrapper: 4.1 instead of 6.0 ns.
type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int;

#[inline(always)]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the function is libc's or the vDSO's `clock_gettime`, and `time` is a valid place.
    unsafe { clock_gettime()(clock, &mut time) };
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec as u64)
}

#[inline(always)]
fn clock_gettime() -> ClockGettime {
    use std::sync::atomic::{AtomicPtr, Ordering};
    static FOUND: AtomicPtr<libc::c_void> = AtomicPtr::new(std::ptr::null_mut());

    #[cold]
    fn find() -> *mut libc::c_void {
        let function = vdso().unwrap_or(libc::clock_gettime as *mut libc::c_void);
        FOUND.store(function, Ordering::Relaxed);
        function
    }

    #[cfg(any(not(target_os = "linux"), miri))]
    fn vdso() -> Option<*mut libc::c_void> {
        None
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    fn vdso() -> Option<*mut libc::c_void> {
        let names = [c"__vdso_clock_gettime", c"__kernel_clock_gettime"];
        names.into_iter().find_map(|symbol| {
            // SAFETY: the names are NUL-terminated; a handle with NOLOAD only looks, and the vDSO
            // is never unmapped.
            let address = unsafe {
                let vdso = libc::dlopen(
                    c"linux-vdso.so.1".as_ptr(),
                    libc::RTLD_NOW | libc::RTLD_NOLOAD,
                );
                if vdso.is_null() {
                    return None;
                }
                libc::dlsym(vdso, symbol.as_ptr())
            };
            (!address.is_null()).then_some(address)
        })
    }

    let mut function = FOUND.load(Ordering::Relaxed);
    if function.is_null() {
        function = find();
    }
    // SAFETY: `find` stores only addresses of functions of this type.
    unsafe { std::mem::transmute::<*mut libc::c_void, ClockGettime>(function) }
}

/// A number that changes when the host reboots.
pub fn boot_hash() -> u64 {
    static BOOT: AtomicU64 = AtomicU64::new(0);
    // Not a lock: a child forked while another thread held it would wait for ever.
    let known = BOOT.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let boot = fnv1a(boot_id().trim().as_bytes());
    BOOT.store(boot, Ordering::Relaxed);
    boot
}

#[cfg(not(target_os = "macos"))]
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// A number for the namespace of kind `name` ("pid", "time") that this process lives in; 0 on
/// systems without them.
#[cfg(not(target_os = "linux"))]
pub fn namespace(_name: &str) -> u64 {
    0
}

/// A number for the namespace of kind `name` ("pid", "time") that this process lives in; 0 on
/// systems without them.
#[cfg(target_os = "linux")]
pub fn namespace(name: &str) -> u64 {
    use std::os::linux::fs::MetadataExt;
    std::fs::metadata(format!("/proc/self/ns/{name}"))
        .map(|found| found.st_ino())
        .unwrap_or(0)
}

/// A process, told apart from a later one with the same number by when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process number.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
}

impl Process {
    /// The calling process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Process {
            pid,
            start_ticks: start_ticks(pid).unwrap_or(0),
        }
    }

    /// The living process number `pid`, if there is one.
    pub fn find(pid: u32) -> Option<Self> {
        Some(Process {
            pid,
            start_ticks: start_ticks(pid)?,
        })
    }

    /// True while exactly this process lives. A zombie is dead: it will never run again.
    pub fn is_alive(self) -> bool {
        start_ticks(self.pid) == Some(self.start_ticks)
    }

    /// The process in one word, never 0, so that one store records it: number (22 bits), start
    /// (30 bits, which come again after 124 days), pid namespace (12 bits).
    pub fn to_word(self) -> u64 {
        let namespace = namespace("pid") & ((1 << NAMESPACE_BITS) - 1);
        let start = self.start_ticks & ((1 << START_BITS) - 1);
        (namespace << START_BITS | start) << PID_BITS | u64::from(self.pid)
    }

    /// The number of the process of a word.
    pub fn pid_of(word: u64) -> u32 {
        (word & ((1 << PID_BITS) - 1)) as u32
    }

    /// True when the process of a word is of this pid namespace: its number then means it.
    pub fn is_here(word: u64) -> bool {
        let namespace = namespace("pid") & ((1 << NAMESPACE_BITS) - 1);
        word >> (PID_BITS + START_BITS) == namespace
    }

    /// True when the process of a word is known to be gone. One of another pid namespace cannot be
    /// asked for, and is not.
    pub fn is_known_dead(word: u64) -> bool {
        let pid = Self::pid_of(word);
        let none = Process {
            pid,
            start_ticks: 0,
        }
        .to_word();
        let shift = PID_BITS + START_BITS;
        word >> shift == none >> shift
            && start_ticks(pid)
                .is_none_or(|start_ticks| Process { pid, start_ticks }.to_word() != word)
    }
}

/// The calling process in 54 bits, for short claims: number and pid namespace. What takes a process
/// microseconds needs no start time.
pub fn claimer() -> u64 {
    (namespace("pid") & u64::from(u32::MAX)) << PID_BITS | u64::from(std::process::id())
}

/// True when no process has the number of this claimer any more. One of another pid namespace
/// cannot be asked for, and is not gone.
pub fn is_gone(claimer: u64) -> bool {
    let pid = Process::pid_of(claimer);
    if claimer >> PID_BITS != self::claimer() >> PID_BITS || pid == std::process::id() {
        return false;
    }
    // SAFETY: signal 0 only asks.
    let found = unsafe { libc::kill(pid as libc::pid_t, 0) };
    found != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// False when there is no process number `pid`, not even its remains. One system call.
pub fn exists(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 is sent to nobody.
    let asked = unsafe { libc::kill(pid, 0) };
    asked == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Linux numbers processes below 2^22.
const PID_BITS: u32 = 22;
const START_BITS: u32 = 30;
const NAMESPACE_BITS: u32 = 64 - PID_BITS - START_BITS;

/// When process `pid` started; None when there is none, or only its remains.
#[cfg(not(target_os = "macos"))]
fn start_ticks(pid: u32) -> Option<u64> {
    if pid == 0 {
        return None;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command in parentheses may itself hold spaces and parentheses: fields follow the last.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

static FORKS: AtomicU64 = AtomicU64::new(0);

/// How many forks this process descends from since [`watch_forks`]; changes in a new child.
#[inline(always)]
pub fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Counts forks from now on.
pub fn watch_forks() {
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHING: AtomicBool = AtomicBool::new(false);
    // Two threads that come at once both register, and their children count two for a fork, which
    // is as good as one. To wait for each other they would need a lock, and a fork could leave that
    // held.
    if !WATCHING.load(Ordering::Relaxed) {
        // SAFETY: the handler only adds to an atomic, which is safe in a forked child.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        WATCHING.store(true, Ordering::Relaxed);
    }
}

/// A number that no other thread of this process has.
pub fn thread_number() -> u64 {
    #[cfg(target_os = "macos")]
    // SAFETY: 0 is the calling thread, and the place is valid.
    unsafe {
        let mut number = 0;
        libc::pthread_threadid_np(0, &mut number);
        number
    }
    #[cfg(not(target_os = "macos"))]
    // SAFETY: gettid has no preconditions.
    unsafe {
        libc::syscall(libc::SYS_gettid) as u64
    }
}

/// True when files in `folder` live in memory rather than on a disk.
pub fn is_memory_file_system(folder: &std::path::Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    const TMPFS: u32 = 0x0102_1994;
    const RAMFS: u32 = 0x8584_58f6;
    const HUGETLBFS: u32 = 0x9584_58f6;
    let Ok(name) = std::ffi::CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: all zeros is a valid statfs, and the name is NUL-terminated.
    let found = unsafe {
        let mut found: libc::statfs = std::mem::zeroed();
        (libc::statfs(name.as_ptr(), &mut found) == 0).then_some(found)
    };
    found.is_some_and(|found| matches!(found.f_type as u32, TMPFS | RAMFS | HUGETLBFS))
}

/// CPUs that this host could ever have online.
pub fn possible_cpus() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
    u64::try_from(count).unwrap_or(1).max(1)
}

/// Fills `words` with what is the same in every run of a model.
#[cfg(loom)]
pub fn random(words: &mut [u64]) -> std::io::Result<()> {
    words.fill(7);
    Ok(())
}

/// Fills `words` with secret randomness of the operating system.
#[cfg(not(loom))]
pub fn random(words: &mut [u64]) -> std::io::Result<()> {
    use std::io::Read;
    let mut bytes = vec![0u8; words.len() * 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight"));
    }
    Ok(())
}

/// FNV-1a, for checksums of trusted bytes only.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_never_runs_ahead_of_the_precise_one() {
        for _ in 0..10_000 {
            let coarse = coarse_ns();
            assert!(coarse <= precise_ns());
        }
    }

    #[test]
    fn this_process_is_alive_and_an_unlikely_one_is_not() {
        let me = Process::current();
        assert!(me.is_alive());
        assert!(
            !Process {
                start_ticks: me.start_ticks + 1,
                ..me
            }
            .is_alive()
        );
        assert!(
            !Process {
                pid: 0,
                start_ticks: 0
            }
            .is_alive()
        );
    }
}
