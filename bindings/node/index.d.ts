/**
 * tidegate: metrics, rate limits and guardrails in one memory region that all worker processes
 * share.
 *
 * Rules that hold everywhere:
 *
 * - Durations are seconds, as numbers, unless a name ends in `Ns`.
 * - A 64-bit count is a `number` while a number can hold it exactly, else a `bigint`.
 * - "No" is an answer: `check()` returns false. Errors are thrown: a `TidegateError` with a `code`
 *   when the engine cannot, a `TypeError` or `RangeError` when an argument is of the wrong kind.
 * - Documents (configurations, options) have the same fields in every language, see the project's
 *   README; objects and JSON text both do.
 */

/** A count: exact, whatever its size. */
export type Count = number | bigint;

/**
 * What a part of a key may be; a number must be whole. `undefined` and `null` are refused: a missing
 * id is no key. The same parts are the same key in every language.
 */
export type KeyPart = string | number | bigint | Uint8Array;

export type Labels = Record<string, string | number | boolean>;

/** `otlp` is bytes (`renderBuffer()`, `toBuffer()`), of a native part built with the feature otlp. */
export type Format = 'json' | 'prometheus' | 'openmetrics' | 'health-json' | 'health-simple' | 'statsd' | 'hdr' | 'otlp';

/** Which part of a snapshot. */
export interface RenderOptions {
  /** Only metrics and guards with these names; `*` stands for anything. */
  names?: string[];
  /** Lets OpenMetrics say since when each counter and histogram counts. */
  created?: boolean;
  /** Writes the buckets into JSON, so that `Snapshot.parse()` can read the document. */
  buckets?: boolean;
  /** Such a document, rendered earlier: only what was counted since then. */
  since?: unknown;
}

export interface MetricOptions {
  labels?: Record<string, string>;
  /** What it means, for the people who read /metrics. */
  help?: string;
  /** A base unit: `seconds`, `bytes`. */
  unit?: string;
}

export interface HistogramOptions extends MetricOptions {
  /** How far off a quantile may be, 0.002 to 0.03; 0.0078125 unless said. */
  relative_error?: number;
}

interface LimiterCommon {
  /** A limit for each key, instead of one for all. */
  keyed?: boolean;
  /** Keys that are active within a window. */
  max_keys?: number;
  /** What a new key gets when the table is full. */
  when_full?: 'deny' | 'allow' | 'evict';
  [field: string]: unknown;
}

export type LimiterConfig = LimiterCommon &
  (
    | { algorithm: 'token_bucket'; rate_per_second: number; burst: number }
    | { algorithm: 'sliding_window'; limit: number; window_seconds: number }
    | { algorithm: string }
    | { preset: 'strict' | 'standard' | 'relaxed' | 'api' | 'auth' }
  );

/** The configuration document. */
export interface EngineConfig {
  service?: string;
  /**
   * `path`: every process that opens it shares one region; on memory, such as /dev/shm, it costs
   * nothing to keep. Without a path nobody else sees it, for Node does not fork.
   */
  region?: { path?: string; size_bytes?: number; private?: boolean };
  /** `manual`: time stands still until `advance()`, for tests. */
  clock?: 'real' | 'manual';
  window_seconds?: number;
  metrics?: { max_series?: number; max_series_per_name?: number };
  limiters?: Record<string, LimiterConfig>;
  [section: string]: unknown;
}

/** This process's view of one region. Close it, or leave that to the end of the process. */
export class Engine {
  /**
   * Opens an engine as the document says, and makes the region if need be. Opening resets nothing.
   * In a cluster worker a document without `region.path` is refused.
   */
  constructor(config?: EngineConfig | string);

  /** Opens an engine with the document in a JSON file. */
  static fromFile(path: string): Engine;

  /** Opens a region to look at it; whatever would write throws `TIDEGATE_E_STATE`. */
  static attach(path: string): Engine;

  /** Throws what opening an engine with this document would throw about the document. */
  static checkConfig(config: EngineConfig | string): void;

  /** The same name and labels give the same object, and in all processes the same counter. */
  counter(name: string, options?: MetricOptions | string): Counter;
  gauge(name: string, options?: MetricOptions | string): Gauge;
  histogram(name: string, options?: HistogramOptions | string): Histogram;

