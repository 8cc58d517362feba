// Threads, cluster workers and child processes over one region. Everything here has a deadline: a
// hang would mean that an environment waits for another one, which nothing in tidegate does.
'use strict';
const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { Engine } = require('tidegate');
const { regionPath, run } = require('./support');

const work = path.join(__dirname, 'fixtures/work.js');
const clustered = path.join(__dirname, 'fixtures/cluster.js');
const limited = (file) => ({
  region: { path: file },
  limiters: { api: { algorithm: 'token_bucket', rate_per_second: 0.001, burst: 1000, keyed: true } },
});

function totals(file) {
  const observer = Engine.attach(file);
  const snapshot = observer.snapshot().toJSON();
  observer.close();
  return {
    count: snapshot.counters.find(({ name }) => name === 'work').value,
    samples: snapshot.histograms.find(({ name }) => name === 'took').lifetime.count,
    admitted: snapshot.limiters[0].admitted,
  };
}

test('threads share one limit and lose no count', { timeout: 60_000 }, async (t) => {
  const file = regionPath(t);
  const engine = new Engine(limited(file));
  const threads = Array.from({ length: 4 }, () => new Worker(work, { workerData: { config: limited(file), steps: 50_000 } }));
  const answers = await Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0]));
  await Promise.all(threads.map((thread) => thread.terminate()));
  assert.deepEqual(totals(file), { count: 200_000, samples: 200_000, admitted: 1000 });
  assert.equal(answers.reduce((sum, { admitted }) => sum + admitted, 0), 1000);
  engine.close();
});

test('a thread that is terminated in a call loses nothing that it told', { timeout: 120_000 }, async (t) => {
  const file = regionPath(t);
  const engine = new Engine(limited(file));
  const told = new BigInt64Array(new SharedArrayBuffer(8));
  for (let round = 0; round < 20; round++) {
    const thread = new Worker(work, { workerData: { config: limited(file), steps: Infinity, told } });
    await once(thread, 'message');
    await new Promise((resolve) => setTimeout(resolve, round * 3));
    await thread.terminate();
  }
  const { count, samples } = totals(file);
  // What was counted but not told yet is at most one step of each thread.
  assert.ok(count >= Number(told[0]) && count <= Number(told[0]) + 20, `${count} counted, ${told[0]} told`);
  assert.ok(samples >= Number(told[0]) && samples <= count);
  engine.close();
});

test('threads start and end with renderings under way', { timeout: 60_000 }, async (t) => {
  const file = regionPath(t);
  const engine = new Engine({ region: { path: file } });
  for (let i = 0; i < 200; i++) engine.histogram('h', { labels: { i: String(i) } }).record(1);
  const source = `
    const { workerData } = require('node:worker_threads');
    const { Engine } = require(workerData.tidegate);
    const engine = new Engine({ region: { path: workerData.file } });
    engine.counter('c').inc();
    for (let i = 0; i < 8; i++) engine.render('json').catch(() => {});
    if (workerData.exit) process.exit();`;
  for (let i = 0; i < 12; i++) {
    const thread = new Worker(source, { eval: true, workerData: { file, exit: i % 3 === 0, tidegate: require.resolve('tidegate') } });
    if (i % 3 === 1) thread.on('online', () => thread.terminate());
    await once(thread, 'exit');
  }
  engine.close();
});

test('child processes share by path, also when they are killed', { timeout: 60_000 }, async (t) => {
  const file = regionPath(t);
  const engine = new Engine(limited(file));
  const children = Array.from({ length: 3 }, (_, i) => {
    const child = fork(work, { env: { ...process.env, WORK: JSON.stringify({ config: limited(file), steps: 20_000, linger: i > 0 }) } });
    t.after(() => child.kill('SIGKILL'));
    return child;
  });
  const ended = children.map((child) => once(child, 'exit'));
  await Promise.all(children.map((child) => once(child, 'message')));
  children[1].kill('SIGKILL');
  children[2].kill('SIGKILL');
  await Promise.all(ended);
  assert.deepEqual(totals(file), { count: 60_000, samples: 60_000, admitted: 1000 });
  engine.close();
});

test('cluster workers share one limit, and one without a path is told what to do', { timeout: 60_000 }, async (t) => {
  const file = regionPath(t);
  const { code, stdout, stderr } = await run(clustered, [JSON.stringify(limited(file))]);
  assert.equal(code, 0, stderr);
  const seen = JSON.parse(stdout);
  assert.equal(seen.admitted, 1000);
  assert.deepEqual(seen.refusals, Array(3).fill('TIDEGATE_E_CONFIG: region.path is missing'));
  assert.deepEqual(totals(file), { count: 30_000, samples: 30_000, admitted: 1000 });
});
