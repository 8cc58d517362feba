// Builds build/tidegate.node from a checkout: cargo for the library, cc for src/.
//
// Published packages bring the file and never run this. Nothing is downloaded.
//
//   TIDEGATE_LIB       the static library to link, instead of running cargo
//   TIDEGATE_FEATURES  features of the library that cargo shall switch on, such as otlp
//   TIDEGATE_HEADERS   the folder of node_api.h, where it is found nowhere else
//   CC                 the C compiler
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const here = path.join(__dirname, '..');
const root = path.join(here, '../..');

function run(program, args) {
  try {
    execFileSync(program, args, { cwd: root, stdio: 'inherit' });
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error(`${program} is not installed, and a build from source needs it`);
    throw error;
  }
}

function library() {
  if (process.env.TIDEGATE_LIB) return path.resolve(process.env.TIDEGATE_LIB);
  const features = process.env.TIDEGATE_FEATURES ? ['--features', process.env.TIDEGATE_FEATURES] : [];
  run(process.env.CARGO || 'cargo', ['build', '--release', '--lib', '--package', 'tidegate', ...features]);
  const target = path.resolve(root, process.env.CARGO_TARGET_DIR || 'target');
  return path.join(target, 'release', 'libtidegate.a');
}

// Node-API is the same in every Node 18 and later, so any copy of its headers serves.
function headers() {
  const folders = [
    process.env.TIDEGATE_HEADERS,
    path.join(process.execPath, '../../include/node'),
    process.config.variables.node_prefix && path.join(process.config.variables.node_prefix, 'include/node'),
    '/usr/include/node',
    '/usr/include/nodejs/src',
  ];
  try {
    folders.push(require('node-api-headers').include_dir);
  } catch {
    // The package is only one of the places.
  }
  const found = folders.find((folder) => folder && fs.existsSync(path.join(folder, 'node_api.h')));
  if (found) return found;
  throw new Error(
    'node_api.h was not found: install the headers of Node (package libnode-dev or nodejs), ' +
      'or `npm install node-api-headers`, or set TIDEGATE_HEADERS to their folder',
  );
}

function main() {
  if (!fs.existsSync(path.join(root, 'include/tidegate.h'))) {
    throw new Error('the sources of tidegate are not here: a build needs a checkout of the whole repository');
  }
  const output = path.join(here, 'build', 'tidegate.node');
  const sources = fs.readdirSync(path.join(here, 'src')).filter((name) => name.endsWith('.c'));
  fs.mkdirSync(path.dirname(output), { recursive: true });
  const linux = process.platform === 'linux';
  const partial = `${output}.${process.pid}`;
  run(process.env.CC || 'cc', [
    '-std=c11', '-O2', '-fPIC', '-fno-plt', '-fvisibility=hidden',
    '-Wall', '-Wextra', '-Werror',
    '-shared', '-o', partial,
    `-I${path.join(root, 'include')}`, `-I${headers()}`,
    ...sources.sort().map((name) => path.join(here, 'src', name)),
    library(),
    // The kernel may keep a pointer into the library: it is never unloaded.
    ...(linux ? ['-Wl,--exclude-libs,ALL', '-Wl,--gc-sections', '-Wl,-z,nodelete', '-Wl,-s'] : ['-undefined', 'dynamic_lookup']),
    '-lpthread', '-ldl', '-lm',
  ]);
  // In one step: a process that has the old file loaded keeps it.
  fs.renameSync(partial, output);
}

try {
  main();
} catch (error) {
  console.error(`tidegate: the addon was not built: ${error.message}`);
  process.exit(1);
}
