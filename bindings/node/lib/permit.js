'use strict';
const { TidegateError, failure } = require('./errors');
const { expectNumber } = require('./options');
const { outcomeOf, SUCCESS, FAILURE, IGNORED } = require('./run');

/**
 * An admitted call. It is given back once, with what happened; `using` gives it back at the end of
 * the block, as ignored if nothing was reported. One that is never given back expires.
 */
class Permit {
  #give;

  /** @internal `give(outcome, seconds)` returns a status. */
  constructor(give) {
    this.#give = give;
  }

  #report(outcome, seconds) {
    if (seconds !== undefined) expectNumber('seconds', seconds);
    const give = this.#give;
    if (give === undefined) {
      throw new TidegateError('TIDEGATE_E_STATE', 'this permit was given back before', -11);
    }
    this.#give = undefined;
    const status = give(outcome, seconds);
    if (status >= 0) return;
    // A number that was refused changed nothing: the permit is still good.
    if (status === -1) this.#give = give;
    throw failure(status);
  }

  report(outcome, seconds) {
    this.#report(outcomeOf(outcome), seconds);
  }

  success(seconds) {
    this.#report(SUCCESS, seconds);
  }

  failure(seconds) {
    this.#report(FAILURE, seconds);
  }

  ignore() {
    this.#report(IGNORED);
  }

  get reported() {
    return this.#give === undefined;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    if (this.#give !== undefined) this.#report(IGNORED);
  }
}

module.exports = { Permit };
