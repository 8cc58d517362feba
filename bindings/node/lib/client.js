// Calls to other services: a fetch behind breaker, throttle, retry and budget.
'use strict';
const { denied } = require('./errors');
const { checkOptions } = require('./options');
const { wait, secondsOf } = require('./retry');

const OPTIONS = {
  breaker: 'string|object',
  retry: 'string|object',
  bulkhead: 'string|object',
  operation: 'string|object',
  isFailure: 'function',
  fetch: 'function',
};

const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']);

/** Bodies that can be sent twice. */
function canRepeat(method, body) {
  if (!REPEATABLE.has(method)) return false;
  return body === undefined || body === null || typeof body === 'string' || ArrayBuffer.isView(body) || body instanceof URLSearchParams;
}

/** What the service said about coming again, in seconds. */
function askedFor(response) {
  const header = response?.headers.get('retry-after');
  return header === null || header === undefined ? 0 : secondsOf(header);
}

/**
 * A function that is called as fetch() is. Responses of 500 and above and of 429, and failures of the
 * network, count against the breaker and are tried again where that is safe; the last response or
 * error is the caller's, unchanged. A DeniedError says that a guard refused.
 */
function createFetch(engine, options) {
  const {
    breaker, retry, bulkhead, operation,
    isFailure = (response) => response.status >= 500 || response.status === 429,
    fetch = globalThis.fetch,
  } = checkOptions('createFetch', options, OPTIONS);
  const named = (kind, one) => (typeof one === 'string' ? engine[kind](one) : one);
  const guards = {
    breaker: named('breaker', breaker),
    bulkhead: named('bulkhead', bulkhead),
    operation: named('operation', operation),
  };
  const again = named('retry', retry);

  return async function tidegateFetch(input, init) {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const method = (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase();
    const body = init?.body ?? (input instanceof Request ? input.body : undefined);
    const repeatable = again !== undefined && canRepeat(method, body);
    const begun = performance.now();
    signal?.throwIfAborted();
    again?.next(1);
    for (let attempt = 1; ; attempt++) {
      const call = await once(guards, isFailure, () => fetch(input, init));
      if (!call.failed) return call.response;
      const giveUp = () => {
        if (call.error !== undefined) throw call.error.thrown;
        return call.response;
      };
      if (!repeatable || signal?.aborted) return giveUp();
      const delay = again.next(attempt + 1, (performance.now() - begun) / 1000, askedFor(call.response));
      if (delay === undefined) return giveUp();
      await call.response?.body?.cancel();
      await wait(delay, signal);
    }
  };
}

/** One attempt: { failed, response } or { failed, error }; throws where a guard refuses. */
async function once({ breaker, bulkhead, operation }, isFailure, fetch) {
  const place = bulkhead?.enter();
  if (bulkhead !== undefined && place === undefined) throw denied('bulkhead', bulkhead.name, `bulkhead ${bulkhead.name} is full`, 0);
  let permit;
  try {
    permit = breaker?.acquire();
    if (breaker !== undefined && permit === undefined) {
      const { phase, retryAfter } = breaker.read();
      throw denied('breaker', breaker.name, `breaker ${breaker.name} is ${phase.replace('_', '-')}`, retryAfter);
    }
  } catch (error) {
    place?.ignore();
    throw error;
  }
  const timed = operation?.begin();
  const report = (outcome, code) => {
    timed?.end(outcome, code);
    permit?.report(outcome);
    place?.report(outcome);
  };
  try {
    const response = await fetch();
    const failed = Boolean(isFailure(response));
    report(failed ? 'failure' : 'success', failed ? String(response.status) : undefined);
    return { failed, response };
  } catch (thrown) {
    const isAbort = thrown?.name === 'AbortError';
    report(isAbort ? 'ignored' : 'failure', String(thrown?.cause?.code ?? thrown?.code ?? thrown?.name ?? 'thrown').slice(0, 128));
    if (isAbort) throw thrown;
    return { failed: true, error: { thrown } };
  }
}

module.exports = { createFetch };
