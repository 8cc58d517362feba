//! Forked children with a deadline, and words that they and their parent see.

use super::{DEADLINE_S, patience};
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Once;
use std::sync::atomic::AtomicU64;

/// Zero words that this process and children forked later share.
pub struct Board {
    words: &'static [AtomicU64],
}

impl Board {
    /// `count` words.
    pub fn new(count: usize) -> Self {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh mapping at an address that the kernel chooses; zero words are valid.
        let words = unsafe {
            let at = libc::mmap(std::ptr::null_mut(), count.max(1) * 8, access, flags, -1, 0);
            assert_ne!(at, libc::MAP_FAILED);
            std::slice::from_raw_parts(at.cast(), count)
        };
        Board { words }
    }
}

impl Deref for Board {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        self.words
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and borrows of its words end before this.
        unsafe {
            libc::munmap(
                self.words.as_ptr().cast_mut().cast(),
                self.words.len().max(1) * 8,
            )
        };
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned, or panicked ([`PANICKED`]).
    Code(i32),
    /// It was killed by this signal; SIGALRM says that it hung.
    Signal(i32),
}

/// Exit code of a child that panicked.
pub const PANICKED: i32 = 101;

/// A forked child; killed and reaped when dropped.
pub struct Child {
    pid: i32,
    ended: Option<Exit>,
}

/// Runs `work` in a forked child, which ends when `work` returns or panics, or at its deadline.
pub fn fork(work: impl FnOnce()) -> Child {
    show_panics_of_children();
    // SAFETY: the child only runs `work` and leaves by _exit, never by unwinding.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            set_alarm(DEADLINE_S);
            let done = std::panic::catch_unwind(AssertUnwindSafe(work));
            // SAFETY: leaves the process at once.
            unsafe { libc::_exit(if done.is_ok() { 0 } else { PANICKED }) }
        }
        pid => Child { pid, ended: None },
    }
}

/// Runs `work` in `count` children at once; each gets its number.
pub fn fork_many(count: usize, work: impl Fn(usize)) -> Vec<Child> {
    (0..count).map(|number| fork(|| work(number))).collect()
}

/// Waits for all, each of which must end well.
pub fn join_all(children: Vec<Child>) {
    for child in children {
        child.join();
    }
}

/// Lets this process be killed in `seconds`, or later on a slow machine; 0 for never.
pub fn set_alarm(seconds: u32) {
    // SAFETY: alarm has no preconditions.
    unsafe { libc::alarm(seconds.saturating_mul(patience())) };
}

impl Child {
    /// Its process number.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits for its end, which its alarm guarantees.
    pub fn wait(&mut self) -> Exit {
        while self.ended.is_none() {
            self.poll(0);
        }
        self.ended.expect("it ended")
    }

    /// How it ended, if it did.
    pub fn try_wait(&mut self) -> Option<Exit> {
        if self.ended.is_none() {
            self.poll(libc::WNOHANG);
        }
        self.ended
    }

    fn poll(&mut self, flags: i32) {
        let mut status = 0;
        // SAFETY: `status` is a valid place.
        let found = unsafe { libc::waitpid(self.pid, &mut status, flags) };
        if found == self.pid && libc::WIFEXITED(status) {
            self.ended = Some(Exit::Code(libc::WEXITSTATUS(status)));
        } else if found == self.pid && libc::WIFSIGNALED(status) {
            self.ended = Some(Exit::Signal(libc::WTERMSIG(status)));
        }
    }

    /// Waits for its end, which must be a good one.
    pub fn join(mut self) {
        assert_eq!(self.wait(), Exit::Code(0), "child {}", self.pid);
    }

    /// Kills it, at whatever instruction it is, and waits until it is gone.
    pub fn kill(mut self) {
        self.send(libc::SIGKILL);
        assert_eq!(
            self.wait(),
            Exit::Signal(libc::SIGKILL),
            "child {}",
            self.pid
        );
    }

    /// Sends it a signal.
    pub fn send(&self, signal: i32) {
        if self.ended.is_none() {
            // SAFETY: the process is our child and not reaped yet.
            unsafe { libc::kill(self.pid, signal) };
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.send(libc::SIGKILL);
        self.wait();
    }
}

/// The harness captures what tests print, in memory that a child takes with it: a child says why
/// it panics on the error output itself.
fn show_panics_of_children() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let parent = std::process::id();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::process::id() == parent {
                return before(info);
            }
            let text = format!("child {}: {info}\n", std::process::id());
            // SAFETY: the text is valid for its length.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        }));
    });
}
