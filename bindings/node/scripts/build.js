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
//   TIDEGATE_NODE_LIB  for Windows: node.lib, or another import library of Node-API
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
  // These two on a Mac, of either kind.
  'darwin-x64': ['x86_64-apple-darwin', 'cc -arch x86_64'],
  'darwin-arm64': ['aarch64-apple-darwin', 'cc -arch arm64'],
  'win32-x64': ['x86_64-pc-windows-gnu', 'x86_64-w64-mingw32-gcc'],
};

/** What gcc and clang are told for the system that the addon is for. */
function linking(system) {
  switch (system) {
    case 'linux':
      return [
        '-fPIC', '-fno-plt', '-shared',
        // The kernel may keep a pointer into the library: it is never unloaded.
        `-Wl,--version-script=${path.join(here, 'src/exports.map')}`, '-Wl,--gc-sections', '-Wl,-z,nodelete', '-Wl,-s',
        '-lpthread', '-ldl', '-lm',
      ];
    case 'darwin': {
      const entries = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
      return [
        '-bundle', '-undefined', 'dynamic_lookup', '-Wl,-dead_strip', '-Wl,-x',
        ...entries.map((name) => `-Wl,-exported_symbol,_${name}`),
      ];
    }
    case 'win32':
      // gcc's own libraries are linked in; the rest is what every Windows has, and Node itself.
      return [
        '-shared', '-static', '-Wl,--strip-all', '-Wl,--exclude-all-symbols',
        '-lpthread', '-lkernel32', '-lntdll', '-lbcrypt', '-luserenv', '-lws2_32', '-ldbghelp', importLibrary(),
      ];
    default:
      throw new Error(`nobody has built it for ${system}`);
  }
}

function importLibrary() {
  const named = process.env.TIDEGATE_NODE_LIB;
  if (named && fs.existsSync(named)) return path.resolve(named);
  throw new Error(
    "set TIDEGATE_NODE_LIB to an import library of Node-API: node.lib of Node's releases, or what `dlltool -D node.exe " +
      '-d node_api.def -l node.lib` makes of the npm package node-api-headers',
  );
}

function library(triple) {
  if (process.env.TIDEGATE_LIB) return path.resolve(process.env.TIDEGATE_LIB);
  const features = process.env.TIDEGATE_FEATURES ? ['--features', process.env.TIDEGATE_FEATURES] : [];
  const target = triple === undefined ? [] : ['--target', triple];
  // A shared object for musl links the C library dynamically.
  if (triple?.endsWith('musl')) process.env.RUSTFLAGS = `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`;
  run(process.env.CARGO || 'cargo', ['build', '--release', '--lib', '--package', 'tidegate-capi', ...features, ...target]);
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
  // On Windows cargo's own target is another one, which gcc cannot link.
  const target = platform ?? (process.platform === 'win32' ? `win32-${process.arch}` : undefined);
  const [triple, crossing] = target === undefined ? [] : (TARGETS[target] ?? []);
  if (target !== undefined && triple === undefined) {
    throw new Error(`there is no platform ${target}; platforms: ${Object.keys(TARGETS).join(', ')}`);
  }
  const own = process.platform === 'win32' ? 'gcc' : 'cc';
  const [compiler, ...first] = (process.env.CC || (platform && crossing) || own).split(' ');
  const output = path.join(here, 'build', platform ?? '', 'tidegate.node');
  const sources = fs.readdirSync(path.join(here, 'src')).filter((name) => name.endsWith('.c'));
  fs.mkdirSync(path.dirname(output), { recursive: true });
  const system = (platform ?? process.platform).split('-')[0];
  const partial = `${output}.${process.pid}`;
  run(compiler, [
    ...first, '-std=c11', '-O2', '-fvisibility=hidden',
    '-Wall', '-Wextra', '-Werror',
    '-o', partial,
    `-I${path.join(root, 'include')}`, `-I${headers()}`,
    ...sources.sort().map((name) => path.join(here, 'src', name)),
    library(triple),
    ...linking(system),
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
