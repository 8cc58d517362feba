//! Snapshots: take, render, read back, subtract, merge, free.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::base::error::Error;
use crate::export::{self, Format, Selection};
use crate::snapshot::Snapshot;
use std::ffi::c_char;
use std::sync::{Arc, Mutex};

/**
 * Everything that a region held at one time. Opaque; never changes.
 */
pub struct tidegate_snapshot {
    snapshot: Snapshot,
    rendered: [Rendered; FORMATS],
}

/// One format as it was rendered before: asking for the length costs nothing twice.
///
/// Nobody waits for it. A child that is forked while another thread of its parent is in here finds
/// it taken for ever, and then renders whenever it is asked; the bytes are the same.
#[derive(Default)]
struct Rendered(Mutex<Option<Arc<Vec<u8>>>>);

impl Rendered {
    fn get(&self, render: impl FnOnce() -> Vec<u8>) -> Arc<Vec<u8>> {
        let found = self.0.try_lock().ok().and_then(|kept| kept.clone());
        found.unwrap_or_else(|| {
            let made = Arc::new(render());
            if let Ok(mut kept) = self.0.try_lock() {
                *kept = Some(made.clone());
            }
            made
        })
    }
}

/// Gives `snapshot` to the caller.
///
/// # Safety
/// `out` points to a place for a pointer.
unsafe fn hand_over(snapshot: Snapshot, out: *mut *mut tidegate_snapshot) {
    let boxed = Box::new(tidegate_snapshot {
        snapshot,
        rendered: Default::default(),
    });
    // SAFETY: by the contract above.
    unsafe { output::write(out, Box::into_raw(boxed)) };
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
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { hand_over(snapshot, out_snapshot) };
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
 * Threads: any, while nobody frees the snapshot. Blocks: never. Since 0.1.
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
        export::check(chosen, &snapshot.snapshot)?;
        let text = place.get(|| {
            let mut out = Vec::new();
            export::write(chosen, &snapshot.snapshot, &mut out);
            out
        });
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_length, text.len()) };
        // SAFETY: the caller's promise.
        unsafe { output::text(&text, buffer, capacity) }
    })
}

