// Compiled, never run: the types as a user sees them.
import tidegate, { Engine, TidegateError, contentTypes, type Count, type Decision, type LimiterConfig } from 'tidegate';

import { express, fastify, http, koa, NestGuard, answerTo } from 'tidegate/web';
import { createFetch } from 'tidegate/client';
import { observeQueries, exposeIn } from 'tidegate/hooks';
import { createServer } from 'node:http';

const login: LimiterConfig = { preset: 'auth', keyed: true };
using engine = new Engine({
  service: 'shop',
  region: { path: '/dev/shm/shop.tidegate' },
  limiters: { login, api: { algorithm: 'token_bucket', rate_per_second: 100, burst: 200 } },
});
engine.counter('hits', { labels: { route: '/' } }).with({ status: 200 }).inc(5n);
const total: Count = engine.counter('hits').value;
const p99: number = engine.histogram('latency', { relative_error: 0.01 }).quantile(0.99, 60);
const result: Promise<number> = engine.histogram('latency').time(async (a: number) => a, 1);
const allowed: boolean = engine.limiter('login').check('ann', 7, 7n, new Uint8Array(2));
const decision: Decision = engine.limiter('login').decideN(2, 'ann');
const text: string = await engine.render('prometheus');
const type: string = contentTypes.prometheus;
try {
  tidegate.Engine.attach('/dev/shm/shop.tidegate').close();
} catch (error) {
  if (error instanceof TidegateError && error.code === 'TIDEGATE_E_NOT_FOUND') console.log(error.message);
}
const breaker = engine.breaker('payments', { failure_rate: 0.5, window: { seconds: 30 } });
const price: (amount: number) => Promise<number> = breaker.wrap(async (amount: number) => amount * 2);
const found: Promise<string> = engine.retry('payments').run(async ({ attempt }) => `try ${attempt}`, { signal: AbortSignal.timeout(5) });
const query: string = engine.operation('db.query').run(() => 'rows');
{
  using permit = engine.bulkhead('db', { max_concurrent: 5 }).enter();
  permit?.success(0.1);
}
createServer(http(engine, (request, response) => response.end(request.url), { limiter: 'api', key: (request) => request.headers.host ?? '' }));
const call: typeof fetch = createFetch(engine, { breaker, retry: 'payments' });
const undo: () => void = observeQueries(engine, { query: async () => [] });
new NestGuard(engine, { limiter: engine.limiter('api'), key: false });
console.log(express(engine), koa(engine), fastify, exposeIn, answerTo(1)?.status, price, found, query, call, undo);
// @ts-expect-error a misspelt option
express(engine, { limitter: 'api' });
{
  using timer = engine.histogram('latency').startTimer();
}

// @ts-expect-error a key part is never undefined
engine.limiter('login').check(undefined);
// @ts-expect-error counters do not shrink by texts
engine.counter('hits').inc('1');
// @ts-expect-error there is no such format
engine.render('promethues');
// @ts-expect-error decisions are not made by hand
new tidegate.Decision();

export { total, p99, result, allowed, decision, text, type };
