// The same promises, in every framework: one table of servers, one set of questions.
'use strict';
const assert = require('node:assert/strict');
const nodeHttp = require('node:http');
const { once } = require('node:events');
const { test } = require('node:test');
const { Engine } = require('tidegate');
const web = require('tidegate/web');
const { Registry, Counter } = require('prom-client');

const config = {
  limiters: { api: { algorithm: 'sliding_window', limit: 3, window_seconds: 600, keyed: true } },
  breakers: { shop: { initial: 'forced_open' } },
};
const options = { limiter: 'api', key: (request) => request.headers['x-user'] ?? 'nobody', exempt: ['/free', /^\/static\//] };

/** Each: starts a server with /item/:id, /free and /broken, and says how to stop it. */
const SERVERS = {
  async http(engine) {
    const server = nodeHttp.createServer(
      web.http(engine, (request, response) => {
        if (request.url === '/broken') {
          const answer = web.answerTo(denied(engine));
          response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(answer.body);
        } else response.end('ok');
      }, { ...options, route: (request) => (request.url.startsWith('/item/') ? '/item/:id' : request.url === '/broken' ? '/broken' : '') }),
    );
    return listening(server);
  },
  express4: (engine) => overExpress(engine, require('express4')),
  express5: (engine) => overExpress(engine, require('express')),
  async fastify(engine) {
    const app = require('fastify')();
    app.register(web.fastify, { engine, ...options });
    app.get('/item/:id', async () => 'ok');
    app.get('/free', async () => 'free');
    app.get('/static/:file', async () => 'free');
    app.get('/broken', async () => engine.breaker('shop').execute(() => 1));
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    return { address, stop: () => app.close() };
  },
  async koa(engine) {
    const Koa = require('koa');
    const router = new (require('@koa/router'))();
    router.get('/item/:id', (context) => { context.body = 'ok'; });
    router.get('/free', (context) => { context.body = 'free'; });
    router.get('/static/:file', (context) => { context.body = 'free'; });
    router.get('/broken', (context) => { context.body = engine.breaker('shop').execute(() => 1); });
    const app = new Koa();
    app.use(web.koa(engine, { ...options, key: (context) => context.get('x-user') || 'nobody' })).use(router.routes());
    return listening(nodeHttp.createServer(app.callback()));
  },
};

function denied(engine) {
  try {
    return engine.breaker('shop').execute(() => 1);
  } catch (error) {
    return error;
  }
}

function overExpress(engine, express) {
  const app = express();
  app.use(web.express(engine, options));
  const router = express.Router();
  router.get('/:id', (request, response) => { response.send('ok'); });
  app.use('/item', router);
  app.get('/free', (request, response) => { response.send('free'); });
  app.get('/static/:file', (request, response) => { response.send('free'); });
  app.get('/broken', (request, response, next) => {
    try {
      response.send(engine.breaker('shop').execute(() => 1));
    } catch (error) {
      next(error);
    }
  });
  app.use(web.expressErrors());
  return listening(nodeHttp.createServer(app));
}

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections?.();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

for (const [name, start] of Object.entries(SERVERS)) {
  test(`${name}: limits by key, says so in headers, measures by route`, { timeout: 30_000 }, async (t) => {
    const engine = new Engine(config);
    const { address, stop } = await start(engine);
    t.after(async () => {
      await stop();
      engine.close();
    });
    const get = (path, user = 'ann') => fetch(address + path, { headers: { 'x-user': user } });

    const first = await get('/item/1');
    assert.deepEqual([first.status, await first.text()], [200, 'ok']);
    assert.equal(first.headers.get('ratelimit-policy'), '"api";q=3;w=600');
    assert.match(first.headers.get('ratelimit'), /^"api";r=2;t=\d+$/);
    await get('/item/2');
    await get('/item/3');
    const fourth = await get('/item/4');
    assert.equal(fourth.status, 429);
    assert.match(fourth.headers.get('content-type'), /^application\/problem\+json/);
    assert.ok(Number(fourth.headers.get('retry-after')) >= 1);
    assert.match(fourth.headers.get('ratelimit'), /^"api";r=0;t=\d+$/);
    const body = await fourth.json();
    assert.deepEqual([body.status, body['violated-policies']], [429, ['api']]);
    assert.equal((await get('/item/1', 'ben')).status, 200);

    const broken = await get('/broken', 'ben');
    assert.equal(broken.status, 503);
    assert.ok(Number(broken.headers.get('retry-after')) >= 1);

    if (name !== 'http') {
      for (let i = 0; i < 5; i++) assert.equal((await get('/free', 'cid')).status, 200);
      assert.equal((await get('/static/x.js', 'cid')).headers.get('ratelimit'), null);
    }
    await get('/no/such/path', 'dan');

    const metrics = await get('/metrics');
    assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const text = await metrics.text();
    const count = (status, route) =>
      new RegExp(`http_server_request_duration_seconds_count\\{http_request_method="GET",http_response_status_code="${status}"${route === undefined ? '' : `,http_route="${route}"`}\\} (\\d+)`).exec(text)?.[1];
    assert.equal(count(200, '/item/:id'), '4', text);
    assert.equal(count(503, '/broken'), '1', text);
    assert.doesNotMatch(text, /\/no\/such\/path|item\/1/);
    assert.match(text, /http_server_active_requests 0/);
    assert.equal((await fetch(`${address}/metrics`, { headers: { accept: 'application/openmetrics-text;version=1.0.0' } })).headers.get('content-type').split(';')[0], 'application/openmetrics-text');
    assert.equal((await fetch(`${address}/metrics`, { method: 'HEAD' })).status, 200);

    assert.equal((await get('/health/live')).status, 200);
    assert.equal((await get('/health/startup')).status, 503);
    engine.startupDone();
    assert.deepEqual(await (await get('/health/startup')).json(), { status: 'healthy' });
    engine.reportHealth('database', 'unhealthy', { message: 'gone' });
    const health = await get('/health');
    assert.deepEqual([health.status, health.headers.get('content-type').split(';')[0]], [503, 'application/health+json']);
    assert.equal((await get('/health/ready')).status, 503);
    assert.equal((await health.json()).status, 'fail');
  });
}

test('nestjs: a guard limits, express() measures', { timeout: 30_000 }, async (t) => {
  require('reflect-metadata');
  const { Controller, Get, Module } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  class Items {
    one() {
      return 'ok';
    }
  }
  Get('item/:id')(Items.prototype, 'one', Object.getOwnPropertyDescriptor(Items.prototype, 'one'));
  Controller()(Items);
  class App {}
  Module({ controllers: [Items] })(App);
  const engine = new Engine(config);
  const app = await NestFactory.create(App, { logger: false });
  app.use(web.express(engine));
  app.useGlobalGuards(new web.NestGuard(engine, options));
  await app.listen(0, '127.0.0.1');
  const address = `http://127.0.0.1:${app.getHttpServer().address().port}`;
  t.after(async () => {
    await app.close();
    engine.close();
  });
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${address}/item/${i}`)).status, 200);
  const refused = await fetch(`${address}/item/4`);
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  const text = await (await fetch(`${address}/metrics`)).text();
  assert.match(text, /http_response_status_code="200",http_route="\/item\/:id"\} 3/);
  assert.match(text, /http_response_status_code="429"/);
});

test('a bulkhead answers 503 while it is full, and permits of aborted requests come back', { timeout: 30_000 }, async (t) => {
  const engine = new Engine({ bulkheads: { all: { max_concurrent: 1 } } });
  const pending = [];
  const { address, stop } = await listening(nodeHttp.createServer(web.http(engine, (request, response) => pending.push(response), { bulkhead: 'all' })));
  t.after(async () => {
    await stop();
    engine.close();
  });
  const controller = new AbortController();
  const first = fetch(address, { signal: controller.signal });
  while (pending.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const second = await fetch(address);
  assert.equal(second.status, 503);
  assert.equal(second.headers.get('retry-after'), '1');
  controller.abort();
  await assert.rejects(first);
  let third;
  do {
    third = fetch(address);
    await Promise.race([third, new Promise((resolve) => setTimeout(resolve, 20))]);
  } while (pending.length < 2);
  pending[1].end('at last');
  assert.equal(await (await third).text(), 'at last');
  assert.match(await engine.render('prometheus'), /http_response_status_code="499"/);
});

test('what others registered with prom-client is on our page too', { timeout: 30_000 }, async (t) => {
  const register = new Registry();
  new Counter({ name: 'old_total', help: 'Old', registers: [register] }).inc(3);
  const engine = new Engine();
  engine.counter('new').inc(2);
  const { address, stop } = await listening(nodeHttp.createServer(web.http(engine, () => {}, { registers: [register] })));
  t.after(async () => {
    await stop();
    engine.close();
  });
  const text = await (await fetch(`${address}/metrics`)).text();
  assert.match(text, /^old_total 3$/m);
  assert.match(text, /^new_total 2$/m);
});

test('options of middleware are checked when it is made', () => {
  const engine = new Engine(config);
  assert.throws(() => web.express(engine, { limitter: 'api' }), /did you mean limiter\?/);
  assert.throws(() => web.express(engine, { limiter: 'none' }), { code: 'TIDEGATE_E_NOT_FOUND' });
  assert.throws(() => web.koa(engine, { key: true }), /key must be a function/);
  assert.throws(() => web.http(engine, 'no listener'), TypeError);
  assert.throws(() => web.http(engine, () => {}, { metrics: 3 }), /metrics must be string or boolean/);
  assert.throws(() => web.fastify({}, {}, () => {}), /\{ engine \}/);
  engine.close();
});
