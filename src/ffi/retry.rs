//! Retries.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::Retry;
use crate::guard::Verdict;
use crate::guard::retry::Attempt;
use std::ffi::c_char;

/**
 * Names a retry. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_retry {
    /** The id. */
    pub id: u64,
}

/**
 * Opens the retry `name`, and makes it if need be: how long to wait before
 * each further attempt, and when to give up.
 *
 * `{}` is three attempts, with up to 0.1 s and then up to 0.2 s between them.
 * The fields are `"max_attempts"` (3), `"backoff"` (`"exponential"`;
 * `"constant"`, `"decorrelated"`), `"base_seconds"` (0.1), `"multiplier"` (2),
 * `"max_seconds"` (10), `"jitter"` (`"full"`, `"equal"` or `"none"`),
 * `"deadline_seconds"` (none), and `"shadow"` (false).
 *
 * `"budget_ratio":0.2` bounds the retries of all processes together: over the
 * last 10 s at most that many for each first attempt, though always
 * `"budget_minimum"` (3). `"seed"` makes the waits of a test repeat.
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a retry that must exist.
 * @param out_retry    Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_NOT_FOUND  config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_retry_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    config_json: *const c_char,
    out_retry: *mut tidegate_retry,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_retry", out_retry)?;
        // SAFETY: the caller's promise.
        let (engine, name, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("config_json", config_json)?,
            )
        };
        let retry = match config {
            Some(config) => engine.open_retry_from(name, config)?,
            None => engine.find_retry(name)?,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_retry, tidegate_retry { id: retry.0 }) };
        Ok(())
    })
}

/**
 * How long to wait before `attempt`, or that there should be none.
 *
 * Attempts count from 1. Call it before each, the first included: the first
 * waits for nothing, and is what the budget is measured by. The caller sleeps.
 *
 * @param engine        An open engine.
 * @param retry         From tidegate_retry_open() on the same region.
 * @param attempt       Which attempt is next; the first try is attempt 1.
 * @param out_delay_ns  Receives the wait in nanoseconds. Untouched when denied.
 *
 * @return TIDEGATE_OK when there may be such an attempt, TIDEGATE_DENIED when
 *         the caller should give up: enough attempts, budget spent, or a wait
 *         beyond the deadline; or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or attempt is 0;
 *         TIDEGATE_E_STALE     the retry is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_retry_next(
    engine: *mut tidegate_engine,
    retry: tidegate_retry,
    attempt: u32,
    out_delay_ns: *mut u64,
) -> tidegate_status {
    let attempt = Attempt {
        number: attempt,
        ..Attempt::default()
    };
    // SAFETY: the caller's promise.
    unsafe { next(engine, retry, attempt, out_delay_ns) }
}

/**
 * tidegate_retry_next() for a caller who knows more.
 *
 * @param engine                 An open engine.
 * @param retry                  From tidegate_retry_open() on the same region.
 * @param attempt                Which attempt is next; the first try is 1.
 * @param elapsed_ns             Time since the first attempt began: an attempt
 *                               that would begin after "deadline_seconds" is
 *                               denied.
 * @param server_retry_after_ns  The wait that the server asked for, which the
 *                               answer is never shorter than; 0 when it asked
 *                               for none.
 * @param out_delay_ns           Receives the wait in nanoseconds. Untouched
 *                               when denied.
 *
 * @return As tidegate_retry_next().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_retry_next_after(
    engine: *mut tidegate_engine,
    retry: tidegate_retry,
    attempt: u32,
    elapsed_ns: u64,
    server_retry_after_ns: u64,
    out_delay_ns: *mut u64,
) -> tidegate_status {
    let attempt = Attempt {
        number: attempt,
        elapsed_ns,
        server_retry_after_ns,
    };
    // SAFETY: the caller's promise.
    unsafe { next(engine, retry, attempt, out_delay_ns) }
}

/// # Safety
/// As the two functions above.
unsafe fn next(
    engine: *mut tidegate_engine,
    retry: tidegate_retry,
    attempt: Attempt,
    out_delay_ns: *mut u64,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_delay_ns", out_delay_ns)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let Some(wait_ns) = engine.next_attempt(Retry(retry.id), attempt)? else {
            return Ok(Verdict::Denied);
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_delay_ns, wait_ns) };
        Ok(Verdict::Admitted)
    })
}
