'use strict';
const assert = require('node:assert/strict');
const diagnostics = require('node:diagnostics_channel');
const { createServer } = require('node:http');
const { once, EventEmitter } = require('node:events');
const { test } = require('node:test');
const { Registry, Counter } = require('prom-client');
const { Engine } = require('tidegate');
const hooks = require('tidegate/hooks');

test('queries of a pg client are measured, whichever way they are called', async () => {
  const engine = new Engine();
  // The shape of pg: promises, callbacks, and queries that emit.
  const client = {
    name: 'client',
    query(text, back) {
      if (this.name !== 'client') throw new Error('this was lost');
      if (text instanceof EventEmitter) return text;
      const fails = text.includes('broken');
      const error = Object.assign(new Error('syntax'), { code: '42601' });
      if (typeof back === 'function') return void setImmediate(back, fails ? error : null, { rows: [] });
      return fails ? Promise.reject(error) : Promise.resolve({ rows: [1] });
    },
  };
  const inner = client.query;
  const undo = hooks.observeQueries(engine, client);
  assert.deepEqual(await client.query('SELECT 1'), { rows: [1] });
  await assert.rejects(client.query('  select broken'), { code: '42601' });
  await new Promise((resolve) => client.query('insert into t', (error, result) => resolve(assert.deepEqual([error, result], [null, { rows: [] }]))));
  const emitter = Object.assign(new EventEmitter(), { text: 'DELETE FROM t' });
  client.query(emitter).emit('end');
  const read = (verb) => engine.operation('db.query', { unit: 'seconds', labels: { verb } }).read();
  assert.deepEqual([read('select').count, read('select').failures, read('insert').count, read('delete').count], [2, 1, 1, 1]);
  undo();
  assert.equal(client.query, inner);
  assert.throws(() => hooks.observeQueries(engine, {}), /a client has a function query/);
  engine.close();
});

test('the extension for Prisma measures by model and action', async () => {
  const engine = new Engine();
  const { query } = hooks.prismaExtension(engine);
  const call = (fn) => query.$allOperations({ model: 'User', operation: 'findMany', args: { take: 1 }, query: fn });
  assert.deepEqual(await call(async (args) => args), { take: 1 });
  await assert.rejects(call(async () => { throw Object.assign(new Error('x'), { code: 'P2002' }); }), { code: 'P2002' });
  const { count, failures } = engine.operation('db.query', { unit: 'seconds', labels: { model: 'User', verb: 'findMany' } }).read();
  assert.deepEqual([count, failures], [2, 1]);
  engine.close();
});

test('fetch() is observed through diagnostics_channel', async (t) => {
  const engine = new Engine();
  const server = createServer((request, response) => response.writeHead(204).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address();
  const stop = hooks.observeFetch(engine);
  await fetch(`http://127.0.0.1:${port}/`);
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const closed = gone.address().port;
  await new Promise((resolve) => gone.close(resolve));
  await assert.rejects(fetch(`http://127.0.0.1:${closed}/`));
  stop();
  await fetch(`http://127.0.0.1:${port}/`);
  const seen = engine.snapshot().toJSON().histograms.filter(({ name }) => name === 'http.client.request.duration');
  assert.deepEqual(seen.map(({ labels, lifetime }) => [labels.server_address, labels.http_response_status_code, lifetime.count]).sort(), [
    [`127.0.0.1:${closed}`, 'error', 1],
    [`127.0.0.1:${port}`, '204', 1],
  ].sort());
  engine.close();
});

test('our metrics show in a registry of prom-client, beside theirs', async () => {
  const engine = new Engine();
  const register = new Registry();
  new Counter({ name: 'old_total', help: 'Old', registers: [register] }).inc(3);
  engine.counter('orders', { help: 'Orders', labels: { kind: 'new' } }).inc(5);
  engine.gauge('depth').set(2.5);
  engine.histogram('latency').record(1);
  const undo = hooks.exposeIn(engine, register);
  engine.counter('orders', { labels: { kind: 'old' } }).inc();
  engine.counter('late').inc(7);
  const text = await register.metrics();
  assert.match(text, /^# TYPE orders_total counter\norders_total\{kind="new"\} 5\norders_total\{kind="old"\} 1$/m);
  assert.match(text, /^depth 2\.5$/m);
  assert.match(text, /^latency_count 1$/m);
  assert.match(text, /^latency\{quantile="0\.99"\} 1$/m);
  assert.match(text, /^old_total 3$/m);
  assert.match(await register.metrics(), /^late_total 7$/m);
  undo();
  assert.doesNotMatch(await register.metrics(), /orders/);
  assert.throws(() => hooks.exposeIn(engine, {}), /registerMetric/);
  engine.close();
});

test('events are published while somebody listens', async () => {
  const engine = new Engine();
  const stop = hooks.publishEvents(engine, { every: 0.01 });
  // The publishing timer alone keeps no process alive, and so not this test.
  const alive = setInterval(() => {}, 1000);
  const [event] = await new Promise((resolve) => {
    const events = [];
    const listen = (published) => {
      events.push(published);
      diagnostics.unsubscribe('tidegate:event', listen);
      resolve(events);
    };
    diagnostics.subscribe('tidegate:event', listen);
    const retry = engine.retry('payments', { max_attempts: 3, budget_ratio: 0.1, budget_minimum: 1 });
    for (let i = 0; i < 10; i++) retry.next(2);
    retry.next(1);
  });
  assert.equal(event.name, 'payments');
  clearInterval(alive);
  stop();
  engine.close();
});
