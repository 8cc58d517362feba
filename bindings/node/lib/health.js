// Probes and what the application says about itself.
'use strict';
const { native, I, D, W, HANDLE, STATUS, COUNT, OUTCOME } = require('./native');
const { failure } = require('./errors');
const { checkOptions, expectString, invalid, kindOf, nearest } = require('./options');

const STATES = ['healthy', 'degraded', 'unhealthy', 'unknown'];
const PROBES = ['liveness', 'readiness', 'startup'];
const REPORT = { observed: 'number', message: 'string', ttl: 'number' };

function indexOf(what, names, name) {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  const meant = typeof name === 'string' ? nearest(name, names) : undefined;
  throw invalid(
    `${what} is one of ${names.join(', ')}, not ${kindOf(name)}${meant ? `; did you mean ${meant}?` : ''}`,
    'ERR_INVALID_ARG_VALUE',
  );
}

function judge(handle, probe) {
  I[COUNT] = indexOf('a probe', PROBES, probe);
  I[HANDLE] = handle;
  native.health();
  if (I[STATUS] < 0) throw failure(I[STATUS]);
  return { status: STATES[D[0]] ?? 'unknown', httpStatus: D[1] };
}

function report(handle, check, status, options) {
  const { observed = NaN, message, ttl = 0 } = checkOptions('engine.reportHealth', options, REPORT);
  if (!(ttl >= 0)) throw invalid(`ttl is at least 0 seconds, not ${kindOf(ttl)}`, 'ERR_OUT_OF_RANGE');
  I[OUTCOME] = indexOf('a health status', STATES, status);
  I[HANDLE] = handle;
  D[0] = observed;
  W[1] = BigInt(Math.round(Math.min(ttl * 1e9, 1.8e19)));
  native.healthReport(expectString('the name of a check', check), message);
  if (I[STATUS] < 0) throw failure(I[STATUS]);
}

module.exports = { judge, report };
