// What no good agent does, and where an agent is looked for.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { connect } from '../index.mjs';

const require = createRequire(import.meta.url);
const { find } = require('../lib/place.cjs');
const { parse } = require('../lib/reference.cjs');

const dir = mkdtempSync(path.join(tmpdir(), 'tacit-js-'));
after(() => rmSync(dir, { recursive: true }));

let count = 0;
/** serve answers every request at a socket, and returns a client of it. */
async function serve(t, handler, socket = path.join(dir, `${count++}.sock`)) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(socket, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { client: connect({ addr: `unix:${socket}` }), socket, server };
}

const json = { 'Content-Type': 'application/json' };
const code = (wanted) => (err) => assert.equal(err.code, wanted, String(err)) ?? true;

test('places', () => {
  const home = '/home/ana';
  const at = (env, options = {}) => find(options, env, home);
  assert.equal(at({}).socket, '/home/ana/.local/state/tacit/agent.sock');
  assert.equal(at({}).vault, '/home/ana/.local/share/tacit/vault.db');
  assert.equal(at({ XDG_RUNTIME_DIR: '/run/u', XDG_DATA_HOME: '/d' }).socket, '/run/u/tacit/agent.sock');
  assert.equal(at({ XDG_DATA_HOME: '/d' }).vault, '/d/tacit/vault.db');
  assert.equal(at({ XDG_RUNTIME_DIR: 'relative' }).socket, '/home/ana/.local/state/tacit/agent.sock');
  assert.equal(at({ TACIT_DIR: '/t', XDG_RUNTIME_DIR: '/run/u' }).socket, '/t/agent.sock');
  assert.equal(at({ TACIT_ADDR: 'unix:/s', TACIT_TOKEN: 'tacit_x' }).foreign, true);
  assert.equal(at({ TACIT_ADDR: 'unix:/s' }).foreign, false);
  assert.equal(at({ TACIT_ADDR: 'https://a.example/x' }).url.hostname, 'a.example');
  assert.equal(at({ TACIT_ADDR: 'https://a.example' }, { addr: 'unix:/s' }).socket, '/s');
  for (const addr of ['unix:relative', 'http://a.example', 'http://127.0.0.1.a.example', 'ftp://localhost', 'https://', 'https://u:p@a.example', 'agent.sock']) {
    assert.throws(() => at({ TACIT_ADDR: addr }), code('usage'), addr);
  }
  for (const addr of ['http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1']) assert.ok(at({ TACIT_ADDR: addr }).url);
  assert.throws(() => at({ TACIT_NO_AGENT: '1' }), code('usage'));
  assert.ok(at({ TACIT_NO_AGENT: '0' }).socket);
});

test('what names no provider is of TACIT_PROVIDER', async (t) => {
  const asked = [];
  const { socket } = await serve(t, async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    asked.push(JSON.parse(body).provider);
    response.writeHead(200, json).end('{"secret":{"name":"a"},"value":"v","secrets":[]}');
  });
  const all = async (client) => {
    asked.length = 0;
    await client.get('a');
    await client.has('a');
    await client.list();
    await client.set('a', 'v');
    await client.get('mine:a');
    await client.list({ provider: 'mine' });
    return asked.splice(0);
  };
  const addr = `unix:${socket}`;
  assert.deepEqual(await all(connect({ addr, env: { TACIT_PROVIDER: 'theirs' } })), ['theirs', 'theirs', 'theirs', 'theirs', 'mine', 'mine']);
  assert.deepEqual(await all(connect({ addr, env: { TACIT_PROVIDER: 'theirs' }, provider: 'ours' })), ['ours', 'ours', 'ours', 'ours', 'mine', 'mine']);
  assert.deepEqual(await all(connect({ addr, env: {} })), [undefined, undefined, undefined, undefined, 'mine', 'mine']);
});

test('a token that is none is not shown', async () => {
  for (const end of ['\n', '\r\nX: y', ' y', '\0', '✓']) {
    await assert.rejects(connect({ addr: 'unix:/s', token: `tacit_x${end}` }).get('a'), (err) => {
      assert.equal(`${err.stack}${err.message}${err.cause ?? ''}`.includes('tacit_x'), false, err.stack);
      return code('usage')(err);
    });
  }
});

test('a socket at which others can listen', async (t) => {
  let asked = 0;
  const open = mkdtempSync(path.join(tmpdir(), 'tacit-js-'));
  t.after(() => rmSync(open, { recursive: true }));
  const socket = path.join(open, 'tacit.sock');
  await serve(t, (_, res) => {
    asked++;
    res.writeHead(200, json).end('{"value":"made up"}');
  }, socket);
  chmodSync(open, 0o777);
  const addr = `unix:${socket}`;
  await assert.rejects(connect({ addr }).get('a'), code('denied'));
  await assert.rejects(connect({ addr, token: 'tacit_run_00' }).get('a'), code('denied')); // after the run anybody may listen there
  assert.equal(asked, 0);
  assert.equal(await connect({ addr, token: 'tacit_00' }).get('a'), 'made up'); // whoever listens there, it was named
  await assert.rejects(connect({ addr: `${addr}.none`, token: 'tacit_run_00' }).get('a'), code('unavailable'));
});

