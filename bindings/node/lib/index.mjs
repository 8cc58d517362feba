import tidegate from './index.js';

export const {
  Engine,
  Counter,
  Gauge,
  Histogram,
  Operation,
  Limiter,
  Decision,
  Breaker,
  Bulkhead,
  Retry,
  Throttle,
  Permit,
  EventReader,
  Snapshot,
  TidegateError,
  DeniedError,
  contentTypes,
  version,
} = tidegate;
export default tidegate;
