// What fetch() and undici's dispatcher share: an attempt at a call to another service, and when to try
// again.
'use strict';
const { denied } = require('./errors');
const { secondsOf } = require('./retry');

const OPTIONS = {
  breaker: 'string|object|function',
  throttle: 'string|object|function',
  bulkhead: 'string|object|function',
  operation: 'string|object|function',
  retry: 'string|object',
  isFailure: 'function',
};

const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']);

/** Whether a call may be made twice: a method that is safe to repeat, a body that can be sent again. */
function canRepeat(method, body) {
  if (!REPEATABLE.has(method)) return false;
  return body === undefined || body === null || typeof body === 'string' || ArrayBuffer.isView(body) || body instanceof URLSearchParams;
}

/** Finds what guards a call to { origin, path, method }. */
function guardsOf(engine, options) {
  const finder = (kind) => {
    const said = options[kind];
    const named = (one) => (typeof one === 'string' ? engine[kind](one) : one);
    if (typeof said === 'function') return (call) => named(said(call));
    const found = named(said);
    return () => found;
  };
  const [breaker, throttle, bulkhead, operation] = ['breaker', 'throttle', 'bulkhead', 'operation'].map(finder);
  return (call) => ({ breaker: breaker(call), throttle: throttle(call), bulkhead: bulkhead(call), operation: operation(call) });
}

/** An engine that was closed meanwhile changes neither results nor errors. */
function quietly(report) {
  try {
    report();
  } catch {
    // There is nobody left to tell.
  }
}

/** Whoever gave up says nothing about the service; a deadline that passed does. */
function outcomeOfError(error, gaveUp) {
  if (error?.name === 'TimeoutError') return 'failure';
  return gaveUp || error?.name === 'AbortError' ? 'ignored' : 'failure';
}

function codeOfError(error) {
  return String(error?.cause?.code ?? error?.code ?? error?.name ?? 'thrown').slice(0, 128);
}

/** One attempt that the guards admitted; making it throws a DeniedError where one does not. */
class Attempt {
  #place;
  #permit;
  #throttle;
  #timed;
  #outcome = 'ignored';

  constructor({ bulkhead, throttle, breaker, operation }) {
    if (bulkhead !== undefined) {
      this.#place = bulkhead.enter();
      if (this.#place === undefined) throw denied('bulkhead', bulkhead.name, `bulkhead ${bulkhead.name} is full`, 0);
    }
    try {
      if (throttle?.acquire() === false) throw denied('throttle', throttle.name, `throttle ${throttle.name} holds calls back`, 0);
      this.#throttle = throttle;
      if (breaker !== undefined) {
        this.#permit = breaker.acquire();
        if (this.#permit === undefined) {
          const { phase, retryAfter } = breaker.read();
          throw denied('breaker', breaker.name, `breaker ${breaker.name} is ${phase.replace('_', '-')}`, retryAfter);
        }
      }
    } catch (error) {
      this.over();
      throw error;
    }
    this.#timed = operation?.begin();
  }

  /** How it went, once. */
  ended(outcome, code) {
    const [timed, permit, throttle] = [this.#timed, this.#permit, this.#throttle];
    this.#timed = this.#permit = this.#throttle = undefined;
    this.#outcome = outcome;
    quietly(() => timed?.end(outcome, outcome === 'success' ? undefined : code));
    quietly(() => permit?.report(outcome));
    quietly(() => throttle?.report(outcome));
  }

  /** It ended in an error; `gaveUp`: because the caller did not want it any more. */
  threw(error, gaveUp) {
    this.ended(outcomeOfError(error, gaveUp), codeOfError(error));
  }

  /** Nothing more will come: the place in a bulkhead is free again. */
  over() {
    const place = this.#place;
    this.#place = undefined;
    quietly(() => place?.report(this.#outcome));
  }
}

/** When to try again: counts the attempts of one call. */
class Again {
  #retry;
  #begun = performance.now();
  #attempt = 1;

  constructor(retry) {
    this.#retry = retry;
    if (retry?.next(1) === undefined && retry !== undefined) {
      throw denied('retry', retry.name, `retry ${retry.name} admits no attempt`, 0);
    }
  }

  /** Seconds until the next attempt, or undefined: give up. `asked`: a Retry-After header. */
  next(asked) {
    if (this.#retry === undefined) return undefined;
    const wanted = asked === undefined || asked === null ? 0 : secondsOf(asked);
    this.#attempt += 1;
    return this.#retry.next(this.#attempt, (performance.now() - this.#begun) / 1000, wanted);
  }
}

const isFailedStatus = (status) => status >= 500 || status === 429;

module.exports = { OPTIONS, isFailedStatus, canRepeat, guardsOf, Attempt, Again };
