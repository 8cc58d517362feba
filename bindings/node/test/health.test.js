'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine } = require('tidegate');

test('probes mean what Kubernetes means by them', () => {
  const engine = new Engine();
  assert.deepEqual(engine.health('liveness'), { status: 'healthy', httpStatus: 200 });
  assert.deepEqual(engine.health('startup'), { status: 'unhealthy', httpStatus: 503 });
  engine.startupDone();
  assert.equal(engine.health('startup').httpStatus, 200);
  assert.deepEqual(engine.health(), { status: 'healthy', httpStatus: 200 });
  engine.heartbeat();
  engine.close();
});

test('what the application reports counts for readiness, while it is fresh', async () => {
  const engine = new Engine({ clock: 'manual' });
  engine.reportHealth('database', 'healthy', { observed: 0.012, message: 'answers in 12 ms' });
  assert.equal(engine.health().status, 'healthy');
  engine.reportHealth('redis', 'unhealthy', { message: 'refused', ttl: 10 });
  assert.deepEqual(engine.health('readiness'), { status: 'unhealthy', httpStatus: 503 });
  const document = JSON.parse(await engine.render('health-json'));
  assert.equal(document.status, 'fail');
  assert.match(JSON.stringify(document), /refused/);
  engine.advance(11);
  assert.notEqual(engine.health().status, 'unhealthy');
  engine.close();
});

test('wrong probes and states name the right ones', () => {
  const engine = new Engine();
  assert.throws(() => engine.health('ready'), { name: 'TypeError', message: /one of liveness, readiness, startup/ });
  assert.throws(() => engine.health('readyness'), /did you mean readiness\?/);
  assert.throws(() => engine.reportHealth('db', 'ok'), /one of healthy/);
  assert.throws(() => engine.reportHealth('db', 'healthy', { mesage: 'x' }), /did you mean message\?/);
  assert.throws(() => engine.reportHealth('db', 'healthy', { ttl: -1 }), /ttl is at least 0/);
  assert.throws(() => engine.reportHealth('no name', 'healthy'), { code: 'TIDEGATE_E_ARGUMENT' });
  engine.close();
  assert.throws(() => engine.health(), { message: 'the engine is closed' });
  assert.throws(() => engine.heartbeat(), { message: 'the engine is closed' });
});
