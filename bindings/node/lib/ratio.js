// Ratios, such as a cache's, and states by name.
'use strict';
const { native, I, D, W, HANDLE, STATUS } = require('./native');
const { failure } = require('./errors');
const { writeText } = require('./key');
const { exact } = require('./metrics');
const { expectNumber, expectString, invalid, kindOf } = require('./options');

function wholeOf(what, value) {
  if (typeof value === 'bigint' && value >= 0n && value < 1n << 64n) return value;
  if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  throw invalid(`${what} are whole numbers of at least 0, not ${kindOf(value)}`, 'ERR_OUT_OF_RANGE');
}

/** Hits and misses, of a cache or a pool. */
class Ratio {
  #handle;

  /** @internal */
  constructor(handle) {
    this.#handle = handle;
  }

  record(hits, misses = 0) {
    I[HANDLE] = this.#handle;
    W[0] = wholeOf('hits', hits);
    W[1] = wholeOf('misses', misses);
    native.ratioRecord();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  /** Hits, misses and the share of hits (NaN without any), over a window or since it was made. */
  read(windowSeconds = 0) {
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('windowSeconds', windowSeconds);
    native.ratioRead();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return { hits: exact(W[0]), misses: exact(W[1]), ratio: D[2] };
  }

  hit() {
    this.record(1, 0);
  }

  miss() {
    this.record(0, 1);
  }
}

/** One of a few named states. */
class StateSet {
  #handle;

  /** @internal */
  constructor(handle) {
    this.#handle = handle;
  }

  set(state) {
    writeText(expectString('a state', state));
    I[HANDLE] = this.#handle;
    native.enumSet();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }
}

module.exports = { Ratio, StateSet };
