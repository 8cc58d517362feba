//! Limiters beyond the plain check: several as one decision, units ahead of time and back, keys that
//! are treated apart, HTTP fields.

use super::limiter::{tidegate_decision, tidegate_limiter};
use super::opaque::tidegate_engine;
use super::status::{TIDEGATE_DENIED, TIDEGATE_OK, tidegate_status};
use super::{edge, input, output};
use crate::base::error::{Error, Result};
use crate::engine::Limiter;
use crate::export::json::top;
use crate::guard::limiter::rules::List;
use crate::guard::limiter::texts::Style;
use crate::guard::limiter::together::{MAX_TOGETHER, Request, Together};
use crate::guard::limiter::top::By;
use crate::guard::{Decision, Verdict};
use std::ffi::c_char;

/**
 * One limit of several that are asked together.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_limiter_request {
    /** From tidegate_limiter_open() on the same region. */
    pub limiter: tidegate_limiter,
    /** Who is asking: any bytes. NULL for a limiter without keys. */
    pub key: *const c_char,
    /** Bytes in `key`; 0 when it is NULL. */
    pub key_length: usize,
    /** Units to take; at least 1. */
    pub cost: u32,
}

/** A key that is on no list: its units decide. */
pub const TIDEGATE_LIST_NONE: i32 = 0;
/** A key that is admitted without being counted. */
pub const TIDEGATE_LIST_ALLOW: i32 = 1;
/** A key that is denied. */
pub const TIDEGATE_LIST_DENY: i32 = 2;

/** By the units that a key was admitted. */
pub const TIDEGATE_TOP_USED: u32 = 0;
/** By the checks in which a key was denied. */
pub const TIDEGATE_TOP_DENIED: u32 = 1;

/** `RateLimit-Policy` and `RateLimit`, lists of policies by name. */
pub const TIDEGATE_HEADERS_CURRENT: u32 = 0;
/** `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`. */
pub const TIDEGATE_HEADERS_DRAFT_06: u32 = 1;
/** `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`. */
pub const TIDEGATE_HEADERS_LEGACY: u32 = 2;

fn written(decision: Decision) -> tidegate_decision {
    let Decision {
        limit,
        remaining,
        retry_after_ns,
        reset_after_ns,
    } = decision;
    tidegate_decision {
        limit,
        remaining,
        retry_after_ns,
        reset_after_ns,
    }
}

/// The decision that a caller holds.
///
/// # Safety
/// `decision` is NULL or points to one.
unsafe fn read(decision: *const tidegate_decision) -> Result<Decision> {
    // SAFETY: by the contract above.
    let decision = unsafe { decision.as_ref() }.ok_or_else(|| input::null("decision"))?;
    Ok(Decision {
        limit: decision.limit,
        remaining: decision.remaining,
        retry_after_ns: decision.retry_after_ns,
        reset_after_ns: decision.reset_after_ns,
    })
}

