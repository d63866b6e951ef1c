'use strict';

const http = require('node:http');
const https = require('node:https');
const { TacitError, failure } = require('./errors.cjs');
const { checkOwner } = require('./place.cjs');

/** Bounds of a whole answer and of a line of JSON before a stream, in bytes. */
const maxAnswer = 1 << 28;
const maxHead = 1 << 20;

/** Bounds of connections at once, of which the other side has 512 for all; more calls wait. A use takes as long as its service does, so nothing else waits behind one. */
const maxCalls = 32;
const maxUses = 256;

/** A Transport sends requests to one place. Its connections are kept for the next request and do not keep the process alive. */
class Transport {
  #place;
  #agent;
  #uses; // the agent of uses
  #headers;
  #checked; // a promise: that the agent at the socket is that of our vault

  constructor(place, { workspace, group }, ca) {
    this.#place = place;
    const web = place.url?.protocol === 'https:';
    const agent = (maxSockets) => (web ? new https.Agent({ keepAlive: true, maxSockets, ca }) : new http.Agent({ keepAlive: true, maxSockets }));
    this.#agent = agent(maxCalls);
    this.#uses = agent(maxUses);
    this.#headers = { 'User-Agent': 'tacit-js' };
    if (place.token) this.#headers.Authorization = `Bearer ${place.token}`;
    if (workspace) this.#headers['Tacit-Workspace'] = encodeURIComponent(workspace);
    if (group) this.#headers['Tacit-Group'] = encodeURIComponent(group);
  }

  /** The other side, for messages. */
  get other() {
    return this.#place.url ? 'the server' : 'the agent';
  }

  /** address is where requests go, in the form of TACIT_ADDR. */
  get address() {
    return this.#place.url ? this.#place.url.origin : `unix:${this.#place.socket}`;
  }

  close() {
    this.#agent.destroy();
    this.#uses.destroy();
  }

  /** call sends a request of JSON and returns the answer's object. Of a change (change) nobody knows whether it was made when no answer comes, so it is not sent twice. */
  async call(path, request, { signal, timeout = 30_000, change = false, what } = {}) {
    await this.#ready();
    const body = request === undefined ? undefined : Buffer.from(JSON.stringify(request));
    const headers = body ? { 'Content-Type': 'application/json', 'Content-Length': body.length } : {};
    const limit = new Limit(signal, timeout, what);
    try {
      for (;;) {
        const { req, answered } = this.#send(body ? 'POST' : 'GET', path, headers, limit);
        req.end(body);
        try {
          return await object(await answered, this.other);
        } catch (err) {
          if (!change && req.reusedSocket && (err.code === 'ECONNRESET' || err.code === 'EPIPE')) continue; // it had been closed meanwhile
          throw err;
        }
      }
    } catch (err) {
      throw this.#broken(err, limit);
    } finally {
      limit.end();
    }
  }

  /** stream sends a line of JSON and a body, and returns the answer's line, what follows it, and the trailers at its end. The time ends with the answer's line. */
  async stream(path, head, source, { signal, timeout = 0, what } = {}) {
    await this.#ready();
    const limit = new Limit(signal, timeout, what);
    const { req, answered } = this.#send('POST', path, { 'Content-Type': 'application/vnd.tacit.use' }, limit);
    req.write(`${JSON.stringify(head)}\n`);
    // The answer may begin, and end, before the source does. What the source throws ends the request.
    pump(source, req).catch((err) => req.destroy(err));
    try {
      const res = await answered;
      if (!isType(res, 'application/vnd.tacit.use')) throw await problem(res, this.other);
      const pieces = res[Symbol.asyncIterator]();
      const { line, rest } = await firstLine(pieces, this.other);
      limit.stopClock();
      return { head: line, body: this.#rest(rest, pieces, limit, res), trailers: () => res.trailers, cancel: () => (limit.end(), req.destroy()) };
    } catch (err) {
      req.destroy();
      limit.end();
      throw this.#broken(err, limit);
    }
  }

  async *#rest(rest, pieces, limit, res) {
    try {
      if (rest.length > 0) yield rest;
      for (;;) {
        const { value, done } = await pieces.next();
        if (done) return;
        yield value;
      }
    } catch (err) {
      throw this.#broken(err, limit);
    } finally {
      limit.end();
      if (!res.complete) res.destroy(); // who stops reading does not want the rest
    }
  }

