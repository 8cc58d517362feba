//! Circuit breakers.

use super::opaque::tidegate_engine;
use super::outcome::{TIDEGATE_OUTCOME_SUCCESS, tidegate_outcome};
use super::status::{TIDEGATE_DENIED, TIDEGATE_OK, tidegate_status};
use super::{edge, input, outcome, output};
use crate::base::error::{Error, Result};
use crate::engine::Breaker;
use crate::guard::{BreakerPhase, BreakerReason, Verdict};
use std::ffi::c_char;

/**
 * Names a circuit breaker. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_breaker {
    /** The id. */
    pub id: u64,
}

/**
 * Where a breaker is.
 */
pub type tidegate_breaker_phase = i32;

/** Calls go through, and are counted. */
pub const TIDEGATE_BREAKER_CLOSED: i32 = 0;
/** Calls are denied until the open time is over. */
pub const TIDEGATE_BREAKER_OPEN: i32 = 1;
/** A few probes go through. */
pub const TIDEGATE_BREAKER_HALF_OPEN: i32 = 2;
/** Calls are denied until tidegate_breaker_set_mode() says otherwise. */
pub const TIDEGATE_BREAKER_FORCED_OPEN: i32 = 3;
/** Calls go through, and are not counted. */
pub const TIDEGATE_BREAKER_DISABLED: i32 = 4;
/** Calls go through and are counted, whatever the counts. */
pub const TIDEGATE_BREAKER_FORCED_CLOSED: i32 = 5;
/** As forced closed: to find out what a breaker would see. */
pub const TIDEGATE_BREAKER_METRICS_ONLY: i32 = 6;

/** Nothing opened the breaker. */
pub const TIDEGATE_BREAKER_REASON_NONE: u32 = 0;
/** Failures reached `failure_rate`. */
pub const TIDEGATE_BREAKER_REASON_FAILURE_RATE: u32 = 1;
/** Slow calls reached `slow_call_rate`. */
pub const TIDEGATE_BREAKER_REASON_SLOW_CALL_RATE: u32 = 2;
/** `consecutive_failures` came one after the other. */
pub const TIDEGATE_BREAKER_REASON_CONSECUTIVE_FAILURES: u32 = 3;
/** The probes came back bad, or not at all. */
pub const TIDEGATE_BREAKER_REASON_PROBES: u32 = 4;
/** tidegate_breaker_set_mode(), or `initial`. */
pub const TIDEGATE_BREAKER_REASON_FORCED: u32 = 5;

const _: () = assert!(
    BreakerPhase::Open as i32 == TIDEGATE_BREAKER_OPEN
        && BreakerPhase::MetricsOnly as i32 == TIDEGATE_BREAKER_METRICS_ONLY
        && BreakerReason::FailureRate as u32 == TIDEGATE_BREAKER_REASON_FAILURE_RATE
        && BreakerReason::Forced as u32 == TIDEGATE_BREAKER_REASON_FORCED
);

/**
 * What a breaker is, what it sees, and why it last opened.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_breaker_reading {
    /** Where it is. */
    pub phase: tidegate_breaker_phase,
    /** Why it is open, or was put where it is: TIDEGATE_BREAKER_REASON_. */
    pub reason: u32,
    /** Number of the change of state that led here, from 1 on. */
    pub generation: u64,
    /** Calls in the window that succeeded or failed. */
    pub calls: u64,
    /** Of those, the failed. */
    pub failures: u64,
    /** Of those, the slow. */
    pub slow_calls: u64,
    /** Failed part of the window's calls; NaN below `minimum_calls`. */
    pub failure_rate: f64,
    /** Slow part of the window's calls; NaN below `minimum_calls`. */
    pub slow_call_rate: f64,
    /** Until it lets a call through; 0 unless open. */
    pub retry_after_ns: u64,
    /** How often it opened. */
    pub opened_count: u64,
    /** Probes that are out; 0 unless half-open. */
    pub permits_out: u64,
    /** Calls in the window when it last opened. */
    pub tripped_calls: u64,
    /** Of those, the failed. */
    pub tripped_failures: u64,
    /** Of those, the slow. */
    pub tripped_slow_calls: u64,
    /** How long ago that was; 0 when it never opened. */
    pub tripped_age_ns: u64,
}

