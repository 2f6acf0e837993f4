/** A child that writes documents and appends lines until it is killed. argv: the folder. */
import { createFiles } from '../../../src/adapters/files/files.js';

const folder = process.argv[2] as string;
const files = createFiles();
process.stdout.write('ready\n');
for (let i = 0; ; i++) {
  const body = String(i % 10).repeat(50_000 + (i % 7) * 10_000);
  await files.write(`${folder}/document.json`, Buffer.from(JSON.stringify({ i, length: body.length, body })));
  await files.append(`${folder}/chain.jsonl`, (last) =>
    JSON.stringify({ seq: last === null ? 1 : JSON.parse(last).seq + 1, pad: 'p'.repeat(3000) }),
  );
}
