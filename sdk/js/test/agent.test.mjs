// Against a real agent, which sdk_test.go starts, with the secrets that it sets.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { TacitError, connect, secrets } from '../index.mjs';

const tacit = (...args) => execFileSync('tacit', args, { encoding: 'utf8' }).trim();
const failing = (code, exit, text) => (err) => {
  assert.ok(err instanceof TacitError, String(err));
  assert.equal(err.code, code, String(err));
  assert.equal(err.exit, exit);
  if (text) assert.match(String(err), text);
  return true;
};

test('values', async () => {
  assert.equal(await secrets.get('api/key'), 'the value of the key');
  assert.equal(await secrets.get('api/key', { version: 'previous' }), 'an older value');
  assert.equal(await secrets.get('tacit://api/key@1'), 'an older value');
  assert.equal(await secrets.get('settings', { field: 'user' }), 'ana');
  assert.equal(await secrets.get('settings#user'), 'ana');
  assert.deepEqual(await secrets.getBytes('binary'), Buffer.from([0xff, 0, 1, 2]));
  assert.deepEqual(await secrets.getBytes('settings#user'), Buffer.from('ana'));
  await assert.rejects(secrets.get('binary'), failing('invalid', 2, /getBytes/));
});

test('what is there', async () => {
  assert.equal(await secrets.has('api/key'), true);
  assert.equal(await secrets.has('api/nothing'), false);
  assert.equal(await secrets.get('api/nothing', { optional: true }), undefined);
  assert.equal(await secrets.getBytes('api/nothing', { optional: true }), undefined);
  const all = await secrets.list('api/*');
  assert.deepEqual(all.map((s) => [s.name, s.version, s.exposure]), [['api/key', 2, 'readable']]);
  assert.equal(JSON.stringify(all).includes('the value'), false);
  assert.equal((await secrets.list({ tags: ['none'] })).length, 0);
});

test('set', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const made = await secrets.set('js/made', 'ünïcode ✓', { tags: ['js'], note: 'by a script', expiresAt });
  assert.equal(made.version, 1);
  assert.deepEqual(made.tags, ['js']);
  assert.equal(await secrets.get('js/made'), 'ünïcode ✓');
  await secrets.set('js/made', new Uint8Array([1, 255, 0]));
  assert.deepEqual(await secrets.getBytes('js/made'), Buffer.from([1, 255, 0]));
  await assert.rejects(secrets.set('js/made', 'x', { mustBeNew: true }), failing('exists', 8));
  await assert.rejects(secrets.set('js/made', 7), failing('usage', 2));
});

test('errors', async () => {
  await assert.rejects(secrets.get('api/nothing'), failing('not_found', 3, /api\/nothing/));
  await assert.rejects(secrets.get('old'), failing('expired', 3));
  await assert.rejects(secrets.get('old', { optional: true }), failing('expired', 3));
  assert.equal(await secrets.get('old', { includeExpired: true }), 'long gone');
  await assert.rejects(secrets.get('DEMO_OPENAI_KEY'), failing('sealed', 5, /invoke/));
  await assert.rejects(secrets.get('api/key@9'), failing('not_found', 3));
  await assert.rejects(secrets.get('no such name'), failing('invalid', 2));
  await assert.rejects(secrets.get(''), failing('usage', 2));
});

test('a token', async () => {
  const client = connect({ token: process.env.TEST_TOKEN });
  assert.equal(await client.get('api/key'), 'the value of the key');
  await assert.rejects(client.get('settings'), failing('denied', 5));
  await assert.rejects(client.get('api/nothing', { optional: true }), failing('denied', 5)); // what is not there is not told either
  await assert.rejects(client.set('api/key', 'x'), failing('denied', 5));
  assert.equal(inspect(client, { depth: 9, showHidden: true }).includes('tacit_'), false);
  assert.equal((JSON.stringify(client) + String(client)).includes('tacit_'), false);
  await assert.rejects(connect({ token: 'tacit_nonsense' }).get('api/key'), failing('denied', 5));
});

