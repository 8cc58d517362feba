// examples/node under load: workers are killed with -9, and neither the limit nor a count suffers.
'use strict';
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { test } = require('node:test');
const { Engine } = require('tidegate');
const { regionPath, runSource } = require('./support');

const example = path.join(__dirname, '../../../examples/node/server.js');
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

function get(port, where, { user = 'nobody', method = 'GET' } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', path: where, method, agent, headers: { 'x-user': user } }, (response) => {
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      response.on('error', reject);
    });
    // The cluster's primary forgets a connection that it was handing to a worker when that was killed.
    request.setTimeout(3000, () => request.destroy(new Error('nobody answers')));
    request.on('error', reject);
    request.end();
  });
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(what, check) {
  for (const begun = Date.now(); Date.now() - begun < 30_000; ) {
    if (await check().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${what} did not come about within 30 s`);
}

test('one limit, one breaker and every count, though workers are killed', { timeout: 120_000 }, async (t) => {
  const region = regionPath(t);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-shop-'));
  const port = await freePort();
  // A window so long that whatever the machine does, no more than its limit fits into the test.
  const config = JSON.parse(fs.readFileSync(path.join(path.dirname(example), 'tidegate.json'), 'utf8'));
  config.limiters.api.window_seconds = 86_400;
  const configPath = path.join(folder, 'tidegate.json');
  fs.writeFileSync(configPath, JSON.stringify(config));
  const shop = spawn(process.execPath, [example], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      NODE_PATH: path.join(__dirname, 'node_modules'),
      CONFIG: configPath, REGION: region, DATABASE: path.join(folder, 'shop.db'), PORT: String(port), WORKERS: '3', ADMIN: '1',
    },
  });
  t.after(async () => {
    agent.destroy();
    if (shop.exitCode === null && shop.signalCode === null) {
      const killer = setTimeout(() => shop.kill('SIGKILL'), 5000);
      shop.kill('SIGTERM');
      await once(shop, 'exit');
      clearTimeout(killer);
    }
    fs.rmSync(folder, { recursive: true, force: true });
  });
  await until('a worker that listens', async () => (await get(port, '/health/startup')).status === 200);

  // 1500 requests by one greedy user and 300 others, 16 at a time; two workers are killed meanwhile.
  const seen = { greedy: 0, refused: 0, others: 0, aborted: 0, unexpected: [] };
  const killed = new Set();
  async function kill() {
    const { pid } = JSON.parse((await get(port, '/whoami')).body);
    if (!killed.has(pid)) process.kill(pid, 'SIGKILL');
    killed.add(pid);
  }
  let next = 0;
  async function client() {
    while (next < 1800) {
      const i = next++;
      const user = i % 6 === 0 ? `user ${i}` : 'greedy';
      if (i === 500 || i === 1000) await kill().catch(() => {});
      try {
        const { status } = await get(port, `/products/${1 + (i % 1000)}`, { user });
        if (status === 200) seen[user === 'greedy' ? 'greedy' : 'others'] += 1;
        else if (status === 429 && user === 'greedy') seen.refused += 1;
        else seen.unexpected.push(status);
      } catch {
        seen.aborted += 1;
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, client));
  assert.deepEqual(seen.unexpected, []);
  assert.ok(killed.size >= 1);
  assert.ok(seen.greedy <= 100 && seen.greedy + seen.aborted >= 100, JSON.stringify(seen));

  const observer = Engine.attach(region);
  t.after(() => observer.close());
  const snapshot = observer.snapshot().toJSON();
  const counted = snapshot.counters.find(({ name }) => name === 'shop.products_served').value;
  const answered = seen.greedy + seen.others;
  assert.ok(counted >= answered && counted <= answered + seen.aborted, `${counted} counted, ${JSON.stringify(seen)}`);
  const { admitted, denied } = snapshot.limiters.find(({ name }) => name === 'api');
  assert.ok(denied >= seen.refused && denied <= seen.refused + seen.aborted);
  assert.ok(admitted >= answered && admitted <= 100 + 300);
  await until('workers in place of the killed', async () => {
    const { counters } = observer.snapshot().toJSON();
    return counters.find(({ name }) => name === 'shop.worker_restarts').value === killed.size;
  });

  // The database breaks: errors until the breaker opens, for all workers, then 503; and back.
  await get(port, '/admin/broken/1', { method: 'POST' });
  const statuses = [];
  const begun = Date.now();
  for (let i = 0; i < 90; i++) statuses.push((await get(port, '/products/1', { user: 'breaking' })).status);
  assert.ok(statuses.includes(500) && statuses.includes(503), statuses.join());
  const { open_seconds: openSeconds, half_open_calls: probes } = config.breakers.database;
  const halfOpened = 1 + Math.floor((Date.now() - begun) / 1000 / openSeconds);
  const failed = statuses.slice(statuses.indexOf(503)).filter((status) => status === 500).length;
  assert.ok(failed <= probes * halfOpened, `nothing but probes while it is open: ${statuses.join()}`);
  await get(port, '/admin/broken/0', { method: 'POST' });
  await until('a closed breaker', async () => (await get(port, '/products/1', { user: `mended ${Math.random()}` })).status === 200);

  const { body: metrics } = await get(port, '/metrics');
  assert.match(metrics, /http_server_request_duration_seconds_count\{[^}]*http_route="\/products\/:id"\} \d+/);
  assert.match(metrics, new RegExp(`^shop_products_served_total ${observer.snapshot().toJSON().counters.find(({ name }) => name === 'shop.products_served').value}$`, 'm'));
  assert.match((await get(port, '/health')).headers['content-type'], /application\/health\+json/);
});

test('the quick start of the README works when pasted', async (t) => {
  const text = fs.readFileSync(path.join(__dirname, '../README.md'), 'utf8');
  const blocks = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block);
  assert.ok(blocks.length >= 1);
  const env = { NODE_PATH: path.join(__dirname, 'node_modules') };
  const { code, stdout, stderr } = await runSource(blocks[0].replace('/dev/shm/shop.tidegate', regionPath(t)), { env });
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(stdout, '{ status: 200 }\ntrue\n');
});
