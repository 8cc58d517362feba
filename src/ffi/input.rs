//! UNSAFE. Pointers from C become references here, once, after the checks that can be made.
//!
//! Each function relies on the one promise that a C caller makes: a pointer that is not NULL points
//! to what the header says, for the length of the call.

use super::opaque::tidegate_engine;
use crate::base::error::{Error, Result};
use crate::engine::Engine;
use std::ffi::{CStr, c_char};

/// The engine behind `engine`.
///
/// # Safety
/// `engine` is NULL or came from an open or attach and was not closed.
#[inline(always)]
pub unsafe fn engine<'a>(engine: *const tidegate_engine) -> Result<&'a Engine> {
    // SAFETY: by the contract above.
    match unsafe { engine.as_ref() } {
        Some(engine) => Ok(&engine.0),
        None => Err(null("engine")),
    }
}

/// The engine, if there is one.
///
/// # Safety
/// As [`engine`].
#[inline(always)]
pub unsafe fn some_engine<'a>(engine: *const tidegate_engine) -> Option<&'a Engine> {
    // SAFETY: by the contract above.
    unsafe { engine.as_ref() }.map(|engine| &engine.0)
}

/// The bytes of a NUL-terminated text.
///
/// # Safety
/// `text` is NULL or points to bytes that end with a NUL.
#[inline(always)]
pub unsafe fn bytes<'a>(what: &str, text: *const c_char) -> Result<&'a [u8]> {
    if text.is_null() {
        return Err(null(what));
    }
    // SAFETY: by the contract above.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The bytes of a NUL-terminated text, if there is one.
///
/// # Safety
/// As [`bytes`].
#[inline(always)]
pub unsafe fn some_bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: by the contract above.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A NUL-terminated UTF-8 text.
///
/// # Safety
/// As [`bytes`].
pub unsafe fn text<'a>(what: &str, text: *const c_char) -> Result<&'a str> {
    // SAFETY: by the contract above.
    let bytes = unsafe { bytes(what, text)? };
    std::str::from_utf8(bytes).map_err(|cause| {
        Error::argument(format!(
            "{what} is not UTF-8 from byte {}",
            cause.valid_up_to()
        ))
    })
}

/// A NUL-terminated UTF-8 text that may be absent.
///
/// # Safety
/// As [`bytes`].
pub unsafe fn optional_text<'a>(what: &str, given: *const c_char) -> Result<Option<&'a str>> {
    if given.is_null() {
        return Ok(None);
    }
    // SAFETY: by the contract above.
    unsafe { text(what, given) }.map(Some)
}

/// The `count` values from `values`.
///
/// # Safety
/// `values` is NULL or points to `count` values.
#[inline(always)]
pub unsafe fn slice<'a, T>(what: &str, values: *const T, count: usize) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if values.is_null() {
        return Err(null(what));
    }
    check_count::<T>(what, count)?;
    // SAFETY: by the contract above; the length was checked.
    Ok(unsafe { std::slice::from_raw_parts(values, count) })
}

/// A key: NULL for none, or any bytes.
///
/// # Safety
/// `key` is NULL or points to `length` bytes.
#[inline(always)]
pub unsafe fn key<'a>(key: *const c_char, length: usize) -> Result<Option<&'a [u8]>> {
    if key.is_null() {
        return if length == 0 {
            Ok(None)
        } else {
            Err(null("key"))
        };
    }
    check_count::<u8>("key", length)?;
    // SAFETY: by the contract above; the length was checked.
    Ok(Some(unsafe {
        std::slice::from_raw_parts(key.cast(), length)
    }))
}

/// A key: NULL for none, or any bytes; None when it is neither.
///
/// # Safety
/// As [`key()`].
#[inline(always)]
pub unsafe fn some_key<'a>(key: *const c_char, length: usize) -> Option<Option<&'a [u8]>> {
    if key.is_null() {
        return (length == 0).then_some(None);
    }
    let fits = length <= isize::MAX as usize;
    // SAFETY: by the contract above; the length was checked.
    fits.then(|| Some(unsafe { std::slice::from_raw_parts(key.cast(), length) }))
}

#[inline(always)]
pub fn check_count<T>(what: &str, count: usize) -> Result<()> {
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Error::argument(format!(
            "{what}: {count} are more than memory can hold"
        )));
    }
    Ok(())
}

#[cold]
pub fn null(what: &str) -> Error {
    Error::argument(format!("{what} is NULL"))
}
