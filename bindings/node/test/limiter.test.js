'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Engine, Decision } = require('tidegate');

const bucket = { algorithm: 'token_bucket', rate_per_second: 1, burst: 3 };

test('a bucket admits its burst and then denies', () => {
  const engine = new Engine({ clock: 'manual' });
  const limiter = engine.limiter('api', bucket);
  assert.deepEqual([limiter.check(), limiter.check(), limiter.check(), limiter.check()], [true, true, true, false]);
  const no = limiter.decide();
  assert.ok(no instanceof Decision);
  assert.deepEqual({ ...no }, { allowed: false, limit: 3, remaining: 0, retryAfter: 1, resetAfter: 3 });
  engine.advanceNs(999_999_999);
  assert.equal(limiter.check(), false);
  engine.advanceNs(1n);
  assert.equal(limiter.check(), true);
  engine.close();
});

test('keys have limits of their own, whatever they are made of', () => {
  const engine = new Engine({ clock: 'manual' });
  const limiter = engine.limiter('api', { ...bucket, burst: 1, keyed: true });
  const keys = [
    ['ann'], ['ben'], [''], [7], ['é'], ['日本語'], ['x'.repeat(63)], ['x'.repeat(64)], ['x'.repeat(65)], ['x'.repeat(5000)],
    ['a', 'bc'], ['ab', 'c'], ['abc'], ['a', 'b', 'c'], [12n], ['a', Buffer.from([0xff])], ['a', Buffer.from([0xfe, 1])], ['a', '', ''], [Buffer.from([0xff]), 'a'], [Buffer.from([0, 255, 0])], [new Uint8Array(2)],
    ['ключ'.repeat(100)],
  ];
  for (const key of keys) assert.equal(limiter.check(...key), true, String(key));
  for (const key of keys) assert.equal(limiter.check(...key), false, String(key));
  // The bytes are the key, in every language: these name keys from above.
  for (const same of ['7', '12', Buffer.from('é'), Buffer.from('ann'), Buffer.from('a\xffbc', 'latin1'), Buffer.from('a\xff\xfe\x01', 'latin1')]) assert.equal(limiter.check(same), false);
  engine.close();
});

test('a part that is missing is refused, not taken for a key', () => {
  const engine = new Engine();
  const limiter = engine.limiter('api', { ...bucket, keyed: true });
  const user = {};
  assert.throws(() => limiter.check(user.id), { name: 'TypeError', message: /part 1 of the key must be a string.*not undefined/ });
  assert.throws(() => limiter.check('tenant', null), /part 2 of the key .* not null/);
  for (const wrong of [NaN, 1.5, 2 ** 53, true, {}, [], Symbol('s'), () => 1, new Uint16Array(2)]) assert.throws(() => limiter.check(wrong), TypeError);
  assert.throws(() => limiter.check('x'.repeat(70_000)), { name: 'RangeError', message: /at most 65536 bytes/ });
  assert.throws(() => limiter.check(), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => engine.limiter('plain', bucket).check('key'), { code: 'TIDEGATE_E_ARGUMENT' });
  engine.close();
});

test('costs are whole numbers that can pass', () => {
  const engine = new Engine({ clock: 'manual' });
  const limiter = engine.limiter('api', bucket);
  assert.equal(limiter.checkN(2), true);
  assert.equal(limiter.checkN(2), false);
  assert.equal(limiter.decideN(1).remaining, 0);
  for (const wrong of [-1, 1.5, NaN, '1', 2 ** 32, null]) assert.throws(() => limiter.checkN(wrong), /a cost is a whole number/);
  assert.throws(() => limiter.checkN(0), { code: 'TIDEGATE_E_ARGUMENT' });
  assert.throws(() => limiter.checkN(4), { code: 'TIDEGATE_E_RANGE' });
  engine.close();
});

