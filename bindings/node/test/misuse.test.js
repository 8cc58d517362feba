'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { Engine, Counter, Limiter, TidegateError } = require('tidegate');
const { regionPath, runSource } = require('./support');

const bucket = { algorithm: 'token_bucket', rate_per_second: 1, burst: 3, keyed: true };

test('errors are TidegateErrors with a code, a status and a sentence', () => {
  assert.throws(() => new Engine({ window_seconds: -1 }), (error) => {
    assert.ok(error instanceof TidegateError && error instanceof Error);
    assert.equal(error.name, 'TidegateError');
    assert.equal(error.code, 'TIDEGATE_E_CONFIG');
    assert.equal(error.status, -2);
    assert.match(error.message, /window_seconds/);
    return true;
  });
});

test('a misspelt field names the right one', () => {
  const meant = (field, wrong) => assert.throws(() => wrong(), new RegExp(`did you mean ${field}\\?`));
  const engine = new Engine();
  meant('limiters', () => new Engine({ limiter: {} }));
  meant('window_seconds', () => new Engine({ windowSeconds: 60 }));
  meant('size_bytes', () => new Engine({ region: { sizeBytes: 1 } }));
  meant('burst', () => engine.limiter('x', { ...bucket, brust: 1 }));
  meant('max_keys', () => engine.limiter('x', { ...bucket, maxKeys: 1 }));
  meant('labels', () => engine.counter('x', { label: {} }));
  meant('relative_error', () => engine.histogram('x', { relativeError: 0.01 }));
  assert.throws(() => new Engine({ entirely: 'else' }), (error) => !/did you mean/.test(error.message));
  engine.close();
});

test('wrong types are TypeErrors that say what was found', () => {
  const engine = new Engine();
  assert.throws(() => engine.counter(7), { name: 'TypeError', message: 'the name of a counter must be a string, not 7' });
  assert.throws(() => engine.counter(), /not undefined/);
  assert.throws(() => engine.counter('x', []), /must be an object or JSON text, not an array/);
  assert.throws(() => engine.counter('x', 3), TypeError);
  assert.throws(() => engine.limiter('x', { ...bucket, burst: NaN }), /burst is NaN/);
  assert.throws(() => engine.limiter('x', { ...bucket, burst: () => 3 }), /burst must be data/);
  assert.throws(() => engine.counter('a\0b'), TypeError);
  assert.throws(() => new Engine(3), TypeError);
  assert.throws(() => new Engine('{'), { code: 'TIDEGATE_E_CONFIG' });
  assert.throws(() => new Engine('[]'), { code: 'TIDEGATE_E_CONFIG' });
  assert.throws(() => Engine.attach(), TypeError);
  assert.throws(() => Engine.attach('/no/such/region'), { code: 'TIDEGATE_E_NOT_FOUND' });
  assert.throws(() => engine.advance(1), { code: 'TIDEGATE_E_STATE' });
  assert.throws(() => engine.advance(-1), TypeError);
  assert.throws(() => Engine(), TypeError);
  engine.close();
});

test('a closed engine is an error for everything that it opened', async () => {
  const engine = new Engine();
  const counter = engine.counter('c');
  const gauge = engine.gauge('g');
  const histogram = engine.histogram('h');
  const limiter = engine.limiter('l', bucket);
  counter.inc();
  histogram.record(1);
  engine.close();
  engine.close();
  const closed = { name: 'TidegateError', code: 'TIDEGATE_E_STATE', message: 'the engine is closed' };
  for (const wrong of [
    () => counter.inc(), () => counter.inc(2 ** 40), () => counter.value, () => counter.with({ a: 1 }),
    () => gauge.set(1), () => gauge.add(1), () => gauge.value,
    () => histogram.record(1), () => histogram.record(0), () => histogram.recordMany([1]), () => histogram.quantile(0.5),
    () => limiter.check('k'), () => limiter.decide('k'),
    () => engine.counter('c'), () => engine.record('h', 1), () => engine.allow('l', 'k'), () => engine.snapshot(),
    () => engine.tick(), () => engine.advance(1),
  ]) assert.throws(wrong, closed, String(wrong));
  await assert.rejects(engine.render(), closed);
});

