//! Bulkheads.

use super::engine::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::Bulkhead;
use crate::guard::Verdict;
use std::ffi::c_char;

/**
 * Names a bulkhead. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_bulkhead {
    /** The id. */
    pub id: u64,
}

/**
 * Opens the bulkhead `name`, and makes it if need be: so many calls may be
 * inside at once, those of all processes of the region together.
 *
 * `{"max_concurrent":20}`. With it: `"permit_timeout_seconds"`, after which a
 * permit is taken from its holder when somebody else wants to enter; and
 * `"shadow":true` to count what would be denied, and let it pass.
 *
 * @param engine        An open engine.
 * @param name          The name; the rules are those of metrics.
 * @param config_json   A JSON object; NULL for a bulkhead that must exist.
 * @param out_bulkhead  Receives the id. Nothing to free.
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
pub unsafe extern "C" fn tidegate_bulkhead_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    config_json: *const c_char,
    out_bulkhead: *mut tidegate_bulkhead,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_bulkhead", out_bulkhead)?;
        // SAFETY: the caller's promise.
        let (engine, name, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("config_json", config_json)?,
            )
        };
        let bulkhead = match config {
            Some(config) => engine.open_bulkhead_from(name, config)?,
            None => engine.find_bulkhead(name)?,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_bulkhead, tidegate_bulkhead { id: bulkhead.0 }) };
        Ok(())
    })
}

/**
 * Goes in, if there is room.
 *
 * Never waits: whoever is denied decides whether to try again. The permit is
 * the caller's process' until tidegate_bulkhead_leave(), which any thread and
 * any process may call. The permits of a process that ended come back by
 * themselves to the next caller who finds the bulkhead full.
 *
 * @param engine      An open engine.
 * @param bulkhead    From tidegate_bulkhead_open() on the same region.
 * @param out_permit  Receives the permit, which is never 0. Untouched when
 *                    denied.
 *
 * @return TIDEGATE_OK when inside, TIDEGATE_DENIED when there is no room, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_bulkhead_enter(
    engine: *mut tidegate_engine,
    bulkhead: tidegate_bulkhead,
    out_permit: *mut u64,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_permit", out_permit)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let Some(permit) = engine.enter_bulkhead(Bulkhead(bulkhead.id))? else {
            return Ok(Verdict::Denied);
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_permit, permit) };
        Ok(Verdict::Admitted)
    })
}

/**
 * Leaves with the permit that tidegate_bulkhead_enter() gave.
 *
 * @param engine    An open engine.
 * @param bulkhead  The bulkhead that gave the permit.
 * @param permit    The permit; it is good for nothing afterwards.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine, or the
 *                              permit is none that it gave;
 *         TIDEGATE_E_STATE     the permit was left already, or was taken back
 *                              because it timed out; or the engine is an
 *                              observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_bulkhead_leave(
    engine: *mut tidegate_engine,
    bulkhead: tidegate_bulkhead,
    permit: u64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        engine.leave_bulkhead(Bulkhead(bulkhead.id), permit)
    })
}