  /** One kind of work, such as a query: latency, outcome and error code together. */
  operation(name: string, options?: OperationOptions | string): Operation;

  /** Hits and misses, such as a cache's. */
  ratio(name: string, options?: MetricOptions | string): Ratio;
  /** One of a few named states; it begins in the first. */
  states(name: string, options: string[] | (MetricOptions & { states: string[] })): StateSet;
  /** Says what is true of the service, such as `setInfo('build', { version: '1.2' })`. */
  setInfo(name: string, labels: Record<string, string>): void;
  /** Counts an error in the log of distinct errors; `text` is what errors of one cause share. */
  reportError(code: string, text?: string): void;

  /** Without a configuration, the limiter must exist. */
  limiter(name: string, config?: LimiterConfig | string): Limiter;

  breaker(name: string, config?: BreakerConfig | string): Breaker;
  bulkhead(name: string, config?: BulkheadConfig | string): Bulkhead;
  retry(name: string, config?: RetryConfig | string): Retry;
  /** Guards that exist, asked together: `{ bulkhead: 'db', breaker: 'db', limiter: 'api' }`. */
  guard(name: string, config?: GuardConfig | string): Guard;
  throttle(name: string, config?: ThrottleConfig | string): Throttle;

  /** Answers a probe. Readiness unless said. */
  health(probe?: Probe): { status: HealthStatus; httpStatus: number };
  /**
   * Tells what the application found out itself: the database answers, Redis is down. `ttl`: seconds
   * for which it counts; for ever unless said.
   */
  reportHealth(
    check: string,
    status: HealthStatus,
    options?: { observed?: number; message?: string; ttl?: number },
  ): void;
  /** Says that this process's main loop turns; liveness fails when it stops saying so. */
  heartbeat(): void;
  /** Says that this process has started: the startup probe is healthy from now on. */
  startupDone(): void;

  /** Records into the histogram of that name, which is made on first use. */
  record(histogram: string, value: number): void;

  /** Takes one unit of the limiter of that name, or none. */
  allow(limiter: string, ...key: KeyPart[]): boolean;

  /**
   * Takes the units of 1 to 16 limits as one decision: all, or none. `refused` is the number of the
   * request that was denied, from 0; the other numbers are those of its limit, or, when all admitted,
   * of the limit with the least left.
   */
  checkAll(requests: LimiterRequest[]): Decision & { readonly refused: number | undefined };

  /** Events from now on, or from the oldest that is kept. */
  events(options?: { fromStart?: boolean }): EventReader;

  /** A picture of everything, taken on this thread. */
  snapshot(): Snapshot;

  /** Takes a picture and writes it as text, off the event loop. */
  render(format?: Format, options?: RenderOptions): Promise<string>;

  /** The same as bytes, for an HTTP answer. */
  renderBuffer(format?: Format, options?: RenderOptions): Promise<Buffer>;

  /** Moves a manual clock on, for all processes of the region. */
  advance(seconds: number): void;
  advanceNs(ns: Count): void;

  /** Ends time slots that are due. A timer does this; call it in a loop that never yields. */
  tick(): void;

  readonly closed: boolean;

  /** Closes it, once or more often. What it opened throws `TIDEGATE_E_STATE` from then on. */
  close(): void;
  [Symbol.dispose](): void;
}

/** A count that only grows. `inc()` is an addition in shared memory; nothing is called. */
export class Counter {
  private constructor();
  /** Adds a whole number of at least 0; up to 2^64 - 1 as a bigint. */
  inc(amount?: Count): void;
  /** The total of all processes. */
  readonly value: Count;
  /** The counter with these labels in addition. Keep it where it is used often. */
  with(labels: Labels): Counter;
}

/** A value that moves. */
export class Gauge {
  private constructor();
  set(value: number): void;
  add(delta: number): void;
  inc(delta?: number): void;
  dec(delta?: number): void;
  readonly value: number;
  with(labels: Labels): Gauge;
}

