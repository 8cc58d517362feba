//! Counters, gauges and histograms.

use super::opaque::tidegate_engine;
use super::status::{TIDEGATE_OK, tidegate_status};
use super::{edge, input, output};
use crate::base::error::{Error, Result};
use crate::engine::{Counter, Engine, Gauge, HistogramId};
use crate::export::hdr;
use crate::metrics::{Kind, MetricOptions};
use std::ffi::c_char;

/**
 * Names a counter: a count that only grows. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_counter {
    /** The id. */
    pub id: u64,
}

/**
 * Names a gauge: a value that moves. A plain value; zero is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_gauge {
    /** The id. */
    pub id: u64,
}

/**
 * Names a histogram: a distribution of values. A plain value; zero is never
 * valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_histogram {
    /** The id. */
    pub id: u64,
}

/// Opens a metric of any kind: the arguments are the same for all.
unsafe fn open<I, C>(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out: *mut C,
    kind: Kind,
    make: impl FnOnce(&Engine, &str, &MetricOptions) -> Result<I>,
    id: impl FnOnce(I) -> C,
) -> tidegate_status {
    edge::run(|| {
        output::required("out", out)?;
        // SAFETY: the caller's promise.
        let (engine, name, options) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::optional_text("options_json", options_json)?,
            )
        };
        let options = MetricOptions::parse(options.unwrap_or("{}"), kind)?;
        let opened = make(engine, name, &options)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out, id(opened)) };
        Ok(())
    })
}

