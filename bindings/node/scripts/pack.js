// Makes the packages that are published, in dist/: `tidegate` with JavaScript and types, and one for
// each platform with nothing but the addon. The first names the others as optional dependencies, and
// npm installs the one whose os, cpu and libc are the machine's. None has an install script.
//
//   node scripts/pack.js                   `tidegate`, and this machine's platform from build/
//   node scripts/pack.js --platform NAME FILE    another platform's, from an addon built there
'use strict';
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
  const { header } = process.report.getReport();
  return `${process.platform}-${process.arch}-${header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

const at = process.argv.indexOf('--platform');
const [name, addon] = at < 0 ? [thisPlatform(), path.join(here, 'build/tidegate.node')] : process.argv.slice(at + 1);
if (PLATFORMS[name] === undefined || !fs.existsSync(addon ?? '')) {
  console.error(`tidegate: cannot pack ${name} from ${addon}; platforms: ${Object.keys(PLATFORMS).join(', ')}`);
  process.exit(1);
}
packMain();
packPlatform(name, addon);
console.log(`packed dist/tidegate and dist/${name}`);
