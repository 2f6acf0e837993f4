/**
 * A write of this machine's documents (the Files adapter, as it was built) with a fault at one system call: strace is attached to the only thread of a process that
 * makes file calls, before it makes the first, so its `when=` counts that write's calls and no others.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BARE } from '../lab/process.js';
import { attached } from './attached.js';

const WRITER = join(import.meta.dirname, 'one-write.mjs');

export type How = 'write' | 'append';
export type Fault = 'EIO' | 'ENOSPC' | 'KILL';

/** A system call of the write: the how manieth of its name. */
export interface Call {
  readonly name: string;
  readonly when: number;
  readonly line: string;
}

/** What the writer said: `written`, an error's code and exit; null where it was killed. */
type Said = string | null;

/** The file calls of one write. */
export async function callsOf(how: How, path: string, text: string): Promise<Call[]> {
  const { trace, said } = await traced(how, path, text, []);
  if (said !== 'written') throw new Error(`without a fault: ${said}`);
  const counts = new Map<string, number>();
  return trace.flatMap((line) => {
    const name = /^([a-z0-9_]+)\(/.exec(line)?.[1] ?? '';
    const when = (counts.get(name) ?? 0) + 1;
    counts.set(name, when);
    return isFile(line) ? [{ name, when, line }] : [];
  });
}

/** null: that call was another than a file's, as where the thread told of its work in fewer calls than it did before. */
export async function writeWith(
  { name, when }: Call,
  fault: Fault,
  how: How,
  path: string,
  text: string,
): Promise<{ said: Said } | null> {
  const what = fault === 'KILL' ? 'signal=KILL' : `error=${fault}`;
  const { trace, said } = await traced(how, path, text, ['-e', `inject=${name}:${what}:when=${when}`]);
  const hit =
    fault === 'KILL'
      ? trace.findLast((line) => line.startsWith(`${name}(`))
      : trace.find((line) => line.includes('(INJECTED)'));
  return hit && isFile(hit) && (fault !== 'KILL' || said === null) ? { said } : null;
}

/** A path or a descriptor of a file, not what threads of one process tell each other. */
const isFile = (line: string): boolean => /["<]\//.test(line) && !line.includes('anon_inode');

async function traced(
  how: How,
  path: string,
  text: string,
  args: readonly string[],
): Promise<{ trace: string[]; said: Said }> {
  const folder = await mkdtemp(join(tmpdir(), 'platformctl-trace-'));
  const writer = spawn(process.execPath, [WRITER, how, path], {
    env: { ...BARE, UV_THREADPOOL_SIZE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(writer, 'exit');
  let said = '';
  writer.stdout.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  while (!said.includes('\n')) {
    if (writer.exitCode !== null) throw new Error(`the writer ended with ${writer.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const [thread = ''] = said.split('\n');
  const strace = await attached(thread, '-y', '-s', '8', '-o', join(folder, 'trace'), ...args);
  writer.stdin.on('error', () => undefined);
  writer.stdin.end(text);
  const [code] = (await ended) as [number | null];
  await strace.ended;
  const trace = (await readFile(join(folder, 'trace'), 'utf8')).split('\n');
  await rm(folder, { recursive: true });
  return { trace, said: code === null ? null : (said.split('\n')[1] ?? '') };
}
