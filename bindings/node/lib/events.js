// What happened, in order: transitions, blocks, forced changes, and a sample of denials.
'use strict';
const { native, I, W, HANDLE, STATUS } = require('./native');
const { failure } = require('./errors');
const { exact } = require('./metrics');

/** Events after `cursor`, how many were overwritten before they could be read, the next cursor. */
function readEvents(handle, cursor) {
  const events = [];
  let lost = 0n;
  for (let at = cursor; ; ) {
    I[HANDLE] = handle;
    W[0] = at;
    const lines = native.eventsRead();
    if (I[STATUS] < 0) throw failure(I[STATUS]);
    at = W[0];
    lost += W[1];
    if (lines === '') return { events, cursor: at, lost: exact(lost) };
    for (const line of lines.split('\n')) if (line !== '') events.push(JSON.parse(line));
  }
}

/** Reads on from where it read last. */
class EventReader {
  #read;
  #cursor = 0n;

  /** @internal */
  constructor(read) {
    this.#read = read;
  }

  /** Events since the last time, and how many were lost to a reader this slow. */
  read() {
    const { events, cursor, lost } = this.#read(this.#cursor);
    this.#cursor = cursor;
    return { events, lost };
  }

  /** Passes over what there is. */
  skip() {
    this.#cursor = this.#read(this.#cursor).cursor;
  }
}

module.exports = { EventReader, readEvents };
