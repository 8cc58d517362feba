// Several limits as one decision; plans, top keys and new numbers at run time.
'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine } = require('tidegate');

const window = (limit, more) => ({ algorithm: 'sliding_window', limit, window_seconds: 60, keyed: true, ...more });
const config = {
  clock: 'manual',
  limiters: {
    user: window(3),
    tenant: window(5),
    all: { algorithm: 'token_bucket', rate_per_second: 1, burst: 100 },
    planned: window(1, { record_keys: 'plain', plans: { pro: { algorithm: 'sliding_window', limit: 4, window_seconds: 60 } } }),
  },
};

test('all units are taken or none, and the one that refused is named', (t) => {
  const engine = new Engine(config);
  t.after(() => engine.close());
  const ask = (user, tenant) =>
    engine.checkAll([{ limiter: 'all' }, { limiter: engine.limiter('user'), key: user }, { limiter: 'tenant', key: ['t', tenant], cost: 1 }]);
  for (let i = 0; i < 3; i++) {
    const decided = ask('ann', 1);
    assert.deepEqual([decided.allowed, decided.refused], [true, undefined]);
  }
  const refused = ask('ann', 1);
  assert.deepEqual([refused.allowed, refused.refused, refused.limit, refused.remaining], [false, 1, 3, 0]);
  assert.ok(refused.retryAfter > 0);
  assert.deepEqual([ask('bob', 1).allowed, ask('cid', 1).allowed], [true, true]);
  assert.deepEqual([ask('dan', 1).refused, engine.limiter('user').peek('dan').remaining], [2, 3]);
  assert.equal(engine.limiter('all').peek().remaining, 95);
});

test('what cannot be checked together is refused before anything is taken', (t) => {
  const engine = new Engine(config);
  const other = new Engine(config);
  t.after(() => other.close());
  const all = { limiter: 'all' };
  assert.throws(() => engine.checkAll(all), /an array, not a Object/);
  assert.throws(() => engine.checkAll([]), /1 to 16 limits/);
  assert.throws(() => engine.checkAll(Array(17).fill(all)), /1 to 16 limits/);
  assert.throws(() => engine.checkAll([{ limitr: 'all' }]), /request 1: unknown option "limitr"; did you mean limiter/);
  assert.throws(() => engine.checkAll([all, { limiter: engine.breaker('b', {}) }]), /request 2: limiter must be a Limiter/);
  assert.throws(() => engine.checkAll([all, { limiter: 'user' }]), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => engine.checkAll([all, { limiter: other.limiter('all') }]), { code: 'TIDEGATE_E_STALE' });
  assert.throws(() => engine.checkAll([all, { limiter: 'all', cost: 101 }]), { code: 'TIDEGATE_E_RANGE' });
  assert.throws(() => engine.checkAll([all, { limiter: 'nobody' }]), { code: 'TIDEGATE_E_NOT_FOUND' });
  assert.equal(engine.limiter('all').peek().remaining, 100);
  const limiter = engine.limiter('all');
  engine.close();
  assert.throws(() => engine.checkAll([{ limiter }]), /the engine is closed/);
});

test('keys have plans, and those that use most are known', (t) => {
  const engine = new Engine(config);
  t.after(() => engine.close());
  const limiter = engine.limiter('planned');
  limiter.setPlan('pro', 'ann');
  const admitted = (key) => Array.from({ length: 6 }, () => limiter.check(key)).filter(Boolean).length;
  assert.deepEqual([admitted('ann'), admitted('bob')], [4, 1]);
  assert.deepEqual(limiter.top({ count: 1 }), [{ key: 'ann', used: 4, denied: 2, errorBound: 0 }]);
  assert.deepEqual(limiter.top({ by: 'denied' }).map(({ key, denied }) => [key, denied]), [['bob', 5], ['ann', 2]]);
  limiter.setPlan(undefined, 'ann');
  assert.equal(limiter.peek('ann').limit, 1);
  assert.throws(() => limiter.setPlan('free', 'ann'), { code: 'TIDEGATE_E_NOT_FOUND' });
  assert.throws(() => limiter.setPlan(7, 'ann'), /a plan must be a string, not 7/);
  assert.throws(() => limiter.top({ by: 'most' }), /an order is one of used, denied/);
  assert.throws(() => limiter.top({ count: 0 }), /from 1 on, not 0/);
  assert.throws(() => engine.limiter('user').top(), { code: 'TIDEGATE_E_ARGUMENT' });
});

test('limits change at run time and keep what was taken', (t) => {
  const engine = new Engine(config);
  t.after(() => engine.close());
  const limiter = engine.limiter('all');
  limiter.checkN(60);
  limiter.reconfigure({ algorithm: 'token_bucket', rate_per_second: 2, burst: 80 });
  assert.deepEqual([limiter.peek().limit, limiter.peek().remaining], [80, 20]);
  engine.advance(10);
  assert.equal(limiter.peek().remaining, 40);
  assert.throws(() => limiter.reconfigure(window(3)), { code: 'TIDEGATE_E_CONFLICT' });
  assert.throws(() => limiter.reconfigure({ algorithm: 'token_bucket', rate: 2, burst: 80 }), /rate: unknown field/);
  assert.throws(() => limiter.reconfigure(), /not undefined/);
  assert.throws(() => limiter.reconfigure({ algorithm: 'token_bucket', rate_per_second: NaN, burst: 1 }), /NaN, which no document can hold/);
});