/** A distribution of values. `record()` writes shared memory; nothing is called. */
export class Histogram {
  private constructor();
  /** Records a finite number of at least 0; seconds for a duration. */
  record(value: number): void;
  /** As `record()`, and keeps the trace as an example of its bucket. */
  recordExemplar(value: number, traceId: string): void;
  /** All of them, or none when one is refused. */
  recordMany(values: Iterable<number> | Float64Array): void;
  /**
   * Records what an HdrHistogram counted: its V2 encoding, or a whole log. `scale`: units of the log that
   * make one of the histogram, such as 1e9 for nanoseconds into seconds. Gives back how many.
   */
  importHdr(log: string | Uint8Array, scale?: number): Count;
  /** The values at these quantiles (0 to 1), by nearest rank; NaN when there is no data. */
  quantiles(quantiles: readonly number[], windowSeconds?: number): number[];
  quantile(quantile: number, windowSeconds?: number): number;
  /** Calls `fn` and records how long it, or the promise it returns, took; its result is yours. */
  time<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R;
  /** `using timer = histogram.startTimer()` records at the end of the block. */
  startTimer(): Timer;
  with(labels: Labels): Histogram;
}

export interface Timer {
  /** Records the seconds since it was started, once, and returns them. */
  stop(): number | undefined;
  [Symbol.dispose](): void;
}

/** A rate limit, shared by all processes of the region. Nothing here waits. */
export class Limiter {
  private constructor();
  readonly name: string;
  /** Takes one unit for the key made of these parts: true, or false and nothing is taken. */
  check(...key: KeyPart[]): boolean;
  /** Takes `cost` units, or none. */
  checkN(cost: number, ...key: KeyPart[]): boolean;
  /** As `check()`, and what is left. */
  decide(...key: KeyPart[]): Decision;
  decideN(cost: number, ...key: KeyPart[]): Decision;
  /** What `decide()` would say now; takes nothing. */
  peek(...key: KeyPart[]): Decision;
  /** Takes a unit that will be there: seconds until it is yours, or undefined if longer than `maxWait`. */
  reserve(maxWait: number, ...key: KeyPart[]): number | undefined;
  reserveN(cost: number, maxWait: number, ...key: KeyPart[]): number | undefined;
  /** Reserves and waits. A `signal` ends it with its reason and gives the units back. */
  wait(options?: { key?: KeyPart | KeyPart[]; cost?: number; maxWait?: number; signal?: AbortSignal }): Promise<void>;
  /** Gives back what was taken for a call that was not made. */
  refund(...key: KeyPart[]): void;
  refundN(cost: number, ...key: KeyPart[]): void;
  /** Takes units whether or not they are there. */
  penalize(cost: number, ...key: KeyPart[]): void;
  /** Denies this key for so many seconds; 0: no longer. */
  block(seconds: number, ...key: KeyPart[]): void;
  /** Puts a key on a list, or takes it off. */
  list(list: 'none' | 'allow' | 'deny', ...key: KeyPart[]): void;
  /** Puts a key on one of the plans of the configuration; `undefined`: back to the limiter's own limit. */
  setPlan(plan: string | undefined, ...key: KeyPart[]): void;
  /**
   * The keys that use the limiter most, or are denied most, of a limiter with `record_keys`; at most 10
   * unless said, and 64.
   */
  top(options?: { by?: 'used' | 'denied'; count?: number }): TopKey[];
  /** New numbers for all processes; what was taken stays taken. The whole new configuration. */
  reconfigure(config: LimiterConfig | string): void;
  /** HTTP fields for an answer. */
  headers(decision: Decision, style?: 'current' | 'draft06' | 'legacy'): Record<string, string>;
  /** The body of application/problem+json. */
  problem(decision: Decision): Record<string, any>;
}

/** One limit of several that are checked together. */
export interface LimiterRequest {
  limiter: Limiter | string;
  key?: KeyPart | KeyPart[];
  /** 1 unless said. */
  cost?: number;
}

export class Decision {
  private constructor();
  readonly allowed: boolean;
  /** The burst or limit of the policy that decided. */
  readonly limit: Count;
  /** Whole units left. */
  readonly remaining: Count;
  /** 0 when allowed, else seconds after which the same call could pass. */
  readonly retryAfter: number;
  /** Seconds until the limiter is full again if nobody calls. */
  readonly resetAfter: number;
}

/** A key as `record_keys` lets it be written down. */
export interface TopKey {
  key: string;
  used: number;
  denied: number;
  /** How far the number that the list is ordered by may be above the truth. */
  errorBound: number;
}

