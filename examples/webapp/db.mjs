// PostgreSQL by way of psql, so that this example needs no package. An application would use a driver, which reads the same variables.
import { spawn } from 'node:child_process';

/** query runs one statement and returns its rows. Parameters stand in it as :'name'; psql quotes them. */
export async function query(sql, parameters = {}) {
  const variables = Object.entries(parameters).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const psql = spawn('psql', ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set', 'ON_ERROR_STOP=1', ...variables], { stdio: 'pipe' });
  const rows = /^\s*SELECT/i.test(sql);
  psql.stdin.end(rows ? `SELECT coalesce(json_agg(t), '[]') FROM (${sql}) t;` : `${sql};`);
  const [out, errors, code] = await Promise.all([
    text(psql.stdout), text(psql.stderr), new Promise((resolve, reject) => psql.on('close', resolve).on('error', reject)),
  ]);
  if (code !== 0) throw new Error(`psql: ${errors.trim()}`);
  return rows ? JSON.parse(out) : [];
}

async function text(stream) {
  let all = '';
  for await (const piece of stream.setEncoding('utf8')) all += piece;
  return all;
}
