// What a region holds, for OpenTelemetry's SDK: a MetricProducer, which a MetricReader asks beside the
// SDK's own. The SDK itself is no dependency: its numbers for kinds of data are those of its enums.
'use strict';
const { checkOptions, invalid, kindOf } = require('./options');

const [HISTOGRAM, EXPONENTIAL_HISTOGRAM, GAUGE, SUM] = [0, 1, 2, 3];
const CUMULATIVE = 1;
const [INT, DOUBLE] = [0, 1];
const TYPES = ['HISTOGRAM', 'HISTOGRAM', 'GAUGE', 'COUNTER'];
/** Buckets that a data point has at most. */
const MOST_BUCKETS = 640;
const UNITS = { seconds: 's', bytes: 'By', ratio: '1' };

/** What is said of guards: totals, and levels of now. */
const GUARDS = {
  limiters: ['limiter', ['admitted', 'denied', 'evicted'], ['keys_used']],
  breakers: ['breaker', ['successes', 'failures', 'ignored', 'slow_calls', 'not_permitted', 'opened'], []],
  bulkheads: ['bulkhead', ['entered', 'denied'], ['limit', 'in_use']],
  throttles: ['throttle', ['admitted', 'denied'], []],
  retries: ['retry', ['first_attempts', 'retries', 'exhausted', 'over_budget'], []],
};
const PHASES = ['closed', 'open', 'half_open', 'forced_open', 'disabled', 'forced_closed', 'metrics_only'];

const real = new Float64Array(1);
const whole = new BigUint64Array(real.buffer);

/** The middle of the bucket that begins with these upper bits of a double. */
function middleOf(index, bits) {
  if (index === 0) return 0;
  const shift = BigInt(52 - bits);
  whole[0] = BigInt(index) << shift;
  const low = real[0];
  whole[0] = (BigInt(index) + 1n) << shift;
  return real[0] === Infinity ? low : low + (real[0] - low) / 2;
}

/** [value, count] of each bucket that holds something, ascending. */
function valuesOf({ buckets, bits, min, max }) {
  return buckets.map(([index, count]) => [Math.min(Math.max(middleOf(index, bits), min ?? 0), max ?? Infinity), Number(count)]);
}

function statistics({ count, sum, min, max }) {
  return { count: Number(count), sum: sum ?? undefined, min: min ?? undefined, max: max ?? undefined };
}

/** Bucket `i` of scale `s` holds what is above b^i and at most b^(i+1), where b = 2^(2^-s). */
function exponential(found) {
  const all = valuesOf(found);
  const values = all.filter(([value]) => value > 0);
  const indexOf = (value, scale) => Math.ceil(Math.log2(value) * 2 ** scale) - 1;
  let scale = found.bits;
  while (values.length > 0 && scale > -10 && indexOf(values.at(-1)[0], scale) - indexOf(values[0][0], scale) >= MOST_BUCKETS) scale -= 1;
  const offset = values.length > 0 ? indexOf(values[0][0], scale) : 0;
  const bucketCounts = [];
  for (const [value, count] of values) {
    const at = indexOf(value, scale) - offset;
    while (bucketCounts.length <= at) bucketCounts.push(0);
    bucketCounts[at] += count;
  }
  const zeroCount = all.reduce((sum, [value, count]) => (value > 0 ? sum : sum + count), 0);
  return { ...statistics(found), scale, zeroCount, positive: { offset, bucketCounts }, negative: { offset: 0, bucketCounts: [] } };
}

function explicit(found, boundaries) {
  const counts = Array(boundaries.length + 1).fill(0);
  for (const [value, count] of valuesOf(found)) {
    const at = boundaries.findIndex((bound) => value <= bound);
    counts[at < 0 ? boundaries.length : at] += count;
  }
  return { ...statistics(found), buckets: { boundaries: [...boundaries], counts } };
}

/** [seconds, nanoseconds] of a time in a document. */
function timeOf(text) {
  const ms = Date.parse(text);
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6];
}

