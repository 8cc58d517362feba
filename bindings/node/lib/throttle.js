'use strict';
const { native, I, HANDLE, STATUS, OUTCOME } = require('./native');
const { denied, failure } = require('./errors');
const { checkOptions, expectFunction } = require('./options');
const { outcomeOf, run, dressed } = require('./run');

const RUN_OPTIONS = { isFailure: 'function' };

/** Client-side adaptive throttling: denies what a struggling server would deny anyway. */
class Throttle {
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

  acquire() {
    I[HANDLE] = this.#handle;
    native.throttleAcquire();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  report(outcome) {
    if (this.#report(outcomeOf(outcome)) < 0) throw failure(I[STATUS]);
  }

  #report(outcome) {
    I[HANDLE] = this.#handle;
    I[OUTCOME] = outcome;
    native.throttleReport();
    return I[STATUS];
  }

  execute(fn, options) {
    expectFunction('what a throttle executes', fn);
    checkOptions('throttle.execute', options, RUN_OPTIONS);
    return this.#call(fn, undefined, undefined, options);
  }

  wrap(fn, options) {
    checkOptions('throttle.wrap', options, RUN_OPTIONS);
    return dressed(fn, (inner, self, args) => this.#call(inner, self, args, options));
  }

  #call(fn, self, args, options) {
    if (!this.acquire()) throw denied('throttle', this.#name, `throttle ${this.#name} holds calls back`, 0);
    return run(fn, self, args, options, (outcome) => this.#report(outcome));
  }
}

module.exports = { Throttle };
