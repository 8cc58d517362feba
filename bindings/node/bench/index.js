// What a call costs here and with the peers, in one process, on one machine, in turns.
//
//   npm install && node index.js [--save] [PART OF A NAME …]
//   node index.js --smoke          only shows that it runs
//
// Medians of 11 samples of at least 50 ms each. Values are 65,536 lognormal latencies from a fixed seed,
// keys one of 10,000. --save writes results/DATE-MACHINE.md; run it on a quiet machine, pinned to one
// CPU (taskset -c 1).
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

/** Nanoseconds a call of `fn(i)`, in loops long enough for the clock. */
async function measure({ fn, isAsync = false }) {
  const time = async (n) => {
    const begun = process.hrtime.bigint();
    if (isAsync) for (let i = 0; i < n; i++) await fn(i);
    else for (let i = 0; i < n; i++) fn(i);
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
  const prom = require('prom-client');
  const CircuitBreaker = require('opossum');
  const cockatiel = require('cockatiel');
  const { RateLimiterMemory } = require('rate-limiter-flexible');
  const { RateLimiter } = require('limiter');

  const huge = { algorithm: 'token_bucket', rate_per_second: 1e9, burst: 1e9 };
  const none = { algorithm: 'token_bucket', rate_per_second: 1e-9, burst: 1 };
  const engine = new Engine({
    limiters: { plain: huge, keyed: { ...huge, keyed: true, max_keys: 20_000 }, denied: { ...none, keyed: true } },
    breakers: { closed: {}, open: { initial: 'forced_open' } },
    bulkheads: { wide: { max_concurrent: 1000 } },
  });
  const counter = engine.counter('c');
  const child = engine.counter('labelled').with({ method: 'GET', status: '200' });
  const histogram = engine.histogram('h');
  const operation = engine.operation('o');
  const [plain, keyed, denied] = ['plain', 'keyed', 'denied'].map((name) => engine.limiter(name));
  const [closed, open] = ['closed', 'open'].map((name) => engine.breaker(name));
  const bulkhead = engine.bulkhead('wide');
  denied.check('user');

  const promCounter = new prom.Counter({ name: 'c', help: 'c' });
  const promLabelled = new prom.Counter({ name: 'l', help: 'l', labelNames: ['method', 'status'] }).labels('GET', '200');
  const promHistogram = new prom.Histogram({ name: 'h', help: 'h' });
  const flexible = new RateLimiterMemory({ points: 1e9, duration: 1e6 });
  const bucket = new RateLimiter({ tokensPerInterval: 1e9, interval: 'second' });
  const work = () => 42;
  const opossum = new CircuitBreaker(async () => 42, { timeout: false });
  const opossumOpen = new CircuitBreaker(async () => 42, { timeout: false });
  opossumOpen.open();
  const cock = cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: 1e6, breaker: new cockatiel.ConsecutiveBreaker(5) });
  const swallow = async (promise) => {
    try {
      await promise;
    } catch {
      // A denial, which is what is measured.
    }
  };

  return [
    ['counter.inc()', 'tidegate', { fn: () => counter.inc(), bar: 3 }],
    ['counter.inc()', 'tidegate, with labels', { fn: () => child.inc(), bar: 3 }],
    ['counter.inc()', 'prom-client', { fn: () => promCounter.inc() }],
    ['counter.inc()', 'prom-client, with labels', { fn: () => promLabelled.inc() }],
    ['histogram.record(v)', 'tidegate', { fn: (i) => histogram.record(VALUES[i & 65535]), bar: 6 }],
    ['histogram.record(v)', 'prom-client', { fn: (i) => promHistogram.observe(VALUES[i & 65535]) }],
    ['operation.record(v)', 'tidegate', { fn: (i) => operation.record(VALUES[i & 65535]) }],
    ['limiter, no key', 'tidegate', { fn: () => plain.check(), bar: 60 }],
    ['limiter, no key', 'limiter', { fn: () => bucket.tryRemoveTokens(1) }],
    ['limiter, by key', 'tidegate', { fn: (i) => keyed.check(KEYS[i % 10_000]), bar: 120 }],
    ['limiter, by key', 'tidegate, decide()', { fn: (i) => keyed.decide(KEYS[i % 10_000]) }],
    ['limiter, by key', 'rate-limiter-flexible', { fn: (i) => flexible.consume(KEYS[i % 10_000]), isAsync: true }],
    ['limiter, denied', 'tidegate', { fn: () => denied.check('user'), bar: 120 }],
    ['breaker, closed', 'tidegate', { fn: () => closed.execute(work), bar: 80 }],
    ['breaker, closed', 'cockatiel', { fn: () => cock.execute(work), isAsync: true }],
    ['breaker, closed', 'opossum', { fn: () => opossum.fire(), isAsync: true }],
    ['breaker, open', 'tidegate, acquire()', { fn: () => open.acquire() }],
    ['breaker, open', 'tidegate, execute()', { fn: () => { try { open.execute(work); } catch { /* denied */ } } }],
    ['breaker, open', 'opossum', { fn: () => swallow(opossumOpen.fire()), isAsync: true }],
    ['bulkhead', 'tidegate', { fn: () => bulkhead.execute(work) }],
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
  const file = path.join(__dirname, 'results', `${day}.md`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `# ${day}\n\n${machine}\n\n${table.join('\n')}\n`);
  console.log(`saved in ${file}`);
}

main().then(() => process.exit(0));
