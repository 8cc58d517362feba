// Counters, gauges, histograms.
//
// A counter and a histogram are written in JavaScript, into cells of a shard that this thread
// alone writes: memory of the region, seen through typed arrays. When the engine closes, the
// arrays are detached; they have length 0 then, every fast path below fails its one comparison,
// and the slow path says what is wrong.
'use strict';
const { native, I, D, W, HANDLE, STATUS, COUNT } = require('./native');
const { failure } = require('./errors');
const { writeText } = require('./key');
const { invalid, kindOf, expectNumber, expectString } = require('./options');
const { isThenable } = require('./run');

/** Cells hold doubles, exact to 2^53. Below half of that they go on for ever: see #add. */
const FULL = 2 ** 52;
const NONE = new Float64Array(0);
const TWO_64 = 1n << 64n;

/** A number while it is exact, else a bigint: how 64-bit counts are given back everywhere. */
function exact(value) {
  return value <= 9007199254740991n ? Number(value) : value;
}

function done() {
  if (I[STATUS] < 0) throw failure(I[STATUS]);
}

/** Children of a name by their labels, bounded: a child that fell out is simply found again. */
class Children {
  #of = new Map();
  #make;

  constructor(make) {
    this.#make = make;
  }

  get(labels) {
    if (typeof labels !== 'object' || labels === null) {
      throw invalid(`labels must be an object, not ${kindOf(labels)}`);
    }
    let key = '';
    for (const name in labels) key += `${name}\u0001${labels[name]}\u0002`;
    let child = this.#of.get(key);
    if (child === undefined) {
      child = this.#make(labels);
      if (this.#of.size >= 4096) this.#of.clear();
      this.#of.set(key, child);
    }
    return child;
  }
}

class Counter {
  #handle;
  #cell;
  #children;

  /** @internal */
  constructor(handle, cells, children) {
    this.#handle = handle;
    this.#cell = cells === undefined ? NONE : cells;
    this.#children = new Children(children);
  }

  inc(amount = 1) {
    if (typeof amount === 'number' && amount >>> 0 === amount) {
      const next = this.#cell[0] + amount;
      if (next <= FULL) {
        this.#cell[0] = next;
        return;
      }
    }
    this.#add(amount);
  }

  /** What a cell does not hold: amounts from 2^32 on, or a cell that is full, closed or missing. */
  #add(amount) {
    let whole = amount;
    if (typeof amount === 'number' && Number.isInteger(amount)) whole = BigInt(amount);
    if (typeof whole !== 'bigint' || whole < 0n || whole >= TWO_64) {
      throw invalid(`a counter grows by whole numbers from 0 to 2^64 - 1, not by ${kindOf(amount)}`, 'ERR_OUT_OF_RANGE');
    }
    I[HANDLE] = this.#handle;
    W[0] = whole;
    native.counterAdd();
    done();
  }

  get value() {
    I[HANDLE] = this.#handle;
    native.counterValue();
    done();
    return exact(W[0]);
  }

  with(labels) {
    return this.#children.get(labels);
  }
}

class Gauge {
  #handle;
  #children;

  /** @internal */
  constructor(handle, _, children) {
    this.#handle = handle;
    this.#children = new Children(children);
  }

  set(value) {
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('the value of a gauge', value);
    native.gaugeSet();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  add(delta) {
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('the change of a gauge', delta);
    native.gaugeAdd();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  inc(delta = 1) {
    this.add(delta);
  }

  dec(delta = 1) {
    this.add(-expectNumber('the change of a gauge', delta));
  }

  get value() {
    I[HANDLE] = this.#handle;
    native.gaugeValue();
    done();
    return D[0];
  }

  with(labels) {
    return this.#children.get(labels);
  }
}

/** The upper half of a double's bits tells its bucket. */
const bits = new Float64Array(1);
const halves = new Int32Array(bits.buffer);
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0];

class Histogram {
  #handle;
  /** The smallest and the largest value, then from #before on the counts. */
  #cells = NONE;
  #sum = NONE;
  #shift = 0;
  #first = 0;
  #before = 0;
  #children;

