//! What leaves the library: a status, and the sentence behind it in this thread's last error.
//! Panics stop here.

use super::status::{self, TIDEGATE_DENIED, TIDEGATE_OK, tidegate_status};
use crate::base::error::{Error, Kind, Result};
use crate::guard::Verdict;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `work`; its result as a status.
#[inline(always)]
pub fn run(work: impl FnOnce() -> Result<()>) -> tidegate_status {
    caught(|| match work() {
        Ok(()) => TIDEGATE_OK,
        Err(error) => fail(error),
    })
}

/// Runs `decide`; its verdict as a status.
#[inline(always)]
pub fn decide(decide: impl FnOnce() -> Result<Verdict>) -> tidegate_status {
    caught(|| match decide() {
        Ok(verdict) => self::verdict(verdict),
        Err(error) => fail(error),
    })
}

/// What crosses `catch_unwind` goes through memory: so it is the status, not the result.
#[inline(always)]
fn caught(work: impl FnOnce() -> tidegate_status) -> tidegate_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(status) => status,
        Err(panic) => bug(panic),
    }
}

/// A verdict as a status.
#[inline(always)]
pub fn verdict(verdict: Verdict) -> tidegate_status {
    match verdict {
        Verdict::Admitted => TIDEGATE_OK,
        Verdict::Denied => TIDEGATE_DENIED,
    }
}

#[cold]
#[inline(never)]
fn fail(error: Error) -> tidegate_status {
    // A thread that is being torn down has no last error any more; its status says enough.
    let _ = LAST_ERROR.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            last.clear();
            last.push_str(error.message());
        }
    });
    status::code(error.kind())
}

#[cold]
#[inline(never)]
fn bug(panic: Box<dyn std::any::Any + Send>) -> tidegate_status {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into());
    fail(Error::new(Kind::Bug, format!("a bug in tidegate: {said}")))
}

/// This thread's last error.
pub fn last_error<T>(read: impl FnOnce(&str) -> T) -> T {
    let mut read = Some(read);
    let found = LAST_ERROR.try_with(|last| {
        last.try_borrow()
            .ok()
            .and_then(|last| read.take().map(|read| read(&last)))
    });
    match (found, read) {
        (Ok(Some(answer)), _) => answer,
        (_, Some(read)) => read(""),
        (_, None) => unreachable!("`read` is taken only where it gives the answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::status::{TIDEGATE_E_BUG, TIDEGATE_E_RANGE};

    #[test]
    fn a_panic_becomes_a_status_and_a_sentence() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let status = run(|| panic!("the tide is {}", "out"));
        std::panic::set_hook(hook);
        assert_eq!(status, TIDEGATE_E_BUG);
        assert_eq!(
            last_error(str::to_owned),
            "a bug in tidegate: the tide is out"
        );
        assert_eq!(run(|| Ok(())), TIDEGATE_OK);
    }

    #[test]
    fn the_last_error_is_this_threads() {
        assert_eq!(run(|| Err(Error::range("mine"))), TIDEGATE_E_RANGE);
        std::thread::spawn(|| assert_eq!(last_error(str::to_owned), ""))
            .join()
            .unwrap();
        assert_eq!(last_error(str::to_owned), "mine");
    }
}
