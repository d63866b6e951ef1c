'use strict';

const { failure } = require('./errors.cjs');

/** The newest version but one, as the API writes it. */
const previous = -1;

/**
 * parse reads a reference as it stands in files, tacit://[PROVIDER:]NAME[@VERSION][#FIELD], or the same without tacit://, and returns the
 * members of a request. What options say counts more. Names are checked by the server.
 */
function parse(reference, options = {}) {
  if (typeof reference !== 'string' || reference === '') throw failure('usage', 'the name of a secret is a string that is not empty');
  let name = reference.startsWith('tacit://') ? reference.slice('tacit://'.length) : reference;
  const request = {};
  const cut = (at) => {
    const i = name.indexOf(at);
    if (i < 0) return undefined;
    const after = name.slice(i + 1);
    name = name.slice(0, i);
    return after;
  };
  const field = options.field ?? cut('#');
  const version = options.version ?? cut('@');
  const colon = name.indexOf(':');
  const provider = options.provider ?? (colon > 0 ? name.slice(0, colon) : undefined);
  if (colon > 0) name = name.slice(colon + 1);
  request.name = name;
  if (version !== undefined) request.version = numberOf(version);
  if (field !== undefined) request.field = field;
  if (provider !== undefined) request.provider = provider;
  if (options.scope !== undefined) request.scope = options.scope;
  return request;
}

function numberOf(version) {
  if (version === 'previous') return previous;
  const n = Number(version);
  if (!Number.isSafeInteger(n) || n < 1) throw failure('usage', `a version is a number from 1 on, or 'previous': ${version}`);
  return n;
}

module.exports = { parse };
