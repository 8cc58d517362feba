'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, TidegateError } = require('tidegate');

test('a counter counts what it is told', () => {
  const engine = new Engine();
  const hits = engine.counter('hits', { help: 'Hits', labels: { route: '/' } });
  hits.inc();
  hits.inc(41);
  hits.inc(0);
  assert.equal(hits.value, 42);
  assert.equal(engine.counter('hits', { labels: { route: '/' } }), hits);
  assert.equal(engine.counter('hits').value, 0);
  engine.close();
});

test('counts beyond 2^53 are exact, as bigints', () => {
  const engine = new Engine();
  const bytes = engine.counter('bytes');
  bytes.inc(2 ** 53 - 1);
  assert.equal(bytes.value, 2 ** 53 - 1);
  bytes.inc();
  bytes.inc();
  assert.equal(bytes.value, 2n ** 53n + 1n);
  bytes.inc(2n ** 63n);
  assert.equal(bytes.value, 2n ** 63n + 2n ** 53n + 1n);
  const [counter] = engine.snapshot().toJSON().counters;
  assert.equal(counter.value, 2n ** 63n + 2n ** 53n + 1n);
  engine.close();
});

test('a cell that is full goes on through calls', () => {
  const engine = new Engine();
  const bytes = engine.counter('bytes');
  const most = 2 ** 32 - 1;
  let sum = 0n;
  // 2^52 is reached after 2^20 additions of 2^32; the total does not show where it happened.
  for (let i = 0; i < 2 ** 20 + 1000; i++) {
    bytes.inc(most);
    sum += BigInt(most);
  }
  assert.equal(BigInt(bytes.value), sum);
  engine.close();
});

test('amounts that are no counts are refused', () => {
  const engine = new Engine();
  const hits = engine.counter('hits');
  for (const wrong of [-1, 1.5, NaN, Infinity, '3', null, {}, -1n, 2n ** 64n, [], true]) {
    assert.throws(() => hits.inc(wrong), { name: 'TypeError', message: /a counter grows by whole numbers/ });
  }
  assert.equal(hits.value, 0);
  engine.close();
});

test('children with labels are the metric with those labels', () => {
  const engine = new Engine();
  const requests = engine.counter('requests', { labels: { service: 'shop' } });
  requests.with({ method: 'GET', status: 200 }).inc(2);
  requests.with({ method: 'GET', status: 200 }).inc();
  requests.with({ method: 'PUT', status: 500 }).inc();
  assert.equal(requests.with({ method: 'GET', status: 200 }), requests.with({ method: 'GET', status: 200 }));
  const seen = engine.snapshot().toJSON().counters;
  const of = (status) => seen.find(({ labels }) => labels.status === status && labels.service === 'shop')?.value;
  assert.deepEqual([of('200'), of('500'), seen.length], [3, 1, 3]);
  assert.throws(() => requests.with('GET'), /labels must be an object/);
  engine.close();
});

test('a gauge holds what was set last', () => {
  const engine = new Engine();
  const depth = engine.gauge('depth');
  depth.set(7.5);
  depth.inc();
  depth.dec(2);
  depth.add(-0.5);
  assert.equal(depth.value, 6);
  assert.throws(() => depth.set('7'), TypeError);
  assert.throws(() => depth.set(NaN), (error) => error instanceof TidegateError && error.code === 'TIDEGATE_E_ARGUMENT');
  engine.close();
});

test('values written as cells and values recorded by calls are one distribution', () => {
  const engine = new Engine();
  const latency = engine.histogram('latency', { unit: 'seconds' });
  const all = [];
  let seed = 42;
  for (let i = 0; i < 20_000; i++) {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    // From 2^-45 to 2^45: cells hold 2^-30 to 2^34, calls the rest.
    const value = 2 ** ((seed / 2 ** 31) * 90 - 45);
    all.push(value);
    latency.record(value);
  }
  latency.record(0);
  all.push(0);
  all.sort((a, b) => a - b);
  const wanted = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1];
  latency.quantiles(wanted).forEach((value, i) => {
    const exact = all[Math.max(0, Math.ceil(wanted[i] * all.length) - 1)];
    assert.ok(Math.abs(value - exact) <= exact * 0.0079, `${wanted[i]}: ${value}, exactly ${exact}`);
  });
  assert.equal(latency.quantile(0), 0);
  assert.equal(latency.quantile(1), all.at(-1));
  const { lifetime } = engine.snapshot().toJSON().histograms[0];
  assert.equal(lifetime.count, all.length);
  assert.ok(Math.abs(lifetime.sum / all.reduce((a, b) => a + b) - 1) < 1e-12);
  engine.close();
});

