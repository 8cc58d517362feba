'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, DeniedError } = require('tidegate');

const policy = { failure_rate: 0.5, minimum_calls: 4, window: { calls: 10 }, open_seconds: 10, half_open_calls: 2 };
const broken = new Error('broken');
const fails = () => { throw broken; };

function open(breaker) {
  for (let i = 0; breaker.state === 'closed'; i++) assert.throws(() => breaker.execute(fails), (error) => error === broken, String(i));
}

test('a breaker opens on failures, denies, tries again and closes', async () => {
  const engine = new Engine({ clock: 'manual' });
  const breaker = engine.breaker('payments', policy);
  assert.equal(breaker.execute(() => 'fine'), 'fine');
  open(breaker);
  assert.equal(breaker.state, 'open');
  let called = false;
  assert.throws(() => breaker.execute(() => { called = true; }), (error) => {
    assert.ok(error instanceof DeniedError);
    assert.deepEqual([error.guard, error.guardName, error.message, error.retryAfter], ['breaker', 'payments', 'breaker payments is open', 10]);
    return true;
  });
  assert.equal(called, false);
  assert.equal(breaker.acquire(), undefined);
  const { phase, reason, trippedFailures } = breaker.read();
  assert.deepEqual([phase, reason, trippedFailures], ['open', 'failure_rate', 3]);
  engine.advance(10);
  const [first, second] = [breaker.execute(async () => 1), breaker.acquire()];
  assert.equal(breaker.state, 'half_open');
  assert.equal(breaker.acquire(), undefined);
  assert.equal(await first, 1);
  second.success();
  assert.equal(breaker.state, 'closed');
  assert.ok(Number.isNaN(breaker.read().failureRate));
  engine.close();
});

test('rejections count, what isFailure excuses does not', async () => {
  const engine = new Engine({ clock: 'manual' });
  const breaker = engine.breaker('payments', policy);
  const notFound = { status: 404 };
  const get = breaker.wrap(async (error) => { throw error; }, { isFailure: (error) => error.status !== 404 });
  for (let i = 0; i < 20; i++) await assert.rejects(get(notFound), (error) => error === notFound);
  for (let i = 0; i < 20; i++) await assert.rejects(breaker.execute(async () => { throw new DOMException('', 'AbortError'); }));
  assert.deepEqual([breaker.state, breaker.read().failures], ['closed', 0]);
  for (let i = 0; i < 4; i++) await assert.rejects(get({ status: 500 }));
  assert.equal(breaker.state, 'open');
  assert.throws(() => get(notFound), DeniedError);
  engine.close();
});

test('a probe that never settles is given up after its deadline', () => {
  const engine = new Engine({ clock: 'manual' });
  const breaker = engine.breaker('payments', { ...policy, permit_timeout_seconds: 5 });
  open(breaker);
  engine.advance(10);
  breaker.execute(() => new Promise(() => {}));
  const late = breaker.acquire();
  engine.advance(6);
  assert.equal(breaker.state === 'half_open' && breaker.acquire() !== undefined && breaker.read().permitsOut > 2, false);
  late.success();
  engine.advance(20);
  assert.ok(breaker.acquire(), 'it tries again');
  engine.close();
});

test('modes are set by name', () => {
  const engine = new Engine({ clock: 'manual' });
  const breaker = engine.breaker('payments', policy);
  breaker.setMode('forced_open');
  assert.equal(breaker.state, 'forced_open');
  assert.throws(() => breaker.execute(() => 1), /breaker payments is forced-open/);
  breaker.setMode('closed');
  assert.equal(breaker.execute(() => 1), 1);
  assert.throws(() => breaker.setMode('forced-open'), /did you mean forced_open\?/);
  assert.throws(() => breaker.setMode(1), TypeError);
  assert.throws(() => engine.breaker('x', { failurerate: 0.5 }), /did you mean failure_rate\?/);
  assert.throws(() => engine.breaker('none'), { code: 'TIDEGATE_E_NOT_FOUND' });
  engine.close();
});

test('slow calls are timed without being told', async () => {
  const engine = new Engine();
  const breaker = engine.breaker('slow', { ...policy, slow_call_seconds: 0.02, slow_call_rate: 0.5 });
  for (let i = 0; i < 4; i++) await breaker.execute(() => new Promise((resolve) => setTimeout(resolve, 30)));
  assert.deepEqual([breaker.state, breaker.read().reason], ['open', 'slow_call_rate']);
  engine.close();
});

test('what happened can be read, from now on or from the start', () => {
  const engine = new Engine({ clock: 'manual' });
  const early = engine.events();
  const retry = engine.retry('payments', { max_attempts: 3, base_seconds: 0.1, budget_ratio: 0.1, budget_minimum: 1 });
  for (let i = 0; i < 10; i++) retry.next(2);
  const later = engine.events();
  const seen = early.read();
  assert.equal(seen.lost, 0);
  assert.ok(seen.events.length >= 1, 'the refusal is an event');
  assert.match(JSON.stringify(seen.events), /payments/);
  assert.deepEqual(early.read().events, []);
  assert.deepEqual(later.read().events, []);
  assert.deepEqual(engine.events({ fromStart: true }).read().events, seen.events);
  engine.close();
  assert.throws(() => early.read(), { message: 'the engine is closed' });
});