/** The metrics of a snapshot's document, one for each name. */
function metricsOf(document, boundaries) {
  const metrics = new Map();
  const [startTime, endTime] = [timeOf(document.engine.created_at), timeOf(document.taken_at)];
  const add = (dataPointType, { name, help = '', unit = '' }, attributes, value, valueType = INT) => {
    const descriptor = { name, description: help, unit: UNITS[unit] ?? unit, valueType, type: TYPES[dataPointType] };
    const metric = metrics.get(name) ?? { descriptor, aggregationTemporality: CUMULATIVE, dataPointType, dataPoints: [], isMonotonic: dataPointType === SUM };
    metrics.set(name, metric);
    metric.dataPoints.push({ startTime, endTime, attributes, value });
  };
  const distribution = (family, found) => {
    if (boundaries === undefined) add(EXPONENTIAL_HISTOGRAM, family, family.labels, exponential(found), DOUBLE);
    else add(HISTOGRAM, family, family.labels, explicit(found, boundaries), DOUBLE);
  };
  for (const counter of document.counters) add(SUM, counter, counter.labels, Number(counter.value));
  for (const gauge of document.gauges) if (gauge.value !== null) add(GAUGE, gauge, gauge.labels, gauge.value, DOUBLE);
  for (const histogram of document.histograms) distribution(histogram, histogram.lifetime);
  for (const operation of document.operations) {
    distribution(operation, operation.lifetime);
    const outcomes = { name: `${operation.name}.outcomes`, help: operation.help, unit: '{call}' };
    for (const [outcome, of] of [['success', 'successes'], ['failure', 'failures'], ['ignored', 'ignored']]) {
      add(SUM, outcomes, { ...operation.labels, outcome }, Number(operation.lifetime[of]));
    }
  }
  for (const ratio of document.ratios) {
    for (const result of ['hits', 'misses']) add(SUM, ratio, { ...ratio.labels, result }, Number(ratio.lifetime[result]));
  }
  for (const info of document.infos) add(GAUGE, info, { ...info.labels, ...info.info }, 1);
  for (const one of document.enums) {
    for (const state of one.states) add(GAUGE, one, { ...one.labels, state }, state === one.state ? 1 : 0);
  }
  for (const [section, [noun, totals, levels]] of Object.entries(GUARDS)) {
    for (const guard of document[section] ?? []) {
      const attributes = { [`tidegate.${noun}.name`]: guard.name };
      for (const field of totals) if (guard[field] !== undefined) add(SUM, { name: `tidegate.${noun}.${field}` }, attributes, Number(guard[field]));
      for (const field of levels) if (guard[field] !== undefined) add(GAUGE, { name: `tidegate.${noun}.${field}` }, attributes, Number(guard[field]));
      if (section !== 'breakers') continue;
      for (const state of PHASES) add(GAUGE, { name: 'tidegate.breaker.state' }, { ...attributes, state }, guard.state === state ? 1 : 0);
    }
  }
  return [...metrics.values()];
}

/**
 * A MetricProducer: `new PeriodicExportingMetricReader({ exporter, metricProducers: [metricProducer(engine)] })`.
 * It gives the totals of all processes of the region, so one of them shall export.
 */
function metricProducer(engine, options) {
  const { boundaries, names } = checkOptions('metricProducer', options, { boundaries: 'array', names: 'array' });
  if (boundaries !== undefined && !boundaries.every((bound, i) => typeof bound === 'number' && (i === 0 || bound > boundaries[i - 1]))) {
    throw invalid(`metricProducer: boundaries must be numbers that grow, not ${kindOf(boundaries)}`, 'ERR_INVALID_ARG_VALUE');
  }
  return {
    async collect() {
      let document;
      try {
        document = JSON.parse(await engine.render('json', { buckets: true, ...(names === undefined ? undefined : { names }) }));
      } catch (error) {
        return { resourceMetrics: { resource: resourceOf(''), scopeMetrics: [] }, errors: [error] };
      }
      const scope = { name: 'tidegate', version: document.version };
      const scopeMetrics = [{ scope, metrics: metricsOf(document, boundaries) }];
      return { resourceMetrics: { resource: resourceOf(document.service), scopeMetrics }, errors: [] };
    },
  };
}

/** For a reader that asks nobody else; the SDK's own resource takes its place otherwise. */
function resourceOf(service) {
  const attributes = service ? { 'service.name': service } : {};
  return {
    attributes,
    asyncAttributesPending: false,
    merge: (other) => other ?? resourceOf(service),
    getRawAttributes: () => Object.entries(attributes),
  };
}

module.exports = { metricProducer };
