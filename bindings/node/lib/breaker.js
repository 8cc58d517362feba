'use strict';
const { native, I, D, HANDLE, STATUS, COUNT, PERMIT_LOW, PERMIT_HIGH, OUTCOME } = require('./native');
const { denied, failure } = require('./errors');
const { checkOptions, expectFunction, invalid, kindOf, nearest } = require('./options');
const { Permit } = require('./permit');
const { SUCCESS, run, dressed } = require('./run');

const PHASES = ['closed', 'open', 'half_open', 'forced_open', 'disabled', 'forced_closed', 'metrics_only'];
const WORDS = PHASES.map((phase) => phase.replace('_', '-'));
const REASONS = ['none', 'failure_rate', 'slow_call_rate', 'consecutive_failures', 'probes', 'forced'];
const RUN_OPTIONS = { isFailure: 'function' };

/** An engine without room for cells, an observer, a manual clock: the breaker is asked by calls. */
const NO_VIEW = {
  words: new Int32Array(0), pass: new Int32Array(0), successes: new Float64Array(0), state: 0, failing: 0, low: 0, slowNs: 0, isTimed: true,
};

/**
 * The words by which this thread lets calls through a closed breaker without a call; undefined where
 * time slots would end between two ticks, `tickMs` apart.
 */
function viewOf(handle, keep, tickMs) {
  I[HANDLE] = handle;
  const buffers = native.breakerView();
  if (buffers === undefined || D[4] < tickMs * 1e6) return undefined;
  keep.push(...buffers);
  return {
    words: new Int32Array(buffers[0]),
    pass: new Int32Array(buffers[1]),
    successes: new Float64Array(buffers[2]),
    state: D[0] | 0,
    failing: D[1] | 0,
    low: D[2] | 0,
    slowNs: D[3],
    isTimed: D[3] !== 0,
  };
}

class Breaker {
  #handle;
  #name;
  /** Whether somebody asks how long calls took: only then is the clock read. */
  #timed;
  #slowNs;
  /** The breaker's words as halves, and which of them is what; detached on close. */
  #words;
  #pass;
  #state;
  #stateHigh;
  #failing;
  #low;
  /** Calls that passed and succeeded, of this thread, in four slots by turns. */
  #successes;

  /** @internal */
  constructor(handle, name, view = NO_VIEW) {
    this.#handle = handle;
    this.#name = name;
    this.#timed = view.isTimed ? 1 : 0;
    this.#slowNs = view.slowNs;
    this.#words = view.words;
    this.#pass = view.pass;
    this.#state = view.state;
    this.#stateHigh = view.state ^ 1;
    this.#failing = view.failing;
    this.#low = view.low;
    this.#successes = view.successes;
  }

  get name() {
    return this.#name;
  }

  /** Whether the state is this one, and calls pass in it. */
  #passes(low, high) {
    const words = this.#words;
    const pass = this.#pass;
    return (
      words.length !== 0 &&
      words[this.#state] === low && words[this.#stateHigh] === high &&
      pass[this.#low] === low && pass[this.#low ^ 1] === high &&
      words[this.#failing] === 0
    );
  }

  /** Nanoseconds, where it matters how long calls take. */
  #clock() {
    if (this.#timed === 0) return 0;
    native.clock();
    return D[0];
  }

  /** After a call that passed in this state; `seconds` where the caller says so. */
  #passed(low, high, begun, outcome, seconds) {
    const took = seconds === undefined ? this.#clock() - begun : seconds * 1e9;
    if (outcome === SUCCESS && seconds === undefined && took <= this.#slowNs && this.#passes(low, high)) {
      this.#successes[(low >>> 16) & 3] += 1;
      return 0;
    }
    I[HANDLE] = this.#handle;
    I[PERMIT_LOW] = low;
    I[PERMIT_HIGH] = high;
    I[OUTCOME] = outcome;
    D[1] = took / 1e9;
    native.breakerReportPassed();
    return I[STATUS];
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
    const stateLow = this.#words[this.#state];
    const stateHigh = this.#words[this.#stateHigh];
    if (this.#passes(stateLow, stateHigh)) {
      const since = this.#clock();
      return new Permit((outcome, seconds) => this.#passed(stateLow, stateHigh, since, outcome, seconds));
    }
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
    const stateLow = this.#words[this.#state];
    const stateHigh = this.#words[this.#stateHigh];
    if (this.#passes(stateLow, stateHigh)) {
      const since = this.#clock();
      return run(fn, self, args, options, (outcome) => this.#passed(stateLow, stateHigh, since, outcome));
    }
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

module.exports = { Breaker, viewOf };
