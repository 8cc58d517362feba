'use strict';
const { native } = require('./native');
const { Engine } = require('./engine');
const { Counter, Gauge, Histogram } = require('./metrics');
const { Operation } = require('./operation');
const { Ratio, StateSet } = require('./ratio');
const { Limiter, Decision } = require('./limiter');
const { Breaker } = require('./breaker');
const { Bulkhead } = require('./bulkhead');
const { Retry } = require('./retry');
const { Throttle } = require('./throttle');
const { Guard } = require('./guard');
const { Permit } = require('./permit');
const { EventReader } = require('./events');
const { Snapshot, CONTENT_TYPES } = require('./snapshot');
const { TidegateError, DeniedError } = require('./errors');

module.exports = {
  Engine,
  Counter,
  Gauge,
  Histogram,
  Operation,
  Ratio,
  StateSet,
  Limiter,
  Decision,
  Breaker,
  Bulkhead,
  Retry,
  Throttle,
  Guard,
  Permit,
  EventReader,
  Snapshot,
  TidegateError,
  DeniedError,
  contentTypes: CONTENT_TYPES,
  version: native.version(),
};
