'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');

test('import and require give the same things', async () => {
  const required = require('tidegate');
  const imported = await import('tidegate');
  assert.deepEqual(Object.keys(imported).filter((name) => name !== 'default').sort(), Object.keys(required).sort());
  for (const name of Object.keys(required)) assert.equal(imported[name], required[name], name);
  assert.equal(imported.default, required);
});

test('the version is the library\'s', () => {
  assert.match(require('tidegate').version, /^\d+\.\d+\.\d+$/);
  assert.equal(require('tidegate').version, require('tidegate/package.json').version);
});
