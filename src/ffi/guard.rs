//! Chains of guards.

use super::opaque::tidegate_engine;
use super::outcome::{self, tidegate_outcome};
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::Guard;
use crate::guard::Verdict;
use crate::guard::chain::{Answer, ChainPermit, Part, Request};
use std::ffi::c_char;

/**
 * Names a chain of guards. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_guard {
    /** The id. */
    pub id: u64,
}

/**
 * What an admitted call holds until tidegate_guard_report().
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_guard_permit {
    /** The bulkhead's permit; 0 without one. */
    pub bulkhead: u64,
    /** The breaker's permit; 0 without one. */
    pub breaker: u64,
}

/** No guard refused. */
pub const TIDEGATE_GUARD_NONE: u32 = 0;
/** The retry: enough attempts, or its budget is spent. */
pub const TIDEGATE_GUARD_RETRY: u32 = 1;
/** The bulkhead is full. */
pub const TIDEGATE_GUARD_BULKHEAD: u32 = 2;
/** The breaker is open. */
pub const TIDEGATE_GUARD_BREAKER: u32 = 3;
/** The throttle sheds load. */
pub const TIDEGATE_GUARD_THROTTLE: u32 = 4;
/** The limiter's units are spent. */
pub const TIDEGATE_GUARD_LIMITER: u32 = 5;

const _: () = assert!(
    Part::Retry as u32 == TIDEGATE_GUARD_RETRY
        && Part::Bulkhead as u32 == TIDEGATE_GUARD_BULKHEAD
        && Part::Breaker as u32 == TIDEGATE_GUARD_BREAKER
        && Part::Throttle as u32 == TIDEGATE_GUARD_THROTTLE
        && Part::Limiter as u32 == TIDEGATE_GUARD_LIMITER
);

/**
 * Which guard refused. Written for TIDEGATE_OK and TIDEGATE_DENIED.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_guard_answer {
    /**
     * TIDEGATE_GUARD_NONE when all admitted; else the one that refused, or, when
     * the chain is in shadow mode, would have.
     */
    pub refused_by: u32,
    /** 0. */
    pub reserved: u32,
    /** When it might not refuse any more; 0 when nobody knows. */
    pub retry_after_ns: u64,
}

/**
 * Opens the chain `name`, and makes it if need be: guards that exist, asked
 * together.
 *
 * `{"retry":"payments","bulkhead":"db","breaker":"payments","throttle":"x",
 * "limiter":"api"}`, any of them. They are asked in this order, whatever the
 * order in the document, and the first that refuses ends it: what costs least
 * and comes back without a trace is first, and the limiter, whose units cannot
 * be given back for nothing, is last.
 *
 * With `"shadow":true` all are asked, and every call goes on with what it got;
 * those that would have been refused are counted.
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a chain that must exist.
 * @param out_guard    Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or the name is not legal;
 *         TIDEGATE_E_CONFIG     a field is unknown or mistyped, or there is none;
 *         TIDEGATE_E_NOT_FOUND  a guard that it names does not exist; or
 *                               config_json is NULL, and there is none of this
 *                               name;
 *         TIDEGATE_E_CONFLICT   it exists with another configuration;
 *         TIDEGATE_E_CAPACITY   the region has no room for it;
 *         TIDEGATE_E_STATE      the engine is an observer.
 *
 * Threads: any. Blocks: briefly, while another process makes a guard.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_guard_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    config_json: *const c_char,
    out_guard: *mut tidegate_guard,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_guard", out_guard)?;
        // SAFETY: the caller's promise.
        let (engine, name, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("config_json", config_json)?,
            )
        };
        let guard = match config {
            Some(config) => engine.open_guard_from(name, config)?,
            None => engine.find_guard(name)?,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_guard, tidegate_guard { id: guard.0 }) };
        Ok(())
    })
}

/**
 * May this call go on? Asks every guard of the chain.
 *
 * When one refuses, what those before it gave is given back: the retry to the
 * budget, the place to the bulkhead, the permit to the breaker, which does not
 * count it.
 *
 * @param engine      An open engine.
 * @param guard       From tidegate_guard_open() on the same region.
 * @param key         Who is asking, for guards that are keyed: any bytes. Others
 *                    do not look at it. NULL when none is keyed.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param cost        Units of the limiter; at least 1.
 * @param attempt     Which attempt it is, for the retry; the first try is 1.
 * @param out_permit  Receives what the call holds. Untouched when refused.
 * @param out_answer  Receives which guard refused, or in shadow mode would have.
 *                    May be NULL.
 *
 * @return TIDEGATE_OK when admitted, TIDEGATE_DENIED when refused, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, cost or attempt is 0, or
 *                              there is no key where one belongs;
 *         TIDEGATE_E_STALE     the guard is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the limiter's burst or limit;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_guard_acquire(
    engine: *mut tidegate_engine,
    guard: tidegate_guard,
    key: *const c_char,
    key_length: usize,
    cost: u32,
    attempt: u32,
    out_permit: *mut tidegate_guard_permit,
    out_answer: *mut tidegate_guard_answer,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_permit", out_permit)?;
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        let request = Request { key, cost, attempt };
        let (permit, answer) = match engine.acquire_guard(Guard(guard.id), request)? {
            Answer::Admitted(permit) => (Some(permit), NOBODY),
            Answer::Refused { by, retry_after_ns } => (None, named(by, retry_after_ns)),
            Answer::Shadowed {
                permit,
                by,
                retry_after_ns,
            } => (Some(permit), named(by, retry_after_ns)),
        };
        // SAFETY: the caller's promise.
        unsafe { output::write(out_answer, answer) };
        let Some(ChainPermit { bulkhead, breaker }) = permit else {
            return Ok(Verdict::Denied);
        };
        let permit = tidegate_guard_permit { bulkhead, breaker };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_permit, permit) };
        Ok(Verdict::Admitted)
    })
}

const NOBODY: tidegate_guard_answer = tidegate_guard_answer {
    refused_by: TIDEGATE_GUARD_NONE,
    reserved: 0,
    retry_after_ns: 0,
};

fn named(by: Part, retry_after_ns: u64) -> tidegate_guard_answer {
    tidegate_guard_answer {
        refused_by: by as u32,
        retry_after_ns,
        ..NOBODY
    }
}

/**
 * Tells the guards of a chain how an admitted call went, once.
 *
 * @param engine   An open engine.
 * @param guard    The chain that gave the permit.
 * @param permit   What the call held; it is good for nothing afterwards. In
 *                 shadow mode, a 0 for a guard that gave nothing.
 * @param outcome  How it ended.
 * @param seconds  How long it took.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, the outcome is none, or seconds
 *                              is negative, infinite or not a number; the
 *                              permit is then still good;
 *         TIDEGATE_E_STALE     the guard is not one of this engine, or the
 *                              permit is none that it gave;
 *         TIDEGATE_E_STATE     the permit was reported already, or taken back
 *                              because it timed out; or the engine is an
 *                              observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_guard_report(
    engine: *mut tidegate_engine,
    guard: tidegate_guard,
    permit: tidegate_guard_permit,
    outcome: tidegate_outcome,
    seconds: f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let outcome = outcome::read(outcome)?;
        let tidegate_guard_permit { bulkhead, breaker } = permit;
        let permit = ChainPermit { bulkhead, breaker };
        engine.report_guard(Guard(guard.id), permit, outcome, seconds)
    })
}
