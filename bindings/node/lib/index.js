'use strict';
const { native } = require('./native');
const { Engine } = require('./engine');
const { Counter, Gauge, Histogram } = require('./metrics');
const { Limiter, Decision } = require('./limiter');
const { Snapshot, CONTENT_TYPES } = require('./snapshot');
const { TidegateError } = require('./errors');

module.exports = {
  Engine,
  Counter,
  Gauge,
  Histogram,
  Limiter,
  Decision,
  Snapshot,
  TidegateError,
  contentTypes: CONTENT_TYPES,
  version: native.version(),
};
