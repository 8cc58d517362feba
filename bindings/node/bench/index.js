// What a call costs here and with the peers, in one process, on one machine, in turns.
//
//   npm install && node index.js [--save] [PART OF A NAME …]
//   node index.js --smoke          only shows that it runs
//
// Medians of 11 samples of at least 50 ms each, in a loop of its own for each row, as a hot function of
// a service has it: one loop for all would add its own indirect call to each. Values are 65,536
// lognormal latencies from a fixed seed, keys one of 10,000, token buckets half empty. A floor is the
// memory traffic, the crossing or the await without which the row cannot be: compare ratios to it.
// --save writes benches/results/DATE-node.md; run it on a quiet machine, pinned to one CPU
// (taskset -c 1).
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const smoke = process.argv.includes('--smoke');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const SAMPLES = smoke ? 1 : 11;
const SAMPLE_MS = smoke ? 1 : 50;

let seed = 20240229;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const VALUES = Float64Array.from({ length: 65536 }, () => {
  const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return 0.01 * Math.exp(normal);
});
const KEYS = Array.from({ length: 10_000 }, (_, i) => `user:${10_000_000 + i}`);

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/** Nanoseconds a turn of a loop over `body`, text that may use the names of `given` and `i`. */
async function measure({ body, given = {}, before = '' }) {
  const kind = body.includes('await ') ? Object.getPrototypeOf(async () => {}).constructor : Function;
  const loop = new kind(...Object.keys(given), 'n', `'use strict'; ${before}; for (let i = 0; i < n; i++) { ${body} }`);
  const time = async (n) => {
    const begun = process.hrtime.bigint();
    const promise = loop(...Object.values(given), n);
    if (promise !== undefined) await promise;
    return Number(process.hrtime.bigint() - begun);
  };
  let n = smoke ? 10 : 1000;
  if (!smoke) while ((await time(n)) < SAMPLE_MS * 1e6) n *= 2;
  const samples = [];
  for (let i = 0; i < SAMPLES; i++) samples.push((await time(n)) / n);
  return median(samples);
}

/** [question, who, how]; the bar is that of targets.md. */
function cases() {
  const { Engine } = require('tidegate');
  const { native, I } = require('../lib/native');
  const prom = require('prom-client');
  const CircuitBreaker = require('opossum');
  const cockatiel = require('cockatiel');
  const { RateLimiterMemory } = require('rate-limiter-flexible');
  const { RateLimiter } = require('limiter');

  const bucket = { algorithm: 'token_bucket', rate_per_second: 1000, burst: 1e9 };
  const none = { algorithm: 'token_bucket', rate_per_second: 1e-9, burst: 1 };
  const engine = new Engine({
    limiters: { plain: bucket, full: { ...bucket, rate_per_second: 1e9 }, keyed: { ...bucket, keyed: true, max_keys: 20_000 }, denied: { ...none, keyed: true } },
    breakers: { closed: {}, timed: { slow_call_seconds: 1 }, open: { initial: 'forced_open' } },
    bulkheads: { wide: { max_concurrent: 1000 } },
  });
  const counter = engine.counter('c');
  const child = engine.counter('labelled').with({ method: 'GET', status: '200' });
  const histogram = engine.histogram('h');
  const operation = engine.operation('o');
  const [plain, full, keyed, denied] = ['plain', 'full', 'keyed', 'denied'].map((name) => engine.limiter(name));
  const [closed, timed, open] = ['closed', 'timed', 'open'].map((name) => engine.breaker(name));
  const bulkhead = engine.bulkhead('wide');
  denied.check('user');
  plain.checkN(5e8);
  for (const key of KEYS) keyed.checkN(5e8, key);

  const promCounter = new prom.Counter({ name: 'c', help: 'c' });
  const promLabelled = new prom.Counter({ name: 'l', help: 'l', labelNames: ['method', 'status'] }).labels('GET', '200');
  const promHistogram = new prom.Histogram({ name: 'h', help: 'h' });
  const flexible = new RateLimiterMemory({ points: 1e9, duration: 1e6 });
  const tokens = new RateLimiter({ tokensPerInterval: 1e9, interval: 'second' });
  const work = () => 42;
  const opossum = new CircuitBreaker(async () => 42, { timeout: false });
  const opossumOpen = new CircuitBreaker(async () => 42, { timeout: false });
  opossumOpen.open();
  const policy = () => cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: 1e6, breaker: new cockatiel.ConsecutiveBreaker(5) });
  const cock = policy();
  const cockOpen = policy();
  cockOpen.isolate();

  const memory = new Float64Array(new ArrayBuffer(8 * 8200));
  const bits = new Float64Array(1);
  const halves = new Int32Array(bits.buffer);
  const floor = 'floor';
  const nothing = {
    // A handle of nothing: the call comes back at once.
    given: { call: native.limiterCheck, I },
    before: 'I[0] = -1',
    body: 'call()',
  };
  const attempt = (call) => `try { ${call} } catch { /* denied */ }`;

  return [
    ['counter.inc()', floor, { given: { memory }, body: 'memory[0] += 1' }],
    ['counter.inc()', 'tidegate', { given: { counter }, body: 'counter.inc()', bar: 3 }],
    ['counter.inc()', 'tidegate, with labels', { given: { child }, body: 'child.inc()', bar: 3 }],
    ['counter.inc()', 'prom-client', { given: { promCounter }, body: 'promCounter.inc()' }],
    ['counter.inc()', 'prom-client, with labels', { given: { promLabelled }, body: 'promLabelled.inc()' }],
    ['histogram.record(v)', floor, {
      given: { memory, bits, halves, VALUES },
      body: `const v = VALUES[i & 65535]; bits[0] = v; const at = (halves[1] >>> 13) - ${(993 << 7) - 8};
        memory[at] += 1; memory[2] += v; if (v < memory[0]) memory[0] = v; if (v > memory[1]) memory[1] = v`,
    }],
    ['histogram.record(v)', 'tidegate', { given: { histogram, VALUES }, body: 'histogram.record(VALUES[i & 65535])', bar: 6 }],
    ['histogram.record(v)', 'prom-client', { given: { promHistogram, VALUES }, body: 'promHistogram.observe(VALUES[i & 65535])' }],
    ['operation.record(v)', 'tidegate', { given: { operation, VALUES }, body: 'operation.record(VALUES[i & 65535])' }],
    ['operation.run(f)', 'tidegate', { given: { operation, work }, body: 'operation.run(work)' }],
    ['limiter, no key', floor, nothing],
    ['limiter, no key', 'tidegate', { given: { plain }, body: 'plain.check()', bar: 60 }],
    ['limiter, no key', 'tidegate, bucket full', { given: { full }, body: 'full.check()', bar: 60 }],
    ['limiter, no key', 'limiter', { given: { tokens }, body: 'tokens.tryRemoveTokens(1)' }],
    ['limiter, by key', 'tidegate', { given: { keyed, KEYS }, body: 'keyed.check(KEYS[i % 10000])', bar: 120 }],
    ['limiter, by key', 'tidegate, decide()', { given: { keyed, KEYS }, body: 'keyed.decide(KEYS[i % 10000])' }],
    ['limiter, by key', 'rate-limiter-flexible', { given: { flexible, KEYS }, body: 'await flexible.consume(KEYS[i % 10000])' }],
    ['limiter, denied', 'tidegate', { given: { denied }, body: "denied.check('user')", bar: 120 }],
    ['breaker, closed', floor, { ...nothing, body: 'call(); call()' }],
    ['breaker, closed', 'tidegate', { given: { closed, work }, body: 'closed.execute(work)', bar: 80 }],
    ['breaker, closed', 'tidegate, slow calls', { given: { timed, work }, body: 'timed.execute(work)' }],
    ['breaker, closed', 'floor of a promise', { given: {}, body: 'await 42' }],
    ['breaker, closed', 'cockatiel', { given: { cock, work }, body: 'await cock.execute(work)' }],
    ['breaker, closed', 'opossum', { given: { opossum }, body: 'await opossum.fire()' }],
    ['breaker, open', 'floor of a throw', { given: { error: new Error('denied') }, body: attempt('throw error') }],
    ['breaker, open', 'tidegate, acquire()', { given: { open }, body: 'open.acquire()' }],
    ['breaker, open', 'tidegate, execute()', { given: { open, work }, body: attempt('open.execute(work)') }],
    ['breaker, open', 'cockatiel', { given: { cockOpen, work }, body: attempt('await cockOpen.execute(work)') }],
    ['breaker, open', 'opossum', { given: { opossumOpen }, body: attempt('await opossumOpen.fire()') }],
    ['bulkhead', 'tidegate', { given: { bulkhead, work }, body: 'bulkhead.execute(work)' }],
  ];
}