test('every bucket edge falls where the library puts it', () => {
  for (const relative_error of [0.002, 0.0078125, 0.03]) {
    const engine = new Engine();
    const cells = engine.histogram('cells', { relative_error });
    const calls = engine.histogram('calls', { relative_error });
    const values = [];
    for (let octave = -32; octave <= 35; octave++) {
      for (const step of [0, 1 / 256, 1 / 128, 1 / 3, 0.5, 255 / 256]) {
        const edge = 2 ** octave * (1 + step);
        values.push(edge, edge * (1 - Number.EPSILON), edge * (1 + Number.EPSILON));
      }
    }
    for (const value of values) cells.record(value);
    calls.recordMany(values);
    const ranks = Array.from({ length: 500 }, (_, i) => i / 499);
    assert.deepEqual(cells.quantiles(ranks), calls.quantiles(ranks));
    engine.close();
  }
});

test('values that are no measurements are refused and not counted', () => {
  const engine = new Engine();
  const latency = engine.histogram('latency');
  for (const wrong of [-1, NaN, Infinity, -Infinity]) {
    assert.throws(() => latency.record(wrong), { code: 'TIDEGATE_E_ARGUMENT' });
    assert.throws(() => latency.recordMany([1, wrong]), { code: 'TIDEGATE_E_ARGUMENT' });
  }
  for (const wrong of ['1', 1n, null, undefined, {}]) assert.throws(() => latency.record(wrong), TypeError);
  assert.ok(Number.isNaN(latency.quantile(0.5)));
  assert.throws(() => latency.quantile(1.5), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => latency.quantile(0.5, 1e6), { code: 'TIDEGATE_E_ARGUMENT' });
  engine.close();
});

test('time() passes on results, errors and promises, and records each', async () => {
  const engine = new Engine();
  const latency = engine.histogram('latency');
  const count = () => engine.snapshot().toJSON().histograms[0].lifetime.count;
  assert.equal(latency.time((a, b) => a + b, 1, 2), 3);
  const oops = { not: 'an Error' };
  assert.throws(() => latency.time(() => { throw oops; }), (thrown) => thrown === oops);
  await assert.rejects(latency.time(() => Promise.reject(oops)), (thrown) => thrown === oops);
  assert.equal(count(), 3);
  const timer = latency.startTimer();
  assert.ok(timer.stop() >= 0);
  assert.equal(timer.stop(), undefined);
  assert.equal(count(), 4);
  engine.close();
});

test('a window on the manual clock moves with it', () => {
  const engine = new Engine({ clock: 'manual', window_seconds: 60 });
  const latency = engine.histogram('latency');
  latency.record(1);
  engine.advance(30);
  latency.record(3);
  assert.equal(latency.quantile(0, 60), 1);
  engine.advance(40);
  latency.record(4);
  assert.equal(latency.quantile(0, 60), 3);
  assert.equal(latency.quantile(0), 1);
  engine.close();
});

test('record() makes the histogram', () => {
  const engine = new Engine();
  engine.record('by.name', 2);
  assert.equal(engine.histogram('by.name').quantile(0.5), 2);
  assert.throws(() => engine.record('by.name', -2), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => engine.record('no name', 1), { code: 'TIDEGATE_E_ARGUMENT' });
  engine.close();
});

test('threads beyond the room for cells count by calls, and lose nothing', { timeout: 60_000 }, (t) => {
  const { regionPath } = require('./support');
  const config = { region: { path: regionPath(t) }, metrics: { max_series: 64 } };
  const engines = Array.from({ length: 260 }, () => new Engine(config));
  for (const engine of engines) {
    engine.counter('c').inc(3);
    engine.histogram('h').record(0.5);
  }
  assert.equal(engines[0].counter('c').value, 780);
  assert.equal(engines[0].snapshot().toJSON().histograms[0].lifetime.count, 260);
  // A shard that was given back goes to the next, with its numbers.
  for (const engine of engines.splice(1)) engine.close();
  const next = new Engine(config);
  next.counter('c').inc();
  assert.equal(engines[0].counter('c').value, 781);
  next.close();
  engines[0].close();
});
