// The scenarios of bindings/conformance, as its README says how to read them.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Engine, TidegateError } = require('tidegate');

const folder = path.join(__dirname, '../../conformance');
const NaNs = (value) => (value === null ? NaN : value);
const options = ({ labels, help, unit, relative_error, slow_seconds }) => ({ labels, help, unit, relative_error, slow_seconds });
const key = (step) => (step.key === undefined ? [] : [step.key]);
const ns = (seconds) => Math.round(seconds * 1e9);
const status = (yes) => (yes ? 'TIDEGATE_OK' : 'TIDEGATE_DENIED');

const delay = (seconds) => [status(seconds !== undefined), { delay_ns: ns(seconds ?? NaN) }];

function decided({ allowed, limit, remaining, retryAfter, resetAfter }) {
  return [status(allowed), { limit, remaining, retry_after_ns: ns(retryAfter), reset_after_ns: ns(resetAfter) }];
}

function keep(step, permits, permit) {
  if (step.as !== undefined) permits[step.as] = permit;
  return [status(permit !== undefined)];
}

/** Our names and seconds as C's names and nanoseconds. */
function fields(read) {
  const found = {};
  for (const [name, value] of Object.entries(read)) {
    found[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
    if (name === 'retryAfter') found.retry_after_ns = ns(value);
    if (name === 'trippedAge') found.tripped_age_ns = ns(value);
  }
  return found;
}

/** What all rows have of each field. */
function columns(rows) {
  const names = ['event', 'cause', 'kind', 'name', 'key', 'used', 'denied'];
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));
}

