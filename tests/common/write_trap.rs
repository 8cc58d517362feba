//! Killing a process right after a chosen write to its region: the region is made read-only, each
//! write faults, is let through alone by the processor's trap flag, and counted.
//!
//! Between two writes nobody else can tell where a process was killed. So the instants after each
//! write, and before the first, are all the instants that there are.

use super::{Board, fork};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use tidegate::region::raw::Words;

static AT: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static LEFT: AtomicU64 = AtomicU64::new(0);

/// True where this is possible.
pub const IS_POSSIBLE: bool = cfg!(target_arch = "x86_64");

/// How many writes to its region `operation` makes; in a child, so it is done.
pub fn count<T>(prepare: impl FnOnce() -> (T, Words), operation: impl FnOnce(&T)) -> u64 {
    let board = Board::new(1);
    fork(|| {
        let (prepared, words) = prepare();
        arm(words, u64::MAX);
        operation(&prepared);
        board[0].store(u64::MAX - LEFT.load(Relaxed), Relaxed);
        leave();
    })
    .join();
    board[0].load(Relaxed)
}

/// Runs `operation` in a child that dies right after its write number `write`, from 1.
pub fn kill_after<T>(
    write: u64,
    prepare: impl FnOnce() -> (T, Words),
    operation: impl FnOnce(&T),
) -> super::Exit {
    let mut child = fork(|| {
        let (prepared, words) = prepare();
        arm(words, write);
        operation(&prepared);
        leave();
    });
    child.wait()
}

/// Ends the child without destructors, which would write.
fn leave() {
    // SAFETY: leaves at once.
    unsafe { libc::_exit(0) }
}

fn protect(access: i32) {
    // SAFETY: the address is that of the region's mapping in this process.
    unsafe { libc::mprotect(AT.load(Relaxed) as *mut _, BYTES.load(Relaxed), access) };
}

fn arm(words: Words, writes: u64) {
    let first = words.get(0).expect("a region has words");
    AT.store(std::ptr::from_ref(first) as usize, Relaxed);
    BYTES.store(words.len() * 8, Relaxed);
    LEFT.store(writes, Relaxed);
    for (signal, handler) in [
        (libc::SIGSEGV, on_fault as *const () as usize),
        (libc::SIGTRAP, on_step as *const () as usize),
    ] {
        // SAFETY: all zeros is a valid action, and the handlers only touch what is atomic.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
    protect(libc::PROT_READ);
}

/// Sets or clears the trap flag of the context that a handler returns to.
#[cfg(target_arch = "x86_64")]
unsafe fn set_trap(context: *mut libc::c_void, on: bool) {
    const TRAP: i64 = 0x100;
    // SAFETY: the kernel gave the context to the handler, which is its only user.
    let flags = unsafe {
        let context: *mut libc::ucontext_t = context.cast();
        &mut (*context).uc_mcontext.gregs[libc::REG_EFL as usize]
    };
    *flags = if on { *flags | TRAP } else { *flags & !TRAP };
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn set_trap(_: *mut libc::c_void, _: bool) {}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel filled the information.
    let at = unsafe { (*info).si_addr() } as usize;
    if at.wrapping_sub(AT.load(Relaxed)) >= BYTES.load(Relaxed) {
        // A true fault: let it happen again, without us.
        // SAFETY: restores the default.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    protect(libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: `context` is ours.
    unsafe { set_trap(context, true) };
}

extern "C" fn on_step(_: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: `context` is ours.
    unsafe { set_trap(context, false) };
    if LEFT.fetch_sub(1, Relaxed) == 1 {
        // SAFETY: kills this process, at this very place.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
    protect(libc::PROT_READ);
}