  #send(method, path, headers, limit) {
    const { url, socket } = this.#place;
    const to = url
      ? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path: url.pathname.replace(/\/+$/, '') + path }
      : { socketPath: socket, path, host: 'tacit' };
    const send = url?.protocol === 'https:' ? https.request : http.request;
    const agent = path.startsWith('/api/v1/capability/') ? this.#uses : this.#agent;
    const req = send({ ...to, method, agent, headers: { ...this.#headers, ...headers }, signal: limit.signal });
    const answered = new Promise((resolve, reject) => {
      req.once('response', resolve);
      req.on('error', reject); // also after the answer: then nobody waits any more
    });
    return { req, answered };
  }

  /** ready makes sure that it is our own agent, of our own vault, which is asked without a token. */
  #ready() {
    const { socket, vault, foreign } = this.#place;
    if (!socket) return undefined;
    if (process.platform === 'win32') {
      throw failure('usage', 'Node cannot open the agent’s socket on Windows', 'start the script with tacit run, or set TACIT_ADDR to a server');
    }
    try {
      if (!foreign) checkOwner(socket);
    } catch (err) {
      throw this.#broken(err);
    }
    if (!vault) return undefined;
    this.#checked ??= this.#isOurs(vault).catch((err) => {
      this.#checked = undefined; // it may be there the next time
      throw err;
    });
    return this.#checked;
  }

  async #isOurs(vault) {
    const limit = new Limit(undefined, 3_000, 'ask the agent');
    try {
      const { req, answered } = this.#send('GET', '/api/v1/agent/status', {}, limit);
      req.end();
      const report = await object(await answered, this.other);
      if (report.vault !== vault) throw failure('locked', 'the agent that runs is that of another vault', 'tacit unlock');
    } catch (err) {
      throw this.#broken(err, limit);
    } finally {
      limit.end();
    }
  }

  /** broken turns whatever ended a request into what the caller should see. */
  #broken(err, limit) {
    if (limit?.signal.aborted) return limit.signal.reason;
    if (err instanceof TacitError) return err;
    if (this.#place.absent && ['ENOENT', 'ECONNREFUSED', 'EINVAL'].includes(err.code)) return again(this.#place.absent, err);
    if (err.code === 'EACCES') return failure('permissions', `the socket ${this.#place.socket} is somebody else’s`, null, err);
    return failure('unavailable', `ask ${this.other}: ${err.message}`, null, err);
  }
}

/** again makes a fresh error of one that was prepared, so that its stack is that of the call. */
const again = (e, cause) => failure(e.code, e.detail, e.fix, cause);

/** A Limit ends a request when the caller's signal says so or the time is over, whichever is first. */
class Limit {
  #controller = new AbortController();
  #clock;
  #outer;
  #pass;

  constructor(outer, timeout, what = 'the request') {
    this.signal = this.#controller.signal;
    this.#outer = outer;
    this.#pass = () => this.#controller.abort(outer.reason);
    if (outer?.aborted) this.#pass();
    outer?.addEventListener('abort', this.#pass, { once: true });
    if (timeout > 0) {
      this.#clock = setTimeout(() => this.#controller.abort(failure('unavailable', `${what}: no answer within ${timeout} ms`)), timeout);
    }
  }

  stopClock() {
    clearTimeout(this.#clock);
  }

  end() {
    this.stopClock();
    this.#outer?.removeEventListener('abort', this.#pass);
  }
}

async function pump(source, req) {
  for await (const piece of source) {
    if (req.destroyed) return;
    if (!req.write(piece)) await drained(req);
  }
  req.end();
}

const drained = (req) =>
  new Promise((resolve) => {
    const go = () => {
      req.off('drain', go).off('close', go);
      resolve();
    };
    req.on('drain', go).on('close', go);
  });

const isType = (res, type) => res.statusCode === 200 && (res.headers['content-type'] ?? '').startsWith(type);

/** object reads an answer that is one object of JSON, or throws the problem that it tells of. */
async function object(res, other) {
  if (!isType(res, 'application/json')) throw await problem(res, other);
  return parse(await all(res), other);
}

async function problem(res, other) {
  if ((res.headers['content-type'] ?? '').startsWith('application/problem+json')) {
    const p = parse(await all(res), other);
    if (typeof p.code === 'string') return TacitError.ofProblem(p);
  }
  res.destroy();
  return failure('unavailable', `${other} answered ${res.statusCode}, which is nothing of tacit’s`);
}

function parse(bytes, other) {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw failure('unavailable', `${other}: the answer is not JSON`); // without the cause, which quotes from it
  }
}

async function all(res) {
  const pieces = [];
  let size = 0;
  for await (const piece of res) {
    size += piece.length;
    if (size > maxAnswer) throw failure('unavailable', 'the answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function firstLine(pieces, other) {
  let read = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await pieces.next();
    if (done || read.length > maxHead) throw failure('unavailable', `${other}: the answer broke off`);
    read = Buffer.concat([read, value]);
    const end = read.indexOf(10);
    if (end >= 0) return { line: parse(read.subarray(0, end), other), rest: read.subarray(end + 1) };
  }
}

module.exports = { Transport };
