'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { runSource } = require('./support');

const package_ = path.join(__dirname, '..');

test('what is published works from tarballs, without a compiler or a script', { timeout: 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-pack-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const printed = execFileSync(process.execPath, ['scripts/pack.js'], { cwd: package_, encoding: 'utf8' });
  const platform = /dist\/tidegate and dist\/(\S+)/.exec(printed)[1];
  for (const name of ['tidegate', platform]) {
    const dist = path.join(package_, 'dist', name);
    const manifest = JSON.parse(fs.readFileSync(path.join(dist, 'package.json'), 'utf8'));
    assert.equal(manifest.scripts, undefined);
    const [{ filename, files }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: dist, encoding: 'utf8' }));
    assert.ok(files.some((file) => file.path === 'LICENSE-MIT'));
    // Unpacked by hand: an install would ask a registry for packages that are not published yet.
    const target = path.join(folder, 'node_modules', manifest.name);
    fs.mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', path.join(folder, filename), '-C', target, '--strip-components=1']);
  }
  const main = JSON.parse(fs.readFileSync(path.join(package_, 'dist/tidegate/package.json'), 'utf8'));
  assert.equal(main.optionalDependencies[`@tidegate/${platform}`], main.version);
  const { libc, os: system, cpu } = JSON.parse(fs.readFileSync(path.join(package_, 'dist', platform, 'package.json'), 'utf8'));
  assert.ok(libc.length === 1 && system[0] === process.platform && cpu[0] === process.arch);
  const source = `
    const { Engine } = require(${JSON.stringify(path.join(folder, 'node_modules/tidegate'))});
    const engine = new Engine();
    engine.counter('c').inc(3);
    console.log(engine.counter('c').value);`;
  assert.deepEqual(await runSource(source), { code: 0, signal: null, stdout: '3\n', stderr: '' });

  fs.rmSync(path.join(folder, 'node_modules/@tidegate'), { recursive: true });
  const { code, stderr } = await runSource(source);
  assert.equal(code, 1);
  assert.match(stderr, /@tidegate\/.* is not installed.*optional dependencies/s);
});
