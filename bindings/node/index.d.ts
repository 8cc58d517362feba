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

export type Format = 'json' | 'prometheus';

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

  /** Without a configuration, the limiter must exist. */
  limiter(name: string, config?: LimiterConfig | string): Limiter;

  /** Records into the histogram of that name, which is made on first use. */
  record(histogram: string, value: number): void;

  /** Takes one unit of the limiter of that name, or none. */
  allow(limiter: string, ...key: KeyPart[]): boolean;

  /** A picture of everything, taken on this thread. */
  snapshot(): Snapshot;

  /** Takes a picture and writes it as text, off the event loop. */
  render(format?: Format): Promise<string>;

  /** The same as bytes, for an HTTP answer. */
  renderBuffer(format?: Format): Promise<Buffer>;

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
  /** All of them, or none when one is refused. */
  recordMany(values: Iterable<number> | Float64Array): void;
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

/** Everything that a region held at one time. It outlives its engine. */
export class Snapshot {
  private constructor();
  /** The document of schema/snapshot.schema.json; counts beyond 2^53 are bigints. */
  toJSON(): any;
  toString(format?: Format): string;
  toBuffer(format?: Format): Buffer;
  /** As `toString()`, off the event loop. */
  render(format?: Format): Promise<string>;
  close(): void;
  [Symbol.dispose](): void;
}

export type Code =
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