export type Outcome = 'success' | 'failure' | 'ignored';
export type Probe = 'liveness' | 'readiness' | 'startup';
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy' | 'unknown';

/** What somebody's function is run with. */
export interface RunOptions {
  /**
   * Whether what was thrown counts as a failure; otherwise it is ignored. Without it everything
   * thrown is a failure, but an AbortError is ignored.
   */
  isFailure?: (error: any) => boolean;
}

/**
 * An admitted call. Give it back once, with what happened; `using` gives it back at the end of the
 * block, as ignored if nothing was reported. One that is never given back expires.
 */
export class Permit {
  private constructor();
  /** `seconds`: how long it took; unless said, since it was given. */
  report(outcome: Outcome, seconds?: number): void;
  success(seconds?: number): void;
  failure(seconds?: number): void;
  ignore(): void;
  readonly reported: boolean;
  [Symbol.dispose](): void;
}

export interface OperationOptions extends HistogramOptions {
  /** From here on a call counts as slow. */
  slow_seconds?: number;
}

/** One kind of work. Rates, ratios, percentiles and errors by code come from one recording. */
export class Operation {
  private constructor();
  readonly name: string;
  record(seconds: number, outcome?: Outcome, errorCode?: string): void;
  /** As `record()`, with what there is to say about this one call, should it be among the slowest. */
  recordDetail(
    seconds: number,
    outcome: Outcome,
    said?: { code?: string; message?: string; detail?: string; traceId?: string },
  ): void;
  /** Begins a call; `using` ends it at the end of the block, as a success. */
  begin(): { end(outcome?: Outcome, errorCode?: string): void; [Symbol.dispose](): void };
  /**
   * Calls `fn` and records how long it took and how it, or the promise it returned, ended. The error
   * code is the `code` of what was thrown, else its class.
   */
  run<R>(fn: () => R, options?: RunOptions): R;
  /** A function that does the same whenever it is called. */
  wrap<T, A extends unknown[], R>(fn: (this: T, ...args: A) => R, options?: RunOptions): (this: T, ...args: A) => R;
  /** Over the last `windowSeconds`, or since it was made. NaN where there is no data. */
  read(windowSeconds?: number): OperationReading;
}

export interface OperationReading {
  count: Count;
  successes: Count;
  failures: Count;
  ignored: Count;
  slow: Count;
  ratePerSecond: number;
  successRatio: number;
  errorRate: number;
  average: number;
  p50: number;
  p90: number;
  p95: number;
  p99: number;
  p999: number;
  min: number;
  max: number;
}

/** Hits and misses. */
export class Ratio {
  private constructor();
  record(hits: Count, misses?: Count): void;
  hit(): void;
  miss(): void;
  /** The ratio is NaN without any. */
  read(windowSeconds?: number): { hits: Count; misses: Count; ratio: number };
}

/** One of a few named states. */
export class StateSet {
  private constructor();
  set(state: string): void;
}

export type Phase = 'closed' | 'open' | 'half_open' | 'forced_open' | 'disabled' | 'forced_closed' | 'metrics_only';

export interface BreakerConfig {
  failure_rate?: number;
  slow_call_seconds?: number;
  slow_call_rate?: number;
  consecutive_failures?: number;
  minimum_calls?: number;
  window?: { seconds: number } | { calls: number };
  open_seconds?: number;
  open_growth?: number;
  open_max_seconds?: number;
  open_jitter?: number;
  half_open_calls?: number;
  half_open_successes?: number;
  permit_timeout_seconds?: number;
  ramp_seconds?: number;
  initial?: 'closed' | 'open' | 'disabled' | 'forced_open' | 'forced_closed' | 'metrics_only';
  shadow?: boolean;
}

/** A circuit breaker, one for all processes. A worker that starts or dies changes nothing of it. */
export class Breaker {
  private constructor();
  readonly name: string;
  /** A permit, or undefined: the circuit is open. */
  acquire(): Permit | undefined;
  /** Calls `fn`, or throws a `DeniedError`; results, errors, rejections pass unchanged. */
  execute<R>(fn: () => R, options?: RunOptions): R;
  /** The same function behind the breaker. */
  wrap<T, A extends unknown[], R>(fn: (this: T, ...args: A) => R, options?: RunOptions): (this: T, ...args: A) => R;
  readonly state: Phase;
  /** `closed` is automatic again with an empty window; `open` as if it had tripped; the rest holds. */
  setMode(mode: Phase): void;
  read(): BreakerReading;
}

