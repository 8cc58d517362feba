// Calls to other services behind breaker, throttle, bulkhead, retry and budget: as a fetch, and as an
// interceptor of undici's dispatchers.
'use strict';
const { createInterceptor } = require('./interceptor');
const { checkOptions } = require('./options');
const { OPTIONS, isFailedStatus, canRepeat, guardsOf, Attempt, Again } = require('./outgoing');
const { wait } = require('./retry');

/** Where a call of fetch() goes to. */
function callOf(input, init) {
  const request = input instanceof Request ? input : undefined;
  const method = (init?.method ?? request?.method ?? 'GET').toUpperCase();
  const url = URL.canParse?.(request?.url ?? String(input)) === false ? undefined : new URL(request?.url ?? String(input));
  return { method, origin: url?.origin, path: url === undefined ? '' : url.pathname + url.search };
}

/**
 * A function that is called as fetch() is. Responses of 500 and above and of 429, and failures of the
 * network, count against the guards and are tried again where that is safe; the last response or
 * error is the caller's, unchanged. A DeniedError says that a guard refused.
 */
function createFetch(engine, options) {
  const known = checkOptions('createFetch', options, { ...OPTIONS, fetch: 'function' });
  const { isFailure = ({ status }) => isFailedStatus(status), fetch = globalThis.fetch } = known;
  const guards = guardsOf(engine, known);
  const retry = typeof known.retry === 'string' ? engine.retry(known.retry) : known.retry;

  return async function tidegateFetch(input, init) {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const call = callOf(input, init);
    const repeatable = canRepeat(call.method, init?.body ?? (input instanceof Request ? input.body : undefined));
    signal?.throwIfAborted();
    const again = new Again(retry);
    for (;;) {
      const { failed, response, thrown } = await once(guards(call), isFailure, () => fetch(input, init), signal);
      const delay = failed && repeatable && !signal?.aborted ? again.next(response?.headers.get('retry-after')) : undefined;
      if (delay === undefined) {
        if (response === undefined) throw thrown;
        return response;
      }
      await response?.body?.cancel();
      await wait(delay, signal);
    }
  };
}

/** One attempt: { failed, response } or { failed, thrown }; throws where a guard refuses. */
async function once(guards, isFailure, fetch, signal) {
  const attempt = new Attempt(guards);
  try {
    const response = await fetch();
    const failed = Boolean(isFailure(response));
    attempt.ended(failed ? 'failure' : 'success', String(response.status));
    return { failed, response };
  } catch (thrown) {
    attempt.threw(thrown, signal?.aborted);
    return { failed: thrown?.name !== 'AbortError', thrown };
  } finally {
    attempt.over();
  }
}

module.exports = { createFetch, createInterceptor };
