//! UNSAFE. Out-parameters and callers' buffers.

use super::input::{check_count, null};
use crate::base::error::{Error, Result};
use crate::engine::Engine;
use std::ffi::c_char;

/// Refuses an out-parameter that is NULL, before anything is done.
#[inline(always)]
pub fn required<T>(what: &str, out: *mut T) -> Result<()> {
    if out.is_null() {
        Err(null(what))
    } else {
        Ok(())
    }
}

/// Writes `value` to `out`, if the caller wants it.
///
/// # Safety
/// `out` is NULL or points to a place for one `T`.
#[inline(always)]
pub unsafe fn write<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: by the contract above.
        unsafe { out.write(value) };
    }
}

/// The caller's room for `count` values.
///
/// # Safety
/// `out` is NULL or points to `count` values that nobody else uses during the call.
pub unsafe fn slice<'a>(what: &str, out: *mut f64, count: usize) -> Result<&'a mut [f64]> {
    if count == 0 {
        return Ok(&mut []);
    }
    required(what, out)?;
    check_count::<f64>(what, count)?;
    // SAFETY: by the contract above; the length was checked.
    Ok(unsafe { std::slice::from_raw_parts_mut(out, count) })
}

/// Copies `text` to the caller's buffer, if it fits.
///
/// # Safety
/// `buffer` is NULL or has room for `capacity` bytes.
pub unsafe fn text(text: &[u8], buffer: *mut c_char, capacity: usize) -> Result<()> {
    if capacity == 0 {
        return Ok(());
    }
    required("buffer", buffer)?;
    if text.len() > capacity {
        return Err(Error::space(format!(
            "{} bytes do not fit in {capacity}",
            text.len()
        )));
    }
    // SAFETY: by the contract above, and the text fits; it is memory of the library's own.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len()) };
    Ok(())
}

/// Copies as much of `text` as fits, cut between characters, and a NUL.
///
/// # Safety
/// `buffer` is NULL or has room for `capacity` bytes.
pub unsafe fn truncated(text: &str, buffer: *mut c_char, capacity: usize) {
    let Some(room) = capacity.checked_sub(1).filter(|_| !buffer.is_null()) else {
        return;
    };
    let mut length = text.len().min(room);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    // SAFETY: by the contract above: `length` and the NUL are at most `capacity` bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), length);
        buffer.add(length).write(0);
    }
}

/// The address of word `at` of the region, with `count` words behind it.
pub fn address(engine: &Engine, at: usize, count: usize) -> Result<*mut u64> {
    engine
        .region()
        .words()
        .slice(at, count)
        .map(|words| words.as_ptr().cast_mut().cast())
        .ok_or_else(|| Error::format("the region's tables are damaged"))
}