/**
 * Opens the breaker `name`, and makes it if need be.
 *
 * One breaker is shared by every process of the region. A breaker that exists
 * keeps its state. It is closed until, over the window and with at least
 * `minimum_calls` reports, failures reach `failure_rate` or slow calls
 * `slow_call_rate`; then open for `open_seconds`, then half-open: exactly
 * `half_open_calls` probes go through, and if `half_open_successes` of them come
 * back good it closes with an empty window. It opens again as soon as they no
 * longer can. A slow probe is not good.
 *
 * The configuration is a JSON object; every field may be left out:
 *
 * `"failure_rate":0.5`, above 0 and up to 1; without a rate if only
 * `"consecutive_failures"` is given. `"slow_call_seconds"`: a call that takes
 * longer is slow; `"slow_call_rate":1`. `"minimum_calls":20`.
 * `"window":{"seconds":10}`, right to a tenth, or `{"calls":100}`.
 *
 * `"open_seconds":30`, times `"open_growth":1` for each time that it opens again,
 * up to `"open_max_seconds":300`; it takes one step back for each time that it
 * stays closed as long as it last was open. `"open_jitter":0` is the part of
 * that time which may be added by chance.
 *
 * `"half_open_calls":3`, `"half_open_successes"` (all of them),
 * `"permit_timeout_seconds":60`: a probe that is not back by then has failed; one
 * whose process died is given out again. `"ramp_seconds":0`: after closing, calls
 * come back over this time, from a tenth of them to all.
 *
 * `"initial":"closed"`, `"open"`, `"disabled"`, `"forced_open"`,
 * `"forced_closed"` or `"metrics_only"`. `"shadow":true` counts what it would
 * deny, and lets it pass.
 *
 * @param engine       An open engine.
 * @param name         The name; the rules are those of metrics.
 * @param config_json  A JSON object; NULL for a breaker that must exist.
 * @param out_breaker  Receives the id. Nothing to free.
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
pub unsafe extern "C" fn tidegate_breaker_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    config_json: *const c_char,
    out_breaker: *mut tidegate_breaker,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_breaker", out_breaker)?;
        // SAFETY: the caller's promise.
        let (engine, name, config) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("config_json", config_json)?,
            )
        };
        let breaker = match config {
            Some(config) => engine.open_breaker_from(name, config)?,
            None => engine.find_breaker(name)?,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_breaker, tidegate_breaker { id: breaker.0 }) };
        Ok(())
    })
}

/**
 * Asks whether a call may go on.
 *
 * @param engine      An open engine.
 * @param breaker     From tidegate_breaker_open() on the same region.
 * @param out_permit  Receives the permit, which is given back exactly once with
 *                    tidegate_breaker_report(), from any thread or process.
 *                    Not written when denied.
 *
 * @return TIDEGATE_OK when the call may go on, TIDEGATE_DENIED when not, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_breaker_acquire(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    out_permit: *mut u64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    let found = unsafe { input::some_engine(engine) }.filter(|_| !out_permit.is_null());
    match found.and_then(|engine| engine.acquire_at_once(Breaker(breaker.id))) {
        Some(permit) => {
            // SAFETY: checked for NULL; the caller's promise for the rest.
            unsafe { output::write(out_permit, permit) };
            TIDEGATE_OK
        }
        // SAFETY: the caller's promise.
        None => unsafe { acquire_or_deny(engine, breaker, out_permit) },
    }
}

/// What remains of tidegate_breaker_acquire() when the breaker is not closed. Apart, so that the
/// frame it needs is not paid for by every call; so is what remains when it is not open.
#[inline(never)]
unsafe fn acquire_or_deny(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    out_permit: *mut u64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found) if !out_permit.is_null() && found.deny_at_once(Breaker(breaker.id)) => {
            TIDEGATE_DENIED
        }
        // SAFETY: the caller's promise.
        _ => unsafe { acquire_with_care(engine, breaker, out_permit) },
    }
}

#[cold]
#[inline(never)]
unsafe fn acquire_with_care(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    out_permit: *mut u64,
) -> tidegate_status {
    edge::decide(|| {
        output::required("out_permit", out_permit)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        match engine.acquire(Breaker(breaker.id))? {
            Some(permit) => {
                // SAFETY: checked for NULL; the caller's promise for the rest.
                unsafe { output::write(out_permit, permit) };
                Ok(Verdict::Admitted)
            }
            None => Ok(Verdict::Denied),
        }
    })
}

/**
 * Gives a permit back, with what happened.
 *
 * A permit from before a change of state is taken, and does not count. A second
 * report of a permit is refused as long as its CPU has not seen 64 others since;
 * that of a probe, always, as long as the breaker is half-open.
 *
 * @param engine   An open engine.
 * @param breaker  From tidegate_breaker_open() on the same region.
 * @param permit   From tidegate_breaker_acquire() of the same breaker.
 * @param outcome  How the call ended. TIDEGATE_OUTCOME_IGNORED counts as neither
 *                 success nor failure; a probe that is ignored may be given out
 *                 again.
 * @param seconds  How long the call took: finite, at least 0.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or outcome or seconds is none;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine, or did not
 *                              give out this permit;
 *         TIDEGATE_E_STATE     the permit was already reported, or the engine is
 *                              an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_breaker_report(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    permit: u64,
    outcome: tidegate_outcome,
    seconds: f64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found)
            if outcome == TIDEGATE_OUTCOME_SUCCESS
                && found.report_at_once(Breaker(breaker.id), permit, seconds) =>
        {
            TIDEGATE_OK
        }
        // SAFETY: the caller's promise.
        _ => unsafe { report_with_care(engine, breaker, permit, outcome, seconds) },
    }
}

/// What remains of tidegate_breaker_report() when it cannot be done at once.
#[inline(never)]
unsafe fn report_with_care(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    permit: u64,
    outcome: tidegate_outcome,
    seconds: f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        engine.report(
            Breaker(breaker.id),
            permit,
            outcome::read(outcome)?,
            seconds,
        )
    })
}

/**
 * Tells where a breaker is.
 *
 * An open breaker whose time is over stays open until somebody asks for a
 * permit. Probes that are not back in time are given up now.
 *
 * @param engine     An open engine; an observer will do.
 * @param breaker    From tidegate_breaker_open() on the same region.
 * @param out_phase  Receives one of TIDEGATE_BREAKER_.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_breaker_state(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    out_phase: *mut tidegate_breaker_phase,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_phase", out_phase)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let phase = engine.breaker_phase(Breaker(breaker.id))?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_phase, phase as i32) };
        Ok(())
    })
}

/**
 * Puts a breaker where somebody wants it.
 *
 * @param engine   An open engine.
 * @param breaker  From tidegate_breaker_open() on the same region.
 * @param mode     TIDEGATE_BREAKER_CLOSED: as new, and by its rules again. _OPEN:
 *                 as if it had tripped now. _HALF_OPEN: probes now. _FORCED_OPEN,
 *                 _DISABLED, _FORCED_CLOSED, _METRICS_ONLY: so until it is put
 *                 elsewhere. Permits that are out do not count any more.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or there is no such mode;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_breaker_set_mode(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    mode: tidegate_breaker_phase,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        engine.set_breaker(Breaker(breaker.id), phase(mode)?)
    })
}

fn phase(mode: tidegate_breaker_phase) -> Result<BreakerPhase> {
    BreakerPhase::from_number(mode).ok_or_else(|| {
        Error::argument(format!(
            "mode: expected one of TIDEGATE_BREAKER_CLOSED 0 to TIDEGATE_BREAKER_METRICS_ONLY 6, \
             found {mode}"
        ))
    })
}

/**
 * Tells what a breaker is, what it sees, and why it last opened.
 *
 * @param engine       An open engine; an observer will do.
 * @param breaker      From tidegate_breaker_open() on the same region.
 * @param out_reading  Receives it.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_breaker_read(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    out_reading: *mut tidegate_breaker_reading,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_reading", out_reading)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let found = engine.read_breaker(Breaker(breaker.id))?;
        let tripped = found.tripped;
        let reading = tidegate_breaker_reading {
            phase: found.phase as i32,
            reason: found.reason as u32,
            generation: found.generation,
            calls: found.calls,
            failures: found.failures,
            slow_calls: found.slow_calls,
            failure_rate: found.failure_rate,
            slow_call_rate: found.slow_call_rate,
            retry_after_ns: found.retry_after_ns,
            opened_count: found.totals.opened,
            permits_out: found.permits_out,
            tripped_calls: tripped.map_or(0, |tripped| tripped.calls),
            tripped_failures: tripped.map_or(0, |tripped| tripped.failures),
            tripped_slow_calls: tripped.map_or(0, |tripped| tripped.slow_calls),
            tripped_age_ns: tripped.map_or(0, |tripped| tripped.age_ns),
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_reading, reading) };
        Ok(())
    })
}
