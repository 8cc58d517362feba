//! What happened lately.

use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::base::error::Error;
use crate::export::json::event;
use std::ffi::c_char;

/// Events that one call renders.
const MOST: usize = 1024;

/**
 * Reads what happened since `*cursor`, one JSON object a line: transitions of
 * breakers, samples of denials, evictions, blocks, changes by hand, permits
 * that came back, limits that changed.
 *
 * The region keeps the latest few thousand; a reader who comes too late is told
 * how many it lost. Each reader has a cursor of its own, and takes nothing from
 * others. As many whole lines are written as fit; call again for the rest.
 *
 * Each line has "number", "at", "age_seconds", "event", "cause", "kind" and
 * "name" of the guard, "pid", and what the event's numbers mean: "from" and
 * "to", "denied" and "limit", "evicted", "for_seconds", or "returned" and
 * "in_all". Denials of a limiter are told at most once a second, when somebody
 * who may write reads events or takes a snapshot: "denied" since the last such
 * event, and "in_all".
 *
 * @param engine      An open engine, or an observer.
 * @param cursor      Where to go on; 0 is the oldest event that is kept. Moved
 *                    behind the last line that was written; untouched when
 *                    capacity is 0.
 * @param buffer      Receives the lines, without a NUL. May be NULL when
 *                    capacity is 0.
 * @param capacity    Bytes in `buffer`; 0 to learn how many are needed now.
 * @param out_length  Receives the bytes written; or needed, when capacity is 0
 *                    or too small for the first line.
 * @param out_lost    Receives how many events this reader lost before the last
 *                    line, or before now if there is none. May be NULL.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_SPACE     the first line does not fit.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_events_read(
    engine: *mut tidegate_engine,
    cursor: *mut u64,
    buffer: *mut c_char,
    capacity: usize,
    out_length: *mut usize,
    out_lost: *mut u64,
) -> tidegate_status {
    edge::run(|| {
        output::required("cursor", cursor)?;
        output::required("out_length", out_length)?;
        if capacity > 0 {
            output::required("buffer", buffer)?;
        }
        // SAFETY: the caller's promise; checked for NULL.
        let (engine, from) = unsafe { (input::engine(engine)?, cursor.read()) };
        let (events, end) = engine.events(from, MOST);
        let mut lines = Vec::new();
        let (mut next, mut lost, mut written) = (from, 0u64, 0);
        for found in &events {
            event::write(found, &mut lines);
            if capacity > 0 && lines.len() > capacity {
                break;
            }
            written = lines.len();
            next = found.number + 1;
            lost = lost.saturating_add(found.lost_before);
        }
        if written == 0 && !lines.is_empty() {
            // SAFETY: checked for NULL; the caller's promise for the rest.
            unsafe { output::write(out_length, lines.len()) };
            return Err(Error::space(format!(
                "a line of {} bytes does not fit in {capacity}",
                lines.len()
            )));
        }
        if events.last().is_none_or(|last| last.number + 1 == next) {
            (next, lost) = (end.next, lost.saturating_add(end.lost));
        }
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe {
            output::write(out_length, written);
            output::write(out_lost, lost);
            if capacity > 0 {
                output::text(lines.get(..written).unwrap_or_default(), buffer, capacity)?;
                output::write(cursor, next);
            }
        }
        Ok(())
    })
}
