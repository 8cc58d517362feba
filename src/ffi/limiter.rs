//! Rate limiters.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::Limiter;
use crate::guard::Decision;
use std::ffi::c_char;

/**
 * Names a limiter. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_limiter {
    /** The id. */
    pub id: u64,
}

/**
 * What a limiter says beside yes or no. Written for TIDEGATE_OK and
 * TIDEGATE_DENIED.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_decision {
    /** The burst or limit of the policy that decided, in units. */
    pub limit: u64,
    /** Whole units left now. */
    pub remaining: u64,
    /**
     * 0 when admitted; else the shortest wait after which the same call could
     * pass.
     */
    pub retry_after_ns: u64,
    /** Until the limiter is full again if nobody calls. */
    pub reset_after_ns: u64,
}

/**
 * Opens the limiter `name`, and makes it if need be.
 *
 * One limiter is shared by every process of the region. A limiter that exists
 * keeps its state. A configuration is one of:
 *
 * `{"algorithm":"token_bucket","rate_per_second":100,"burst":200}`: at most
 * burst + rate * t units in any interval of length t. With
 * `"warm_up_seconds":10` (0 to 3600) a bucket that was at rest begins slowly: its
 * heat rises from 0 to 1 in that time while it lacks anything, and falls as fast
 * while it is full. A call passes when it would without a warm-up, but takes
 * 3 - 2 * heat times its units, and those after it wait for that: a cold bucket
 * gives a third of its rate, and calls for one unit a third of its burst at once.
 * Its time is counted in steps of a 1,024th of a unit's, down to a 16th where the
 * units of a warm-up and four bursts are many: 2,097,151 at most.
 *
 * `{"algorithm":"sliding_window","limit":60,"window_seconds":60}`: never more
 * than limit units in any interval of that length.
 *
 * `{"algorithm":"fixed_window","limit":60,"window_seconds":60}`: at most limit
 * units in each window; windows begin at multiples of their length in region
 * time, so twice the limit can come around the edge of two.
 *
 * `{"preset":"standard"}`: a sliding window: strict 10 in 60 s, standard 60 in
 * 60 s, relaxed 300 in 60 s, api 1000 in 3600 s, auth 5 in 900 s.
 *
 * With each of them: `"keyed":true` for a limit per key, `"max_keys"` that are
 * active within a window, and `"when_full"`: `"deny"` (the default), `"allow"`
 * or `"evict"`. A key's memory is reused without loss as soon as its limit is
 * full again. With `"shadow":true` denials are counted, and everything passes.
 *
 * A limiter with keys also takes `"allow"` and `"deny"`, lists of keys that are
 * always admitted or never: they count when the limiter is made, and later
 * openings leave what tidegate_limiter_allow() has changed since. And `"plans"`;
 * see tidegate_limiter_set_plan(). With
 * `"record_keys"` it counts what its keys do; see tidegate_limiter_top().
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a limiter that must exist.
 * @param out_limiter  Receives the id. Nothing to free.
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
 * Threads: any. Blocks: briefly, while another process makes a limiter.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    config_json: *const c_char,
    out_limiter: *mut tidegate_limiter,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_limiter", out_limiter)?;
        // SAFETY: the caller's promise.
        let (engine, name, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("config_json", config_json)?,
            )
        };
        let limiter = match config {
            Some(config) => engine.open_limiter_from(name, config)?,
            None => engine.find_limiter(name)?,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_limiter, tidegate_limiter { id: limiter.0 }) };
        Ok(())
    })
}

/**
 * Takes `cost` units for `key` now, or takes none.
 *
 * Never waits: when the answer is no, the caller decides whether to wait. A
 * denied check changes nothing.
 *
 * @param engine        An open engine.
 * @param limiter       From tidegate_limiter_open() on the same region.
 * @param key           Who is asking: any bytes. NULL for a limiter without
 *                      keys. Only a keyed hash of it is kept.
 * @param key_length    Bytes in `key`; 0 when it is NULL.
 * @param cost          Units to take; at least 1.
 * @param out_decision  Receives what is left and how long to wait. May be NULL.
 *
 * @return TIDEGATE_OK when admitted, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, cost is 0, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the burst or limit: it can never
 *                              pass;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_check(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
    out_decision: *mut tidegate_decision,
) -> tidegate_status {
    // Each in its own function, so that neither pays for the other's frame.
    // SAFETY: the caller's promise.
    unsafe {
        if out_decision.is_null() {
            check_at_once(engine, limiter, key, key_length, cost)
        } else {
            check_with_care(engine, limiter, key, key_length, cost, out_decision)
        }
    }
}

/// tidegate_limiter_check() where a verdict is all that there is to say.
#[inline(never)]
unsafe fn check_at_once(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    let asked = unsafe { (input::some_engine(engine), input::some_key(key, key_length)) };
    if let (Some(engine), Some(key)) = asked
        && let Some(verdict) = engine.check_at_once(Limiter(limiter.id), key, cost)
    {
        return edge::verdict(verdict);
    }
    // SAFETY: the caller's promise.
    unsafe { check_with_care(engine, limiter, key, key_length, cost, std::ptr::null_mut()) }
}

/// tidegate_limiter_check() with numbers, or an error to explain.
#[inline(never)]
unsafe fn check_with_care(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
    out_decision: *mut tidegate_decision,
) -> tidegate_status {
    edge::decide(|| {
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        let limiter = Limiter(limiter.id);
        if out_decision.is_null() {
            return engine.check(limiter, key, cost, None);
        }
        let mut decision = Decision::default();
        let verdict = engine.check(limiter, key, cost, Some(&mut decision))?;
        let Decision {
            limit,
            remaining,
            retry_after_ns,
            reset_after_ns,
        } = decision;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe {
            output::write(
                out_decision,
                tidegate_decision {
                    limit,
                    remaining,
                    retry_after_ns,
                    reset_after_ns,
                },
            );
        }
        Ok(verdict)
    })
}

/**
 * Takes one unit of the limiter `limiter` for `key` now, or none; by name, for
 * callers who keep no ids.
 *
 * @param engine      An open engine.
 * @param limiter     The name of a limiter that exists.
 * @param key         Who is asking: any bytes. NULL for a limiter without keys.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 *
 * @return TIDEGATE_OK when admitted, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT   engine or limiter is NULL, or there is a key
 *                               where none belongs or none where one does;
 *         TIDEGATE_E_NOT_FOUND  there is no such limiter;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_allow_request(
    engine: *mut tidegate_engine,
    limiter: *const c_char,
    key: *const c_char,
    key_length: usize,
) -> tidegate_status {
    edge::decide(|| {
        // SAFETY: the caller's promise.
        let (engine, limiter, key) = unsafe {
            (
                input::engine(engine)?,
                input::bytes("limiter", limiter)?,
                input::key(key, key_length)?,
            )
        };
        engine.allow_request(limiter, key)
    })
}
