//! What is so rather than how much: info and enum metrics, and reported errors.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::EnumId;
use crate::metrics::{Kind, MetricOptions};
use std::ffi::c_char;

/**
 * Names an enum: something that is in one of a few states. A plain value; zero
 * is never valid.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_enum {
    /** The id. */
    pub id: u64,
}

/**
 * Sets the labels of the info metric `name`, such as a version or a build, and
 * makes it if need be. What it said before is replaced; the last one wins.
 *
 * In Prometheus, `build` is the gauge build_info, which is always 1.
 *
 * @param engine       An open engine.
 * @param name         The name.
 * @param labels_json  A JSON object of strings, such as `{"version":"1.2"}`, at
 *                     most 2,048 bytes. Copied.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, a text is not UTF-8, the name
 *                              or a label is not legal, or all of them are too
 *                              long;
 *         TIDEGATE_E_CONFIG    the labels are no JSON object of strings;
 *         TIDEGATE_E_CONFLICT  the name exists with another kind;
 *         TIDEGATE_E_CAPACITY  the region has no room for another name;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_info_set(
    engine: *mut tidegate_engine,
    name: *const c_char,
    labels_json: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, name, labels) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::text("labels_json", labels_json)?,
            )
        };
        engine.set_info(name, labels)
    })
}

/**
 * Opens the enum with this name and these labels, and makes it if need be. It
 * begins in its first state.
 *
 * Options are those of tidegate_counter_open(), and `"states"`, a list of 1 to
 * 64 different texts of at most 128 bytes, which must be given. In Prometheus
 * each state is a sample, 1 for the current one and 0 for the others, with a
 * label named as the metric.
 *
 * @param engine        An open engine.
 * @param name          The name.
 * @param options_json  A JSON object. Copied.
 * @param out_enum      Receives the id. Nothing to free.
 *
 * @return As tidegate_counter_open(); TIDEGATE_E_CONFLICT also when the name
 *         exists with other states.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_enum_open(
    engine: *mut tidegate_engine,
    name: *const c_char,
    options_json: *const c_char,
    out_enum: *mut tidegate_enum,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_enum", out_enum)?;
        // SAFETY: the caller's promise.
        let (engine, name, options) = unsafe {
            (
                input::engine(engine)?,
                input::text("name", name)?,
                input::text("options_json", options_json)?,
            )
        };
        let options = MetricOptions::parse(options, Kind::Enum)?;
        let id = engine.enumeration(name, &options)?.0;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_enum, tidegate_enum { id }) };
        Ok(())
    })
}

/**
 * Says which state an enum is in now.
 *
 * @param engine       An open engine.
 * @param enumeration  From tidegate_enum_open() on the same region.
 * @param state        One of its states.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or state is none of its
 *                              states;
 *         TIDEGATE_E_STALE     the enum is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes; the last one wins. Blocks: never.
 * Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_enum_set(
    engine: *mut tidegate_engine,
    enumeration: tidegate_enum,
    state: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, state) = unsafe { (input::engine(engine)?, input::text("state", state)?) };
        engine.set_state(EnumId(enumeration.id), state)
    })
}

/**
 * Counts an error in the region's log of distinct errors: what happened, how
 * often, when first and last, and which process said so last.
 *
 * 128 distinct ones are told apart, by code and text together; further ones are
 * only counted. So the text is what errors of one cause have in common, without
 * ids or times.
 *
 * @param engine  An open engine.
 * @param code    What went wrong, in a word; not empty. Cut to 64 bytes.
 * @param text    The same in a sentence, or NULL. Cut to 192 bytes.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine or code is NULL, code is empty, or a text
 *                              is not UTF-8;
 *         TIDEGATE_E_CAPACITY  the region has no room for the log;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_error_report(
    engine: *mut tidegate_engine,
    code: *const c_char,
    text: *const c_char,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let (engine, code, text) = unsafe {
            (
                input::engine(engine)?,
                input::text("code", code)?,
                input::optional_text("text", text)?,
            )
        };
        engine.report_error(code, text.unwrap_or_default())
    })
}