/**
 * Opens the counter with this name and these labels, and makes it if need be.
 *
 * The same name and labels give the same counter in every process. Beyond
 * `metrics.max_series` or `metrics.max_series_per_name` it is the name's
 * overflow series, labelled otel_metric_overflow="true", so totals stay right.
 *
 * Options of every metric, all optional:
 * `{"labels":{"k":"v"},"help":"...","unit":"seconds"}`. A name is a letter or
 * `_`, then letters, digits or one of `_.:/-`, at most 255 bytes; Prometheus
 * shows `.`, `-` and `/` as `_`.
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object, or NULL. Copied.
 * @param out_counter   Receives the id. Nothing to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a text is not UTF-8, or the
 *                              name or a label is not legal;
 *         TIDEGATE_E_CONFIG    an option is unknown or impossible;
 *         TIDEGATE_E_CONFLICT  the name exists with another kind or unit, or
 *                              another name looks the same in Prometheus;
 *         TIDEGATE_E_CAPACITY  the region has no room for another name;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_counter_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out_counter: *mut tidegate_counter,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    unsafe {
        open(
            engine,
            name,
            options_json,
            out_counter,
            Kind::Counter,
            Engine::counter,
            |counter| tidegate_counter { id: counter.0 },
        )
    }
}

/**
 * Adds `amount` to a counter.
 *
 * @param engine   An open engine.
 * @param counter  From tidegate_counter_open() on the same region.
 * @param amount   How many; the total wraps after 2^64.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the counter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_counter_add(
    engine: *mut tidegate_engine,
    counter: tidegate_counter,
    amount: u64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found) if found.add_at_once(Counter(counter.id), amount) => TIDEGATE_OK,
        // SAFETY: the caller's promise.
        _ => unsafe { add_with_care(engine, counter, amount) },
    }
}

/// What remains of tidegate_counter_add() when it cannot be done at once. Apart, so that the
/// frame it needs is not paid for by every call.
#[cold]
#[inline(never)]
unsafe fn add_with_care(
    engine: *mut tidegate_engine,
    counter: tidegate_counter,
    amount: u64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.add(Counter(counter.id), amount))
}

/**
 * Reads a counter's total over all processes, threads and shards.
 *
 * @param engine     An open engine, also an observer.
 * @param counter    From tidegate_counter_open() on the same region.
 * @param out_total  Receives the total.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the counter is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_counter_value(
    engine: *mut tidegate_engine,
    counter: tidegate_counter,
    out_total: *mut u64,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_total", out_total)?;
        // SAFETY: the caller's promise.
        let total = unsafe { input::engine(engine) }?.count(Counter(counter.id))?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_total, total) };
        Ok(())
    })
}

/**
 * Opens the gauge with this name and these labels, and makes it if need be.
 *
 * The further option `"workers"` says what the gauge is when several processes
 * set it: `"last"` (the default) is one value for all; `"sum"`, `"min"` and
 * `"max"` are of what each living process said last; `"each"` shows every
 * living process with its pid. What a process said goes away with it.
 * Everything else is as for tidegate_counter_open().
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object, or NULL. Copied.
 * @param out_gauge     Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with other `workers`.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_gauge_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out_gauge: *mut tidegate_gauge,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    unsafe {
        open(
            engine,
            name,
            options_json,
            out_gauge,
            Kind::Gauge,
            Engine::gauge,
            |gauge| tidegate_gauge { id: gauge.0 },
        )
    }
}

/**
 * Sets a gauge.
 *
 * @param engine  An open engine.
 * @param gauge   From tidegate_gauge_open() on the same region.
 * @param value   Anything but NaN.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or value is NaN (counted as
 *                              dropped);
 *         TIDEGATE_E_STALE     the gauge is not one of this engine;
 *         TIDEGATE_E_CAPACITY  each process has its own value, and the table of
 *                              processes has no place for this one;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes; the last one wins. Blocks: never.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_gauge_set(
    engine: *mut tidegate_engine,
    gauge: tidegate_gauge,
    value: f64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found) if found.set_at_once(Gauge(gauge.id), value) => TIDEGATE_OK,
        // SAFETY: the caller's promise.
        _ => unsafe { change_with_care(engine, gauge, value, Engine::set) },
    }
}

/// What remains of tidegate_gauge_set() and tidegate_gauge_add() when it cannot be done at once.
#[cold]
#[inline(never)]
unsafe fn change_with_care(
    engine: *mut tidegate_engine,
    gauge: tidegate_gauge,
    number: f64,
    change: fn(&Engine, Gauge, f64) -> Result<()>,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| change(unsafe { input::engine(engine) }?, Gauge(gauge.id), number))
}

/**
 * Adds `delta`, which may be negative, to a gauge.
 *
 * @param engine  An open engine.
 * @param gauge   From tidegate_gauge_open() on the same region.
 * @param delta   A finite number.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or delta is NaN or infinite
 *                              (counted as dropped);
 *         TIDEGATE_E_STALE     the gauge is not one of this engine;
 *         TIDEGATE_E_CAPACITY  as for tidegate_gauge_set();
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_gauge_add(
    engine: *mut tidegate_engine,
    gauge: tidegate_gauge,
    delta: f64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found) if found.add_to_gauge_at_once(Gauge(gauge.id), delta) => TIDEGATE_OK,
        // SAFETY: the caller's promise.
        _ => unsafe { change_with_care(engine, gauge, delta, Engine::add_to_gauge) },
    }
}

/**
 * Reads a gauge: the value of all living processes together, their sum for
 * `"each"`; NaN for the smallest or largest of none.
 *
 * @param engine     An open engine, also an observer.
 * @param gauge      From tidegate_gauge_open() on the same region.
 * @param out_value  Receives the value.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the gauge is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_gauge_value(
    engine: *mut tidegate_engine,
    gauge: tidegate_gauge,
    out_value: *mut f64,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_value", out_value)?;
        // SAFETY: the caller's promise.
        let value = unsafe { input::engine(engine) }?.value(Gauge(gauge.id))?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_value, value) };
        Ok(())
    })
}

/**
 * Opens the histogram with this name and these labels, and makes it if need be.
 *
 * Buckets are log-linear over all positive doubles: 64 to each power of two,
 * so a quantile is within 0.8 % of the recorded value. The further option
 * `"relative_error"`, 0.002 to 0.03, asks for more or fewer. Everything else
 * is as for tidegate_counter_open().
 *
 * @param engine         An open engine.
 * @param name           The name.
 * @param options_json   A JSON object, or NULL. Copied.
 * @param out_histogram  Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with another relative error.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_histogram_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out_histogram: *mut tidegate_histogram,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    unsafe {
        open(
            engine,
            name,
            options_json,
            out_histogram,
            Kind::Histogram,
            Engine::histogram,
            |histogram| tidegate_histogram { id: histogram.0 },
        )
    }
}

/**
 * Records a value.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param value      Finite, at least 0. Seconds for a duration.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or value is NaN, infinite or
 *                              negative (counted as dropped);
 *         TIDEGATE_E_STALE     the histogram is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region had no room for its very first value;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_histogram_record(
    engine: *mut tidegate_engine,
    histogram: tidegate_histogram,
    value: f64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { input::some_engine(engine) } {
        Some(found) if found.record_at_once(HistogramId(histogram.id), value) => TIDEGATE_OK,
        // SAFETY: the caller's promise.
        _ => unsafe { record_with_care(engine, histogram, value) },
    }
}

/// What remains of tidegate_histogram_record() when it cannot be done at once.
#[cold]
#[inline(never)]
unsafe fn record_with_care(
    engine: *mut tidegate_engine,
    histogram: tidegate_histogram,
    value: f64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.record(HistogramId(histogram.id), value))
}

/**
 * Records several values with one look at the clock: all of them, or none when
 * one is refused.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param values     Each finite, at least 0. May be NULL only if `count` is 0.
 * @param count      How many.
 *
 * @return As tidegate_histogram_record().
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_histogram_record_many(
    engine: *mut tidegate_engine,
    histogram: tidegate_histogram,
    values: *const f64,
    count: usize,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, values) = unsafe {
            (
                input::engine(engine)?,
                input::slice("values", values, count)?,
            )
        };
        engine.record_many(HistogramId(histogram.id), values)
    })
}

/**
 * Records what an HdrHistogram counted: no count is lost, and each value is
 * taken at the middle of those that it could not tell apart.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param bytes      A histogram in the V2 encoding, plain or compressed, as
 *                   bytes or in base64; or a whole log, of which all
 *                   histograms are recorded.
 * @param length     Its length, at most 64 MiB, also when unpacked.
 * @param scale      How many units of the log make one of the histogram: 1e9
 *                   for nanoseconds into seconds. Finite, above 0.
 * @param out_count  Receives how many values were recorded; may be NULL.
 *                   Values beyond the largest double once scaled are not, and
 *                   are counted as dropped.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or scale is out of range;
 *         TIDEGATE_E_FORMAT    it is neither, or damaged; nothing is recorded;
 *         TIDEGATE_E_STALE     no such histogram;
 *         TIDEGATE_E_STATE     the engine is a read-only observer.
 *
 * Threads: any, also other processes. Blocks: never; allocates. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_histogram_import(
    engine: *mut tidegate_engine,
    histogram: tidegate_histogram,
    bytes: *const c_char,
    length: usize,
    scale: f64,
    out_count: *mut u64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, bytes) = unsafe {
            if bytes.is_null() {
                return Err(input::null("bytes"));
            }
            (
                input::engine(engine)?,
                input::slice("bytes", bytes.cast::<u8>(), length)?,
            )
        };
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(Error::argument(format!(
                "scale: expected a finite number above 0, found {scale}"
            )));
        }
        let values = hdr::read_values(bytes, scale)?;
        let recorded = engine.record_counts(HistogramId(histogram.id), &values)?;
        // SAFETY: the caller's promise.
        unsafe { output::write(out_count, recorded) };
        Ok(())
    })
}

/**
 * Records a value, and keeps it as an example: the newest of each power of two
 * is shown with its trace.
 *
 * @param engine     An open engine.
 * @param histogram  From tidegate_histogram_open() on the same region.
 * @param value      Finite, at least 0.
 * @param trace_id   The trace that it belongs to, cut to 64 bytes; empty for
 *                   none.
 *
 * @return As tidegate_histogram_record(); TIDEGATE_E_ARGUMENT also when
 *         `trace_id` is NULL or not UTF-8.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_histogram_record_exemplar(
    engine: *mut tidegate_engine,
    histogram: tidegate_histogram,
    value: f64,
    trace_id: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, trace_id) =
            unsafe { (input::engine(engine)?, input::text("trace_id", trace_id)?) };
        engine.record_exemplar(HistogramId(histogram.id), value, trace_id)
    })
}

/**
 * Reads the values at some quantiles, by nearest rank.
 *
 * Within 0.8 % of the recorded value unless the histogram was opened with
 * another relative error; the smallest and the largest value are exact. A
 * window is right to one time slot, a sixth of the configured window.
 *
 * @param engine          An open engine, also an observer.
 * @param histogram       From tidegate_histogram_open() on the same region.
 * @param window_seconds  The last so many seconds, at most the configured
 *                        `window_seconds`; 0 for all since it was made.
 * @param quantiles       Each 0 to 1; cheapest in ascending order.
 * @param count           How many.
 * @param out_values      Receives `count` values; NaN when there is no data.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a quantile is outside 0..1,
 *                              or the window is longer than is kept;
 *         TIDEGATE_E_STALE     the histogram is not one of this engine.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_histogram_quantiles(
    engine: *mut tidegate_engine,
    histogram: tidegate_histogram,
    window_seconds: f64,
    quantiles: *const f64,
    count: usize,
    out_values: *mut f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, quantiles, out) = unsafe {
            (
                input::engine(engine)?,
                input::slice("quantiles", quantiles, count)?,
                output::slice("out_values", out_values, count)?,
            )
        };
        engine.quantiles(HistogramId(histogram.id), window_seconds, quantiles, out)
    })
}

/**
 * Records a value by name, for callers who keep no ids; the histogram is made
 * on first use.
 *
 * Costs a look-up of the name more than tidegate_histogram_record().
 *
 * @param engine  An open engine.
 * @param name    The histogram's name.
 * @param value   Finite, at least 0.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, the name is not legal, or
 *                              value is NaN, infinite or negative (counted as
 *                              dropped);
 *         TIDEGATE_E_CONFLICT  the name exists and is no histogram;
 *         TIDEGATE_E_CAPACITY  no room for another name (counted as dropped);
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_record_metric(
    engine: *mut tidegate_engine,
    name: *const c_char,
    value: f64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    match unsafe { (input::some_engine(engine), input::some_bytes(name)) } {
        (Some(found), Some(name)) if found.record_metric_at_once(name, value) => TIDEGATE_OK,
        // SAFETY: the caller's promise.
        _ => unsafe { record_metric_with_care(engine, name, value) },
    }
}

/// What remains of tidegate_record_metric() when it cannot be done at once.
#[cold]
#[inline(never)]
unsafe fn record_metric_with_care(
    engine: *mut tidegate_engine,
    name: *const c_char,
    value: f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, name) = unsafe { (input::engine(engine)?, input::bytes("name", name)?) };
        engine.record_metric(name, value)
    })
}

/**
 * Gives the word that threads outside the library may add to atomically, to
 * count without a call.
 *
 * Add with a relaxed atomic 64-bit add and nothing else: the word is shared by
 * all threads and processes. It is one part of the total, not the total.
 *
 * @param engine    An open engine.
 * @param counter   From tidegate_counter_open() on the same region.
 * @param out_word  Receives the word's address, valid until the engine is
 *                  closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the counter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_counter_cell(
    engine: *mut tidegate_engine,
    counter: tidegate_counter,
    out_word: *mut *mut u64,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_word", out_word)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let at = engine.counter_cell(Counter(counter.id))?;
        let word = output::address(engine, at, 1)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_word, word) };
        Ok(())
    })
}
