/**
 * tidegate/web: middleware for plain http, Express 4 and 5, Fastify, Koa and NestJS.
 *
 * Each serves the pages `/metrics` (Prometheus or OpenMetrics), `/health` (application/health+json) and
 * `/health/live`, `/health/ready`, `/health/startup`; records `http.server.request.duration` by route,
 * method and status, and `http.server.active_requests`; asks a limiter (429 with problem+json,
 * RateLimit headers, Retry-After) and a bulkhead (503). Put it before everything else.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Bulkhead, Engine, KeyPart, Limiter } from './index.js';

export interface WebOptions<Request = any> {
  /** A limiter, or the name of one in the configuration. */
  limiter?: Limiter | string;
  /**
   * Who is asking. The client's address unless said: behind a proxy that is the proxy's, unless the
   * framework was told to trust it. `false`: the limiter has no keys.
   */
  key?: ((request: Request) => KeyPart | KeyPart[]) | false;
  cost?: number | ((request: Request) => number);
  /** A bulkhead, or the name of one in the configuration. */
  bulkhead?: Bulkhead | string;
  /** Requests that are neither limited nor measured. */
  skip?: (request: Request) => boolean;
  /** Paths of such requests, whole or as patterns. */
  exempt?: Array<string | RegExp>;
  /** The template of a request's route, where the framework does not know it. Never a path. */
  route?: (request: Request) => string | undefined;
  /** Path of the page, `/metrics` unless said; false: none. */
  metrics?: string | false;
  /** Path of the pages, `/health` unless said; false: none. */
  health?: string | false;
  /** Registries of prom-client, to be shown on the same page. */
  registers?: Array<{ metrics(): Promise<string> | string }>;
}

type Next = (error?: any) => void;
type Middleware = (request: any, response: any, next: Next) => void;

/** app.use(express(engine, { limiter: 'api' })) */
export function express(engine: Engine, options?: WebOptions): Middleware;

/** app.use(expressErrors()), last: a guard that refuses inside a route is answered with 503. */
export function expressErrors(): (error: any, request: any, response: any, next: Next) => void;

/** createServer(http(engine, listener, { limiter: 'api' })) */
export function http(engine: Engine, listener: RequestListener, options?: WebOptions<IncomingMessage>): (request: IncomingMessage, response: ServerResponse) => void;

/** app.register(fastify, { engine, limiter: 'api' }) */
export function fastify(app: any, options: WebOptions & { engine: Engine }, done: (error?: Error) => void): void;

/** app.use(koa(engine, { limiter: 'api' })); `key` and `skip` are given the context. */
export function koa(engine: Engine, options?: WebOptions): (context: any, next: () => Promise<any>) => Promise<any>;

/**
 * app.useGlobalGuards(new NestGuard(engine, { limiter: 'api' })). It limits; for pages and durations
 * give Nest express() or fastify as well, without a limiter.
 */
export class NestGuard {
  constructor(engine: Engine, options?: WebOptions);
  canActivate(context: any): boolean;
}

/** The answer that a `DeniedError` deserves; undefined for any other error. */
export function answerTo(error: unknown): { status: number; headers: Array<[string, string]>; body: string } | undefined;