test('a service', async () => {
  const body = { model: 'demo-1', messages: [{ role: 'user', content: 'Hi' }] };
  const answer = await secrets.invoke('demo-openai/chat-completions', { body });
  assert.equal(answer.ok, true);
  assert.match(answer.body.choices[0].message.content, /You said: Hi/);
  const echo = await secrets.invoke('demo-openai/echo', { method: 'PUT', query: { a: 'b c' }, headers: { 'X-One': '1' }, body: Buffer.from('text') });
  assert.equal(new URLSearchParams(echo.body.query).get('a'), 'b c');
  assert.deepEqual(echo.body.headers['X-One'], ['1']);
  assert.equal(echo.body.bytes, 4);
  assert.equal(JSON.stringify(echo).includes(process.env.TEST_KEY), false);
  assert.ok(echo.redactions > 0);
  const refused = await secrets.invoke('demo-openai/status', { path: '/demo/status/503' });
  assert.deepEqual([refused.ok, refused.status], [false, 503]);
  await assert.rejects(secrets.invoke('demo-openai/status', { path: '/elsewhere' }), failing('denied', 5));
  await assert.rejects(secrets.invoke('demo-openai/nothing'), failing('not_found', 3));
});

test('a stream', async () => {
  const events = [];
  const answer = await secrets.invoke('demo-openai/sse', { query: 'n=5', stream: true });
  assert.match(answer.headers['content-type'][0], /event-stream/);
  for await (const line of answer.lines()) if (line.startsWith('data:')) events.push(line);
  assert.equal(events.length, 6);
  assert.equal(answer.redactions, 0);
  const chat = await secrets.invoke('demo-openai/chat-completions', { stream: true, body: { model: 'demo-1', stream: false, messages: [{ role: 'user', content: 'Hi' }] } });
  assert.match((await chat.json()).choices[0].message.content, /You said: Hi/);

  const piece = Buffer.alloc(100_000, 'abc');
  const sum = createHash('sha256');
  async function* upload() {
    for (let i = 0; i < 30; i++) {
      sum.update(piece);
      yield piece;
    }
  }
  const counted = await (await secrets.invoke('demo-openai/upload', { method: 'POST', path: '/demo/upload', stream: true, body: upload() })).json();
  assert.deepEqual(counted, { bytes: 3_000_000, sha256: sum.digest('hex') });
  assert.equal((await (await secrets.invoke('demo-openai/download', { path: '/demo/bytes/2000000', stream: true })).bytes()).length, 2_000_000);
});

test('a stream that the caller leaves, or ends', async () => {
  const endless = await secrets.invoke('demo-openai/endless', { stream: true });
  let size = 0;
  for await (const piece of endless) {
    size += piece.length;
    if (size > 100_000) break;
  }
  const ending = new AbortController();
  const other = await secrets.invoke('demo-openai/endless', { stream: true, signal: ending.signal });
  await assert.rejects(async () => {
    for await (const piece of other) if (piece.length > 0) ending.abort(new Error('enough'));
  }, /enough/);
  async function* broken() {
    yield Buffer.from('begun');
    throw new Error('the disk is gone');
  }
  await assert.rejects(secrets.invoke('demo-openai/upload', { method: 'POST', path: '/demo/upload', stream: true, body: broken() }), /the disk is gone/);
});

test('an aborted call', async () => {
  await assert.rejects(secrets.get('api/key', { signal: AbortSignal.abort(new Error('stop')) }), /stop/);
  const slow = secrets.invoke('demo-openai/slow', { query: 'ms=60000', signal: AbortSignal.timeout(50) });
  await assert.rejects(slow, { name: 'TimeoutError' });
});

test('CommonJS has the same client', async () => {
  const required = createRequire(import.meta.url)('../index.cjs');
  assert.equal(required.secrets, secrets);
  assert.equal(required.TacitError, TacitError);
});

test('many at once', async () => {
  const all = await Promise.all(Array.from({ length: 600 }, () => secrets.get('api/key')));
  assert.ok(all.every((v) => v === 'the value of the key'));
});

test('a locked vault', async () => {
  tacit('lock');
  await assert.rejects(secrets.get('api/key'), failing('locked', 6, /tacit unlock/));
  tacit('agent', 'stop');
  await assert.rejects(secrets.get('api/key'), failing('locked', 6, /tacit unlock/)); // over connections that are gone
  await assert.rejects(connect().get('api/key'), failing('locked', 6, /tacit unlock/));
  tacit('unlock', '-q');
  assert.equal(await secrets.get('api/key'), 'the value of the key');
});