/** Each step: what it does, and [status, what the call gave back] where that is not just OK. */
const STEPS = {
  clock_advance: (engine, step) => engine.advanceNs(step.by_ns),
  engine_open: (engine, step) => new Engine(step.config).close(),
  counter_add: (engine, step) => engine.counter(step.counter, options(step)).inc(step.amount),
  counter_value: (engine, step) => ['TIDEGATE_OK', { value: engine.counter(step.counter, options(step)).value }],
  gauge_set: (engine, step) => engine.gauge(step.gauge, options(step)).set(NaNs(step.value)),
  gauge_add: (engine, step) => engine.gauge(step.gauge, options(step)).add(NaNs(step.delta)),
  gauge_value: (engine, step) => ['TIDEGATE_OK', { value: engine.gauge(step.gauge, options(step)).value }],
  histogram_record: (engine, step) => engine.histogram(step.histogram, options(step)).record(NaNs(step.value)),
  histogram_record_many: (engine, step) => engine.histogram(step.histogram, options(step)).recordMany(step.values.map(NaNs)),
  histogram_quantiles(engine, step) {
    const values = engine.histogram(step.histogram, options(step)).quantiles(step.quantiles, step.window_seconds);
    return ['TIDEGATE_OK', { values }];
  },
  record_metric: (engine, step) => engine.record(step.name, NaNs(step.value)),
  allow_request: (engine, step) => [status(engine.allow(step.limiter, ...key(step)))],
  limiter_check(engine, step, permits, latest) {
    latest.decision = engine.limiter(step.limiter).decideN(step.cost ?? 1, ...key(step));
    return decided(latest.decision);
  },
  limiter_headers(engine, step, permits, { decision }) {
    return ['TIDEGATE_OK', engine.limiter(step.limiter).headers(decision, step.style.replace('_', ''))];
  },
  limiter_top: (engine, { limiter, by, count }) => ['TIDEGATE_OK', columns(engine.limiter(limiter).top({ by, count }))],
  events_read(engine, step, permits, latest) {
    latest.events ??= engine.events({ fromStart: true });
    return ['TIDEGATE_OK', columns(latest.events.read().events)];
  },
  limiter_peek: (engine, step) => decided(engine.limiter(step.limiter).peek(...key(step))),
  limiter_check_all: (engine, step) => decided(engine.checkAll(step.requests)),
  limiter_reserve(engine, step) {
    const wait = engine.limiter(step.limiter).reserveN(step.cost ?? 1, step.max_wait_ns / 1e9, ...key(step));
    return [status(wait !== undefined), { wait_ns: ns(wait ?? NaN) }];
  },
  limiter_refund: (engine, step) => engine.limiter(step.limiter).refundN(step.cost ?? 1, ...key(step)),
  limiter_penalize: (engine, step) => engine.limiter(step.limiter).penalize(step.cost ?? 1, ...key(step)),
  limiter_block: (engine, step) => engine.limiter(step.limiter).block(step.for_ns / 1e9, ...key(step)),
  limiter_allow: (engine, step) => engine.limiter(step.limiter).list(step.list, ...key(step)),
  limiter_set_plan: (engine, step) => engine.limiter(step.limiter).setPlan(step.plan ?? undefined, ...key(step)),
  limiter_reconfigure: (engine, step) => engine.limiter(step.limiter).reconfigure(step.config),
  breaker_acquire: (engine, step, permits) => keep(step, permits, engine.breaker(step.breaker).acquire()),
  breaker_report: (engine, step, permits) => permits[step.permit].report(step.outcome ?? 'success', step.seconds ?? 0),
  breaker_state: (engine, step) => ['TIDEGATE_OK', { phase: engine.breaker(step.breaker).state }],
  breaker_set_mode: (engine, step) => engine.breaker(step.breaker).setMode(step.mode),
  breaker_read: (engine, step) => ['TIDEGATE_OK', fields(engine.breaker(step.breaker).read())],
  bulkhead_enter: (engine, step, permits) => keep(step, permits, engine.bulkhead(step.bulkhead).enter(...key(step))),
  bulkhead_leave: (engine, step, permits) => permits[step.permit].success(),
  bulkhead_enter_key: (engine, step, permits) => keep(step, permits, engine.bulkhead(step.bulkhead).enter(step.key)),
  bulkhead_leave_with: (engine, step, permits) => permits[step.permit].report(step.outcome ?? 'success', step.seconds ?? 0),
  bulkhead_read: (engine, step) => ['TIDEGATE_OK', fields(engine.bulkhead(step.bulkhead).read())],
  throttle_acquire: (engine, step) => [status(engine.throttle(step.throttle).acquire())],
  throttle_report: (engine, step) => engine.throttle(step.throttle).report(step.outcome ?? 'success'),
  guard_acquire(engine, step, permits) {
    const asked = { key: step.key, cost: step.cost ?? 1, attempt: step.attempt ?? 1 };
    try {
      const permit = engine.guard(step.guard).acquire(asked);
      return [...keep(step, permits, permit), { refused_by: 'none', retry_after_ns: 0 }];
    } catch (error) {
      if (error.code !== 'TIDEGATE_DENIED') throw error;
      return ['TIDEGATE_DENIED', { refused_by: error.guard, retry_after_ns: ns(error.retryAfter) }];
    }
  },
  guard_report: (engine, step, permits) => permits[step.permit].report(step.outcome ?? 'success', step.seconds ?? 0),
  histogram_record_exemplar: (engine, step) =>
    engine.histogram(step.histogram, options(step)).recordExemplar(NaNs(step.value), step.trace_id),
  ratio_record: (engine, step) => engine.ratio(step.ratio, options(step)).record(step.hits ?? 0, step.misses ?? 0),
  ratio_read: (engine, step) => ['TIDEGATE_OK', engine.ratio(step.ratio, options(step)).read(step.window_seconds)],
  info_set: (engine, step) => engine.setInfo(step.name, step.labels),
  enum_set: (engine, step) => engine.states(step.enum, { ...options(step), states: step.states }).set(step.state),
  error_report: (engine, step) => engine.reportError(step.code, step.text),
  operation_record_detail: (engine, step) =>
    engine.operation(step.operation, options(step)).recordDetail(NaNs(step.seconds), step.outcome ?? 'success', {
      code: step.error_code,
      detail: step.detail,
      traceId: step.trace_id,
    }),
  retry_next: (engine, step) => delay(engine.retry(step.retry).next(step.attempt)),
  retry_next_after: (engine, step) =>
    delay(engine.retry(step.retry).next(step.attempt, (step.elapsed_ns ?? 0) / 1e9, (step.server_retry_after_ns ?? 0) / 1e9)),
  health(engine, step) {
    const { status, httpStatus } = engine.health(step.probe);
    return ['TIDEGATE_OK', { status, http_status: httpStatus }];
  },
  health_report: (engine, step) =>
    engine.reportHealth(step.check, step.health, {
      observed: NaNs(step.observed ?? null),
      ttl: (step.ttl_ns ?? 0) / 1e9,
    }),
  heartbeat: (engine) => engine.heartbeat(),
  startup_done: (engine) => engine.startupDone(),
  operation_record: (engine, step) =>
    engine.operation(step.operation, options(step)).record(NaNs(step.seconds), step.outcome, step.error_code),
  operation_read(engine, step) {
    const read = engine.operation(step.operation, options(step)).read(step.window_seconds);
    const { ratePerSecond, successRatio, errorRate, ...rest } = read;
    return ['TIDEGATE_OK', { ...rest, rate_per_second: ratePerSecond, success_ratio: successRatio, error_rate: errorRate }];
  },
  snapshot_render: (engine) => ['TIDEGATE_OK', engine.snapshot().toJSON()],
};