test('limits beyond 2^31 come back whole', () => {
  const engine = new Engine({ clock: 'manual' });
  const limit = 2 ** 52;
  const limiter = engine.limiter('huge', { algorithm: 'token_bucket', rate_per_second: 1e6, burst: limit });
  const { limit: said, remaining } = limiter.decideN(2 ** 32 - 1);
  assert.deepEqual([said, remaining], [limit, limit - 2 ** 32 + 1]);
  engine.close();
});

test('a limiter of the document is there by name', () => {
  const engine = new Engine({ limiters: { login: { preset: 'auth', keyed: true } } });
  assert.equal(engine.allow('login', 'ann'), true);
  for (let i = 0; i < 4; i++) engine.limiter('login').check('ann');
  assert.equal(engine.allow('login', 'ann'), false);
  assert.equal(engine.allow('login', 'ben'), true);
  assert.throws(() => engine.allow('logout', 'ann'), { code: 'TIDEGATE_E_NOT_FOUND' });
  assert.throws(() => engine.limiter('logout'), { code: 'TIDEGATE_E_NOT_FOUND' });
  assert.equal(engine.limiter('login'), engine.limiter('login'));
  assert.equal(engine.limiter('login').name, 'login');
  engine.close();
});

test('another configuration under the same name is a conflict', () => {
  const engine = new Engine();
  engine.limiter('api', bucket);
  assert.throws(() => engine.limiter('api', { ...bucket, burst: 4 }), { code: 'TIDEGATE_E_CONFLICT' });
  engine.close();
});

test('reserving, refunding, penalties, blocks and lists', async () => {
  const engine = new Engine({ clock: 'manual' });
  const limiter = engine.limiter('api', { ...bucket, keyed: true });
  assert.equal(limiter.peek('ann').remaining, 3);
  assert.equal(limiter.checkN(3, 'ann'), true);
  assert.deepEqual([limiter.peek('ann').allowed, limiter.reserve(5, 'ann'), limiter.reserve(1, 'ann')], [false, 1, undefined]);
  limiter.refund('ann');
  assert.equal(limiter.reserve(5, 'ann'), 1);
  const reason = new Error('enough');
  await assert.rejects(limiter.wait({ key: 'ann', signal: AbortSignal.abort(reason) }), (error) => error === reason);
  await assert.rejects(limiter.wait({ key: 'ann', maxWait: 0 }), { code: 'TIDEGATE_DENIED', guard: 'limiter' });
  await limiter.wait({ key: 'ben' });
  limiter.penalize(2, 'ben');
  assert.equal(limiter.check('ben'), false);
  limiter.block(10, 'cid');
  assert.equal(limiter.check('cid'), false);
  limiter.block(0, 'cid');
  assert.equal(limiter.check('cid'), true);
  limiter.list('deny', 'dan');
  assert.equal(limiter.check('dan'), false);
  limiter.list('none', 'dan');
  assert.equal(limiter.check('dan'), true);
  assert.throws(() => limiter.list('denied', 'dan'), /a list is one of none, allow, deny/);
  assert.throws(() => limiter.reserve(-1, 'ann'), /maxWait must be at least 0/);
  const no = limiter.decide('ann');
  const headers = limiter.headers(no);
  assert.ok(Number(headers['Retry-After'] ?? headers['retry-after']) >= 1, JSON.stringify(headers));
  assert.equal(limiter.problem(no).status, 429);
  engine.close();
});

test('headers are those of a decision', (t) => {
  const engine = new Engine({ limiters: { api: { algorithm: 'token_bucket', rate_per_second: 1, burst: 5 } } });
  t.after(() => engine.close());
  const limiter = engine.limiter('api');
  assert.match(limiter.headers(limiter.decide()).RateLimit, /r=4/);
  for (const wrong of [undefined, null, {}, 4, true]) assert.throws(() => limiter.headers(wrong), /expected a decision/);
  assert.throws(() => limiter.problem({}), TypeError);
});