  /** @internal */
  constructor(handle, cells, children) {
    this.#handle = handle;
    this.#children = new Children(children);
    if (cells !== undefined) {
      [this.#cells, this.#sum] = cells.arrays;
      this.#before = cells.before;
      this.#shift = cells.shift;
      this.#first = cells.first;
    }
  }

  record(value) {
    if (typeof value === 'number' && value > 0) {
      bits[0] = value;
      const cells = this.#cells;
      const at = (halves[UPPER] >>> this.#shift) - this.#first;
      if (at >= this.#before && at < cells.length) {
        cells[at] += 1;
        this.#sum[0] += value;
        if (value < cells[0]) cells[0] = value;
        if (value > cells[1]) cells[1] = value;
        return;
      }
    }
    this.#call(value);
  }

  /** Zero, values outside the cells' buckets, and what is refused. */
  #call(value) {
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('a recorded value', value);
    native.histogramRecord();
    done();
  }

  /** As record(), and keeps the trace as an example of its bucket. */
  recordExemplar(value, traceId) {
    writeText(expectString('a trace id', traceId));
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('a recorded value', value);
    native.histogramRecordExemplar();
    done();
  }

  recordMany(values) {
    const array = values instanceof Float64Array ? values : Float64Array.from(values, (value) => expectNumber('a recorded value', value));
    I[HANDLE] = this.#handle;
    native.histogramRecordMany(array);
    done();
  }

  importHdr(log, scale = 1) {
    const bytes = typeof log === 'string' ? Buffer.from(log) : log;
    if (!(bytes instanceof Uint8Array)) throw invalid(`an HdrHistogram is a string or a Uint8Array, not ${kindOf(log)}`);
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('scale', scale);
    native.histogramImport(bytes);
    done();
    return exact(W[0]);
  }

  quantiles(quantiles, windowSeconds = 0) {
    const values = [];
    for (let at = 0; at < quantiles.length; at += 15) {
      const part = quantiles.slice(at, at + 15);
      I[HANDLE] = this.#handle;
      I[COUNT] = part.length;
      D[0] = expectNumber('windowSeconds', windowSeconds);
      part.forEach((quantile, i) => {
        D[1 + i] = expectNumber('a quantile', quantile);
      });
      native.histogramQuantiles();
      done();
      for (let i = 0; i < part.length; i++) values.push(D[1 + i]);
    }
    return values;
  }

  quantile(quantile, windowSeconds = 0) {
    return this.quantiles([quantile], windowSeconds)[0];
  }

  startTimer() {
    return new Timer(this);
  }

  /** Calls `fn`, and records how long it took, or how long its promise took to settle. */
  time(fn, ...args) {
    const begun = performance.now();
    let result;
    try {
      result = fn(...args);
    } catch (error) {
      this.record((performance.now() - begun) / 1000);
      throw error;
    }
    const settled = () => this.record((performance.now() - begun) / 1000);
    if (!isThenable(result)) {
      settled();
      return result;
    }
    return result.then(
      (value) => {
        settled();
        return value;
      },
      (error) => {
        settled();
        throw error;
      },
    );
  }

  with(labels) {
    return this.#children.get(labels);
  }
}

/** A running time; `stop()` or the end of a `using` block records it, once. */
class Timer {
  #histogram;
  #begun = performance.now();

  /** @internal */
  constructor(histogram) {
    this.#histogram = histogram;
  }

  stop() {
    if (this.#histogram === undefined) return undefined;
    const seconds = (performance.now() - this.#begun) / 1000;
    this.#histogram.record(seconds);
    this.#histogram = undefined;
    return seconds;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.stop();
  }
}

/** The typed arrays over a counter's or histogram's cells; undefined where there is no room. */
function cellsOf(kind, handle, keep) {
  I[HANDLE] = handle;
  if (kind === 'counter') {
    const buffer = native.counterCell();
    if (buffer === undefined) return undefined;
    keep.push(buffer);
    return new Float64Array(buffer);
  }
  if (kind === 'histogram') {
    const buffers = native.histogramCells();
    return buffers === undefined ? undefined : distributionOf(buffers, keep);
  }
  return undefined;
}

/** The same, with where the buckets are, of buffers that the core gave just now. */
function distributionOf(buffers, keep) {
  keep.push(...buffers);
  // Whole numbers, or what is computed from them would be doubles.
  const [firstOctave, fractionBits, before] = [D[0] | 0, D[2] | 0, D[3] | 0];
  return {
    arrays: buffers.map((buffer) => new Float64Array(buffer)),
    shift: 20 - fractionBits,
    first: (firstOctave << fractionBits) - before,
    before,
  };
}

module.exports = { Counter, Gauge, Histogram, cellsOf, distributionOf, exact, bits, halves, UPPER };
