// A shop: Express under cluster, SQLite behind a breaker, one region for all workers.
//
//   npm install && npm start
//   curl -i -H 'x-user: ann' localhost:3000/products/7
//   curl localhost:3000/metrics
//
// PORT, WORKERS, CONFIG (path of the configuration), REGION (path of the region) and DATABASE (path of
// the database) change what they say.
'use strict';
const cluster = require('node:cluster');
const fs = require('node:fs');
const path = require('node:path');
const express = require('express');
const { Engine } = require('tidegate');
const web = require('tidegate/web');
const { open, prepare, leftovers } = require('./database');

const config = JSON.parse(fs.readFileSync(process.env.CONFIG ?? path.join(__dirname, 'tidegate.json'), 'utf8'));
config.region.path = process.env.REGION ?? config.region.path;
const file = process.env.DATABASE ?? '/tmp/shop.db';

if (cluster.isPrimary) primary();
else worker();

function primary() {
  const engine = new Engine(config);
  const restarts = engine.counter('shop.worker_restarts', { help: 'Workers that died and were replaced' });
  console.log(`SQLite by ${prepare(file)}`);
  const count = Number(process.env.WORKERS ?? 2);
  for (let i = 0; i < count; i++) cluster.fork();
  let stopping = false;
  cluster.on('exit', () => {
    if (stopping) return;
    restarts.inc();
    cluster.fork();
  });
  cluster.on('listening', (_, { port }) => console.log(`listening on ${port}`));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      stopping = true;
      cluster.disconnect(() => {
        for (const old of [file, ...leftovers(file)]) fs.rmSync(old, { force: true, recursive: true });
        engine.close();
        process.exit(0);
      });
    });
  }
}

function worker() {
  const engine = new Engine(config);
  const database = open(file);
  const breaker = engine.breaker('database');
  const query = engine.operation('db.query', { help: 'Queries of the catalogue', unit: 'seconds' });
  const served = engine.counter('shop.products_served', { help: 'Products that were looked up' });
  const broken = engine.gauge('shop.database_broken', { help: '1: queries fail, to show what happens' });

  // One call through both: measured, and refused while the breaker is open.
  const find = breaker.wrap(
    query.wrap((id) => {
      const table = broken.value === 1 ? 'no_such_table' : 'product';
      return database.get(`SELECT id, name, cents FROM ${table} WHERE id = ?`, id);
    }),
  );

  const app = express();
  app.use(
    web.express(engine, {
      limiter: 'api',
      bulkhead: 'all',
      key: (request) => request.get('x-user') ?? request.ip,
      exempt: ['/whoami', '/admin/broken/0', '/admin/broken/1'],
    }),
  );
  app.get('/products/:id', (request, response) => {
    const product = find(Number(request.params.id));
    if (product === undefined || product === null) {
      response.status(404).json({ error: 'no such product' });
      return;
    }
    served.inc();
    response.json(product);
  });
  app.get('/whoami', (request, response) => response.json({ pid: process.pid }));
  if (process.env.ADMIN === '1') {
    app.post('/admin/broken/:on', (request, response) => {
      broken.set(Number(request.params.on));
      response.json({ broken: broken.value });
    });
  }
  app.use(web.expressErrors());
  app.use((error, request, response, next) => {
    if (response.headersSent) next(error);
    else response.status(500).json({ error: error.message });
  });
  app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => engine.startupDone());
  setInterval(() => engine.heartbeat(), 5000).unref();
}
