// Checks of what callers give us, with messages that help.
'use strict';

const plain = (word) => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Edits between two words: letters changed, left out, put in, or swapped. */
function distance(a, b) {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      rows[i][j] = Math.min(
        rows[i - 1][j] + 1,
        rows[i][j - 1] + 1,
        rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}

/** The word of `known` that was probably meant, or undefined. */
function nearest(word, known) {
  const wanted = plain(word).slice(0, 64);
  let best;
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 0.5;
  for (const candidate of known) {
    const there = plain(candidate);
    if (there === '' || Math.abs(there.length - wanted.length) > least) continue;
    const far = distance(wanted, there);
    if (far < least) [best, least] = [candidate, far];
  }
  return best ?? (wanted.length >= 3 ? known.find((candidate) => plain(candidate).startsWith(wanted)) : undefined);
}

/** What a value is, for a message. */
function kindOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'object' ? `a ${value.constructor?.name ?? 'null-prototype object'}` : `a ${typeof value}`;
}

function invalid(message, code = 'ERR_INVALID_ARG_TYPE') {
  const error = new TypeError(message);
  error.code = code;
  return error;
}

function expectString(what, value) {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, not ${kindOf(value)}`);
  return value;
}

function expectNumber(what, value) {
  if (typeof value !== 'number') throw invalid(`${what} must be a number, not ${kindOf(value)}`);
  return value;
}

function expectFunction(what, value) {
  if (typeof value !== 'function') throw invalid(`${what} must be a function, not ${kindOf(value)}`);
  return value;
}

const TESTS = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && !Number.isNaN(value),
  boolean: (value) => typeof value === 'boolean',
  function: (value) => typeof value === 'function',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  any: () => true,
};

/**
 * Checks an options object of ours. `known` maps each key to what it may be, such as
 * 'function|string'; undefined values count as not given.
 */
function checkOptions(what, options, known) {
  if (options === undefined) return {};
  if (!TESTS.object(options)) throw invalid(`${what}: options must be an object, not ${kindOf(options)}`);
  for (const [key, value] of Object.entries(options)) {
    const kinds = Object.hasOwn(known, key) ? known[key] : undefined;
    if (kinds === undefined) {
      const meant = nearest(key, Object.keys(known));
      throw invalid(
        `${what}: unknown option ${JSON.stringify(key)}; ` +
          (meant ? `did you mean ${meant}?` : `known: ${Object.keys(known).join(', ')}`),
        'ERR_UNKNOWN_OPTION',
      );
    }
    if (value !== undefined && !kinds.split('|').some((kind) => TESTS[kind]?.(value))) {
      throw invalid(`${what}: ${key} must be ${kinds.replaceAll('|', ' or ')}, not ${kindOf(value)}`);
    }
  }
  return options;
}

/** A document for the engine: an object becomes JSON, a string is taken as JSON. */
function documentOf(what, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (!TESTS.object(value)) throw invalid(`${what} must be an object or JSON text, not ${kindOf(value)}`);
  return JSON.stringify(value, (key, part) => {
    if (typeof part === 'bigint') return Number(part);
    if (typeof part === 'number' && !Number.isFinite(part)) {
      throw invalid(`${what}: ${key} is ${part}, which no document can hold`, 'ERR_INVALID_ARG_VALUE');
    }
    if (typeof part === 'function' || typeof part === 'symbol') {
      throw invalid(`${what}: ${key} must be data, not a ${typeof part}`);
    }
    return part;
  });
}

module.exports = { nearest, kindOf, invalid, expectString, expectNumber, expectFunction, checkOptions, documentOf };
