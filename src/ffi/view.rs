//! Views: what a binding's thread compares and counts itself, beside the cells of a shard.

use super::breaker::tidegate_breaker;
use super::opaque::tidegate_engine;
use super::operation::tidegate_operation;
use super::outcome::tidegate_outcome;
use super::shard::{cells_of, tidegate_shard, tidegate_shard_cells};
use super::status::tidegate_status;
use super::{edge, input, outcome, output};
use crate::engine::{Breaker, OperationId, ShardId};
use crate::guard::breaker::view;

/** Version of the layout and the rules of tidegate_breaker_view. */
pub const TIDEGATE_BREAKER_VIEW_VERSION: u32 = 1;
/** Words at tidegate_breaker_view.successes. */
pub const TIDEGATE_BREAKER_VIEW_WORDS: u32 = 4;

const _: () = assert!(TIDEGATE_BREAKER_VIEW_WORDS as usize == view::GENERATIONS);

/**
 * How a shard's owner lets calls through a breaker without a call into the
 * library.
 *
 * Before: read *state and *pass. If they are equal, and the low 32 bits of
 * *failing are 0, the call goes on, without a permit; keep what *state was, as
 * `passed`. Else ask tidegate_breaker_acquire(), as without a view.
 *
 * After a call that passed: if it succeeded, took no more than slow_ns (when
 * that is not 0), *state and *pass are both still `passed`, and the low half of
 * *failing is still 0: add 1 to successes[(passed >> 16) & 3], in the numbers
 * that the shard was opened for. Else tidegate_breaker_report_passed(), once.
 *
 * Read each word at once, as an atomic of 64 bits or in two halves, and read
 * them anew each time. Two that are compared in halves are equal if both halves
 * are. No order among the reads is needed.
 *
 * The words are equal as long as the breaker is closed and a further success
 * needs no judgement: then at least `minimum_calls` are in the window, and their
 * rates are below the thresholds. They are never equal for a breaker whose
 * window is one of calls, whose `slow_call_seconds` is below a nanosecond, or
 * before a new breaker has its minimum of calls. Whatever changes the breaker's
 * state changes *state in the same step.
 *
 * Successes that were added belong to the window. Which time slot they belong to
 * is seen when somebody reports through a call or ticks: call tidegate_tick() at
 * least every slot_ns, or they may leave the window later than they should, by
 * as long as nobody looked.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_breaker_view {
    /** The breaker's state. */
    pub state: *const u64,
    /** The state in which calls pass without asking, or 0. */
    pub pass: *const u64,
    /** The low 32 bits are not 0 while a success must be reported. */
    pub failing: *const u64,
    /** TIDEGATE_BREAKER_VIEW_WORDS counts of the shard's owner, who alone adds to them. */
    pub successes: *mut u64,
    /** A call that took more nanoseconds must be reported; 0: none is slow. */
    pub slow_ns: u64,
    /** Length of a time slot of the window, in nanoseconds. */
    pub slot_ns: u64,
}

/**
 * Gives the words by which a shard's owner lets calls through a breaker; they are
 * made on first use.
 *
 * @param engine    An open engine.
 * @param shard     From tidegate_shard_open().
 * @param breaker   From tidegate_breaker_open().
 * @param out_view  Receives the addresses, valid until the shard or the engine is
 *                  closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or breaker is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_shard_breaker(
    engine: *mut tidegate_engine,
    shard: tidegate_shard,
    breaker: tidegate_breaker,
    out_view: *mut tidegate_breaker_view,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_view", out_view)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let found = engine.shard_breaker(ShardId(shard.id), Breaker(breaker.id))?;
        let view = tidegate_breaker_view {
            state: output::address(engine, found.state, 1)?,
            pass: output::address(engine, found.pass, 1)?,
            failing: output::address(engine, found.failing, 1)?,
            successes: output::address(engine, found.successes, view::GENERATIONS)?,
            slow_ns: found.slow_ns,
            slot_ns: found.slot_ns,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_view, view) };
        Ok(())
    })
}

/**
 * Tells how a call ended that passed a breaker by a tidegate_breaker_view, where
 * the view says so. It counts as a report through tidegate_breaker_report() does,
 * with one difference: nobody can notice a second one.
 *
 * @param engine   An open engine.
 * @param breaker  From tidegate_breaker_open() on the same region.
 * @param passed   What the state was when the call passed.
 * @param outcome  How the call ended.
 * @param seconds  How long the call took: finite, at least 0.
 *
 * @return TIDEGATE_OK, also when the breaker has changed its state since and the
 *         call does not count; or
 *         TIDEGATE_E_ARGUMENT  engine is NULL, or outcome or seconds is none;
 *         TIDEGATE_E_STALE     the breaker is not one of this engine, or never
 *                              let calls pass in this state;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any, also other processes. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_breaker_report_passed(
    engine: *mut tidegate_engine,
    breaker: tidegate_breaker,
    passed: u64,
    outcome: tidegate_outcome,
    seconds: f64,
) -> tidegate_status {
    edge::run(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let outcome = outcome::read(outcome)?;
        engine.report_passed(Breaker(breaker.id), passed, outcome, seconds)
    })
}

/** Version of the layout and the rules of tidegate_operation_view. */
pub const TIDEGATE_OPERATION_VIEW_VERSION: u32 = 1;

/**
 * Where a shard's owner counts the successful calls of one operation.
 *
 * To record a success of v seconds, about which no more is to be said: let b and
 * i be as for tidegate_shard_cells. If i, as an unsigned number, is below
 * octaves << fraction_bits, v is at most slow_seconds, b is at most *floor, and
 * bit (i & 63) of *split is 0: record v in the cells, then add 1 to *successes,
 * in the numbers that the shard was opened for. Else, and for every call that
 * failed, was ignored, or has a detail or a trace: tidegate_operation_record()
 * or its like.
 *
 * Read *floor and *split each time. The floor is the shortest of the slowest
 * calls of the present time slot; when a slot begins, tidegate_tick() lowers it.
 * Calls between the beginning of a slot and the next tick may be missing among
 * the slowest, and count in a later slot than they belong to; no call is missing
 * elsewhere.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_operation_view {
    /** How long calls took. */
    pub cells: tidegate_shard_cells,
    /** A count of the shard's owner, who alone adds to it. */
    pub successes: *mut u64,
    /** Bits of a double, in seconds: a longer call must be reported. */
    pub floor: *const u64,
    /** A set of 64 bits: a call in one of these buckets must be reported. */
    pub split: *const u64,
    /** A longer call must be reported; +infinity: none is slow. */
    pub slow_seconds: f64,
}

/**
 * Gives the words where a shard's owner counts the successful calls of one
 * operation; they are made on first use.
 *
 * @param engine     An open engine.
 * @param shard      From tidegate_shard_open().
 * @param operation  From tidegate_operation_open().
 * @param out_view   Receives the addresses, valid until the shard or the engine is
 *                   closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or operation is not one of this engine;
 *         TIDEGATE_E_CAPACITY  the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_shard_operation(
    engine: *mut tidegate_engine,
    shard: tidegate_shard,
    operation: tidegate_operation,
    out_view: *mut tidegate_operation_view,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_view", out_view)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let found = engine.shard_operation(ShardId(shard.id), OperationId(operation.id))?;
        let view = tidegate_operation_view {
            cells: cells_of(engine, &found.histogram)?,
            successes: output::address(engine, found.successes, 1)?,
            floor: output::address(engine, found.floor, 1)?,
            split: output::address(engine, found.split, 1)?,
            slow_seconds: found.slow_seconds,
        };
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_view, view) };
        Ok(())
    })
}
