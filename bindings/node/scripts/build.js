// Builds build/tidegate.node from a checkout: cargo for the library, cc for src/.
//
// Published packages bring the file and never run this. Nothing is downloaded.
//
//   node scripts/build.js                     for this machine
//   node scripts/build.js linux-x64-musl      for another: build/linux-x64-musl/tidegate.node
//
//   TIDEGATE_LIB       the static library to link, instead of running cargo
//   TIDEGATE_FEATURES  features of the library that cargo shall switch on, such as otlp
//   TIDEGATE_HEADERS   the folder of node_api.h, where it is found nowhere else
//   CC                 the C compiler, such as `python3 -m ziglang cc -target aarch64-linux-musl`
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

/** Rust's names of the platforms that packages are made for, and the C compilers that cross to them. */
const TARGETS = {
  'linux-x64-gnu': ['x86_64-unknown-linux-gnu', 'x86_64-linux-gnu-gcc'],
  'linux-x64-musl': ['x86_64-unknown-linux-musl', 'musl-gcc'],
  'linux-arm64-gnu': ['aarch64-unknown-linux-gnu', 'aarch64-linux-gnu-gcc'],
  'linux-arm64-musl': ['aarch64-unknown-linux-musl', 'aarch64-linux-musl-gcc'],
};

function library(triple) {
  if (process.env.TIDEGATE_LIB) return path.resolve(process.env.TIDEGATE_LIB);
  const features = process.env.TIDEGATE_FEATURES ? ['--features', process.env.TIDEGATE_FEATURES] : [];
  const target = triple === undefined ? [] : ['--target', triple];
  // A shared object for musl links the C library dynamically.
  if (triple?.endsWith('musl')) process.env.RUSTFLAGS = `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`;
  run(process.env.CARGO || 'cargo', ['build', '--release', '--lib', '--package', 'tidegate', ...features, ...target]);
  const made = path.resolve(root, process.env.CARGO_TARGET_DIR || 'target');
  return path.join(made, triple ?? '', 'release', 'libtidegate.a');
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
  const platform = process.argv[2];
  const [triple, crossing] = platform === undefined ? [] : (TARGETS[platform] ?? []);
  if (platform !== undefined && triple === undefined) {
    throw new Error(`there is no platform ${platform}; platforms: ${Object.keys(TARGETS).join(', ')}`);
  }
  const [compiler, ...first] = (process.env.CC || crossing || 'cc').split(' ');
  const output = path.join(here, 'build', platform ?? '', 'tidegate.node');
  const sources = fs.readdirSync(path.join(here, 'src')).filter((name) => name.endsWith('.c'));
  fs.mkdirSync(path.dirname(output), { recursive: true });
  const linux = process.platform === 'linux';
  const partial = `${output}.${process.pid}`;
  run(compiler, [
    ...first, '-std=c11', '-O2', '-fPIC', '-fno-plt', '-fvisibility=hidden',
    '-Wall', '-Wextra', '-Werror',
    '-shared', '-o', partial,
    `-I${path.join(root, 'include')}`, `-I${headers()}`,
    ...sources.sort().map((name) => path.join(here, 'src', name)),
    library(triple),
    // The kernel may keep a pointer into the library: it is never unloaded.
    ...(linux ? [`-Wl,--version-script=${path.join(here, 'src/exports.map')}`, '-Wl,--gc-sections', '-Wl,-z,nodelete', '-Wl,-s'] : ['-undefined', 'dynamic_lookup']),
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
