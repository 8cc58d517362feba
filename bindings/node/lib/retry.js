'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { native, I, W, HANDLE, STATUS, COUNT } = require('./native');
const { denied, failure } = require('./errors');
const { checkOptions, expectFunction, expectNumber, invalid, kindOf } = require('./options');
const { dressed } = require('./run');

const RUN_OPTIONS = { signal: 'object', shouldRetry: 'function', retryAfter: 'function' };
const LONGEST_MS = 2 ** 31 - 1;

function nanoseconds(what, seconds) {
  const ns = expectNumber(what, seconds) * 1e9;
  if (!(ns >= 0)) throw invalid(`${what} must be at least 0, not ${kindOf(seconds)}`, 'ERR_OUT_OF_RANGE');
  return BigInt(Math.round(Math.min(ns, 1.8e19)));
}

/** What an error says about when to come again, in seconds: `retryAfter`, or the header's text. */
function saidBy(error) {
  if (typeof error?.retryAfter === 'number' && error.retryAfter > 0) return error.retryAfter;
  const header = error?.response?.headers?.get?.('retry-after') ?? error?.headers?.get?.('retry-after');
  return header === undefined || header === null ? 0 : secondsOf(header);
}

/** Retry-After: seconds or a date. */
function secondsOf(header) {
  const text = String(header).trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, (at - Date.now()) / 1000);
}

/** Waits, unless the signal says otherwise: then rejects with its reason. */
async function wait(seconds, signal) {
  try {
    await sleep(Math.min(Math.ceil(seconds * 1000), LONGEST_MS), undefined, { signal });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

class Retry {
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

  /** Seconds to wait before this attempt (the first is 1), or undefined: give up. */
  next(attempt, elapsed = 0, retryAfter = 0) {
    if (typeof attempt !== 'number' || attempt >>> 0 !== attempt) {
      throw invalid(`attempts count from 1, and ${kindOf(attempt)} is none`, 'ERR_OUT_OF_RANGE');
    }
    W[1] = nanoseconds('elapsed', elapsed);
    W[2] = nanoseconds('retryAfter', retryAfter);
    I[HANDLE] = this.#handle;
    I[COUNT] = attempt;
    if (elapsed === 0 && retryAfter === 0) native.retryNext();
    else native.retryNextAfter();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return I[STATUS] === 0 ? Number(W[0]) / 1e9 : undefined;
  }

  run(fn, options) {
    expectFunction('what is retried', fn);
    checkOptions('retry.run', options, RUN_OPTIONS);
    return this.#run((attempt) => fn({ attempt, signal: options?.signal }), options);
  }

  wrap(fn, options) {
    checkOptions('retry.wrap', options, RUN_OPTIONS);
    return dressed(fn, (inner, self, args) => this.#run(() => inner.apply(self, args), options));
  }

  async #run(call, { signal, shouldRetry, retryAfter } = {}) {
    const begun = performance.now();
    signal?.throwIfAborted();
    if (this.next(1) === undefined) throw denied('retry', this.#name, `retry ${this.#name} admits no attempt`, 0);
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(attempt);
      } catch (error) {
        if (signal?.aborted || error?.name === 'AbortError') throw error;
        if (shouldRetry !== undefined && !(await shouldRetry(error, attempt))) throw error;
        const asked = retryAfter === undefined ? saidBy(error) : (retryAfter(error) ?? 0);
        const delay = this.next(attempt + 1, (performance.now() - begun) / 1000, asked);
        if (delay === undefined) throw error;
        await wait(delay, signal);
      }
    }
  }
}

module.exports = { Retry, wait, secondsOf };
