import tidegate from './index.js';

export const {
  Engine,
  Counter,
  Gauge,
  Histogram,
  Limiter,
  Decision,
  Snapshot,
  TidegateError,
  contentTypes,
  version,
} = tidegate;
export default tidegate;
