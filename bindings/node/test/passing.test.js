// Calls that pass a closed breaker without a call into the core: none is lost, and nothing is missed
// that another thread, or an operator, decides meanwhile. On the real clock, with windows that outlast
// any machine.
'use strict';
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { Engine, DeniedError } = require('tidegate');
const { native } = require('../lib/native');
const { regionPath } = require('./support');

const policy = { failure_rate: 0.5, minimum_calls: 20, window: { seconds: 3600 }, open_seconds: 3600 };
const fails = () => { throw new Error('broken'); };

/** How many calls into the core `fn` makes on behalf of breakers. */
function crossings(t, fn) {
  const names = ['breakerAcquire', 'breakerReport', 'breakerReportPassed'];
  const mocks = names.map((name) => t.mock.method(native, name));
  fn();
  const count = mocks.reduce((sum, { mock }) => sum + mock.callCount(), 0);
  for (const { mock } of mocks) mock.restore();
  return count;
}

function warm(breaker) {
  for (let i = 0; i < 30; i++) breaker.execute(() => 1);
}

test('successes of a closed breaker make no call, and count', async (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  const breaker = engine.breaker('shop', policy);
  warm(breaker);
  const wrapped = breaker.wrap((a, b) => a + b);
  assert.equal(crossings(t, () => {
    for (let i = 0; i < 100; i++) {
      assert.equal(breaker.execute(() => i), i);
      assert.equal(wrapped(1, 2), 3);
      breaker.acquire().success();
    }
  }), 0);
  await breaker.execute(async () => 1);
  assert.deepEqual([breaker.read().calls, breaker.read().failures, breaker.state], [331, 0, 'closed']);
});

test('failures are told, whatever came before them, and open it for all at once', async (t) => {
  const file = regionPath(t);
  const [one, two] = [new Engine({ region: { path: file } }), new Engine({ region: { path: file } })];
  t.after(() => [one, two].forEach((engine) => engine.close()));
  const [here, there] = [one, two].map((engine) => engine.breaker('shop', policy));
  warm(here);
  warm(there);
  const under = there.acquire();
  const running = there.execute(() => new Promise((resolve) => setImmediate(resolve)));
  let failures = 0;
  for (; here.state === 'closed'; failures++) assert.throws(() => here.execute(fails), /broken/);
  assert.ok(failures >= 60 && failures <= 62, `${failures} failures are half of what there was`);
  assert.throws(() => there.execute(() => 1), DeniedError);
  under.success();
  await running;
  assert.deepEqual([there.state, there.read().trippedCalls], ['open', 60 + failures]);
  there.setMode('closed');
  assert.equal(here.execute(() => 2), 2);
});

test('modes that are set meanwhile hold from the next call on', (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  const breaker = engine.breaker('shop', policy);
  warm(breaker);
  breaker.execute(() => breaker.setMode('forced_open'));
  assert.throws(() => breaker.execute(() => 1), DeniedError);
});

test('slow calls are told with how long they took', (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  const breaker = engine.breaker('shop', { ...policy, slow_call_seconds: 0.01, slow_call_rate: 0.9 });
  warm(breaker);
  breaker.execute(() => {
    for (const begun = performance.now(); performance.now() - begun < 15; );
  });
  breaker.acquire().success(0.02);
  assert.equal(breaker.read().slowCalls, 2);
  assert.throws(() => breaker.acquire().success(-1), { code: 'TIDEGATE_E_ARGUMENT' });
});

test('a closed engine lets nothing pass', (t) => {
  const engine = new Engine();
  const breaker = engine.breaker('shop', policy);
  warm(breaker);
  const permit = breaker.acquire();
  const result = breaker.execute(() => {
    engine.close();
    return 'mine';
  });
  assert.equal(result, 'mine');
  assert.throws(() => permit.success(), { message: 'the engine is closed' });
  assert.throws(() => breaker.execute(() => 1), { message: 'the engine is closed' });
});

test('slots that end faster than the engine ticks are left to the core', (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  const breaker = engine.breaker('hasty', { ...policy, window: { seconds: 1 } });
  assert.ok(crossings(t, () => warm(breaker)) >= 60);
});

test('what threads let pass is counted when they have been terminated', { timeout: 60_000 }, async (t) => {
  const file = regionPath(t);
  const engine = new Engine({ region: { path: file } });
  t.after(() => engine.close());
  const breaker = engine.breaker('shop', policy);
  warm(breaker);
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    const { Engine } = require(workerData.tidegate);
    const breaker = new Engine({ region: { path: workerData.file } }).breaker('shop');
    for (let i = 0; i < 10000; i++) breaker.execute(() => i);
    parentPort.postMessage('done');
    setInterval(() => {}, 1000);`;
  const threads = Array.from({ length: 3 }, () => new Worker(source, { eval: true, workerData: { file, tidegate: require.resolve('tidegate') } }));
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  await Promise.all(threads.map((thread) => thread.terminate()));
  assert.equal(breaker.read().calls, 30_030);
});
