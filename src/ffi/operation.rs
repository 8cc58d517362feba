//! Operations: latency, outcome and error code together.

use super::opaque::tidegate_engine;
use super::outcome::{self, tidegate_outcome};
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::{Details, OperationId};
use crate::metrics::{Kind, MetricOptions};
use crate::snapshot::Calls;
use std::ffi::c_char;

/**
 * Names an operation: a query, mutation, request or job. A plain value; zero is
 * never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_operation {
    /** The id. */
    pub id: u64,
}

/**
 * What the calls of an operation were in some time. What has no number without
 * calls is NaN.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_operation_reading {
    /** All calls. */
    pub count: u64,
    /** Those that succeeded. */
    pub successes: u64,
    /** Those that failed. */
    pub failures: u64,
    /** Those that neither succeeded nor failed. */
    pub ignored: u64,
    /** Those that took longer than `slow_seconds`. */
    pub slow: u64,
    /** Calls in a second. */
    pub rate_per_second: f64,
    /** Successes among calls that succeeded or failed. */
    pub success_ratio: f64,
    /** Failures among calls that succeeded or failed. */
    pub error_rate: f64,
    /** How long calls took on average, in seconds. */
    pub average: f64,
    /** Half of all calls took at most so many seconds. */
    pub p50: f64,
    /** 90 % of them. */
    pub p90: f64,
    /** 95 %. */
    pub p95: f64,
    /** 99 %. */
    pub p99: f64,
    /** 99.9 %. */
    pub p999: f64,
    /** The shortest call. */
    pub min: f64,
    /** The longest call. */
    pub max: f64,
}

