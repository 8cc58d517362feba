//! Ratios: hits and misses.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::cell::ratio::Hits;
use crate::engine::RatioId;
use crate::metrics::{Kind, MetricOptions};
use std::ffi::c_char;

/**
 * Names a ratio: hits and misses of a cache, a pool, a lookup. A plain value;
 * zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_ratio {
    /** The id. */
    pub id: u64,
}

/**
 * Opens the ratio with this name and these labels, and makes it if need be.
 *
 * Options are those of tidegate_counter_open(); `result` is a label of its own.
 * In Prometheus, `cache` is the counter cache_total with result="hit" and
 * result="miss".
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object, or NULL. Copied.
 * @param out_ratio     Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open().
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_ratio_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out_ratio: *mut tidegate_ratio,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_ratio", out_ratio)?;
        // SAFETY: the caller's promise.
        let (engine, name, options) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("options_json", options_json)?,
            )
        };
        let options = MetricOptions::parse(options.unwrap_or("{}"), Kind::Ratio)?;
        let id = engine.ratio(name, &options)?.0;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_ratio, tidegate_ratio { id }) };
        Ok(())
    })
}

/**
 * Counts hits and misses.
 *
 * @param engine  An open engine.
 * @param ratio   From tidegate_ratio_open() on the same region.
 * @param hits    How often it was there.
 * @param misses  How often it was not.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the ratio is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_ratio_record(
    engine: *mut tidegate_engine,
    ratio: tidegate_ratio,
    hits: u64,
    misses: u64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine) }?;
        engine.record_ratio(RatioId(ratio.id), Hits { hits, misses })
    })
}

/**
 * Reads a ratio.
 *
 * @param engine          An open engine, also an observer.
 * @param ratio           From tidegate_ratio_open() on the same region.
 * @param window_seconds  The last so many seconds, at most the configured
 *                        `window_seconds`; 0 for all since it was made.
 * @param out_hits        Receives the hits, or NULL.
 * @param out_misses      Receives the misses, or NULL.
 * @param out_ratio       Receives hits among all, NaN without any; or NULL.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or the window is longer than is
 *                              kept;
 *         TIDEGATE_E_STALE     the ratio is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_ratio_read(
    engine: *mut tidegate_engine,
    ratio: tidegate_ratio,
    window_seconds: f64,
    out_hits: *mut u64,
    out_misses: *mut u64,
    out_ratio: *mut f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine) }?;
        let found = engine.read_ratio(RatioId(ratio.id), window_seconds)?;
        // SAFETY: NULL is allowed; the caller's promise for the rest.
        unsafe {
            output::write(out_hits, found.hits);
            output::write(out_misses, found.misses);
            output::write(out_ratio, found.ratio());
        }
        Ok(())
    })
}
