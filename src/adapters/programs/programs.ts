/** The `tryProgram` port: whether a program of this machine works, told by running it. */
import { execa } from 'execa';
import type { TriedProgram } from '../../ports.js';

const DEADLINE_MS = 10_000;
const OUTPUT_MAX = 64 * 1024;

/** @param env what it gets (M-6); nothing else reaches it. */
export async function tryProgram(
  env: Readonly<Record<string, string>>,
  command: string,
  args: readonly string[],
): Promise<TriedProgram | null> {
  const done = await execa(command, args, {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: DEADLINE_MS,
    forceKillAfterDelay: 1000,
    maxBuffer: OUTPUT_MAX,
    all: true,
  });
  if (done.code === 'ENOENT' || done.code === 'EACCES') return null;
  return { works: done.exitCode === 0 && !done.failed, said: String(done.all ?? '').slice(0, 500) };
}
