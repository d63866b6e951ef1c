'use strict';

// The exit statuses of failures that the client finds by itself. The others come with the problem that the server sent.
const exits = { failed: 1, usage: 2, invalid: 2, not_found: 3, denied: 5, permissions: 5, locked: 6, unavailable: 7 };

/**
 * TacitError is any failure. Programs look at `code`, which is stable; `detail` is the line a person reads and `fix` what to do. Neither
 * ever holds a secret.
 */
class TacitError extends Error {
  constructor({ code, detail, fix = null, object = null, origin = 'tacit', exit, status = null }, options) {
    super(fix ? `${detail}\n  → ${fix}` : detail, options);
    this.name = 'TacitError';
    this.code = code;
    this.exit = exit ?? exits[code] ?? 1;
    this.detail = detail;
    this.fix = fix;
    this.object = object;
    this.origin = origin;
    this.status = status;
  }

  /** ofProblem reads problem details (RFC 9457). A sealed secret is given to no program, so its way out here is another than at a terminal. */
  static ofProblem(p) {
    const fix = p.code === 'sealed' ? 'use it through the broker: secrets.invoke(CAPABILITY, …)' : p.fix;
    return new TacitError({ ...p, fix });
  }
}

/** failure makes an error that the client found by itself. */
const failure = (code, detail, fix, cause) => new TacitError({ code, detail, fix }, cause ? { cause } : undefined);

module.exports = { TacitError, failure };
