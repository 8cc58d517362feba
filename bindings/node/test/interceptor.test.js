// The same promises under undici 6 and 7, whose handlers have other names, and under fetch().
'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, DeniedError } = require('tidegate');
const { createInterceptor } = require('tidegate/client');
const { service } = require('./support');

const [major, minor] = process.versions.node.split('.').map(Number);
const versions = ['undici6', ...(major > 20 || (major === 20 && minor >= 18) ? ['undici'] : [])];

for (const name of versions) {
  const { Agent, request, fetch, stream } = require(name);

  function guarded(t, options) {
    const engine = new Engine({
      breakers: { shop: { failure_rate: 0.5, minimum_calls: 5, window: { calls: 10 }, open_seconds: 60 }, forced: { initial: 'forced_open' } },
      retries: { shop: { max_attempts: 3, base_seconds: 0.001, jitter: 'none' }, patient: { max_attempts: 3, max_seconds: 60 } },
      bulkheads: { shop: { max_concurrent: 1 } },
    });
    const agent = new Agent();
    t.after(async () => {
      await agent.destroy();
      engine.close();
    });
    const dispatcher = agent.compose(createInterceptor(engine, { breaker: 'shop', retry: 'shop', operation: 'call', ...options }));
    return { engine, dispatcher };
  }

  test(`${name}: failures are tried again and the good answer is given`, async (t) => {
    const { address, seen } = await service(t, 503, 0, 200, 500);
    const { engine, dispatcher } = guarded(t);
    const { statusCode, body } = await request(address, { dispatcher });
    assert.deepEqual([statusCode, await body.text(), seen.length], [200, 'answer 3', 3]);
    const { count, failures } = engine.operation('call').read();
    assert.deepEqual([count, failures], [3, 2]);
    const response = await fetch(address, { dispatcher });
    assert.deepEqual([response.status, await response.text(), seen.length], [200, 'answer 5', 5]);
    assert.equal(engine.breaker('shop').read().permitsOut, 0);
  });

  test(`${name}: the last answer or error is the caller's`, async (t) => {
    const { address } = await service(t, 500, 500, 502);
    const { dispatcher } = guarded(t);
    const { statusCode, body } = await request(address, { dispatcher });
    assert.deepEqual([statusCode, await body.text()], [502, 'answer 3']);
    await assert.rejects(request('http://127.0.0.1:1/', { dispatcher: guarded(t).dispatcher }), { code: 'ECONNREFUSED' });
  });

  test(`${name}: what must not be sent twice is not, nor what the caller has seen a part of`, async (t) => {
    const { address, seen } = await service(t, 500, 500, -1);
    const { engine, dispatcher } = guarded(t);
    assert.equal((await request(address, { dispatcher, method: 'POST', body: 'once' })).statusCode, 500);
    assert.equal((await request(address, { dispatcher, method: 'PUT', body: require('node:stream').Readable.from(['x']) })).statusCode, 500);
    const half = await request(address, { dispatcher });
    await assert.rejects(half.body.text(), { code: 'UND_ERR_SOCKET' });
    assert.deepEqual(seen, ['POST', 'PUT', 'GET']);
    assert.equal(engine.breaker('shop').read().permitsOut, 0);
  });

  test(`${name}: an open breaker calls nobody, and each path may have its own`, async (t) => {
    const { address, seen } = await service(t);
    const { dispatcher } = guarded(t, { breaker: ({ origin, path, method }) => (`${method} ${origin}${path}` === `GET ${address}shut` ? 'forced' : 'shop') });
    const isDenied = (error) => error instanceof DeniedError && error.guard === 'breaker';
    await assert.rejects(request(`${address}shut`, { dispatcher }), isDenied);
    await assert.rejects(fetch(`${address}shut`, { dispatcher }), (error) => isDenied(error) || isDenied(error.cause));
    assert.deepEqual(seen, []);
    assert.equal((await request(address, { dispatcher })).statusCode, 200);
  });

  test(`${name}: a signal ends waiting, and its reason comes out`, async (t) => {
    const { address, seen } = await service(t, [429, { 'retry-after': '30' }], [429, { 'retry-after': '30' }]);
    const { dispatcher } = guarded(t, { retry: 'patient' });
    for (const [i, call] of [request, fetch].entries()) {
      const controller = new AbortController();
      const reason = new Error('enough');
      const running = call(address, { dispatcher, signal: controller.signal });
      while (seen.length <= i) await new Promise((resolve) => setTimeout(resolve, 1));
      setTimeout(() => controller.abort(reason), 20);
      await assert.rejects(running, (error) => error === reason);
    }
    assert.equal(seen.length, 2);
    await assert.rejects(request(address, { dispatcher, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  test(`${name}: a full bulkhead refuses until the whole response is there`, async (t) => {
    const { address } = await service(t);
    const { engine, dispatcher } = guarded(t, { bulkhead: 'shop', retry: undefined });
    const both = await Promise.allSettled([request(address, { dispatcher }), request(address, { dispatcher })]);
    assert.deepEqual(both.map(({ status }) => status), ['fulfilled', 'rejected']);
    assert.equal(both[1].reason.guard, 'bulkhead');
    await both[0].value.body.text();
    assert.equal(engine.bulkhead('shop').read().inUse, 0);
    const chunks = [];
    const { Writable } = require('node:stream');
    await stream(address, { dispatcher, method: 'GET' }, () => new Writable({ write: (chunk, _, done) => done(null, chunks.push(chunk)) }));
    assert.equal(Buffer.concat(chunks).toString(), 'answer 2');
    assert.equal(engine.bulkhead('shop').read().inUse, 0);
  });

  test(`${name}: an engine that is closed meanwhile changes no answer`, async (t) => {
    const { address } = await service(t);
    const { engine, dispatcher } = guarded(t);
    const running = request(address, { dispatcher });
    engine.close();
    assert.equal(await (await running).body.text(), 'answer 1');
    await assert.rejects(request(address, { dispatcher }), { code: 'TIDEGATE_E_STATE' });
  });
}

test('a throttle holds back while the service fails', async (t) => {
  const { Agent, request } = require('undici6');
  const { address } = await service(t, ...Array(40).fill(500));
  const engine = new Engine({ throttles: { shop: { minimum_rps: 0, seed: 7 } } });
  const agent = new Agent();
  t.after(() => agent.destroy().then(() => engine.close()));
  const dispatcher = agent.compose(createInterceptor(engine, { throttle: 'shop' }));
  const guards = new Set();
  for (let i = 0; i < 40; i++) {
    await request(address, { dispatcher }).then(({ body }) => body.dump(), ({ guard }) => guards.add(guard));
  }
  assert.deepEqual([...guards], ['throttle']);
});

test('options of an interceptor are checked', (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  assert.throws(() => createInterceptor(engine, { breakr: 'shop' }), /did you mean breaker\?/);
  assert.throws(() => createInterceptor(engine, { breaker: 'shop' }), { code: 'TIDEGATE_E_NOT_FOUND' });
});
