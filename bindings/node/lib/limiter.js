'use strict';
const { native, I, D, W, HANDLE, STATUS, COUNT, OUTCOME } = require('./native');
const { partsOf } = require('./bulkhead');
const { denied, failure } = require('./errors');
const { writeKey, writeKeyOf } = require('./key');
const { checkOptions, documentOf, expectString, invalid, kindOf } = require('./options');
const { exact } = require('./metrics');
const { wait } = require('./retry');

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

const STYLES = { current: 0, draft06: 1, legacy: 2 };
const ORDERS = { used: 0, denied: 1 };
const LISTS = { none: 0, allow: 1, deny: 2 };

function nameOf(what, names, name) {
  if (typeof name === 'string' && Object.hasOwn(names, name)) return names[name];
  throw invalid(`${what} is one of ${Object.keys(names).join(', ')}, not ${kindOf(name)}`, 'ERR_INVALID_ARG_VALUE');
}

function nanoseconds(what, seconds) {
  if (typeof seconds !== 'number' || !(seconds >= 0)) {
    throw invalid(`${what} must be at least 0 seconds, not ${kindOf(seconds)}`, 'ERR_OUT_OF_RANGE');
  }
  return BigInt(Math.round(Math.min(seconds * 1e9, 1.8e19)));
}

/** The handle of a limiter, for what asks several of them. */
let handleOf;

class Limiter {
  #handle;
  #name;

  static {
    handleOf = (limiter) => limiter.#handle;
  }

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
    native.limiterTake();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  checkN(cost, ...parts) {
    this.#about(cost, parts);
    native.limiterTake();
    const status = I[STATUS];
    if (status >= 0) return status === 0;
    throw failure(status);
  }

  decide(...parts) {
    return this.decideN(1, ...parts);
  }

  decideN(cost, ...parts) {
    this.#about(cost, parts);
    native.limiterCheck();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return decision(I[STATUS] === 0);
  }

  #about(cost, parts) {
    writeKeyOf(parts, 0);
    I[HANDLE] = this.#handle;
    I[COUNT] = costOf(cost);
  }

  peek(...parts) {
    this.#about(1, parts);
    native.limiterPeek();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return decision(I[STATUS] === 0);
  }

  reserve(maxWait, ...parts) {
    return this.reserveN(1, maxWait, ...parts);
  }

  reserveN(cost, maxWait, ...parts) {
    W[1] = nanoseconds('maxWait', maxWait);
    this.#about(cost, parts);
    native.limiterReserve();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return I[STATUS] === 0 ? Number(W[0]) / 1e9 : undefined;
  }

  async wait({ key, cost = 1, maxWait = 60, signal } = {}) {
    signal?.throwIfAborted();
    const parts = partsOf(key);
    const seconds = this.reserveN(cost, maxWait, ...parts);
    if (seconds === undefined) {
      throw denied('limiter', this.#name, `limiter ${this.#name} is free only after more than ${maxWait} s`, maxWait);
    }
    if (seconds === 0) return;
    try {
      await wait(seconds, signal);
    } catch (error) {
      this.refundN(cost, ...parts);
      throw error;
    }
  }

  refund(...parts) {
    this.refundN(1, ...parts);
  }

  refundN(cost, ...parts) {
    this.#about(cost, parts);
    native.limiterRefund();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  penalize(cost, ...parts) {
    this.#about(cost, parts);
    native.limiterPenalize();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  block(seconds, ...parts) {
    W[0] = nanoseconds('a block', seconds);
    this.#about(1, parts);
    native.limiterBlock();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  list(list, ...parts) {
    I[OUTCOME] = nameOf('a list', LISTS, list);
    this.#about(1, parts);
    native.limiterAllow();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  setPlan(plan, ...parts) {
    const name = plan === undefined || plan === null ? undefined : expectString('a plan', plan);
    this.#about(1, parts);
    native.limiterSetPlan(name);
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  top(options) {
    const { by = 'used', count = 10 } = checkOptions('limiter.top', options, { by: 'string', count: 'number' });
    I[OUTCOME] = nameOf('an order', ORDERS, by);
    if (count >>> 0 !== count || count === 0) throw invalid(`count is a whole number from 1 on, not ${kindOf(count)}`, 'ERR_OUT_OF_RANGE');
    I[HANDLE] = this.#handle;
    I[COUNT] = count;
    const text = native.limiterTop();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return JSON.parse(text).map(({ error_bound: errorBound, ...key }) => ({ ...key, errorBound }));
  }

  reconfigure(config) {
    const json = documentOf(`limiter ${JSON.stringify(this.#name)}: configuration`, config);
    if (json === undefined) throw invalid('a new configuration must be an object or JSON text, not undefined');
    I[HANDLE] = this.#handle;
    native.limiterReconfigure(json);
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  #tell(decided) {
    const { allowed, limit, remaining, retryAfter, resetAfter } = decided ?? {};
    if (limit === undefined || remaining === undefined) throw invalid(`expected a decision, such as decide() gives, not ${kindOf(decided)}`);
    W[0] = BigInt(limit);
    W[1] = BigInt(remaining);
    W[2] = nanoseconds('retryAfter', retryAfter);
    W[3] = nanoseconds('resetAfter', resetAfter);
    I[HANDLE] = this.#handle;
    I[OUTCOME] = allowed ? 0 : 1;
  }

  headers(decided, style = 'current') {
    I[COUNT] = nameOf('a style', STYLES, style);
    this.#tell(decided);
    const lines = native.limiterHeaders();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    const fields = lines.split('\r\n').filter((line) => line !== '');
    return Object.fromEntries(fields.map((line) => /^([^:]+):\s*(.*)$/.exec(line).slice(1)));
  }

  problem(decided) {
    this.#tell(decided);
    const text = native.limiterProblem();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return JSON.parse(text);
  }
}

module.exports = { Limiter, Decision, decision, costOf, handleOf: (limiter) => handleOf(limiter) };
