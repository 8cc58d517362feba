// The only file that knows C: finds the addon, and has the views of the memory that both sides
// see. The offsets are those of `struct arena` in src/values.h.
'use strict';
const path = require('node:path');

function packageOf() {
  if (process.platform !== 'linux') return `@tidegate/${process.platform}-${process.arch}`;
  const report = process.report?.getReport();
  const libc = report && !report.header.glibcVersionRuntime ? 'musl' : 'gnu';
  return `@tidegate/linux-${process.arch}-${libc}`;
}

function load() {
  const own = path.join(__dirname, '../build/tidegate.node');
  try {
    return require(own);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
  }
  const name = packageOf();
  try {
    return require(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error(
      `tidegate: there is no native part for this machine: ${name} is not installed. ` +
        'Were optional dependencies left out (npm install --omit=optional), or node_modules copied from ' +
        'another kind of machine? In a checkout, `npm run prepare` builds it with cargo and cc.',
      { cause: error },
    );
  }
}

// A copy: the addon's own object is a dictionary, and looking up a function there costs half a call.
const native = { ...load() };
const I = new Int32Array(native.arena, 0, 10);
const D = new Float64Array(native.arena, 40, 16);
const W = new BigUint64Array(native.arena, 168, 16);
const U = new Uint32Array(native.arena, 168, 32);
const TEXT_AT = 296;
const TEXT_BYTES = 64 * 1024;
const T = new Uint8Array(native.arena, TEXT_AT, TEXT_BYTES);

native.abi();
if (native.arenaLayout !== 1 || D[0] >>> 16 !== D[1] >>> 16) {
  throw new Error('tidegate: the native part does not belong to this JavaScript: reinstall the package');
}

module.exports = {
  native,
  /** Int32: handle, length, count, status, permit low, high, second low, high, outcome. */
  I,
  /** Doubles. */
  D,
  /** The same words where every bit matters. */
  W,
  /** And as halves. */
  U,
  /** Bytes of a key or short text. */
  T,
  HANDLE: 0,
  LENGTH: 1,
  COUNT: 2,
  STATUS: 3,
  PERMIT_LOW: 4,
  PERMIT_HIGH: 5,
  SECOND_LOW: 6,
  SECOND_HIGH: 7,
  OUTCOME: 8,
  ABSENT: -1,
  KIND: {
    counter: 3,
    gauge: 4,
    histogram: 5,
    limiter: 6,
    operation: 7,
    ratio: 8,
    enum: 9,
    breaker: 10,
    throttle: 11,
    bulkhead: 12,
    retry: 13,
    guard: 14,
  },
};
