// A guest book: POST /visits {"name":"…"} writes into it, GET /visits reads it. It knows nothing of tacit: what it needs is in its environment.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { query } from './db.mjs';

const { PORT = '8080', SESSION_KEY, LOG = 'info' } = process.env;
if (!SESSION_KEY) throw new Error('SESSION_KEY is not set: start me with `tacit run -- node server.mjs`');

const log = (level, text) => {
  const levels = ['debug', 'info', 'warn'];
  if (levels.indexOf(level) >= levels.indexOf(LOG)) console.log(`${level}: ${text}`);
};

/** sign proves that a cookie is ours. */
const sign = (name) => createHmac('sha256', SESSION_KEY).update(name).digest('base64url');

/** visitor returns the name in a cookie that we made; undefined if there is none. */
function visitor(req) {
  const [, name, signature] = /(?:^|; )visitor=([^.;]+)\.([^;]+)/.exec(req.headers.cookie ?? '') ?? [];
  if (!name) return undefined;
  const [is, should] = [Buffer.from(signature), Buffer.from(sign(name))];
  return is.length === should.length && timingSafeEqual(is, should) ? decodeURIComponent(name) : undefined;
}

const routes = {
  'GET /healthz': async () => [200, await query('SELECT current_user AS "user", current_database() AS database')],
  'GET /visits': async (req) => [200, { you: visitor(req) ?? null, visits: await query('SELECT name FROM visits ORDER BY id') }],
  'POST /visits': async (req) => {
    const { name } = JSON.parse(await body(req));
    if (typeof name !== 'string' || name.length < 1 || name.length > 100) return [422, { error: 'a name has 1 to 100 characters' }];
    await query("INSERT INTO visits (name) VALUES (:'name')", { name });
    const cookie = encodeURIComponent(name);
    return [201, { name }, { 'Set-Cookie': `visitor=${cookie}.${sign(cookie)}; HttpOnly; SameSite=Lax` }];
  },
};

async function body(req) {
  let text = '';
  for await (const piece of req) if ((text += piece).length > 10_000) throw new SyntaxError('too long');
  return text;
}

const server = createServer(async (req, res) => {
  const route = routes[`${req.method} ${req.url}`];
  let [status, answer, headers] = [404, { error: 'no such page' }];
  try {
    if (route) [status, answer, headers] = await route(req);
  } catch (err) {
    [status, answer] = err instanceof SyntaxError ? [400, { error: 'not JSON' }] : [500, { error: 'failed' }];
    log('warn', err.message);
  }
  log('debug', `${req.method} ${req.url} ${status}`);
  res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(answer));
});

server.listen(Number(PORT), '127.0.0.1', () => log('warn', `listening on http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => server.close());
