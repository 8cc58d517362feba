import tidegate from './index.js';

export const {
  Engine,
  Counter,
  Gauge,
  Histogram,
  Operation,
  Limiter,
  Decision,
  Bulkhead,
  Retry,
  Permit,
  Snapshot,
  TidegateError,
  DeniedError,
  contentTypes,
  version,
} = tidegate;
export default tidegate;
