'use strict';
const cluster = require('node:cluster');
const fs = require('node:fs');
const { native, I, D, W, HANDLE, STATUS, KIND } = require('./native');
const { TidegateError, failure } = require('./errors');
const { checkOptions, invalid, kindOf, expectString, expectNumber, documentOf } = require('./options');
const { Counter, Gauge, Histogram, cellsOf } = require('./metrics');
const { EventReader, readEvents } = require('./events');
const health = require('./health');
const { Limiter } = require('./limiter');
const breaker = require('./breaker');
const { Bulkhead } = require('./bulkhead');
const { Guard } = require('./guard');
const operation = require('./operation');
const { Ratio, StateSet } = require('./ratio');
const { Retry } = require('./retry');
const { Snapshot, renderLater, textual } = require('./snapshot');
const { Throttle } = require('./throttle');
const { checkAll } = require('./together');
const { writeKeyOf } = require('./key');

const CLASSES = {
  counter: Counter,
  gauge: Gauge,
  histogram: Histogram,
  limiter: Limiter,
  operation: operation.Operation,
  ratio: Ratio,
  enum: StateSet,
  breaker: breaker.Breaker,
  bulkhead: Bulkhead,
  retry: Retry,
  throttle: Throttle,
  guard: Guard,
};
const METRICS = new Set(['counter', 'gauge', 'histogram']);

/** Engines that nobody closed: their memory goes when the last object that uses them is gone. */
const forgotten = new FinalizationRegistry(({ handle, timer }) => {
  clearInterval(timer);
  native.engineClose(handle);
});

function refuseClusterWorker(json) {
  if (!cluster.isWorker) return;
  let region;
  try {
    region = JSON.parse(json ?? '{}').region;
  } catch {
    return; // The engine says what is wrong with it.
  }
  if (region?.path !== undefined || region?.private === true) return;
  throw new TidegateError(
    'TIDEGATE_E_CONFIG',
    'region.path is missing: this is a cluster worker, and workers that Node starts share a region only by ' +
      'path: {"region":{"path":"/dev/shm/NAME.tidegate"}}; {"region":{"private":true}} if it shall not be shared',
    -2,
  );
}

function open(text, attach) {
  const handle = native.engineOpen(text, attach);
  if (handle === undefined) throw failure(I[STATUS]);
  return handle;
}

class Engine {
  #handle;
  #timer;
  #tickMs = Infinity;
  /** Time that jumps leaves no time to tick in between: then every recording is a call. */
  #manual = false;
  /** Arrays over the region's memory, detached on close. */
  #buffers = [];
  /** What was opened, by kind and id: the same name and labels give the same object. */
  #objects = {};

  constructor(config = {}, how = undefined) {
    if (how === ATTACH) {
      this.#handle = open(expectString('the path', config), true);
    } else {
      const json = documentOf('the configuration', config);
      refuseClusterWorker(json);
      this.#handle = open(json, false);
      this.#startTicking(json);
    }
    for (const kind of Object.keys(CLASSES)) this.#objects[kind] = new Map();
    forgotten.register(this, { handle: this.#handle, timer: this.#timer }, this);
  }

  static fromFile(path) {
    return new Engine(fs.readFileSync(path, 'utf8'));
  }

  static attach(path) {
    return new Engine(path, ATTACH);
  }

  static checkConfig(config) {
    native.configCheck(documentOf('the configuration', config) ?? '{}');
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  /**
   * Shards are written without a call, so somebody has to say when time slots (a sixth of a window)
   * end. A timer does that keeps neither the process nor the engine alive.
   */
  #startTicking(json) {
    const { window_seconds: window = 60, clock } = JSON.parse(json ?? '{}');
    this.#manual = clock === 'manual';
    const handle = this.#handle;
    const tick = () => {
      I[HANDLE] = handle;
      native.tick();
    };
    this.#tickMs = Math.min(500, (window / 12) * 1000);
    this.#timer = setInterval(tick, this.#tickMs);
    this.#timer.unref?.();
  }

  #open(kind, name, options) {
    const json = documentOf(`${kind} ${JSON.stringify(name)}: options`, options);
    const handle = this.#live();
    native.openNamed(handle, KIND[kind], expectString(`the name of a ${kind}`, name), json);
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    const id = W[0];
    const known = this.#objects[kind].get(id);
    if (known !== undefined) return known;
    const bound = native.bind(handle, KIND[kind]);
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    const made = this.#make(kind, bound, name, options);
    this.#objects[kind].set(id, made);
    return made;
  }

  #make(kind, bound, name, options) {
    if (METRICS.has(kind)) {
      const cells = this.#manual ? undefined : cellsOf(kind, bound, this.#buffers);
      return new CLASSES[kind](bound, cells, this.#children(kind, name, options));
    }
    if (kind === 'breaker' || kind === 'operation') {
      const { viewOf } = kind === 'breaker' ? breaker : operation;
      const view = this.#manual ? undefined : viewOf(bound, this.#buffers, this.#tickMs);
      return new CLASSES[kind](bound, name, view);
    }
    return new CLASSES[kind](bound, name);
  }

  #children(kind, name, options) {
    return (labels) => {
      const base = typeof options === 'string' ? JSON.parse(options) : options;
      const all = { ...base?.labels };
      for (const key of Object.keys(labels)) all[key] = String(labels[key]);
      return this.#open(kind, name, { ...base, labels: all });
    };
  }

