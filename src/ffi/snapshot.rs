//! Snapshots: take, render, free.

use super::engine::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::base::error::Error;
use crate::export::{self, Format, Selection};
use crate::snapshot::Snapshot;
use std::ffi::c_char;
use std::sync::OnceLock;

/**
 * Everything that a region held at one time. Opaque; never changes.
 */
pub struct tidegate_snapshot {
    snapshot: Snapshot,
    /// Each format as it was rendered first: asking for the length costs nothing twice.
    rendered: [OnceLock<Vec<u8>>; FORMATS],
}

/// Formats that a snapshot can be rendered in.
const FORMATS: usize = 8;

/** The JSON document of schema/snapshot.schema.json. */
pub const TIDEGATE_FORMAT_JSON: u32 = 0;
/** Prometheus text format 0.0.4. */
pub const TIDEGATE_FORMAT_PROMETHEUS: u32 = 1;
/** OpenMetrics text format 1.0. */
pub const TIDEGATE_FORMAT_OPENMETRICS: u32 = 2;
/** Readiness as application/health+json. */
pub const TIDEGATE_FORMAT_HEALTH_JSON: u32 = 3;
/** Readiness as {"status","timestamp","uptime","checks"}. */
pub const TIDEGATE_FORMAT_HEALTH_SIMPLE: u32 = 4;
/** StatsD lines, labels as DogStatsD tags; totals as gauges. */
pub const TIDEGATE_FORMAT_STATSD: u32 = 5;
/** HdrHistogram's log, its histograms in the V2 encoding. */
pub const TIDEGATE_FORMAT_HDR_LOG: u32 = 6;
/**
 * OTLP protobuf, bytes instead of text; TIDEGATE_E_ARGUMENT from a library
 * built without the Cargo feature otlp.
 */
pub const TIDEGATE_FORMAT_OTLP: u32 = 7;

/**
 * Takes a picture of everything, while writers go on.
 *
 * Each histogram agrees with itself, and no count is less than in an earlier
 * snapshot; different series may be a few microseconds apart.
 *
 * @param engine        An open engine, also an observer.
 * @param out_snapshot  Receives the snapshot. You own it: give it back with
 *                      tidegate_snapshot_free(). It outlives the engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_take(
    engine: *mut tidegate_engine,
    out_snapshot: *mut *mut tidegate_snapshot,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_snapshot", out_snapshot)?;
        // SAFETY: the caller's promise.
        let snapshot = unsafe { input::engine(engine) }?.snapshot();
        let boxed = Box::new(tidegate_snapshot {
            snapshot,
            rendered: Default::default(),
        });
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_snapshot, Box::into_raw(boxed)) };
        Ok(())
    })
}

/**
 * Writes a snapshot as text into a buffer of yours.
 *
 * Call it first with `capacity` 0 to learn the length. One snapshot always
 * renders to the same bytes, so the second call cannot come up short.
 *
 * @param snapshot    From tidegate_snapshot_take().
 * @param format      One of the TIDEGATE_FORMAT_ values.
 * @param buffer      Receives the text, UTF-8, without a final NUL. May be
 *                    NULL only if `capacity` is 0.
 * @param capacity    Bytes that `buffer` can hold.
 * @param out_length  Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL or the format is unknown;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched.
 *
 * Threads: any, while nobody frees the snapshot. Blocks: while another thread
 * renders the same format for the first time. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_render(
    snapshot: *const tidegate_snapshot,
    format: u32,
    buffer: *mut c_char,
    capacity: usize,
    out_length: *mut usize,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_length", out_length)?;
        // SAFETY: the caller's promise.
        let snapshot = unsafe { snapshot.as_ref() }.ok_or_else(|| input::null("snapshot"))?;
        let place = snapshot.rendered.get(format as usize);
        let (Some(chosen), Some(place)) = (Format::from_number(format), place) else {
            return Err(Error::argument(format!("there is no format {format}")));
        };
        let text =
            place.get_or_init(|| export::bytes(chosen, &snapshot.snapshot, &Selection::default()));
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_length, text.len()) };
        // SAFETY: the caller's promise.
        unsafe { output::text(text, buffer, capacity) }
    })
}

/**
 * Writes a part of a snapshot as text into a buffer of yours.
 *
 * `{"names":["http.*","queue.depth"]}` keeps metrics and guards with these
 * names; `*` stands for anything. `{"created":true}` lets OpenMetrics say
 * since when each counter and histogram counts. Health is always that of the
 * whole. As tidegate_snapshot_render() otherwise, but renders in each call.
 *
 * @param snapshot      From tidegate_snapshot_take().
 * @param format        One of the TIDEGATE_FORMAT_ values.
 * @param options_json  A JSON object; NULL for everything.
 * @param buffer        Receives the text, UTF-8, without a final NUL. May be
 *                      NULL only if `capacity` is 0.
 * @param capacity      Bytes that `buffer` can hold.
 * @param out_length    Receives the bytes needed, also when they did not fit.
 *
 * @return TIDEGATE_OK, also for capacity 0, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, the options are not UTF-8, or
 *                              the format is unknown;
 *         TIDEGATE_E_CONFIG    an option is unknown or mistyped;
 *         TIDEGATE_E_SPACE     capacity is too small; buffer is untouched.
 *
 * Threads: any, while nobody frees the snapshot. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_render_with(
    snapshot: *const tidegate_snapshot,
    format: u32,
    options_json: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    out_length: *mut usize,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_length", out_length)?;
        // SAFETY: the caller's promise.
        let snapshot = unsafe { snapshot.as_ref() }.ok_or_else(|| input::null("snapshot"))?;
        // SAFETY: the caller's promise.
        let options = unsafe { input::optional_text("options_json", options_json)? };
        let format = Format::from_number(format)
            .ok_or_else(|| Error::argument(format!("there is no format {format}")))?;
        let selection = options.map_or(Ok(Selection::default()), Selection::parse)?;
        let text = export::bytes(format, &snapshot.snapshot, &selection);
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_length, text.len()) };
        // SAFETY: the caller's promise.
        unsafe { output::text(&text, buffer, capacity) }
    })
}

/**
 * Frees a snapshot.
 *
 * @param snapshot  Yours to give back. NULL does nothing.
 *
 * Threads: one, after all others are done with it. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_free(snapshot: *mut tidegate_snapshot) {
    edge::run(|| {
        if !snapshot.is_null() {
            // SAFETY: the caller's promise: it came from take, and is freed once.
            drop(unsafe { Box::from_raw(snapshot) });
        }
        Ok(())
    });
}