/**
 * Writes a part of a snapshot as text into a buffer of yours.
 *
 * The options, each of which may be missing:
 *
 * - `"names":["http.*","queue.depth"]` keeps metrics and guards with these
 *   names; `*` stands for anything. Health is always that of the whole.
 * - `"created":true` lets OpenMetrics say since when each counter and
 *   histogram counts.
 * - `"buckets":true` writes the buckets into JSON, so that
 *   tidegate_snapshot_parse() can read the document.
 * - `"since":{…}` is such a document, rendered earlier: only what was counted
 *   since then is written, as tidegate_snapshot_delta() has it.
 *
 * As tidegate_snapshot_render() otherwise, but renders in each call.
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
 *         TIDEGATE_E_CONFLICT  "since" is of something else, as
 *                              tidegate_snapshot_delta() says;
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
        let text = export::bytes(format, &snapshot.snapshot, &selection)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_length, text.len()) };
        // SAFETY: the caller's promise.
        unsafe { output::text(&text, buffer, capacity) }
    })
}

/**
 * Reads a snapshot back from its JSON document.
 *
 * The document must have been rendered with `{"buckets":true}`, here or on
 * another host. The snapshot holds its metrics, slowest calls and reported
 * errors; nothing of guards, workers, the host and health.
 *
 * @param text          The document, UTF-8; need not end with a NUL.
 * @param length        Its length in bytes, at most 64 MiB.
 * @param out_snapshot  Receives the snapshot. You own it: give it back with
 *                      tidegate_snapshot_free().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_FORMAT    it is no such document; the message names the
 *                              field.
 *
 * Threads: any. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_parse(
    text: *const c_char,
    length: usize,
    out_snapshot: *mut *mut tidegate_snapshot,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_snapshot", out_snapshot)?;
        // SAFETY: the caller's promise.
        let text = unsafe { input::slice("text", text.cast::<u8>(), length)? };
        let snapshot = export::json::read::parse(text)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { hand_over(snapshot, out_snapshot) };
        Ok(())
    })
}

/**
 * What was counted between two snapshots of one region.
 *
 * The earlier snapshot is the cursor: one that you kept, or that
 * tidegate_snapshot_parse() read, of whichever process. Totals are later minus
 * earlier, buckets one by one; a series that is new counts from zero; gauges,
 * infos, enums and windows are those of the later snapshot. When the region was
 * made anew in between, which its id tells, the difference is all it holds.
 *
 * The result renders as JSON (`"since"`, and `"interval"` for `"lifetime"`),
 * OTLP with delta temporality, StatsD with counters, and HdrHistogram's log,
 * not as Prometheus text, which wants totals, and not as health.
 *
 * @param earlier       A snapshot.
 * @param later         A later one of the same region.
 * @param out_snapshot  Receives the difference. You own it: give it back with
 *                      tidegate_snapshot_free().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or the earlier snapshot is the
 *                              later one;
 *         TIDEGATE_E_CONFLICT  one of them is a difference, they are merged of
 *                              different regions, or limited to different
 *                              names.
 *
 * Threads: any, while nobody frees the snapshots. Blocks: never; allocates.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_delta(
    earlier: *const tidegate_snapshot,
    later: *const tidegate_snapshot,
    out_snapshot: *mut *mut tidegate_snapshot,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_snapshot", out_snapshot)?;
        // SAFETY: the caller's promise.
        let earlier = unsafe { earlier.as_ref() }.ok_or_else(|| input::null("earlier"))?;
        // SAFETY: the caller's promise.
        let later = unsafe { later.as_ref() }.ok_or_else(|| input::null("later"))?;
        let difference = later.snapshot.since_snapshot(&earlier.snapshot)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { hand_over(difference, out_snapshot) };
        Ok(())
    })
}

/**
 * Two snapshots of different regions as one, such as of two hosts.
 *
 * Counters, histograms, operations, ratios and errors with the same name and
 * labels are added up, histograms bucket by bucket: counts stay exact, and
 * quantiles within the larger relative error of the two. Gauges, infos and
 * enums stay beside each other, with the label `tidegate_source`. The order of
 * merging does not matter. Two differences merge too. The result has what
 * tidegate_snapshot_parse() gives.
 *
 * @param one           A snapshot.
 * @param other         A snapshot of another region.
 * @param out_snapshot  Receives the merged one. You own it: give it back with
 *                      tidegate_snapshot_free().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_CONFLICT  they share a region, a name has two kinds or
 *                              units, their windows differ in length, or one
 *                              is a difference; the message says which.
 *
 * Threads: any, while nobody frees the snapshots. Blocks: never; allocates.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_snapshot_merge(
    one: *const tidegate_snapshot,
    other: *const tidegate_snapshot,
    out_snapshot: *mut *mut tidegate_snapshot,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_snapshot", out_snapshot)?;
        // SAFETY: the caller's promise.
        let one = unsafe { one.as_ref() }.ok_or_else(|| input::null("one"))?;
        // SAFETY: the caller's promise.
        let other = unsafe { other.as_ref() }.ok_or_else(|| input::null("other"))?;
        let merged = one.snapshot.merge(&other.snapshot)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { hand_over(merged, out_snapshot) };
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_forked_thread_left_taken_is_rendered_each_time() {
        let rendered = Rendered::default();
        let taken = rendered.0.lock();
        for time in 1..=3u8 {
            assert_eq!(*rendered.get(|| vec![time]), [time]);
        }
        drop(taken);
        assert_eq!(*rendered.get(|| vec![4]), [4]);
        assert_eq!(*rendered.get(|| unreachable!("it is kept")), [4]);
    }
}
