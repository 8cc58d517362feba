'use strict';
const {
  native, I, D, HANDLE, STATUS, COUNT, PERMIT_LOW, PERMIT_HIGH, SECOND_LOW, SECOND_HIGH, OUTCOME,
} = require('./native');
const { partsOf } = require('./bulkhead');
const { denied, failure } = require('./errors');
const { writeKeyOf } = require('./key');
const { checkOptions, expectFunction, invalid, kindOf } = require('./options');
const { Permit } = require('./permit');
const { run, dressed } = require('./run');

const PARTS = ['none', 'retry', 'bulkhead', 'breaker', 'throttle', 'limiter'];
const ACQUIRE_OPTIONS = { key: 'any', cost: 'number', attempt: 'number' };
const EXECUTE_OPTIONS = { ...ACQUIRE_OPTIONS, isFailure: 'function' };

function wholeNumber(rule, value) {
  if (typeof value !== 'number' || value >>> 0 !== value) throw invalid(`${rule}, and ${kindOf(value)} is none`, 'ERR_OUT_OF_RANGE');
}

/** Bulkhead, limiter, breaker, throttle and retry budget as one: one question, one report. */
class Guard {
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

  /** True, with both permits in shared memory, or false with the answer there. */
  #enter(parts, cost, attempt) {
    wholeNumber('a cost is a whole number from 1 on', cost);
    wholeNumber('attempts count from 1', attempt);
    writeKeyOf(parts, 0);
    I[HANDLE] = this.#handle;
    I[COUNT] = cost;
    D[1] = attempt;
    native.guardAcquire();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  /** Gives both permits back, which are in shared memory now. */
  #back() {
    const [low, high, secondLow, secondHigh, begun] = [I[PERMIT_LOW], I[PERMIT_HIGH], I[SECOND_LOW], I[SECOND_HIGH], D[0]];
    return (outcome, seconds) => {
      I[HANDLE] = this.#handle;
      I[PERMIT_LOW] = low;
      I[PERMIT_HIGH] = high;
      I[SECOND_LOW] = secondLow;
      I[SECOND_HIGH] = secondHigh;
      I[OUTCOME] = outcome;
      D[0] = typeof seconds === 'number' ? -1 : begun;
      D[1] = typeof seconds === 'number' ? seconds : 0;
      native.guardReport();
      return I[STATUS];
    };
  }

  #denied() {
    const part = PARTS[I[OUTCOME]] ?? 'unknown';
    return denied(part, this.#name, `guard ${this.#name}: its ${part} says no`, D[2]);
  }

  /** A permit, or the reason why there is none. */
  acquire(options) {
    const { key, cost = 1, attempt = 1 } = checkOptions('guard.acquire', options, ACQUIRE_OPTIONS);
    if (this.#enter(partsOf(key), cost, attempt)) return new Permit(this.#back());
    throw this.#denied();
  }

  /** A permit, or undefined. */
  tryAcquire(options) {
    const { key, cost = 1, attempt = 1 } = checkOptions('guard.tryAcquire', options, ACQUIRE_OPTIONS);
    return this.#enter(partsOf(key), cost, attempt) ? new Permit(this.#back()) : undefined;
  }

  execute(fn, options) {
    expectFunction('what a guard executes', fn);
    checkOptions('guard.execute', options, EXECUTE_OPTIONS);
    return this.#call(fn, undefined, undefined, options);
  }

  wrap(fn, options) {
    checkOptions('guard.wrap', options, EXECUTE_OPTIONS);
    return dressed(fn, (inner, self, args) => this.#call(inner, self, args, options));
  }

  #call(fn, self, args, options) {
    const { key, cost = 1, attempt = 1 } = options ?? {};
    const parts = partsOf(typeof key === 'function' ? key.apply(self, args ?? []) : key);
    if (!this.#enter(parts, cost, attempt)) throw this.#denied();
    const back = this.#back();
    return run(fn, self, args, options, (outcome) => back(outcome));
  }
}

module.exports = { Guard };