/** How long a scrape of 1,000 histograms blocks the event loop, at most, in milliseconds. */
async function scrapes() {
  const { Engine } = require('tidegate');
  const prom = require('prom-client');
  const engine = new Engine({ metrics: { max_series: 4000, max_series_per_name: 2000 } });
  const register = new prom.Registry();
  const theirs = new prom.Histogram({ name: 'latency', help: 'l', labelNames: ['route'], registers: [register] });
  for (let i = 0; i < 1000; i++) {
    const ours = engine.histogram('latency', { labels: { route: String(i) } });
    for (let n = 0; n < 20; n++) {
      ours.record(VALUES[(i * 20 + n) & 65535]);
      theirs.labels(String(i)).observe(VALUES[(i * 20 + n) & 65535]);
    }
  }
  const blocked = async (scrape) => {
    const samples = [];
    for (let i = 0; i < SAMPLES; i++) {
      let longest = 0;
      let over = false;
      let last = performance.now();
      const done = scrape().then(() => (over = true));
      while (!over) {
        await new Promise(setImmediate);
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      }
      await done;
      samples.push(longest);
    }
    return median(samples);
  };
  const rows = [
    ['scrape of 1,000 histograms, event loop blocked', 'tidegate', await blocked(() => engine.renderBuffer('prometheus')), 1.5],
    ['scrape of 1,000 histograms, event loop blocked', 'prom-client', await blocked(() => register.metrics())],
  ];
  engine.close();
  return rows;
}

async function main() {
  const rows = [];
  const isWanted = (name) => wanted.length === 0 || wanted.some((part) => name.includes(part));
  for (const [question, who, how] of cases()) {
    if (!isWanted(question)) continue;
    const ns = await measure(how);
    rows.push([question, who, `${ns.toFixed(1)} ns`, how.bar === undefined ? '' : `<= ${how.bar} ns`]);
    console.log(rows.at(-1).join(' | '));
  }
  if (isWanted('scrape')) {
    for (const [question, who, ms, bar] of await scrapes()) {
      rows.push([question, who, `${ms.toFixed(2)} ms`, bar === undefined ? '' : `<= ${bar} ms`]);
      console.log(rows.at(-1).join(' | '));
    }
  }
  if (!process.argv.includes('--save')) return;
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${os.cpus()[0].model}, ${os.cpus().length} CPUs, Linux ${os.release()}, Node ${process.version}`;
  const table = ['| what | who | median | target |', '|---|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)];
  const file = path.join(__dirname, '../../../benches/results', `${day}-node.md`);
  fs.writeFileSync(file, `# Node, ${day}\n\n${machine}\n\n${table.join('\n')}\n`);
  console.log(`saved in ${file}`);
}

main().then(() => process.exit(0));
