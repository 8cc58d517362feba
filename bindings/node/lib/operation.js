'use strict';
const { native, I, D, W, HANDLE, STATUS, LENGTH, ABSENT, PERMIT_LOW, PERMIT_HIGH, OUTCOME } = require('./native');
const { failure } = require('./errors');
const { writeText } = require('./key');
const { exact } = require('./metrics');
const { checkOptions, expectFunction, expectNumber, expectString } = require('./options');
const { outcomeOf, run, dressed } = require('./run');

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

/** One kind of work: latency, outcome and error code together. */
class Operation {
  #handle;
  #name;

  /** @internal */
  constructor(handle, name) {
    this.#handle = handle;
    this.#name = name;
  }

  get name() {
    return this.#name;
  }

  record(seconds, outcome = 'success', errorCode = undefined) {
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
    const [low, high] = this.#begin();
    return new Started((outcome, code) => this.#end(low, high, outcome, code));
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

module.exports = { Operation, codeOf };
