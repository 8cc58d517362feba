import tidegate from './index.js';

export const {
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
  contentTypes,
  version,
} = tidegate;
export default tidegate;
