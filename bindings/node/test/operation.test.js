'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine } = require('tidegate');

test('an operation knows rate, outcome and errors of what it wraps', async () => {
  const engine = new Engine();
  const query = engine.operation('db.query');
  const run = query.wrap(async function find(id) {
    if (id < 0) throw Object.assign(new Error('no'), { code: 'ENEG' });
    if (id > 99) throw new DOMException('enough', 'AbortError');
    return this.prefix + id;
  });
  const db = { prefix: 'row ', run };
  assert.equal(await db.run(7), 'row 7');
  assert.equal(await db.run(8), 'row 8');
  await assert.rejects(db.run(-1), { code: 'ENEG' });
  await assert.rejects(db.run(100), { name: 'AbortError' });
  assert.equal(query.run(() => 3), 3);
  const { count, successes, failures, ignored, successRatio, p50 } = query.read();
  assert.deepEqual([count, successes, failures, ignored], [5, 3, 1, 1]);
  assert.ok(successRatio > 0.5 && successRatio < 1);
  assert.ok(p50 >= 0);
  assert.match(engine.snapshot().toString(), /ENEG/);
  engine.close();
});

test('calls can be recorded by hand, once each', () => {
  const engine = new Engine({ clock: 'manual' });
  const job = engine.operation('job');
  job.record(0.5);
  job.record(1.5, 'failure', 'E_BROKEN');
  const call = job.begin();
  engine.advance(2);
  call.end('ignored');
  call.end();
  const read = job.read();
  assert.deepEqual([read.count, read.successes, read.failures, read.ignored, read.max], [3, 1, 1, 1, 2]);
  assert.throws(() => job.record(1, 'succes'), /an outcome is 'success'/);
  assert.throws(() => job.record('1'), /seconds must be a number/);
  assert.throws(() => job.record(-1), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => job.record(1, 'failure', 7), /an error code must be a string/);
  const late = job.begin();
  engine.close();
  assert.throws(() => late.end(), { message: 'the engine is closed' });
  assert.throws(() => job.run(() => 1), { message: 'the engine is closed' });
});

test('quick successes make no call, and the rest is told: slow, slowest, failed', (t) => {
  const { native } = require('../lib/native');
  const engine = new Engine();
  t.after(() => engine.close());
  const query = engine.operation('query', { unit: 'seconds', slow_seconds: 0.5 });
  // Fills the slowest calls of the present time, which are told one by one.
  for (let i = 0; i < 200; i++) query.record(0.4);
  const mock = t.mock.method(native, 'operationRecord');
  for (let i = 0; i < 1000; i++) query.record(0.001 + i / 1e6);
  assert.ok(mock.mock.callCount() < 100, `${mock.mock.callCount()} calls`);
  const before = mock.mock.callCount();
  query.record(0.6);
  query.record(0.001, 'failure', 'EPIPE');
  query.record(0.001, 'ignored');
  assert.throws(() => query.record(0.001, 'success', 'E'), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => query.record(-1), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => query.record('1'), TypeError);
  assert.throws(() => query.record(NaN), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.ok(mock.mock.callCount() >= before + 6);
  mock.mock.restore();
  const { count, successes, failures, ignored, slow, max } = query.read();
  assert.deepEqual([count, successes, failures, ignored, slow, max], [1203, 1201, 1, 1, 1, 0.6]);
  const calls = engine.snapshot().toJSON().slowest.calls_window;
  assert.equal(calls[0].seconds, 0.6);
});
