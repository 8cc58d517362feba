'use strict';
const { native, I, D, HANDLE, STATUS, COUNT, PERMIT_LOW, PERMIT_HIGH, OUTCOME } = require('./native');
const { denied, failure } = require('./errors');
const { checkOptions, expectFunction, invalid, kindOf, nearest } = require('./options');
const { Permit } = require('./permit');
const { run, dressed } = require('./run');

const PHASES = ['closed', 'open', 'half_open', 'forced_open', 'disabled', 'forced_closed', 'metrics_only'];
const WORDS = PHASES.map((phase) => phase.replace('_', '-'));
const REASONS = ['none', 'failure_rate', 'slow_call_rate', 'consecutive_failures', 'probes', 'forced'];
const RUN_OPTIONS = { isFailure: 'function' };

class Breaker {
  #handle;
  #name;
  #timed;

  /** @internal */
  constructor(handle, name, config) {
    this.#handle = handle;
    this.#name = name;
    // The clock is read only where somebody asks how long calls took.
    this.#timed = config === undefined || config.slow_call_seconds !== undefined ? 1 : 0;
  }

  get name() {
    return this.#name;
  }

  /** Takes a permit: true, with the permit in shared memory, or false. */
  #enter() {
    I[HANDLE] = this.#handle;
    I[COUNT] = this.#timed;
    native.breakerAcquire();
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
    native.breakerReport();
    return I[STATUS];
  }

  #denied() {
    I[HANDLE] = this.#handle;
    native.breakerRead();
    const is = WORDS[D[0]] ?? 'not closed';
    return denied('breaker', this.#name, `breaker ${this.#name} is ${is}`, D[8]);
  }

  acquire() {
    if (!this.#enter()) return undefined;
    const low = I[PERMIT_LOW];
    const high = I[PERMIT_HIGH];
    const begun = D[0];
    return new Permit((outcome, seconds) =>
      seconds === undefined ? this.#leave(low, high, begun, outcome, 0) : this.#leave(low, high, -1, outcome, seconds),
    );
  }

  execute(fn, options) {
    expectFunction('what a breaker executes', fn);
    if (options !== undefined) checkOptions('breaker.execute', options, RUN_OPTIONS);
    return this.#call(fn, undefined, undefined, options);
  }

  wrap(fn, options) {
    checkOptions('breaker.wrap', options, RUN_OPTIONS);
    return dressed(fn, (inner, self, args) => this.#call(inner, self, args, options));
  }

  #call(fn, self, args, options) {
    if (!this.#enter()) throw this.#denied();
    const low = I[PERMIT_LOW];
    const high = I[PERMIT_HIGH];
    const begun = D[0];
    // A report that comes too late changes nothing: neither the result nor the error.
    return run(fn, self, args, options, (outcome) => this.#leave(low, high, begun, outcome, 0));
  }

  get state() {
    I[HANDLE] = this.#handle;
    native.breakerState();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return PHASES[I[OUTCOME]] ?? 'unknown';
  }

  setMode(mode) {
    const phase = PHASES.indexOf(mode);
    if (phase < 0) {
      const meant = typeof mode === 'string' ? nearest(mode, PHASES) : undefined;
      throw invalid(
        `a mode is one of ${PHASES.join(', ')}, not ${kindOf(mode)}${meant ? `; did you mean ${meant}?` : ''}`,
        'ERR_INVALID_ARG_VALUE',
      );
    }
    I[HANDLE] = this.#handle;
    I[OUTCOME] = phase;
    native.breakerSetMode();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  read() {
    I[HANDLE] = this.#handle;
    native.breakerRead();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return {
      phase: PHASES[D[0]] ?? 'unknown',
      reason: REASONS[D[1]] ?? 'unknown',
      generation: D[2],
      calls: D[3],
      failures: D[4],
      slowCalls: D[5],
      failureRate: D[6],
      slowCallRate: D[7],
      retryAfter: D[8],
      openedCount: D[9],
      permitsOut: D[10],
      trippedCalls: D[11],
      trippedFailures: D[12],
      trippedSlowCalls: D[13],
      trippedAge: D[14],
    };
  }
}

module.exports = { Breaker };
