//! Versions, names of codes, the last error.

use super::status::{self, tidegate_status};
use super::{edge, output};
use std::ffi::c_char;

/**
 * Tells which ABI the loaded library has: `major << 16 | minor << 8 | patch`.
 *
 * Compare it with TIDEGATE_ABI_VERSION, the header's: the same major is the
 * same ABI.
 *
 * @return The library's version number.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub extern "C" fn tidegate_abi_version() -> u32 {
    const fn number(text: &str) -> u32 {
        let (mut value, mut at) = (0, 0);
        while at < text.len() {
            value = value * 10 + (text.as_bytes()[at] - b'0') as u32;
            at += 1;
        }
        value
    }
    const {
        number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
            | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
            | number(env!("CARGO_PKG_VERSION_PATCH"))
    }
}

/**
 * Tells the loaded library's version as text, such as "0.1.0".
 *
 * @return A NUL-terminated text that lives as long as the library.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub extern "C" fn tidegate_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/**
 * Tells the name of a status, such as "TIDEGATE_E_STALE".
 *
 * @param status  Any number.
 *
 * @return A NUL-terminated text that lives as long as the library.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub extern "C" fn tidegate_status_name(status: tidegate_status) -> *const c_char {
    status::name(status).as_ptr()
}

/**
 * Copies the sentence of this thread's last error.
 *
 * It stays until the next error of the thread; calls that succeed leave it.
 *
 * @param buffer    Receives as much as fits, and a NUL. May be NULL.
 * @param capacity  Bytes that `buffer` can hold, the NUL included.
 *
 * @return The sentence's length in bytes without the NUL; 0 when there was no
 *         error yet.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_last_error(buffer: *mut c_char, capacity: usize) -> usize {
    edge::last_error(|text| {
        // SAFETY: the caller's promise: `buffer` is NULL or has room for `capacity` bytes.
        unsafe { output::truncated(text, buffer, capacity) };
        text.len()
    })
}
