'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, Snapshot, TidegateError } = require('tidegate');

test('one snapshot always renders to the same bytes, also later and off the loop', async () => {
  const engine = new Engine();
  const hits = engine.counter('hits');
  hits.inc(3);
  const snapshot = engine.snapshot();
  assert.ok(snapshot instanceof Snapshot);
  const text = snapshot.toString('prometheus');
  assert.match(text, /^hits_total 3$/m);
  hits.inc();
  engine.close();
  assert.equal(snapshot.toString('prometheus'), text);
  assert.equal(await snapshot.render('prometheus'), text);
  assert.equal(JSON.parse(JSON.stringify(snapshot)).counters[0].value, 3);
  snapshot.close();
  snapshot.close();
  assert.throws(() => snapshot.toString(), { code: 'TIDEGATE_E_STATE', message: 'the snapshot is closed' });
  await assert.rejects(snapshot.render(), { code: 'TIDEGATE_E_STATE' });
});

test('render() lets the event loop go on and survives close()', async () => {
  const engine = new Engine({ metrics: { max_series_per_name: 1000 } });
  for (let i = 0; i < 300; i++) engine.histogram('latency', { labels: { route: `/${i}` } }).record(i + 1);
  const promises = [engine.render('prometheus'), engine.render('json'), engine.renderBuffer('json')];
  engine.close();
  const [prometheus, json, buffer] = await Promise.all(promises);
  assert.match(prometheus, /latency_count\{route="\/299"\} 1/);
  assert.equal(JSON.parse(json).histograms.length, 300);
  assert.ok(Buffer.isBuffer(buffer));
  await assert.rejects(engine.render(), { code: 'TIDEGATE_E_STATE' });
});

test('what other systems read: StatsD, HdrHistogram logs, OTLP', async () => {
  const engine = new Engine();
  engine.counter('hits', { labels: { route: '/a' } }).inc(3);
  engine.histogram('took').record(0.5);
  const snapshot = engine.snapshot();
  assert.match(snapshot.toString('statsd'), /^hits:3\|g\|#route:\/a$/m);
  assert.match(await snapshot.render('hdr'), /^Tag=took,.*,HISTFAAAA/m);
  await assert.rejects(engine.render('otlp'), /otlp is bytes, not text/);
  assert.throws(() => snapshot.toString('otlp'), { name: 'TypeError' });
  try {
    assert.ok((await snapshot.renderBuffer('otlp')).includes('hits'));
  } catch (error) {
    assert.match(error.message, /built without OTLP/);
    assert.throws(() => snapshot.toBuffer('otlp'), { code: 'TIDEGATE_E_ARGUMENT', message: error.message });
  }
  snapshot.close();
  engine.close();
});

test('a format that is none names the one that was meant', async () => {
  const engine = new Engine();
  await assert.rejects(engine.render('promethues'), { name: 'TypeError', message: /did you mean prometheus\?/ });
  assert.throws(() => engine.snapshot().toString(3), { name: 'TypeError', message: /not 3/ });
  assert.throws(() => engine.snapshot().toString('constructor'), TypeError);
  engine.close();
});

test('numbers in texts stay texts, and huge ones keep every digit', () => {
  const engine = new Engine();
  engine.counter('c', { labels: { a: '":12345678901234567890,' }, help: '\\"12345678901234567890' }).inc(2n ** 60n + 1n);
  const [counter] = engine.snapshot().toJSON().counters;
  assert.equal(counter.labels.a, '":12345678901234567890,');
  assert.equal(counter.value, 2n ** 60n + 1n);
  engine.close();
});

test('using closes snapshot and engine', () => {
  const engine = new Engine();
  const snapshot = engine.snapshot();
  const dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
  snapshot[dispose]();
  engine[dispose]();
  assert.equal(engine.closed, true);
});

test('a part of a snapshot is rendered by names', async () => {
  const engine = new Engine();
  engine.counter('http.requests').inc();
  engine.counter('db.queries').inc();
  const text = await engine.render('prometheus', { names: ['http.*'] });
  assert.match(text, /http_requests_total 1/);
  assert.doesNotMatch(text, /db_queries/);
  assert.match(engine.snapshot().toString('openmetrics', { names: ['db.*'], created: true }), /db_queries_created/);
  assert.throws(() => engine.snapshot().toString('json', { name: [] }), /did you mean names\?/);
  await assert.rejects(engine.render('json', { names: 3 }), { code: 'TIDEGATE_E_CONFIG' });
  engine.close();
});

test('snapshots are subtracted, merged, and read back from documents', (t) => {
  const [one, two] = [new Engine({ service: 'shop' }), new Engine({ service: 'shop' })];
  t.after(() => [one, two].forEach((engine) => engine.close()));
  const value = (snapshot) => snapshot.toJSON().counters.find(({ name }) => name === 'hits').value;
  one.counter('hits').inc(5);
  one.histogram('took').recordMany([1, 2]);
  const earlier = Snapshot.parse(one.snapshot().toString('json', { buckets: true }));
  one.counter('hits').inc(2);
  one.histogram('took').record(3);
  const since = one.snapshot().since(earlier);
  assert.equal(value(since), 2);
  assert.equal(since.toJSON().histograms[0].interval.count, 1);
  assert.throws(() => since.toString('prometheus'), { code: 'TIDEGATE_E_ARGUMENT' });
  two.counter('hits').inc(10);
  const merged = one.snapshot().merge(two.snapshot());
  assert.equal(value(merged), 17);
  assert.equal(value(Snapshot.parse(JSON.parse(merged.toString('json', { buckets: true })))), 17);
  assert.throws(() => one.snapshot().merge(one.snapshot()), { code: 'TIDEGATE_E_CONFLICT' });
  assert.throws(() => one.snapshot().since({}), /expected a Snapshot, not a Object/);
  assert.throws(() => Snapshot.parse('{"a":1}'), TidegateError);
  assert.throws(() => Snapshot.parse(''), TidegateError);
  earlier.close();
  assert.throws(() => one.snapshot().since(earlier), { message: 'the snapshot is closed' });
});

test('what an HdrHistogram counted comes over', (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  engine.histogram('old', { unit: 'seconds' }).recordMany([0.25, 0.5, 1]);
  const log = engine.snapshot().toString('hdr');
  const fresh = engine.histogram('new', { unit: 'seconds' });
  assert.equal(fresh.importHdr(log, 1e9), 3);
  assert.ok(Math.abs(fresh.quantile(1) - 1) < 0.01, String(fresh.quantile(1)));
  assert.throws(() => fresh.importHdr('no log'), { code: 'TIDEGATE_E_FORMAT' });
  assert.throws(() => fresh.importHdr(7), /a string or a Uint8Array, not 7/);
  assert.throws(() => fresh.importHdr(log, 0), { code: 'TIDEGATE_E_ARGUMENT' });
});
