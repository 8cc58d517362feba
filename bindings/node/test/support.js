// What several tests share: regions of their own, processes with a deadline, services that fail.
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { createServer } = require('node:http');
const os = require('node:os');
const path = require('node:path');

const folder = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
let made = 0;

/** A path for a region, removed when the test ends. */
function regionPath(t) {
  const file = path.join(folder, `tidegate-test-${process.pid}-${made++}`);
  t.after(() => {
    try {
      fs.rmSync(file, { force: true });
    } catch (error) {
      // Windows removes no file that is mapped.
      if (process.platform !== 'win32') throw error;
    }
  });
  return file;
}

/** Runs a script in a node of its own; { code, signal, stdout, stderr }. */
function run(script, args = [], { seconds = 60, env = {}, flags = [] } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...flags, script, ...args], { env: { ...process.env, ...env } });
    const deadline = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Runs source text in a node of its own, beside the tests, so that require('tidegate') works. */
function runSource(source, options) {
  return run('-e', [source], { ...options, flags: [...(options?.flags ?? [])] });
}

/** A service that answers with these statuses, in turn, and 200 afterwards; 0: it hangs up, -1: in the middle. */
async function service(t, ...answers) {
  const seen = [];
  const server = createServer((request, response) => {
    seen.push(request.method);
    const [status, headers = {}] = [answers.shift() ?? 200].flat();
    if (status === 0) request.socket.destroy();
    else if (status === -1) {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setImmediate(() => request.socket.destroy());
    } else response.writeHead(status, headers).end(`answer ${seen.length}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return { address: `http://127.0.0.1:${server.address().port}/`, seen };
}

module.exports = { service, regionPath, run, runSource };
