'use strict';
const { native, I, D, W, HANDLE, STATUS, LENGTH, ABSENT, PERMIT_LOW, PERMIT_HIGH, OUTCOME } = require('./native');
const { failure } = require('./errors');
const { writeText } = require('./key');
const { bits, distributionOf, exact, halves, UPPER } = require('./metrics');
const { checkOptions, expectFunction, expectNumber, expectString } = require('./options');
const { SUCCESS, outcomeOf, run, dressed } = require('./run');

const DETAIL = { code: 'string', message: 'string', detail: 'string', traceId: 'string' };
const RUN_OPTIONS = { isFailure: 'function' };

/** A short name for what was thrown: its code, else its class. */
function codeOf(error) {
  const code = error?.code ?? error?.name;
  if (typeof code === 'string' && code !== '') return code.slice(0, 128);
  return typeof code === 'number' ? String(code) : `thrown ${typeof error}`;
}

function writeCode(code) {
  if (code === undefined) I[LENGTH] = ABSENT;
  else writeText(expectString('an error code', code));
}

const NONE = new Float64Array(0);
const NO_VIEW = { arrays: [NONE, NONE, NONE], split: new Int32Array(0), before: 0, shift: 0, first: 0, successes: 0, slow: 0 };

/** The words in which this thread counts quick successes; undefined where every call is told. */
function viewOf(handle, keep) {
  I[HANDLE] = handle;
  const buffers = native.operationView();
  if (buffers === undefined) return undefined;
  const [successes, slow] = [D[4] | 0, D[5]];
  return { ...distributionOf(buffers, keep), split: new Int32Array(buffers[3]), successes, slow };
}

/** One kind of work: latency, outcome and error code together. */
class Operation {
  #handle;
  #name;
  /** As a histogram's, and among the cells, before the counts, this thread's successes. */
  #cells;
  #sum;
  #before;
  #shift;
  #first;
  #successes;
  /** A longer call is one of the slowest, or slow. */
  #floor;
  #slow;
  /** Buckets, by the last six bits of their numbers, that the core tells apart further. */
  #split;

  /** @internal */
  constructor(handle, name, view = NO_VIEW) {
    this.#handle = handle;
    this.#name = name;
    [this.#cells, this.#sum, this.#floor] = view.arrays;
    this.#before = view.before;
    this.#shift = view.shift;
    this.#first = view.first;
    this.#successes = view.successes;
    this.#slow = view.slow;
    this.#split = view.split;
  }

  /** Counts a success that is nothing special; false: tell the core. */
  #counted(seconds) {
    if (!(seconds > 0 && seconds <= this.#floor[0] && seconds <= this.#slow)) return false;
    bits[0] = seconds;
    const cells = this.#cells;
    const at = (halves[UPPER] >>> this.#shift) - this.#first;
    const bucket = at - this.#before;
    if (bucket < 0 || at >= cells.length || (this.#split[((bucket >>> 5) & 1) ^ UPPER ^ 1] >>> (bucket & 31)) & 1) return false;
    cells[at] += 1;
    this.#sum[0] += seconds;
    if (seconds < cells[0]) cells[0] = seconds;
    if (seconds > cells[1]) cells[1] = seconds;
    cells[this.#successes] += 1;
    return true;
  }

  get name() {
    return this.#name;
  }

  record(seconds, outcome = 'success', errorCode = undefined) {
    if (outcome === 'success' && errorCode === undefined && typeof seconds === 'number' && this.#counted(seconds)) return;
    const number = outcomeOf(outcome);
    writeCode(errorCode);
    I[HANDLE] = this.#handle;
    I[OUTCOME] = number;
    D[0] = expectNumber('seconds', seconds);
    native.operationRecord();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  /** As record(), with what there is to say about this one call. */
  recordDetail(seconds, outcome, said) {
    const { code, message, detail, traceId } = checkOptions('operation.recordDetail', said, DETAIL);
    I[HANDLE] = this.#handle;
    I[OUTCOME] = outcomeOf(outcome);
    D[0] = expectNumber('seconds', seconds);
    native.operationRecordDetail(code, message, detail, traceId);
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  /** Begins a call; `end(outcome, errorCode)` of what it gives records it, once. */
  begin() {
    if (this.#cells.length !== 0) {
      native.clock();
      const begun = D[0];
      return new Started((outcome, code) => this.#took(begun, outcome, code));
    }
    const [low, high] = this.#begin();
    return new Started((outcome, code) => this.#end(low, high, outcome, code));
  }

  /** Ends what began then by the clock of this process. */
  #took(begun, outcome, code) {
    native.clock();
    const seconds = (D[0] - begun) / 1e9;
    if (outcome === SUCCESS && code === undefined && this.#counted(seconds)) return 0;
    writeCode(code);
    I[HANDLE] = this.#handle;
    I[OUTCOME] = outcome;
    D[0] = seconds;
    native.operationRecord();
    return I[STATUS];
  }

  #begin() {
    I[HANDLE] = this.#handle;
    native.operationBegin();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return [I[PERMIT_LOW], I[PERMIT_HIGH]];
  }

  #end(low, high, outcome, code) {
    writeCode(code);
    I[HANDLE] = this.#handle;
    I[PERMIT_LOW] = low;
    I[PERMIT_HIGH] = high;
    I[OUTCOME] = outcome;
    native.operationEnd();
    return I[STATUS];
  }

  /** Calls `fn` and records how long it took and how it, or its promise, ended. */
  run(fn, options) {
    expectFunction('what an operation runs', fn);
    checkOptions('operation.run', options, RUN_OPTIONS);
    return this.#call(fn, undefined, undefined, options);
  }

  /** A function that does the same whenever it is called. */
  wrap(fn, options) {
    checkOptions('operation.wrap', options, RUN_OPTIONS);
    return dressed(fn, (inner, self, args) => this.#call(inner, self, args, options));
  }

  #call(fn, self, args, options) {
    if (this.#cells.length !== 0) {
      native.clock();
      const begun = D[0];
      return run(fn, self, args, options, (outcome, error) => this.#took(begun, outcome, outcome === SUCCESS ? undefined : codeOf(error)));
    }
    const [low, high] = this.#begin();
    return run(fn, self, args, options, (outcome, error) =>
      this.#end(low, high, outcome, outcome === 0 ? undefined : codeOf(error)),
    );
  }

  read(windowSeconds = 0) {
    I[HANDLE] = this.#handle;
    D[0] = expectNumber('windowSeconds', windowSeconds);
    native.operationRead();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return {
      count: exact(W[0]),
      successes: exact(W[1]),
      failures: exact(W[2]),
      ignored: exact(W[3]),
      slow: exact(W[4]),
      ratePerSecond: D[5],
      successRatio: D[6],
      errorRate: D[7],
      average: D[8],
      p50: D[9],
      p90: D[10],
      p95: D[11],
      p99: D[12],
      p999: D[13],
      min: D[14],
      max: D[15],
    };
  }
}

/** A call under way. */
class Started {
  #end;

  constructor(end) {
    this.#end = end;
  }

  end(outcome = 'success', errorCode = undefined) {
    const end = this.#end;
    if (end === undefined) return;
    this.#end = undefined;
    const status = end(outcomeOf(outcome), errorCode);
    if (status < 0) throw failure(status);
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.end();
  }
}

module.exports = { Operation, viewOf, codeOf };
