// An interceptor for undici: `new Agent().compose(createInterceptor(engine, { breaker, retry }))`.
//
// undici calls handlers by one of two sets of names: onConnect, onHeaders, … up to version 6, and
// onRequestStart, onResponseStart, … from version 7 on. A Call knows neither: two small handlers
// translate, and pass on whatever the call lets through.
'use strict';
const { checkOptions } = require('./options');
const { OPTIONS, isFailedStatus, canRepeat, guardsOf, Attempt, Again } = require('./outgoing');

const LONGEST_MS = 2 ** 31 - 1;

/** One request with all its attempts. */
class Call {
  #settings;
  #dispatch;
  #options;
  #attempt;
  #again;
  /** Ends the attempt under way, or the waiting for the next one. */
  #stop;
  #aborted = false;
  #reason;
  /** What came is the caller's from here on, and nothing is tried again. */
  #passing = false;
  #delay;
  /** Given by the handler: what it hears of the error that ends it all; a handler for an attempt. */
  fail;
  handlerOf;

  constructor(settings, dispatch, options) {
    this.#settings = settings;
    this.#dispatch = dispatch;
    this.#options = options;
  }

  /** Starts the first attempt; gives back what dispatch() does. */
  start() {
    try {
      this.#again = new Again(this.#settings.retry);
    } catch (error) {
      this.fail(error);
      return true;
    }
    return this.#try();
  }