/**
 * Opens the operation with this name and these labels, and makes it if need be.
 *
 * An operation counts calls with how long they took, how they ended and with
 * which error code: one call of tidegate_operation_record() for each. From that
 * come rate, success ratio, error rate, quantiles, a breakdown by error code,
 * and the slowest calls.
 *
 * Options are those of tidegate_histogram_open(), and `"slow_seconds"`: calls
 * that take longer are counted as slow. Its unit is seconds; `outcome` and
 * `code` are labels of its own. In Prometheus, `db.query` is the histogram
 * db_query_seconds and the counters db_query_outcomes_total,
 * db_query_errors_total and db_query_slow_calls_total.
 *
 * @param engine         An open engine.
 * @param name           The name.
 * @param options_json   A JSON object, or NULL. Copied.
 * @param out_operation  Receives the id. Nothing to free.
 *
 * @return As tidegate_histogram_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with another `slow_seconds`.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_operation_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out_operation: *mut tidegate_operation,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_operation", out_operation)?;
        // SAFETY: the caller's promise.
        let (engine, name, options) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("options_json", options_json)?,
            )
        };
        let options = MetricOptions::parse(options.unwrap_or("{}"), Kind::Operation)?;
        let id = engine.operation(name, &options)?.0;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_operation, tidegate_operation { id }) };
        Ok(())
    })
}

/**
 * Records one call of an operation: how long it took, how it ended, and why.
 *
 * Sixteen distinct error codes are told apart for each operation; further ones
 * are counted together, as the code `other`. What is longer than 64 bytes is
 * cut.
 *
 * @param engine      An open engine.
 * @param operation   From tidegate_operation_open() on the same region.
 * @param seconds     How long it took. Finite, at least 0.
 * @param outcome     How it ended.
 * @param error_code  Why it failed or was ignored: few different ones, such as
 *                    "timeout" or "E1234". NULL or empty for none, as it must
 *                    be for a success.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, seconds is NaN, infinite or
 *                              negative (counted as dropped), outcome is none,
 *                              a success has an error code, or that is not
 *                              UTF-8;
 *         TIDEGATE_E_STALE     the operation is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region had no room for its very first call;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_operation_record(
    engine: *mut tidegate_engine,
    operation: tidegate_operation,
    seconds: f64,
    outcome: tidegate_outcome,
    error_code: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, error_code) = unsafe {
            (
                input::engine(engine)?,
                input::optional_text("error_code", error_code)?,
            )
        };
        let outcome = outcome::read(outcome)?;
        engine.record_operation(OperationId(operation.id), seconds, outcome, error_code)
    })
}

/**
 * Records one call of an operation, with what else is known of it.
 *
 * Each text may be NULL or empty for none, and is cut between characters when
 * it is too long.
 *
 * @param engine      An open engine.
 * @param operation   From tidegate_operation_open() on the same region.
 * @param seconds     How long it took. Finite, at least 0.
 * @param outcome     How it ended.
 * @param error_code  As for tidegate_operation_record().
 * @param message     Why it failed or was ignored: the last one is kept with
 *                    its error code. 192 bytes.
 * @param detail      What it was about: kept while it is among the slowest
 *                    calls of the window, or ever. 128 bytes.
 * @param trace_id    Its trace: kept with the detail, and as an example of the
 *                    operation's latency. 64 bytes.
 *
 * @return As tidegate_operation_record().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_operation_record_detail(
    engine: *mut tidegate_engine,
    operation: tidegate_operation,
    seconds: f64,
    outcome: tidegate_outcome,
    error_code: *const c_char,
    message: *const c_char,
    detail: *const c_char,
    trace_id: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, details) = unsafe {
            (
                input::engine(engine)?,
                Details {
                    error_code: input::optional_text("error_code", error_code)?,
                    message: input::optional_text("message", message)?,
                    detail: input::optional_text("detail", detail)?,
                    trace_id: input::optional_text("trace_id", trace_id)?,
                },
            )
        };
        let outcome = outcome::read(outcome)?;
        engine.record_operation_with(OperationId(operation.id), seconds, outcome, &details)
    })
}

/**
 * Says when a call of an operation begins, for tidegate_operation_end().
 *
 * Nothing is kept: a call that never ends leaves nothing behind.
 *
 * @param engine          An open engine.
 * @param operation       From tidegate_operation_open() on the same region.
 * @param out_started_ns  Receives the time, in nanoseconds of the region's
 *                        clock.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the operation is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_operation_begin(
    engine: *mut tidegate_engine,
    operation: tidegate_operation,
    out_started_ns: *mut u64,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_started_ns", out_started_ns)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine) }?;
        let started_ns = engine.begin_operation(OperationId(operation.id))?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_started_ns, started_ns) };
        Ok(())
    })
}

/**
 * Records a call that began when tidegate_operation_begin() said, and ends now.
 *
 * @param engine      An open engine.
 * @param operation   From tidegate_operation_open() on the same region.
 * @param started_ns  From tidegate_operation_begin() on the same region.
 * @param outcome     How it ended.
 * @param error_code  As for tidegate_operation_record().
 *
 * @return As tidegate_operation_record(); TIDEGATE_E_ARGUMENT also when
 *         `started_ns` is later than now.
 *
 * Threads: any, also another one than began it. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_operation_end(
    engine: *mut tidegate_engine,
    operation: tidegate_operation,
    started_ns: u64,
    outcome: tidegate_outcome,
    error_code: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, error_code) = unsafe {
            (
                input::engine(engine)?,
                input::optional_text("error_code", error_code)?,
            )
        };
        let outcome = outcome::read(outcome)?;
        engine.end_operation(OperationId(operation.id), started_ns, outcome, error_code)
    })
}

/**
 * Reads what the calls of an operation were.
 *
 * A window is right to one time slot, a sixth of the configured window; its
 * counts and its quantiles are of the same time.
 *
 * @param engine          An open engine, also an observer.
 * @param operation       From tidegate_operation_open() on the same region.
 * @param window_seconds  The last so many seconds, at most the configured
 *                        `window_seconds`; 0 for all since it was made.
 * @param out_reading     Receives the reading.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the window is longer than
 *                              is kept;
 *         TIDEGATE_E_STALE     the operation is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_operation_read(
    engine: *mut tidegate_engine,
    operation: tidegate_operation,
    window_seconds: f64,
    out_reading: *mut tidegate_operation_reading,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_reading", out_reading)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine) }?;
        let found = engine.read_operation(OperationId(operation.id), window_seconds)?;
        let calls = if window_seconds == 0.0 {
            &found.lifetime
        } else {
            &found.window
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_reading, reading(calls)) };
        Ok(())
    })
}

fn reading(calls: &Calls) -> tidegate_operation_reading {
    let mut quantiles = [f64::NAN; 5];
    calls
        .latency
        .quantiles(&[0.5, 0.9, 0.95, 0.99, 0.999], &mut quantiles);
    let [p50, p90, p95, p99, p999] = quantiles;
    tidegate_operation_reading {
        count: calls.count(),
        successes: calls.successes,
        failures: calls.failures,
        ignored: calls.ignored,
        slow: calls.slow,
        rate_per_second: calls.rate_per_second(),
        success_ratio: calls.success_ratio(),
        error_rate: calls.error_rate(),
        average: calls.average(),
        p50,
        p90,
        p95,
        p99,
        p999,
        min: calls.latency.min,
        max: calls.latency.max,
    }
}
