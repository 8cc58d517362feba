//! Killing a process at a chosen instruction or system call: a child stops before its operation,
//! the parent lets it do so many steps and kills it.
//!
//! Single steps interrupt every restartable sequence, which then never ends: operations that would
//! use one are run with `TIDEGATE_RSEQ=0`.

use super::{Child, Exit, fork};
use std::ptr::null_mut;

/// How a stepped operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// It was killed after so many instructions.
    Killed,
    /// It had come to its end before.
    Finished,
}

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One instruction.
    Instruction,
    /// To the next entry to, or return from, the system.
    SystemCall,
}

/// A child that is stopped right before its operation.
pub struct Stepper {
    child: Child,
}

impl Stepper {
    /// Forks a child that calls `prepare` and stops before it calls `operation`.
    pub fn start<T>(prepare: impl FnOnce() -> T, operation: impl FnOnce(&T)) -> Self {
        let child = fork(|| {
            let prepared = prepare();
            // SAFETY: both only concern this process and its parent.
            unsafe {
                libc::ptrace(libc::PTRACE_TRACEME, 0, null_mut::<u8>(), null_mut::<u8>());
                libc::raise(libc::SIGSTOP);
            }
            operation(&prepared);
            // The end is a signal too: neither what follows nor a destructor is counted.
            // SAFETY: as above.
            unsafe { libc::raise(libc::SIGTRAP) };
        });
        let stepper = Stepper { child };
        assert_eq!(
            stepper.stop_signal(),
            Some(libc::SIGSTOP),
            "the child stops"
        );
        stepper
    }

    /// The signal that the child stopped for; None when it is gone.
    fn stop_signal(&self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: `status` is a valid place.
        let found = unsafe { libc::waitpid(self.child.pid(), &mut status, 0) };
        assert_eq!(found, self.child.pid());
        libc::WIFSTOPPED(status).then(|| libc::WSTOPSIG(status))
    }

    fn request(&self, what: impl Into<i64>) {
        let none = null_mut::<u8>();
        // SAFETY: the child is stopped and traced by this thread.
        let done = unsafe { libc::ptrace(what.into() as _, self.child.pid(), none, none) };
        assert_eq!(done, 0, "ptrace: {}", std::io::Error::last_os_error());
    }

    /// One step; false when the child is at its end.
    fn step(&self, step: Step) -> bool {
        self.request(match step {
            Step::Instruction => libc::PTRACE_SINGLESTEP,
            Step::SystemCall => libc::PTRACE_SYSCALL,
        });
        assert_eq!(self.stop_signal(), Some(libc::SIGTRAP), "a step");
        // A step stops with SIGTRAP as raise() does; only the latter was sent by a process.
        // SAFETY: all zeros is a valid siginfo, which ptrace fills.
        let code = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let place: *mut libc::siginfo_t = &mut info;
            let none = null_mut::<u8>();
            libc::ptrace(libc::PTRACE_GETSIGINFO, self.child.pid(), none, place);
            info.si_code
        };
        code != libc::SI_TKILL && code != libc::SI_USER
    }

    /// Lets the child do `count` steps and kills it.
    pub fn kill_after(self, count: u64, step: Step) -> Stepped {
        for _ in 0..count {
            if !self.step(step) {
                return Stepped::Finished;
            }
        }
        self.child.kill();
        Stepped::Killed
    }

    /// How many steps the operation takes.
    pub fn count(self, step: Step) -> u64 {
        let mut count = 0;
        while self.step(step) {
            count += 1;
        }
        count
    }
}

/// Where to kill an operation of `length` instructions `kills` times: everywhere if that suffices,
/// else in equal strides that begin at `phase` of a thousand.
pub fn instants(length: u64, kills: u64, phase: u64) -> impl Iterator<Item = u64> {
    let stride = length.div_ceil(kills).max(1);
    (stride * (phase % 1000) / 1000..=length).step_by(stride as usize)
}

/// Keeps the calling thread, and the children that it forks, on one CPU until dropped: a step is
/// two switches between parent and child, which are several times faster there.
pub struct Pinned {
    before: libc::cpu_set_t,
}

impl Pinned {
    /// Pins the thread to the CPU that it is on.
    pub fn here() -> Self {
        // SAFETY: all zeros is a valid set; the calls concern this thread alone.
        unsafe {
            let mut before: libc::cpu_set_t = std::mem::zeroed();
            libc::sched_getaffinity(0, size_of_val(&before), &mut before);
            let mut one: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(usize::try_from(libc::sched_getcpu()).unwrap_or(0), &mut one);
            libc::sched_setaffinity(0, size_of_val(&one), &one);
            Pinned { before }
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::sched_setaffinity(0, size_of_val(&self.before), &self.before) };
    }
}

/// True where this process may trace its children.
pub fn is_possible() -> bool {
    let mut child = fork(|| {
        // SAFETY: concerns only this process.
        let done =
            unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, null_mut::<u8>(), null_mut::<u8>()) };
        assert_eq!(done, 0);
    });
    child.wait() == Exit::Code(0)
}