  #try() {
    this.#delay = undefined;
    const { method = 'GET', origin, path } = this.#options;
    try {
      this.#attempt = new Attempt(this.#settings.guards({ method, origin: String(origin ?? ''), path }));
    } catch (error) {
      this.fail(error);
      return true;
    }
    try {
      return this.#dispatch(this.#options, this.handlerOf());
    } catch (error) {
      this.#attempt.threw(error, this.#aborted);
      this.#attempt.over();
      throw error;
    }
  }

  /** The attempt has a connection, and `stop(reason)` ends it. */
  connected(stop) {
    this.#stop = stop;
    if (this.#aborted) stop(this.#reason);
  }

  abort(reason) {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
    this.#stop?.(this.#reason);
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason ?? null;
  }

  get passing() {
    return this.#passing;
  }

  /** Headers came: whether they, and what follows, are the caller's. */
  answered(statusCode, headers) {
    if (statusCode < 200) return true;
    const failed = Boolean(this.#settings.isFailure({ statusCode, headers }));
    this.#attempt.ended(failed ? 'failure' : 'success', String(statusCode));
    if (failed) this.#decide(headers['retry-after']);
    this.#passing = this.#delay === undefined;
    return this.#passing;
  }

  /** The connection is another protocol's now. */
  upgraded() {
    this.#attempt.ended('success');
    this.#attempt.over();
    this.#passing = true;
  }

  /** The response is complete: whether that is the caller's. */
  ended() {
    this.#attempt.over();
    if (this.#passing) return true;
    this.#waitThenTry();
    return false;
  }

  /** The attempt ended in an error: whether that is the caller's. */
  threw(error) {
    this.#attempt.threw(error, this.#aborted);
    this.#attempt.over();
    if (!this.#passing && this.#delay === undefined && error?.name !== 'AbortError') this.#decide();
    if (this.#passing || this.#aborted || this.#delay === undefined) return true;
    this.#waitThenTry();
    return false;
  }

  /** Sets the delay until the next attempt, if there shall be one. */
  #decide(asked) {
    const { method = 'GET', body, upgrade } = this.#options;
    if (this.#aborted || upgrade || !canRepeat(String(method).toUpperCase(), body)) return;
    try {
      this.#delay = this.#again.next(Array.isArray(asked) ? asked[0] : asked);
    } catch {
      // An engine that was closed meanwhile has no say.
    }
  }

  #waitThenTry() {
    const timer = setTimeout(() => {
      this.#stop = undefined;
      try {
        this.#try();
      } catch (error) {
        this.fail(error);
      }
    }, Math.min(Math.ceil(this.#delay * 1000), LONGEST_MS));
    this.#stop = (reason) => {
      clearTimeout(timer);
      this.fail(reason);
    };
    // It was aborted while what nobody wants was read.
    if (this.#aborted) this.#stop(this.#reason);
  }
}

/** Names and values, as undici up to version 6 has them: one after another. */
function headersOf(raw) {
  const headers = {};
  for (let i = 0; i + 1 < (raw?.length ?? 0); i += 2) headers[String(raw[i]).toLowerCase()] = String(raw[i + 1]);
  return headers;
}

/** A handler with the names of undici up to version 6. */
class EarlierHandler {
  #call;
  #handler;
  #begun = false;

  constructor(call, handler) {
    this.#call = call;
    this.#handler = handler;
    call.fail = (error) => handler.onError(error);
    call.handlerOf = () => this;
  }

  onConnect(abort, context) {
    this.#call.connected(abort);
    if (this.#begun) return;
    this.#begun = true;
    this.#handler.onConnect?.((reason) => this.#call.abort(reason), context);
  }

  onUpgrade(statusCode, headers, socket) {
    this.#call.upgraded();
    return this.#handler.onUpgrade(statusCode, headers, socket);
  }

  onResponseStarted() {
    this.#handler.onResponseStarted?.();
  }

  onBodySent(chunk) {
    this.#handler.onBodySent?.(chunk);
  }

  onHeaders(statusCode, headers, resume, statusText) {
    return this.#call.answered(statusCode, headersOf(headers)) ? this.#handler.onHeaders(statusCode, headers, resume, statusText) : true;
  }

  onData(chunk) {
    return this.#call.passing ? this.#handler.onData(chunk) : true;
  }

  onComplete(trailers) {
    if (this.#call.ended()) this.#handler.onComplete(trailers);
  }

  onError(error) {
    if (this.#call.threw(error)) this.#handler.onError(error);
  }
}

/** The controller that a handler keeps, though its attempts have one each. */
class Controller {
  #call;
  of;

  constructor(call) {
    this.#call = call;
  }

  abort(reason) {
    this.#call.abort(reason);
  }

  pause() {
    this.of.pause();
  }

  resume() {
    this.of.resume();
  }

  get paused() {
    return this.of.paused;
  }

  get aborted() {
    return this.#call.aborted;
  }

  get reason() {
    return this.#call.reason;
  }

  get rawHeaders() {
    return this.of.rawHeaders;
  }

  get rawTrailers() {
    return this.of.rawTrailers;
  }
}

/** A handler with the names of undici from version 7 on. */
class Handler {
  #call;
  #handler;
  #controller;
  #begun = false;

  constructor(call, handler) {
    this.#call = call;
    this.#handler = handler;
    this.#controller = new Controller(call);
    call.fail = (error) => handler.onResponseError?.(this.#controller, error);
    call.handlerOf = () => this;
  }

  onRequestStart(controller, context) {
    this.#controller.of = controller;
    this.#call.connected((reason) => controller.abort(reason));
    if (this.#begun) return;
    this.#begun = true;
    this.#handler.onRequestStart?.(this.#controller, context);
  }

  onRequestUpgrade(controller, statusCode, headers, socket) {
    this.#call.upgraded();
    this.#handler.onRequestUpgrade?.(this.#controller, statusCode, headers, socket);
  }

  onResponseStarted() {
    this.#handler.onResponseStarted?.();
  }

  onBodySent(chunk) {
    this.#handler.onBodySent?.(chunk);
  }

  onResponseStart(controller, statusCode, headers, statusMessage) {
    if (this.#call.answered(statusCode, headers)) this.#handler.onResponseStart?.(this.#controller, statusCode, headers, statusMessage);
  }

  onResponseData(controller, chunk) {
    if (this.#call.passing) this.#handler.onResponseData?.(this.#controller, chunk);
  }

  onResponseEnd(controller, trailers) {
    if (this.#call.ended()) this.#handler.onResponseEnd?.(this.#controller, trailers);
  }

  onResponseError(controller, error) {
    if (this.#call.threw(error)) this.#handler.onResponseError?.(this.#controller, error);
  }
}

/** For `dispatcher.compose()`: the guards of createFetch() around whatever the dispatcher is used for. */
function createInterceptor(engine, options) {
  const known = checkOptions('createInterceptor', options, OPTIONS);
  const settings = {
    guards: guardsOf(engine, known),
    retry: typeof known.retry === 'string' ? engine.retry(known.retry) : known.retry,
    isFailure: known.isFailure ?? (({ statusCode }) => isFailedStatus(statusCode)),
  };
  return (dispatch) =>
    function tidegate(options, handler) {
      const call = new Call(settings, dispatch, options);
      if (typeof handler.onRequestStart === 'function') new Handler(call, handler);
      else new EarlierHandler(call, handler);
      return call.start();
    };
}

module.exports = { createInterceptor };
