//! UNSAFE. What POSIX, Linux and macOS say of themselves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[cfg(target_os = "macos")]
pub use super::macos::{boot_id, start_ticks};

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

/// Differs from boot to boot.
#[cfg(not(target_os = "macos"))]
pub fn boot_id() -> String {
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

/// False when there is no process number `pid`, not even its remains. One system call.
pub fn exists(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 is sent to nobody.
    let asked = unsafe { libc::kill(pid, 0) };
    asked == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// When process `pid` started; None when there is none, or only its remains.
#[cfg(not(target_os = "macos"))]
pub fn start_ticks(pid: u32) -> Option<u64> {
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

/// True when files in `folder` live in memory rather than on a disk, and where no folder's files do.
#[cfg(target_os = "macos")]
pub fn is_memory_file_system(_folder: &std::path::Path) -> bool {
    true
}

/// True when files in `folder` live in memory rather than on a disk, and where no folder's files do.
#[cfg(not(target_os = "macos"))]
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
