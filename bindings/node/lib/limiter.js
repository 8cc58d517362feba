'use strict';
const { native, I, D, W, HANDLE, STATUS, COUNT } = require('./native');
const { failure } = require('./errors');
const { writeKey, writeKeyOf } = require('./key');
const { invalid, kindOf } = require('./options');
const { exact } = require('./metrics');

/** What a limiter said: plain numbers, copied, yours to keep. */
class Decision {
  constructor(allowed, limit, remaining, retryAfter, resetAfter) {
    this.allowed = allowed;
    this.limit = limit;
    this.remaining = remaining;
    this.retryAfter = retryAfter;
    this.resetAfter = resetAfter;
  }
}

function decision(allowed) {
  return new Decision(
    allowed,
    D[0] <= Number.MAX_SAFE_INTEGER ? D[0] : exact(W[0]),
    D[1] <= Number.MAX_SAFE_INTEGER ? D[1] : exact(W[1]),
    D[2] / 1e9,
    D[3] / 1e9,
  );
}

function costOf(cost) {
  if (typeof cost === 'number' && cost >>> 0 === cost) return cost;
  throw invalid(`a cost is a whole number from 1 to 2^32 - 1, not ${kindOf(cost)}`, 'ERR_OUT_OF_RANGE');
}

class Limiter {
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

  check(part) {
    if (arguments.length === 1) writeKey(part);
    else writeKeyOf(arguments, 0);
    I[HANDLE] = this.#handle;
    I[COUNT] = 1;
    native.limiterCheck();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  checkN(cost, ...parts) {
    writeKeyOf(parts, 0);
    I[HANDLE] = this.#handle;
    I[COUNT] = costOf(cost);
    native.limiterCheck();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  decide(...parts) {
    return decision(this.checkN(1, ...parts));
  }

  decideN(cost, ...parts) {
    return decision(this.checkN(cost, ...parts));
  }
}

module.exports = { Limiter, Decision, decision };
