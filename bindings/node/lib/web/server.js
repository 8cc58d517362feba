// What every framework's middleware does, without the framework: pages for scrapers and probes, the
// limit, the bulkhead, and how long each route took.
'use strict';
const { DeniedError } = require('../errors');
const { checkOptions, expectFunction, invalid } = require('../options');
const { CONTENT_TYPES } = require('../snapshot');

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);
const PROBES = { live: 'liveness', ready: 'readiness', startup: 'startup' };

const OPTIONS = {
  limiter: 'string|object',
  key: 'function|boolean',
  cost: 'number|function',
  bulkhead: 'string|object',
  skip: 'function',
  exempt: 'array',
  route: 'function',
  metrics: 'string|boolean',
  health: 'string|boolean',
  registers: 'array',
};

const problem = (status, title, more) => ({
  status,
  headers: [['content-type', 'application/problem+json']],
  body: JSON.stringify({ type: 'about:blank', title, status, ...more }),
});

/** An answer to a call that the limiter refused: 429; its Retry-After is among the limiter's fields. */
function tooMany(limiter, decision) {
  return {
    status: 429,
    headers: [['content-type', 'application/problem+json']],
    body: JSON.stringify(limiter.problem(decision)),
  };
}

/** An answer to a call that there is no room for: 503. */
function unavailable(detail, retryAfter) {
  const answer = problem(503, 'Service Unavailable', { detail });
  answer.headers.push(['retry-after', String(retrySeconds(retryAfter))]);
  return answer;
}

/** Whole seconds, rounded up, at least 1: what Retry-After can say. */
function retrySeconds(seconds) {
  return Math.max(1, Math.ceil(seconds));
}

/** The answer that a thrown DeniedError deserves; undefined for any other error. */
function answerTo(error) {
  if (!(error instanceof DeniedError)) return undefined;
  return unavailable(error.message, error.retryAfter);
}

class Server {
  #engine;
  #options;
  #limiter;
  #bulkhead;
  #duration;
  #active;
  #durations = new Map();

  constructor(what, engine, options) {
    this.#engine = engine;
    this.#options = checkOptions(what, options, OPTIONS);
    const { limiter, bulkhead, key } = this.#options;
    if (key === true) throw invalid(`${what}: key must be a function, or false for a limiter without keys`);
    this.#limiter = typeof limiter === 'string' ? engine.limiter(limiter) : limiter;
    this.#bulkhead = typeof bulkhead === 'string' ? engine.bulkhead(bulkhead) : bulkhead;
    this.#duration = {
      help: 'Duration of HTTP server requests',
      unit: 'seconds',
    };
    this.#active = engine.gauge('http.server.active_requests', { help: 'HTTP server requests under way' });
  }

  get engine() {
    return this.#engine;
  }

  /** A page of ours: a promise of an answer, or undefined where the path is not one. */
  page(method, path, accept) {
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const { metrics = '/metrics', health = '/health' } = this.#options;
    if (metrics !== false && path === metrics) return this.#metrics(accept ?? '');
    if (health === false || !path.startsWith(health)) return undefined;
    const rest = path.slice(health.length);
    if (rest === '') return this.#health();
    const probe = rest.startsWith('/') && Object.hasOwn(PROBES, rest.slice(1)) ? PROBES[rest.slice(1)] : undefined;
    return probe === undefined ? undefined : this.#probe(probe);
  }

  async #metrics(accept) {
    const format = accept.includes('application/openmetrics-text') && !this.#options.registers ? 'openmetrics' : 'prometheus';
    const ours = await this.#engine.renderBuffer(format);
    const theirs = await Promise.all((this.#options.registers ?? []).map((register) => register.metrics()));
    const body = theirs.length === 0 ? ours : Buffer.concat([ours, ...theirs.map((text) => Buffer.from(text))]);
    return { status: 200, headers: [['content-type', CONTENT_TYPES[format]]], body };
  }

  async #health() {
    const { httpStatus } = this.#engine.health('readiness');
    const body = await this.#engine.renderBuffer('health-json');
    const headers = [
      ['content-type', CONTENT_TYPES['health-json']],
      ['cache-control', 'no-store'],
    ];
    return { status: httpStatus, headers, body };
  }

  async #probe(probe) {
    const { status, httpStatus } = this.#engine.health(probe);
    return {
      status: httpStatus,
      headers: [
        ['content-type', 'application/json; charset=utf-8'],
        ['cache-control', 'no-store'],
      ],
      body: JSON.stringify({ status }),
    };
  }

  /** True where neither limits nor metrics apply. */
  isExempt(path, request) {
    const { exempt, skip } = this.#options;
    if (exempt !== undefined && exempt.some((one) => (one instanceof RegExp ? one.test(path) : one === path))) return true;
    return skip !== undefined && Boolean(skip(request));
  }

  /**
   * Asks limiter and bulkhead. Gives { answer } when one of them refuses, { leave } when the bulkhead
   * wants its permit back; `header` is told what to send in any case.
   */
  admit(request, address, header) {
    const limiter = this.#limiter;
    if (limiter !== undefined) {
      const { key, cost = 1 } = this.#options;
      const part = key === undefined ? (address ?? 'unknown') : key === false ? [] : key(request);
      const parts = Array.isArray(part) ? part : [part];
      const decision = limiter.decideN(typeof cost === 'function' ? cost(request) : cost, ...parts);
      for (const [name, value] of Object.entries(limiter.headers(decision))) header(name, value);
      if (!decision.allowed) return { answer: tooMany(limiter, decision) };
    }
    if (this.#bulkhead === undefined) return {};
    const permit = this.#bulkhead.enter();
    if (permit === undefined) return { answer: unavailable(`The bulkhead ${this.#bulkhead.name} is full.`, 1) };
    return { permit };
  }

  begun() {
    this.#active.add(1);
    return performance.now();
  }

  /** Records one request; `route` is a template, never a path, so that labels stay few. */
  ended(begun, method, route, status) {
    this.#active.add(-1);
    const known = METHODS.has(method) ? method : '_OTHER';
    const key = `${status} ${known} ${route}`;
    let histogram = this.#durations.get(key);
    if (histogram === undefined) {
      const labels = { http_request_method: known, http_response_status_code: String(status) };
      if (route !== undefined && route !== '') labels.http_route = route;
      histogram = this.#engine.histogram('http.server.request.duration', { ...this.#duration, labels });
      if (this.#durations.size > 4096) this.#durations.clear();
      this.#durations.set(key, histogram);
    }
    histogram.record((performance.now() - begun) / 1000);
  }

  routeOf(request, found) {
    const { route } = this.#options;
    return route === undefined ? found : String(expectFunction('route', route)(request) ?? '');
  }
}

/** The path of a request's target, without its query. */
function pathOf(url) {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

module.exports = { Server, pathOf, answerTo, unavailable };
