'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, DeniedError, Permit } = require('tidegate');

const config = {
  clock: 'manual',
  bulkheads: { db: { max_concurrent: 1 } },
  breakers: { db: { failure_rate: 0.5, minimum_calls: 2, window: { calls: 10 } } },
  limiters: { api: { algorithm: 'token_bucket', rate_per_second: 1, burst: 4, keyed: true } },
  guards: { db: { bulkhead: 'db', breaker: 'db', limiter: 'api' } },
};

test('a guard asks all of its parts, and names the one that refused', async () => {
  const engine = new Engine(config);
  const guard = engine.guard('db');
  const denied = (part) => (error) => error instanceof DeniedError && error.guard === part && error.guardName === 'db';
  const permit = guard.acquire({ key: 'ann', cost: 2 });
  assert.ok(permit instanceof Permit);
  assert.throws(() => guard.acquire({ key: 'ben' }), denied('bulkhead'));
  assert.equal(guard.tryAcquire({ key: 'ben' }), undefined);
  permit.success(0.1);
  assert.equal(await guard.execute(async () => 'fine', { key: ['ann'], cost: 2 }), 'fine');
  assert.throws(() => guard.execute(() => 1, { key: 'ann' }), (error) => denied('limiter')(error) && error.retryAfter === 1);
  const broken = { broken: true };
  const call = guard.wrap((key) => { throw broken; }, { key: (key) => key });
  for (let i = 0; engine.breaker('db').state === 'closed'; i++) assert.throws(() => call(`user ${i}`), (error) => error === broken);
  assert.throws(() => call('cid'), denied('breaker'));
  assert.equal(engine.bulkhead('db').read().inUse, 0);
  engine.close();
  assert.throws(() => guard.acquire({ key: 'a' }), { message: 'the engine is closed' });
});

test('options of a guard are checked', () => {
  const engine = new Engine(config);
  const guard = engine.guard('db');
  assert.throws(() => guard.acquire({ kee: 'ann' }), /did you mean key\?/);
  assert.throws(() => guard.acquire({ key: 'ann', cost: 0 }), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => guard.acquire({ key: 'ann', cost: 1.5 }), /a cost is a whole number/);
  assert.throws(() => guard.acquire({ key: 'ann', attempt: -1 }), /attempts count from 1/);
  assert.throws(() => guard.acquire({ key: [undefined] }), TypeError);
  assert.throws(() => engine.guard('x', { breaker: 'none' }), { code: 'TIDEGATE_E_NOT_FOUND' });
  engine.close();
});

test('ratios, states, infos, errors and exemplars are told and shown', () => {
  const engine = new Engine();
  const cache = engine.ratio('cache');
  cache.hit();
  cache.record(6n, 2);
  cache.miss();
  assert.deepEqual(cache.read(), { hits: 7, misses: 3, ratio: 0.7 });
  for (const wrong of [-1, 1.5, '1', 2n ** 64n]) assert.throws(() => cache.record(wrong), /hits are whole numbers/);
  const mode = engine.states('mode', ['starting', 'running']);
  mode.set('running');
  assert.throws(() => mode.set('runing'), { code: 'TIDEGATE_E_ARGUMENT' });
  engine.setInfo('build', { version: '1.2' });
  engine.reportError('E_DISK', 'the disk is full');
  engine.operation('job').recordDetail(2, 'failure', { code: 'E_X', message: 'why', detail: 'job 7', traceId: 'abc' });
  assert.throws(() => engine.operation('job').recordDetail(2, 'failure', { trace: 'x' }), /did you mean traceId\?/);
  engine.histogram('latency').recordExemplar(0.5, 'trace-1');
  const text = engine.snapshot().toString('openmetrics');
  assert.match(text, /mode\{mode="running"\} 1/);
  assert.match(text, /build_info\{version="1\.2"\} 1/);
  assert.match(engine.snapshot().toString(), /trace-1/);
  assert.match(engine.snapshot().toString(), /the disk is full/);
  engine.close();
});
