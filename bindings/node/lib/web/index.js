// Middleware for plain http, Express, Fastify, Koa and NestJS. None of them is a dependency.
'use strict';
const { expectFunction, invalid } = require('../options');
const { Server, pathOf, answerTo } = require('./server');

function send(response, answer, isHead) {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  response.setHeader('content-length', Buffer.byteLength(answer.body));
  response.end(isHead ? undefined : answer.body);
}

/** Counts the request until its response is over, however that comes. */
function follow(server, request, response, routeOf) {
  const begun = server.begun();
  const method = request.method;
  let over = false;
  return (permit) => {
    const end = (finished) => {
      if (over) return;
      over = true;
      const status = finished || response.headersSent ? response.statusCode : 499;
      permit?.report(status >= 500 ? 'failure' : 'success');
      // An engine that was closed first has nothing to record in.
      if (!server.engine.closed) server.ended(begun, method, routeOf(), status);
    };
    response.once('finish', () => end(true));
    response.once('close', () => end(false));
  };
}

/** For Express 4 and 5, Connect, and whatever else calls (request, response, next). */
function express(engine, options) {
  const server = new Server('express', engine, options);
  return function tidegate(request, response, next) {
    const path = pathOf(request.originalUrl ?? request.url);
    const page = server.page(request.method, path, request.headers.accept);
    if (page !== undefined) {
      page.then((answer) => send(response, answer, request.method === 'HEAD'), next);
      return;
    }
    if (server.isExempt(path, request)) {
      next();
      return;
    }
    const routeOf = () =>
      server.routeOf(request, request.route === undefined ? '' : `${request.baseUrl ?? ''}${request.route.path}`);
    const end = follow(server, request, response, routeOf);
    let admitted;
    try {
      const header = (name, value) => response.setHeader(name, value);
      admitted = server.admit(request, request.ip ?? request.socket?.remoteAddress, header);
    } catch (error) {
      end();
      next(error);
      return;
    }
    end(admitted.permit);
    if (admitted.answer === undefined) next();
    else send(response, admitted.answer, request.method === 'HEAD');
  };
}

/** Express's error handler for guards that refuse inside a route: 503 with Retry-After. */
function expressErrors() {
  return function tidegateErrors(error, request, response, next) {
    const answer = response.headersSent ? undefined : answerTo(error);
    if (answer === undefined) next(error);
    else send(response, answer, request.method === 'HEAD');
  };
}

/** A request listener for node:http around another one. */
function http(engine, listener, options) {
  expectFunction('the request listener', listener);
  const middleware = express(engine, options);
  return function tidegate(request, response) {
    middleware(request, response, (error) => {
      if (error === undefined) {
        listener(request, response);
        return;
      }
      send(response, { status: 500, headers: [['content-type', 'text/plain']], body: 'Internal Server Error' }, false);
      process.emitWarning(error instanceof Error ? error : new Error(String(error)));
    });
  };
}

/** A plugin for Fastify: app.register(fastify, { engine, … }). */
function fastify(app, { engine, ...options }, done) {
  if (engine === undefined) throw invalid('fastify: register the plugin with { engine }');
  const server = new Server('fastify', engine, options);
  const reply429 = (reply, answer) => reply.code(answer.status).headers(Object.fromEntries(answer.headers)).send(answer.body);
  app.addHook('onRequest', async (request, reply) => {
    const path = pathOf(request.raw.url);
    const page = server.page(request.method, path, request.headers.accept);
    if (page !== undefined) return reply429(reply, await page);
    if (server.isExempt(path, request)) return undefined;
    const routeOf = () => server.routeOf(request, request.is404 ? '' : (request.routeOptions?.url ?? request.routerPath ?? ''));
    const end = follow(server, request.raw, reply.raw, routeOf);
    let admitted = {};
    try {
      admitted = server.admit(request, request.ip, (name, value) => reply.header(name, value));
    } finally {
      end(admitted.permit);
    }
    return admitted.answer === undefined ? undefined : reply429(reply, admitted.answer);
  });
  app.addHook('onError', async (request, reply, error) => {
    const answer = answerTo(error);
    if (answer !== undefined) reply.code(answer.status).headers({ 'retry-after': Object.fromEntries(answer.headers)['retry-after'] });
  });
  done();
}
// The hooks are for the whole application, not for a scope of the plugin's own.
fastify[Symbol.for('skip-override')] = true;
fastify[Symbol.for('fastify.display-name')] = 'tidegate';

/** Middleware for Koa. */
function koa(engine, options) {
  const server = new Server('koa', engine, options);
  const put = (context, answer) => {
    context.status = answer.status;
    for (const [name, value] of answer.headers) context.set(name, value);
    context.body = answer.body;
  };
  return async function tidegate(context, next) {
    const page = server.page(context.method, context.path, context.get('accept'));
    if (page !== undefined) return put(context, await page);
    if (server.isExempt(context.path, context)) return next();
    const routeOf = () => server.routeOf(context, context._matchedRoute === undefined ? '' : String(context._matchedRoute));
    const end = follow(server, context.req, context.res, routeOf);
    let admitted = {};
    try {
      admitted = server.admit(context, context.ip, (name, value) => context.set(name, value));
    } finally {
      end(admitted.permit);
    }
    if (admitted.answer !== undefined) return put(context, admitted.answer);
    try {
      return await next();
    } catch (error) {
      const answer = answerTo(error);
      if (answer === undefined) throw error;
      return put(context, answer);
    }
  };
}

/**
 * A guard for NestJS: app.useGlobalGuards(new NestGuard(engine, { limiter })), or for one controller
 * with @UseGuards(). It limits; for pages and durations use express() or fastify beside it.
 */
class NestGuard {
  #server;

  constructor(engine, options) {
    this.#server = new Server('NestGuard', engine, { metrics: false, health: false, ...options });
  }

  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    const response = context.switchToHttp().getResponse();
    const header = (name, value) => (response.setHeader === undefined ? response.header(name, value) : response.setHeader(name, value));
    const { answer, permit } = this.#server.admit(request, request.ip ?? request.socket?.remoteAddress, header);
    (response.raw ?? response).once('close', () => permit?.success());
    if (answer === undefined) return true;
    for (const [name, value] of answer.headers) if (name === 'retry-after') header(name, value);
    // Nest's own filter answers with the status of an error that has one.
    throw Object.assign(new Error(JSON.parse(answer.body).title), { statusCode: answer.status, status: answer.status });
  }
}

module.exports = { express, expressErrors, http, fastify, koa, NestGuard, answerTo };
