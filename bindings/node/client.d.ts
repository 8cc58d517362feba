/** tidegate/client: calls to other services. */
import type { Breaker, Bulkhead, Engine, Operation, Retry } from './index.js';

export interface FetchOptions {
  /** Guards, or their names in the configuration. */
  breaker?: Breaker | string;
  retry?: Retry | string;
  bulkhead?: Bulkhead | string;
  operation?: Operation | string;
  /** Whether a response counts as a failure: 500 and above, and 429, unless said. */
  isFailure?: (response: Response) => boolean;
  fetch?: typeof fetch;
}

/**
 * A function that is called as fetch() is. Failures count against the breaker and are tried again
 * where that is safe: idempotent methods, bodies that can be sent twice. Retry-After is honoured. The
 * last response or error is yours, unchanged; a `DeniedError` says that a guard refused.
 */
export function createFetch(engine: Engine, options?: FetchOptions): typeof fetch;
