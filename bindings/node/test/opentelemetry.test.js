// The SDK's own readers and exporters judge what they are given.
'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine } = require('tidegate');
const { metricProducer } = require('tidegate/hooks');
const { AggregationTemporality, DataPointType, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { PrometheusSerializer } = require('@opentelemetry/exporter-prometheus');

/** What an exporter gets, by name, with the SDK's own metrics beside. */
async function exported(t, producer) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000, metricProducers: [producer] });
  const provider = new MeterProvider({ readers: [reader] });
  t.after(() => provider.shutdown());
  provider.getMeter('theirs').createCounter('theirs').add(1);
  await provider.forceFlush();
  const [{ scopeMetrics }] = exporter.getMetrics();
  const metrics = scopeMetrics.flatMap(({ scope, metrics }) => metrics.map((metric) => [metric.descriptor.name, { scope, ...metric }]));
  return { all: Object.fromEntries(metrics), resourceMetrics: exporter.getMetrics()[0] };
}

test('everything that a region holds reaches an exporter, beside the SDK\'s own', async (t) => {
  const engine = new Engine({
    limiters: { api: { algorithm: 'sliding_window', limit: 1, window_seconds: 3600 } },
    breakers: { shop: { initial: 'forced_open' } },
  });
  t.after(() => engine.close());
  engine.counter('requests', { help: 'What came', unit: 'bytes', labels: { route: '/a' } }).inc(3);
  engine.gauge('level').set(-2.5);
  engine.ratio('cache').record(3, 1);
  engine.setInfo('build', { version: '1.2' });
  engine.states('mode', ['calm', 'busy']).set('busy');
  engine.operation('query', { unit: 'seconds' }).record(0.25, 'failure', 'EPIPE');
  for (let i = 0; i < 3; i++) engine.limiter('api').check();
  const latency = engine.histogram('latency', { unit: 'seconds' });
  const values = Array.from({ length: 1000 }, (_, i) => 1e-6 * 1.02 ** i);
  latency.recordMany([0, ...values]);

  const { all } = await exported(t, metricProducer(engine));
  const values_ = (name) => all[name].dataPoints.map(({ attributes, value }) => [attributes, value]);
  assert.equal(all.theirs.dataPoints[0].value, 1);
  assert.equal(all.requests.scope.name, 'tidegate');
  assert.deepEqual([all.requests.descriptor.unit, all.requests.descriptor.description, all.requests.isMonotonic, all.requests.dataPointType], ['By', 'What came', true, DataPointType.SUM]);
  assert.deepEqual(values_('requests'), [[{ route: '/a' }, 3]]);
  assert.deepEqual(values_('level'), [[{}, -2.5]]);
  assert.deepEqual(values_('cache'), [[{ result: 'hits' }, 3], [{ result: 'misses' }, 1]]);
  assert.deepEqual(values_('build'), [[{ version: '1.2' }, 1]]);
  assert.deepEqual(values_('mode'), [[{ state: 'calm' }, 0], [{ state: 'busy' }, 1]]);
  assert.deepEqual(values_('query.outcomes').find(([{ outcome }]) => outcome === 'failure'), [{ outcome: 'failure' }, 1]);
  assert.deepEqual(values_('tidegate.limiter.denied'), [[{ 'tidegate.limiter.name': 'api' }, 2]]);
  assert.deepEqual(values_('tidegate.breaker.state').filter(([, value]) => value === 1), [[{ 'tidegate.breaker.name': 'shop', state: 'forced_open' }, 1]]);
  for (const { startTime, endTime } of all.latency.dataPoints) {
    assert.ok(startTime[0] > 1.6e9 && (endTime[0] > startTime[0] || endTime[1] >= startTime[1]));
    assert.ok(Number.isInteger(endTime[1]) && endTime[1] < 1e9);
  }

  assert.equal(all.latency.dataPointType, DataPointType.EXPONENTIAL_HISTOGRAM);
  const { count, sum, min, max, scale, zeroCount, positive } = all.latency.dataPoints[0].value;
  assert.deepEqual([count, zeroCount, min, max], [1001, 1, 0, values.at(-1)]);
  assert.ok(Math.abs(sum - values.reduce((a, b) => a + b)) < 1e-6);
  assert.ok(positive.bucketCounts.length <= 640);
  assert.equal(positive.bucketCounts.reduce((a, b) => a + b), 1000);
  // Each quantile of theirs is what was recorded, but for the widths of two buckets.
  const width = 2 ** (2 ** -scale) * (1 + 1 / 128);
  let rank = 0;
  positive.bucketCounts.forEach((n, i) => {
    const upper = 2 ** ((positive.offset + i + 1) * 2 ** -scale);
    rank += n;
    if (n > 0) assert.ok(values[rank - 1] <= upper * (1 + 1 / 128) && values[rank - 1] >= upper / width / width, `${values[rank - 1]} in ${upper}`);
  });
});

test('with boundaries, exporters without exponential histograms have them too', async (t) => {
  const engine = new Engine();
  t.after(() => engine.close());
  engine.histogram('latency', { unit: 'seconds' }).recordMany([0, 0.004, 0.05, 0.2, 7]);
  const { all, resourceMetrics } = await exported(t, metricProducer(engine, { boundaries: [0.01, 0.1, 1] }));
  const { buckets, count } = all.latency.dataPoints[0].value;
  assert.deepEqual([buckets.counts, buckets.boundaries, count], [[2, 1, 1, 1], [0.01, 0.1, 1], 5]);
  assert.match(new PrometheusSerializer().serialize(resourceMetrics), /^latency_bucket\{.*le="0\.1".*\} 3 ?/m);
});

test('a producer tells errors, and its options are checked', async (t) => {
  const engine = new Engine();
  engine.counter('a').inc();
  engine.counter('b').inc();
  const only = await metricProducer(engine, { names: ['a'] }).collect();
  assert.deepEqual(only.resourceMetrics.scopeMetrics[0].metrics.map(({ descriptor }) => descriptor.name), ['a']);
  assert.throws(() => metricProducer(engine, { boundries: [1] }), /did you mean boundaries/);
  assert.throws(() => metricProducer(engine, { boundaries: [2, 1] }), /numbers that grow/);
  const producer = metricProducer(engine);
  engine.close();
  const { errors, resourceMetrics } = await producer.collect();
  assert.deepEqual([errors.length, errors[0].code, resourceMetrics.scopeMetrics], [1, 'TIDEGATE_E_STATE', []]);
});
