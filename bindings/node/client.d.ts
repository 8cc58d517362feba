/** tidegate/client: calls to other services. */
import type { Breaker, Bulkhead, Engine, Operation, Retry, Throttle } from './index.js';

/** Where a call goes to. */
export interface Call {
  origin?: string;
  path: string;
  method: string;
}

type For<Guard> = Guard | string | ((call: Call) => Guard | string);

/** Guards, their names in the configuration, or functions that choose one for each call. */
export interface ClientOptions {
  breaker?: For<Breaker>;
  throttle?: For<Throttle>;
  bulkhead?: For<Bulkhead>;
  operation?: For<Operation>;
  /** When to try again, and the budget for it. */
  retry?: Retry | string;
}

export interface FetchOptions extends ClientOptions {
  /** Whether a response counts as a failure: 500 and above, and 429, unless said. */
  isFailure?: (response: Response) => boolean;
  fetch?: typeof fetch;
}

/**
 * A function that is called as fetch() is. Failures count against the guards and are tried again
 * where that is safe: idempotent methods, bodies that can be sent twice. Retry-After is honoured. The
 * last response or error is yours, unchanged; a `DeniedError` says that a guard refused.
 */
export function createFetch(engine: Engine, options?: FetchOptions): typeof fetch;

export interface InterceptorOptions extends ClientOptions {
  /** Whether a response counts as a failure: 500 and above, and 429, unless said. */
  isFailure?: (response: { statusCode: number; headers: Record<string, string | string[] | undefined> }) => boolean;
}

/**
 * The same for undici 6 and 7: `new Agent().compose(createInterceptor(engine, { breaker: 'shop' }))`, for
 * one call, a client, or by setGlobalDispatcher() for all. Attempts that failed are read to their end
 * and tried again unseen. A place in a bulkhead is held until the response is complete; the other guards
 * hear of a call when its headers are there.
 */
export function createInterceptor(engine: Engine, options?: InterceptorOptions): (dispatch: any) => any;