/**
 * Takes the units of several limits as one decision: all, or none.
 *
 * For limits per user, tenant and address: when one of them denies, the others
 * have lost nothing, also when several threads and processes ask at once. A
 * process that is killed in the middle leaves at most the units of this one
 * call taken, as if it had been admitted.
 *
 * @param engine        An open engine.
 * @param requests      The limits; one limiter may come twice.
 * @param count         How many; 1 to 16.
 * @param out_refused   Receives the number of the request that denied, from 0;
 *                      `count` when all admitted. May be NULL.
 * @param out_decision  Receives the numbers of the limit that denied, or of the
 *                      one with the smallest part left. May be NULL.
 *
 * @return TIDEGATE_OK when all admitted, TIDEGATE_DENIED when one did not, or
 *         TIDEGATE_E_ARGUMENT  engine or requests is NULL, count or a cost is
 *                              out of range, or there is a key where none
 *                              belongs or none where one does;
 *         TIDEGATE_E_STALE     a limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     a cost exceeds its burst or limit;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *         After an error nothing is taken.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_check_all(
    engine: *mut tidegate_engine,
    requests: *const tidegate_limiter_request,
    count: usize,
    out_refused: *mut usize,
    out_decision: *mut tidegate_decision,
) -> tidegate_status {
    edge::decide(|| {
        // SAFETY: the caller's promise.
        let (engine, given) = unsafe {
            (
                input::engine(engine)?,
                input::slice("requests", requests, count)?,
            )
        };
        let mut asked = [Request {
            limiter: 0,
            key: None,
            cost: 0,
        }; MAX_TOGETHER];
        let Some(asked) = asked.get_mut(..count).filter(|asked| !asked.is_empty()) else {
            return Err(Error::argument(format!(
                "count is {count}, not from 1 to {MAX_TOGETHER}"
            )));
        };
        for (request, given) in asked.iter_mut().zip(given) {
            *request = Request {
                limiter: given.limiter.id,
                // SAFETY: the caller's promise.
                key: unsafe { input::key(given.key, given.key_length)? },
                cost: given.cost,
            };
        }
        let (verdict, refused, decision) = match engine.check_all(asked)? {
            Together::Admitted(decision) => (Verdict::Admitted, count, decision),
            Together::Denied { by, decision } => (Verdict::Denied, by, decision),
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe {
            output::write(out_refused, refused);
            output::write(out_decision, written(decision));
        }
        Ok(verdict)
    })
}

/**
 * Says what a check would be answered now, and changes nothing.
 *
 * A key that the limiter does not know has its whole limit.
 *
 * @param engine        An open engine, also an observer.
 * @param limiter       From tidegate_limiter_open() on the same region.
 * @param key           Who would be asking. NULL for a limiter without keys.
 * @param key_length    Bytes in `key`; 0 when it is NULL.
 * @param cost          Units that would be taken; at least 1.
 * @param out_decision  Receives what is left, before anything is taken.
 *
 * @return TIDEGATE_OK when it would be admitted, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  engine or out_decision is NULL, cost is 0, or
 *                              there is a key where none belongs or none where
 *                              one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the burst or limit.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_peek(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
    out_decision: *mut tidegate_decision,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_decision", out_decision)?;
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        let (verdict, decision) = engine.peek(Limiter(limiter.id), key, cost)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_decision, written(decision)) };
        Ok(verdict)
    })
}

/**
 * Takes `cost` units for `key` as soon as they are there, and says when.
 *
 * The units are yours after the wait, whatever others do; give them back with
 * tidegate_limiter_refund() if you do not use them. To pace calls, reserve each
 * one and sleep for as long as it says.
 *
 * @param engine       An open engine.
 * @param limiter      From tidegate_limiter_open() on the same region.
 * @param key          Who is asking: any bytes. NULL for a limiter without
 *                     keys.
 * @param key_length   Bytes in `key`; 0 when it is NULL.
 * @param cost         Units to take; at least 1.
 * @param max_wait_ns  The longest wait that is worth it; 0 for none.
 * @param out_wait_ns  Receives the wait; when denied, the one that would have
 *                     been necessary.
 *
 * @return TIDEGATE_OK when they are taken, TIDEGATE_DENIED when the wait were
 *         longer (then nothing is taken), or
 *         TIDEGATE_E_ARGUMENT  engine or out_wait_ns is NULL, cost is 0, or
 *                              there is a key where none belongs or none where
 *                              one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_RANGE     cost exceeds the burst or limit: no wait is long
 *                              enough;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_reserve(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
    max_wait_ns: u64,
    out_wait_ns: *mut u64,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_wait_ns", out_wait_ns)?;
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        let (verdict, wait) = engine.reserve(Limiter(limiter.id), key, cost, max_wait_ns)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_wait_ns, wait) };
        Ok(verdict)
    })
}

/**
 * Gives `cost` units back to `key`: a call that was not made, or a reservation
 * that is not used.
 *
 * At most what was taken comes back. A token bucket, and a fixed window while
 * it lasts, are then as if the units had never been taken. A sliding window up
 * to 64 gives back those that would have come back first, so it never exceeds
 * its limit; above 64 those that were taken last: if others took units between
 * the check and its refund, a window can hold as many too many as were refunded
 * in it.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Whose units. NULL for a limiter without keys.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param cost        Units; at least 1.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, cost is 0, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_refund(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        engine.refund(Limiter(limiter.id), key, cost)
    })
}

/**
 * Takes `cost` units away from `key`, as far as it has any.
 *
 * For calls that turn out to cost more, and for those who misbehave. Nobody
 * gets below nothing; to deny for longer, use tidegate_limiter_block().
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Whose units. NULL for a limiter without keys.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param cost        Units; at least 1.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, cost is 0, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_penalize(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    cost: u32,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        engine.penalize(Limiter(limiter.id), key, cost)
    })
}

/**
 * Denies everything to `key` for a while, whatever units it has.
 *
 * Every process sees it at once. The end is rounded up to 64 ns.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Which key. NULL for a limiter without keys: everybody.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param for_ns      How long from now; 0 ends a block, UINT64_MAX never ends.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_CAPACITY  there is no room for rules of another key: 4096
 *                              keys, or max_keys if that is less;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_block(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    for_ns: u64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        engine.block(Limiter(limiter.id), key, for_ns)
    })
}

/**
 * Puts `key` on the list of those who are always admitted, or always denied,
 * or takes it off.
 *
 * A key that is always admitted is not counted against its limit. A key that is
 * always denied is told to wait for UINT64_MAX nanoseconds.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open() on the same region.
 * @param key         Which key. NULL for a limiter without keys: everybody.
 * @param key_length  Bytes in `key`; 0 when it is NULL.
 * @param list        One of the TIDEGATE_LIST_ values.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, the list is unknown, or there is a key
 *                              where none belongs or none where one does;
 *         TIDEGATE_E_CAPACITY  there is no room for rules of another key: 4096
 *                              keys, or max_keys if that is less;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_allow(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    list: i32,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, key) = unsafe { (input::engine(engine)?, input::key(key, key_length)?) };
        let list = match list {
            TIDEGATE_LIST_NONE => List::None,
            TIDEGATE_LIST_ALLOW => List::Allow,
            TIDEGATE_LIST_DENY => List::Deny,
            _ => return Err(Error::argument(format!("there is no list {list}"))),
        };
        engine.set_list(Limiter(limiter.id), key, list)
    })
}

/**
 * Puts `key` on a plan: another limit of the same limiter.
 *
 * Plans stand in the limiter's configuration, each with the fields of an
 * algorithm: `"plans":{"pro":{"algorithm":"token_bucket","rate_per_second":100,
 * "burst":500}}`. A key that is put on a plan begins with its whole limit, and
 * decisions have the plan's numbers. In snapshots a plan is a limiter of its
 * own, called `limiter/plan`; its checks are counted for the limiter.
 *
 * @param engine      An open engine.
 * @param limiter     From tidegate_limiter_open(): a limiter with keys.
 * @param key         Which key.
 * @param key_length  Bytes in `key`.
 * @param plan        Name of the plan; NULL for the limiter's own limit again.
 *
 * @return TIDEGATE_OK, TIDEGATE_E_NOT_FOUND when the limiter has no such plan, or
 *         an error of tidegate_limiter_allow().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_set_plan(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    key: *const c_char,
    key_length: usize,
    plan: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, key, plan) = unsafe {
            (
                input::engine(engine)?,
                input::key(key, key_length)?,
                input::optional_text("plan", plan)?,
            )
        };
        engine.set_plan(Limiter(limiter.id), key, plan)
    })
}

/**
 * Writes the keys that use a limiter most, or are denied most, as a JSON array:
 * `[{"key":"192.0.2.0/24","used":120,"denied":3,"error_bound":0}]`.
 *
 * Only of limiters with `"record_keys"`, which says what is written down of a
 * key: `"hash"`, a fingerprint that is the same for one key of one region;
 * `"ip"`, the network of 24 bits (IPv4) or 48 (IPv6); `"email"`, the first
 * letter and the domain; `"token"`, four characters of at least eight;
 * `"plain"`, the key, cut at 64 bytes, in hex if it is not UTF-8. A key that is
 * not what it should be is written as its fingerprint. Keys are counted whole,
 * so two may look the same.
 *
 * 64 keys are counted at once for each of the two orders. The number that the
 * list is ordered by is never below the truth since the limiter was made, and
 * above it by at most `"error_bound"`; the other number is an estimate too, 0 if
 * the key is not among the 64 of that order. What was refunded stays counted.
 * In shadow mode, what would have been denied is.
 *
 * @param engine      An open engine, also an observer.
 * @param limiter     From tidegate_limiter_open(): one that records keys.
 * @param by          One of the TIDEGATE_TOP_ values.
 * @param count       Most keys to write; at least 1. There are at most 64.
 * @param buffer      Receives the text, UTF-8, without a final NUL. May be NULL
 *                    only if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold; 0 only asks for the length,
 *                    which may be another at the next call. 65536 always do.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, the order is unknown, count is
 *                              0, or the limiter records no keys;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_top(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    by: u32,
    count: usize,
    buffer: *mut c_char,
    capacity: usize,
    out_length: *mut usize,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_length", out_length)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let by = match by {
            TIDEGATE_TOP_USED => By::Used,
            TIDEGATE_TOP_DENIED => By::Denied,
            _ => return Err(Error::argument(format!("there is no order {by}"))),
        };
        let keys = engine.top_keys(Limiter(limiter.id), by, count)?;
        let mut text = Vec::new();
        top::write(&keys, &mut text);
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe {
            output::write(out_length, text.len());
            output::text(&text, buffer, capacity)
        }
    })
}

/**
 * Gives a limiter that exists new numbers; its state is kept.
 *
 * Every process sees all of the change at once. Units that were taken stay
 * taken: a larger burst or limit gives the difference at once, a smaller one
 * takes it away, and what a key has taken beyond it must come back first. While
 * it happens nobody gets more than the larger of both policies allows; calls
 * that are under way decide by one of the two. Opening the limiter from then on
 * takes the new configuration. The same configuration again changes nothing.
 *
 * Of a token bucket, rate and burst change; a rate as much as some ten thousand
 * times the first one may be refused. A warm-up changes where there was one from
 * the beginning, if of 0 seconds; its heat is kept in units, so at twice the rate
 * a bucket is half as hot. Of a sliding window, the limit changes up
 * to that which it was made with, and down to 1; where that is above 64, down to
 * a quarter of it, and not to 64; the window changes, with keys only to a
 * shorter one. Of a fixed window, the limit changes: up to 16,777,213, or as
 * many bits as it was made with. Plans in the configuration are made, or change
 * in the same way, each at one moment of its own before the limiter does; lists
 * are added to. What else a limiter was made with stays: max_keys, when_full,
 * shadow, record_keys. A limiter that was changed takes the way of checks that
 * are not plain, some tens of nanoseconds longer. Each change is an event.
 *
 * @param engine       An open engine.
 * @param limiter      From tidegate_limiter_open() on the same region.
 * @param config_json  The whole new configuration, as tidegate_limiter_open()
 *                     takes it.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine or config_json is NULL;
 *         TIDEGATE_E_CONFIG    a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_CONFLICT  it is of another algorithm, or keyed and the
 *                              other not;
 *         TIDEGATE_E_STATE     the state cannot be kept under the new numbers:
 *                              the sentence says why; or the engine is an
 *                              observer;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region has no room: each change takes 72
 *                              bytes, the first one 144.
 *         After any but the last nothing is changed. A process that is killed
 *         here leaves each of limiter and plans as it was, or as it should be.
 *
 * Threads: any, also other processes. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_reconfigure(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    config_json: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("config_json", config_json)?,
            )
        };
        engine.reconfigure_limiter(Limiter(limiter.id), config)
    })
}

/**
 * Writes the HTTP fields of a decision, each as a line `Name: value` that ends
 * with CR LF.
 *
 * The current draft of the IETF: `RateLimit-Policy: "api";q=200;w=2` and
 * `RateLimit: "api";r=12;t=1`, with the limiter's name. Seconds are rounded up.
 * `Retry-After`, at least 1, comes with every denial.
 *
 * @param engine      An open engine, also an observer.
 * @param limiter     The limiter that decided.
 * @param decision    What it said.
 * @param verdict     TIDEGATE_OK or TIDEGATE_DENIED, as the check returned.
 * @param style       One of the TIDEGATE_HEADERS_ values.
 * @param buffer      Receives the text, without a final NUL. May be NULL only
 *                    if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold; 0 only asks for the length.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the verdict or the style
 *                              is none;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_headers(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    decision: *const tidegate_decision,
    verdict: tidegate_status,
    style: u32,
    buffer: *mut c_char,
    capacity: usize,
    out_length: *mut usize,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_length", out_length)?;
        // SAFETY: the caller's promise.
        let (engine, decision) = unsafe { (input::engine(engine)?, read(decision)?) };
        let verdict = match verdict {
            TIDEGATE_OK => Verdict::Admitted,
            TIDEGATE_DENIED => Verdict::Denied,
            _ => return Err(Error::argument(format!("{verdict} is no verdict"))),
        };
        let style = match style {
            TIDEGATE_HEADERS_CURRENT => Style::Current,
            TIDEGATE_HEADERS_DRAFT_06 => Style::Draft06,
            TIDEGATE_HEADERS_LEGACY => Style::Legacy,
            _ => return Err(Error::argument(format!("there is no style {style}"))),
        };
        let text = engine.rate_limit_fields(Limiter(limiter.id), &decision, verdict, style)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe {
            output::write(out_length, text.len());
            output::text(text.as_bytes(), buffer, capacity)
        }
    })
}

/**
 * Writes the body of a response with status 429, application/problem+json: a
 * registered type, a sentence, and the limiter's name in `violated-policies`.
 *
 * @param engine      An open engine, also an observer.
 * @param limiter     The limiter that denied.
 * @param decision    What it said.
 * @param buffer      Receives the text, UTF-8, without a final NUL. May be NULL
 *                    only if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold; 0 only asks for the length.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched;
 *         TIDEGATE_E_STALE     the limiter is not one of this engine.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_limiter_problem(
    engine: *mut tidegate_engine,
    limiter: tidegate_limiter,
    decision: *const tidegate_decision,
    buffer: *mut c_char,
    capacity: usize,
    out_length: *mut usize,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_length", out_length)?;
        // SAFETY: the caller's promise.
        let (engine, decision) = unsafe { (input::engine(engine)?, read(decision)?) };
        let text = engine.rate_limit_problem(Limiter(limiter.id), &decision)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe {
            output::write(out_length, text.len());
            output::text(text.as_bytes(), buffer, capacity)
        }
    })
}
