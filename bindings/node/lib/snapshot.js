'use strict';
const { native, I, STATUS } = require('./native');
const { TidegateError, failure, closed } = require('./errors');
const { nearest, invalid, kindOf, documentOf } = require('./options');

const FORMATS = {
  json: 0,
  prometheus: 1,
  openmetrics: 2,
  'health-json': 3,
  'health-simple': 4,
  statsd: 5,
  hdr: 6,
  otlp: 7,
};

/** What an HTTP answer in this format says it is. */
const CONTENT_TYPES = {
  json: 'application/json; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  'health-json': 'application/health+json',
  'health-simple': 'application/json; charset=utf-8',
  statsd: 'text/plain; charset=utf-8',
  hdr: 'text/plain; charset=utf-8',
  otlp: 'application/x-protobuf',
};

function formatOf(format) {
  if (Object.hasOwn(FORMATS, format)) return FORMATS[format];
  const names = Object.keys(FORMATS);
  const meant = typeof format === 'string' ? nearest(format, names) : undefined;
  throw invalid(
    `format must be one of ${names.join(', ')}, not ${kindOf(format)}${meant ? `; did you mean ${meant}?` : ''}`,
    'ERR_INVALID_ARG_VALUE',
  );
}

/** Refuses a format whose bytes are no text. */
function textual(format) {
  if (format !== 'otlp') return format;
  throw invalid('otlp is bytes, not text: ask for a Buffer, by toBuffer() or renderBuffer()', 'ERR_INVALID_ARG_VALUE');
}

/** The error of a rendering. */
function unrendered(format, status, text) {
  if (format === 'otlp' && status === -1) {
    return new TidegateError('TIDEGATE_E_ARGUMENT', 'this native part was built without OTLP, the feature otlp of the library', -1);
  }
  return failure(status, text);
}

/** Renders off the event loop: a promise of a Buffer. */
function renderLater(handle, format, options, what) {
  const promise = native.render(handle, formatOf(format), documentOf('render options', options));
  if (promise === undefined) throw closed(`the ${what} is closed`);
  return promise.catch((error) => {
    throw error instanceof Error ? error : unrendered(format, error.status, error.message);
  });
}

const BIG = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON.parse, with whole numbers that a double cannot hold as bigints. */
function parse(text) {
  let any = false;
  // A label cannot be called $, so no object of the document looks like a marked number.
  const marked = text.replace(BIG, (token) => {
    if (token.length < 16 || !/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token))) return token;
    any = true;
    return `{"$":"${token}"}`;
  });
  if (!any) return JSON.parse(text);
  return JSON.parse(marked, (_, value) =>
    typeof value === 'object' && value !== null && typeof value.$ === 'string' ? BigInt(value.$) : value,
  );
}

const forgotten = new FinalizationRegistry((handle) => native.snapshotFree(handle));

function made(handle) {
  if (I[STATUS] < 0) throw failure(I[STATUS]);
  return new Snapshot(handle);
}

class Snapshot {
  #handle;

  /** @internal */
  constructor(handle) {
    this.#handle = handle;
    forgotten.register(this, handle, this);
  }

  static parse(document) {
    const text = typeof document === 'object' && document !== null && !(document instanceof Uint8Array) ? JSON.stringify(document) : String(document);
    return made(native.snapshotParse(text));
  }

  static #live(snapshot) {
    if (!(snapshot instanceof Snapshot)) throw invalid(`expected a Snapshot, not ${kindOf(snapshot)}`);
    if (snapshot.#handle === undefined) throw closed('the snapshot is closed');
    return snapshot.#handle;
  }

  since(earlier) {
    return made(native.snapshotDelta(Snapshot.#live(earlier), Snapshot.#live(this)));
  }

  merge(other) {
    return made(native.snapshotMerge(Snapshot.#live(this), Snapshot.#live(other)));
  }

  toBuffer(format = 'json', options = undefined) {
    const number = formatOf(format);
    const json = documentOf('render options', options);
    if (this.#handle === undefined) throw closed('the snapshot is closed');
    const buffer = native.renderNow(this.#handle, number, json);
    if (I[STATUS] < 0) throw unrendered(format, I[STATUS]);
    return buffer;
  }

  toString(format = 'json', options = undefined) {
    return this.toBuffer(textual(format), options).toString('utf8');
  }

  /** JSON.stringify() calls it with a key, and knows no bigints: it gets the nearest numbers. */
  toJSON(key = undefined) {
    const text = this.toString('json');
    return key === undefined ? parse(text) : JSON.parse(text);
  }

  async render(format = 'json', options = undefined) {
    return (await this.renderBuffer(textual(format), options)).toString('utf8');
  }

  async renderBuffer(format = 'json', options = undefined) {
    if (this.#handle === undefined) throw closed('the snapshot is closed');
    return renderLater(this.#handle, format, options, 'snapshot');
  }

  close() {
    if (this.#handle === undefined) return;
    forgotten.unregister(this);
    native.snapshotFree(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.close();
  }
}

module.exports = { Snapshot, TidegateError, CONTENT_TYPES, FORMATS, formatOf, renderLater, textual, parse };
