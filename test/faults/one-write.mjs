/**
 * One write of the built Files adapter, in a thread that can be told from others. argv: `write` or `append`, the path. Says the id of the only thread that makes
 * file calls; with the first byte on stdin writes what comes after it; says how that ended.
 */
import { readlink } from 'node:fs/promises';
import { createFiles } from '../../dist/adapters/files/files.js';
import { PlatformError } from '../../dist/errors.js';

const [, , how, path] = process.argv;
const files = createFiles();
// PID/task/TID. With UV_THREADPOOL_SIZE=1 there is one.
const thread = (await readlink('/proc/thread-self')).split('/').at(-1);
process.stdout.write(`${thread}\n`);
let text = '';
for await (const piece of process.stdin) text += piece;
try {
  if (how === 'write') await files.write(path, Buffer.from(text));
  else await files.append(path, () => text);
  process.stdout.write('written\n');
} catch (error) {
  process.stdout.write(`${error instanceof PlatformError ? `${error.code} ${error.exit}` : error}\n`);
}
