'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, DeniedError } = require('tidegate');
const { createFetch } = require('tidegate/client');
const { service } = require('./support');

function guarded(t) {
  const engine = new Engine({
    breakers: { shop: { failure_rate: 0.5, minimum_calls: 5, window: { calls: 10 }, open_seconds: 60 } },
    retries: { shop: { max_attempts: 3, base_seconds: 0.001, jitter: 'none' } },
    bulkheads: { shop: { max_concurrent: 1 } },
  });
  t.after(() => engine.close());
  return { engine, call: createFetch(engine, { breaker: 'shop', retry: 'shop', operation: engine.operation('shop.call') }) };
}

test('failures are tried again and the good answer is given', async (t) => {
  const { address, seen } = await service(t, 503, 0);
  const { engine, call } = guarded(t);
  const response = await call(address);
  assert.deepEqual([response.status, await response.text(), seen.length], [200, 'answer 3', 3]);
  const { count, failures } = engine.operation('shop.call').read();
  assert.deepEqual([count, failures], [3, 2]);
});

test('the last answer or error is the caller\'s', async (t) => {
  const { address } = await service(t, 500, 500, 502);
  const { call } = guarded(t);
  const response = await call(address);
  assert.deepEqual([response.status, await response.text()], [502, 'answer 3']);
  const gone = createFetch(guarded(t).engine, { retry: 'shop' });
  await assert.rejects(gone('http://127.0.0.1:1/'), { name: 'TypeError', message: 'fetch failed' });
});

test('what must not be sent twice is not', async (t) => {
  const { address, seen } = await service(t, 500, 500);
  const { call } = guarded(t);
  assert.equal((await call(address, { method: 'POST', body: 'once' })).status, 500);
  assert.equal((await call(address, { method: 'PUT', body: new Blob(['x']).stream(), duplex: 'half' })).status, 500);
  assert.deepEqual(seen, ['POST', 'PUT']);
});

test('an open breaker calls nobody', async (t) => {
  const { address, seen } = await service(t, ...Array(20).fill(500));
  const { engine, call } = guarded(t);
  for (let i = 0; i < 5 && engine.breaker('shop').state === 'closed'; i++) {
    await call(address).catch((error) => assert.ok(error instanceof DeniedError));
  }
  const calls = seen.length;
  assert.equal(engine.breaker('shop').state, 'open');
  await assert.rejects(call(address), (error) => error instanceof DeniedError && error.guard === 'breaker' && error.retryAfter > 0);
  assert.equal(seen.length, calls);
});

test('a signal ends waiting, and its reason comes out', async (t) => {
  const { address, seen } = await service(t, [429, { 'retry-after': '30' }]);
  const { engine } = guarded(t);
  engine.retry('patient', { max_attempts: 3, max_seconds: 60 });
  const call = createFetch(engine, { retry: 'patient' });
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = call(address, { signal: controller.signal });
  while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(running, (error) => error === reason);
  await assert.rejects(call(address, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  assert.equal(seen.length, 1);
});

test('a full bulkhead refuses and gives its place back', async (t) => {
  const { address } = await service(t);
  const { engine } = guarded(t);
  const call = createFetch(engine, { bulkhead: 'shop' });
  const both = await Promise.allSettled([call(address), call(address)]);
  assert.deepEqual(both.map(({ status }) => status), ['fulfilled', 'rejected']);
  assert.ok(both[1].reason instanceof DeniedError);
  assert.equal((await call(address)).status, 200);
  assert.throws(() => createFetch(engine, { breakr: 'shop' }), /did you mean breaker\?/);
});
