// Somebody's function inside a guard: passed on unchanged, reported once, permits never kept.
'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, DeniedError, TidegateError, Permit } = require('tidegate');

/** What somebody may throw. */
const thrown = [new Error('plain'), 'a text', 0, null, undefined, Object.freeze({ frozen: true }), Symbol('s'), 7n, new (class Custom {})()];

function engineOf(t, config = {}) {
  const engine = new Engine({ clock: 'manual', ...config });
  t.after(() => engine.close());
  return engine;
}

test('a bulkhead admits as many as it says, and takes permits back', (t) => {
  const bulkhead = engineOf(t).bulkhead('db', { max_concurrent: 2 });
  const [a, b, c] = [bulkhead.enter(), bulkhead.enter(), bulkhead.enter()];
  assert.ok(a instanceof Permit && b instanceof Permit);
  assert.equal(c, undefined);
  assert.throws(() => bulkhead.execute(() => 1), (error) => {
    assert.ok(error instanceof DeniedError && error instanceof TidegateError);
    assert.deepEqual([error.code, error.guard, error.guardName, error.name], ['TIDEGATE_DENIED', 'bulkhead', 'db', 'DeniedError']);
    return true;
  });
  a.success();
  assert.equal(a.reported, true);
  assert.throws(() => a.success(), { code: 'TIDEGATE_E_STATE', message: /given back before/ });
  assert.equal(bulkhead.execute(() => 'in'), 'in');
  b[Symbol.dispose ?? Symbol.for('Symbol.dispose')]();
  assert.equal(b.reported, true);
});

test('whatever is thrown or rejected comes out unchanged, and the permit goes back', async (t) => {
  const bulkhead = engineOf(t).bulkhead('db', { max_concurrent: 1 });
  for (const reason of thrown) {
    let caught = 'nothing';
    try {
      bulkhead.execute(() => { throw reason; });
    } catch (error) {
      caught = error;
    }
    assert.equal(caught, reason);
    const promise = bulkhead.execute(() => Promise.reject(reason));
    assert.equal(bulkhead.enter(), undefined, 'the permit is out while the promise is pending');
    caught = 'nothing';
    try {
      await promise;
    } catch (error) {
      caught = error;
    }
    assert.equal(caught, reason);
  }
  assert.equal(await bulkhead.execute(async () => 42), 42);
  bulkhead.enter().success();
});

test('a wrapped function keeps its this, arguments, name and length', async (t) => {
  const bulkhead = engineOf(t).bulkhead('db', { max_concurrent: 1 });
  const shop = {
    tax: 1.2,
    price: bulkhead.wrap(function price(amount, count) {
      return this.tax * amount * count;
    }),
    later: bulkhead.wrap(async function (amount) {
      return this.tax * amount;
    }),
  };
  assert.equal(shop.price(10, 2), 24);
  assert.equal(await shop.later(10), 12);
  assert.deepEqual([shop.price.name, shop.price.length], ['price', 2]);
  assert.throws(() => bulkhead.wrap('no function'), TypeError);
  assert.throws(() => bulkhead.wrap(() => {}, { isfailure: () => true }), /did you mean isFailure\?/);
});

test('a rejection that nobody handles is still an unhandled rejection', async (t) => {
  const { runSource } = require('./support');
  const source = `
    const { Engine } = require(${JSON.stringify(require.resolve('tidegate'))});
    const bulkhead = new Engine().bulkhead('db', { max_concurrent: 1 });
    bulkhead.execute(() => Promise.reject(new Error('lost?')));`;
  const { code, stderr } = await runSource(source);
  assert.equal(code, 1);
  assert.match(stderr, /lost\?/);
});

test('an engine that is closed meanwhile changes neither results nor errors', async () => {
  const engine = new Engine();
  const bulkhead = engine.bulkhead('db', { max_concurrent: 2 });
  const good = bulkhead.execute(async () => 'good');
  const bad = bulkhead.execute(async () => { throw 'bad'; });
  const permit = bulkhead.enter() ?? null;
  engine.close();
  assert.equal(await good, 'good');
  await assert.rejects(bad, (error) => error === 'bad');
  assert.equal(permit, null);
  assert.throws(() => bulkhead.execute(() => 1), { message: 'the engine is closed' });
});

test('permits of promises that never settle expire', (t) => {
  const engine = engineOf(t);
  const bulkhead = engine.bulkhead('db', { max_concurrent: 1, permit_timeout_seconds: 30 });
  bulkhead.execute(() => new Promise(() => {}));
  assert.equal(bulkhead.enter(), undefined);
  engine.advance(31);
  const permit = bulkhead.enter();
  assert.ok(permit);
  permit.ignore();
});

