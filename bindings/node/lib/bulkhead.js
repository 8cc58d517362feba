'use strict';
const { native, I, D, HANDLE, STATUS, PERMIT_LOW, PERMIT_HIGH, OUTCOME } = require('./native');
const { denied, failure } = require('./errors');
const { writeKeyOf } = require('./key');
const { checkOptions, expectFunction } = require('./options');
const { Permit } = require('./permit');
const { run, dressed } = require('./run');

const EXECUTE_OPTIONS = { isFailure: 'function', key: 'any' };

/** The parts of an option `key`: one part, or an array of them. */
function partsOf(key) {
  if (key === undefined) return [];
  return Array.isArray(key) ? key : [key];
}

class Bulkhead {
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

  #enter(parts) {
    writeKeyOf(parts, 0);
    I[HANDLE] = this.#handle;
    native.bulkheadEnter();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  #leave(low, high, begun, outcome, seconds) {
    I[HANDLE] = this.#handle;
    I[PERMIT_LOW] = low;
    I[PERMIT_HIGH] = high;
    I[OUTCOME] = outcome;
    D[0] = begun;
    D[1] = seconds;
    native.bulkheadLeave();
    return I[STATUS];
  }

  enter(...parts) {
    if (!this.#enter(parts)) return undefined;
    const low = I[PERMIT_LOW];
    const high = I[PERMIT_HIGH];
    const begun = D[0];
    return new Permit((outcome, seconds) =>
      seconds === undefined ? this.#leave(low, high, begun, outcome, 0) : this.#leave(low, high, -1, outcome, seconds),
    );
  }

  execute(fn, options) {
    expectFunction('what a bulkhead executes', fn);
    checkOptions('bulkhead.execute', options, EXECUTE_OPTIONS);
    return this.#call(fn, undefined, undefined, options);
  }

  wrap(fn, options) {
    checkOptions('bulkhead.wrap', options, EXECUTE_OPTIONS);
    return dressed(fn, (inner, self, args) => this.#call(inner, self, args, options));
  }

  #call(fn, self, args, options) {
    const key = options?.key;
    if (!this.#enter(partsOf(typeof key === 'function' ? key.apply(self, args ?? []) : key))) {
      throw denied('bulkhead', this.#name, `bulkhead ${this.#name} is full`, 0);
    }
    const low = I[PERMIT_LOW];
    const high = I[PERMIT_HIGH];
    const begun = D[0];
    return run(fn, self, args, options, (outcome) => this.#leave(low, high, begun, outcome, 0));
  }

  read() {
    I[HANDLE] = this.#handle;
    native.bulkheadRead();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return { limit: D[0], inUse: D[1], returnedFromDead: D[2] };
  }
}

module.exports = { Bulkhead, partsOf };
