//! Bulkheads.

use super::opaque::tidegate_engine;
use super::outcome::{self, tidegate_outcome};
use super::status::{TIDEGATE_OK, tidegate_status};
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
 * `{"max_concurrent":20}`: so many. With `"keyed":true` so many of each key; room
 * is made for `"max_keys"` (1000) that have all their calls inside.
 *
 * `{"adaptive":{"algorithm":"gradient"}}`: as many as measurements say is good,
 * from `"initial"` (20), between `"min"` and `"max"`. `"aimd"` (20 to 200) adds
 * one while calls succeed and takes a tenth away when one fails or is slower
 * than `"timeout_seconds"` (5); its `"backoff_ratio"` is 0.9. `"gradient"` (20
 * to 200) compares latency with its long-term mean: `"smoothing"` (0.2),
 * `"queue_size"` (4), `"long_window"` (600), `"rtt_tolerance"` (1.5). `"vegas"`
 * (1 to 1000) compares it with latency without load: `"smoothing"` (1),
 * `"probe_multiplier"` (30). The latter two judge windows of
 * `"window_seconds"` (1) and at least `"window_samples"` (10). Calls are told
 * to tidegate_bulkhead_leave_with().
 *
 * With each: `"permit_timeout_seconds"`, after which a permit is taken from its
 * holder when somebody else wants to enter; and `"shadow":true` to count what
 * would be denied, and let it pass.
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
    // SAFETY: the caller's promise.
    let found = unsafe { input::some_engine(engine) }.filter(|_| !out_permit.is_null());
    match found.and_then(|engine| engine.enter_bulkhead_at_once(Bulkhead(bulkhead.id))) {
        Some(permit) => {
            // SAFETY: checked for NULL; the caller's promise for the rest.
            unsafe { output::write(out_permit, permit) };
            TIDEGATE_OK
        }
        // SAFETY: the caller's promise.
        None => unsafe { enter_with_care(engine, bulkhead, out_permit) },
    }
}

/// What remains of tidegate_bulkhead_enter() when it cannot be done at once. Apart, so that the frame
/// it needs is not paid for by every call.
#[inline(never)]
unsafe fn enter_with_care(
    engine: *mut tidegate_engine,
    bulkhead: tidegate_bulkhead,
    out_permit: *mut u64,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_permit", out_permit)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let Some(permit) = engine.enter_bulkhead(Bulkhead(bulkhead.id), None)? else {
            return Ok(Verdict::Denied);
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_permit, permit) };
        Ok(Verdict::Admitted)
    })
}

/**
 * tidegate_bulkhead_enter() for a bulkhead with keys: goes in, if there is room
 * for another call of `key`.
 *
 * @param engine      An open engine.
 * @param bulkhead    From tidegate_bulkhead_open() on the same region.
 * @param key         Who is calling: any bytes. Only a keyed hash of it is kept.
 * @param key_length  Bytes in `key`.
 * @param out_permit  Receives the permit, which is never 0. Untouched when
 *                    denied.
 *
 * @return TIDEGATE_OK when inside, TIDEGATE_DENIED when there is no room, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the bulkhead has no keys;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_bulkhead_enter_key(
    engine: *mut tidegate_engine,
    bulkhead: tidegate_bulkhead,
    key: *const c_char,
    key_length: usize,
    out_permit: *mut u64,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_permit", out_permit)?;
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        let Some(permit) = engine.enter_bulkhead(Bulkhead(bulkhead.id), key)? else {
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
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found) if found.leave_bulkhead_at_once(Bulkhead(bulkhead.id), permit) => TIDEGATE_OK,
        // SAFETY: the caller's promise.
        _ => unsafe { leave_with_care(engine, bulkhead, permit) },
    }
}

/// What remains of tidegate_bulkhead_leave() when it cannot be done at once.
#[cold]
#[inline(never)]
unsafe fn leave_with_care(
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

/**
 * tidegate_bulkhead_leave() that tells how the call went, which an adaptive
 * limit learns from.
 *
 * @param engine    An open engine.
 * @param bulkhead  The bulkhead that gave the permit.
 * @param permit    The permit; it is good for nothing afterwards.
 * @param outcome   How it ended. A failure is a sign of too much load; an
 *                  ignored call is no sign of anything.
 * @param seconds   How long it took.
 *
 * @return As tidegate_bulkhead_leave(), or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, the outcome is none, or seconds
 *                              is negative, infinite or not a number; the
 *                              permit is then still good.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_bulkhead_leave_with(
    engine: *mut tidegate_engine,
    bulkhead: tidegate_bulkhead,
    permit: u64,
    outcome: tidegate_outcome,
    seconds: f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let outcome = outcome::read(outcome)?;
        engine.leave_bulkhead_with(Bulkhead(bulkhead.id), permit, outcome, seconds)
    })
}

/**
 * A bulkhead's numbers at one moment.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_bulkhead_reading {
    /** Most calls inside; of one key, if it has keys. */
    pub limit: u64,
    /** Calls inside now, those of all keys together. */
    pub in_use: u64,
    /** Permits that came back from processes that had ended. */
    pub returned_from_dead: u64,
}

/**
 * Reads a bulkhead's numbers.
 *
 * @param engine       An open engine, or an observer.
 * @param bulkhead     From tidegate_bulkhead_open() on the same region.
 * @param out_reading  Receives the numbers.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the bulkhead is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_bulkhead_read(
    engine: *mut tidegate_engine,
    bulkhead: tidegate_bulkhead,
    out_reading: *mut tidegate_bulkhead_reading,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_reading", out_reading)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let numbers = engine.read_bulkhead(Bulkhead(bulkhead.id))?;
        let reading = tidegate_bulkhead_reading {
            limit: numbers.limit,
            in_use: numbers.in_use,
            returned_from_dead: numbers.returned_from_dead,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_reading, reading) };
        Ok(())
    })
}