export interface BreakerReading {
  phase: Phase;
  /** Why it opened last. */
  reason: 'none' | 'failure_rate' | 'slow_call_rate' | 'consecutive_failures' | 'probes' | 'forced';
  generation: number;
  /** In the window. */
  calls: number;
  failures: number;
  slowCalls: number;
  /** NaN below the minimum of calls. */
  failureRate: number;
  slowCallRate: number;
  /** Seconds; 0 unless open. */
  retryAfter: number;
  openedCount: number;
  permitsOut: number;
  /** As it was when it opened last, and how many seconds ago that was. */
  trippedCalls: number;
  trippedFailures: number;
  trippedSlowCalls: number;
  trippedAge: number;
}

export interface BulkheadConfig {
  max_concurrent?: number;
  adaptive?: Record<string, unknown>;
  keyed?: boolean;
  max_keys?: number;
  permit_timeout_seconds?: number;
  shadow?: boolean;
}

/** Most calls in flight at once, over all processes. Permits of a process that dies come back. */
export class Bulkhead {
  private constructor();
  readonly name: string;
  /** A permit, or undefined: full. */
  enter(...key: KeyPart[]): Permit | undefined;
  /** Calls `fn` with a permit, or throws a `DeniedError`; results, errors, rejections pass unchanged. */
  execute<R>(fn: () => R, options?: RunOptions & { key?: KeyPart | KeyPart[] | (() => KeyPart | KeyPart[]) }): R;
  /** The same function behind the bulkhead; `key` may be a function of the call's arguments. */
  wrap<T, A extends unknown[], R>(
    fn: (this: T, ...args: A) => R,
    options?: RunOptions & { key?: KeyPart | KeyPart[] | ((this: T, ...args: A) => KeyPart | KeyPart[]) },
  ): (this: T, ...args: A) => R;
  read(): { limit: number; inUse: number; returnedFromDead: number };
}

export interface ThrottleConfig {
  window_seconds?: number;
  success_threshold?: number;
  aggression?: number;
  minimum_rps?: number;
  max_rejection?: number;
  seed?: number;
  shadow?: boolean;
}

/** Client-side adaptive throttling: holds back what a struggling server would deny anyway. */
export class Throttle {
  private constructor();
  readonly name: string;
  acquire(): boolean;
  report(outcome: Outcome): void;
  execute<R>(fn: () => R, options?: RunOptions): R;
  wrap<T, A extends unknown[], R>(fn: (this: T, ...args: A) => R, options?: RunOptions): (this: T, ...args: A) => R;
}

/** Names of guards that exist. They are asked in this order, and the first that refuses ends it. */
export interface GuardConfig {
  retry?: string;
  bulkhead?: string;
  breaker?: string;
  throttle?: string;
  limiter?: string;
}

export interface GuardOptions {
  /** For guards of the chain that are keyed. */
  key?: KeyPart | KeyPart[];
  /** Units of the limiter; 1 unless said. */
  cost?: number;
  /** Which attempt it is, for the retry budget; 1 unless said. */
  attempt?: number;
}

/** Several guards as one: one question, one report. */
export class Guard {
  private constructor();
  readonly name: string;
  /** A permit, or a `DeniedError` whose `guard` is the part that refused. */
  acquire(options?: GuardOptions): Permit;
  /** A permit, or undefined. */
  tryAcquire(options?: GuardOptions): Permit | undefined;
  execute<R>(fn: () => R, options?: RunOptions & GuardOptions): R;
  wrap<T, A extends unknown[], R>(
    fn: (this: T, ...args: A) => R,
    options?: RunOptions &
      Omit<GuardOptions, 'key'> & { key?: KeyPart | KeyPart[] | ((this: T, ...args: A) => KeyPart | KeyPart[]) },
  ): (this: T, ...args: A) => R;
}