test('uses that last do not hold up calls, and calls wait for each other', async (t) => {
  const held = [];
  let now = 0, most = 0;
  const { client } = await serve(t, (req, res) => {
    if (req.url.startsWith('/api/v1/capability/')) return held.push(res);
    most = Math.max(most, ++now);
    setImmediate(() => {
      now--;
      res.writeHead(200, json).end('{"value":"x"}');
    });
  });
  const uses = Array.from({ length: 100 }, () => client.invoke('a/b'));
  const gets = await Promise.all(Array.from({ length: 200 }, () => client.get('a')));
  assert.ok(gets.every((v) => v === 'x'));
  assert.ok(most <= 32, `${most} at once`);
  while (held.length < 100) await new Promise((resolve) => setImmediate(resolve));
  for (const res of held) res.writeHead(200, json).end('{"status":200,"headers":{},"body":null}');
  assert.equal((await Promise.all(uses)).length, 100);
});

test('references', () => {
  assert.deepEqual(parse('a/b'), { name: 'a/b' });
  assert.deepEqual(parse('tacit://env:db@previous#a@b'), { name: 'db', version: -1, field: 'a@b', provider: 'env' });
  assert.deepEqual(parse('tacit://env/db'), { name: 'env/db' });
  assert.deepEqual(parse('a', { version: 3, field: 'f', scope: 'global', provider: 'p' }), { name: 'a', version: 3, field: 'f', scope: 'global', provider: 'p' });
  for (const bad of ['a@0', 'a@x', 'a@-1', 'a@', '']) assert.throws(() => parse(bad), code('usage'), bad);
});

test('an agent of another vault is none', async (t) => {
  const asked = [];
  const { socket } = await serve(t, (req, res) => {
    asked.push(req.url);
    res.writeHead(200, json).end('{"vault":"/elsewhere/vault.db"}');
  });
  symlinkSync(socket, path.join(dir, 'agent.sock'));
  const client = connect({ env: { TACIT_DIR: dir } });
  await assert.rejects(client.get('a'), code('locked'));
  assert.deepEqual(asked, ['/api/v1/agent/status']);
});

test('an answer that does not come', async (t) => {
  const { client } = await serve(t, () => {});
  await assert.rejects(client.get('db/password', { timeout: 50 }), (err) => {
    assert.match(err.message, /db\/password: no answer within 50 ms/);
    return code('unavailable')(err);
  });
});

test('answers that are none', async (t) => {
  const answers = [
    (res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>secret-text'),
    (res) => res.writeHead(200, json).end('{"value":"secret-text'),
    (res) => res.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
    (res) => res.writeHead(500, { 'Content-Type': 'application/problem+json' }).end('secret-text'),
    (res) => res.writeHead(404, { 'Content-Type': 'text/plain' }).end('secret-text'), // of a proxy in between, and no "not found"
    (res) => {
      res.writeHead(200, { ...json, 'Content-Length': 1000 });
      res.write('{"value":"secret-text"');
      setImmediate(() => res.destroy());
    },
    (res) => res.destroy(),
  ];
  for (const answer of answers) {
    const { client } = await serve(t, (_, res) => answer(res));
    await assert.rejects(client.get('a', { optional: true }), (err) => {
      assert.equal(`${err.stack}${err.message}${err.cause ?? ''}`.includes('secret-text'), false, err.stack);
      return code('unavailable')(err);
    });
  }
});

test('a stream that breaks off is no whole one', async (t) => {
  const head = '{"capability":"a/b","credential":"a","status":200,"headers":{}}\n';
  const stream = { 'Content-Type': 'application/vnd.tacit.use', Trailer: 'Tacit-End' };
  const end = (o) => ({ 'Tacit-End': Buffer.from(JSON.stringify(o)).toString('base64') });
  const cases = [
    (res) => res.end(), // without the trailer
    (res) => res.destroy(),
    (res) => {
      res.addTrailers({ 'Tacit-End': '!' });
      res.end();
    },
    (res) => {
      res.addTrailers(end({ bytes_up: 0, bytes_down: 4, redactions: 0, problem: { code: 'unavailable', detail: 'it hung up', origin: 'upstream' } }));
      res.end();
    },
  ];
  for (const finish of cases) {
    const { client } = await serve(t, (req, res) => {
      req.resume();
      res.writeHead(200, stream);
      res.write(`${head}half`, () => finish(res));
    });
    const answer = await client.invoke('a/b', { stream: true });
    await assert.rejects(answer.text(), code('unavailable'));
  }
  const { client } = await serve(t, (req, res) => {
    req.resume();
    res.writeHead(200, stream);
    res.write(`${head}whole`);
    res.addTrailers(end({ bytes_up: 0, bytes_down: 5, redactions: 2, problem: null }));
    res.end();
  });
  const answer = await client.invoke('a/b', { stream: true });
  assert.equal(await answer.text(), 'whole');
  assert.equal(answer.redactions, 2);
});

test('a change is not sent twice', async (t) => {
  let sets = 0;
  const { client } = await serve(t, (req, res) => {
    if (req.url.endsWith('/set')) {
      sets++;
      res.destroy();
    } else res.writeHead(200, json).end('{"secrets":[]}');
  });
  await client.list(); // the connection is kept
  await assert.rejects(client.set('a', 'b'), code('unavailable'));
  assert.equal(sets, 1);
});
