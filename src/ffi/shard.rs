//! Shards: cells that a binding's thread writes itself.

use super::metric::{tidegate_counter, tidegate_histogram};
use super::opaque::tidegate_engine;
use super::status::tidegate_status;
use super::{edge, input, output};
use crate::base::error::{Error, Result};
use crate::cell::shard;
use crate::engine::{Counter, Engine, HistogramId, Numbers, ShardHistogram, ShardId};

/**
 * Names a shard: cells that one thread outside the library writes alone, with
 * plain stores and without a call, and that are part of every total.
 *
 * Layout version 1. A counter is one word. A histogram is a sum, two extremes
 * and a row of bucket counts; see tidegate_shard_cells. Sums and extremes are
 * doubles; counts are what the shard was opened for. A shard that is closed, or
 * whose process dies, is handed to the next thread that opens one, with its
 * numbers: add to what is there, never set.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_shard {
    /** The id. */
    pub id: u64,
}

/** Version of the layout of tidegate_shard_cells. */
pub const TIDEGATE_SHARD_LAYOUT_VERSION: u32 = 1;
/** Counts of a shard are unsigned 64-bit integers. */
pub const TIDEGATE_SHARD_INTEGERS: u32 = 0;
/** Counts of a shard are doubles holding whole numbers below 2^53. */
pub const TIDEGATE_SHARD_DOUBLES: u32 = 1;

const _: () = assert!(TIDEGATE_SHARD_LAYOUT_VERSION == shard::LAYOUT_VERSION);

/**
 * Where a shard's owner counts one histogram.
 *
 * To record a value v, at least 0: let b be the 64 bits of the double v, and
 * i = (b >> (52 - fraction_bits)) - (first_octave << fraction_bits). If i, as
 * an unsigned number, is below octaves << fraction_bits: add 1 to counts[i],
 * add v to *sum, lower extremes[0] and raise extremes[1] to v. Else call
 * tidegate_histogram_record(). Write counts first.
 */
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidegate_shard_cells {
    /** Bucket counts, `octaves << fraction_bits` of them. */
    pub counts: *mut u64,
    /** The sum, a double. */
    pub sum: *mut u64,
    /** The smallest and the largest value, two doubles; +infinity and 0 at first. */
    pub extremes: *mut u64,
    /** Biased exponent of the first bucket. */
    pub first_octave: u32,
    /** How many powers of two there are. */
    pub octaves: u32,
    /** Bits of the fraction that tell buckets apart. */
    pub fraction_bits: u32,
    /** 0. */
    pub reserved: u32,
}

/**
 * Takes a shard for the calling thread.
 *
 * @param engine     An open engine.
 * @param numbers    One of the TIDEGATE_SHARD_ values.
 * @param out_shard  Receives the id. Give it back with tidegate_shard_close().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL, or numbers is unknown;
 *         TIDEGATE_E_CAPACITY  all shards are taken, or the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_shard_open(
    engine: *mut tidegate_engine,
    numbers: u32,
    out_shard: *mut tidegate_shard,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_shard", out_shard)?;
        let numbers = match numbers {
            TIDEGATE_SHARD_INTEGERS => Numbers::Integers,
            TIDEGATE_SHARD_DOUBLES => Numbers::Doubles,
            _ => return Err(Error::argument(format!("numbers is 0 or 1, not {numbers}"))),
        };
        // SAFETY: the caller's promise.
        let shard = unsafe { input::engine(engine) }?.open_shard(numbers)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_shard, tidegate_shard { id: shard.0 }) };
        Ok(())
    })
}

/**
 * Gives a shard back. Its numbers stay in the totals; its addresses must not be
 * written to any more.
 *
 * @param engine  An open engine.
 * @param shard   From tidegate_shard_open().
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STALE     the shard is not one of this engine, or closed;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_shard_close(
    engine: *mut tidegate_engine,
    shard: tidegate_shard,
) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.close_shard(ShardId(shard.id)))
}

/**
 * Gives the word where a shard's owner counts one counter.
 *
 * @param engine    An open engine.
 * @param shard     From tidegate_shard_open().
 * @param counter   From tidegate_counter_open().
 * @param out_word  Receives the word's address, valid until the shard or the
 *                  engine is closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or counter is not one of this engine;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_shard_counter(
    engine: *mut tidegate_engine,
    shard: tidegate_shard,
    counter: tidegate_counter,
    out_word: *mut *mut u64,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_word", out_word)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let at = engine.shard_counter(ShardId(shard.id), Counter(counter.id))?;
        let word = output::address(engine, at, 1)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_word, word) };
        Ok(())
    })
}

/**
 * Gives the cells where a shard's owner counts one histogram; they are made on
 * first use.
 *
 * @param engine     An open engine.
 * @param shard      From tidegate_shard_open().
 * @param histogram  From tidegate_histogram_open().
 * @param out_cells  Receives the addresses, valid until the shard or the engine
 *                   is closed. Not yours to free.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  a pointer is NULL;
 *         TIDEGATE_E_STALE     the shard or histogram is not this engine's;
 *         TIDEGATE_E_CAPACITY  the region is full;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_shard_histogram(
    engine: *mut tidegate_engine,
    shard: tidegate_shard,
    histogram: tidegate_histogram,
    out_cells: *mut tidegate_shard_cells,
) -> tidegate_status {
    edge::run(|| {
        output::required("out_cells", out_cells)?;
        // SAFETY: the caller's promise.
        let engine = unsafe { input::engine(engine)? };
        let found = engine.shard_histogram(ShardId(shard.id), HistogramId(histogram.id))?;
        let cells = cells_of(engine, &found)?;
        // SAFETY: checked for NULL; the caller's promise for the rest.
        unsafe { output::write(out_cells, cells) };
        Ok(())
    })
}

/// The addresses of a histogram's cells.
pub fn cells_of(engine: &Engine, found: &ShardHistogram) -> Result<tidegate_shard_cells> {
    Ok(tidegate_shard_cells {
        counts: output::address(engine, found.counts, shard::OCTAVES << found.bits)?,
        sum: output::address(engine, found.sum, 1)?,
        extremes: output::address(engine, found.extremes, 2)?,
        first_octave: shard::FIRST_OCTAVE as u32,
        octaves: shard::OCTAVES as u32,
        fraction_bits: found.bits,
        reserved: 0,
    })
}

/**
 * Takes the checkpoints of windows that are due, and says that this process is
 * alive.
 *
 * Recording through calls does this by itself. Owners of shards call it at
 * least once in a time slot (a sixth of `window_seconds`), or their values
 * count in a later slot than they belong to.
 *
 * @param engine  An open engine.
 *
 * @return TIDEGATE_OK, or
 *         TIDEGATE_E_ARGUMENT  engine is NULL;
 *         TIDEGATE_E_STATE     the engine is an observer.
 *
 * Threads: any. Blocks: never. Since 0.1.
 */
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_tick(engine: *mut tidegate_engine) -> tidegate_status {
    // SAFETY: the caller's promise.
    edge::run(|| unsafe { input::engine(engine) }?.tick())
}
