/** tidegate/hooks: into what a service has already. None of it is a dependency. */
import type { Engine } from './index.js';

/**
 * Measures every query of a `pg` Client or Pool, or of anything with such a query(), as an operation,
 * `db.query` unless said, with a label for its verb. Gives back a function that undoes it.
 */
export function observeQueries(
  engine: Engine,
  client: { query: (...args: any[]) => any },
  options?: { name?: string; nameOf?: (statement: any) => string },
): () => void;

/** For Prisma: prisma.$extends(prismaExtension(engine)). */
export function prismaExtension(engine: Engine, options?: { name?: string }): any;

/**
 * Records every request of fetch() and undici as `http.client.request.duration`, by method, host and
 * status. Gives back a function that stops it.
 */
export function observeFetch(engine: Engine): () => void;

/**
 * Shows our metrics in a registry of prom-client, histograms as summaries. Gives back a function that
 * takes them out again.
 */
export function exposeIn(engine: Engine, register: any): () => void;

/**
 * For OpenTelemetry's SDK: `new PeriodicExportingMetricReader({ exporter, metricProducers:
 * [metricProducer(engine)] })`. Histograms and operations are exponential histograms, or, for exporters
 * that cannot have those, histograms with these `boundaries`. It tells the totals of all processes of the
 * region, so let one of them export. `names`: only metrics and guards with these names, with `*`.
 */
export function metricProducer(
  engine: Engine,
  options?: { boundaries?: number[]; names?: string[] },
): { collect(options?: { timeoutMillis?: number }): Promise<{ resourceMetrics: any; errors: unknown[] }> };

/** Publishes events on a diagnostics channel, `tidegate:event`, every second while anybody listens. */
export function publishEvents(engine: Engine, options?: { every?: number; channel?: string }): () => void;
