'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const tsc = require.resolve('typescript/bin/tsc');

function compile(...args) {
  try {
    return execFileSync(process.execPath, [tsc, '--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', 'node', '--skipLibCheck', 'false', ...args], { cwd: __dirname, encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout);
  }
}

test('the types compile as they are used, as CommonJS and as ESM', { timeout: 120_000 }, () => {
  compile('--module', 'node16', '--moduleResolution', 'node16', 'types/usage.cts', 'types/usage.mts');
});

for (const [file, name] of [['index', 'tidegate'], ['web', 'tidegate/web'], ['client', 'tidegate/client'], ['hooks', 'tidegate/hooks']]) {
  test(`every export of ${name} has a type, and every type an export`, () => {
    const text = fs.readFileSync(path.join(__dirname, `../${file}.d.ts`), 'utf8');
    const declared = [...text.matchAll(/^export (?:class|const|function) (\w+)/gm)].map(([, found]) => found);
    assert.deepEqual(declared.sort(), Object.keys(require(name)).sort());
  });
}

test('every member of a class has a type, and every typed member is there', () => {
  const text = fs.readFileSync(path.join(__dirname, '../index.d.ts'), 'utf8');
  const exported = require('tidegate');
  for (const [, name, body] of text.matchAll(/^export class (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
    if (name.endsWith('Error') || name === 'Decision') continue;
    const typed = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)(?=[<(:])/gm)].map(([, member]) => member));
    const there = Object.getOwnPropertyNames(exported[name].prototype).filter((member) => member !== 'constructor');
    typed.delete('constructor');
    assert.deepEqual([...typed].sort(), there.sort(), name);
  }
});
