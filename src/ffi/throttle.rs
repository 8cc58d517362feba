//! Adaptive throttles.

use super::opaque::tidegate_engine;
use super::outcome::tidegate_outcome;
use super::status::tidegate_status;
use super::{edge, input, outcome, output};
use crate::engine::Throttle;
use std::ffi::c_char;

/**
 * Names an adaptive throttle. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_throttle {
    /** The id. */
    pub id: u64,
}

/**
 * Opens the throttle `name`, and makes it if need be.
 *
 * A throttle rejects calls at the client, the more of them the more of the last
 * ones failed. With n calls in the window, s of which succeeded, the next one is
 * rejected with the probability
 * max(0, (n - s / success_threshold) / (n + 1)) ^ (1 / aggression). Rejected calls
 * are not in n. It is shared by every process of the region.
 *
 * The configuration is a JSON object; every field may be left out:
 * `"window_seconds":30`, right to a tenth, `"success_threshold":0.95`,
 * `"aggression":1`, `"minimum_rps":0` (with fewer calls a second none is
 * rejected), `"max_rejection":0.8`, `"seed"` (a whole number, for tests that
 * repeat), `"shadow":true` (counts what it would reject, and lets it pass).
 *
 * @param engine        An open engine.
 * @param name          The name; the rules are those of metrics.
 * @param config_json   A JSON object; NULL for a throttle that must exist.
 * @param out_throttle  Receives the id. Nothing to free.
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
pub unsafe extern "C" fn tidegate_throttle_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    config_json: *const c_char,
    out_throttle: *mut tidegate_throttle,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_throttle", out_throttle)?;
        // SAFETY: the caller's promise.
        let (engine, name, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("config_json", config_json)?,
            )
        };
        let throttle = match config {
            Some(config) => engine.open_throttle_from(name, config)?,
            None => engine.find_throttle(name)?,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_throttle, tidegate_throttle { id: throttle.0 }) };
        Ok(())
    })
}

/**
 * Asks whether a call may go on. There is nothing to give back; tell how the call
 * ended with tidegate_throttle_report().
 *
 * @param engine    An open engine.
 * @param throttle  From tidegate_throttle_open() on the same region.
 *
 * @return TIDEGATE_OK when the call may go on, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the throttle is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_throttle_acquire(
    engine: *mut tidegate_engine,
    throttle: tidegate_throttle,
) -> tidegate_status {
    edge::decide(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        engine.acquire_throttle(Throttle(throttle.id))
    })
}

/**
 * Tells how a call ended that a throttle let go on.
 *
 * @param engine    An open engine.
 * @param throttle  From tidegate_throttle_open() on the same region.
 * @param outcome   How the call ended; TIDEGATE_OUTCOME_IGNORED counts as nothing.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or outcome is none;
 *         TIDEGATE_E_STALE     the throttle is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_throttle_report(
    engine: *mut tidegate_engine,
    throttle: tidegate_throttle,
    outcome: tidegate_outcome,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        engine.report_throttle(Throttle(throttle.id), outcome::read(outcome)?)
    })
}
