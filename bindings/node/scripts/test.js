// Runs test/*.test.js with node's own runner; arguments choose files by a part of their name.
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const folder = path.join(__dirname, '../test');
const wanted = process.argv.slice(2);
const files = fs
  .readdirSync(folder)
  .filter((name) => name.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => path.join(folder, name));
if (files.length === 0) {
  console.error(`no test file has a name with ${wanted.join(' or ')} in it`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ['--expose-gc', '--test', ...files], { stdio: 'inherit' });
process.exit(status ?? 1);