test('a retry tries again until it works or is given up, and rejects with the last error', async (t) => {
  const retry = engineOf(t).retry('payments', { max_attempts: 3, base_seconds: 0.001, jitter: 'none' });
  const attempts = [];
  assert.equal(await retry.run(async ({ attempt }) => {
    attempts.push(attempt);
    if (attempt < 3) throw new Error('again');
    return 'done';
  }), 'done');
  assert.deepEqual(attempts, [1, 2, 3]);
  for (const reason of thrown) {
    let calls = 0;
    let caught = 'nothing';
    try {
      await retry.run(() => { calls += 1; throw reason; });
    } catch (error) {
      caught = error;
    }
    assert.deepEqual([caught, calls], [reason, 3]);
  }
});

test('delays are those of the configuration', (t) => {
  const retry = engineOf(t).retry('plain', { max_attempts: 4, base_seconds: 0.1, multiplier: 2, max_seconds: 0.3, jitter: 'none' });
  assert.deepEqual([1, 2, 3, 4, 5].map((attempt) => retry.next(attempt)), [0, 0.1, 0.2, 0.3, undefined]);
  assert.equal(retry.next(2, 0, 2), 2);
  assert.throws(() => retry.next(0), { code: 'TIDEGATE_E_ARGUMENT' });
  for (const wrong of [-1, 1.5, '1', NaN, 2 ** 32]) assert.throws(() => retry.next(wrong), /attempts count from 1/);
  assert.throws(() => retry.next(2, -1), /elapsed must be at least 0/);
});

test('a signal ends the waiting with its reason, and a verdict ends the trying', async (t) => {
  const retry = engineOf(t).retry('slow', { max_attempts: 5, base_seconds: 60, max_seconds: 60, jitter: 'none' });
  const controller = new AbortController();
  const reason = { why: 'enough' };
  let calls = 0;
  const running = retry.run(({ signal }) => {
    calls += 1;
    assert.equal(signal, controller.signal);
    setImmediate(() => controller.abort(reason));
    throw new Error('again');
  }, { signal: controller.signal });
  await assert.rejects(running, (error) => error === reason);
  assert.equal(calls, 1);
  await assert.rejects(retry.run(() => 1, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  const fatal = new Error('fatal');
  await assert.rejects(retry.run(() => { calls += 1; throw fatal; }, { shouldRetry: (error) => error !== fatal }), (error) => error === fatal);
  const aborted = new DOMException('stop', 'AbortError');
  await assert.rejects(retry.run(() => { calls += 1; throw aborted; }), (error) => error === aborted);
  assert.equal(calls, 3);
  assert.throws(() => retry.run(() => 1, { singal: controller.signal }), /did you mean signal\?/);
});

test('what a server asks for is waited for', async (t) => {
  const retry = engineOf(t).retry('asked', { max_attempts: 2, base_seconds: 0.001, jitter: 'none' });
  for (const error of [
    Object.assign(new Error(), { retryAfter: 0.05 }),
    Object.assign(new Error(), { response: { headers: new Headers({ 'retry-after': new Date(Date.now() + 1500).toUTCString() }) } }),
  ]) {
    const begun = performance.now();
    await assert.rejects(retry.run(() => { throw error; }), (caught) => caught === error);
    assert.ok(performance.now() - begun >= 45, `waited only ${performance.now() - begun} ms`);
  }
});

test('keyed bulkheads have places for each key', (t) => {
  const bulkhead = engineOf(t).bulkhead('tenants', { max_concurrent: 1, keyed: true });
  const permit = bulkhead.enter('ann');
  assert.equal(bulkhead.enter('ann'), undefined);
  assert.equal(bulkhead.execute(() => 'in', { key: 'ben' }), 'in');
  assert.throws(() => bulkhead.execute(() => 'in', { key: ['ann'] }), DeniedError);
  const call = bulkhead.wrap((tenant, value) => value, { key: (tenant) => tenant });
  assert.equal(call('cid', 7), 7);
  assert.throws(() => call('ann', 7), DeniedError);
  assert.deepEqual(bulkhead.read().inUse, 1);
  assert.throws(() => permit.success(NaN), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.equal(permit.reported, false);
  permit.success(0.1);
  assert.equal(bulkhead.read().inUse, 0);
});

test('a throttle holds back when the server fails', (t) => {
  const throttle = engineOf(t).throttle('upstream', { minimum_rps: 0, seed: 7 });
  let called = 0;
  let denied = 0;
  for (let i = 0; i < 500; i++) {
    try {
      throttle.execute(() => { called += 1; throw 'down'; });
    } catch (error) {
      if (error instanceof DeniedError) denied += 1;
      else assert.equal(error, 'down');
    }
  }
  assert.equal(called + denied, 500);
  assert.ok(denied > 100, `only ${denied} were held back`);
  assert.throws(() => throttle.report('succes'), /an outcome is/);
});
