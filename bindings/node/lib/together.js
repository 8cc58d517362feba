// Several limits as one decision: all units are taken, or none.
'use strict';
const { native, I, D, U, HANDLE, STATUS, COUNT } = require('./native');
const { partsOf } = require('./bulkhead');
const { failure } = require('./errors');
const { appendKey } = require('./key');
const { Decision, Limiter, costOf, decision, handleOf } = require('./limiter');
const { checkOptions, invalid, kindOf } = require('./options');

const REQUEST = { limiter: 'object|string', key: 'any', cost: 'number' };
const MOST = 16; // also in src/limiter.c

/** What several limiters said together: the numbers of the one that refused, or has the least left. */
class JointDecision extends Decision {
  constructor({ allowed, limit, remaining, retryAfter, resetAfter }, refused) {
    super(allowed, limit, remaining, retryAfter, resetAfter);
    /** The number of the request that was refused, from 0, or undefined. */
    this.refused = refused;
  }
}

/** Asks the limiters of the engine behind `handle`; `named` finds one by its name. */
function checkAll(handle, requests, named) {
  if (!Array.isArray(requests)) throw invalid(`what is checked must be an array, not ${kindOf(requests)}`);
  if (requests.length < 1 || requests.length > MOST) {
    throw invalid(`1 to ${MOST} limits are checked together, not ${requests.length}`, 'ERR_OUT_OF_RANGE');
  }
  const checked = requests.map((request, i) => {
    const { limiter, key, cost = 1 } = checkOptions(`request ${i + 1}`, request, REQUEST);
    const found = typeof limiter === 'string' ? named(limiter) : limiter;
    if (!(found instanceof Limiter)) throw invalid(`request ${i + 1}: limiter must be a Limiter or its name, not ${kindOf(limiter)}`);
    return { handle: handleOf(found), parts: partsOf(key), cost: costOf(cost) };
  });
  let end = 0;
  checked.forEach(({ handle: which, parts, cost }, i) => {
    const begin = end;
    end = appendKey(parts, 0, begin);
    U[2 * i] = which;
    U[2 * i + 1] = cost;
    D[i] = parts.length === 0 ? -1 : end - begin;
  });
  I[HANDLE] = handle;
  I[COUNT] = checked.length;
  native.limiterCheckAll();
  const status = I[STATUS];
  if (status < 0) throw failure(status);
  const refused = I[COUNT];
  return new JointDecision(decision(status === 0), status === 0 ? undefined : refused);
}

module.exports = { checkAll };