function at(document, pointer) {
  return pointer.split('/').slice(1).reduce((part, name) => part?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], document);
}

function compare(found, expected, within, what) {
  if (Array.isArray(expected)) {
    assert.equal(found?.length, expected.length, what);
    expected.forEach((value, i) => compare(found[i], value, within, `${what}[${i}]`));
  } else if (expected === null) {
    assert.ok(found === null || Number.isNaN(found), `${what} is ${found}, not NaN`);
  } else if (within !== undefined && typeof expected === 'number') {
    assert.ok(Math.abs(found - expected) <= within * Math.abs(expected), `${what} is ${found}, not ${expected}`);
  } else {
    assert.deepEqual(found, expected, what);
  }
}

function play(engine, step, permits, latest) {
  let said;
  let message = '';
  try {
    said = STEPS[step.do](engine, step, permits, latest) ?? ['TIDEGATE_OK'];
  } catch (error) {
    // What lib/ refuses before the engine sees it is an argument that the engine would refuse.
    const code = error instanceof TidegateError ? error.code : 'TIDEGATE_E_ARGUMENT';
    if (!(error instanceof TidegateError || error.name === 'TypeError' || error.name === 'RangeError')) throw error;
    said = [code];
    message = error.message;
  }
  assert.equal(said[0], step.status ?? 'TIDEGATE_OK', message);
  if (step.message !== undefined) assert.ok(message.includes(step.message), `"${message}" does not say ${step.message}`);
  for (const [name, expected] of Object.entries(step.expect ?? {})) {
    const found = step.do === 'snapshot_render' ? at(said[1], name) : said[1][name];
    compare(found, expected, step.within, name);
  }
}

for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  for (const scenario of JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'))) {
    test(`${file}: ${scenario.name}`, (t) => {
      const unknown = scenario.steps.find((step) => STEPS[step.do] === undefined);
      if (unknown) return t.skip(`no ${unknown.do} here`);
      const engine = new Engine({ ...scenario.config, clock: 'manual' });
      const permits = {};
      const latest = {};
      scenario.steps.forEach((step, i) => {
        for (let n = 0; n < (step.repeat ?? 1); n++) {
          try {
            play(engine, step, permits, latest);
          } catch (error) {
            error.message = `step ${i + 1} (${step.do}): ${error.message}`;
            throw error;
          }
        }
      });
      engine.close();
    });
  }
}
