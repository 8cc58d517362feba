// Running somebody's function inside a guard: whatever it returns, throws or rejects with is passed
// on unchanged, and how it ended is reported once.
'use strict';
const { expectFunction, invalid, kindOf } = require('./options');

const OUTCOMES = { success: 0, failure: 1, ignored: 2 };
const [SUCCESS, FAILURE, IGNORED] = [0, 1, 2];

function outcomeOf(name) {
  if (Object.hasOwn(OUTCOMES, name)) return OUTCOMES[name];
  throw invalid(`an outcome is 'success', 'failure' or 'ignored', not ${kindOf(name)}`, 'ERR_INVALID_ARG_VALUE');
}

/** What a thrown value means: what `isFailure` says, else a failure, unless the caller gave up. */
function judge(error, options) {
  const isFailure = options?.isFailure;
  if (isFailure !== undefined) return isFailure(error) ? FAILURE : IGNORED;
  return error?.name === 'AbortError' ? IGNORED : FAILURE;
}

/** Reports a call that threw, as a failure where `isFailure` itself throws. */
function threw(error, options, report) {
  let outcome = FAILURE;
  try {
    outcome = judge(error, options);
  } finally {
    report(outcome, error);
  }
}

function isThenable(value) {
  return value !== null && (typeof value === 'object' || typeof value === 'function') && typeof value.then === 'function';
}

/** Calls `fn`; `report(outcome, error)` hears how it, or the promise it returned, ended. */
function run(fn, self, args, options, report) {
  let result;
  try {
    result = args === undefined ? fn() : fn.apply(self, args);
  } catch (error) {
    threw(error, options, report);
    throw error;
  }
  if (isThenable(result)) {
    return result.then(
      (value) => {
        report(SUCCESS);
        return value;
      },
      (error) => {
        threw(error, options, report);
        throw error;
      },
    );
  }
  report(SUCCESS);
  return result;
}

/** A function that looks like `fn` and calls `call(fn, this, arguments)`. */
function dressed(fn, call) {
  expectFunction('what is wrapped', fn);
  const wrapped = function (...args) {
    return call(fn, this, args);
  };
  Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(wrapped, 'length', { value: fn.length, configurable: true });
  return wrapped;
}

module.exports = { SUCCESS, FAILURE, IGNORED, outcomeOf, run, dressed, isThenable };