test('a handle that was given out again does not serve its last owner', () => {
  const first = new Engine();
  const old = first.counter('c');
  first.close();
  const second = new Engine();
  const fresh = second.counter('c');
  assert.throws(() => old.inc(), { message: 'the engine is closed' });
  fresh.inc();
  assert.equal(fresh.value, 1);
  second.close();
});

test('methods on foreign receivers throw', () => {
  const engine = new Engine();
  const limiter = engine.limiter('l', bucket);
  const counter = engine.counter('c');
  assert.throws(() => Counter.prototype.inc.call(limiter), TypeError);
  assert.throws(() => Limiter.prototype.check.call(counter, 'k'), TypeError);
  assert.throws(() => Limiter.prototype.check.call({}, 'k'), TypeError);
  assert.throws(() => Engine.prototype.counter.call({}, 'c'), TypeError);
  // An object that was made by hand holds no handle of anything.
  assert.throws(() => new Counter(123456, undefined, () => {}).inc(), TidegateError);
  assert.throws(() => new Limiter(0, 'x').check('k'), TidegateError);
  engine.close();
});

test('an observer reads and does not write', (t) => {
  const file = regionPath(t);
  const engine = new Engine({ region: { path: file } });
  engine.counter('c').inc(5);
  const observer = Engine.attach(file);
  assert.equal(observer.snapshot().toJSON().counters[0].value, 5);
  assert.throws(() => observer.counter('c'), { code: 'TIDEGATE_E_STATE' });
  observer.close();
  engine.close();
});

test('the document can be a file', (t) => {
  const file = path.join(os.tmpdir(), `tidegate-config-${process.pid}.json`);
  t.after(() => fs.rmSync(file, { force: true }));
  fs.writeFileSync(file, JSON.stringify({ service: 'shop', limiters: { login: { preset: 'auth', keyed: true } } }));
  const engine = Engine.fromFile(file);
  assert.equal(engine.snapshot().toJSON().service, 'shop');
  engine.close();
  assert.throws(() => Engine.fromFile('/no/such/file'), { code: 'ENOENT' });
  assert.throws(() => Engine.checkConfig({ limiters: { x: { preset: 'atuh' } } }), { code: 'TIDEGATE_E_CONFIG' });
  Engine.checkConfig({});
});

test('collection in any order leaves nothing open and breaks nothing', { timeout: 60_000 }, async () => {
  const source = `
    const { Engine } = require(${JSON.stringify(require.resolve('tidegate'))});
    const { setImmediate: turn } = require('node:timers/promises');
    let kept;
    function make(i) {
      const engine = new Engine();
      const things = [engine.counter('c'), engine.histogram('h'), engine.limiter('l', ${JSON.stringify(bucket)}), engine.snapshot()];
      things[0].inc(); things[1].record(1); things[2].check('k');
      if (i % 7 === 0) kept = things[i % 4];
      if (i % 11 === 0) engine.close();
    }
    (async () => {
      for (let i = 0; i < 300; i++) {
        make(i);
        if (i % 20 === 0) { gc(); await turn(); }
      }
      for (let i = 0; i < 5; i++) { gc(); await turn(); }
      const regions = require('node:fs').readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => / rw-s /.test(line)).length;
      console.log(regions);
    })();`;
  const { code, stdout, stderr } = await runSource(source, { flags: ['--expose-gc'] });
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(Number(stdout) < 30, `${stdout} regions were still mapped`);
});

test('exit with everything open is clean', async () => {
  const source = `
    const { Engine } = require(${JSON.stringify(require.resolve('tidegate'))});
    const engine = new Engine();
    engine.counter('c').inc();
    engine.render('json');
    engine.histogram('h').time(() => process.exit(7));`;
  assert.deepEqual(await runSource(source), { code: 7, signal: null, stdout: '', stderr: '' });
});

test('an engine alone does not keep the process alive', async () => {
  const source = `
    const { Engine } = require(${JSON.stringify(require.resolve('tidegate'))});
    globalThis.engine = new Engine();`;
  assert.equal((await runSource(source, { seconds: 20 })).code, 0);
});
