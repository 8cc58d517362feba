// Makes the packages that are published, in dist/: `tidegate` with JavaScript and types, and one for
// each platform with nothing but the addon. The first names the others as optional dependencies, and
// npm installs the one whose os, cpu and libc are the machine's. None has an install script.
//
//   node scripts/pack.js                   `tidegate`, and this machine's platform from build/
//   node scripts/pack.js NAME …            `tidegate`, and these platforms, built here first
//   node scripts/pack.js --platform NAME FILE    `tidegate`, and one from an addon that is there
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const here = path.join(__dirname, '..');
const root = path.join(here, '../..');
const dist = path.join(here, 'dist');

const PLATFORMS = {
  'linux-x64-gnu': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
  'linux-x64-musl': { os: ['linux'], cpu: ['x64'], libc: ['musl'] },
  'linux-arm64-gnu': { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
  'linux-arm64-musl': { os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
  'darwin-x64': { os: ['darwin'], cpu: ['x64'] },
  'darwin-arm64': { os: ['darwin'], cpu: ['arm64'] },
  'win32-x64': { os: ['win32'], cpu: ['x64'] },
};

const own = JSON.parse(fs.readFileSync(path.join(here, 'package.json'), 'utf8'));

function write(folder, name, text) {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
}

function licences(folder) {
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) fs.copyFileSync(path.join(root, name), path.join(folder, name));
}

function packMain() {
  const folder = path.join(dist, 'tidegate');
  fs.rmSync(folder, { recursive: true, force: true });
  const { scripts, ...manifest } = own;
  manifest.optionalDependencies = Object.fromEntries(Object.keys(PLATFORMS).map((name) => [`@tidegate/${name}`, own.version]));
  write(folder, 'package.json', `${JSON.stringify(manifest, null, 2)}\n`);
  fs.cpSync(path.join(here, 'lib'), path.join(folder, 'lib'), { recursive: true });
  for (const name of fs.readdirSync(here)) {
    if (name.endsWith('.d.ts') || name === 'README.md') fs.copyFileSync(path.join(here, name), path.join(folder, name));
  }
  licences(folder);
}

function packPlatform(name, addon) {
  const folder = path.join(dist, name);
  fs.rmSync(folder, { recursive: true, force: true });
  const manifest = {
    name: `@tidegate/${name}`,
    version: own.version,
    description: `The native part of tidegate for ${name}`,
    license: own.license,
    repository: own.repository,
    engines: own.engines,
    main: 'tidegate.node',
    files: ['tidegate.node', 'LICENSE-*'],
    ...PLATFORMS[name],
  };
  write(folder, 'package.json', `${JSON.stringify(manifest, null, 2)}\n`);
  fs.copyFileSync(addon, path.join(folder, 'tidegate.node'));
  licences(folder);
}

function thisPlatform() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`;
  const { header } = process.report.getReport();
  return `${process.platform}-${process.arch}-${header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

/** [platform, addon] of what shall be packed. */
function wanted() {
  const said = process.argv.slice(2);
  if (said[0] === '--platform') return [[said[1], said[2]]];
  if (said.length === 0) return [[thisPlatform(), path.join(here, 'build/tidegate.node')]];
  return said.map((name) => [name, path.join(here, 'build', name, 'tidegate.node')]);
}

const all = wanted();
for (const [name, addon] of all) {
  if (PLATFORMS[name] !== undefined && process.argv[2] !== '--platform' && process.argv.length > 2) {
    execFileSync(process.execPath, [path.join(__dirname, 'build.js'), name], { stdio: 'inherit' });
  }
  if (PLATFORMS[name] === undefined || !fs.existsSync(addon ?? '')) {
    console.error(`tidegate: cannot pack ${name} from ${addon}; platforms: ${Object.keys(PLATFORMS).join(', ')}`);
    process.exit(1);
  }
}
packMain();
for (const [name, addon] of all) packPlatform(name, addon);
console.log(`packed dist/tidegate and ${all.map(([name]) => `dist/${name}`).join(', ')}`);
