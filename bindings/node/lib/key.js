// Keys: who is asking. Parts are written into shared memory, without a string in between.
//
// One part is its own bytes: text as UTF-8, a whole number in decimal. Several parts are joined by
// the byte FF, and within them FE becomes FE 00 and FF becomes FE 01, so that different parts never
// make the same key. Every binding does it so: services in different languages name the same keys.
'use strict';
const { I, T, LENGTH, ABSENT } = require('./native');
const { kindOf, invalid } = require('./options');

const encoder = new TextEncoder();
const SHORT = 64;

/** Appends one part at `at`; the end of it. */
function append(part, at, index) {
  switch (typeof part) {
    case 'string': {
      const length = part.length;
      if (length <= SHORT && at + length <= T.length) {
        let i = 0;
        for (; i < length; i++) {
          const unit = part.charCodeAt(i);
          if (unit > 127) break;
          T[at + i] = unit;
        }
        if (i === length) return at + length;
      }
      const { read, written } = encoder.encodeInto(part, T.subarray(at));
      if (read < length) throw tooLong();
      return at + written;
    }
    case 'number':
      if (!Number.isSafeInteger(part)) break;
      return append(String(part), at, index);
    case 'bigint':
      return append(String(part), at, index);
    case 'object':
      if (part instanceof Uint8Array) {
        if (at + part.length > T.length) throw tooLong();
        T.set(part, at);
        return at + part.length;
      }
  }
  throw invalid(`part ${index + 1} of the key must be a string, a whole number, a bigint or a Uint8Array, not ${kindOf(part)}`);
}

/** Bytes among several parts, without FF. */
function escaped(bytes) {
  const out = [];
  for (const byte of bytes) {
    if (byte < 0xfe) out.push(byte);
    else out.push(0xfe, byte - 0xfe);
  }
  return Uint8Array.from(out);
}

function tooLong() {
  const error = new RangeError(`a key has at most ${T.length} bytes`);
  error.code = 'ERR_OUT_OF_RANGE';
  return error;
}

/** Writes one part as the key. */
function writeKey(part) {
  I[LENGTH] = append(part, 0, 0);
}

/** Writes the parts from `first` on as a key that begins at `at`; the end of it. */
function appendKey(parts, first, at) {
  const count = parts.length - first;
  let end = at;
  for (let i = 0; i < count; i++) {
    const part = parts[first + i];
    if (i > 0) {
      if (end >= T.length) throw tooLong();
      T[end++] = 0xff;
    }
    end = append(count > 1 && part instanceof Uint8Array ? escaped(part) : part, end, i);
  }
  return end;
}

/** Writes the parts from `first` on as the key; none of them: no key. */
function writeKeyOf(parts, first) {
  I[LENGTH] = parts.length > first ? appendKey(parts, first, 0) : ABSENT;
}

/** Writes a short text that is no key, such as an error code. */
function writeText(text) {
  I[LENGTH] = append(text, 0, 0);
}

module.exports = { writeKey, writeKeyOf, appendKey, writeText };
