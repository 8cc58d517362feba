'use strict';
const { native } = require('./native');
const { nearest } = require('./options');

const CLOSED = -1000;

/** What the engine says when it cannot do something. `code` is its name: 'TIDEGATE_E_STALE'. */
class TidegateError extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
Object.defineProperty(TidegateError.prototype, 'name', {
  value: 'TidegateError',
  configurable: true,
  writable: true,
});

/** What execute(), run() and wrap() throw when a guard says no: `guard` of what kind, `guardName`. */
class DeniedError extends TidegateError {
  constructor(guard, guardName, message, retryAfter) {
    super('TIDEGATE_DENIED', message, 1);
    this.guard = guard;
    this.guardName = guardName;
    this.retryAfter = retryAfter;
  }
}
Object.defineProperty(DeniedError.prototype, 'name', {
  value: 'DeniedError',
  configurable: true,
  writable: true,
});

/**
 * What a guard throws. It knows no stack: to collect one costs more than many a call that is guarded,
 * and calls are denied when there is no time to lose.
 */
function denied(guard, guardName, message, retryAfter) {
  const limit = Error.stackTraceLimit;
  const without = limit !== 0 && Reflect.set(Error, 'stackTraceLimit', 0);
  const error = new DeniedError(guard, guardName, message, retryAfter);
  if (without) Error.stackTraceLimit = limit;
  return error;
}

/** The error for a negative status; `text` where another thread met it. */
function failure(status, text) {
  if (status === CLOSED) return closed('the engine is closed');
  const message = text ?? native.lastError();
  return new TidegateError(native.statusName(status), withSuggestion(message), status);
}

function closed(message) {
  return new TidegateError('TIDEGATE_E_STATE', message, -11);
}

/** "…brust: unknown field; known: rate, burst" and which of those was probably meant. */
function withSuggestion(message) {
  const parts = /^(?:.*\.)?(\S+?): unknown field; (?:known:|expected one of) (.*)$/.exec(message);
  if (!parts) return message;
  const meant = nearest(parts[1], parts[2].split(/[,\s]+/));
  return meant ? `${message}; did you mean ${meant}?` : message;
}

module.exports = { TidegateError, DeniedError, denied, failure, closed };
