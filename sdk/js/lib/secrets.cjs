'use strict';

const { inspect } = require('node:util');
const { find } = require('./place.cjs');
const { parse } = require('./reference.cjs');
const { Transport } = require('./transport.cjs');
const { Answer, StreamedAnswer } = require('./answer.cjs');
const { TacitError, failure } = require('./errors.cjs');

/** Secrets is a client. What it holds that nobody should see is private: printing it shows the address alone. */
class Secrets {
  #options;
  #transport;

  constructor(options = {}) {
    this.#options = { ...options };
  }

  /** get returns a value as a string. */
  async get(name, options = {}) {
    const read = await this.#read(name, options);
    if (read === undefined) return undefined;
    if (read.value == null) {
      throw failure('invalid', `${read.secret.name} is not text`, 'read it with getBytes');
    }
    return read.value;
  }

  /** getBytes returns a value as a Buffer. */
  async getBytes(name, options = {}) {
    const read = await this.#read(name, options);
    if (read === undefined) return undefined;
    return read.value == null ? Buffer.from(read.value_base64, 'base64') : Buffer.from(read.value, 'utf8');
  }

  /** has says whether there is a secret of that name. It is given no value. To a token what is not there and what is not permitted are one: denied. */
  async has(name, options = {}) {
    const { field, ...request } = this.#of(parse(name, options));
    if (field !== undefined) throw failure('usage', 'whether a field is there only the value tells: use get with optional');
    const shown = await orMissing(this.#call('/api/v1/secret/show', request, options, name));
    return shown !== undefined;
  }

  /** list returns what is known of secrets, never their values. */
  async list(options = {}) {
    const { pattern, tags, scope, allScopes, provider, includeExpired, ...how } = typeof options === 'string' ? { pattern: options } : options;
    const request = clean(this.#of({ pattern, tags, scope, all_scopes: allScopes, provider, include_expired: includeExpired }));
    const answer = await this.#call('/api/v1/secret/list', request, how, 'list');
    return answer.secrets;
  }

  /** set creates a secret or adds a version to it, and returns what is known of it then. */
  async set(name, value, options = {}) {
    const { scope, provider, tags, expiresAt, note, owner, aliases, sealed, service, mustBeNew, ...how } = options;
    const request = clean({
      ...this.#of(parse(name, { scope, provider })), ...valueOf(value), tags, note, owner, aliases, sealed, service,
      expires_at: expiresAt instanceof Date ? expiresAt.toISOString() : expiresAt, must_be_new: mustBeNew,
    });
    const answer = await this.#call('/api/v1/secret/set', request, { ...how, change: true }, name);
    return answer.secret;
  }

  /** invoke uses a service with a secret that the caller never gets. With stream the answer comes while it is read. */
  async invoke(capability, options = {}) {
    const { method, path, query, headers, body, credential, stream, signal, timeout } = options;
    const request = clean({ capability, credential, method, path, query: queryOf(query), headers: headersOf(headers), timeout_ms: timeout });
    const how = { signal, timeout: timeout ?? 0, change: true };
    if (!stream) {
      const answer = await this.#call('/api/v1/capability/invoke', { ...request, ...bodyOf(body) }, how, capability);
      return new Answer(answer);
    }
    const source = sourceOf(body);
    if (source.json) request.headers = { 'Content-Type': ['application/json'], ...request.headers };
    const answer = await this.#to().stream('/api/v1/capability/use', { ...request, content_length: source.length }, source.pieces, { ...how, what: capability });
    return new StreamedAnswer(answer);
  }

  /** close closes the connections that are kept. Nothing needs it: they do not keep the process alive. */
  close() {
    this.#transport?.close();
    this.#transport = undefined;
  }

  async #read(name, options) {
    const request = clean({ ...this.#of(parse(name, options)), include_expired: options.includeExpired });
    const read = this.#call('/api/v1/secret/get', request, options, name);
    return options.optional ? orMissing(read) : read;
  }

  /** of returns a request with the provider of this client, unless it names one. */
  #of(request) {
    const { env = process.env, provider } = this.#options;
    return { ...request, provider: request.provider ?? (provider || env.TACIT_PROVIDER || undefined) };
  }

  async #call(path, request, { signal, timeout, change }, what) {
    return this.#to().call(path, request, { signal, timeout, change, what });
  }

  /** to is where requests go; it is looked up by the first one. */
  #to() {
    const { addr, token, env = process.env, workspace, group, ca } = this.#options;
    this.#transport ??= new Transport(find({ addr, token }, env), { workspace: workspace ?? env.TACIT_WORKSPACE, group: group ?? env.TACIT_GROUP }, ca);
    return this.#transport;
  }

  [inspect.custom]() {
    return `Secrets { ${this.#transport?.address ?? 'not connected'} }`;
  }
}

/** orMissing turns the failure "not found", and no other, into undefined. */
async function orMissing(answer) {
  try {
    return await answer;
  } catch (err) {
    if (err instanceof TacitError && err.code === 'not_found') return undefined;
    throw err;
  }
}

/** clean returns an object without the members that are undefined: the API refuses what it does not know and what is null. */
const clean = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined && v !== null));

function valueOf(value) {
  if (typeof value === 'string') return { value };
  if (value instanceof Uint8Array) return { value_base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  throw failure('usage', 'a value is a string or a Uint8Array');
}

function queryOf(query) {
  if (query === undefined || typeof query === 'string') return query;
  return new URLSearchParams(query).toString();
}

function headersOf(headers) {
  if (headers === undefined) return undefined;
  const entries = typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(String) : [String(value)]]));
}

function bodyOf(body) {
  if (body === undefined) return {};
  if (typeof body === 'string') return { body_text: body };
  if (body instanceof Uint8Array) return { body_base64: valueOf(body).value_base64 };
  if (isSource(body)) throw failure('usage', 'a body that is read piece by piece takes stream: true');
  return { body };
}

/** sourceOf returns a body as pieces, and its length in bytes: -1 when that is not known. */
function sourceOf(body) {
  if (body === undefined) return { pieces: [], length: 0 };
  if (isSource(body)) return { pieces: body, length: -1 };
  const whole = typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  return { pieces: [whole], length: whole.length, json: !(typeof body === 'string' || body instanceof Uint8Array) };
}

const isSource = (body) => typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || (Symbol.iterator in body && !Array.isArray(body)));

module.exports = { Secrets };
