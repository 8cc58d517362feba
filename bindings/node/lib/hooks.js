// Hooks into what a service has already: database clients, prom-client, OpenTelemetry, undici's channels.
'use strict';
const diagnostics = require('node:diagnostics_channel');
const { checkOptions, expectString, invalid, kindOf } = require('./options');
const { metricProducer } = require('./opentelemetry');
const { codeOf } = require('./operation');
const { isThenable } = require('./run');

/** The first word of a statement, in lower case: select, insert, … */
function verbOf(statement) {
  const text = typeof statement === 'string' ? statement : statement?.text;
  return /^\s*([a-z]+)/i.exec(text ?? '')?.[1].toLowerCase() ?? 'other';
}

const QUERY_OPTIONS = { name: 'string', nameOf: 'function' };

/**
 * Measures every query of a `pg` Client or Pool, or of anything with a query() of the same shape, as
 * the operation `db.query` with a label for its verb. Gives back a function that undoes it.
 */
function observeQueries(engine, client, options) {
  const { name = 'db.query', nameOf = verbOf } = checkOptions('observeQueries', options, QUERY_OPTIONS);
  const inner = client?.query;
  if (typeof inner !== 'function') throw invalid(`a client has a function query, and ${kindOf(client)} has none`);
  const operationOf = (statement) => engine.operation(name, { unit: 'seconds', labels: { verb: nameOf(statement) } });
  client.query = function query(...args) {
    const call = operationOf(args[0]).begin();
    const ended = (error) => call.end(error ? 'failure' : 'success', error ? codeOf(error) : undefined);
    const last = args.length - 1;
    if (typeof args[last] === 'function') {
      const back = args[last];
      args[last] = function (error, ...results) {
        ended(error);
        return back.call(this, error, ...results);
      };
      return inner.apply(this, args);
    }
    let result;
    try {
      result = inner.apply(this, args);
    } catch (error) {
      ended(error);
      throw error;
    }
    if (!isThenable(result)) {
      // A stream or a Query that emits.
      result?.once?.('end', () => ended());
      result?.once?.('error', ended);
      if (typeof result?.once !== 'function') ended();
      return result;
    }
    return result.then(
      (value) => {
        ended();
        return value;
      },
      (error) => {
        ended(error ?? true);
        throw error;
      },
    );
  };
  return () => {
    client.query = inner;
  };
}

/** For Prisma: prisma.$extends(prismaExtension(engine)). Operations are `db.query`, by model and action. */
function prismaExtension(engine, options) {
  const { name = 'db.query' } = checkOptions('prismaExtension', options, { name: 'string' });
  return {
    name: 'tidegate',
    query: {
      $allOperations({ model, operation, args, query }) {
        return engine.operation(name, { unit: 'seconds', labels: { model: model ?? 'raw', verb: operation } }).run(() => query(args));
      },
    },
  };
}

/**
 * Records the duration of every request that fetch() and undici make, by method, host and status, as
 * http.client.request.duration. Gives back a function that stops it.
 */
function observeFetch(engine) {
  const begun = new WeakMap();
  const create = ({ request }) => begun.set(request, performance.now());
  const record = (request, status) => {
    const at = begun.get(request);
    if (at === undefined || engine.closed) return;
    begun.delete(request);
    const host = URL.canParse?.(String(request.origin)) ? new URL(String(request.origin)).host : String(request.origin);
    const labels = { http_request_method: request.method, server_address: host, http_response_status_code: String(status) };
    engine
      .histogram('http.client.request.duration', { unit: 'seconds', help: 'Duration of HTTP client requests', labels })
      .record((performance.now() - at) / 1000);
  };
  const headers = ({ request, response }) => record(request, response.statusCode);
  const error = ({ request }) => record(request, 'error');
  diagnostics.subscribe('undici:request:create', create);
  diagnostics.subscribe('undici:request:headers', headers);
  diagnostics.subscribe('undici:request:error', error);
  return () => {
    diagnostics.unsubscribe('undici:request:create', create);
    diagnostics.unsubscribe('undici:request:headers', headers);
    diagnostics.unsubscribe('undici:request:error', error);
  };
}

const legal = (name) => name.replaceAll(/[^a-zA-Z0-9_:]/g, '_');

/** A family of ours as prom-client wants it. */
function familiesOf(snapshot) {
  const families = new Map();
  const add = (type, { name, help, labels }, values) => {
    const full = type === 'counter' && !name.endsWith('_total') ? `${legal(name)}_total` : legal(name);
    const family = families.get(full) ?? { name: full, help: help ?? name, type, aggregator: 'first', values: [] };
    families.set(full, family);
    for (const [suffix, more, value] of values) family.values.push({ metricName: `${full}${suffix}`, labels: { ...labels, ...more }, value: Number(value) });
  };
  for (const counter of snapshot.counters) add('counter', counter, [['', {}, counter.value]]);
  for (const gauge of snapshot.gauges) add('gauge', gauge, [['', {}, gauge.value ?? Infinity]]);
  for (const histogram of snapshot.histograms) {
    const { count, sum, quantiles } = histogram.lifetime;
    add('summary', histogram, [
      ...Object.entries(quantiles).map(([quantile, value]) => ['', { quantile }, value ?? NaN]),
      ['_sum', {}, sum],
      ['_count', {}, count],
    ]);
  }
  return families;
}

/**
 * Shows our metrics in a registry of prom-client, histograms as summaries: a name that is new shows
 * from the scrape after the next. To show theirs beside ours, give express() and its like
 * `registers: [register]`. Gives back a function that takes ours out again.
 */
function exposeIn(engine, register) {
  if (typeof register?.registerMetric !== 'function') throw invalid(`a registry of prom-client has registerMetric, and ${kindOf(register)} has not`);
  const ours = new Set();
  let latest = new Map();
  const look = () => {
    const snapshot = engine.snapshot();
    latest = familiesOf(snapshot.toJSON());
    snapshot.close();
    for (const name of latest.keys()) {
      if (ours.has(name) || register.getSingleMetric(name) !== undefined) continue;
      ours.add(name);
      register.registerMetric({
        name,
        help: latest.get(name).help,
        type: latest.get(name).type,
        async get() {
          if (name === [...ours][0] && !engine.closed) look();
          return latest.get(name) ?? { name, help: name, type: 'gauge', aggregator: 'first', values: [] };
        },
        reset() {},
      });
    }
  };
  look();
  return () => {
    for (const name of ours) register.removeSingleMetric(name);
    ours.clear();
  };
}

/** Tells what happened on the channel `tidegate:event`, each second while somebody listens. */
function publishEvents(engine, options) {
  const { every = 1, channel = 'tidegate:event' } = checkOptions('publishEvents', options, { every: 'number', channel: 'string' });
  const target = diagnostics.channel(expectString('channel', channel));
  const reader = engine.events();
  const timer = setInterval(() => {
    if (engine.closed) return clearInterval(timer);
    if (!target.hasSubscribers) return reader.skip();
    for (const event of reader.read().events) target.publish(event);
  }, every * 1000);
  timer.unref?.();
  return () => clearInterval(timer);
}

module.exports = { observeQueries, prismaExtension, observeFetch, exposeIn, metricProducer, publishEvents };
