// Who was here: `tacit run scripts/report.mjs`. The global `secrets` is there because tacit runs the script.
import { query } from '../db.mjs';

const rows = await query('SELECT name, count(*) AS visits FROM visits GROUP BY name ORDER BY 2 DESC, 1');
for (const { name, visits } of rows) console.log(`${name}: ${visits}`);

const key = await secrets.get('webapp/session-key');
const { version } = (await secrets.list('webapp/session-key'))[0];
console.log(`sessions are signed with version ${version} of a key of ${key.length} characters`);