  #live() {
    if (this.#handle === undefined) throw failure(-1000);
    return this.#handle;
  }

  counter(name, options) {
    return this.#open('counter', name, options);
  }

  gauge(name, options) {
    return this.#open('gauge', name, options);
  }

  histogram(name, options) {
    return this.#open('histogram', name, options);
  }

  operation(name, options) {
    return this.#open('operation', name, options);
  }

  ratio(name, options) {
    return this.#open('ratio', name, options);
  }

  states(name, options) {
    return this.#open('enum', name, Array.isArray(options) ? { states: options } : options);
  }

  setInfo(name, labels) {
    I[HANDLE] = this.#live();
    native.infoSet(expectString('the name of an info', name), documentOf('the labels', labels));
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  reportError(code, text) {
    I[HANDLE] = this.#live();
    native.errorReport(expectString('the code of an error', code), text);
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  limiter(name, config) {
    return this.#open('limiter', name, config);
  }

  breaker(name, config) {
    return this.#open('breaker', name, config);
  }

  bulkhead(name, config) {
    return this.#open('bulkhead', name, config);
  }

  throttle(name, config) {
    return this.#open('throttle', name, config);
  }

  guard(name, config) {
    return this.#open('guard', name, config);
  }

  retry(name, config) {
    return this.#open('retry', name, config);
  }

  health(probe = 'readiness') {
    return health.judge(this.#live(), probe);
  }

  reportHealth(check, status, options) {
    health.report(this.#live(), check, status, options);
  }

  heartbeat() {
    I[HANDLE] = this.#live();
    native.heartbeat();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  startupDone() {
    I[HANDLE] = this.#live();
    native.startupDone();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  record(name, value) {
    D[0] = expectNumber('a recorded value', value);
    I[HANDLE] = this.#live();
    native.recordMetric(expectString('the name of a histogram', name));
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  allow(limiter, ...parts) {
    writeKeyOf(parts, 0);
    I[HANDLE] = this.#live();
    native.allowRequest(expectString('the name of a limiter', limiter));
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return I[STATUS] === 0;
  }

  checkAll(requests) {
    return checkAll(this.#live(), requests, (name) => this.limiter(name));
  }

  /** Events from now on; `{ fromStart: true }`: from the oldest that is kept. */
  events(options) {
    const { fromStart = false } = checkOptions('engine.events', options, { fromStart: 'boolean' });
    const reader = new EventReader((cursor) => readEvents(this.#live(), cursor));
    if (!fromStart) reader.skip();
    return reader;
  }

  snapshot() {
    I[HANDLE] = this.#live();
    const handle = native.snapshotTake();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    return new Snapshot(handle);
  }

  async render(format = 'json', options = undefined) {
    return (await this.renderBuffer(textual(format), options)).toString('utf8');
  }

  async renderBuffer(format = 'json', options = undefined) {
    I[HANDLE] = this.#live();
    native.tick();
    return renderLater(this.#handle, format, options, 'engine');
  }

  advance(seconds) {
    const ns = expectNumber('seconds', seconds) * 1e9;
    if (!(ns >= 0)) throw invalid(`time goes on by 0 or more seconds, not by ${kindOf(seconds)}`, 'ERR_OUT_OF_RANGE');
    this.advanceNs(BigInt(Math.round(Math.min(ns, 1.8e19))));
  }

  advanceNs(ns) {
    const whole = typeof ns === 'number' && Number.isInteger(ns) ? BigInt(ns) : ns;
    if (typeof whole !== 'bigint' || whole < 0n || whole >= 1n << 64n) {
      throw invalid(`nanoseconds are a whole number from 0 to 2^64 - 1, not ${kindOf(ns)}`, 'ERR_OUT_OF_RANGE');
    }
    I[HANDLE] = this.#live();
    W[0] = whole;
    native.clockAdvance();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  tick() {
    I[HANDLE] = this.#live();
    native.tick();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
  }

  get closed() {
    return this.#handle === undefined;
  }

  close() {
    if (this.#handle === undefined) return;
    clearInterval(this.#timer);
    forgotten.unregister(this);
    for (const buffer of this.#buffers) native.detach(buffer);
    this.#buffers = [];
    native.engineClose(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.close();
  }
}

const ATTACH = Symbol('attach');

module.exports = { Engine };
