//! Health: probes, heartbeats, reports.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::base::error::Error;
use crate::engine::Probe;
use crate::health::Status;
use std::ffi::c_char;

/**
 * How a service or a part of it is: one of the four values below.
 */
pub type tidegate_health_status = i32;

/** Well. */
pub const TIDEGATE_HEALTHY: i32 = 0;
/** It works, but not as it should. */
pub const TIDEGATE_DEGRADED: i32 = 1;
/** It does not work. */
pub const TIDEGATE_UNHEALTHY: i32 = 2;
/** Nobody can tell: too few samples, or nothing reported. Never of a whole. */
pub const TIDEGATE_HEALTH_UNKNOWN: i32 = 3;

/**
 * Which question is asked, as Kubernetes asks them.
 */
pub type tidegate_probe = i32;

/** Is this process stuck for good? Depends on nothing but its heartbeats. */
pub const TIDEGATE_PROBE_LIVENESS: i32 = 0;
/** Should this service get work now? All checks are judged. */
pub const TIDEGATE_PROBE_READINESS: i32 = 1;
/** Has this process finished starting? */
pub const TIDEGATE_PROBE_STARTUP: i32 = 2;

/**
 * Answers a probe.
 *
 * Liveness is healthy unless this process has ever called
 * tidegate_heartbeat() and has not for "heartbeat_seconds" (60): another
 * thread can then tell that the main loop hangs. Startup is unhealthy until
 * tidegate_startup_done(). Readiness judges the section "health" of the
 * configuration document:
 *
 * `{"health":{"checks":[{"operation":"db.query","p95_seconds":{"warn":0.1,
 * "fail":0.5},"error_rate":{"warn":0.01,"fail":0.05}}]}}`
 *
 * Beyond a warn threshold is degraded, beyond a fail threshold unhealthy, and
 * the whole is as the worst of it. A share is beyond a threshold of 1, or of 0
 * from below, when it is just that: `"saturation":{"fail":1}` means full. A
 * bulkhead with keys is as full as its fullest key. What
 * is not known (no such metric, or less than "minimum_samples", 10, in the
 * window) makes nothing worse. A check
 * looks at one of operation, histogram, gauge, ratio, limiter, breaker,
 * bulkhead, objective, workers, region, process, host, reported.
 *
 * Without a section of its own a process judges by that of the first process
 * that brought one to the region. An observer's liveness is unhealthy when no
 * worker lives or all living ones are stuck, and its startup is healthy when
 * any living worker has started. TIDEGATE_FORMAT_HEALTH_JSON has the details.
 *
 * @param engine           An open engine, also an observer.
 * @param probe            One of the TIDEGATE_PROBE_ values.
 * @param out_status       Receives healthy, degraded or unhealthy. May be NULL.
 * @param out_http_status  Receives the HTTP status to answer with: 200, 200,
 *                         503 unless "http_status" says otherwise. May be NULL.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or there is no such probe.
 *
 * Threads: any. Blocks: never; readiness takes a snapshot. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_health(
    engine: *mut tidegate_engine,
    probe: tidegate_probe,
    out_status: *mut tidegate_health_status,
    out_http_status: *mut i32,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let probe = Probe::from_number(probe)
            .ok_or_else(|| Error::argument(format!("there is no probe {probe}: 0 to 2")))?;
        let (status, http_status) = engine.health(probe)?;
        // SAFETY: the caller's promise; what is NULL is not written.
        unsafe { output::write(out_status, status as tidegate_health_status) };
        // SAFETY: as above.
        unsafe { output::write(out_http_status, http_status.into()) };
        Ok(())
    })
}

/**
 * Tells what the application found out about a check itself: the database
 * answers in 12 ms, Redis is down.
 *
 * The latest report of a name stands, whichever process made it. Every name
 * counts for readiness; a check `{"reported":"redis","when_stale":"degraded"}`
 * says what becomes of it when it is too old. At most 128 names.
 *
 * @param engine    An open engine.
 * @param check     The name; the rules are those of metrics.
 * @param status    One of TIDEGATE_HEALTHY to TIDEGATE_HEALTH_UNKNOWN.
 * @param observed  A measured value, or NaN for none.
 * @param message   What a person should know; the first 256 bytes are kept.
 *                  NULL for nothing.
 * @param ttl_ns    How long the report counts; it is unknown afterwards. 0: for
 *                  ever.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a text is not UTF-8, the name
 *                              is not legal, there is no such status, or
 *                              observed is infinite;
 *         TIDEGATE_E_CAPACITY  there is no room for another name;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_health_report(
    engine: *mut tidegate_engine,
    check: *const c_char,
    status: tidegate_health_status,
    observed: f64,
    message: *const c_char,
    ttl_ns: u64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, check, message) = unsafe {
            (
                input::engine(engine)?,
                input::text("check", check)?,
                input::optional_text("message", message)?,
            )
        };
        let status = u64::try_from(status)
            .ok()
            .and_then(Status::from_number)
            .ok_or_else(|| {
                Error::argument(format!("there is no health status {status}: 0 to 3"))
            })?;
        engine.report_health(check, status, observed, message.unwrap_or_default(), ttl_ns)
    })
}

/**
 * Says that this process is at work. Call it from the loop that must not hang,
 * a few times within "heartbeat_seconds".
 *
 * A process that has ever called it is judged by it from then on: by its own
 * liveness, by an observer's, and by `{"workers":true,"heartbeat_age_seconds":
 * {"warn":5,"fail":30}}`. One that never calls it is not.
 *
 * @param engine  An open engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_heartbeat(engine: *mut tidegate_engine) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.heartbeat())
}

/**
 * Says that this process has started: TIDEGATE_PROBE_STARTUP is healthy from
 * now on, also in children that it forks afterwards.
 *
 * @param engine  An open engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_startup_done(engine: *mut tidegate_engine) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.startup_done())
}
