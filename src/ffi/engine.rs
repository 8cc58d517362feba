//! Opening, attaching and closing engines; the manual clock.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::engine::Engine;
use crate::engine::options::Options;
use std::ffi::c_char;
use std::path::Path;

/**
 * Opens an engine as `config_json` says.
 *
 * With a region path, every process that opens the same path sees the same
 * numbers, and the first one makes the region. Without one the region has no
 * name: only children forked afterwards share it. A child uses its parent's
 * engine as it is; nothing needs to be opened again.
 *
 * Opening never resets anything: limiters, counts and clock of a region that
 * exists stay as they are.
 *
 * @param config_json  A JSON object, or NULL for the defaults. Copied; yours
 *                     again on return.
 * @param out_engine   Receives the engine. You own it: give it back with
 *                     tidegate_engine_close().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  out_engine is NULL, or the text is not UTF-8;
 *         TIDEGATE_E_CONFIG    a field is unknown, mistyped or impossible;
 *         TIDEGATE_E_CONFLICT  the region was made with other limits, or a
 *                              limiter exists with another configuration;
 *         TIDEGATE_E_CAPACITY  the limiters do not fit in the region;
 *         TIDEGATE_E_SYSTEM    the file could not be made, opened, reserved
 *                              or mapped, is a symbolic link, or belongs to
 *                              another user;
 *         TIDEGATE_E_FORMAT    the file is not a region, is damaged, or has a
 *                              layout that this library cannot read.
 *
 * Threads: any. Blocks: on file I/O. Since 0.1.
 */
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tidegate_engine_open(
    config_json: *const c_char,
    out_engine: *mut *mut tidegate_engine,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_engine", out_engine)?;
        // SAFETY: the caller's promise.
        let config = unsafe { input::optional_text("config_json", config_json)? };
        let engine = Engine::open(config.unwrap_or("{}"))?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_engine, Box::into_raw(Box::new(tidegate_engine(engine)))) };
        Ok(())
    })
}

/**
 * Opens the region at `path` to look at it, and changes nothing of it.
 *
 * An observer can read and take snapshots while others write, and after they
 * were all killed. Whatever would write returns TIDEGATE_E_STATE.
 *
 * @param path        The region's file.
 * @param out_engine  Receives the engine. You own it: give it back with
 *                    tidegate_engine_close().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT   a pointer is NULL, or path is not UTF-8;
 *         TIDEGATE_E_NOT_FOUND  there is no file;
 *         TIDEGATE_E_SYSTEM     it could not be opened or mapped, is a symbolic
 *                               link, or belongs to another user;
 *         TIDEGATE_E_FORMAT     it is not a region, is damaged, or has a layout
 *                               that this library cannot read.
 *
 * Threads: any. Blocks: on file I/O. Since 0.1.
 */
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tidegate_engine_attach(
    path: *const c_char,
    out_engine: *mut *mut tidegate_engine,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_engine", out_engine)?;
        // SAFETY: the caller's promise.
        let path = unsafe { input::text("path", path)? };
        let engine = Engine::attach(Path::new(path))?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_engine, Box::into_raw(Box::new(tidegate_engine(engine)))) };
        Ok(())
    })
}

/**
 * Closes an engine; the region lives on in other processes and in its file.
 *
 * In a forked child it closes the child's view only. Ids from this engine must
 * not be used with it any more, and no other thread may be inside a call.
 *
 * @param engine  Yours to give back. NULL does nothing.
 *
 * Threads: one, after all others are done with it. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_engine_close(engine: *mut tidegate_engine) {
    edge::run(|| {
        if !engine.is_null() {
            // SAFETY: the caller's promise: it came from open or attach, and is closed once.
            drop(unsafe { Box::from_raw(engine) });
        }
        Ok(())
    });
}

/**
 * Checks a configuration document without opening anything.
 *
 * @param config_json  A JSON object.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  config_json is NULL or not UTF-8;
 *         TIDEGATE_E_CONFIG    a field is unknown, mistyped or impossible;
 *                              tidegate_last_error() names it.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_config_check(config_json: *const c_char) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        Options::parse(unsafe { input::text("config_json", config_json)? }).map(drop)
    })
}

/**
 * Moves the clock of an engine with `{"clock":"manual"}` on, for every process
 * that shares the region.
 *
 * @param engine  An open engine.
 * @param by_ns   Nanoseconds; time stops at the end of its range.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the clock is real, or the engine an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_clock_advance(
    engine: *mut tidegate_engine,
    by_ns: u64,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.advance_clock(by_ns))
}