export interface RetryConfig {
  max_attempts?: number;
  backoff?: 'exponential' | 'constant' | 'decorrelated';
  base_seconds?: number;
  multiplier?: number;
  max_seconds?: number;
  jitter?: 'full' | 'equal' | 'none';
  deadline_seconds?: number;
  /** Retries are at most this share of first attempts, over all processes. */
  budget_ratio?: number;
  budget_minimum?: number;
  seed?: number;
  shadow?: boolean;
}

export interface RetryOptions {
  /** Ends waiting and trying: `run()` rejects with its reason. */
  signal?: AbortSignal;
  /** Whether to try again after this; everything but an AbortError unless said. */
  shouldRetry?: (error: any, attempt: number) => boolean | Promise<boolean>;
  /** Seconds that the server asked for; `error.retryAfter` and Retry-After headers unless said. */
  retryAfter?: (error: any) => number | undefined;
}

/** How long to wait before the next try. The budget is shared by all processes. */
export class Retry {
  private constructor();
  readonly name: string;
  /** Seconds to wait before this attempt (the first is 1), or undefined: give up. */
  next(attempt: number, elapsed?: number, retryAfter?: number): number | undefined;
  /** Calls `fn` until it succeeds or is given up; then rejects with its last error, unchanged. */
  run<R>(fn: (call: { attempt: number; signal?: AbortSignal }) => R | Promise<R>, options?: RetryOptions): Promise<R>;
  wrap<T, A extends unknown[], R>(
    fn: (this: T, ...args: A) => R | Promise<R>,
    options?: RetryOptions,
  ): (this: T, ...args: A) => Promise<R>;
}

/** Reads what happened, in order. */
export class EventReader {
  private constructor();
  /** Events since the last time, and how many were overwritten before they were read. */
  read(): { events: Array<Record<string, unknown>>; lost: Count };
  /** Passes over what there is. */
  skip(): void;
}

/** Everything that a region held at one time. It outlives its engine. */
export class Snapshot {
  private constructor();
  /** Reads a document that was rendered as JSON with `buckets`, here or on another host. */
  static parse(document: string | object): Snapshot;
  /** What was counted between an earlier snapshot of the same region and this one. */
  since(earlier: Snapshot): Snapshot;
  /** This and one of another region, such as another host's, as one. */
  merge(other: Snapshot): Snapshot;
  /** The document of schema/snapshot.schema.json; counts beyond 2^53 are bigints, but for JSON.stringify(). */
  toJSON(): any;
  toString(format?: Format, options?: RenderOptions): string;
  toBuffer(format?: Format, options?: RenderOptions): Buffer;
  /** As `toString()`, off the event loop. */
  render(format?: Format, options?: RenderOptions): Promise<string>;
  renderBuffer(format?: Format, options?: RenderOptions): Promise<Buffer>;
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * What `execute()`, `run()` and `wrap()` throw when a guard says no. Its code is `TIDEGATE_DENIED`; its
 * `stack` is its message alone, since collecting one would cost more than the call.
 */
export class DeniedError extends TidegateError {
  constructor(guard: string, guardName: string, message: string, retryAfter: number);
  /** `breaker`, `bulkhead`, `retry`, `throttle` or `limiter`. */
  readonly guard: string;
  readonly guardName: string;
  /** Seconds to wait, or 0 where nobody knows. */
  readonly retryAfter: number;
}

export type Code =
  | 'TIDEGATE_DENIED'
  | 'TIDEGATE_E_ARGUMENT'
  | 'TIDEGATE_E_CONFIG'
  | 'TIDEGATE_E_NOT_FOUND'
  | 'TIDEGATE_E_CONFLICT'
  | 'TIDEGATE_E_CAPACITY'
  | 'TIDEGATE_E_SPACE'
  | 'TIDEGATE_E_FORMAT'
  | 'TIDEGATE_E_SYSTEM'
  | 'TIDEGATE_E_STALE'
  | 'TIDEGATE_E_RANGE'
  | 'TIDEGATE_E_STATE'
  | 'TIDEGATE_E_BUG';

/** What the engine says when it cannot do something. The message names the field and the reason. */
export class TidegateError extends Error {
  constructor(code: Code, message: string, status: number);
  readonly code: Code;
  readonly status: number;
}

/** Content types of the formats, for HTTP answers. */
export const contentTypes: Readonly<Record<Format, string>>;

/** The version of the native library. */
export const version: string;
